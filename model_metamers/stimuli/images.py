"""Photographs as stimuli: the centre square, resized bilinearly, as float32 in [0, 1].

Source: FACTS section 4 (loading an image).
"""

import re
from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError

from model_metamers.stimuli.stimulus_set import StimulusSet

EXTENSIONS = {".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp"}
SMALLEST_SIDE_PX = 8


def load_image(path: Path, size_px: int) -> np.ndarray:
    """Read one image of any mode (grey and transparent ones are converted to RGB).

    Args:
        path: image file.
        size_px: side of the result, in pixels.

    Returns:
        float32 [size, size, 3] in [0, 1].

    Raises:
        ValueError: not a readable image, or smaller than 8 px.
    """
    try:
        with Image.open(path) as image:
            if image.mode in ("LA", "PA", "RGBA") or "transparency" in image.info:
                white = Image.new("RGBA", image.size, "white")
                image = Image.alpha_composite(white, image.convert("RGBA"))
            image = image.convert("RGB")
    except (UnidentifiedImageError, OSError, SyntaxError, Image.DecompressionBombError) as error:
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
    folder = Path(folder)
    if not folder.is_dir():
        raise ValueError(f"the stimulus folder {folder} does not exist; give a folder of images")
    by_class = {
        sub.name: _image_files(sub) for sub in sorted(folder.iterdir()) if sub.is_dir()
    }  # fmt: skip
    by_class = {label: files for label, files in by_class.items() if files}
    if not by_class:
        by_class = {"": _image_files(folder)}
    files = _in_turn(by_class)[:limit]
    if not files:
        raise ValueError(
            f"the stimulus folder {folder} holds no images ({', '.join(sorted(EXTENSIONS))}), "
            f"neither itself nor in sub-folders"
        )
    return StimulusSet(
        np.stack([load_image(path, size_px) for _, path in files]),
        _unique_ids([f"{label}_{path.stem}".strip("_") for label, path in files]),
        tuple(label for label, _ in files),
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


def _image_files(folder: Path) -> list[Path]:
    return sorted(p for p in folder.iterdir() if p.is_file() and p.suffix.lower() in EXTENSIONS)


def _in_turn(by_class: dict[str, list[Path]]) -> list[tuple[str, Path]]:
    longest = max(len(files) for files in by_class.values())
    return [
        (label, files[rank])
        for rank in range(longest)
        for label, files in by_class.items()
        if rank < len(files)
    ]


def _unique_ids(names: list[str]) -> tuple[str, ...]:
    ids: list[str] = []
    for name in names:
        name = re.sub(r"[^A-Za-z0-9_.-]", "_", name)
        ids.append(name if name not in ids else f"{name}-{len(ids)}")
    return tuple(ids)
