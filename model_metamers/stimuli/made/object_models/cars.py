"""Cars: sedan, sports car, off-roader, compact."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from model_metamers.stimuli.made.object_models.model import Model, View
from model_metamers.stimuli.made.object_models.palette import (
    CHROME,
    GLASS,
    HEADLIGHT,
    TAILLIGHT,
    TYRE,
    any_colour,
)
from model_metamers.stimuli.made.shapes import ALONG_Z, Scene

HALF_WIDTH = 0.36
Outline = Sequence[tuple[float, float]]


@dataclass(frozen=True)
class _Shape:
    """Side outlines of body and cabin, wheel positions (x) and radius, headlight x."""

    body: Outline
    cabin: Outline
    wheels_x: tuple[float, float]
    wheel_radius: float
    headlight_x: float = 0.93


_SEDAN = _Shape(
    [(-0.95, 0.2), (0.95, 0.2), (0.98, 0.38), (0.9, 0.48), (0.45, 0.55), (-0.9, 0.56),
     (-0.98, 0.42)],
    [(-0.72, 0.54), (0.5, 0.54), (0.18, 0.84), (-0.42, 0.84)],
    (-0.58, 0.6),
    0.19,
)  # fmt: skip
_SPORTS = _Shape(
    [(-0.9, 0.18), (0.98, 0.18), (1.0, 0.32), (0.55, 0.46), (-0.85, 0.5), (-0.95, 0.4)],
    [(-0.62, 0.48), (0.4, 0.44), (0.02, 0.7), (-0.25, 0.7)],
    (-0.55, 0.6),
    0.19,
)
_OFF_ROADER = _Shape(
    [(-0.9, 0.22), (0.9, 0.22), (0.92, 0.5), (0.85, 0.58), (-0.9, 0.62)],
    [(-0.88, 0.6), (0.52, 0.58), (0.28, 0.95), (-0.82, 0.95)],
    (-0.55, 0.56),
    0.22,
)
_COMPACT = _Shape(
    [(-0.85, 0.2), (0.85, 0.2), (0.92, 0.38), (0.7, 0.58), (0.35, 0.6), (-0.4, 0.6),
     (-0.75, 0.55), (-0.92, 0.38)],
    [(-0.6, 0.56), (0.42, 0.58), (0.22, 0.85), (0.0, 0.93), (-0.25, 0.9)],
    (-0.52, 0.54),
    0.21,
    headlight_x=0.82,
)  # fmt: skip


def sedan(rng: np.random.Generator) -> Model:
    """Three boxes: bonnet, cabin, boot."""
    return _car(rng, _SEDAN)


def sports(rng: np.random.Generator) -> Model:
    """Low and pointed, with a spoiler."""
    model = _car(rng, _SPORTS)
    model.scene.box((-0.86, 0.6, 0), (0.08, 0.015, 0.3), 0, (0, 0, -8))
    for side in (-1, 1):
        model.scene.box((-0.84, 0.54, 0.22 * side), (0.03, 0.06, 0.015), 0)
    return model


def off_roader(rng: np.random.Generator) -> Model:
    """High and square, with a spare wheel at the back."""
    model = _car(rng, _OFF_ROADER)
    tyre, chrome = model.scene.material(TYRE), model.scene.material(CHROME)
    model.scene.disc((-0.95, 0.58, 0), 0.17, 0.05, tyre, (0, 0, 90), rounding=0.02)
    model.scene.disc((-1.0, 0.58, 0), 0.09, 0.03, chrome, (0, 0, 90))
    return model


def compact(rng: np.random.Generator) -> Model:
    """Short, with a rounded roof."""
    return _car(rng, _COMPACT)


def _car(rng: np.random.Generator, shape: _Shape) -> Model:
    scene = Scene()
    body = scene.material(any_colour(rng), gloss=0.6)
    scene.prism(shape.body, HALF_WIDTH - 0.04, body, rounding=0.04)
    scene.prism(shape.cabin, HALF_WIDTH - 0.1, body, rounding=0.04, blend=0.03)
    _windows(scene, shape, body)
    _wheels(scene, shape)
    _lights_and_bumpers(scene, shape)
    front = 25 if rng.random() < 0.5 else -25
    return Model(scene, View(front, 40, (4, 28), ground_probability=0.9))


def _windows(scene: Scene, shape: _Shape, body: int) -> None:
    """Add side windows and, through the cabin lengthwise, windscreen and rear window."""
    glass = scene.material(GLASS, gloss=0.8)
    x, y = np.mean(shape.cabin, 0)
    side = [(x + 0.86 * (px - x), y + 0.015 + 0.72 * (py - y)) for px, py in shape.cabin]
    scene.prism(side, HALF_WIDTH - 0.05, glass, rounding=0.002)
    screens = [(x + 1.03 * (px - x), y + 0.01 + 0.7 * (py - y)) for px, py in shape.cabin]
    scene.prism(screens, HALF_WIDTH - 0.13, glass, rounding=0.03)
    scene.box((x, y, 0), (0.025, 0.2, HALF_WIDTH - 0.035), body)


def _wheels(scene: Scene, shape: _Shape) -> None:
    tyre, hub = scene.material(TYRE), scene.material(CHROME, gloss=0.5)
    radius = shape.wheel_radius
    for side in (-1, 1):
        for x in shape.wheels_x:
            z = side * (HALF_WIDTH - 0.02)
            scene.disc((x, radius, z), radius, 0.06, tyre, ALONG_Z, rounding=0.02)
            z = side * (HALF_WIDTH + 0.03)
            scene.disc((x, radius, z), 0.58 * radius, 0.03, hub, ALONG_Z)


def _lights_and_bumpers(scene: Scene, shape: _Shape) -> None:
    head, tail = scene.material(HEADLIGHT, gloss=0.5), scene.material(TAILLIGHT)
    chrome, grille = scene.material(CHROME, gloss=0.5), scene.material(TYRE)
    for side in (-1, 1):
        scene.ellipsoid((shape.headlight_x, 0.4, 0.25 * side), (0.07, 0.065, 0.075), head)
        scene.box((-0.95, 0.43, 0.27 * side), (0.03, 0.04, 0.06), tail)
    scene.box((0.95, 0.22, 0), (0.05, 0.04, 0.95 * HALF_WIDTH), chrome)
    scene.box((-0.93, 0.23, 0), (0.05, 0.04, 0.95 * HALF_WIDTH), chrome)
    scene.box((shape.headlight_x + 0.06, 0.33, 0), (0.03, 0.03, 0.14), grille)
