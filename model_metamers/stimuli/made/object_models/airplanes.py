"""Airplanes: airliner, propeller plane, jet fighter, biplane."""

import math

import numpy as np

from model_metamers.stimuli.made import ray_marching as rm
from model_metamers.stimuli.made.object_models.model import Model, View
from model_metamers.stimuli.made.object_models.palette import (
    CHROME,
    DARK_GREY,
    GLASS,
    TYRE,
    WHITE,
    any_colour,
    hsv,
    paint,
)
from model_metamers.stimuli.made.object_models.settings import SKY
from model_metamers.stimuli.made.shapes import ALONG_X, ALONG_Z, Scene


def airliner(rng: np.random.Generator) -> Model:
    """Swept low wings, engines under them, a row of windows."""
    scene = Scene()
    hull, wing, fin, glass, engine = _livery(scene, rng)
    radius, sweep = rng.uniform(0.1, 0.13), rng.uniform(0.25, 0.5)
    span = rng.uniform(0.85, 1.05)
    scene.cone((0.8, 0, 0), (-0.3, 0, 0), radius, radius, hull)
    scene.cone((-0.3, 0, 0), (-1.05, 0.07, 0), radius, 0.03, hull, blend=0.03)
    scene.ellipsoid((0.93, 0, 0), (0.2, 0.95 * radius, 0.95 * radius), hull, blend=0.05)
    engines = [0.33] if rng.random() < 0.6 else [0.28, 0.58]
    for side in (-1, 1):
        flat = (90 * side, 0, 0)
        outline = [(0.25, 0), (-0.18, 0), (-0.18 - sweep, span), (-0.03 - sweep, span)]
        scene.prism(outline, 0.015, wing, (0, -0.05, 0), flat)
        tail = [(-0.72, 0), (-0.98, 0), (-1.12, 0.36), (-1.02, 0.36)]
        scene.prism(tail, 0.012, wing, (0, 0.05, 0), flat)
        for share in engines:
            front = 0.17 - share * sweep
            z = side * share
            scene.cone((front, -0.13, z), (front - 0.28, -0.13, z), 0.065, 0.045, engine)
    scene.prism([(-0.68, 0.05), (-1.0, 0.05), (-1.15, 0.45), (-1.02, 0.45)], 0.015, fin)
    scene.box((0.05, 0.03, 0), (0.75, 0.014, radius + 0.004), glass, rounding=0.005)
    scene.box((0.95, 0.055, 0), (0.06, 0.03, 0.8 * radius), glass)
    return Model(scene, _in_flight(rng))


def propeller(rng: np.random.Generator) -> Model:
    """A light plane with a straight high wing and a two-bladed propeller."""
    scene = Scene()
    hull, wing, fin, glass, dark = _livery(scene, rng)
    span = rng.uniform(0.8, 1.0)
    scene.cone((0.45, 0, 0), (0.1, 0.02, 0), 0.13, 0.16, hull)
    scene.cone((0.1, 0.02, 0), (-0.85, 0.06, 0), 0.16, 0.04, hull, blend=0.04)
    scene.box((0.15, 0.2, 0), (0.19, 0.022, span), wing)
    scene.ellipsoid((0.14, 0.1, 0), (0.24, 0.11, 0.145), glass)
    _straight_tail(scene, wing, fin)
    _propeller_blades(scene, rng, dark)
    for side in (-1, 1):
        _wheel(scene, 0.2, -0.3, side)
        scene.cone((0.2, -0.1, 0.1 * side), (0.15, 0.2, 0.5 * side), 0.014, None, dark)
    return Model(scene, _in_flight(rng))


def jet_fighter(rng: np.random.Generator) -> Model:
    """A pointed nose, delta wings and two canted fins, in camouflage."""
    scene = Scene()
    tone, other = (hsv(rng.random(), rng.uniform(0.05, 0.35), v) for v in (0.62, 0.4))
    skin = scene.material(tone * rng.uniform(0.7, 1.2), other, rm.BLOTCHES, 5)
    glass = scene.material((0.1, 0.1, 0.12), gloss=0.8)
    dark = scene.material(DARK_GREY)
    scene.cone((0.1, 0, 0), (-0.8, 0, 0), 0.12, 0.11, skin)
    scene.cone((0.1, 0, 0), (1.1, -0.02, 0), 0.12, 0.015, skin)
    scene.ellipsoid((0.35, 0.1, 0), (0.25, 0.085, 0.07), glass)
    tip = rng.uniform(0.6, 0.75)
    for side in (-1, 1):
        flat = (90 * side, 0, 0)
        delta = [(0.35, 0), (-0.7, 0), (-0.75, tip), (-0.5, tip)]
        scene.prism(delta, 0.012, skin, (0, -0.02, 0), flat)
        scene.prism([(-0.7, 0), (-1, 0), (-1.05, 0.36), (-0.9, 0.36)], 0.012, skin, rotation=flat)
        fin = [(-0.5, 0.05), (-0.85, 0.05), (-0.98, 0.42), (-0.82, 0.42)]
        scene.prism(fin, 0.012, skin, (0, 0, 0.11 * side), (15 * side, 0, 0))
        scene.box((0, -0.03, 0.12 * side), (0.22, 0.08, 0.06), dark)
    scene.disc((-0.86, 0, 0), 0.09, 0.06, dark, ALONG_X)
    return Model(scene, _in_flight(rng))


def biplane(rng: np.random.Generator) -> Model:
    """Two wings above each other with struts, a round engine, an open cockpit."""
    scene = Scene()
    hull, wing, fin, glass, dark = _livery(scene, rng)
    scene.cone((0.4, 0, 0), (-0.8, 0.05, 0), 0.15, 0.05, hull)
    scene.disc((0.47, 0, 0), 0.16, 0.09, dark, ALONG_X)
    for y in (-0.13, 0.3):
        scene.box((0.2, y, 0), (0.16, 0.018, 0.85), wing)
    for z in (-0.6, -0.25, 0.25, 0.6):
        for x in (0.1, 0.3):
            scene.cone((x, -0.13, z), (x, 0.3, z), 0.014, None, dark)
    scene.ellipsoid((-0.1, 0.13, 0), (0.12, 0.06, 0.07), glass)
    _straight_tail(scene, wing, fin)
    _propeller_blades(scene, rng, dark)
    for side in (-1, 1):
        _wheel(scene, 0.25, -0.33, side)
    return Model(scene, _in_flight(rng))


def _livery(scene: Scene, rng: np.random.Generator) -> tuple[int, int, int, int, int]:
    """Add the materials of hull, wing, fin, glass and dark metal."""
    hull = scene.material(WHITE if rng.random() < 0.7 else any_colour(rng), gloss=0.4)
    silver = (0.75, 0.77, 0.8)
    wing = scene.material(any_colour(rng) if rng.random() < 0.25 else silver, gloss=0.4)
    fin = scene.material(paint(rng))
    return hull, wing, fin, scene.material(GLASS, gloss=0.7), scene.material(DARK_GREY)


def _in_flight(rng: np.random.Generator) -> View:
    front = 35 if rng.random() < 0.7 else -35
    return View(front, 40, (8, 38), roll_deg=18, ground_probability=0, setting=SKY)


def _straight_tail(scene: Scene, wing: int, fin: int) -> None:
    scene.box((-0.78, 0.07, 0), (0.12, 0.015, 0.33), wing, rounding=0.01)
    scene.prism([(-0.6, 0.05), (-0.9, 0.05), (-0.94, 0.37), (-0.8, 0.37)], 0.015, fin)


def _propeller_blades(scene: Scene, rng: np.random.Generator, dark: int) -> None:
    scene.cone((0.5, 0, 0), (0.65, 0, 0), 0.06, 0.025, dark)
    angle_deg = math.degrees(rng.uniform(0, math.pi))
    scene.box((0.61, 0, 0), (0.012, 0.34, 0.032), dark, (angle_deg, 0, 0), rounding=0.01)


def _wheel(scene: Scene, x: float, y: float, side: int) -> None:
    strut = scene.material(CHROME)
    scene.cone((x, -0.08, 0), (x, y, 0.2 * side), 0.02, None, strut)
    scene.disc((x, y, 0.22 * side), 0.08, 0.03, scene.material(TYRE), ALONG_Z)
