"""Whole figures: panels laid out on a page, one call per figure of the paper.

Source: paper, Figures 3 and 5.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from model_metamers.plotting.axes import (
    CHANCE_OF_16,
    GENERATOR_LINE_WIDTH,
    HUMAN_LABEL,
    NATURAL,
    grid_size,
    image_grid,
    recognition_by_layer,
)
from model_metamers.plotting.page import LEFT_MM, Page
from model_metamers.plotting.style import RC, WIDTH_MM, style_of

__all__ = [
    "ImageRow",
    "figure3",
    "image_grid",
    "recognition_by_layer",
    "recognition_figure",
    "transfer_figure",
]

PLOTS_PER_ROW, PLOT_HEIGHT_MM, PLOT_PITCH_MM = 3, 42.0, 69.0
HEADING_MM, LEGEND_MM = 4.0, 13.0
EXAMPLES_WIDTH_MM = WIDTH_MM - LEFT_MM - 1

HEADING = "Recognition of the metamers made from:"


@dataclass(frozen=True)
class ImageRow:
    """A natural image and its metamers for the layers of one network.

    Attributes:
        generator: the network.
        images: uint8 [height, width, 3] or [height, width]; the natural image first.
        layers: one name per metamer.
        accepted: one bool per metamer; None if all are.
    """

    generator: str
    images: Sequence[np.ndarray]
    layers: Sequence[str]
    accepted: Sequence[bool] | None = None

    def counts(self) -> list[bool]:
        """Return whether each image counts; the natural one does."""
        return [True, *([True] * len(self.layers) if self.accepted is None else self.accepted)]


@matplotlib.rc_context(RC)
def figure3(
    image_rows: Sequence[ImageRow],
    recognition: pd.DataFrame,
    task: str | None = None,
    chance: float | None = CHANCE_OF_16,
) -> Figure:
    """Draw Figure 3: metamers of every network above the recognition of each network's metamers.

    Args:
        image_rows: panel a, from top to bottom; panel b has one plot per generator among them.
        recognition: a recognition.csv table.
        task: see `recognition_by_layer`.
        chance: proportion correct of a guess.

    Returns:
        The figure, 180 mm wide.

    Raises:
        ValueError: no image rows, or see `image_grid` and `recognition_by_layer`.
    """
    if not image_rows:
        raise ValueError("figure3 needs at least one row of images")
    panel_b_mm = examples_height_mm(image_rows) + 9
    layers = {row.generator: row.layers for row in image_rows}
    page = Page(panel_b_mm + HEADING_MM + _plots_height_mm(len(layers)) + LEGEND_MM)
    draw_examples(page, image_rows)
    page.heading("b", HEADING, panel_b_mm)
    top_mm = panel_b_mm + HEADING_MM
    _common_legend(page, _draw_recognition(page, top_mm, recognition, layers, task, chance))
    return page.figure


def examples_height_mm(rows: Sequence[ImageRow]) -> float:
    """Return how high the panel of `draw_examples` is."""
    width, height = grid_size([row.images for row in rows])
    return EXAMPLES_WIDTH_MM * height / width


def draw_examples(
    page: Page, rows: Sequence[ImageRow], labels: Sequence[str] | None = None
) -> None:
    """Draw panel a at the top of a page: natural stimuli and metamers of every network.

    Args:
        page: where to draw.
        rows: from top to bottom.
        labels: of the rows; by default the networks'.
    """
    height_mm = examples_height_mm(rows)
    page.heading("a", "", 0)
    image_grid(
        page.axes(LEFT_MM, 2, EXAMPLES_WIDTH_MM, height_mm),
        [row.images for row in rows],
        [style_of(row.generator).label.replace(" (", "\n(") for row in rows]
        if labels is None
        else labels,
        [[NATURAL, *row.layers] for row in rows],
        [row.counts() for row in rows],
    )
    if not all(all(row.counts()) for row in rows):
        page.note("dashed frame and cross: not accepted as a metamer", height_mm + 2)


@matplotlib.rc_context(RC)
def recognition_figure(
    recognition: pd.DataFrame,
    layers: Mapping[str, Sequence[str]],
    task: str | None = None,
    chance: float | None = CHANCE_OF_16,
) -> Figure:
    """Draw recognition by layer alone (panel b of Figure 3): one plot per generator.

    Args:
        recognition: a recognition.csv table.
        layers: generator -> its layers, in order.
        task: see `recognition_by_layer`.
        chance: proportion correct of a guess.

    Returns:
        The figure, 180 mm wide.

    Raises:
        ValueError: no generator, or see `recognition_by_layer`.
    """
    if not layers:
        raise ValueError("recognition_figure needs the layers of at least one generator")
    page = Page(HEADING_MM + _plots_height_mm(len(layers)) + LEGEND_MM)
    page.heading("", HEADING, 0)
    _common_legend(page, _draw_recognition(page, HEADING_MM, recognition, layers, task, chance))
    return page.figure


@matplotlib.rc_context(RC)
def transfer_figure(
    recognition: pd.DataFrame,
    layers: Mapping[str, Sequence[str]],
    tasks: Mapping[str, tuple[str, float]],
) -> Figure:
    """Draw Figure 5: who recognises the metamers of each generator, one panel per task.

    Args:
        recognition: a recognition.csv table.
        layers: generator -> its layers, in order.
        tasks: task of the table -> how it is called, and the proportion correct of a guess.

    Returns:
        The figure, 180 mm wide.

    Raises:
        ValueError: no generator or task, or see `recognition_by_layer`.
    """
    if not layers or not tasks:
        raise ValueError("transfer_figure needs the layers of a generator, and a task")
    panel_mm = HEADING_MM + _plots_height_mm(len(layers))
    page = Page(panel_mm * len(tasks) + LEGEND_MM)
    plots = []
    for row, (task, (label, chance)) in enumerate(tasks.items()):
        page.heading(
            "abcdef"[row], f"{label} recognition of the metamers made from:", row * panel_mm
        )
        top_mm = row * panel_mm + HEADING_MM
        plots += _draw_recognition(page, top_mm, recognition, layers, task, chance)
    _common_legend(page, plots)
    return page.figure


def _plots_height_mm(n_plots: int) -> float:
    return -(-n_plots // PLOTS_PER_ROW) * PLOT_PITCH_MM


def _draw_recognition(
    page: Page,
    top_mm: float,
    table: pd.DataFrame,
    layers: Mapping[str, Sequence[str]],
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
        recognition_by_layer(axes, table, generator, names, task, chance)
        if column:
            axes.set_ylabel("")
            axes.set_yticklabels([])
        plots.append(axes)
    return plots


def _common_legend(page: Page, plots: Sequence[Axes]) -> None:
    """Write one legend of all plots at the foot of the page."""
    entries = {}
    for axes in plots:
        for bars, label in zip(*axes.get_legend_handles_labels(), strict=True):
            line = bars[0]
            # A network's line is thick where the metamers are its own; prefer a thin one here.
            if label not in entries or line.get_linewidth() < entries[label].get_linewidth():
                entries[label] = line
    labels = sorted(entries, key=lambda label: (label == HUMAN_LABEL, "seed" in label, label))
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
