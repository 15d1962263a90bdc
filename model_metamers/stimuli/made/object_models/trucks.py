"""Trucks: box truck, semi-trailer, dump truck, tanker."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from model_metamers.stimuli.made import ray_marching as rm
from model_metamers.stimuli.made.object_models.model import Model, View
from model_metamers.stimuli.made.object_models.palette import (
    CHROME,
    DARK_GREY,
    GLASS,
    HEADLIGHT,
    TYRE,
    WHITE,
    any_colour,
    one_of,
    paint,
)
from model_metamers.stimuli.made.shapes import ALONG_X, ALONG_Z, Scene


@dataclass(frozen=True)
class _Parts:
    """Material numbers."""

    cab: int
    load: int
    glass: int
    tyre: int
    chrome: int
    dark: int
    light: int


def box_truck(rng: np.random.Generator) -> Model:
    """A flat cab before a high box with a painted sign."""
    scene, half = Scene(), 0.32
    parts = _materials(scene, rng)
    scene.box((-0.25, 0.24, 0), (0.75, 0.05, half - 0.05), parts.dark)
    scene.box((-0.32, 0.72, 0), (0.68, 0.44, half), parts.load, rounding=0.01)
    scene.box((-0.32, 0.72, 0), (0.5, 0.1, half + 0.012), scene.material(paint(rng)))
    _flat_cab(scene, parts, 0.42, half - 0.02, 0.85)
    _wheels(scene, parts, (-0.65, 0.6), 0.17, half)
    return Model(scene, _view(rng))


def semi_trailer(rng: np.random.Generator) -> Model:
    """A tractor with a long bonnet and chimneys, and a long trailer."""
    scene, half = Scene(), 0.28
    parts = _materials(scene, rng)
    scene.box((-0.5, 0.72, 0), (0.9, 0.4, half), parts.load, rounding=0.01)
    scene.box((-0.4, 0.27, 0), (0.95, 0.05, half - 0.06), parts.dark)
    _bonneted_cab(scene, parts, 0.52, half - 0.03, 0.9)
    _wheels(scene, parts, (-1.2, -0.93, 0.3, 0.57, 1.1), 0.15, half)
    for side in (-1, 1):
        scene.cone((0.47, 0.3, half * side), (0.47, 1.18, half * side), 0.032, None, parts.chrome)
    return Model(scene, _view(rng))


def dump_truck(rng: np.random.Generator) -> Model:
    """A ribbed tipper, raised by up to 25 degrees, often loaded."""
    scene, half = Scene(), 0.34
    parts = _materials(scene, rng)
    scene.box((-0.1, 0.28, 0), (0.85, 0.06, half - 0.06), parts.dark)
    with scene.placed((-0.85, 0.42, 0), (0, 0, rng.uniform(0, 25))):
        outline = [(0, 0), (1.15, 0), (1.3, 0.42), (-0.12, 0.42)]
        scene.prism(outline, half, parts.load)
        for k in range(5):
            scene.box((0.1 + 0.24 * k, 0.2, 0), (0.025, 0.2, half + 0.025), parts.load)
        if rng.random() < 0.6:
            earth = scene.material((0.4, 0.3, 0.2), (0.25, 0.18, 0.12), rm.BLOTCHES, 12, 0.0)
            scene.ellipsoid((0.58, 0.4, 0), (0.54, 0.24, 0.87 * half), earth)
    _flat_cab(scene, parts, 0.42, half - 0.02, 0.88)
    _wheels(scene, parts, (-0.7, -0.33, 0.62), 0.185, half)
    return Model(scene, _view(rng))


def tanker(rng: np.random.Generator) -> Model:
    """A cylindrical tank with hoops."""
    scene, half = Scene(), 0.3
    parts = _materials(scene, rng)
    scene.cone((-0.95, 0.66, 0), (0.15, 0.66, 0), 0.31, 0.31, parts.load)
    for x in (-0.8, -0.35, 0.1):
        scene.disc((x, 0.66, 0), 0.322, 0.03, parts.chrome, ALONG_X)
    scene.box((-0.35, 0.27, 0), (0.95, 0.06, half - 0.05), parts.dark)
    _flat_cab(scene, parts, 0.55, half, 0.92)
    _wheels(scene, parts, (-1.0, -0.68, 0.1, 0.77), 0.16, half)
    return Model(scene, _view(rng))


def _materials(scene: Scene, rng: np.random.Generator) -> _Parts:
    cab = scene.material(any_colour(rng), gloss=0.5)
    load = scene.material(one_of(rng, WHITE, any_colour(rng), (0.7, 0.7, 0.7)), gloss=0.15)
    glass, tyre = scene.material(GLASS, gloss=0.8), scene.material(TYRE)
    chrome, dark = scene.material(CHROME, gloss=0.5), scene.material(DARK_GREY)
    return _Parts(cab, load, glass, tyre, chrome, dark, scene.material(HEADLIGHT))


def _wheels(
    scene: Scene, parts: _Parts, xs: Sequence[float], radius: float, half_width: float
) -> None:
    for x in xs:
        for side in (-1, 1):
            z = side * (half_width - 0.06)
            scene.disc((x, radius, z), radius, 0.07, parts.tyre, ALONG_Z, rounding=0.02)
            z = side * half_width
            scene.disc((x, radius, z), 0.5 * radius, 0.045, parts.chrome, ALONG_Z)


def _flat_cab(scene: Scene, parts: _Parts, x: float, half: float, height: float) -> None:
    outline = [(0, 0.2), (0.42, 0.2), (0.44, 0.5), (0.36, height), (0, height)]
    scene.prism(outline, half - 0.03, parts.cab, (x, 0, 0), rounding=0.03)
    _cab_windows(scene, parts, x, x + 0.41, half, height, lean_deg=10)
    _cab_front(scene, parts, x + 0.46, half)


def _bonneted_cab(scene: Scene, parts: _Parts, x: float, half: float, height: float) -> None:
    outline = [(0, 0.2), (0.75, 0.2), (0.76, 0.5), (0.42, 0.58), (0.34, height), (0, height)]
    scene.prism(outline, half - 0.03, parts.cab, (x, 0, 0), rounding=0.03)
    _cab_windows(scene, parts, x, x + 0.4, half, height, lean_deg=12)
    _cab_front(scene, parts, x + 0.78, half)


def _cab_windows(
    scene: Scene,
    parts: _Parts,
    x: float,
    screen_x: float,
    half: float,
    height: float,
    lean_deg: float,
) -> None:
    middle, tall = (height + 0.55) / 2 + 0.02, (height - 0.6) / 2.2
    scene.box((x + 0.2, middle, 0), (0.1, tall, half + 0.01), parts.glass)
    scene.box((screen_x, middle, 0), (0.03, tall, half - 0.06), parts.glass, (0, 0, lean_deg))


def _cab_front(scene: Scene, parts: _Parts, x: float, half: float) -> None:
    for side in (-1, 1):
        scene.disc((x, 0.36, side * (half - 0.1)), 0.055, 0.02, parts.light, ALONG_X)
    scene.box((x, 0.24, 0), (0.03, 0.06, half), parts.chrome)
    scene.box((x, 0.42, 0), (0.015, 0.07, 0.5 * half), parts.dark)


def _view(rng: np.random.Generator) -> View:
    front = 25 if rng.random() < 0.6 else -25
    return View(front, 40, (4, 25), ground_probability=0.9)
