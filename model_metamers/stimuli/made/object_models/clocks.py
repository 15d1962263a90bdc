"""Clocks: wall clock, alarm clock, grandfather clock, square mantel clock. They face +z."""

import math
from dataclasses import dataclass

import numpy as np

from model_metamers.stimuli.made import ray_marching as rm
from model_metamers.stimuli.made.object_models.model import Model, View
from model_metamers.stimuli.made.object_models.palette import (
    BLACK,
    CREAM,
    WHITE,
    any_colour,
    hsv,
)
from model_metamers.stimuli.made.shapes import ALONG_Z, Scene


@dataclass(frozen=True)
class _Parts:
    """Material numbers."""

    case: int
    dial: int
    ink: int
    pin: int


def wall(rng: np.random.Generator) -> Model:
    """Round, hanging: no ground."""
    scene = Scene()
    parts = _materials(scene, rng)
    scene.disc((0, 0, -0.02), 0.62, 0.07, parts.case, ALONG_Z, rounding=0.03)
    _face(scene, rng, parts, 0.55, 0, 0.09)
    return Model(scene, _view((-12, 22), 0.0))


def alarm(rng: np.random.Generator) -> Model:
    """Two bells, a handle and two feet."""
    scene = Scene()
    parts = _materials(scene, rng)
    bell = scene.material((0.8, 0.75, 0.5), gloss=0.8)
    scene.disc((0, 0, 0), 0.52, 0.16, parts.case, ALONG_Z, rounding=0.03)
    _face(scene, rng, parts, 0.46, 0, 0.18)
    for side in (-1, 1):
        tilt = (0, 0, -35 * side)
        scene.ellipsoid((0.34 * side, 0.56, 0), (0.2, 0.16, 0.2), bell, tilt)
        foot = (0.42 * side, -0.68, 0)
        scene.cone((0.25 * side, -0.42, 0), foot, 0.05, 0.06, parts.case)
    scene.torus((0, 0.7, 0), 0.13, 0.027, parts.case, ALONG_Z)
    scene.cone((0, 0.5, 0), (0, 0.68, 0), 0.03, 0.05, parts.case)
    return Model(scene, _view((0, 22), 0.6))


def grandfather(rng: np.random.Generator) -> Model:
    """A tall wooden case with a pendulum."""
    scene = Scene()
    timber = hsv(rng.uniform(0.04, 0.1), 0.6, rng.uniform(0.3, 0.6))
    wood = scene.material(timber, texture=rm.GRAIN, frequency=4)
    parts = _materials(scene, rng)
    scene.box((0, -0.35, 0), (0.24, 0.55, 0.16), wood)
    scene.box((0, 0.42, 0), (0.34, 0.33, 0.2), wood)
    scene.box((0, -1.02, 0), (0.34, 0.14, 0.22), wood)
    scene.prism([(-0.38, 0), (0.38, 0), (0, 0.2)], 0.19, wood, (0, 0.75, 0))
    _face(scene, rng, parts, 0.29, 0.42, 0.21)
    well = scene.material((0.1, 0.08, 0.07))
    brass = scene.material((0.9, 0.75, 0.3), gloss=0.9)
    scene.box((0, -0.38, 0.15), (0.16, 0.42, 0.025), well)
    swing = rng.uniform(-0.07, 0.07)
    scene.cone((0, -0.02, 0.19), (swing, -0.6, 0.19), 0.016, None, brass)
    scene.disc((swing, -0.62, 0.19), 0.085, 0.015, brass, ALONG_Z)
    return Model(scene, _view((0, 22), 0.6))


def mantel(rng: np.random.Generator) -> Model:
    """A square case, standing."""
    scene = Scene()
    parts = _materials(scene, rng)
    width = rng.uniform(0.9, 1.0)
    rounding = 0.06 if rng.random() < 0.5 else 0.01
    scene.box((0, 0, 0), (0.6 * width, 0.6, 0.13), parts.case, rounding=rounding)
    scene.box((0, 0, 0.12), (0.53 * width, 0.53, 0.02), parts.dial)
    _face(scene, rng, parts, 0.5 * width, 0, 0.13)
    return Model(scene, _view((0, 22), 0.6))


def _materials(scene: Scene, rng: np.random.Generator) -> _Parts:
    case = scene.material(any_colour(rng), gloss=0.4)
    paper = (WHITE, CREAM, (0.12, 0.12, 0.14))[rng.choice(3, p=[0.6, 0.25, 0.15])]
    dial = scene.material(paper, gloss=0.15)
    ink = scene.material(BLACK if paper[0] > 0.5 else WHITE)
    return _Parts(case, dial, ink, scene.material((0.85, 0.1, 0.1)))


def _face(
    scene: Scene, rng: np.random.Generator, parts: _Parts, radius: float, y: float, z: float
) -> None:
    """Add a dial of twelve marks and two hands, centred on (0, y, z)."""
    scene.disc((0, y, z), radius, 0.02, parts.dial, ALONG_Z)
    for hour in range(12):
        quarter = hour % 3 == 0
        half = ((0.046 if quarter else 0.03) * radius, (0.13 if quarter else 0.085) * radius)
        _radial_bar(scene, parts.ink, y, z + 0.03, 30 * hour, 0.82 * radius, *half, 0.008)
    hour_deg, minute_deg = rng.uniform(0, 360, 2)
    for angle_deg, length, width in ((hour_deg, 0.5, 0.055), (minute_deg, 0.74, 0.04)):
        half = (width * radius, 0.5 * length * radius + 0.03)
        middle = 0.5 * length * radius
        _radial_bar(scene, parts.ink, y, z + 0.04, angle_deg, middle, *half, 0.01)
    scene.disc((0, y, z + 0.045), 0.07 * radius, 0.015, parts.pin, ALONG_Z)


def _radial_bar(
    scene: Scene,
    material: int,
    y: float,
    z: float,
    angle_deg: float,
    distance: float,
    half_width: float,
    half_length: float,
    half_depth: float,
) -> None:
    """Add a bar that points away from the dial's centre; 0 degrees is twelve o'clock."""
    angle = math.radians(angle_deg)
    centre = (distance * math.sin(angle), y + distance * math.cos(angle), z)
    half = (half_width, half_length, half_depth)
    scene.box(centre, half, material, (0, 0, -angle_deg), rounding=0.003)


def _view(elevation_deg: tuple[float, float], ground_probability: float) -> View:
    return View(
        azimuth_spread_deg=38,
        elevation_deg=elevation_deg,
        roll_deg=10,
        both_sides=False,
        ground_probability=ground_probability,
    )
