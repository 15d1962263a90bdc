"""Birds: songbird on a branch, flying bird, flamingo or heron, duck."""

import math

import numpy as np

from model_metamers.stimuli.made import ray_marching as rm
from model_metamers.stimuli.made.object_models.model import Model, View
from model_metamers.stimuli.made.object_models.palette import (
    BLACK,
    WHITE,
    any_colour,
    hsv,
    one_of,
    paint,
)
from model_metamers.stimuli.made.object_models.quadruped import add_pair
from model_metamers.stimuli.made.shapes import Scene


def songbird(rng: np.random.Generator) -> Model:
    """Perching on a branch."""
    scene = Scene()
    body, wing, beak, eye = _plumage(scene, rng)
    belly = scene.material(hsv(rng.uniform(0.11, 0.15), 0.6, 0.9))
    scene.ellipsoid((0, 0, 0), (0.42, 0.3, 0.27), body, (0, 0, 30), blend=0.08)
    scene.ellipsoid((0.1, -0.06, 0), (0.3, 0.25, 0.24), belly, (0, 0, 45), blend=0.03)
    scene.ellipsoid((0.32, 0.32, 0), (0.2, 0.19, 0.18), body, blend=0.06)
    scene.cone((0.45, 0.32, 0), (0.68, 0.29, 0), 0.06, 0.01, beak)
    tail = [(0, 0.07), (0, -0.07), (-0.62, -0.13), (-0.62, 0.08)]
    scene.prism(tail, 0.05, wing, (-0.28, -0.15, 0), (0, 0, 20))
    for side in (-1, 1):
        scene.ellipsoid((-0.1, 0.02, 0.24 * side), (0.36, 0.17, 0.06), wing, (0, 0, 28))
        scene.cone((0.05, -0.2, 0.08 * side), (0.05, -0.45, 0.09 * side), 0.022, None, beak)
    add_pair(scene, (0.42, 0.37, 0.14), 0.042, eye)
    bark = scene.material((0.35, 0.24, 0.15), (0.2, 0.14, 0.1), rm.GRAIN, 6)
    scene.cone((0.15, -0.5, -0.7), (-0.05, -0.5, 0.7), 0.06, 0.05, bark)
    return Model(scene, View(20, 40, (-5, 30), ground_probability=0.15))


def flying(rng: np.random.Generator) -> Model:
    """Spread wings of two panels, a forked tail."""
    scene = Scene()
    body, wing, beak, eye = _plumage(scene, rng)
    scene.ellipsoid((0, 0, 0), (0.45, 0.15, 0.15), body, blend=0.06)
    scene.ellipsoid((0.45, 0.06, 0), (0.15, 0.13, 0.13), body, blend=0.06)
    scene.cone((0.56, 0.05, 0), (0.76, 0.02, 0), 0.05, 0.008, beak)
    raised_deg = rng.uniform(-15, 45)
    tip_z, tip_y = (0.48 * f(math.radians(raised_deg)) for f in (math.cos, math.sin))
    arm = [(0.28, 0), (-0.22, 0), (-0.3, 0.4), (-0.12, 0.5), (0.22, 0.5)]
    hand = [(0.23, 0), (-0.12, 0), (-0.32, 0.25), (-0.35, 0.62), (-0.1, 0.4)]
    for side in (-1, 1):
        with scene.placed((0, 0.05, 0.08 * side)):
            scene.prism(arm, 0.015, wing, (0, 0, 0), (side * (90 - raised_deg), 0, 0), 0.015)
            bent = (side * (90 + 0.3 * raised_deg), 0, 0)
            scene.prism(hand, 0.012, wing, (0, tip_y, side * tip_z), bent, 0.012)
    add_pair(scene, (0.53, 0.1, 0.1), 0.03, eye)
    tail = [(0.05, -0.06), (0.05, 0.06), (-0.45, 0.2), (-0.36, 0), (-0.45, -0.2)]
    scene.prism(tail, 0.012, wing, (-0.35, 0, 0), (90, 0, 0))
    return Model(scene, View(20, 50, (20, 60), roll_deg=20, ground_probability=0))


def flamingo(rng: np.random.Generator) -> Model:
    """Long legs, an S-shaped neck and a bent bill; pink, white or heron blue."""
    scene = Scene()
    pink, heron = hsv(0.96, 0.55, 0.98), hsv(0.6, 0.2, 0.65)
    body = scene.material(one_of(rng, pink, pink, WHITE, heron))
    legs = scene.material(hsv(rng.uniform(0.02, 0.12), 0.8, 0.9), gloss=0.4)
    bill = scene.material(hsv(rng.uniform(0.05, 0.13), 0.9, 0.95), gloss=0.4)
    eye = scene.material(BLACK, gloss=0.9)
    scene.ellipsoid((0, 0.9, 0), (0.38, 0.22, 0.2), body, (0, 0, -12), blend=0.08)
    neck = [(0.3, 0.93, 0), (0.5, 1.1, 0), (0.38, 1.35, 0), (0.42, 1.6, 0), (0.52, 1.68, 0)]
    scene.tube(neck, 0.075, 0.05, body, 0.04)
    scene.ellipsoid((0.55, 1.68, 0), (0.12, 0.09, 0.08), body, blend=0.03)
    scene.tube([(0.63, 1.67, 0), (0.76, 1.61, 0), (0.84, 1.48, 0)], 0.05, 0.015, bill)
    for side in (-1, 1):
        scene.ellipsoid((-0.1, 0.95, 0.16 * side), (0.38, 0.16, 0.06), body, (0, 0, -12))
    add_pair(scene, (0.59, 1.71, 0.068), 0.024, eye)
    scene.tube([(0, 0.75, 0.07), (-0.04, 0.4, 0.07), (0, 0.03, 0.07)], 0.027, None, legs)
    scene.cone((-0.03, 0.03, 0.07), (0.15, 0.02, 0.07), 0.027, None, legs)
    stands = [(0, 0.75, -0.07), (0.1, 0.42, -0.07), (0, 0.03, -0.07)]
    one_legged = [(0, 0.75, -0.07), (0.18, 0.55, -0.07), (-0.1, 0.45, -0.07)]
    scene.tube(stands if rng.random() < 0.5 else one_legged, 0.027, None, legs)
    return Model(scene, View(15, 40, (0, 20)))


def duck(rng: np.random.Generator) -> Model:
    """Floating, with a broad flat bill."""
    scene = Scene()
    body, wing, _, eye = _plumage(scene, rng)
    bill = scene.material(hsv(rng.uniform(0.07, 0.13), 0.9, 0.95), gloss=0.4)
    head = scene.material(paint(rng))
    scene.ellipsoid((0, 0.28, 0), (0.55, 0.28, 0.32), body, blend=0.1)
    tail = [(0, 0), (-0.35, 0.2), (-0.1, -0.1)]
    scene.prism(tail, 0.1, body, (-0.4, 0.33, 0), rounding=0.03, blend=0.06)
    scene.cone((0.33, 0.4, 0), (0.42, 0.7, 0), 0.14, 0.12, head, 0.06)
    scene.ellipsoid((0.45, 0.78, 0), (0.19, 0.17, 0.16), head, blend=0.04)
    scene.ellipsoid((0.68, 0.73, 0), (0.18, 0.04, 0.1), bill)
    collar = scene.material(WHITE)
    scene.torus((0.36, 0.53, 0), 0.135, 0.025, collar, (0, 0, -18))
    for side in (-1, 1):
        scene.ellipsoid((-0.08, 0.38, 0.27 * side), (0.36, 0.16, 0.08), wing, (0, 0, 10))
    add_pair(scene, (0.55, 0.83, 0.13), 0.038, eye)
    return Model(scene, View(20, 45, (3, 30), ground_height=0.12))


def _plumage(scene: Scene, rng: np.random.Generator) -> tuple[int, int, int, int]:
    """Add the materials of body, wings, beak and eyes."""
    colour = any_colour(rng)
    body = scene.material(colour)
    wing = scene.material(0.55 * colour, 0.9 * colour, rm.GRAIN, 8)
    beak = scene.material(hsv(rng.uniform(0.05, 0.13), 0.9, 0.95), gloss=0.4)
    return body, wing, beak, scene.material(BLACK, gloss=0.9)
