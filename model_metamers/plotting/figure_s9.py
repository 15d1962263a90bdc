"""Figure S9: who recognises metamers optimised as waveforms and as cochleagrams.

Source: paper, Figure S9.
"""

from collections.abc import Mapping, Sequence

import matplotlib
import pandas as pd
from matplotlib.figure import Figure

from model_metamers.plotting.axes import NATURAL, finish
from model_metamers.plotting.page import Page
from model_metamers.plotting.recognition_by_generator import (
    BELOW_PANEL_MM,
    PANEL_HEIGHT_MM,
    WORDS_RECOGNISED,
    draw_curve,
    layer_curve,
    legend,
    panels_side_by_side,
    title_panel,
)
from model_metamers.plotting.style import (
    MARKERS,
    PALETTE,
    RC,
)


@matplotlib.rc_context(RC)
def figure_s9(
    recognition: pd.DataFrame,
    panels: Mapping[str, Mapping[str, tuple[str, str]]],
    layers: Sequence[str],
    chance: float,
) -> Figure:
    """Draw who recognises metamers optimised as waveforms and as cochleagrams.

    Args:
        recognition: a recognition.csv table.
        panels: title -> what was optimised -> generator and observer in the table.
        layers: from the input upwards.
        chance: proportion correct of a guess.

    Returns:
        The figure, 180 mm wide.
    """
    page = Page(PANEL_HEIGHT_MM + BELOW_PANEL_MM + 8)
    for axes, (title, curves) in zip(
        panels_side_by_side(page, 8, len(panels)), panels.items(), strict=True
    ):
        for place, (what, (generator, observer)) in enumerate(curves.items()):
            rows = recognition[
                (recognition.generator == generator) & (recognition.observer == observer)
            ]
            draw_curve(
                axes, layer_curve(rows, layers), what, PALETTE[place], MARKERS[place], place - 0.5
            )
        finish(axes, [NATURAL, *layers], chance, WORDS_RECOGNISED)
        title_panel(axes, title)
    legend(page.figure, "Optimised:")
    return page.figure
