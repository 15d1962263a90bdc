"""What a model function returns: a scene, and from where it may be looked at."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from model_metamers.stimuli.made.shapes import Scene


@dataclass(frozen=True)
class View:
    """Ranges from which the camera and the ground are drawn.

    Attributes:
        azimuth_deg: middle of the azimuth range; 0 looks at the object's right side (it faces
            to the right of the image), 90 at its front.
        azimuth_spread_deg: largest departure from the middle.
        elevation_deg: lowest and highest elevation of the camera.
        roll_deg: largest rotation of the camera about its axis.
        both_sides: whether the camera may as well stand on the other side.
        ground_probability: how often the object stands on a ground plane.
        ground_height: height of the ground in the model's units; its lowest point if None.
    """

    azimuth_deg: float = 0.0
    azimuth_spread_deg: float = 180.0
    elevation_deg: tuple[float, float] = (5.0, 35.0)
    roll_deg: float = 4.0
    both_sides: bool = True
    ground_probability: float = 0.75
    ground_height: float | None = None


class Model(NamedTuple):
    """A scene and its view."""

    scene: Scene
    view: View


ModelFunction = Callable[[np.random.Generator], Model]
