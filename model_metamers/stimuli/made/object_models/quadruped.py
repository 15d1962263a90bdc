"""The body plan that cats, dogs and elephants share, and jointed limbs."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from model_metamers.stimuli.made.shapes import Scene, Vector


@dataclass(frozen=True)
class Build:
    """Proportions of a standing animal, in the model's units.

    Attributes:
        length: distance between shoulder and hip.
        height: height of the shoulder.
        girth: radius of the chest.
        hip_share: radius of the hip as a share of the girth.
        rump: how much higher the hip is than the shoulder.
        stance: half the distance between left and right legs.
        thigh_radius: radius of a leg at the body.
        ankle_radius: radius of a leg at the foot.
    """

    length: float
    height: float
    girth: float
    stance: float
    thigh_radius: float
    ankle_radius: float
    hip_share: float = 0.9
    rump: float = 0.0


def add_standing_body(
    scene: Scene, rng: np.random.Generator, build: Build, coat: int, foot: int
) -> None:
    """Add a trunk and four legs in mid-stride."""
    half, height, girth = build.length / 2, build.height, build.girth
    hip = (-half, height + build.rump, 0)
    scene.cone((half, height, 0), hip, girth, build.hip_share * girth, coat, blend=0.08)
    thigh, ankle = build.thigh_radius, build.ankle_radius
    for z in (-build.stance, build.stance):
        for x, towards in ((half, 1), (-half, -1)):
            stride = rng.uniform(-0.13, 0.13)
            joints = [
                (x, height - 0.2 * girth, z),
                (x - 0.04 * towards + 0.5 * stride, 0.5 * height, z),
                (x + stride, ankle, z),
            ]
            add_limb(scene, joints, thigh, ankle, coat, blend=0.04)
            sole = (x + stride + 0.04, 0.7 * ankle, z)
            scene.ellipsoid(sole, (1.5 * ankle, 0.75 * ankle, 1.2 * ankle), foot)


def add_limb(
    scene: Scene,
    joints: Sequence[Vector],
    start_radius: float,
    end_radius: float,
    material: int,
    blend: float = 0.05,
) -> None:
    """Add a limb through three joints."""
    scene.tube(joints, start_radius, end_radius, material, blend)


def add_pair(
    scene: Scene, centre: Vector, radii: Vector | float, material: int, blend: float = 0.0
) -> None:
    """Add an ellipsoid at (x, y, z) and its mirror image at (x, y, -z)."""
    x, y, z = centre
    for side in (-1, 1):
        scene.ellipsoid((x, y, side * z), radii, material, blend=blend)
