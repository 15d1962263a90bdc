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
    WHITE,
    one_of,
)
from model_metamers.stimuli.made.object_models.settings import ROAD
from model_metamers.stimuli.made.shapes import ALONG_Z, Scene

HALF_WIDTH = 0.41
_PAINTS = (
    (0.9, 0.9, 0.88), (0.62, 0.64, 0.66), (0.16, 0.16, 0.18), (0.7, 0.08, 0.08), (0.12, 0.22, 0.5),
    (0.25, 0.42, 0.62), (0.1, 0.28, 0.18), (0.85, 0.65, 0.1), (0.5, 0.46, 0.38),
)  # fmt: skip
Outline = Sequence[tuple[float, float]]


@dataclass(frozen=True)
class _Shape:
    """Side outlines of body and cabin, wheel positions (x) and radius."""

    body: Outline
    cabin: Outline
    wheels_x: tuple[float, float]
    wheel_radius: float

    @property
    def front_x(self) -> float:
        return max(x for x, _ in self.body)

    @property
    def back_x(self) -> float:
        return min(x for x, _ in self.body)


_SEDAN = _Shape(
    [(-1.17, 0.18), (1.13, 0.18), (1.18, 0.34), (1.08, 0.46), (0.52, 0.53), (-1.1, 0.54),
     (-1.2, 0.4)],
    [(-0.9, 0.52), (0.62, 0.52), (0.14, 0.75), (-0.52, 0.75)],
    (-0.72, 0.74),
    0.18,
)  # fmt: skip
_SPORTS = _Shape(
    [(-1.08, 0.16), (1.18, 0.14), (1.22, 0.26), (0.62, 0.42), (-0.95, 0.46), (-1.14, 0.36)],
    [(-0.85, 0.44), (0.52, 0.4), (0.0, 0.68), (-0.32, 0.68)],
    (-0.7, 0.76),
    0.19,
)
_OFF_ROADER = _Shape(
    [(-1.07, 0.2), (1.07, 0.2), (1.1, 0.46), (1.02, 0.56), (-1.07, 0.6)],
    [(-1.05, 0.58), (0.6, 0.56), (0.26, 0.84), (-0.98, 0.84)],
    (-0.67, 0.68),
    0.2,
)
_COMPACT = _Shape(
    [(-0.98, 0.18), (0.98, 0.18), (1.05, 0.36), (0.84, 0.52), (0.4, 0.57), (-0.45, 0.57),
     (-0.88, 0.53), (-1.05, 0.36)],
    [(-0.75, 0.53), (0.52, 0.54), (0.24, 0.8), (0.0, 0.86), (-0.3, 0.84)],
    (-0.63, 0.65),
    0.19,
)  # fmt: skip


def sedan(rng: np.random.Generator) -> Model:
    """Three boxes: bonnet, cabin, boot."""
    return _car(rng, _SEDAN)


def sports(rng: np.random.Generator) -> Model:
    """Low and pointed, with a spoiler."""
    model = _car(rng, _SPORTS)
    model.scene.box((-1.03, 0.56, 0), (0.08, 0.015, 0.3), 0, (0, 0, -8))
    for side in (-1, 1):
        model.scene.box((-1.0, 0.5, 0.22 * side), (0.03, 0.06, 0.015), 0)
    return model


def off_roader(rng: np.random.Generator) -> Model:
    """High and square, with a spare wheel at the back."""
    model = _car(rng, _OFF_ROADER)
    tyre, chrome = model.scene.material(TYRE), model.scene.material(CHROME)
    model.scene.disc((-1.13, 0.56, 0), 0.17, 0.05, tyre, (0, 0, 90), rounding=0.02)
    model.scene.disc((-1.18, 0.56, 0), 0.09, 0.03, chrome, (0, 0, 90))
    return model


def compact(rng: np.random.Generator) -> Model:
    """Short, with a rounded roof."""
    return _car(rng, _COMPACT)


def _car(rng: np.random.Generator, shape: _Shape) -> Model:
    scene = Scene()
    body = scene.material(one_of(rng, *_PAINTS) * rng.uniform(0.8, 1.1), gloss=0.8)
    scene.prism(shape.body, HALF_WIDTH - 0.04, body, rounding=0.04)
    scene.prism(shape.cabin, HALF_WIDTH - 0.1, body, rounding=0.04, blend=0.03)
    _windows(scene, shape, body)
    _mirrors(scene, shape, body)
    _wheels(scene, shape)
    _lights_and_bumpers(scene, shape)
    front = 25 if rng.random() < 0.5 else -25
    return Model(scene, View(front, 40, (4, 20), ground_probability=1.0, setting=ROAD))


def _windows(scene: Scene, shape: _Shape, body: int) -> None:
    """Add side windows and, through the cabin lengthwise, windscreen and rear window."""
    glass = scene.material(GLASS, gloss=0.8)
    x, y = np.mean(shape.cabin, 0)
    side = [(x + 0.86 * (px - x), y + 0.015 + 0.72 * (py - y)) for px, py in shape.cabin]
    scene.prism(side, HALF_WIDTH - 0.05, glass, rounding=0.002)
    screens = [(x + 1.03 * (px - x), y + 0.01 + 0.7 * (py - y)) for px, py in shape.cabin]
    scene.prism(screens, HALF_WIDTH - 0.13, glass, rounding=0.03)
    scene.box((x, y, 0), (0.02, 0.2, HALF_WIDTH - 0.045), body)


def _mirrors(scene: Scene, shape: _Shape, body: int) -> None:
    x, y = shape.cabin[1]
    for side in (-1, 1):
        place = (x - 0.14, y + 0.07, (HALF_WIDTH + 0.04) * side)
        scene.ellipsoid(place, (0.03, 0.035, 0.05), body)


def _wheels(scene: Scene, shape: _Shape) -> None:
    """Add wheels with five holes in their rims, in dark arches."""
    tyre, rim = scene.material(TYRE), scene.material(CHROME, gloss=0.5)
    radius = shape.wheel_radius
    for side in (-1, 1):
        for x in shape.wheels_x:
            z = side * (HALF_WIDTH - 0.05)
            scene.disc((x, radius + 0.02, z), radius + 0.03, 0.055, tyre, ALONG_Z)
            z = side * (HALF_WIDTH - 0.01)
            scene.disc((x, radius, z), radius - 0.02, 0.04, tyre, ALONG_Z, rounding=0.02)
            z = side * (HALF_WIDTH + 0.02)
            scene.disc((x, radius, z), 0.62 * radius, 0.03, rim, ALONG_Z)
            for turn in np.arange(5) * 0.4 * np.pi:
                hole = (x + 0.4 * radius * np.cos(turn), radius + 0.4 * radius * np.sin(turn), z)
                scene.disc(hole, 0.11 * radius, 0.035, tyre, ALONG_Z)


def _lights_and_bumpers(scene: Scene, shape: _Shape) -> None:
    head, tail = scene.material(HEADLIGHT, gloss=0.5), scene.material(TAILLIGHT)
    dark, plate = scene.material(TYRE, gloss=0.3), scene.material(WHITE)
    front, back = shape.front_x, shape.back_x
    for side in (-1, 1):
        scene.ellipsoid((front - 0.03, 0.37, 0.29 * side), (0.09, 0.045, 0.08), head)
        scene.box((back + 0.02, 0.42, 0.3 * side), (0.04, 0.045, 0.07), tail)
    for x in (front - 0.01, back + 0.03):
        scene.box((x, 0.2, 0), (0.05, 0.045, 0.93 * HALF_WIDTH), dark)
    scene.box((front, 0.32, 0), (0.035, 0.035, 0.15), dark)
    for x in (front + 0.04, back - 0.02):
        scene.box((x, 0.22, 0), (0.006, 0.03, 0.1), plate)
