"""Colours that several models share, as RGB in [0, 1]."""

import colorsys
from collections.abc import Sequence

import numpy as np

BLACK = (0.05, 0.05, 0.06)
WHITE = (0.93, 0.93, 0.9)
GLASS = (0.09, 0.13, 0.2)
TYRE = (0.06, 0.06, 0.06)
CHROME = (0.7, 0.7, 0.72)
DARK_GREY = (0.18, 0.18, 0.2)
HEADLIGHT = (1.0, 0.95, 0.6)
TAILLIGHT = (0.8, 0.08, 0.08)
CREAM = (0.95, 0.92, 0.8)


def hsv(hue: float, saturation: float, value: float) -> np.ndarray:
    """Return RGB [3] for hue (cyclic), saturation and value."""
    return np.array(colorsys.hsv_to_rgb(hue % 1.0, saturation, value))


def paint(rng: np.random.Generator, least_saturation: float = 0.5) -> np.ndarray:
    """Draw a colour of any hue, as of enamel or plastic."""
    return hsv(rng.random(), rng.uniform(least_saturation, 1), rng.uniform(0.45, 1))


def any_colour(rng: np.random.Generator) -> np.ndarray:
    """Draw a paint, or in three cases of ten a grey."""
    return paint(rng) if rng.random() < 0.7 else hsv(0, 0, rng.uniform(0.1, 0.9))


def fur(rng: np.random.Generator) -> np.ndarray:
    """Draw a brown or sandy colour."""
    return hsv(rng.uniform(0.04, 0.11), rng.uniform(0.2, 0.75), rng.uniform(0.2, 0.9))


def wood(rng: np.random.Generator) -> np.ndarray:
    """Draw the colour of a varnished wood."""
    return hsv(rng.uniform(0.04, 0.11), rng.uniform(0.4, 0.8), rng.uniform(0.3, 0.75))


def one_of(rng: np.random.Generator, *colours: Sequence[float] | np.ndarray) -> np.ndarray:
    """Draw one of the colours."""
    return np.asarray(colours[int(rng.integers(len(colours)))], float)
