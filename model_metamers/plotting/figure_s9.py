"""Figure S9: who recognises metamers optimised as waveforms and as cochleagrams.

Source: paper, Figure S9.
"""

from collections.abc import Mapping, Sequence

import matplotlib
import pandas as pd
from matplotlib.figure import Figure

from model_metamers.plotting.axes import (
    NATURAL,
)
from model_metamers.plotting.page import Page
from model_metamers.plotting.recognition_by_generator import (
    BELOW_PANEL_MM,
    PANEL_HEIGHT_MM,
    draw_curve,
    finish,
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
    optimised: Mapping[str, str],
    observers: Mapping[str, str],
    layers: Sequence[str],
    chance: float,
) -> Figure:
    """Draw who recognises metamers optimised as waveforms and as cochleagrams.

    Args:
        recognition: a recognition.csv table.
        optimised: what was optimised -> generator in the table.
        observers: panel title -> observer in the table; the observer of cochleagrams has the same
            name with the generator's ending.
        layers: from the input upwards.
        chance: proportion correct of a guess.

    Returns:
        The figure, 180 mm wide.
    """
    page = Page(PANEL_HEIGHT_MM + BELOW_PANEL_MM + 8)
    own = min(optimised.values(), key=len)
    for axes, (title, observer) in zip(
        panels_side_by_side(page, 8, len(observers)), observers.items(), strict=True
    ):
        for place, (what, generator) in enumerate(optimised.items()):
            name = observer + generator.removeprefix(own)
            rows = recognition[
                (recognition.generator == generator) & (recognition.observer == name)
            ]
            draw_curve(
                axes, layer_curve(rows, layers), what, PALETTE[place], MARKERS[place], place - 0.5
            )
        finish(axes, [NATURAL, *layers], chance)
        title_panel(axes, title)
    legend(page.figure, "Optimised:")
    return page.figure
