"""Ovens: cooker, range with a backguard, microwave, wall oven. The doors face +z."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from model_metamers.stimuli.made import ray_marching as rm
from model_metamers.stimuli.made.object_models.model import Model, View
from model_metamers.stimuli.made.object_models.palette import BLACK, WHITE, any_colour, paint
from model_metamers.stimuli.made.shapes import ALONG_Z, Scene

_VIEW = View(
    azimuth_spread_deg=40, elevation_deg=(5, 30), both_sides=False, ground_probability=0.85
)


@dataclass(frozen=True)
class _Parts:
    """Material numbers; `window` is dark or glows."""

    case: int
    glass: int
    window: int
    knob: int
    handle: int


def cooker(rng: np.random.Generator) -> Model:
    """Oven below a hob, sometimes with a pan or glowing rings."""
    scene = Scene()
    parts = _materials(scene, rng)
    _range_body(scene, parts)
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
    _range_body(scene, parts)
    _hob(scene, parts, parts.knob)
    scene.box((0, 1.18, -0.4), (0.45, 0.2, 0.03), parts.case)
    scene.box((0, 1.2, -0.37), (0.15, 0.07, 0.015), parts.glass)
    for x in (-0.35, -0.25, 0.25, 0.35):
        scene.disc((x, 1.2, -0.36), 0.04, 0.02, parts.knob, ALONG_Z)
    return Model(scene, _VIEW)


def microwave(rng: np.random.Generator) -> Model:
    """Wide and low, the panel with display and buttons on the right."""
    scene = Scene()
    parts = _materials(scene, rng)
    display = scene.material((0.1, 0.55, 0.42))
    scene.box((0, 0.35, 0), (0.65, 0.36, 0.35), parts.case, rounding=0.03)
    scene.box((-0.14, 0.35, 0.35), (0.44, 0.27, 0.015), parts.glass)
    scene.box((-0.14, 0.35, 0.358), (0.34, 0.19, 0.013), parts.window)
    scene.cone((0.33, 0.15, 0.41), (0.33, 0.55, 0.41), 0.027, None, parts.handle)
    scene.box((0.49, 0.58, 0.355), (0.11, 0.05, 0.01), display)
    for row in range(3):
        for column in range(3):
            x, y = 0.42 + 0.07 * column, 0.43 - 0.09 * row
            scene.box((x, y, 0.355), (0.025, 0.03, 0.012), parts.knob)
    scene.disc((0.49, 0.13, 0.36), 0.055, 0.03, parts.knob, ALONG_Z)
    return Model(scene, _VIEW)


def wall_oven(rng: np.random.Generator) -> Model:
    """Two doors above each other and a control panel."""
    scene = Scene()
    parts = _materials(scene, rng)
    display = scene.material((0.2, 0.8, 0.6))
    scene.box((0, 0.7, 0), (0.42, 0.7, 0.35), parts.case)
    for y in (0.38, 0.95):
        scene.box((0, y, 0.36), (0.36, 0.24, 0.015), parts.glass)
        scene.box((0, y - 0.03, 0.368), (0.28, 0.14, 0.012), parts.window)
        scene.cone((-0.3, y + 0.19, 0.43), (0.3, y + 0.19, 0.43), 0.026, None, parts.handle)
    scene.box((0, 1.3, 0.355), (0.4, 0.065, 0.012), parts.knob)
    scene.box((0, 1.3, 0.365), (0.1, 0.04, 0.012), display)
    for x in (-0.3, -0.2, 0.2, 0.3):
        scene.disc((x, 1.3, 0.38), 0.038, 0.025, parts.handle, ALONG_Z)
    return Model(scene, _VIEW)


def _materials(scene: Scene, rng: np.random.Generator) -> _Parts:
    cases: Sequence = (WHITE, (0.7, 0.71, 0.73), (0.16, 0.16, 0.17), paint(rng, 0.4))
    colour = cases[rng.choice(4, p=[0.4, 0.3, 0.1, 0.2])]
    case = scene.material(colour, gloss=0.3)
    glass = scene.material((0.06, 0.06, 0.07), gloss=0.9)
    glow = (0.95, 0.5, 0.12) if rng.random() < 0.6 else (0.12, 0.12, 0.13)
    window = scene.material(glow, texture=rm.BANDS, frequency=6, gloss=0.6)
    knob = scene.material(BLACK if colour[0] > 0.3 else (0.8, 0.8, 0.8), gloss=0.4)
    return _Parts(case, glass, window, knob, scene.material((0.8, 0.8, 0.82), gloss=0.8))


def _range_body(scene: Scene, parts: _Parts) -> None:
    scene.box((0, 0.5, 0), (0.45, 0.5, 0.42), parts.case)
    scene.box((0, 0.4, 0.43), (0.36, 0.25, 0.015), parts.glass, rounding=0.01)
    scene.box((0, 0.4, 0.437), (0.29, 0.17, 0.014), parts.window)
    scene.cone((-0.33, 0.7, 0.5), (0.33, 0.7, 0.5), 0.027, None, parts.handle)
    for x in np.linspace(-0.32, 0.32, 5):
        scene.disc((x, 0.87, 0.44), 0.045, 0.03, parts.knob, ALONG_Z)
    scene.box((0, 0.06, 0.43), (0.42, 0.05, 0.01), parts.knob)


def _hob(scene: Scene, parts: _Parts, ring: int) -> None:
    scene.box((0, 1.005, 0), (0.45, 0.01, 0.42), parts.glass)
    for x in (-0.22, 0.22):
        for z in (-0.2, 0.2):
            scene.torus((x, 1.025, z), 0.13, 0.02, ring)
            scene.torus((x, 1.025, z), 0.06, 0.02, parts.knob)
