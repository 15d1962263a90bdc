"""Recognition by layer, a plot for each generating network and a line for each observer.

Source: paper, Figures 3b, 3d and 5.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from model_metamers.plotting.axes import (
    GENERATOR_LINE_WIDTH,
    HUMAN_LABEL,
    recognition_by_layer,
)
from model_metamers.plotting.page import LEFT_MM, Page
from model_metamers.plotting.style import PEOPLE, WIDTH_MM, NetworkStyle

PLOTS_PER_ROW, PLOT_HEIGHT_MM, PLOT_PITCH_MM = 3, 42.0, 69.0
HEADING_MM, LEGEND_MM = 4.0, 13.0


def plots_height_mm(n_plots: int) -> float:
    """Return how high the plots of `draw_recognition` are together."""
    return -(-n_plots // PLOTS_PER_ROW) * PLOT_PITCH_MM


def draw_recognition(
    page: Page,
    top_mm: float,
    table: pd.DataFrame,
    layers: Mapping[str, Sequence[str]],
    styles: Mapping[str, NetworkStyle],
    task: str | None,
    chance: float | None,
) -> list[Axes]:
    """Draw one plot per generator, in rows, and return the plots."""
    per_row = min(len(layers), PLOTS_PER_ROW)
    pitch_mm = (WIDTH_MM - LEFT_MM + 3) / per_row
    plots = []
    for i, (generator, names) in enumerate(layers.items()):
        row, column = divmod(i, per_row)
        left, top = LEFT_MM + pitch_mm * column, top_mm + 8 + PLOT_PITCH_MM * row
        axes = page.axes(left, top, pitch_mm - 5, PLOT_HEIGHT_MM)
        recognition_by_layer(axes, table, generator, names, styles, task, chance)
        if column:
            axes.set_ylabel("")
            axes.set_yticklabels([])
        plots.append(axes)
    return plots


def common_legend(page: Page, plots: Sequence[Axes]) -> None:
    """Write one legend of all plots at the foot of the page."""
    entries: dict[str, Any] = {}
    for axes in plots:
        handles: Any
        handles, names = axes.get_legend_handles_labels()
        for bars, label in zip(handles, names, strict=True):
            line = bars[0]
            # A network's line is thick where the metamers are its own; prefer a thin one here.
            if label not in entries or line.get_linewidth() < entries[label].get_linewidth():
                entries[label] = line
    people = [HUMAN_LABEL, *PEOPLE.values()]
    # Second seeds, which are dashed, come after the first ones, and people last.
    labels = sorted(
        entries,
        key=lambda label: (
            people.index(label) + 1 if label in people else 0,
            entries[label].get_linestyle() != "-",
            label,
        ),
    )
    own = Line2D([], [], color="black", linewidth=GENERATOR_LINE_WIDTH)
    page.figure.legend(
        [*(entries[label] for label in labels), own],
        [*labels, "thick line: the generating network itself"],
        loc="lower center",
        ncols=3,
        frameon=False,
        handlelength=2.6,
        columnspacing=1.2,
        borderaxespad=0.2,
    )
