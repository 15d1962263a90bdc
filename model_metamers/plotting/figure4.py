"""Figure 4: how architecture, training and task of an audio network change who hears its metamers.

Source: paper, Figure 4.
"""

from collections.abc import Mapping, Sequence

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from model_metamers.plotting.axes import NATURAL
from model_metamers.plotting.page import LEFT_MM, Page
from model_metamers.plotting.panels import (
    EXAMPLES_WIDTH_MM,
    ImageRow,
    draw_examples,
    examples_height_mm,
)
from model_metamers.plotting.style import (
    HUMAN_COLOUR,
    NOTE_COLOUR,
    RC,
    full_size_name,
    style_of,
)

# Cochleagrams are low: a row has room for eight letters.
ROW_LABELS = {
    "word_aliased": "words,\naliased",
    "word_reduced_aliasing": "words",
    "random_reduced_aliasing": "random",
    "audioset_reduced_aliasing": "back-\ngrounds",
    "word_audioset_reduced_aliasing": "words +\nbackgr.",
}
PANEL_GAP_MM, PANEL_HEIGHT_MM, BELOW_PANEL_MM = 6.0, 42.0, 36.0


@matplotlib.rc_context(RC)
def figure4(
    rows: Sequence[ImageRow],
    recognition: pd.DataFrame,
    panels: Mapping[str, Sequence[str]],
    chance: float,
) -> Figure:
    """Draw cochleagrams of metamers above their recognition by other networks and by people.

    Args:
        rows: panel a, one row of cochleagrams per network.
        recognition: a recognition.csv table.
        panels: title -> networks compared, each one of `rows`.
        chance: proportion correct of a guess.

    Returns:
        The figure, 180 mm wide.
    """
    layers = {row.generator: row.layers for row in rows}
    top_mm = examples_height_mm(rows) + 12
    page = Page(top_mm + PANEL_HEIGHT_MM + BELOW_PANEL_MM)
    draw_examples(page, rows, [ROW_LABELS[full_size_name(row.generator)] for row in rows])
    page.heading("b", "Recognition by other networks, and by people", top_mm - 6)
    panel_width_mm = (EXAMPLES_WIDTH_MM + PANEL_GAP_MM) / len(panels) - PANEL_GAP_MM
    for place, (title, networks) in enumerate(panels.items()):
        left_mm = LEFT_MM + place * (panel_width_mm + PANEL_GAP_MM)
        axes = page.axes(left_mm, top_mm + 4, panel_width_mm, PANEL_HEIGHT_MM)
        recognition_by_others(axes, recognition, {name: layers[name] for name in networks}, chance)
        axes.set_title(title, pad=4)
        axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.37), frameon=False, fontsize=6)
        if place:
            axes.set(ylabel="", yticklabels=[])
    return page.figure


def recognition_by_others(
    axes: Axes, table: pd.DataFrame, layers: Mapping[str, Sequence[str]], chance: float
) -> None:
    """Plot how well other networks, and people, recognise the metamers of several networks.

    A network's line is the mean of all observers but itself; whiskers are their mean standard
    error over stimuli. Layers at the same depth share a place on the axis.

    Args:
        axes: to draw into.
        table: columns of recognition.csv.
        layers: generating network -> its layers, equally many for all.
        chance: proportion correct of a guess.
    """
    for place, (generator, names) in enumerate(layers.items()):
        style = style_of(generator)
        rows = table[(table.generator == generator) & (table.observer != generator)]
        others = _curve(rows[rows.source == "measured"], names)
        axes.errorbar(
            np.arange(len(others)) + 0.08 * (place - (len(layers) - 1) / 2),
            others["proportion_correct"],
            others["sem"].fillna(0),
            label=style.label,
            color=style.colour,
            marker=style.marker,
            linewidth=1.2,
            elinewidth=0.7,
        )
        _draw_people(axes, table, generator, names, style.marker)
    axes.axhline(chance, color=NOTE_COLOUR, linewidth=0.6, linestyle=":", zorder=0)
    axes.text(-0.4, chance + 0.01, "chance", va="bottom", size=6, color=NOTE_COLOUR)
    axes.set_xticks(
        range(1 + len(names)),
        [NATURAL, *("/".join(dict.fromkeys(at)) for at in zip(*layers.values(), strict=True))],
        rotation=50,
        ha="right",
        rotation_mode="anchor",
    )
    axes.set(xlim=(-0.5, len(names) + 0.5), ylim=(0, 1.03), yticks=np.linspace(0, 1, 6))
    axes.set_ylabel("Words recognised")


def _draw_people(
    axes: Axes, table: pd.DataFrame, generator: str, names: Sequence[str], marker: str
) -> None:
    """Draw the published human scores of the full-size network, where there are any."""
    full_size = full_size_name(generator)
    published = table[(table.source == "published") & (table.generator == full_size)]
    if published.empty:
        return
    curve = _curve(published, names)
    axes.errorbar(
        np.arange(len(curve)),
        curve["proportion_correct"],
        curve["sem"],
        label=f"Humans (published, {style_of(full_size).label})",
        color=HUMAN_COLOUR,
        marker=marker,
        markerfacecolor="none",
        linestyle="--",
        linewidth=0.9,
        elinewidth=0.6,
    )


def _curve(rows: pd.DataFrame, layers: Sequence[str]) -> pd.DataFrame:
    """Return mean score and standard error by layer, natural first, NaN where there is none."""
    means = rows.groupby("layer")[["proportion_correct", "sem"]].mean()
    return means.reindex([NATURAL, *layers])
