"""Files written safely and read without running anything in them.

Every file appears at its place complete: it is written beside it, synced and renamed. Arrays are
npz files without pickles, images 8-bit PNG, cochleagrams 16-bit PNG, sounds 16-bit mono WAV.
"""

import logging
import math
import warnings
import wave
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from scipy.io import wavfile

from model_metamers import limits, npz
from model_metamers.files import atomic_file

PCM_16_FULL_SCALE = 32768
_log = logging.getLogger(__name__)


def write_npz(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    """Write arrays atomically.

    Raises:
        ValueError: an object array, which only a pickle could hold.
    """
    contents: dict[str, Any] = {name: np.asarray(array) for name, array in arrays.items()}
    for name, array in contents.items():
        if array.dtype.hasobject:
            raise ValueError(f"array {name!r} holds Python objects; give numbers or text")
    with atomic_file(path) as file:
        np.savez(file, **contents)


def read_npz(path: Path) -> dict[str, np.ndarray]:
    """Return all arrays of an npz file.

    Raises:
        ValueError: missing, unreadable, damaged, or not an npz file of plain arrays.
    """
    if not path.is_file():
        raise ValueError(f"there is no {path}; run the stage that makes it first")
    try:
        return npz.read_arrays(path)
    except OSError as error:
        raise ValueError(f"cannot read {path}: {error.strerror}") from None
    except ValueError as error:
        raise ValueError(f"{path} is damaged ({error}); delete it to have it made again") from None


def image_bytes(
    images: np.ndarray, stimulus_range: tuple[float, float] = (0.0, 1.0)
) -> np.ndarray:
    """Return images in `stimulus_range` as pixels: 8 bits for people, 16 for cochleagrams.

    Args:
        images: pictures [n, height, width, 1 or 3], or cochleagrams [n, bands, frames].
        stimulus_range: values of black and white.

    Returns:
        uint8 in 0..255 or, for cochleagrams, uint16 in 0..65535.

    Raises:
        ValueError: another shape, values outside the range, or NaN.
    """
    images, (low, high) = np.asarray(images, np.float64), stimulus_range
    if images.ndim != 3 and (images.ndim != 4 or images.shape[-1] not in (1, 3)):
        raise ValueError(f"expected images [n, height, width, 1 or 3]; got {list(images.shape)}")
    if not np.all((images >= low) & (images <= high)):
        raise ValueError(
            f"expected image values in [{low}, {high}]; got {images.min()} to {images.max()}"
        )
    pixel_type = np.uint16 if images.ndim == 3 else np.uint8
    full_scale = np.iinfo(pixel_type).max
    return np.round(full_scale * (images - low) / (high - low)).astype(pixel_type)


def pcm_16(sounds: np.ndarray) -> np.ndarray:
    """Return sounds [n, samples] as int16; samples beyond +-1 are clipped, with a warning.

    Raises:
        ValueError: another shape, or values that are not finite.
    """
    sounds = np.asarray(sounds, np.float64)
    if sounds.ndim != 2 or not np.isfinite(sounds).all():
        raise ValueError(f"expected finite sounds [n, samples]; got shape {list(sounds.shape)}")
    if n_beyond := int(np.sum(np.abs(sounds) > 1)):
        _log.warning("%d samples beyond full scale are clipped in WAV files", n_beyond)
    samples = np.round(PCM_16_FULL_SCALE * sounds)
    return np.clip(samples, -PCM_16_FULL_SCALE, PCM_16_FULL_SCALE - 1).astype(np.int16)


def write_image(path: Path, pixels: np.ndarray) -> None:
    """Write pixels, uint8 [height, width, 1 or 3] or uint16 [height, width], as a PNG file."""
    image = Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels)
    with atomic_file(path) as file:
        image.save(file, "PNG")


def read_image(path: Path, stimulus_range: tuple[float, float] = (0.0, 1.0)) -> np.ndarray:
    """Return an image of `write_image` as float32 [height, width, 1 or 3] in `stimulus_range`.

    An image of 16 bits is a cochleagram, [bands, frames].

    Raises:
        ValueError: missing, damaged, or another kind of image.
    """
    low, high = stimulus_range
    pixels = preview_pixels(path)
    is_cochleagram = pixels.dtype == np.uint16
    pixels = pixels.astype(np.float64)
    if is_cochleagram:
        pixels = pixels * (255 / 65535)
    elif pixels.ndim == 2:
        pixels = pixels[..., np.newaxis]
    return (low + (high - low) * pixels / 255).astype(np.float32)


def preview_pixels(path: Path) -> np.ndarray:
    """Return the pixels of a PNG file, uint8 [height, width(, 3)] or uint16 [height, width].

    Raises:
        ValueError: missing, damaged, or another kind of image.
    """
    try:
        with _silence(), Image.open(path, formats=["PNG"]) as image:
            if math.prod(image.size) > limits.MAX_PIXELS:
                raise ValueError(f"it has {image.width} x {image.height} pixels")
            image.verify()  # the checksums of all its parts, which decoding alone overlooks
        with Image.open(path, formats=["PNG"]) as image:
            if image.mode not in ("L", "RGB") and not image.mode.startswith("I"):
                raise ValueError(f"it is of the kind {image.mode}; expected 8-bit grey or RGB")
            # PIL before version 11.3 opens 16 bits in mode I.
            return np.asarray(image, np.uint16 if image.mode.startswith("I") else np.uint8)
    except Exception as error:  # a damaged image can raise nearly anything
        raise ValueError(f"cannot read the image {path}: {_reason(error)}") from None


@contextmanager
def _silence() -> Iterator[None]:
    """Keep back PIL's warnings of large images: an error says enough."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _reason(error: Exception) -> str:
    return (str(error) or type(error).__name__).splitlines()[0]


def write_sound(path: Path, samples: np.ndarray, sample_rate_hz: int) -> None:
    """Write int16 samples [n] as a mono WAV file."""
    with atomic_file(path) as file:
        wavfile.write(file, sample_rate_hz, samples)


def read_sound(path: Path) -> np.ndarray:
    """Return a 16-bit mono WAV file as float32 [samples] in [-1, 1).

    Raises:
        ValueError: missing, damaged, cut short, or another kind of WAV file.
    """
    try:
        with wave.open(str(path), "rb") as file:
            if (file.getnchannels(), file.getsampwidth()) != (1, 2):
                raise ValueError("it is not a 16-bit mono WAV file")
            n_samples, n_bytes = file.getnframes(), path.stat().st_size
            # No more than there is, whatever the header says.
            samples = np.frombuffer(file.readframes(min(n_samples, n_bytes // 2)), "<i2")
            if len(samples) != n_samples:
                raise ValueError(f"it promises {n_samples} samples and holds {len(samples)}")
    except Exception as error:  # a damaged header can raise nearly anything
        raise ValueError(f"cannot read the sound {path}: {_reason(error)}") from None
    return samples.astype(np.float32) / PCM_16_FULL_SCALE
