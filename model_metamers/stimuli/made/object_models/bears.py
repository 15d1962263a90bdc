"""Bears: walking, sitting, standing upright, panda."""

from dataclasses import dataclass

import numpy as np

from model_metamers.stimuli.made import ray_marching as rm
from model_metamers.stimuli.made.object_models.model import Model, View
from model_metamers.stimuli.made.object_models.palette import BLACK, WHITE, hsv, one_of
from model_metamers.stimuli.made.object_models.quadruped import add_limb, add_pair
from model_metamers.stimuli.made.object_models.settings import FOREST, ICE
from model_metamers.stimuli.made.shapes import Scene, Vector

_ROUGHNESS = 0.4
_LEAST_WHITE = 0.7  # of a coat, in every channel


@dataclass(frozen=True)
class _Coat:
    """Material numbers; `patches` are the ears and, of a panda, the rings around its eyes."""

    fur: int
    muzzle: int
    limbs: int
    patches: int
    nose: int


def walking(rng: np.random.Generator) -> Model:
    """On all fours, with a high shoulder and a low head."""
    scene = Scene()
    coat = _brown_coat(scene, rng)
    _walking_body(scene, rng, coat)
    return Model(scene, _view(scene, coat, 30, (3, 20)))


def sitting(rng: np.random.Generator) -> Model:
    """On its haunches, leaning on its forepaws."""
    scene = Scene()
    coat = _brown_coat(scene, rng)
    _sitting_body(scene, coat)
    return Model(scene, _view(scene, coat, 60, (3, 25)))


def standing(rng: np.random.Generator) -> Model:
    """Upright on the hind legs with raised forepaws."""
    scene = Scene()
    coat = _brown_coat(scene, rng)
    scene.ellipsoid((0, 0.75, 0), (0.33, 0.5, 0.36), coat.fur, blend=0.08)
    scene.ellipsoid((0.03, 1.1, 0), (0.29, 0.36, 0.34), coat.fur, blend=0.08)
    _head(scene, coat, (0.12, 1.5, 0))
    paw_x, paw_y = rng.uniform(0.2, 0.4), rng.uniform(0.75, 1.25)
    for side in (-1, 1):
        scene.cone((0, 0.35, 0.2 * side), (0.05, 0.05, 0.22 * side), 0.18, 0.13, coat.fur, 0.06)
        scene.ellipsoid((0.15, 0.06, 0.22 * side), (0.2, 0.07, 0.12), coat.fur)
        arm = [(0.02, 1.15, 0.3 * side), (0.15, 0.9, 0.48 * side), (paw_x, paw_y, 0.42 * side)]
        add_limb(scene, arm, 0.13, 0.1, coat.fur)
    return Model(scene, _view(scene, coat, 60, (3, 20)))


def panda(rng: np.random.Generator) -> Model:
    """White with black limbs, ears, shoulders and eye patches."""
    scene = Scene()
    white = scene.material(WHITE, np.array(WHITE) * 0.88, rm.BLOTCHES, 9, 0.03, _ROUGHNESS)
    dark, darker = (0.14, 0.13, 0.13), (0.08, 0.08, 0.09)
    black = scene.material(darker, dark, rm.BLOTCHES, 9, 0.05, _ROUGHNESS)
    coat = _Coat(white, white, black, black, scene.material(BLACK, gloss=0.8))
    _sitting_body(scene, coat)
    return Model(scene, _view(scene, coat, 60, (3, 25)))


def _view(scene: Scene, coat: _Coat, front_deg: float, elevation_deg: tuple[float, float]) -> View:
    """Return a view in the woods, of a white bear on the ice."""
    is_white = scene.colour(coat.limbs).min() > _LEAST_WHITE
    setting = ICE if is_white else FOREST
    return View(front_deg, 40, elevation_deg, setting=setting)


def _brown_coat(scene: Scene, rng: np.random.Generator) -> _Coat:
    brown = hsv(0.08, 0.6, rng.uniform(0.15, 0.4))
    base = one_of(rng, brown, 1.2 * brown, (0.9, 0.88, 0.82), (0.1, 0.09, 0.09))
    pelt = scene.material(base, 0.85 * base, rm.BLOTCHES, 9, 0.03, _ROUGHNESS)
    pale = 0.5 * base + 0.34 * np.array([0.8, 0.65, 0.5])
    muzzle = scene.material(pale, gloss=0.03, roughness=0.5 * _ROUGHNESS)
    return _Coat(pelt, muzzle, pelt, pelt, scene.material(BLACK, gloss=0.8))


def _head(
    scene: Scene, coat: _Coat, centre: Vector, tilt_deg: float = 0.0, scale: float = 1.0
) -> None:
    """Add a head with a short muzzle and round ears."""
    q = scale
    is_panda = coat.patches != coat.fur
    with scene.placed(centre, (0, 0, tilt_deg)):
        scene.ellipsoid((0, 0, 0), (0.25 * q, 0.24 * q, 0.25 * q), coat.fur, blend=0.06)
        tip = (0.34 * q, -0.09 * q, 0)
        scene.cone((0.1 * q, -0.04 * q, 0), tip, 0.13 * q, 0.075 * q, coat.muzzle, 0.05)
        scene.ellipsoid((0.41 * q, -0.06 * q, 0), (0.04 * q, 0.035 * q, 0.05 * q), coat.nose)
        scene.cone((0.2 * q, -0.14 * q, 0), (0.33 * q, -0.16 * q, 0), 0.06 * q, 0.04 * q, coat.fur)
        ear = (-0.05 * q, 0.21 * q, 0.18 * q)
        add_pair(scene, ear, (0.055 * q, 0.1 * q, 0.095 * q), coat.patches)
        if is_panda:
            patch = (0.19 * q, 0.06 * q, 0.1 * q)
            add_pair(scene, patch, (0.06 * q, 0.085 * q, 0.068 * q), coat.patches)
            glint = scene.material((0.85, 0.85, 0.85), gloss=0.9)
            add_pair(scene, (0.25 * q, 0.075 * q, 0.1 * q), 0.018 * q, glint)
        else:
            add_pair(scene, (0.22 * q, 0.05 * q, 0.095 * q), 0.024 * q, coat.nose)


def _walking_body(scene: Scene, rng: np.random.Generator, coat: _Coat) -> None:
    scene.ellipsoid((-0.1, 0.55, 0), (0.62, 0.36, 0.34), coat.fur, blend=0.1)
    scene.ellipsoid((0.25, 0.68, 0), (0.32, 0.3, 0.28), coat.fur, blend=0.1)
    scene.cone((0.3, 0.62, 0), (0.62, 0.66, 0), 0.27, 0.2, coat.fur, blend=0.1)
    _head(scene, coat, (0.78, rng.uniform(0.58, 0.78), 0), tilt_deg=rng.uniform(-22, 10))
    stride = rng.uniform(-0.14, 0.14)
    for side in (-1, 1):
        z, step = 0.2 * side, stride * side
        front = [(0.35, 0.45, z), (0.38 + step, 0.22, z), (0.42 + step, 0.07, z)]
        hind = [(-0.5, 0.45, z), (-0.55 - step, 0.25, z), (-0.48 - step, 0.07, z)]
        add_limb(scene, front, 0.18, 0.13, coat.limbs)
        add_limb(scene, hind, 0.21, 0.13, coat.limbs)
    scene.ellipsoid((-0.72, 0.62, 0), 0.08, coat.fur)


def _sitting_body(scene: Scene, coat: _Coat) -> None:
    scene.ellipsoid((0, 0.4, 0), (0.42, 0.45, 0.44), coat.fur, blend=0.08)
    scene.ellipsoid((0.04, 0.8, 0), (0.31, 0.34, 0.34), coat.limbs, blend=0.1)
    scene.cone((0.05, 0.95, 0), (0.15, 1.15, 0), 0.25, 0.2, coat.fur, 0.08)
    _head(scene, coat, (0.22, 1.24, 0), scale=1.1)
    for side in (-1, 1):
        leg_end = (0.42, 0.13, 0.4 * side)
        scene.cone((0.05, 0.2, 0.3 * side), leg_end, 0.22, 0.13, coat.limbs, 0.06)
        scene.ellipsoid((0.5, 0.1, 0.42 * side), (0.17, 0.1, 0.12), coat.limbs, blend=0.04)
        arm = [(0.1, 0.9, 0.27 * side), (0.3, 0.55, 0.33 * side), (0.42, 0.14, 0.2 * side)]
        add_limb(scene, arm, 0.16, 0.11, coat.limbs)
        scene.ellipsoid((0.48, 0.08, 0.2 * side), (0.14, 0.08, 0.11), coat.limbs, blend=0.04)
