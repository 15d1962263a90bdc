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
from model_metamers.stimuli.made.object_models.settings import ROOM
from model_metamers.stimuli.made.shapes import Scene, Vector

_BUILD = Build(0.7, 0.52, 0.16, 0.1, 0.085, 0.045, hip_share=1.0, rump=0.02)
_ROUGHNESS = 0.65
_TABBY_COLOURS = [(0.5, 0.47, 0.43), (0.5, 0.42, 0.33), (0.82, 0.52, 0.25)]
_PATCH_COLOURS = [(0.12, 0.11, 0.11), (0.75, 0.42, 0.16)]
_SIAMESE, _PATCHED = 3, 4


@dataclass(frozen=True)
class _Coat:
    """Material numbers; `white` is the mouth and paws, `mask` the bridge of the nose."""

    fur: int
    white: int
    ears: int
    mask: int
    nose: int
    iris: int
    pupil: int


def sitting(rng: np.random.Generator) -> Model:
    """Upright on its haunches, the tail around its feet."""
    scene = Scene()
    coat = _coat(scene, rng)
    view, turn_deg = _watched(rng, 65)
    scene.cone((-0.12, 0.25, 0), (0.08, 0.62, 0), 0.26, 0.17, coat.fur, 0.08)
    bib = coat.white if rng.random() < 0.5 else coat.fur
    scene.ellipsoid((0.12, 0.45, 0), (0.13, 0.24, 0.15), bib, blend=0.06)
    _head(scene, coat, (0.17, 0.93, 0), turn_deg, 1.25)
    for side in (-1, 1):
        scene.cone((0.18, 0.5, 0.1 * side), (0.24, 0.06, 0.1 * side), 0.085, 0.06, coat.fur, 0.04)
        scene.ellipsoid((0.28, 0.05, 0.1 * side), (0.1, 0.05, 0.07), coat.white)
        scene.ellipsoid((-0.05, 0.17, 0.22 * side), (0.24, 0.18, 0.1), coat.fur, blend=0.05)
        scene.ellipsoid((0.1, 0.05, 0.25 * side), (0.13, 0.05, 0.07), coat.fur)
    tail = [(-0.3, 0.1, 0), (-0.5, 0.07, 0.12), (-0.5, 0.1, 0.35), (-0.3, 0.08, 0.5)]
    scene.tube([*tail, (-0.05, 0.07, 0.5)], 0.07, 0.05, coat.fur, 0.03)
    return Model(scene, view)


def walking(rng: np.random.Generator) -> Model:
    """In stride with the tail up."""
    scene = Scene()
    coat = _coat(scene, rng)
    view, turn_deg = _watched(rng, 40)
    add_standing_body(scene, rng, _BUILD, coat.fur, coat.white)
    scene.cone((0.35, 0.55, 0), (0.5, 0.68, 0), 0.13, 0.12, coat.fur, 0.06)
    _head(scene, coat, (0.58, 0.74, 0), turn_deg, 1.12)
    tail = [(-0.45, 0.58, 0), (-0.62, 0.75, 0), (-0.66, 1.0, 0), (-0.6, 1.2, 0)]
    scene.tube([*tail, (-0.5, 1.28, 0)], 0.06, 0.045, coat.fur, 0.03)
    return Model(scene, view)


def lying(rng: np.random.Generator) -> Model:
    """A loaf with the forepaws in front and the tail around it."""
    scene = Scene()
    coat = _coat(scene, rng)
    view, turn_deg = _watched(rng, 45)
    scene.ellipsoid((-0.1, 0.24, 0), (0.55, 0.25, 0.29), coat.fur, blend=0.08)
    scene.ellipsoid((-0.35, 0.25, 0), (0.32, 0.28, 0.31), coat.fur, blend=0.08)
    _head(scene, coat, (0.45, 0.5, 0), turn_deg, 1.25)
    scene.cone((0.2, 0.28, 0), (0.4, 0.4, 0), 0.2, 0.15, coat.fur, 0.06)
    paw = coat.white if rng.random() < 0.4 else coat.fur
    for side in (-1, 1):
        scene.cone((0.35, 0.08, 0.14 * side), (0.66, 0.07, 0.13 * side), 0.085, 0.07, paw, 0.03)
    tail = [(-0.6, 0.12, 0.1), (-0.55, 0.09, 0.38), (-0.2, 0.08, 0.42), (0.1, 0.08, 0.38)]
    scene.tube(tail, 0.075, 0.06, coat.fur, 0.02)
    return Model(scene, view)


def arched(rng: np.random.Generator) -> Model:
    """Frightened: a high back and a bushy, upright tail."""
    scene = Scene()
    coat = _coat(scene, rng)
    view, turn_deg = _watched(rng, 40)
    add_standing_body(scene, rng, _BUILD, coat.fur, coat.white)
    scene.cone((-0.2, 0.74, 0), (0.18, 0.74, 0), 0.16, 0.15, coat.fur, 0.15)
    scene.cone((0.35, 0.52, 0), (0.5, 0.6, 0), 0.13, 0.12, coat.fur, 0.06)
    _head(scene, coat, (0.58, 0.63, 0), turn_deg, 1.12)
    tail = [(-0.45, 0.58, 0), (-0.55, 0.85, 0), (-0.52, 1.1, 0), (-0.55, 1.35, 0)]
    scene.tube(tail, 0.06, 0.1, coat.fur, 0.03)
    return Model(scene, view)


def _watched(rng: np.random.Generator, front_deg: float) -> tuple[View, float]:
    """Return a view from either side, and the turn of a head that looks back at the viewer."""
    side = rng.choice([-1, 1])
    view = View(90 - side * (90 - front_deg), 25, (3, 22), both_sides=False, setting=ROOM)
    return view, -side * (90 - front_deg) + rng.uniform(-25, 25)


def _coat(scene: Scene, rng: np.random.Generator) -> _Coat:
    """Draw a grey, brown or ginger tabby, a Siamese with dark points, or a cat with patches."""
    kind = rng.choice(5, p=[0.55, 0.25, 0.05, 0.1, 0.05])
    value = rng.uniform(0.9, 1.1)
    if kind == _SIAMESE:
        return _siamese_coat(scene, value)
    if kind == _PATCHED:
        base = value * np.array(_PATCH_COLOURS[rng.integers(2)])
        fur = scene.material(base, WHITE, rm.BLOTCHES, 2.5, 0.03, _ROUGHNESS)
        ears, pale = base, np.array([0.88, 0.82, 0.74])
    else:
        base = value * np.array(_TABBY_COLOURS[kind])
        fur = scene.material(base, 0.7 * base, rm.TABBY, rng.uniform(22, 28), 0.03, _ROUGHNESS)
        ears, pale = 0.8 * base, 0.5 * base + 0.42
    return _Coat(
        fur,
        white=scene.material(pale, gloss=0.03, roughness=0.7 * _ROUGHNESS),
        ears=scene.material(ears, gloss=0.03, roughness=_ROUGHNESS),
        mask=fur,
        nose=scene.material((0.75, 0.48, 0.45)),
        iris=scene.material(hsv(rng.uniform(0.12, 0.22), 0.65, 0.75), gloss=0.6),
        pupil=scene.material(BLACK, gloss=0.5),
    )


def _siamese_coat(scene: Scene, value: float) -> _Coat:
    cream, dark = value * np.array([0.82, 0.74, 0.62]), value * np.array([0.2, 0.14, 0.11])
    fur = scene.material(cream, 0.8 * cream, rm.BLOTCHES, 3, 0.03, _ROUGHNESS)
    points = scene.material(dark, gloss=0.03, roughness=_ROUGHNESS)
    iris = scene.material((0.35, 0.6, 0.9), gloss=0.6)
    pupil = scene.material(BLACK, gloss=0.5)
    return _Coat(fur, points, points, points, points, iris, pupil)


def _head(scene: Scene, coat: _Coat, centre: Vector, turn_deg: float, scale: float) -> None:
    """Add a round head with triangular ears, slit pupils and whiskers."""
    q = scale
    with scene.placed(centre, (0, turn_deg, 0)):
        scene.ellipsoid((0, 0, 0), (0.19 * q, 0.175 * q, 0.2 * q), coat.fur, blend=0.03)
        cheek = (0.07 * q, -0.06 * q, 0.1 * q)
        add_pair(scene, cheek, (0.11 * q, 0.09 * q, 0.1 * q), coat.fur, 0.04)
        _nose_and_mouth(scene, coat, q)
        for side in (-1, 1):
            _ear(scene, coat, side, q)
            for rise in (-0.05, 0.01):
                whisker_end = (0.2 * q, rise - 0.07 * q, 0.33 * side * q)
                root = (0.19 * q, -0.08 * q, 0.06 * side * q)
                scene.cone(root, whisker_end, 0.004, 0.003, coat.white)
        rim = (0.03 * q, 0.041 * q, 0.051 * q)
        add_pair(scene, (0.158 * q, 0.025 * q, 0.085 * q), rim, coat.pupil)
        eye = (0.036 * q, 0.036 * q, 0.044 * q)
        add_pair(scene, (0.16 * q, 0.026 * q, 0.086 * q), eye, coat.iris)
        slit = (0.012 * q, 0.028 * q, 0.014 * q)
        add_pair(scene, (0.186 * q, 0.026 * q, 0.09 * q), slit, coat.pupil)


def _nose_and_mouth(scene: Scene, coat: _Coat, q: float) -> None:
    bridge_end = (0.2 * q, -0.03 * q, 0)
    scene.cone((0.12 * q, 0.06 * q, 0), bridge_end, 0.055 * q, 0.035 * q, coat.mask, 0.03)
    lip = (0.175 * q, -0.075 * q, 0.035 * q)
    add_pair(scene, lip, (0.05 * q, 0.042 * q, 0.05 * q), coat.white, 0.02)
    scene.ellipsoid((0.15 * q, -0.12 * q, 0), (0.05 * q, 0.035 * q, 0.045 * q), coat.white)
    scene.ellipsoid((0.228 * q, -0.035 * q, 0), (0.017 * q, 0.017 * q, 0.024 * q), coat.nose)


def _ear(scene: Scene, coat: _Coat, side: int, q: float) -> None:
    """Add one ear, opening forwards and outwards."""
    turn = (0, 90 - 25 * side, 0)
    with scene.placed((-0.02 * q, 0.1 * q, 0.115 * side * q), (18 * side, 0, 0)):
        outer = [(-0.085 * q, 0), (0.085 * q, 0), (0, 0.125 * q)]
        scene.prism(outer, 0.012, coat.ears, (0, 0, 0), turn, 0.018, blend=0.02)
        inner = [(-0.05 * q, 0), (0.05 * q, 0), (0, 0.085 * q)]
        front = (0.025 * q, 0.02 * q, 0.012 * side * q)
        scene.prism(inner, 0.008, coat.nose, front, turn, 0.005)
