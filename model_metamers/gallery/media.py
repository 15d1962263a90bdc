"""Previews as a page holds them: small pictures, and sounds as they are."""

import io
import wave
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from model_metamers.frontends.picture import sound_picture
from model_metamers.store.formats import preview_pixels, read_sound

SIDE_PX = 256  # of a picture, at most
EXACT_PX = 128  # up to which a picture is kept without loss
COCHLEAGRAM_PX = (220, 110)
LONGEST_S = 10.0  # of a sound; the picture shows its beginning


@dataclass(frozen=True)
class Medium:
    """A preview in a page.

    Attributes:
        picture: WebP file.
        size_px: its width and height.
        sound: WAV file, empty for images.
    """

    picture: bytes
    size_px: tuple[int, int]
    sound: bytes = b""


def medium_of(path: Path) -> Medium:
    """Return a preview file as a page holds it.

    Raises:
        ValueError: a damaged file.
    """
    return _sound(path) if path.suffix == ".wav" else _picture(path)


def _picture(path: Path) -> Medium:
    pixels = preview_pixels(path)
    if pixels.dtype == np.uint16:  # a cochleagram: as `cochleagram_picture` draws one
        levels = pixels[::-1] / max(pixels.max(), 1)
        return Medium(*_as_picture((255 * (1 - levels)).round().astype(np.uint8)))
    image = Image.fromarray(pixels)
    image.thumbnail((SIDE_PX, SIDE_PX))
    return Medium(_webp(image, lossless=max(image.size) <= EXACT_PX), image.size)


def _sound(path: Path) -> Medium:
    samples = read_sound(path)
    with wave.open(str(path), "rb") as file:
        rate_hz = file.getframerate()
    picture = _as_picture(sound_picture(samples[: round(LONGEST_S * rate_hz)], rate_hz))
    return Medium(*picture, path.read_bytes())


def _as_picture(cochleagram: np.ndarray) -> tuple[bytes, tuple[int, int]]:
    image = Image.fromarray(cochleagram).resize(COCHLEAGRAM_PX, Image.Resampling.BOX)
    return _webp(image, lossless=False), image.size


def _webp(image: Image.Image, lossless: bool) -> bytes:
    file = io.BytesIO()
    image.save(file, "WEBP", lossless=lossless, quality=85, method=4)
    return file.getvalue()
