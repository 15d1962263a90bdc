"""Figure 3: metamers of every network above the recognition of each network's metamers.

Source: paper, Figure 3.
"""

from collections.abc import Mapping, Sequence

import matplotlib
import pandas as pd
from matplotlib.figure import Figure

from model_metamers.plotting.axes import (
    CHANCE_OF_16,
)
from model_metamers.plotting.examples import ImageRow, draw_examples, examples_height_mm
from model_metamers.plotting.page import Page
from model_metamers.plotting.recognition_by_observer import (
    HEADING_MM,
    LEGEND_MM,
    common_legend,
    draw_recognition,
    plots_height_mm,
)
from model_metamers.plotting.style import RC, NetworkStyle, style_of

LONGEST_LINE = 15  # letters
HEADING = "Recognition of the metamers made from:"


@matplotlib.rc_context(RC)
def figure3(
    image_rows: Sequence[ImageRow],
    recognition: pd.DataFrame | None,
    styles: Mapping[str, NetworkStyle],
    task: str | None = None,
    chance: float | None = CHANCE_OF_16,
) -> Figure:
    """Draw Figure 3: metamers of every network above the recognition of each network's metamers.

    Args:
        image_rows: panel a, from top to bottom; panel b has one plot per generator among them.
        recognition: a recognition.csv table; None for panel a alone.
        styles: network -> how it is drawn.
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
    below_mm = HEADING_MM + plots_height_mm(len(layers)) + LEGEND_MM
    page = Page(panel_b_mm + (0 if recognition is None else below_mm))
    draw_examples(page, image_rows, [_row_label(row, styles) for row in image_rows])
    if recognition is None:
        return page.figure
    page.heading("b", HEADING, panel_b_mm)
    top_mm = panel_b_mm + HEADING_MM
    plots = draw_recognition(page, top_mm, recognition, layers, styles, task, chance)
    common_legend(page, plots)
    return page.figure


def _row_label(row: ImageRow, styles: Mapping[str, NetworkStyle]) -> str:
    """Return a network's label in lines as long as its row of images is high."""
    height, width = row.images[0].shape[:2]
    if height < width:  # cochleagrams
        return style_of(row.generator, styles).short_label
    name, *scale = style_of(row.generator, styles).label.split(" (")
    if len(name) > LONGEST_LINE:
        name = name.replace("-", "-\n", 1)
    return "\n(".join([name, *scale])
