"""Ovens: cooker, range with a backguard, microwave, wall oven. The doors face +z.

Chickens turn on a spit in the light behind the door's window: of the 16 categories' classes of
ImageNet, the only one of ovens is the rotisserie.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from model_metamers.stimuli.made import ray_marching as rm
from model_metamers.stimuli.made.object_models.model import Model, View
from model_metamers.stimuli.made.object_models.palette import BLACK, WHITE, any_colour, paint
from model_metamers.stimuli.made.object_models.settings import KITCHEN
from model_metamers.stimuli.made.shapes import ALONG_Z, Scene

_VIEW = View(
    azimuth_spread_deg=30, elevation_deg=(3, 20), both_sides=False, ground_probability=0.85,
    setting=KITCHEN,
)  # fmt: skip


@dataclass(frozen=True)
class _Parts:
    """Material numbers; `frame` is that of the door, `inside` glows."""

    case: int
    frame: int
    inside: int
    skin: int
    steel: int
    knob: int
    handle: int


def cooker(rng: np.random.Generator) -> Model:
    """Oven below a hob, sometimes with a pan or glowing rings."""
    scene = Scene()
    parts = _materials(scene, rng)
    _range_body(scene, rng, parts)
    hot = scene.material((1.0, 0.4, 0.08)) if rng.random() < 0.4 else parts.knob
    _hob(scene, parts, hot)
    if rng.random() < 0.4:
        pan = scene.material(any_colour(rng), gloss=0.6)
        scene.disc((-0.22, 1.14, 0), 0.16, 0.1, pan)
        scene.cone((-0.06, 1.18, 0), (0.2, 1.2, 0.15), 0.025, None, parts.knob)
    return Model(scene, _VIEW)


def range_stove(rng: np.random.Generator) -> Model:
    """Oven below a hob, with a high panel and a display behind it."""
    scene = Scene()
    parts = _materials(scene, rng)
    _range_body(scene, rng, parts)
    _hob(scene, parts, parts.knob)
    scene.box((0, 1.18, -0.4), (0.48, 0.2, 0.03), parts.case)
    scene.box((0, 1.2, -0.37), (0.38, 0.1, 0.015), parts.frame)
    return Model(scene, _VIEW)


def microwave(rng: np.random.Generator) -> Model:
    """Wide and low with a grill, the panel with display and buttons on the right."""
    scene = Scene()
    parts = _materials(scene, rng)
    scene.box((0, 0.38, 0), (0.7, 0.38, 0.35), parts.case, rounding=0.03)
    _roasting_chamber(scene, rng, parts, (-0.16, 0.39), (0.44, 0.27), 0.35, (1, 2))
    scene.cone((0.34, 0.15, 0.41), (0.34, 0.6, 0.41), 0.022, None, parts.handle)
    display = scene.material((0.1, 0.4, 0.32))
    scene.box((0.53, 0.62, 0.355), (0.1, 0.04, 0.01), display)
    for row in range(3):
        for column in range(3):
            x, y = 0.46 + 0.07 * column, 0.48 - 0.09 * row
            scene.box((x, y, 0.355), (0.025, 0.03, 0.008), parts.frame)
    scene.disc((0.53, 0.15, 0.36), 0.05, 0.02, parts.knob, ALONG_Z)
    return Model(scene, _VIEW)


def wall_oven(rng: np.random.Generator) -> Model:
    """Two doors above each other and a control panel."""
    scene = Scene()
    parts = _materials(scene, rng)
    scene.box((0, 0.7, 0), (0.45, 0.7, 0.35), parts.case)
    for y in (0.33, 0.91):
        _roasting_chamber(scene, rng, parts, (0, y), (0.4, 0.25), 0.35, (1, 3))
        scene.cone((-0.33, y + 0.27, 0.42), (0.33, y + 0.27, 0.42), 0.02, None, parts.handle)
    scene.box((0, 1.3, 0.355), (0.4, 0.05, 0.012), parts.frame)
    for x in (-0.3, 0.3):
        scene.disc((x, 1.3, 0.37), 0.03, 0.02, parts.handle, ALONG_Z)
    return Model(scene, _VIEW)


def _materials(scene: Scene, rng: np.random.Generator) -> _Parts:
    cases: Sequence = (WHITE, (0.7, 0.71, 0.73), (0.16, 0.16, 0.17), paint(rng, 0.4))
    colour = cases[rng.choice(4, p=[0.25, 0.45, 0.2, 0.1])]
    case = scene.material(colour, gloss=0.3)
    frame = scene.material((0.08, 0.08, 0.09), gloss=0.9)
    inside = scene.material((1.0, 0.62, 0.26), (0.75, 0.36, 0.1), rm.BLOTCHES, 5, gloss=0)
    golden = np.array([0.72, 0.36, 0.1]) * rng.uniform(0.85, 1.2)
    skin = scene.material(golden, 0.5 * golden, rm.BLOTCHES, 9, gloss=0.5)
    steel = scene.material((0.75, 0.74, 0.72), gloss=0.8)
    knob = scene.material(BLACK if colour[0] > 0.3 else (0.8, 0.8, 0.8), gloss=0.4)
    handle = scene.material((0.8, 0.8, 0.82), gloss=0.8)
    return _Parts(case, frame, inside, skin, steel, knob, handle)


def _range_body(scene: Scene, rng: np.random.Generator, parts: _Parts) -> None:
    scene.box((0, 0.5, 0), (0.48, 0.5, 0.42), parts.case)
    _roasting_chamber(scene, rng, parts, (0, 0.45), (0.42, 0.34), 0.42, (2, 3))
    scene.cone((-0.36, 0.83, 0.5), (0.36, 0.83, 0.5), 0.022, None, parts.handle)
    for x in (-0.36, -0.22, 0.22, 0.36):
        scene.disc((x, 0.92, 0.43), 0.035, 0.02, parts.knob, ALONG_Z)


def _roasting_chamber(
    scene: Scene,
    rng: np.random.Generator,
    parts: _Parts,
    centre: tuple[float, float],
    half: tuple[float, float],
    front: float,
    grid: tuple[int, int],
) -> None:
    """Add a door with a window, behind it rows of chickens on spits; `half` is the door's."""
    (x, y), (width, height), (n_rows, n_columns) = centre, half, grid
    scene.box((x, y, front), (width, height, 0.02), parts.frame, rounding=0.01)
    width, height = width - 0.05, height - 0.05
    back, middle = front - 0.25, front - 0.1
    scene.box((x, y, middle), (width, height, 0.15), parts.frame, carve=True, rounding=0.01)
    scene.box((x, y, back), (width, height, 0.01), parts.inside)
    for side in (-1, 1):
        scene.box((x + side * width, y, middle), (0.008, height, 0.1), parts.inside)
        scene.box((x, y + side * height, middle), (width, 0.008, 0.1), parts.inside)
    size = min(width / n_columns / 1.1, height / n_rows)
    turn_deg = rng.uniform(0, 360)
    for spit_y in _middles(y, height, n_rows):
        ends = ((x - width, spit_y, middle), (x + width, spit_y, middle))
        scene.cone(*ends, 0.012, None, parts.steel)
        for spit_x in _middles(x, width, n_columns):
            turn = (turn_deg + rng.uniform(-30, 30), 0, 0)
            with scene.placed((spit_x, spit_y, middle), turn):
                _chicken(scene, parts, size)


def _middles(centre: float, half: float, n: int) -> np.ndarray:
    """Return the middles of n equal parts of an interval."""
    return centre + half * ((2 * np.arange(n) + 1) / n - 1)


def _chicken(scene: Scene, parts: _Parts, q: float) -> None:
    """Add a roast along x: breast, back, two drumsticks and two wings."""
    scene.ellipsoid((0, 0, 0), (0.85 * q, 0.6 * q, 0.62 * q), parts.skin)
    for side in (-1, 1):
        hip, foot = (-0.3 * q, 0.3 * q, 0.42 * side * q), (-0.95 * q, 0.35 * q, 0.3 * side * q)
        scene.cone(hip, foot, 0.3 * q, 0.09 * q, parts.skin, 0.05 * q)
        wing = (0.35 * q, 0.15 * q, 0.6 * side * q)
        scene.ellipsoid(wing, (0.32 * q, 0.16 * q, 0.14 * q), parts.skin, (0, 0, -25))


def _hob(scene: Scene, parts: _Parts, ring: int) -> None:
    scene.box((0, 1.005, 0), (0.48, 0.01, 0.42), parts.frame)
    for x in (-0.22, 0.22):
        for z in (-0.2, 0.2):
            scene.torus((x, 1.025, z), 0.13, 0.02, ring)
            scene.torus((x, 1.025, z), 0.06, 0.02, parts.knob)
