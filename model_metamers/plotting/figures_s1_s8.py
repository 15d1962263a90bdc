"""Metamers of every layer (rows), measured at every layer (columns), beside the null.

Source: paper, Figures S1 to S8.
"""

from typing import Any

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from model_metamers.plotting.page import Page
from model_metamers.plotting.style import NOTE_COLOUR, RC, WIDTH_MM, NetworkStyle

LABELS_MM, NAMES_MM, ROW_MM, GAP_MM, FOOT_MM = 28.0, 15.0, 19.0, 2.0, 10.0
NULL_COLOUR, MATCHED_COLOUR = "#BBBBBB", "#FFF3C4"
NULL_WIDTH = 0.34  # of a column


@matplotlib.rc_context(RC)
def layer_grid_figure(table: pd.DataFrame, style: NetworkStyle) -> Figure:
    """Draw one network's grid.

    Args:
        table: rows of one network from layer_grid.csv, in order.
        style: how that network is drawn.

    Returns:
        The figure, 180 mm wide.

    Raises:
        ValueError: not one network, or an incomplete grid.
    """
    if table.network.nunique() != 1:
        raise ValueError(f"a grid is of one network; got {', '.join(table.network.unique())}")
    generated, measured = table.generated_layer.unique(), table.measured_layer.unique()
    if len(table) != len(generated) * len(measured):
        raise ValueError(
            f"expected {len(generated)} x {len(measured)} rows, one per pair of layers; got "
            f"{len(table)}"
        )
    page = Page(NAMES_MM + len(generated) * (ROW_MM + GAP_MM) + FOOT_MM)
    page.figure.text(0.004, 1 - 3.5 / page.height_mm, style.label, size=9, weight="bold")
    place: dict[str, Any] = {"ha": "right", "ma": "right", "va": "bottom", "size": 6.5}
    y = 1 - (NAMES_MM - 1) / page.height_mm
    page.figure.text((LABELS_MM - 7) / WIDTH_MM, y, "metamers\nmade for", **place)
    lowest = np.nanmin(table[["q05", "null_q05"]].to_numpy())
    for row, layer in enumerate(generated):
        top = NAMES_MM + row * (ROW_MM + GAP_MM)
        axes = page.axes(LABELS_MM, top, WIDTH_MM - LABELS_MM - 1, ROW_MM)
        cells = table[table.generated_layer == layer].set_index("measured_layer").loc[measured]
        _draw_row(axes, cells, layer, style.colour)
        axes.set_ylim(min(lowest, 0) - 0.38, 1.08)  # the counts are written below the lowest
        axes.text(-0.052, 0.5, layer, transform=axes.transAxes, ha="right", va="center", size=7)
    top_axes = page.figure.axes[0]
    for column, layer in enumerate(measured):
        top_axes.text(column, 1.18, layer, ha="center", va="bottom", size=6)
    heading = "Spearman correlation with the natural stimulus, measured at:"
    page.figure.text(LABELS_MM / WIDTH_MM, 1 - 8 / page.height_mm, heading, size=7)
    page.note("k/n: k of the n accepted metamers lie above the maximum of the null", 6)
    _legend(page.figure, style.colour, style.label)
    return page.figure


def _draw_row(axes: Axes, cells: pd.DataFrame, generated: str, colour: str) -> None:
    """Draw the metamers of one layer: a null and a metamer interval per measured layer."""
    x = np.arange(len(cells))
    if generated in cells.index:
        matched = cells.index.get_loc(generated)
        axes.axvspan(matched - 0.5, matched + 0.5, color=MATCHED_COLOUR, zorder=0, linewidth=0)
    left, half = x - 0.17, NULL_WIDTH / 2
    height = cells.null_q95 - cells.null_q05
    axes.bar(left, height, NULL_WIDTH, cells.null_q05, color=NULL_COLOUR, zorder=1)
    axes.hlines(cells.null_median, left - half, left + half, color="white", linewidth=0.8)
    axes.vlines(left, cells.null_q95, cells.null_maximum, color=NULL_COLOUR, linewidth=0.8)
    axes.hlines(cells.null_maximum, left - half, left + half, color="black", linewidth=0.9)
    intervals = [cells["median"] - cells.q05, cells.q95 - cells["median"]]
    axes.errorbar(
        x + 0.17, cells["median"], intervals,
        color=colour, linestyle="none", marker="o", markersize=3.2, elinewidth=1.2, zorder=3,
    )  # fmt: skip
    for column, (n_above, n) in enumerate(zip(cells.n_above_null_maximum, cells.n, strict=True)):
        place: dict[str, Any] = {
            "transform": axes.get_xaxis_transform(),
            "ha": "center",
            "va": "bottom",
        }
        weight, tint = ("bold", colour) if 0 < n == n_above else ("normal", NOTE_COLOUR)
        axes.text(column, 0.02, f"{n_above}/{n}", size=5.5, weight=weight, color=tint, **place)
    axes.set(xlim=(-0.5, len(cells) - 0.5), xticks=[], yticks=(0, 0.5, 1))
    axes.axhline(0, color=NOTE_COLOUR, linewidth=0.4, linestyle=":", zorder=0)
    for column in x[1:]:
        axes.axvline(column - 0.5, color="#DDDDDD", linewidth=0.5, zorder=0)


def _legend(figure: Figure, colour: str, network: str) -> None:
    handles = {
        f"metamers of {network}: median, 5 to 95 %": Line2D(
            [], [], color=colour, marker="o", markersize=3.2, linewidth=1.2
        ),
        "null (different natural stimuli): 5 to 95 %, median white": Patch(color=NULL_COLOUR),
        "maximum of the null": Line2D([], [], color="black", linewidth=0.9),
        "the matched layer": Patch(color=MATCHED_COLOUR),
    }
    figure.legend(
        handles.values(), handles.keys(), loc="lower center", ncols=2, frameon=False,
        columnspacing=3, borderaxespad=0.2,
    )  # fmt: skip
