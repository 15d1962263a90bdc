"""Natural stimuli and their metamers in rows, the first panel of Figures 3 and 4.

Source: paper, Figures 3a and 4a.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from model_metamers.plotting.axes import (
    NATURAL,
    grid_size,
    image_grid,
)
from model_metamers.plotting.page import LEFT_MM, Page
from model_metamers.plotting.style import WIDTH_MM

EXAMPLES_WIDTH_MM = WIDTH_MM - LEFT_MM - 1


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


def examples_height_mm(rows: Sequence[ImageRow]) -> float:
    """Return how high the panel of `draw_examples` is."""
    width, height = grid_size([row.images for row in rows])
    return EXAMPLES_WIDTH_MM * height / width


def draw_examples(page: Page, rows: Sequence[ImageRow], labels: Sequence[str]) -> None:
    """Draw panel a at the top of a page: natural stimuli and metamers of every network.

    Args:
        page: where to draw.
        rows: from top to bottom.
        labels: of the rows.
    """
    height_mm = examples_height_mm(rows)
    page.heading("a", "", 0)
    image_grid(
        page.axes(LEFT_MM, 2, EXAMPLES_WIDTH_MM, height_mm),
        [row.images for row in rows],
        labels,
        [[NATURAL, *row.layers] for row in rows],
        [row.counts() for row in rows],
    )
    if not all(all(row.counts()) for row in rows):
        page.note("dashed frame and cross: not accepted as a metamer", height_mm + 2)
