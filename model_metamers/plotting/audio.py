"""Figures 4, 6 and S9: whose metamers of sounds other networks, and people, recognise.

Source: paper, Figures 4, 6 and S9.
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
    MARKERS,
    NETWORKS,
    NOTE_COLOUR,
    PALETTE,
    RC,
    WIDTH_MM,
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
HUMANS = "Humans (published):"
PANEL_GAP_MM, PANEL_HEIGHT_MM, BELOW_PANEL_MM = 6.0, 42.0, 35.0


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
    page.heading(
        "b",
        "Recognition by other networks, and by people (reduced aliasing where not said otherwise)",
        top_mm - 6,
    )
    for axes, (title, networks) in zip(
        _panels(page, top_mm + 4, len(panels)), panels.items(), strict=True
    ):
        recognition_by_others(axes, recognition, {name: layers[name] for name in networks}, chance)
        _title(axes, title)
    _legend(page.figure, "Metamers of:")
    return page.figure


@matplotlib.rc_context(RC)
def figure6(
    recognition: pd.DataFrame, observer: str, layers: Mapping[str, Sequence[str]], chance: float
) -> Figure:
    """Draw how well one network recognises the metamers of others.

    Args:
        recognition: a recognition.csv table.
        observer: the network that answers.
        layers: generating network -> its layers.
        chance: proportion correct of a guess.

    Returns:
        The figure, 180 mm wide.
    """
    page = Page(PANEL_HEIGHT_MM + BELOW_PANEL_MM + 8)
    (axes,) = _panels(page, 8, 1)
    rows = recognition[recognition.observer == observer]
    recognition_by_others(axes, rows, layers, chance)
    _title(axes, f"Recognition by: {style_of(observer).label}")
    _legend(page.figure, "Metamers of:")
    return page.figure


@matplotlib.rc_context(RC)
def figure_s9(
    recognition: pd.DataFrame,
    optimised: Mapping[str, str],
    observers: Mapping[str, str],
    layers: Sequence[str],
    chance: float,
) -> Figure:
    """Draw who recognises metamers optimised as waveforms and as cochleagrams.

    Args:
        recognition: a recognition.csv table.
        optimised: what was optimised -> generator in the table.
        observers: panel title -> observer in the table; the observer of cochleagrams has the same
            name with the generator's ending.
        layers: from the input upwards.
        chance: proportion correct of a guess.

    Returns:
        The figure, 180 mm wide.
    """
    page = Page(PANEL_HEIGHT_MM + BELOW_PANEL_MM + 8)
    own = min(optimised.values(), key=len)
    for axes, (title, observer) in zip(
        _panels(page, 8, len(observers)), observers.items(), strict=True
    ):
        for place, (what, generator) in enumerate(optimised.items()):
            name = observer + generator.removeprefix(own)
            rows = recognition[
                (recognition.generator == generator) & (recognition.observer == name)
            ]
            _draw_curve(
                axes, _curve(rows, layers), what, PALETTE[place], MARKERS[place], place - 0.5
            )
        _finish(axes, [NATURAL, *layers], chance)
        _title(axes, title)
    _legend(page.figure, "Optimised:")
    return page.figure


def _panels(page: Page, top_mm: float, n_panels: int) -> list[Axes]:
    """Return axes side by side; only the first has numbers on its vertical axis."""
    width_mm = (EXAMPLES_WIDTH_MM + PANEL_GAP_MM) / n_panels - PANEL_GAP_MM
    pitch_mm = width_mm + PANEL_GAP_MM
    return [
        page.axes(LEFT_MM + place * pitch_mm, top_mm, width_mm, PANEL_HEIGHT_MM)
        for place in range(n_panels)
    ]


def _title(axes: Axes, title: str) -> None:
    axes.set_title(title, pad=4)
    if axes.get_position().x0 > 2 * LEFT_MM / WIDTH_MM:
        axes.set(ylabel="", yticklabels=[])


def _legend(figure: Figure, title: str) -> None:
    """Write one legend of all panels at the foot of the page, people last."""
    entries = {}
    for axes in figure.axes:
        handles, labels = axes.get_legend_handles_labels()
        entries |= dict(zip(labels, handles, strict=True))
    labels = sorted(entries, key=lambda label: label.startswith(HUMANS))
    figure.legend(
        [entries[label] for label in labels],
        labels,
        title=title,
        loc="lower center",
        ncols=3,
        frameon=False,
        handlelength=2.6,
        columnspacing=1.2,
        borderaxespad=0.2,
        title_fontsize=6.5,
    )


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
        shift = place - (len(layers) - 1) / 2
        _draw_curve(axes, others, style.label, style.colour, style.marker, shift)
        _draw_people(axes, table, generator, names, style.marker)
    depths = ["/".join(dict.fromkeys(at)) for at in zip(*layers.values(), strict=True)]
    _finish(axes, [NATURAL, *depths], chance)


def _draw_curve(
    axes: Axes, curve: pd.DataFrame, label: str, colour: str, marker: str, shift: float
) -> None:
    """Draw one line; a shift of 1 is a little to the right, so that no whisker hides another."""
    axes.errorbar(
        np.arange(len(curve)) + 0.08 * shift,
        curve["proportion_correct"],
        curve["sem"].fillna(0),
        label=label,
        color=colour,
        marker=marker,
        linewidth=1.2,
        elinewidth=0.7,
    )


def _finish(axes: Axes, ticks: Sequence[str], chance: float) -> None:
    """Write what all panels have: chance, layers, scale."""
    axes.axhline(chance, color=NOTE_COLOUR, linewidth=0.6, linestyle=":", zorder=0)
    axes.text(-0.4, chance + 0.01, "chance", va="bottom", size=6, color=NOTE_COLOUR)
    names = {"rotation": 50, "ha": "right", "rotation_mode": "anchor"}
    axes.set_xticks(range(len(ticks)), ticks, **names)
    axes.set(xlim=(-0.5, len(ticks) - 0.5), ylim=(0, 1.03), yticks=np.linspace(0, 1, 6))
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
        label=f"{HUMANS} {NETWORKS[full_size][0]}",
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
