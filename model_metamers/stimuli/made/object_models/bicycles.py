"""Bicycles: racing, mountain, city, penny-farthing."""

import math
from dataclasses import dataclass

import numpy as np

from model_metamers.stimuli.made import ray_marching as rm
from model_metamers.stimuli.made.object_models.model import Model, View
from model_metamers.stimuli.made.object_models.palette import CHROME, paint
from model_metamers.stimuli.made.shapes import ALONG_Z, Scene, Vector

N_SPOKES = 8
_VIEW = View(0, 38, (0, 22))


@dataclass(frozen=True)
class _Parts:
    """Materials, and the points where the parts of a frame meet."""

    paint: int
    tyre: int
    metal: int
    leather: int
    rear: np.ndarray
    front: np.ndarray
    crank: np.ndarray
    saddle: np.ndarray
    head: np.ndarray
    tube_radius: float


def racing(rng: np.random.Generator) -> Model:
    """Diamond frame, thin tyres, dropped handlebar."""
    scene = Scene()
    parts = _wheels_and_fork(scene, rng, 0.42, 0.6, 0.035, 0.03, saddle_rise=0.5)
    _diamond_frame(scene, parts)
    _saddle_and_pedals(scene, rng, parts)
    grip = parts.head + (-0.03, 0.12, 0)
    for side in (-1, 1):
        bends = [(0.03, 0, 0.2), (0.17, -0.03, 0.22), (0.15, -0.18, 0.22), (0.02, -0.2, 0.22)]
        points = [grip, *(grip + (x, y, side * z) for x, y, z in bends)]
        scene.tube(points, 0.025, None, parts.leather)
    return Model(scene, _VIEW)


def mountain(rng: np.random.Generator) -> Model:
    """Diamond frame of thick tubes, thick tyres, flat handlebar."""
    scene = Scene()
    parts = _wheels_and_fork(scene, rng, 0.44, 0.62, 0.055, 0.045, saddle_rise=0.5)
    _diamond_frame(scene, parts)
    _saddle_and_pedals(scene, rng, parts)
    _flat_handlebar(scene, parts, sweep=-0.08)
    return Model(scene, _VIEW)


def city(rng: np.random.Generator) -> Model:
    """Small wheels, a low step-through frame, mudguards and a basket."""
    scene = Scene()
    parts = _wheels_and_fork(scene, rng, 0.34, 0.52, 0.04, 0.038, saddle_rise=0.35)
    low: list[Vector] = [
        parts.saddle - (-0.05, 0.28, 0),
        (0.1, 0.44, 0),
        parts.head - (0, 0.12, 0),
    ]
    scene.tube(low, parts.tube_radius, None, parts.paint)
    _saddle_and_pedals(scene, rng, parts)
    _flat_handlebar(scene, parts, sweep=-0.2)
    wicker = scene.material((0.6, 0.42, 0.2), (0.4, 0.28, 0.12), rm.BANDS, 25)
    scene.box(parts.head + (0.2, -0.1, 0), (0.13, 0.1, 0.15), wicker)
    angles = np.linspace(0.3, 2.4, 4)
    outer = [(0.36 * math.cos(a), 0.36 * math.sin(a)) for a in angles]
    inner = [(0.34 * math.cos(a), 0.34 * math.sin(a)) for a in angles[::-1]]
    for hub in (parts.rear, parts.front):
        scene.prism(outer + inner, 0.05, parts.paint, hub, rounding=0.012)
    return Model(scene, _VIEW)


def penny_farthing(rng: np.random.Generator) -> Model:
    """A very large front wheel and a small rear wheel."""
    scene = Scene()
    frame, tyre, metal, leather = _materials(scene, rng)
    rear, front = np.array([-0.5, 0.2, 0]), np.array([0.25, 0.62, 0])
    for hub, radius in ((rear, 0.2), (front, 0.62)):
        _wheel(scene, hub, radius, 0.035, tyre, metal)
    spine: list[Vector] = [(0.2, 1.3, 0), (0, 1.24, 0), (-0.3, 0.82, 0), (-0.5, 0.35, 0), rear]
    scene.tube(spine, 0.032, None, frame)
    scene.cone((0.2, 1.34, 0), front, 0.032, None, frame)
    scene.cone((0.2, 1.34, -0.28), (0.2, 1.34, 0.28), 0.025, None, leather)
    scene.ellipsoid((-0.02, 1.3, 0), (0.15, 0.05, 0.08), leather)
    scene.cone(front - (0, 0, 0.18), front + (0, 0, 0.18), 0.025, None, leather)
    return Model(scene, View(0, 36, (0, 20)))


def _materials(scene: Scene, rng: np.random.Generator) -> tuple[int, int, int, int]:
    frame = scene.material(paint(rng, 0.6), gloss=0.5)
    tyre = scene.material((0.08, 0.08, 0.08))
    return frame, tyre, scene.material(CHROME, gloss=0.6), scene.material((0.12, 0.1, 0.1))


def _wheel(
    scene: Scene, hub: np.ndarray, radius: float, tyre_radius: float, tyre: int, metal: int
) -> None:
    rim = radius - tyre_radius
    scene.torus(hub, rim, tyre_radius, tyre, ALONG_Z)
    scene.disc(hub, 0.06, 0.05, metal, ALONG_Z)
    for k in range(N_SPOKES):
        angle = 2 * math.pi * k / N_SPOKES + 0.2
        end = hub + (rim * math.cos(angle), rim * math.sin(angle), 0)
        scene.cone(hub, end, 0.009, None, metal)


def _wheels_and_fork(
    scene: Scene,
    rng: np.random.Generator,
    wheel_radius: float,
    half_base: float,
    tyre_radius: float,
    tube_radius: float,
    saddle_rise: float,
) -> _Parts:
    """Add wheels, chain stays and fork; the rest of the frame depends on the kind."""
    frame, tyre, metal, leather = _materials(scene, rng)
    r, base = wheel_radius, half_base
    rear, front = np.array([-base, r, 0]), np.array([base, r, 0])
    crank = np.array([-0.08, 0.85 * r, 0])
    saddle, head = np.array([-0.25, r + saddle_rise, 0]), np.array([0.66 * base, r + 0.5, 0])
    for hub in (rear, front):
        _wheel(scene, hub, r, tyre_radius, tyre, metal)
    scene.cone(crank, saddle, tube_radius, None, frame)
    scene.cone(crank, head - (0, 0.1, 0), tube_radius, None, frame)
    scene.cone(rear, crank, 0.7 * tube_radius, None, frame)
    scene.cone(rear, saddle - (0, 0.1, 0), 0.7 * tube_radius, None, frame)
    scene.cone(head + (-0.02, 0.08, 0), front, tube_radius, None, frame)
    return _Parts(frame, tyre, metal, leather, rear, front, crank, saddle, head, tube_radius)


def _diamond_frame(scene: Scene, parts: _Parts) -> None:
    scene.cone(parts.saddle - (0, 0.06, 0), parts.head, parts.tube_radius, None, parts.paint)


def _saddle_and_pedals(scene: Scene, rng: np.random.Generator, parts: _Parts) -> None:
    top = parts.saddle + (-0.02, 0.07, 0)
    scene.ellipsoid(top, (0.17, 0.045, 0.09), parts.leather)
    post_end = parts.saddle + (0, 0.05, 0)
    scene.cone(parts.saddle, post_end, 0.8 * parts.tube_radius, None, parts.paint)
    scene.disc(parts.crank, 0.12, 0.012, parts.metal, ALONG_Z)
    angle = rng.uniform(0, 2 * math.pi)
    arm = np.array([0.16 * math.cos(angle), 0.16 * math.sin(angle), 0.08])
    for side in (-1, 1):
        end = parts.crank + side * arm
        scene.cone(parts.crank + (0, 0, 0.06 * side), end, 0.018, None, parts.metal)
        scene.box(end + (0, 0, 0.06 * side), (0.06, 0.015, 0.05), parts.leather)


def _flat_handlebar(scene: Scene, parts: _Parts, sweep: float) -> None:
    stem = parts.head + (-0.03, 0.12, 0)
    for side in (-1, 1):
        points = [stem, stem + (-0.05, 0.06, 0.25 * side), stem + (sweep, 0.06, 0.32 * side)]
        scene.tube(points, 0.026, None, parts.leather)
