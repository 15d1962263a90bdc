"""State dicts of PyTorch (.pth, .pt), read without PyTorch: name -> array.

A state dict is a pickle, which describes the tensors, beside the bytes of their storages. The
description is interpreted by `torch_pickle`; three kinds of names are admitted in it:

| in the pickle                                   | here                                        |
|-------------------------------------------------|---------------------------------------------|
| collections.OrderedDict                         | an empty dict                               |
| torch._utils._rebuild_tensor_v2                 | `_Tensor`: a place in a storage             |
| torch.FloatStorage, torch.LongStorage and so on | the type of its numbers                     |

Both of PyTorch's formats are read:

| format               | content                                                               |
|----------------------|-----------------------------------------------------------------------|
| zip, since 1.6       | <folder>/data.pkl; <folder>/data/<key>: the bytes of a storage        |
| older ("legacy")     | pickles of a magic number, the format's version, the machine, the state |
|                      | dict and the storages' keys; then each storage's count and its bytes  |

Every number in a file is checked against what the file holds before it is used, and arrays are
views of the file's bytes. So reading takes no more memory than the file's size (twice that for the
zip format) and what the description of its tensors needs, which is limited.

Source: torch/serialization.py and torch/_utils.py of PyTorch.
"""

import math
import os
import struct
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from model_metamers.networks.files import damage_told
from model_metamers.networks.torch_pickle import read_pickle

SUFFIXES = (".pth", ".pt")

_LEGACY_MAGIC = 0x1950A86A20F9469CFC6C
LEGACY_START = b"\x80\x02\x8a\n" + _LEGACY_MAGIC.to_bytes(10, "little")
_LEGACY_VERSION = 1001
_ZIP_START = b"PK\x03\x04"
_ZIP_ENTRY = b"PK\x01\x02"
_MOST_ENTRIES = 100_000
_MOST_AXES = 8
_STORAGE_TYPES = {
    "torch DoubleStorage": np.dtype("<f8"),
    "torch FloatStorage": np.dtype("<f4"),
    "torch HalfStorage": np.dtype("<f2"),
    "torch LongStorage": np.dtype("<i8"),
    "torch IntStorage": np.dtype("<i4"),
    "torch ShortStorage": np.dtype("<i2"),
    "torch CharStorage": np.dtype("i1"),
    "torch ByteStorage": np.dtype("u1"),
    "torch BoolStorage": np.dtype("?"),
}


@dataclass(frozen=True)
class _Storage:
    """A run of numbers of one type, as the pickle describes it."""

    key: str
    dtype: np.dtype
    n_numbers: int


class _Tensor(NamedTuple):
    """A place in a storage, as the pickle describes it; offset and strides count numbers."""

    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


def read_state_dict(path: str | os.PathLike) -> dict[str, np.ndarray]:
    """Return tensor name -> read-only array, in PyTorch's own layout and order of axes.

    Raises:
        ValueError: damaged, truncated, or anything but a dict of tensors; nothing in it was run.
        OSError: missing or unreadable.
    """
    content = Path(path).read_bytes()
    with damage_told(path):
        if content.startswith(_ZIP_START):
            state, storages = _read_zip(content)
        elif content.startswith(LEGACY_START):
            state, storages = _read_legacy(content)
        else:
            raise ValueError("it has neither of PyTorch's formats")
        if not isinstance(state, dict):
            raise ValueError("it is no dict of tensors")
    inner = next((name for name, part in state.items() if isinstance(part, dict)), None)
    if inner is not None:
        raise ValueError(
            f"{path} has its tensors one level deeper, in {inner!r}; save that part alone: "
            f"torch.save(torch.load(FILE)[{inner!r}], NEW_FILE)"
        )
    with damage_told(path):
        return {name: _array(name, tensor, storages) for name, tensor in state.items()}


def _read_zip(content: bytes) -> tuple[Any, dict[str, memoryview]]:
    """Return the described state dict, and storage key -> bytes."""
    if content.count(_ZIP_ENTRY) > _MOST_ENTRIES:
        raise ValueError(f"it has more than {_MOST_ENTRIES} entries")
    with zipfile.ZipFile(BytesIO(content)) as archive:
        entries = archive.infolist()
        if any(entry.compress_type != zipfile.ZIP_STORED for entry in entries):
            raise ValueError("it is compressed, which PyTorch's files never are")
        if sum(entry.file_size for entry in entries) > len(content):
            raise ValueError("its entries claim to hold more than the whole file")
        names = [entry.filename for entry in entries]
        folders = [name.removesuffix("data.pkl") for name in names if name.endswith("/data.pkl")]
        if len(folders) != 1 or len(set(names)) != len(names):
            raise ValueError("it must hold one data.pkl, and nothing twice")
        folder = folders[0]
        if f"{folder}byteorder" in names and archive.read(f"{folder}byteorder") != b"little":
            raise ValueError("its numbers are not little-endian")
        described, state = _described(BytesIO(archive.read(f"{folder}data.pkl")))
        storages = {key: memoryview(archive.read(f"{folder}data/{key}")) for key in described}
    for storage in described.values():
        _check_size(storage, len(storages[storage.key]))
    return state, storages


def _read_legacy(content: bytes) -> tuple[Any, dict[str, memoryview]]:
    """Return the described state dict, and storage key -> bytes."""
    stream = BytesIO(content)
    if read_pickle(stream, {}) != _LEGACY_MAGIC or read_pickle(stream, {}) != _LEGACY_VERSION:
        raise ValueError(f"its format is not PyTorch's version {_LEGACY_VERSION}")
    machine = read_pickle(stream, {})
    if not isinstance(machine, dict) or machine.get("little_endian") is not True:
        raise ValueError("its numbers are not little-endian")
    described, state = _described(stream)
    keys = read_pickle(stream, {})
    if not isinstance(keys, list) or not all(isinstance(key, str) for key in keys):
        raise ValueError("it has no list of storages")
    if sorted(keys) != sorted(described):
        raise ValueError("its storages are not those of its tensors")
    storages, position, view = {}, stream.tell(), memoryview(content)
    for storage in (described[key] for key in keys):
        (count,) = struct.unpack("<q", _part(view, position, 8))
        _check_size(storage, count * storage.dtype.itemsize)
        n_bytes = storage.n_numbers * storage.dtype.itemsize
        storages[storage.key] = _part(view, position + 8, n_bytes)
        position += 8 + n_bytes
    return state, storages


def _part(view: memoryview, start: int, n_bytes: int) -> memoryview:
    if n_bytes > len(view) - start:
        raise ValueError(f"it ends {n_bytes - len(view) + start} bytes too early")
    return view[start : start + n_bytes]


def _described(stream: BytesIO) -> tuple[dict[str, _Storage], Any]:
    """Interpret the main pickle; return key -> storage of all that its tensors use, and itself."""
    storages: dict[str, _Storage] = {}

    def storage(persistent_id: Any) -> _Storage:
        found = _storage(persistent_id)
        if storages.setdefault(found.key, found) != found:
            raise ValueError(f"it describes storage {found.key} in two ways")
        return found

    admitted: Mapping[str, Any] = _STORAGE_TYPES | {
        "collections OrderedDict": _empty_dict,
        "torch._utils _rebuild_tensor_v2": _tensor,
    }
    state = read_pickle(stream, admitted, storage)
    return storages, state


def _storage(persistent_id: Any) -> _Storage:
    """Return ("storage", type, key, device, count) and, in legacy files, None, as a storage."""
    match persistent_id:
        case ("storage", np.dtype() as dtype, str(key), _, int(count), *rest) if (
            count >= 0 and rest in ([], [None])
        ):
            return _Storage(key, dtype, count)
    raise ValueError("it describes a storage in another way than PyTorch")


def _tensor(*arguments: Any) -> _Tensor:
    """Return (storage, offset, shape, strides, requires_grad, hooks, ...) as a tensor."""
    if len(arguments) not in (6, 7) or not isinstance(arguments[0], _Storage):
        raise ValueError("it describes a tensor in another way than PyTorch")
    return _Tensor(*arguments[:4])


def _empty_dict(*arguments: Any) -> dict[str, Any]:
    if arguments:
        raise ValueError("it fills an OrderedDict in another way than PyTorch")
    return {}


def _check_size(storage: _Storage, n_bytes: int) -> None:
    if n_bytes != storage.n_numbers * storage.dtype.itemsize:
        raise ValueError(
            f"storage {storage.key} should hold {storage.n_numbers} numbers, "
            f"and has {n_bytes} bytes"
        )


def _array(name: str, tensor: Any, storages: Mapping[str, memoryview]) -> np.ndarray:
    """Return a tensor as a view of its storage, once all of it is known to lie inside."""
    if not isinstance(tensor, _Tensor):
        raise ValueError(f"{name} is no tensor, but {type(tensor).__name__}")
    storage, offset, shape, strides = tensor
    if not (isinstance(shape, tuple) and isinstance(strides, tuple)):
        raise ValueError(f"{name} has no shape")
    if len(shape) != len(strides) or len(shape) > _MOST_AXES:
        raise ValueError(f"{name} has {len(shape)} axes and {len(strides)} strides")
    if any(type(number) is not int or number < 0 for number in (offset, *shape, *strides)):
        raise ValueError(f"{name} has a shape or strides that are no counts")
    last = offset + sum((n - 1) * stride for n, stride in zip(shape, strides, strict=True))
    if not 0 < math.prod(shape) <= storage.n_numbers or last >= storage.n_numbers:
        raise ValueError(f"{name} is empty or reaches outside its storage")
    itemsize = storage.dtype.itemsize
    return np.ndarray(
        shape, storage.dtype, storages[storage.key], offset * itemsize,
        [stride * itemsize for stride in strides],
    )  # fmt: skip
