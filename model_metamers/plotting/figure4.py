"""Figure 4: metamers of audio networks, and how well other networks and people recognise them.

Source: paper, Figure 4.
"""

from collections.abc import Mapping, Sequence

import matplotlib
import pandas as pd
from matplotlib.figure import Figure

from model_metamers.plotting.examples import ImageRow, draw_examples, examples_height_mm
from model_metamers.plotting.page import Page
from model_metamers.plotting.recognition_by_generator import (
    BELOW_PANEL_MM,
    PANEL_HEIGHT_MM,
    legend,
    panels_side_by_side,
    people_height_mm,
    recognition_by_others,
    title_panel,
)
from model_metamers.plotting.style import RC, NetworkStyle, style_of

HEADING = "Recognition by other networks"
OF_PEOPLE, OF_PUBLISHED = ", and by people", " (reduced aliasing where not said otherwise)"


@matplotlib.rc_context(RC)
def figure4(
    rows: Sequence[ImageRow],
    recognition: pd.DataFrame,
    panels: Mapping[str, Sequence[str]],
    styles: Mapping[str, NetworkStyle],
    chance: float,
) -> Figure:
    """Draw cochleagrams of metamers above their recognition by other networks and by people.

    Args:
        rows: panel a, one row of cochleagrams per network.
        recognition: a recognition.csv table.
        panels: title -> networks compared, each one of `rows`.
        styles: network -> how it is drawn.
        chance: proportion correct of a guess.

    Returns:
        The figure, 180 mm wide.
    """
    layers = {row.generator: row.layers for row in rows}
    top_mm = examples_height_mm(rows) + 12
    compared = {name for names in panels.values() for name in names}
    below_mm = BELOW_PANEL_MM + people_height_mm(recognition, compared)
    page = Page(top_mm + PANEL_HEIGHT_MM + below_mm)
    # Cochleagrams are low: a row has room for eight letters.
    draw_examples(page, rows, [style_of(row.generator, styles).short_label for row in rows])
    page.heading("b", _heading(recognition), top_mm - 6)
    for axes, (title, networks) in zip(
        panels_side_by_side(page, top_mm + 4, len(panels)), panels.items(), strict=True
    ):
        of_panel = {name: layers[name] for name in networks}
        recognition_by_others(axes, recognition, of_panel, styles, chance)
        title_panel(axes, title)
    legend(page.figure, "Metamers of:")
    return page.figure


def _heading(recognition: pd.DataFrame) -> str:
    """Return what panel b shows; the paper's networks are told apart by their aliasing."""
    people = OF_PEOPLE if recognition.observer.str.startswith("human").any() else ""
    return HEADING + people + (OF_PUBLISHED if (recognition.source == "published").any() else "")
