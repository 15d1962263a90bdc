"""Bottles: wine, soda, spirits, squeeze bottle."""

import numpy as np

from model_metamers.stimuli.made import ray_marching as rm
from model_metamers.stimuli.made.object_models.model import Model, View
from model_metamers.stimuli.made.object_models.palette import BLACK, WHITE, hsv, one_of, paint
from model_metamers.stimuli.made.shapes import Scene


def wine(rng: np.random.Generator) -> Model:
    """A cylinder with round shoulders and a long neck."""
    scene, (glass, label, cap) = _start(rng)
    w = 0.24 * rng.uniform(0.85, 1.15)
    profile = [(0, 0), (w, 0), (w, 0.85), (0.85 * w, 0.97), (0.085, 1.12), (0.075, 1.5), (0, 1.5)]
    scene.lathe(profile, glass, rounding=0.01)
    scene.disc((0, 0.45, 0), w + 0.014, 0.24, label)
    scene.disc((0, 1.45, 0), 0.095, 0.1, cap)
    return Model(scene, _view(rng))


def soda(rng: np.random.Generator) -> Model:
    """A waisted bottle with a screw cap."""
    scene, (glass, label, cap) = _start(rng)
    w = 0.27 * rng.uniform(0.85, 1.15)
    profile = [(0, 0), (w, 0.03), (w, 0.45), (0.86 * w, 0.6)]
    profile += [(w, 0.75), (0.9 * w, 0.95), (0.09, 1.25), (0, 1.3)]
    scene.lathe(profile, glass, rounding=0.01)
    scene.disc((0, 0.62, 0), 0.97 * w, 0.15, label)
    scene.disc((0, 1.33, 0), 0.1, 0.06, cap)
    return Model(scene, _view(rng))


def spirits(rng: np.random.Generator) -> Model:
    """A flat rectangular body with a short round neck."""
    scene, (glass, label, cap) = _start(rng)
    w = 0.32 * rng.uniform(0.85, 1.15)
    scene.box((0, 0.5, 0), (w, 0.5, 0.19), glass, rounding=0.06)
    neck = [(0, 0), (0.11, 0), (0.09, 0.3), (0, 0.3)]
    scene.lathe(neck, glass, (0, 1.0, 0), blend=0.08)
    scene.disc((0, 1.35, 0), 0.11, 0.09, cap)
    scene.box((0, 0.45, 0), (0.85 * w, 0.27, 0.2), label, rounding=0.01)
    view = View(0, 50, (2, 28), roll_deg=_roll_deg(rng))
    return Model(scene, view)


def squeeze(rng: np.random.Generator) -> Model:
    """A soft waisted body and a pointed nozzle."""
    scene, (glass, label, cap) = _start(rng)
    w = 0.27 * rng.uniform(0.85, 1.15)
    profile = [(0, 0), (w, 0), (0.9 * w, 0.5), (w, 0.85), (0.6 * w, 1), (0.12, 1.05), (0, 1.05)]
    scene.lathe(profile, glass, rounding=0.02)
    nozzle = [(0, 0), (0.15, 0), (0.13, 0.14), (0.05, 0.2), (0.025, 0.45), (0, 0.45)]
    scene.lathe(nozzle, cap, (0, 1.04, 0))
    scene.disc((0, 0.55, 0), 0.95 * w, 0.17, label)
    return Model(scene, _view(rng))


def _start(rng: np.random.Generator) -> tuple[Scene, tuple[int, int, int]]:
    """Return a scene with the materials of glass, label and cap."""
    scene = Scene()
    green, amber, blue = hsv(0.33, 0.8, 0.4), hsv(0.07, 0.85, 0.35), hsv(0.58, 0.5, 0.7)
    glass = scene.material(one_of(rng, green, amber, blue, paint(rng, 0.6)), gloss=0.9)
    paper = one_of(rng, WHITE, paint(rng), (0.9, 0.85, 0.7))
    label = scene.material(paper, paint(rng), rm.BANDS, 9, gloss=0.1)
    cap = scene.material(one_of(rng, paint(rng), (0.8, 0.7, 0.3), BLACK), gloss=0.4)
    return scene, (glass, label, cap)


def _roll_deg(rng: np.random.Generator) -> float:
    return 25 if rng.random() < 0.3 else 5


def _view(rng: np.random.Generator) -> View:
    return View(0, 180, (2, 30), roll_deg=_roll_deg(rng))
