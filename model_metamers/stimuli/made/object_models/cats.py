"""Cats: sitting, walking, lying, with an arched back.

Short triangular ears, whiskers and large bright eyes are what tells them from dogs.
"""

from dataclasses import dataclass

import numpy as np

from model_metamers.stimuli.made import ray_marching as rm
from model_metamers.stimuli.made.object_models.model import Model, View
from model_metamers.stimuli.made.object_models.palette import BLACK, WHITE, hsv
from model_metamers.stimuli.made.object_models.quadruped import (
    Build,
    add_pair,
    add_standing_body,
)
from model_metamers.stimuli.made.shapes import Scene, Vector

_BUILD = Build(0.7, 0.52, 0.17, 0.11, 0.09, 0.05, hip_share=1.0, rump=0.02)


@dataclass(frozen=True)
class _Coat:
    """Material numbers."""

    fur: int
    white: int
    pink: int
    iris: int
    pupil: int


def sitting(rng: np.random.Generator) -> Model:
    """Upright on its haunches, the tail around its feet."""
    scene = Scene()
    coat = _coat(scene, rng)
    scene.cone((-0.12, 0.25, 0), (0.08, 0.62, 0), 0.26, 0.17, coat.fur, 0.08)
    bib = coat.white if rng.random() < 0.5 else coat.fur
    scene.ellipsoid((0.12, 0.45, 0), (0.13, 0.24, 0.15), bib, blend=0.06)
    _head(scene, coat, (0.17, 0.93, 0), rng.uniform(-35, 35), 1.15)
    for side in (-1, 1):
        scene.cone((0.18, 0.5, 0.1 * side), (0.24, 0.06, 0.1 * side), 0.085, 0.06, coat.fur, 0.04)
        scene.ellipsoid((0.28, 0.05, 0.1 * side), (0.1, 0.05, 0.07), coat.white)
        scene.ellipsoid((-0.05, 0.17, 0.22 * side), (0.24, 0.18, 0.1), coat.fur, blend=0.05)
        scene.ellipsoid((0.1, 0.05, 0.25 * side), (0.13, 0.05, 0.07), coat.fur)
    tail = [(-0.3, 0.1, 0), (-0.5, 0.07, 0.12), (-0.5, 0.1, 0.35), (-0.3, 0.08, 0.5)]
    scene.tube([*tail, (-0.05, 0.07, 0.5)], 0.07, 0.05, coat.fur, 0.03)
    return Model(scene, View(45, 50, (2, 25)))


def walking(rng: np.random.Generator) -> Model:
    """In stride with the tail up."""
    scene = Scene()
    coat = _coat(scene, rng)
    add_standing_body(scene, rng, _BUILD, coat.fur, coat.white)
    scene.cone((0.35, 0.55, 0), (0.5, 0.68, 0), 0.13, 0.12, coat.fur, 0.06)
    _head(scene, coat, (0.58, 0.74, 0), rng.uniform(-50, 50), 1.12)
    tail = [(-0.45, 0.58, 0), (-0.62, 0.75, 0), (-0.66, 1.0, 0), (-0.6, 1.2, 0)]
    scene.tube([*tail, (-0.5, 1.28, 0)], 0.06, 0.045, coat.fur, 0.03)
    return Model(scene, View(20, 45, (3, 22)))


def lying(rng: np.random.Generator) -> Model:
    """A loaf with the forepaws in front and the tail around it."""
    scene = Scene()
    coat = _coat(scene, rng)
    scene.ellipsoid((-0.1, 0.24, 0), (0.55, 0.25, 0.29), coat.fur, blend=0.08)
    scene.ellipsoid((-0.35, 0.25, 0), (0.32, 0.28, 0.31), coat.fur, blend=0.08)
    _head(scene, coat, (0.45, 0.5, 0), rng.uniform(-20, 60), 1.15)
    scene.cone((0.2, 0.28, 0), (0.4, 0.4, 0), 0.2, 0.15, coat.fur, 0.06)
    paw = coat.white if rng.random() < 0.4 else coat.fur
    for side in (-1, 1):
        scene.cone((0.35, 0.08, 0.14 * side), (0.66, 0.07, 0.13 * side), 0.085, 0.07, paw, 0.03)
    tail = [(-0.6, 0.12, 0.1), (-0.55, 0.09, 0.38), (-0.2, 0.08, 0.42), (0.1, 0.08, 0.38)]
    scene.tube(tail, 0.075, 0.06, coat.fur, 0.02)
    return Model(scene, View(30, 42, (5, 30)))


def arched(rng: np.random.Generator) -> Model:
    """Frightened: a high back and a bushy, upright tail."""
    scene = Scene()
    coat = _coat(scene, rng)
    add_standing_body(scene, rng, _BUILD, coat.fur, coat.white)
    scene.cone((-0.2, 0.74, 0), (0.18, 0.74, 0), 0.16, 0.15, coat.fur, 0.15)
    scene.cone((0.35, 0.52, 0), (0.5, 0.6, 0), 0.13, 0.12, coat.fur, 0.06)
    _head(scene, coat, (0.58, 0.63, 0), rng.uniform(-10, 60), 1.12)
    tail = [(-0.45, 0.58, 0), (-0.55, 0.85, 0), (-0.52, 1.1, 0), (-0.55, 1.35, 0)]
    scene.tube(tail, 0.06, 0.1, coat.fur, 0.03)
    return Model(scene, View(20, 45, (3, 22)))


def _coat(scene: Scene, rng: np.random.Generator) -> _Coat:
    ginger, grey, brown = hsv(0.07, 0.75, 0.85), hsv(0.08, 0.15, 0.5), hsv(0.08, 0.35, 0.7)
    bases = [ginger, grey, np.array([0.09, 0.09, 0.1]), np.array([0.9, 0.88, 0.84]), brown]
    base = bases[rng.integers(len(bases))]
    texture = int(rng.choice([rm.PLAIN, rm.BLOTCHES, rm.TIGER]))
    if texture == rm.TIGER:
        fur = scene.material(base, 0.45 * base, texture, 9, gloss=0.05)
    else:
        fur = scene.material(base, WHITE, texture, 4, gloss=0.05)
    white = scene.material(WHITE, gloss=0.05)
    pink = scene.material((0.9, 0.55, 0.55))
    iris = scene.material(hsv(rng.uniform(0.12, 0.38), 0.8, 0.85), gloss=0.9)
    return _Coat(fur, white, pink, iris, scene.material(BLACK, gloss=0.5))


def _head(scene: Scene, coat: _Coat, centre: Vector, turn_deg: float, scale: float) -> None:
    """Add a round head with triangular ears, slit pupils and whiskers."""
    q = scale
    with scene.placed(centre, (0, turn_deg, 0)):
        scene.ellipsoid((0, 0, 0), (0.19 * q, 0.19 * q, 0.22 * q), coat.fur, blend=0.03)
        muzzle = (0.09 * q, 0.065 * q, 0.1 * q)
        scene.ellipsoid((0.13 * q, -0.06 * q, 0), muzzle, coat.white, blend=0.02)
        scene.ellipsoid((0.225 * q, -0.025 * q, 0), (0.02, 0.018, 0.028), coat.pink)
        for side in (-1, 1):
            tilt = (-12 * side, 80, 0)
            outer = [(-0.11 * q, 0), (0.11 * q, 0), (0.02 * q, 0.18 * q)]
            scene.prism(outer, 0.012, coat.fur, (0, 0.12 * q, 0.13 * side * q), tilt, 0.018)
            inner = [(-0.07 * q, 0), (0.07 * q, 0), (0.02 * q, 0.12 * q)]
            place = (0.033 * q, 0.13 * q, 0.13 * side * q)
            scene.prism(inner, 0.005, coat.pink, place, tilt, 0.003)
            for rise in (-0.04, 0.02):
                whisker_end = (0.2 * q, rise - 0.06 * q, 0.38 * side * q)
                root = (0.17 * q, -0.06 * q, 0.06 * side * q)
                scene.cone(root, whisker_end, 0.006, 0.005, coat.white)
        eye = (0.045 * q, 0.05 * q, 0.048 * q)
        add_pair(scene, (0.155 * q, 0.04 * q, 0.09 * q), eye, coat.iris)
        slit = (0.018 * q, 0.045 * q, 0.014 * q)
        add_pair(scene, (0.195 * q, 0.04 * q, 0.095 * q), slit, coat.pupil)
