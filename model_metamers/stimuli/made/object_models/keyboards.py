"""Keyboards: compact, full size with number pad, split, piano. The player sits at +z."""

from dataclasses import dataclass

import numpy as np

from model_metamers.stimuli.made.object_models.model import Model, View
from model_metamers.stimuli.made.object_models.palette import BLACK, WHITE, one_of, paint
from model_metamers.stimuli.made.shapes import Scene

PITCH = 0.13
_VIEW = View(
    azimuth_spread_deg=40, elevation_deg=(32, 70), both_sides=False, ground_probability=0.7
)


@dataclass(frozen=True)
class _Parts:
    """Material numbers: case, letter keys, other keys."""

    case: int
    key: int
    other: int


def compact(rng: np.random.Generator) -> Model:
    """Five rows with a space bar."""
    scene = Scene()
    parts = _materials(scene, rng)
    _case(scene, parts, 7 * PITCH, 2.5 * PITCH)
    _typing_keys(scene, parts, 0.0, rows=5, columns=14)
    return Model(scene, _VIEW)


def full_size(rng: np.random.Generator) -> Model:
    """Fewer, larger keys and a number pad on the right."""
    scene = Scene()
    parts = _materials(scene, rng)
    _case(scene, parts, 7.8 * PITCH, 2 * PITCH)
    _typing_keys(scene, parts, -2.2 * PITCH, rows=4, columns=11)
    for row in range(4):
        for column in range(3):
            x, z = (5.0 + column) * PITCH, (row - 1.5) * PITCH
            _key(scene, parts.other if row == 0 else parts.key, x, z)
    return Model(scene, _VIEW)


def split(rng: np.random.Generator) -> Model:
    """An ergonomic keyboard: two halves that open towards the player."""
    scene = Scene()
    parts = _materials(scene, rng)
    turn_deg = rng.uniform(9, 16)
    gap = rng.uniform(3.7, 4.0) * PITCH
    for side in (-1, 1):
        with scene.placed((side * gap, 0, 0), (0, -side * turn_deg, side * -4)):
            _case(scene, parts, 3 * PITCH, 2.5 * PITCH)
            for row in range(4):
                for column in range(6):
                    edge = column == (0 if side < 0 else 5)
                    x, z = (column - 2.5) * PITCH, (row - 2) * PITCH
                    _key(scene, parts.other if edge else parts.key, x, z)
            scene.box((-side * 0.9 * PITCH, 0.07, 2 * PITCH), (0.19, 0.035, 0.052), parts.key)
            for column in (1, 2):
                _key(scene, parts.other, side * column * PITCH, 2 * PITCH)
    return Model(scene, _VIEW)


def piano(rng: np.random.Generator) -> Model:
    """A synthesizer: white and black keys and a row of knobs."""
    scene = Scene()
    parts = _materials(scene, rng)
    ivory, ebony = scene.material(WHITE, gloss=0.4), scene.material((0.04, 0.04, 0.05), gloss=0.4)
    n_white = int(rng.integers(10, 15))
    scene.box((0, 0, -0.12), (0.1 * n_white + 0.08, 0.08, 0.42), parts.case, rounding=0.03)
    for k in range(n_white):
        x = 0.2 * (k - (n_white - 1) / 2)
        scene.box((x, 0.09, 0.02), (0.088, 0.04, 0.26), ivory, rounding=0.012)
        if k % 7 in (0, 1, 3, 4, 5) and k < n_white - 1:
            scene.box((x + 0.1, 0.15, -0.08), (0.055, 0.05, 0.16), ebony, rounding=0.01)
    for k in range(4):
        scene.disc((-0.1 * n_white + 0.2 + 0.2 * k, 0.1, -0.4), 0.05, 0.04, parts.other)
    return Model(scene, _VIEW)


def _materials(scene: Scene, rng: np.random.Generator) -> _Parts:
    case = one_of(rng, BLACK, (0.85, 0.83, 0.78), (0.6, 0.6, 0.62), paint(rng))
    key = one_of(rng, WHITE, (0.2, 0.2, 0.22), (0.75, 0.73, 0.68))
    while np.abs(case - key).max() < 0.25:  # keys must stand out from their case
        key = one_of(rng, WHITE, (0.2, 0.2, 0.22), (0.75, 0.73, 0.68))
    other = paint(rng) if rng.random() < 0.5 else (0.4, 0.4, 0.42)
    return _Parts(scene.material(case, gloss=0.3), scene.material(key), scene.material(other))


def _case(scene: Scene, parts: _Parts, half_width: float, half_depth: float) -> None:
    half = (half_width + 0.06, 0.05, half_depth + 0.07)
    scene.box((0, 0, 0), half, parts.case, rounding=0.03)


def _key(scene: Scene, material: int, x: float, z: float) -> None:
    scene.box((x, 0.07, z), (0.052, 0.035, 0.052), material, rounding=0.015)


def _typing_keys(scene: Scene, parts: _Parts, middle: float, rows: int, columns: int) -> None:
    """Add the letter block around x = middle; its last row has the space bar."""
    for row in range(rows):
        z = (row - (rows - 1) / 2) * PITCH
        last = row == rows - 1
        for column in range(columns):
            edge = min(column, columns - 1 - column)
            if last and edge > 2:
                continue
            other = last or edge == 0
            x = middle + (column - (columns - 1) / 2) * PITCH
            _key(scene, parts.other if other else parts.key, x, z)
        if last:
            half = ((columns - 6) * PITCH / 2 - 0.012, 0.035, 0.052)
            scene.box((middle, 0.07, z), half, parts.key, rounding=0.015)
