"""Boats: sailboat, motorboat, steamship, rowing boat; all float at their waterline."""

import numpy as np

from model_metamers.stimuli.made import ray_marching as rm
from model_metamers.stimuli.made.object_models.model import Model, View
from model_metamers.stimuli.made.object_models.palette import (
    BLACK,
    GLASS,
    WHITE,
    any_colour,
    hsv,
    one_of,
    paint,
)
from model_metamers.stimuli.made.shapes import Scene

FLAT = (90, 0, 0)  # lays a prism's outline down: its y becomes z


def sailboat(rng: np.random.Generator) -> Model:
    """A mast with mainsail and jib."""
    scene = Scene()
    wood = _hull(scene, rng, 0.85, 0.25, 0.3)
    colour = one_of(rng, WHITE, paint(rng), (0.95, 0.9, 0.75))
    stripes = rm.BANDS if rng.random() < 0.5 else rm.PLAIN
    cloth = scene.material(colour, one_of(rng, WHITE, paint(rng)), stripes, 7, gloss=0.05)
    jib = scene.material(WHITE, gloss=0.05)
    scene.cone((0.08, 0, 0), (0.08, 1.6, 0), 0.03, 0.02, wood)
    with scene.placed((0, 0, 0), (0, rng.uniform(-12, 12), 0)):
        scene.prism([(0.03, 0.15), (-0.78, 0.15), (0.03, 1.5)], 0.012, cloth)
        scene.cone((0.05, 0.13, 0), (-0.8, 0.13, 0), 0.022, None, wood)
    scene.prism([(0.13, 0.15), (0.8, 0.08), (0.13, 1.35)], 0.01, jib)
    return Model(scene, _afloat(0.3))


def motorboat(rng: np.random.Generator) -> Model:
    """A cabin with windows and a short mast."""
    scene = Scene()
    wood = _hull(scene, rng, 1.0, 0.3, 0.33)
    white, glass = scene.material(WHITE), scene.material(GLASS, gloss=0.6)
    cabin = [(0.38, 0), (-0.6, 0), (-0.6, 0.2), (0.12, 0.2)]
    scene.prism(cabin, 0.2, white, (0, 0.03, 0), rounding=0.02)
    windows = [(0.14, 0), (-0.5, 0), (-0.45, 0.17), (-0.05, 0.17)]
    scene.prism(windows, 0.16, glass, (0, 0.25, 0), rounding=0.02)
    roof = [(0.02, 0), (-0.55, 0), (-0.55, 0.04), (0.02, 0.04)]
    scene.prism(roof, 0.18, white, (0, 0.43, 0))
    scene.cone((-0.35, 0.45, 0), (-0.42, 0.78, 0), 0.02, None, wood)
    rail = scene.material((0.75, 0.75, 0.78), gloss=0.6)
    scene.tube([(0.5, 0.14, 0.16), (0.92, 0.18, 0), (0.5, 0.14, -0.16)], 0.012, None, rail)
    return Model(scene, _afloat(0.33))


def steamship(rng: np.random.Generator) -> Model:
    """Two white decks, two or three funnels and two masts."""
    scene = Scene()
    wood = _hull(scene, rng, 1.15, 0.24, 0.42)
    white, glass = scene.material(WHITE), scene.material(GLASS, gloss=0.6)
    scene.box((-0.15, 0.13, 0), (0.6, 0.12, 0.18), white)
    scene.box((-0.1, 0.3, 0), (0.42, 0.07, 0.15), white)
    scene.box((-0.1, 0.3, 0), (0.43, 0.025, 0.155), glass)
    scene.box((-0.15, 0.13, 0), (0.55, 0.03, 0.185), glass)
    funnel, soot = scene.material(paint(rng)), scene.material(BLACK)
    for x in (-0.35, -0.1, 0.15) if rng.random() < 0.5 else (-0.3, 0.0):
        scene.cone((x, 0.35, 0), (x - 0.05, 0.7, 0), 0.085, 0.08, funnel)
        scene.disc((x - 0.055, 0.76, 0), 0.088, 0.04, soot, (0, 0, 8))
    scene.cone((0.75, 0, 0), (0.75, 0.75, 0), 0.02, None, wood)
    scene.cone((-0.95, 0, 0), (-0.95, 0.55, 0), 0.02, None, wood)
    return Model(scene, _afloat(0.42))


def rowboat(rng: np.random.Generator) -> Model:
    """Open and hollow, with thwarts and two oars."""
    scene = Scene()
    hull = scene.material(any_colour(rng), gloss=0.2)
    planks = _planks(scene)
    oar = scene.material((0.62, 0.42, 0.2))
    outline = [(0.95, 0), (0.6, 0.27), (0, 0.36), (-0.8, 0.27)]
    outline += [(-0.8, -0.27), (0, -0.36), (0.6, -0.27)]
    scene.prism(outline, 0.16, hull, (0, -0.16, 0), FLAT, rounding=0.03)
    hollow = [(0.9 * x, 0.85 * z) for x, z in outline]
    scene.prism(hollow, 0.2, planks, (0, -0.02, 0), FLAT, carve=True)
    for x in (-0.45, 0.0, 0.42):
        scene.box((x, -0.05, 0), (0.07, 0.02, 0.3 - 0.1 * abs(x)), planks)
    for side in (-1, 1):
        scene.cone((-0.02, 0.05, 0.15 * side), (-0.25, -0.08, 0.95 * side), 0.022, None, oar)
        scene.box((-0.29, -0.1, 1.08 * side), (0.06, 0.012, 0.17), oar)
    view = View(15, 50, (18, 45), ground_probability=0.85, ground_height=-0.15)
    return Model(scene, view)


def _planks(scene: Scene) -> int:
    return scene.material(hsv(0.09, 0.5, 0.65), hsv(0.09, 0.5, 0.5), rm.GRAIN, 6)


def _hull(
    scene: Scene, rng: np.random.Generator, length: float, width: float, depth: float
) -> int:
    """Add a hull (half length, half width) with its deck at y = 0; return a wood material."""
    line = -rng.uniform(0.3, 0.5) * depth
    below = one_of(rng, (0.55, 0.1, 0.08), 0.4 * any_colour(rng), WHITE)
    side = scene.material(any_colour(rng), below, rm.WATERLINE, line, gloss=0.2)
    deck = [(length, 0), (0.6 * length, 0.75 * width), (0, width), (-0.85 * length, 0.8 * width)]
    outline = deck + [(x, -z) for x, z in deck[:0:-1]]
    scene.prism(outline, 0.28 * depth, side, (0, -0.28 * depth, 0), FLAT, rounding=0.02)
    keel = [(0.88 * x, 0.78 * z) for x, z in outline]
    place = (0, -0.75 * depth, 0)
    scene.prism(keel, 0.25 * depth, side, place, FLAT, rounding=0.03, blend=0.06)
    planks = [(0.93 * x, 0.88 * z) for x, z in outline]
    scene.prism(planks, 0.02, _planks(scene), (0, 0.015, 0), FLAT)
    return scene.material((0.45, 0.3, 0.15))


def _afloat(depth: float) -> View:
    return View(15, 50, (3, 28), ground_probability=0.85, ground_height=-0.62 * depth)
