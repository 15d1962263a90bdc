"""How fast solvers get to metamers: loss and Spearman correlation against evaluations."""

from collections.abc import Mapping

import matplotlib
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from model_metamers.plotting.page import Page
from model_metamers.plotting.style import PALETTE, RC, WIDTH_MM, NetworkStyle, style_of

LEFT_MM, HEADING_MM, PANEL_MM, GAP_MM, NAMES_MM, FOOT_MM = 13.0, 5.0, 15.0, 2.0, 5.0, 14.0
BLOCK_MM = HEADING_MM + NAMES_MM + 2 * PANEL_MM + 3 * GAP_MM
LBFGS = "lbfgs"


@matplotlib.rc_context(RC)
def figure_of_solvers(curves: pd.DataFrame, styles: Mapping[str, NetworkStyle]) -> Figure:
    """Draw two rows of panels for every network, and a column for every layer.

    Args:
        curves: columns network, layer, solver, evaluations, loss (relative to that of the noise)
            and spearman; one row for each logged evaluation.
        styles: name -> style of the networks.

    Returns:
        The figure, 180 mm wide.
    """
    networks = list(curves.network.unique())
    page = Page(len(networks) * BLOCK_MM + FOOT_MM)
    colours = _colours(curves)
    n_columns = curves.groupby("network").layer.nunique().max()
    pitch = (WIDTH_MM - LEFT_MM) / n_columns
    for block, network in enumerate(networks):
        top = block * BLOCK_MM
        y = 1 - (top + HEADING_MM - 1) / page.height_mm
        label = style_of(network, styles).label
        page.figure.text(LEFT_MM / WIDTH_MM, y, label, size=8, weight="bold")
        of_network = curves[curves.network == network]
        for column, (layer, course) in enumerate(of_network.groupby("layer", sort=False)):
            left = LEFT_MM + column * pitch
            for row, quantity in enumerate(("spearman", "loss")):
                panel_top = top + HEADING_MM + NAMES_MM + row * (PANEL_MM + GAP_MM)
                axes = page.axes(left, panel_top, pitch - GAP_MM, PANEL_MM)
                _draw(axes, course, quantity, colours)
                axes.tick_params(labelleft=column == 0, labelbottom=row == 1)
                if column == 0:
                    axes.set_ylabel({"spearman": "Spearman", "loss": "loss"}[quantity])
                if row == 0:
                    axes.set_title(layer, size=6)
    lines = [Line2D([], [], color=colour, label=name) for name, colour in colours.items()]
    page.figure.legend(handles=lines, loc="lower center", ncols=len(lines), frameon=False)
    y = 1 - (len(networks) * BLOCK_MM + 3) / page.height_mm
    note = "Evaluations of loss and gradient; medians over stimuli, loss relative to the noise's."
    page.figure.text(0.5, y, note, ha="center", va="top", size=6.5)
    return page.figure


def _draw(axes: Axes, course: pd.DataFrame, quantity: str, colours: dict[str, str]) -> None:
    for solver, line in course.groupby("solver", sort=False):
        is_ours = solver == LBFGS
        axes.plot(
            line.evaluations,
            1 - line.spearman if quantity == "spearman" else line.loss,
            color=colours[solver],
            linewidth=1.2 if is_ours else 0.7,
            zorder=3 if is_ours else 2,
        )
    axes.set_yscale("log")
    if quantity == "spearman":
        axes.set_ylim(1, 1e-4)
        axes.set_yticks([1, 0.1, 0.01, 1e-3, 1e-4], ["0", ".9", ".99", ".999", ".9999"])
    else:
        axes.set_ylim(1e-6, 1)
    axes.minorticks_off()
    last = course.evaluations.max()
    axes.set_xlim(0, last)
    axes.set_xticks([0, last], ["0", f"{last:g}"])
    first_label, last_label = axes.get_xticklabels()
    first_label.set_horizontalalignment("left")
    last_label.set_horizontalalignment("right")  # or it meets the next plot's first


def _colours(curves: pd.DataFrame) -> dict[str, str]:
    """Return a colour for every solver; ours comes first and is always the same."""
    others = [solver for solver in curves.solver.unique() if solver != LBFGS]
    return dict(zip([LBFGS, *others], PALETTE, strict=False))
