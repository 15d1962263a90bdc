"""Figure 6: how well the word network recognises the metamers of other audio networks.

Source: paper, Figure 6.
"""

from collections.abc import Mapping, Sequence

import matplotlib
import pandas as pd
from matplotlib.figure import Figure

from model_metamers.plotting.page import Page
from model_metamers.plotting.recognition_by_generator import (
    BELOW_PANEL_MM,
    PANEL_HEIGHT_MM,
    legend,
    panels_side_by_side,
    recognition_by_others,
    title_panel,
)
from model_metamers.plotting.style import RC, NetworkStyle, style_of


@matplotlib.rc_context(RC)
def figure6(
    recognition: pd.DataFrame,
    observer: str,
    layers: Mapping[str, Sequence[str]],
    styles: Mapping[str, NetworkStyle],
    chance: float,
) -> Figure:
    """Draw how well one network recognises the metamers of others.

    Args:
        recognition: a recognition.csv table.
        observer: the network that answers.
        layers: generating network -> its layers.
        styles: network -> how it is drawn.
        chance: proportion correct of a guess.

    Returns:
        The figure, 180 mm wide.
    """
    page = Page(PANEL_HEIGHT_MM + BELOW_PANEL_MM + 8)
    rows = recognition[recognition.observer == observer]
    by_depth: dict[int, dict[str, Sequence[str]]] = {}  # those of one depth share an axis
    for name, names in layers.items():
        by_depth.setdefault(len(names), {})[name] = names
    panels = panels_side_by_side(page, 8, len(by_depth))
    for axes, comparable in zip(panels, by_depth.values(), strict=True):
        recognition_by_others(axes, rows, comparable, styles, chance)
        title_panel(axes, f"Recognition by: {style_of(observer, styles).label}")
    legend(page.figure, "Metamers of:")
    return page.figure
