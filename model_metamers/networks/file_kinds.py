"""What a file given as weights is, told by its content: names lie, and downloads go astray.

A file that cannot be read as weights is named for what it is, with what to do about it.

Source: the formats' first bytes (libmagic's tables); TensorFlow's table format, whose files
(V1 checkpoints, and the index of V2 ones) end with a number of their own.
"""

import re
import zipfile
from pathlib import Path

from model_metamers.networks.torch_state import LEGACY_START

ARCHIVE, NPZ, TABLE, TORCH = "archive", "npz", "table", "torch"
_TABLE_END = bytes.fromhex("57fb808b247547db")
_HEAD_BYTES = 1024

_CONVERT = "write its arrays as .npz (numpy.savez), or as a TensorFlow checkpoint"
_KERAS = (
    "load it with keras.saving.load_model, or load_weights of its model, and give the model to "
    "Network.from_keras"
)

# How a file begins -> what it is, and what to do.
_NOT_THE_FILE = (
    (rb"(?i)(\xef\xbb\xbf)?\s*<(!doctype|html|head|script|\?xml|!--)",
     "a web page, not the file it was taken for",
     "delete it, and download the file itself: its address may need a login"),
    (rb"version https://git-lfs", "a pointer of Git LFS, not the file", "fetch it: git lfs pull"),
)  # fmt: skip
_FOREIGN = (
    *_NOT_THE_FILE,
    (rb"\x00\x05\x16[\x00\x07]", "what macOS keeps beside a file (._name)", "give that file"),
    (rb"\x89HDF\r\n", "an HDF5 file, as Keras writes (.h5)", _KERAS),
    (rb"\x80[\x02-\x05]", "a pickle, and no state dict of PyTorch", _CONVERT),
    (rb".{4}TFL3", "a model of TensorFlow Lite", "give the checkpoint it was made from"),
    (rb".{7}\x00\{", "a file of safetensors", _CONVERT),
)


def check_download(path: Path) -> None:
    """Refuse what servers send instead of a file.

    Raises:
        ValueError: a web page, or a pointer of Git LFS.
    """
    with path.open("rb") as file:
        _refuse(path, file.read(_HEAD_BYTES), _NOT_THE_FILE)


def kind_of(path: Path) -> str | None:
    """Return `ARCHIVE` (tar, compressed or not), `NPZ`, `TABLE` or `TORCH`; None if unknown.

    Raises:
        ValueError: a file of a kind that holds no weights we could read; the message names it.
        OSError: the file cannot be read.
    """
    with path.open("rb") as file:
        head = file.read(_HEAD_BYTES)
        file.seek(-min(path.stat().st_size, len(_TABLE_END)), 2)
        end = file.read()
    if end == _TABLE_END:
        return TABLE
    if head[:2] == b"\x1f\x8b" or head[:3] == b"BZh" or head[:6] == b"\xfd7zXZ\x00":
        return ARCHIVE
    if head[257:262] == b"ustar":
        return ARCHIVE
    if head[:4] == b"PK\x03\x04":
        return _kind_of_zip(path)
    if head.startswith(LEGACY_START):
        return TORCH
    _refuse(path, head, _FOREIGN)
    if path.suffix == ".meta":
        raise _no_weights(path, "the graph of a checkpoint, without its variables",
                          "put the .index and .data files beside it")  # fmt: skip
    return None


def _kind_of_zip(path: Path) -> str:
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError):
        return NPZ  # damaged: whoever reads it will say so
    if "model.weights.h5" in names:
        raise _no_weights(path, "a model of Keras (.keras)", _KERAS)
    if any(name.endswith("/data.pkl") for name in names):
        return TORCH
    if names and not all(name.endswith(".npy") for name in names):
        raise _no_weights(path, "a zip archive", "unpack it, and give the checkpoint in it")
    return NPZ


def _refuse(path: Path, head: bytes, kinds: tuple[tuple[bytes, str, str], ...]) -> None:
    for start, what, remedy in kinds:
        if re.match(start, head, re.DOTALL):
            raise _no_weights(path, what, remedy)


def _no_weights(path: Path, what: str, remedy: str) -> ValueError:
    return ValueError(f"{path} is {what}; {remedy}")
