"""Elephants: African, Asian, mammoth, calf."""

import numpy as np

from model_metamers.stimuli.made import ray_marching as rm
from model_metamers.stimuli.made.object_models.model import Model, View
from model_metamers.stimuli.made.object_models.palette import BLACK, hsv
from model_metamers.stimuli.made.object_models.quadruped import (
    Build,
    add_pair,
    add_standing_body,
)
from model_metamers.stimuli.made.object_models.settings import SAVANNA
from model_metamers.stimuli.made.shapes import Scene

_VIEW = View(32, 35, (2, 18), setting=SAVANNA)
_ROUGHNESS = 0.25


def african(rng: np.random.Generator) -> Model:
    """Very large ears and tusks."""
    scene = Scene()
    skin, ivory = _grey_skin(scene, rng), _ivory(scene)
    _body(scene, rng, skin, 1.0)
    _head(scene, rng, skin, 0.66, 1.07, 1.0, ear=0.42)
    _trunk(scene, skin, 0.66, 1.07, raised=rng.random() < 0.25)
    _tusks(scene, ivory, 0.66, 1.07, 1.0)
    return Model(scene, _VIEW)


def asian(rng: np.random.Generator) -> Model:
    """Smaller ears, a domed forehead."""
    scene = Scene()
    skin, ivory = _grey_skin(scene, rng), _ivory(scene)
    _body(scene, rng, skin, 1.0)
    _head(scene, rng, skin, 0.66, 1.07, 1.0, ear=0.28)
    scene.ellipsoid((0.63, 1.31, 0), (0.18, 0.14, 0.2), skin, blend=0.08)
    _trunk(scene, skin, 0.66, 1.07, raised=rng.random() < 0.25)
    _tusks(scene, ivory, 0.66, 1.07, 1.0)
    return Model(scene, _VIEW)


def mammoth(rng: np.random.Generator) -> Model:
    """Brown grained fur, a high dome, small ears and long curved tusks."""
    scene = Scene()
    brown = hsv(0.06, 0.55, rng.uniform(0.25, 0.42))
    skin, ivory = scene.material(brown, 0.7 * brown, rm.GRAIN, 8, 0.03, 0.5), _ivory(scene)
    _body(scene, rng, skin, 1.0)
    _head(scene, rng, skin, 0.66, 1.07, 1.0, ear=0.2)
    scene.ellipsoid((0.61, 1.34, 0), (0.18, 0.17, 0.2), skin, blend=0.08)
    scene.ellipsoid((0.15, 1.12, 0), (0.3, 0.2, 0.25), skin, blend=0.12)
    _trunk(scene, skin, 0.66, 1.07, raised=rng.random() < 0.25)
    _tusks(scene, ivory, 0.66, 1.07, 1.6)
    return Model(scene, _VIEW)


def calf(rng: np.random.Generator) -> Model:
    """Small and round, no tusks, the trunk raised."""
    scene = Scene()
    skin = _grey_skin(scene, rng)
    _body(scene, rng, skin, 0.8)
    _head(scene, rng, skin, 0.56, 1.04, 1.05, ear=0.34)
    _trunk(scene, skin, 0.56, 1.04, raised=True)
    return Model(scene, _VIEW)


def _grey_skin(scene: Scene, rng: np.random.Generator) -> int:
    grey = hsv(rng.uniform(0.05, 0.1), rng.uniform(0.06, 0.2), rng.uniform(0.36, 0.56))
    return scene.material(grey, 0.88 * grey, rm.BLOTCHES, 8, 0.02, _ROUGHNESS)


def _ivory(scene: Scene) -> int:
    return scene.material((0.95, 0.92, 0.8), gloss=0.3)


def _body(scene: Scene, rng: np.random.Generator, skin: int, q: float) -> None:
    build = Build(0.72 * q, 0.84, 0.36 * q, 0.2 * q, 0.17 * q, 0.13 * q, rump=-0.04)
    add_standing_body(scene, rng, build, skin, skin)
    scene.ellipsoid((0, 0.81, 0), (0.6 * q, 0.41 * q, 0.4 * q), skin, blend=0.1)
    tail = [(-0.68 * q, 0.95, 0), (-0.8 * q, 0.75, 0), (-0.8 * q, 0.45, 0)]
    scene.tube(tail, 0.035, 0.03, skin)


def _head(
    scene: Scene,
    rng: np.random.Generator,
    skin: int,
    x: float,
    y: float,
    scale: float,
    ear: float,
) -> None:
    radii = (0.27 * scale, 0.3 * scale, 0.26 * scale)
    scene.ellipsoid((x, y, 0), radii, skin, blend=0.08)
    inner = scene.material(0.75 * scene.colour(skin) + np.array([0.1, 0.07, 0.06]), gloss=0.02)
    spread_deg = rng.uniform(20, 50)
    for side in (-1, 1):
        turn = (0, -side * spread_deg, 0)
        with scene.placed((x - 0.16, y - 0.02, side * (0.22 + 0.5 * ear)), turn):
            scene.ellipsoid((0, 0, 0), (0.055, ear, 0.85 * ear), skin)
            scene.ellipsoid((0.035, 0, 0), (0.03, 0.8 * ear, 0.68 * ear), inner)
    add_pair(scene, (x + 0.2, y + 0.07, 0.18), 0.026, scene.material(BLACK, gloss=0.7))


def _trunk(scene: Scene, skin: int, x: float, y: float, raised: bool) -> None:
    up = [(0.38, -0.3), (0.62, -0.3), (0.8, -0.05), (0.78, 0.25)]
    down = [(0.29, -0.3), (0.33, -0.6), (0.31, -0.82), (0.38, -0.97)]
    bends = [(0.15, -0.08), *(up if raised else down)]
    scene.tube([(x + dx, y + dy, 0) for dx, dy in bends], 0.15, 0.065, skin, 0.05)


def _tusks(scene: Scene, ivory: int, x: float, y: float, length: float) -> None:
    for side in (-1, 1):
        points = [
            (x + 0.15, y - 0.2, 0.13 * side),
            (x + 0.26 * length, y - 0.4, 0.17 * side),
            (x + 0.38 * length, y - 0.44, 0.17 * side),
            (x + 0.48 * length, y - 0.44 + 0.09 * length, 0.14 * side),
        ]
        scene.tube(points, 0.045, 0.015, ivory)
