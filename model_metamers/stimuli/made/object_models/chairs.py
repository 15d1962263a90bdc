"""Chairs: dining chair, office chair, armchair, Windsor chair."""

import math

import numpy as np

from model_metamers.stimuli.made import ray_marching as rm
from model_metamers.stimuli.made.object_models.model import Model, View
from model_metamers.stimuli.made.object_models.palette import any_colour, wood
from model_metamers.stimuli.made.shapes import Scene

_VIEW = View(45, 42, (8, 36), ground_probability=0.85)


def dining(rng: np.random.Generator) -> Model:
    """Four straight legs and a back of three slats."""
    scene = Scene()
    frame, cushion, _ = _materials(scene, rng)
    scene.box((0, 0.5, 0), (0.3, 0.035, 0.3), cushion, rounding=0.03)
    for z in (-0.26, 0.26):
        scene.cone((0.26, 0, z), (0.26, 0.48, z), 0.035, None, frame)
        scene.tube([(-0.28, 0, z), (-0.26, 0.5, z), (-0.36, 1.15, z)], 0.035, None, frame)
        scene.cone((0.26, 0.22, z), (-0.27, 0.22, z), 0.02, None, frame)
    for y in (0.75, 0.92, 1.1):
        lean = -0.28 - 0.15 * (y - 0.5)
        scene.box((lean, y, 0), (0.018, 0.05, 0.27), frame, (0, 0, 8))
    return Model(scene, _VIEW)


def office(rng: np.random.Generator) -> Model:
    """A swivel chair on five castors, with arm rests."""
    scene = Scene()
    _, cushion, dark = _materials(scene, rng)
    scene.box((0, 0.55, 0), (0.3, 0.06, 0.3), cushion, rounding=0.05)
    scene.box((-0.3, 0.98, 0), (0.05, 0.32, 0.26), cushion, (0, 0, 8), rounding=0.05)
    scene.cone((-0.25, 0.55, 0), (-0.3, 0.75, 0), 0.035, None, dark)
    scene.cone((0, 0.1, 0), (0, 0.5, 0), 0.045, None, dark)
    for k in range(5):
        angle = 2 * math.pi * k / 5 + 0.3
        x, z = 0.36 * math.cos(angle), 0.36 * math.sin(angle)
        scene.cone((0, 0.14, 0), (x, 0.08, z), 0.038, 0.028, dark)
        scene.ellipsoid((x, 0.045, z), 0.055, dark)
    for z in (-0.34, 0.34):
        scene.tube([(0.05, 0.55, 0.9 * z), (0.08, 0.78, z), (-0.2, 0.78, z)], 0.032, None, dark)
    return Model(scene, _VIEW)


def armchair(rng: np.random.Generator) -> Model:
    """Upholstered, with thick arms on short feet."""
    scene = Scene()
    frame, cushion, _ = _materials(scene, rng)
    scene.box((0, 0.3, 0), (0.42, 0.2, 0.42), cushion, rounding=0.08)
    scene.box((0.03, 0.5, 0), (0.36, 0.09, 0.3), cushion, rounding=0.08)
    scene.box((-0.36, 0.68, 0), (0.12, 0.42, 0.42), cushion, (0, 0, 8), rounding=0.1)
    for z in (-0.4, 0.4):
        scene.box((0, 0.48, z), (0.42, 0.22, 0.09), cushion, rounding=0.08)
    for x in (-0.33, 0.33):
        for z in (-0.33, 0.33):
            scene.cone((x, 0, z), (x, 0.12, z), 0.04, None, frame)
    return Model(scene, _VIEW)


def windsor(rng: np.random.Generator) -> Model:
    """A round seat, splayed legs and a back of rods; half of them on rockers."""
    scene = Scene()
    frame, _, _ = _materials(scene, rng)
    scene.disc((0, 0.55, 0), 0.32, 0.03, frame, rounding=0.02)
    for x in (-1, 1):
        for z in (-1, 1):
            scene.cone((0.18 * x, 0.53, 0.18 * z), (0.3 * x, 0, 0.3 * z), 0.038, 0.028, frame)
    for z in np.linspace(-0.24, 0.24, 5):
        bow = 1 - (z / 0.24) ** 2
        foot, top = (-0.22 - 0.08 * bow, 0.56, z), (-0.38 - 0.05 * bow, 1.05, 1.2 * z)
        scene.cone(foot, top, 0.02, None, frame)
    rail = [(-0.36, 1.05, -0.33), (-0.43, 1.1, -0.15), (-0.43, 1.1, 0.15), (-0.36, 1.05, 0.33)]
    scene.tube(rail, 0.042, None, frame)
    if rng.random() < 0.5:
        bend = [(-0.55, 0.12), (-0.3, 0.0), (0, -0.05), (0.3, 0), (0.5, 0.1)]
        for side in (-0.3, 0.3):
            scene.tube([(x, y, side) for x, y in bend], 0.03, None, frame)
    return Model(scene, _VIEW)


def _materials(scene: Scene, rng: np.random.Generator) -> tuple[int, int, int]:
    """Add the materials of frame, cushion and dark metal."""
    timber = wood(rng)
    colour = timber if rng.random() < 0.6 else any_colour(rng)
    frame = scene.material(colour, 0.7 * timber, rm.GRAIN, 4, gloss=0.15)
    cushion = scene.material(any_colour(rng), gloss=0.1)
    return frame, cushion, scene.material((0.15, 0.15, 0.16), gloss=0.5)
