"""Figure 5: who recognises the metamers of each image network, one panel per task.

Source: paper, Figure 5.
"""

from collections.abc import Mapping, Sequence

import matplotlib
import pandas as pd
from matplotlib.figure import Figure

from model_metamers.plotting.page import Page
from model_metamers.plotting.recognition_by_observer import (
    HEADING_MM,
    LEGEND_MM,
    common_legend,
    draw_recognition,
    plots_height_mm,
)
from model_metamers.plotting.style import RC, NetworkStyle


@matplotlib.rc_context(RC)
def figure5(
    recognition: pd.DataFrame,
    layers: Mapping[str, Sequence[str]],
    tasks: Mapping[str, tuple[str, float]],
    styles: Mapping[str, NetworkStyle],
) -> Figure:
    """Draw Figure 5: who recognises the metamers of each generator, one panel per task.

    Args:
        recognition: a recognition.csv table.
        layers: generator -> its layers, in order.
        tasks: task of the table -> how it is called, and the proportion correct of a guess.
        styles: network -> how it is drawn.

    Returns:
        The figure, 180 mm wide.

    Raises:
        ValueError: no generator or task, or see `recognition_by_layer`.
    """
    if not layers or not tasks:
        raise ValueError("figure5 needs the layers of a generator, and a task")
    panel_mm = HEADING_MM + plots_height_mm(len(layers))
    page = Page(panel_mm * len(tasks) + LEGEND_MM)
    plots = []
    for row, (task, (label, chance)) in enumerate(tasks.items()):
        page.heading(
            "abcdef"[row], f"{label} recognition of the metamers made from:", row * panel_mm
        )
        top_mm = row * panel_mm + HEADING_MM
        plots += draw_recognition(page, top_mm, recognition, layers, styles, task, chance)
    common_legend(page, plots)
    return page.figure
