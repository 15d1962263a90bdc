"""What a model function returns: a scene, and from where it may be looked at."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from model_metamers.stimuli.made.shapes import Scene


@dataclass(frozen=True)
class Setting:
    """Typical surroundings; where a view names none, they are any pale greys.

    Attributes:
        top: RGB in [0, 1] of the upper edge of the background.
        horizon: RGB of its lower edge, where a ground plane ends.
        ground: RGB of the ground.
        spread: by how much the lightness of each varies between images.
        roughness: contrast of the noise on the background and of the grain of the ground.
    """

    top: tuple[float, float, float]
    horizon: tuple[float, float, float]
    ground: tuple[float, float, float]
    spread: float = 0.1
    roughness: tuple[float, float] = (0.03, 0.06)


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
        setting: typical surroundings, if any.
    """

    azimuth_deg: float = 0.0
    azimuth_spread_deg: float = 180.0
    elevation_deg: tuple[float, float] = (5.0, 35.0)
    roll_deg: float = 4.0
    both_sides: bool = True
    ground_probability: float = 0.75
    ground_height: float | None = None
    setting: Setting | None = None


class Model(NamedTuple):
    """A scene and its view."""

    scene: Scene
    view: View


ModelFunction = Callable[[np.random.Generator], Model]
