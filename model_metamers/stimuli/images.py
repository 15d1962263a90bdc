"""Photographs as stimuli: the centre square, resized bilinearly, as float32 in [0, 1].

Source: VGG19_Metamers_Using_TFSlim_Model.ipynb of github.com/jenellefeather/model_metamers.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from model_metamers.stimuli import folders
from model_metamers.stimuli.stimulus_set import StimulusSet

EXTENSIONS = {".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp"}
SMALLEST_SIDE_PX = 8


def load_image(path: Path, size_px: int) -> np.ndarray:
    """Read one image: grey ones become RGB, transparent ones lie on white.

    Args:
        path: image file.
        size_px: side of the result, in pixels.

    Returns:
        float32 [size, size, 3] in [0, 1].

    Raises:
        ValueError: not a readable image, or smaller than 8 px.
    """
    try:
        with Image.open(path) as opened:
            image = _on_white(_eight_bit(opened))
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise ValueError(
            f"{path} is not a readable image ({error}); replace or remove the file"
        ) from error
    side = min(image.size)
    if side < SMALLEST_SIDE_PX:
        raise ValueError(
            f"{path} is {image.width} x {image.height} px; an image needs at least "
            f"{SMALLEST_SIDE_PX} px on its short side"
        )
    left, top = (image.width - side) // 2, (image.height - side) // 2
    square = image.crop((left, top, left + side, top + side))
    square = square.resize((size_px, size_px), Image.Resampling.BILINEAR)
    return np.asarray(square, np.float32) / 255.0


def _eight_bit(image: Image.Image) -> Image.Image:
    """Return an image of more bits as grey with 8; PIL would clip it at 255 instead."""
    if image.mode not in ("I", "F") and not image.mode.startswith("I;16"):
        return image
    # PIL before version 11.3 opens a 16-bit PNG in mode I, which else has an unknown range.
    if image.mode == "F" or (image.mode == "I" and image.format != "PNG"):
        raise ValueError("it has 32 bits per pixel value, of unknown range; save it with 8 or 16")
    values = np.array(image, np.float64)
    values[values == image.info.get("transparency", -1)] = 65535  # white
    return Image.fromarray(np.round(values / 257).astype(np.uint8))


def _on_white(image: Image.Image) -> Image.Image:
    if image.mode in ("LA", "PA", "RGBA") or "transparency" in image.info:
        white = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(white, image.convert("RGBA"))
    return image.convert("RGB")


def load_image_folder(folder: Path, size_px: int, limit: int | None = None) -> StimulusSet:
    """Read a folder of images: one sub-folder per class, or a flat folder without labels.

    With a limit, images are taken from the classes in turn, so that every class is represented.

    Args:
        folder: the folder.
        size_px: side of the result, in pixels.
        limit: how many images to read, None for all.

    Returns:
        Images with the sub-folder's name as label ("" in a flat folder).

    Raises:
        ValueError: missing or empty folder, unreadable or too small image.
    """
    files = image_files(folder, limit)
    return StimulusSet(
        np.stack([load_image(path, size_px) for _, path in files]),
        image_ids(files),
        tuple(label for label, _ in files),
    )


def image_files(folder: Path, limit: int | None = None) -> list[tuple[str, Path]]:
    """Return (label, file) of the images that `load_image_folder` reads, without reading them.

    Raises:
        ValueError: missing or empty folder.
    """
    by_class = folders.files_by_class(folders.existing_folder(folder, "images"), EXTENSIONS)
    files = folders.in_turn(by_class)[:limit]
    if not files:
        raise ValueError(
            f"the stimulus folder {folder} holds no images ({', '.join(sorted(EXTENSIONS))}), "
            f"neither itself nor in sub-folders"
        )
    return files


def image_ids(files: Sequence[tuple[str, Path]]) -> tuple[str, ...]:
    """Return the names of labelled image files as stimuli."""
    return folders.unique_ids(
        [f"{label}_{path.stem}" if label else path.stem for label, path in files]
    )


def resize_images(images: np.ndarray, size_px: int) -> np.ndarray:
    """Return images [n, size, size, 3], resized bilinearly for another network to see."""
    if images.shape[1] == size_px:
        return images
    resized = [
        [
            np.asarray(
                Image.fromarray(channel).resize((size_px, size_px), Image.Resampling.BILINEAR)
            )
            for channel in np.moveaxis(image, -1, 0)
        ]
        for image in images.astype(np.float32)
    ]
    return np.moveaxis(np.array(resized, np.float32), 1, -1)
