"""Dogs: retriever, shepherd, dachshund, sitting hound.

A long snout, a collar and hanging or tall ears tell them from cats.
"""

from dataclasses import dataclass

import numpy as np

from model_metamers.stimuli.made import ray_marching as rm
from model_metamers.stimuli.made.object_models.model import Model, View
from model_metamers.stimuli.made.object_models.palette import BLACK, WHITE, fur, hsv, paint
from model_metamers.stimuli.made.object_models.quadruped import (
    Build,
    add_pair,
    add_standing_body,
)
from model_metamers.stimuli.made.shapes import Scene


@dataclass(frozen=True)
class _Coat:
    """Material numbers."""

    fur: int
    dark: int
    snout: int
    nose: int
    tongue: int
    collar: int


def retriever(rng: np.random.Generator) -> Model:
    """Standing, hanging ears, tail up."""
    scene = Scene()
    coat = _coat(scene, rng, (rm.PLAIN, rm.BLOTCHES, rm.SPOTS))
    build = Build(0.75, 0.62, 0.21, 0.13, 0.11, 0.055, hip_share=0.8)
    add_standing_body(scene, rng, build, coat.fur, coat.fur)
    scene.cone((0.38, 0.68, 0), (0.58, 0.92, 0), 0.16, 0.13, coat.fur, 0.06)
    scene.torus((0.53, 0.86, 0), 0.135, 0.03, coat.collar, (0, 0, -40))
    with scene.placed((0.66, 1.0, 0), (0, rng.uniform(-40, 40), 0)):
        _head(scene, rng, coat, 1.1, 0.28)
        _hanging_ears(scene, coat, 1.1)
    scene.tube([(-0.5, 0.68, 0), (-0.72, 0.82, 0), (-0.88, 1.02, 0)], 0.06, 0.03, coat.fur, 0.03)
    return Model(scene, View(18, 40, (2, 20)))


def shepherd(rng: np.random.Generator) -> Model:
    """Standing, tall ears, dark saddle, hanging tail."""
    scene = Scene()
    coat = _coat(scene, rng, (rm.PLAIN, rm.BLOTCHES))
    build = Build(0.8, 0.62, 0.2, 0.13, 0.11, 0.05, hip_share=0.8, rump=-0.07)
    add_standing_body(scene, rng, build, coat.fur, coat.fur)
    scene.cone((0.4, 0.7, 0), (0.58, 0.92, 0), 0.15, 0.12, coat.fur, 0.06)
    scene.torus((0.5, 0.83, 0), 0.14, 0.025, coat.collar, (0, 0, -40))
    with scene.placed((0.66, 1.0, 0), (0, rng.uniform(-40, 40), 0)):
        _head(scene, rng, coat, 1.1, 0.33)
        _tall_ears(scene, coat, 1.1)
    tail = [(-0.5, 0.55, 0), (-0.7, 0.42, 0), (-0.85, 0.25, 0)]
    scene.tube(tail, 0.06, 0.05, coat.fur, 0.03)
    scene.box((-0.02, 0.68, 0), (0.36, 0.15, 0.19), coat.dark, rounding=0.14, blend=0.04)
    return Model(scene, View(18, 40, (2, 20)))


def dachshund(rng: np.random.Generator) -> Model:
    """A long body on short legs."""
    scene = Scene()
    coat = _coat(scene, rng, (rm.PLAIN, rm.BLOTCHES))
    build = Build(1.15, 0.33, 0.17, 0.11, 0.08, 0.055)
    add_standing_body(scene, rng, build, coat.fur, coat.fur)
    scene.cone((0.55, 0.38, 0), (0.72, 0.6, 0), 0.13, 0.11, coat.fur, 0.05)
    scene.torus((0.67, 0.54, 0), 0.115, 0.025, coat.collar, (0, 0, -40))
    with scene.placed((0.8, 0.68, 0), (0, rng.uniform(-35, 35), 0)):
        _head(scene, rng, coat, 1.1, 0.32)
        _hanging_ears(scene, coat, 1.1)
    scene.tube([(-0.68, 0.38, 0), (-0.9, 0.5, 0), (-1.1, 0.68, 0)], 0.05, 0.02, coat.fur, 0.03)
    return Model(scene, View(15, 35, (2, 22)))


def sitting_hound(rng: np.random.Generator) -> Model:
    """Sitting, blotched, ears of either kind."""
    scene = Scene()
    coat = _coat(scene, rng, (rm.BLOTCHES,))
    scene.cone((-0.2, 0.27, 0), (0.1, 0.72, 0), 0.27, 0.19, coat.fur, 0.08)
    scene.cone((0.1, 0.75, 0), (0.18, 0.98, 0), 0.16, 0.13, coat.fur, 0.06)
    scene.torus((0.15, 0.9, 0), 0.15, 0.03, coat.collar, (0, 0, -15))
    with scene.placed((0.26, 1.1, 0), (0, rng.uniform(-45, 45), 0)):
        _head(scene, rng, coat, 1.2, 0.25)
        ears = _hanging_ears if rng.random() < 0.8 else _tall_ears
        ears(scene, coat, 1.2)
    for side in (-1, 1):
        paw = (0.27, 0.06, 0.12 * side)
        scene.cone((0.18, 0.6, 0.12 * side), paw, 0.09, 0.065, coat.fur, 0.04)
        scene.ellipsoid((0.33, 0.05, 0.12 * side), (0.12, 0.05, 0.07), coat.fur)
        scene.ellipsoid((-0.12, 0.18, 0.24 * side), (0.25, 0.18, 0.1), coat.fur, blend=0.05)
        scene.ellipsoid((0.1, 0.05, 0.28 * side), (0.15, 0.05, 0.07), coat.fur)
    scene.tube([(-0.4, 0.1, 0), (-0.65, 0.15, 0), (-0.85, 0.32, 0)], 0.06, 0.03, coat.fur, 0.03)
    return Model(scene, View(25, 40, (2, 20)))


def _coat(scene: Scene, rng: np.random.Generator, textures: tuple[int, ...]) -> _Coat:
    sand, brown = hsv(0.1, 0.45, 0.85), hsv(0.08, 0.55, 0.45)
    bases = [fur(rng), brown, np.array([0.13, 0.12, 0.12]), np.array([0.9, 0.88, 0.84]), sand]
    base = bases[rng.integers(len(bases))]
    texture = textures[rng.integers(len(textures))]
    others = [0.4 * base, np.array(WHITE), np.array([0.08, 0.07, 0.07])]
    frequency = 6 if texture == rm.SPOTS else 4
    pelt = scene.material(base, others[rng.integers(3)], texture, frequency, gloss=0.05)
    dark = scene.material(0.5 * base, gloss=0.05)
    white = scene.material(WHITE, gloss=0.1)
    snout = pelt if rng.random() < 0.6 else white
    nose = scene.material(BLACK, gloss=0.7)
    tongue = scene.material((0.9, 0.35, 0.4))
    return _Coat(pelt, dark, snout, nose, tongue, scene.material(paint(rng, 0.7)))


def _head(
    scene: Scene, rng: np.random.Generator, coat: _Coat, scale: float, snout_length: float
) -> None:
    """Add a head with a long snout, in four cases of ten with the tongue out."""
    q, tip = scale, snout_length
    scene.ellipsoid((0, 0, 0), (0.2 * q, 0.17 * q, 0.16 * q), coat.fur, blend=0.04)
    end = ((0.12 + tip) * q, -0.07 * q, 0)
    scene.cone((0.1 * q, -0.03 * q, 0), end, 0.1 * q, 0.065 * q, coat.snout, 0.04)
    nose = (0.042 * q, 0.038 * q, 0.048 * q)
    scene.ellipsoid(((0.2 + tip) * q, -0.035 * q, 0), nose, coat.nose)
    jaw_end = ((0.07 + tip) * q, -0.15 * q, 0)
    scene.cone((0.15 * q, -0.11 * q, 0), jaw_end, 0.05 * q, 0.04 * q, coat.fur, 0.01)
    if rng.random() < 0.4:
        tongue = ((0.1 + tip) * q, -0.19 * q, 0)
        scene.ellipsoid(tongue, (0.05 * q, 0.09 * q, 0.035 * q), coat.tongue, (0, 0, 15))
    add_pair(scene, (0.15 * q, 0.06 * q, 0.09 * q), 0.032 * q, coat.nose)


def _hanging_ears(scene: Scene, coat: _Coat, q: float) -> None:
    for side in (-1, 1):
        top, bottom = (-0.06 * q, 0.1 * q, 0.15 * side * q), (-0.08 * q, -0.2 * q, 0.22 * side * q)
        scene.cone(top, bottom, 0.05 * q, 0.085 * q, coat.dark)


def _tall_ears(scene: Scene, coat: _Coat, q: float) -> None:
    outline = [(-0.08 * q, 0), (0.07 * q, 0), (-0.02 * q, 0.26 * q)]
    for side in (-1, 1):
        place, tilt = (-0.06 * q, 0.1 * q, 0.1 * side * q), (-8 * side, 50 * side, 0)
        scene.prism(outline, 0.015, coat.dark, place, tilt, rounding=0.015)
