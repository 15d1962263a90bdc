"""Knives: chef's knife, table knife, cleaver, dagger. The blade points to +x, seen from +z."""

import numpy as np

from model_metamers.stimuli.made import ray_marching as rm
from model_metamers.stimuli.made.object_models.model import Model, View
from model_metamers.stimuli.made.object_models.palette import BLACK, hsv, one_of, paint
from model_metamers.stimuli.made.shapes import ALONG_Z, Scene

_VIEW = View(0, 35, (-15, 25), roll_deg=180, ground_probability=0)


def chef(rng: np.random.Generator) -> Model:
    """A broad pointed blade and a riveted handle."""
    scene = Scene()
    blade, handle = _materials(scene, rng)
    outline = [(0, 0.1), (0, -0.13), (0.65, -0.13), (0.92, -0.02), (1.05, 0.1)]
    scene.prism(outline, 0.008, blade, rounding=0.006)
    _riveted_handle(scene, handle, 0.6, 0.085)
    return Model(scene, _VIEW)


def table(rng: np.random.Generator) -> Model:
    """A rounded blade, the handle of steel or plastic."""
    scene = Scene()
    blade, handle = _materials(scene, rng)
    outline = [(0, 0.06), (0, -0.07), (0.65, -0.1), (0.8, -0.06), (0.83, 0.02), (0.75, 0.07)]
    scene.prism(outline, 0.01, blade, rounding=0.008)
    grip = blade if rng.random() < 0.3 else handle
    scene.cone((0, 0, 0), (-0.72, 0, 0), 0.055, 0.07, grip)
    return Model(scene, _VIEW)


def cleaver(rng: np.random.Generator) -> Model:
    """A tall rectangular blade with a hole."""
    scene = Scene()
    blade, handle = _materials(scene, rng)
    outline = [(0, 0.18), (0, -0.3), (0.95, -0.3), (0.98, 0.0), (0.95, 0.18)]
    scene.prism(outline, 0.01, blade, rounding=0.008)
    scene.disc((0.85, 0.1, 0), 0.04, 0.03, scene.material(BLACK), ALONG_Z)
    _riveted_handle(scene, handle, 0.6, 0.075)
    return Model(scene, _VIEW)


def dagger(rng: np.random.Generator) -> Model:
    """A symmetric blade with a groove, a guard and a pommel."""
    scene = Scene()
    blade, handle = _materials(scene, rng)
    brass = scene.material((0.7, 0.55, 0.2), gloss=0.8)
    groove = scene.material((0.5, 0.52, 0.55))
    outline = [(0, 0.11), (0, -0.11), (0.75, -0.11), (1.1, 0), (0.75, 0.11)]
    scene.prism(outline, 0.01, blade, rounding=0.008)
    scene.box((0.3, 0, 0), (0.4, 0.014, 0.022), groove)
    scene.box((0, 0, 0), (0.045, 0.26, 0.05), brass, rounding=0.03)
    scene.cone((0, 0, 0), (-0.5, 0, 0), 0.065, 0.055, handle)
    scene.ellipsoid((-0.55, 0, 0), 0.09, brass)
    return Model(scene, _VIEW)


def _materials(scene: Scene, rng: np.random.Generator) -> tuple[int, int]:
    blade = scene.material((0.78, 0.8, 0.84), (0.66, 0.68, 0.72), rm.GRAIN, 2, gloss=0.9)
    colour = one_of(rng, (0.1, 0.1, 0.1), hsv(0.07, 0.7, 0.4), paint(rng))
    return blade, scene.material(colour, texture=rm.GRAIN, frequency=5, gloss=0.3)


def _riveted_handle(scene: Scene, material: int, length: float, width: float) -> None:
    outline = [
        (0, width),
        (0, -0.9 * width),
        (-0.5 * length, -0.7 * width),
        (-length, -1.15 * width),
        (-length - 0.03, 0.6 * width),
    ]
    scene.prism(outline, 0.035, material, rounding=0.025)
    rivet = scene.material((0.8, 0.8, 0.8), gloss=0.9)
    for share in (0.2, 0.5, 0.8):
        scene.disc((-share * length, 0, 0), 0.025, 0.068, rivet, ALONG_Z)
