"""How time and memory grow with the size of the work."""

import matplotlib
import pandas as pd
from matplotlib.figure import Figure

from model_metamers.plotting.page import Page
from model_metamers.plotting.style import PALETTE, RC, WIDTH_MM

LEFT_MM, TOP_MM, PANEL_MM, GAP_MM, FOOT_MM = 16.0, 3.0, 28.0, 4.0, 14.0
AXES = {
    "stimuli": "stimuli, in batches of 4",
    "batch": "stimuli, in one batch",
    "clip": "seconds of sound (cochleagram)",
    "features": "pixels along an image's side",
}
QUANTITIES = {"seconds": "seconds", "peak_mib": "peak memory (MiB)"}


@matplotlib.rc_context(RC)
def figure_of_scaling(table: pd.DataFrame) -> Figure:
    """Draw seconds and peak memory against what was varied, on logarithmic axes.

    Args:
        table: columns varied ("stimuli", "batch", "clip" or "features"), value, solver, seconds
            and peak_mib.

    Returns:
        The figure, 180 mm wide.
    """
    page = Page(TOP_MM + len(QUANTITIES) * (PANEL_MM + GAP_MM) + FOOT_MM)
    pitch = (WIDTH_MM - LEFT_MM) / len(AXES)
    for column, (varied, label) in enumerate(AXES.items()):
        series = table[table.varied == varied]
        for row, (quantity, name) in enumerate(QUANTITIES.items()):
            top = TOP_MM + row * (PANEL_MM + GAP_MM)
            axes = page.axes(LEFT_MM + column * pitch, top, pitch - 2 * GAP_MM, PANEL_MM)
            for colour, (solver, line) in zip(PALETTE, series.groupby("solver"), strict=False):
                axes.plot(line.value, line[quantity], "o-", color=colour, label=solver)
            axes.set_xscale("log", base=2)
            axes.set_yscale("log", base=2)
            axes.set_ylim(*_limits(table[quantity]))
            values = sorted(series.value.unique())
            axes.set_xticks(values, [f"{value:g}" for value in values])
            ticks = axes.get_yticks()
            axes.set_yticks(ticks, [f"{tick:g}" for tick in ticks])
            axes.set_ylim(*_limits(table[quantity]))
            axes.minorticks_off()
            axes.tick_params(labelbottom=row == len(QUANTITIES) - 1, labelleft=column == 0)
            if column == 0:
                axes.set_ylabel(name)
        axes.set_xlabel(label)
    handles, labels = axes.get_legend_handles_labels()
    page.figure.legend(handles, labels, loc="lower center", ncols=len(labels), frameon=False)
    return page.figure


def _limits(values: pd.Series) -> tuple[float, float]:
    return values.min() / 1.5, values.max() * 1.5
