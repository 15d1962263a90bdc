"""Photographs as stimuli: the centre square, resized bilinearly, as float32 in [0, 1].

Source: VGG19_Metamers_Using_TFSlim_Model.ipynb of github.com/jenellefeather/model_metamers.
"""

import logging
import mmap
import re
import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import ExifTags, Image, TiffImagePlugin

from model_metamers import limits
from model_metamers.files import sha256_of
from model_metamers.stimuli import folders
from model_metamers.stimuli.on_demand import StimuliOnDemand
from model_metamers.stimuli.stimulus_set import StimulusSet, distinct_indices

EXTENSIONS = {
    ".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".bmp", ".gif", ".tif", ".tiff", ".webp"
}  # fmt: skip
SMALLEST_SIDE_PX = 8

# Of these formats whatever the file is called: PIL knows others, and runs a program for some.
_FORMATS = ("PNG", "JPEG", "BMP", "GIF", "TIFF", "WEBP")
_DARK = 2**14 / 2**16  # the brightest value of 16-bit images that hold 14 bits
_SIXTEEN_BITS = re.compile(r"\b(I|L|LA|RGB|RGBA);16")  # of PIL's names for how pixels are stored
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_SCAN, _END = b"\xff\xda", b"\xff\xd9"  # JPEG's markers of pixels and of the picture's end
_GREYS = {"L;2": 85, "L;4": 17}  # how PIL stores grey of few bits -> what it multiplies it by
_WHITE_IS_ZERO = 0  # of TIFF's photometric interpretations; PIL turns those of 8 bits only
_TINY_TABLE = "val_annotations.txt"
_log = logging.getLogger(__name__)


def load_image(path: Path, size_px: int) -> np.ndarray:
    """Read one image: upright, grey ones become RGB, transparent ones lie on white.

    Colour profiles are not applied, as they were not to the images that networks learnt from.

    Args:
        path: image file.
        size_px: side of the result, in pixels.

    Returns:
        float32 [size, size, 3] in [0, 1].

    Raises:
        ValueError: not a readable image, smaller than 8 px, or too large.
    """
    pixels, brightest = _load(Path(path), size_px)
    _log_dark([(Path(path), brightest)])
    return pixels


def _load(path: Path, size_px: int) -> tuple[np.ndarray, float]:
    """Return an image as `load_image` does, and its brightest value if it has 16 bits, else 1."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # PIL's, of sizes and EXIF data: an error says enough
            with Image.open(path, formats=_FORMATS) as opened:
                opened.verify()  # of a PNG the checksums, which decoding overlooks
            with Image.open(path, formats=_FORMATS) as opened:
                _check_size(opened)
                _check_end(opened, path)
                _scale_transparent_colour(opened)
                brightest = _brightest(opened)
                image = _upright(opened, _on_white(_eight_bit(opened)))
    except Exception as error:  # a damaged image can raise nearly anything
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise ValueError(
            f"{path} is not a readable image ({reason}); replace or remove the file"
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
    return np.asarray(square, np.float32) / 255.0, brightest


def _check_size(image: Image.Image) -> None:
    if image.width * image.height > limits.MAX_PIXELS:
        raise ValueError(
            f"it has {image.width} x {image.height} pixels, more than {limits.MAX_PIXELS}; "
            "save it smaller"
        )


def _check_end(image: Image.Image, path: Path) -> None:
    """Raise ValueError where a JPEG's end is missing, though the file is as long as it should be.

    A download into a file of the full length, broken off, ends in zeros, which decode to grey.
    """
    if image.format not in ("JPEG", "MPO"):  # MPO: with further pictures, as phones write it
        return
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        position = 2  # behind the marker of the file's beginning
        # Segments may hold a preview, a JPEG of its own; what follows the end, a film.
        while content[position : position + 1] == b"\xff":
            if content[position : position + 2] == _SCAN:
                if content.find(_END, position) < 0:
                    raise ValueError("its end is missing: the file was cut short")
                return
            position += 2 + int.from_bytes(content[position + 2 : position + 4], "big")


def _scale_transparent_colour(image: Image.Image) -> None:
    """Give a PNG's transparent colour, which has the file's bits, those of PIL's pixels.

    Raises:
        ValueError: it has 16 bits per colour, of which PIL keeps 8.
    """
    colour, stored = image.info.get("transparency"), _stored(image)
    if isinstance(colour, tuple) and _SIXTEEN_BITS.search(stored):
        raise ValueError("it has a transparent colour of 16 bits; save it with an alpha channel")
    factor = next((factor for name, factor in _GREYS.items() if f"'{name}'" in stored), 1)
    if isinstance(colour, int) and image.mode == "L":
        image.info["transparency"] = colour * factor


def _stored(image: Image.Image) -> str:
    """Return what PIL tells of how the pixels of an image that is not loaded yet are stored."""
    return str(getattr(image, "tile", ""))


def _brightest(image: Image.Image) -> float:
    """Return an image's largest value, of [0, 1], if it is stored in 16 bits; 1 otherwise."""
    if not _SIXTEEN_BITS.search(_stored(image)):
        return 1.0
    if image.mode.startswith("I"):
        return float(np.asarray(image).max() / 65535)
    # Of colours PIL keeps the upper 8 bits.
    extrema = np.reshape(image.getextrema(), (-1, 2))[:, 1]
    colours = [band != "A" for band in image.getbands()]
    return float(extrema[colours].max() / 255)


def _log_dark(images: Sequence[tuple[Path, float]]) -> None:
    """Say which 16-bit images hold values of fewer bits, as cameras of 12 and 14 write them.

    They are read as every viewer shows them, nearly black: whether a picture is dark or its values
    are of another range, only its owner knows.
    """
    dark = [(path, brightest) for path, brightest in images if 0 < brightest < _DARK]
    if dark:
        path, brightest = dark[0]
        _log.warning(
            "%d of %d images have 16 bits per value but none above %.1f %% of white (%s): if they "
            "come from a camera of 12 or 14 bits, multiply by 16 or 4 and save them again",
            len(dark), len(images), 100 * brightest, path,
        )  # fmt: skip


def _upright(opened: Image.Image, image: Image.Image) -> Image.Image:
    """Return an image turned as its EXIF orientation says, and viewers show it.

    Args:
        opened: the file, loaded; of a TIFF file PIL has then turned it, and forgotten the tag.
        image: its pixels.
    """
    try:
        orientation = opened.getexif().get(ExifTags.Base.Orientation, 1)
    except Exception:  # damaged EXIF data can raise nearly anything; viewers overlook it
        return image
    return image.transpose(_TURNS[orientation]) if orientation in _TURNS else image


def _eight_bit(image: Image.Image) -> Image.Image:
    """Return an image of more bits as grey with 8; PIL would clip it at 255 instead."""
    if image.mode not in ("I", "F") and not image.mode.startswith("I;16"):
        return image
    # PIL before version 11.3 opens a 16-bit PNG in mode I, which else has an unknown range.
    if image.mode == "F" or (image.mode == "I" and image.format != "PNG"):
        raise ValueError("it has 32 bits per pixel value, of unknown range; save it with 8 or 16")
    values = np.asarray(image).astype(np.uint32)
    white = 65535
    values[values == image.info.get("transparency", -1)] = white
    if isinstance(image, TiffImagePlugin.TiffImageFile):
        (bits,) = image.tag_v2.get(ExifTags.Base.BitsPerSample, (16,))
        white = 2**bits - 1
        if image.tag_v2.get(ExifTags.Base.PhotometricInterpretation) == _WHITE_IS_ZERO:
            values = white - values
    return Image.fromarray(((values * 255 + white // 2) // white).astype(np.uint8))


def _on_white(image: Image.Image) -> Image.Image:
    if image.mode in ("LA", "PA", "RGBA") or "transparency" in image.info:
        image = image if image.mode == "RGBA" else image.convert("RGBA")
        white = Image.new("RGB", image.size, "white")
        white.paste(image, mask=image.getchannel("A"))
        return white
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
    return load_images(image_files(folder, limit), size_px)


def load_images(files: Sequence[tuple[str, Path]], size_px: int) -> StimulusSet:
    """Read images.

    Args:
        files: (label, file).
        size_px: side of the result, in pixels.

    Raises:
        ValueError: unreadable or too small image.
    """
    loaded = [_load(path, size_px) for _, path in files]
    _log_dark([(path, brightest) for (_, path), (_, brightest) in zip(files, loaded, strict=True)])
    return StimulusSet(
        np.stack([pixels for pixels, _ in loaded]),
        image_ids(files),
        tuple(label for label, _ in files),
        tuple(sha256_of(path) for _, path in files),
    )


def image_files(folder: Path, limit: int | None = None) -> list[tuple[str, Path]]:
    """Return (label, file) of the images that `load_image_folder` reads, without reading them.

    Raises:
        ValueError: missing or empty folder.
    """
    folder = folders.existing_folder(folder, "images")
    by_class = _tiny_imagenet_validation(folder) or folders.files_by_class(folder, EXTENSIONS)
    files = folders.in_turn(by_class)[:limit]
    if not files:
        raise folders.nothing_found(folder, "images", EXTENSIONS)
    return files


def distinct_image_files(
    files: Sequence[tuple[str, Path]], size_px: int, limit: int | None = None
) -> list[tuple[str, Path]]:
    """Return labelled image files without those that are loaded to an earlier one's pixels.

    Args:
        files: (label, file), as `image_files` returns them.
        size_px: side of the images, in pixels.
        limit: how many to return, None for all; no more are read than that takes.

    Raises:
        ValueError: as `load_image`.
    """
    images = StimuliOnDemand(lambda index: load_image(files[index][1], size_px), len(files))
    kept = distinct_indices(images, [str(path) for _, path in files], limit)
    return [files[index] for index in kept]


def image_ids(files: Sequence[tuple[str, Path]]) -> tuple[str, ...]:
    """Return the names of labelled image files as stimuli."""
    return folders.unique_ids(
        [f"{label}_{path.stem}" if label else path.stem for label, path in files]
    )


def _tiny_imagenet_validation(folder: Path) -> dict[str, list[Path]]:
    """Return WordNet id -> files of Tiny-ImageNet's folder "val" (or its "images"), else nothing.

    The images lie in one folder, and a table beside it tells their classes.

    Source: the data set (image-net.org, cs231n.stanford.edu): val_annotations.txt.

    Raises:
        ValueError: a table that is damaged.
    """
    parents = [parent for parent in (folder, folder.parent) if (parent / _TINY_TABLE).is_file()]
    if not parents or not (parents[0] / "images").is_dir():
        return {}
    table = parents[0] / _TINY_TABLE
    by_class: dict[str, list[Path]] = {}
    for number, line in enumerate(table.read_text(errors="replace").splitlines(), start=1):
        name, _, rest = line.partition("\t")
        label = rest.partition("\t")[0]
        if not re.fullmatch(r"[\w.-]+", name) or not re.fullmatch(r"n\d{8}", label):
            raise ValueError(f"{table}, line {number}: expected a file and its WordNet id")
        if (parents[0] / "images" / name).is_file():
            by_class.setdefault(label, []).append(parents[0] / "images" / name)
    return dict(sorted(by_class.items()))


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
