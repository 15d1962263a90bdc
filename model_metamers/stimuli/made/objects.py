"""Render the object images of the small preset: 16 categories of four fine classes.

Stands in for ImageNet: a parametric 3-D model of the fine class, drawn
with random proportions, colours and texture, is rendered under a random camera, light,
background and ground. An image is a function of (fine class, seed, size) alone; the same class
and seed show the same object at every size. Images are [size, size, 3] uint8.
"""

import math
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from model_metamers.stimuli.made import ray_marching
from model_metamers.stimuli.made.object_models import MODELS, Setting, View
from model_metamers.stimuli.made.shapes import PackedScene

CATEGORIES: tuple[str, ...] = tuple(MODELS)
VARIANTS_PER_CATEGORY = 4
FINE_CLASSES: tuple[str, ...] = tuple(
    f"{category}/{function.__name__}"
    for category, functions in MODELS.items()
    for function in functions
)

LEAST_SIZE, MOST_SIZE = 8, 4096  # of a render, in pixels

_SEED_TAG = 20230815  # keeps these streams apart from those of other stimuli
_OBJECT_STREAM, _NOISE_STREAM = 0, 1
_GROUND_TILE = 128
_LEAST_CONTRAST = 0.2
_HAIR_SIZE_PX = 224  # of an image whose pixels resolve `ray_marching.HAIRS_PER_UNIT`
_GAMMA = 1 / 1.15


@dataclass(frozen=True)
class _Camera:
    """Position and axes; `frame` [4, 3] is the array that the renderer reads."""

    azimuth: float
    frame: np.ndarray


def render_object(
    fine_class: int, seed: int, size: int = 96, supersampling: int = 2
) -> np.ndarray:
    """Render one image.

    Args:
        fine_class: index into `FINE_CLASSES`.
        seed: non-negative; chooses the object's proportions, colours, view and surroundings.
        size: side in pixels.
        supersampling: samples per pixel and axis.

    Returns:
        [size, size, 3] uint8.

    Raises:
        ValueError: for a class, seed, size or supersampling that does not exist.
    """
    _check(fine_class, seed, size, supersampling)
    rng = np.random.default_rng([_SEED_TAG, _OBJECT_STREAM, fine_class, seed])
    noise_rng = np.random.default_rng([_SEED_TAG, _NOISE_STREAM, fine_class, seed, size])
    category = CATEGORIES[fine_class // VARIANTS_PER_CATEGORY]
    scene, view = MODELS[category][fine_class % VARIANTS_PER_CATEGORY](rng)
    packed = scene.packed()
    camera = _draw_camera(rng, view, packed)
    light, ambient = _draw_light(rng, camera.azimuth), rng.uniform(0.35, 0.6)
    has_ground, ground_height = _draw_ground(rng, view, packed)
    if view.setting is None:
        background, tile = _draw_surroundings(rng, noise_rng, size, scene.colour(0))
    else:
        background, tile = _draw_setting(rng, noise_rng, size, view.setting)
    exposure = rng.uniform(0.88, 1.12)
    materials = _seen_at(size, packed.materials)
    samples = np.empty((size * supersampling, size * supersampling, 3), np.float32)
    ray_marching.render(
        packed.primitives, packed.bounds, materials, camera.frame, light, ambient,
        has_ground, ground_height, tile, background, samples,
    )  # fmt: skip
    blocks = samples.reshape(size, supersampling, size, supersampling, 3)
    return _developed(blocks.mean((1, 3), dtype=np.float64) * exposure, noise_rng)


def render_id(fine_class: int, seed: int) -> str:
    """Return what a render is called wherever it is a stimulus."""
    return f"{FINE_CLASSES[fine_class].replace('/', '_')}_{seed}"


def render_objects(
    fine_classes: Sequence[int] | np.ndarray,
    seeds: Sequence[int] | np.ndarray,
    size: int = 96,
    workers: int | None = None,
) -> np.ndarray:
    """Render many images on several threads; each equals `render_object` of its arguments.

    Args:
        fine_classes: n indices into `FINE_CLASSES`.
        seeds: n seeds.
        size: side in pixels.
        workers: number of threads; one per processor if None.

    Returns:
        [n, size, size, 3] uint8, in the given order.

    Raises:
        ValueError: if the lengths differ, `workers` is below 1, or as `render_object`.
    """
    if len(fine_classes) != len(seeds):
        raise ValueError(
            f"expected as many seeds as fine classes, got {len(seeds)} and "
            f"{len(fine_classes)}; pass one seed per image"
        )
    if workers is not None and workers < 1:
        raise ValueError(f"expected at least 1 worker, got {workers}; omit it to use all cores")
    for fine_class, seed in zip(fine_classes, seeds, strict=True):
        _check(fine_class, seed, size, supersampling=1)
    images = np.empty((len(seeds), size, size, 3), np.uint8)
    with ThreadPoolExecutor(workers or os.cpu_count()) as pool:
        rendered = pool.map(lambda c, s: render_object(int(c), int(s), size), fine_classes, seeds)
        for k, image in enumerate(rendered):
            images[k] = image
    return images


def contact_sheet(size: int = 112, seed: int = 0) -> np.ndarray:
    """Return all fine classes in order as an [8 * size, 8 * size, 3] uint8 grid."""
    n = len(FINE_CLASSES)
    images = render_objects(range(n), [seed] * n, size)
    side = math.isqrt(n)
    rows = images.reshape(side, side, size, size, 3).swapaxes(1, 2)
    return rows.reshape(side * size, side * size, 3)


def _check(fine_class: int, seed: int, size: int, supersampling: int) -> None:
    limits = (
        ("fine_class", fine_class, 0, len(FINE_CLASSES) - 1),
        ("seed", seed, 0, 2**63 - 1),
        ("size", size, LEAST_SIZE, MOST_SIZE),
        ("supersampling", supersampling, 1, 8),
    )
    for name, value, least, most in limits:
        whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
        if not whole or not least <= value <= most:
            raise ValueError(
                f"expected {name} to be an integer from {least} to {most}, got {value!r}; "
                "choose one in that range"
            )


def _seen_at(size: int, materials: np.ndarray) -> np.ndarray:
    """Return the materials with hair that fades where a pixel is the mean of many."""
    seen = materials.copy()
    seen[:, ray_marching.ROUGHNESS] *= min(1.0, size / _HAIR_SIZE_PX) ** 2
    return seen


def _draw_camera(rng: np.random.Generator, view: View, packed: PackedScene) -> _Camera:
    """Draw a viewpoint and fit the object into the frame."""
    spread = view.azimuth_spread_deg
    azimuth = math.radians(view.azimuth_deg + rng.uniform(-spread, spread))
    if view.both_sides and rng.random() < 0.5:
        azimuth = math.pi - azimuth
    elevation = math.radians(rng.uniform(*view.elevation_deg))
    roll = math.radians(rng.uniform(-1, 1) * view.roll_deg)
    forward = -_direction(azimuth, elevation)
    right = np.cross(forward, (0, 1, 0))
    right /= np.linalg.norm(right)
    up = np.cross(right, forward)
    cos, sin = math.cos(roll), math.sin(roll)
    right, up = right * cos + up * sin, up * cos - right * sin
    distance, fill = rng.uniform(3.0, 4.5), rng.uniform(0.8, 0.98)
    corners = packed.corners + forward * distance
    projected = corners @ np.stack([right, up], 1) / (corners @ forward)[:, None]
    low, high = projected.min(0), projected.max(0)
    half = (high - low).max() / 2 / fill
    slack = max(0.0, half * (1 - fill))
    shift = (low + high) / 2 + 0.8 * slack * rng.uniform(-1, 1, 2)
    centre = forward + right * shift[0] + up * shift[1]
    frame = np.stack([-forward * distance, centre, right * half, up * half])
    return _Camera(azimuth, frame.astype(np.float32))


def _direction(azimuth: float, elevation: float) -> np.ndarray:
    level = math.cos(elevation)
    return np.array([level * math.sin(azimuth), math.sin(elevation), level * math.cos(azimuth)])


def _draw_light(rng: np.random.Generator, camera_azimuth: float) -> np.ndarray:
    """Draw the direction of a light from behind the viewer, 30 to 75 degrees high."""
    azimuth = camera_azimuth + rng.uniform(-1.2, 1.2)
    return _direction(azimuth, math.radians(rng.uniform(30, 75))).astype(np.float32)


def _draw_ground(rng: np.random.Generator, view: View, packed: PackedScene) -> tuple[bool, float]:
    height = packed.corners[:, 1].min()
    if view.ground_height is not None:
        height = (view.ground_height - packed.centre[1]) * packed.scale
    return bool(rng.random() < view.ground_probability), float(height)


def _draw_surroundings(
    rng: np.random.Generator, noise_rng: np.random.Generator, size: int, colour: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the background [size, size, 3] and the ground texture, float32 in [0, 1].

    Both are low-contrast, mostly achromatic 1/f noise: stronger colours bury the object.
    """
    top, bottom, ground = (_pale_colour(rng, colour) for _ in range(3))
    depth = np.linspace(0, 1, size)[:, None, None]
    noise = _pink_noise(noise_rng, size, rng.uniform(0.9, 1.4)) * rng.uniform(0.02, 0.11)
    background = np.clip(top * (1 - depth) + bottom * depth + noise, 0, 1)
    grain = _pink_noise(rng, _GROUND_TILE, rng.uniform(0.6, 1.3)) * rng.uniform(0.02, 0.1)
    tile = np.clip(ground + grain, 0.03, 1)
    return background.astype(np.float32), tile.astype(np.float32)


def _draw_setting(
    rng: np.random.Generator, noise_rng: np.random.Generator, size: int, setting: Setting
) -> tuple[np.ndarray, np.ndarray]:
    """Return a setting's background [size, size, 3] and ground texture, float32 in [0, 1]."""
    top, horizon, ground = (
        np.asarray(colour) * (1 + setting.spread * rng.uniform(-1, 1))
        for colour in (setting.top, setting.horizon, setting.ground)
    )
    rough, grainy = (contrast * rng.uniform(0.6, 1.3) for contrast in setting.roughness)
    depth = np.linspace(0, 1, size)[:, None, None]
    noise = rough * _grey(_pink_noise(noise_rng, size, rng.uniform(1.1, 1.5)))
    background = np.clip(top * (1 - depth) + horizon * depth + noise, 0, 1)
    grain = grainy * _grey(_pink_noise(rng, _GROUND_TILE, rng.uniform(0.5, 0.9)))
    tile = np.clip(ground * (1 + 2 * grain), 0.03, 1)
    return background.astype(np.float32), tile.astype(np.float32)


def _grey(noise: np.ndarray) -> np.ndarray:
    """Return the [size, size, 1] mean of the channels, which has about unit variance."""
    return noise.mean(-1, keepdims=True)


def _pale_colour(rng: np.random.Generator, object_colour: np.ndarray) -> np.ndarray:
    """Draw a nearly grey colour whose lightness differs from the object's."""
    lightness = rng.uniform(0.2, 0.85)
    while abs(lightness - object_colour.mean()) < _LEAST_CONTRAST:
        lightness = rng.uniform(0.2, 0.85)
    return np.clip(lightness + rng.normal(0, 0.05, 3), 0.05, 0.95)


def _pink_noise(rng: np.random.Generator, size: int, exponent: float) -> np.ndarray:
    """Return [size, size, 3] noise with a 1/f**exponent spectrum and about unit variance."""
    spectrum = np.fft.rfft2(rng.standard_normal((3, size, size)))
    frequency = np.hypot(np.fft.fftfreq(size)[:, None], np.fft.rfftfreq(size))
    frequency[0, 0] = np.inf
    noise = np.fft.irfft2(spectrum / frequency**exponent, (size, size))
    noise /= noise.std((1, 2), keepdims=True)
    return (0.9 * noise[:1] + 0.25 * noise).transpose(1, 2, 0)


def _developed(image: np.ndarray, noise_rng: np.random.Generator) -> np.ndarray:
    """Apply the tone curve and sensor noise; return uint8."""
    toned = np.clip(image, 0, 1) ** _GAMMA + noise_rng.normal(0, 0.01, image.shape)
    return (np.clip(toned, 0, 1) * 255 + 0.5).astype(np.uint8)
