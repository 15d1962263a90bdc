"""Recognition by others, one plot for several generating networks and a line for each.

Source: paper, Figures 4b, 6 and S9.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from model_metamers.plotting.axes import NATURAL, draw_people, finish
from model_metamers.plotting.examples import EXAMPLES_WIDTH_MM
from model_metamers.plotting.page import LEFT_MM, Page
from model_metamers.plotting.style import (
    HUMAN_COLOUR,
    PEOPLE,
    WIDTH_MM,
    NetworkStyle,
    style_of,
)

HUMANS = "Humans (published):"
WORDS_RECOGNISED = "Words recognised"
LEGEND_COLUMNS, LEGEND_ROW_MM = 3, 4.0
PANEL_GAP_MM, PANEL_HEIGHT_MM, BELOW_PANEL_MM = 6.0, 42.0, 35.0


def panels_side_by_side(page: Page, top_mm: float, n_panels: int) -> list[Axes]:
    """Return axes side by side; only the first has numbers on its vertical axis."""
    width_mm = (EXAMPLES_WIDTH_MM + PANEL_GAP_MM) / n_panels - PANEL_GAP_MM
    pitch_mm = width_mm + PANEL_GAP_MM
    return [
        page.axes(LEFT_MM + place * pitch_mm, top_mm, width_mm, PANEL_HEIGHT_MM)
        for place in range(n_panels)
    ]


def people_height_mm(table: pd.DataFrame, networks: Collection[str]) -> float:
    """Return how much higher the legend is for people of the user's own."""
    rows = table[table.observer.isin(list(PEOPLE)) & table.generator.isin(list(networks))]
    n_entries = len(rows[["observer", "generator"]].drop_duplicates())
    return LEGEND_ROW_MM * -(-n_entries // LEGEND_COLUMNS)


def title_panel(axes: Axes, title: str) -> None:
    """Write a panel's title; only the first panel of a row keeps its vertical scale."""
    axes.set_title(title, pad=4)
    if axes.get_position().x0 > 2 * LEFT_MM / WIDTH_MM:
        axes.set(ylabel="", yticklabels=[])


def legend(figure: Figure, title: str) -> None:
    """Write one legend of all panels at the foot of the page, people last."""
    entries: dict[str, Any] = {}
    for axes in figure.axes:
        handles, labels = axes.get_legend_handles_labels()
        entries |= dict(zip(labels, handles, strict=True))
    labels = sorted(entries, key=lambda label: label[: label.find(":") + 1])
    figure.legend(
        [entries[label] for label in labels],
        labels,
        title=title,
        loc="lower center",
        ncols=LEGEND_COLUMNS,
        frameon=False,
        handlelength=2.6,
        columnspacing=1.2,
        borderaxespad=0.2,
        title_fontsize=6.5,
    )


def recognition_by_others(
    axes: Axes,
    table: pd.DataFrame,
    layers: Mapping[str, Sequence[str]],
    styles: Mapping[str, NetworkStyle],
    chance: float,
) -> None:
    """Plot how well other networks, and people, recognise the metamers of several networks.

    A network's line is the mean of all observers but itself; whiskers are their mean standard
    error over stimuli. Layers at the same depth share a place on the axis.

    Args:
        axes: to draw into.
        table: columns of recognition.csv.
        layers: generating network -> its layers, equally many for all.
        styles: network -> how it is drawn.
        chance: proportion correct of a guess.
    """
    for place, (generator, names) in enumerate(layers.items()):
        style = style_of(generator, styles)
        rows = table[(table.generator == generator) & (table.observer != generator)]
        is_network = (rows.source == "measured") & ~rows.observer.isin(list(PEOPLE))
        others = layer_curve(rows[is_network], names)
        shift = place - (len(layers) - 1) / 2
        draw_curve(axes, others, style.label, style.colour, style.marker, shift)
        _draw_published(axes, table, names, style)
        for observer in PEOPLE:
            people = layer_curve(rows[rows.observer == observer], names)
            if people["proportion_correct"].notna().any():
                label = f"{PEOPLE[observer]}: {style.plain_label}"
                draw_people(axes, people, label, style.marker, 0.08 * shift)
    depths = ["/".join(dict.fromkeys(at)) for at in zip(*layers.values(), strict=True)]
    finish(axes, [NATURAL, *depths], chance, WORDS_RECOGNISED)


def draw_curve(
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


def _draw_published(
    axes: Axes, table: pd.DataFrame, names: Sequence[str], style: NetworkStyle
) -> None:
    """Draw the published human scores of the full-size network, where there are any."""
    published = table[(table.source == "published") & (table.generator == style.base)]
    if published.empty:
        return
    curve = layer_curve(published, names)
    axes.errorbar(
        np.arange(len(curve)),
        curve["proportion_correct"],
        curve["sem"],
        label=f"{HUMANS} {style.plain_label}",
        color=HUMAN_COLOUR,
        marker=style.marker,
        markerfacecolor="none",
        linestyle="--",
        linewidth=0.9,
        elinewidth=0.6,
    )


def layer_curve(rows: pd.DataFrame, layers: Sequence[str]) -> pd.DataFrame:
    """Return mean score and standard error by layer, natural first, NaN where there is none."""
    means = rows.groupby("layer")[["proportion_correct", "sem"]].mean()
    return means.reindex([NATURAL, *layers])
