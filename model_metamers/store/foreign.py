"""Pickles from elsewhere, such as the authors' null distributions, read without running them.

A pickle names functions to call and objects to fill. Here the few names that NumPy arrays and
plain containers need stand for functions of this module; any other is refused. NumPy's own are not
among them, because ndarray and dtype take raw memory from a pickle: an array of objects could be
made of pointers of its author's choice.

| in the pickle                                        | here                                     |
|------------------------------------------------------|------------------------------------------|
| numpy.dtype, then its state                          | `_DType`: a number or text, no structure |
| numpy.core.multiarray._reconstruct, then its state   | `_Array`: bytes of numbers, or a list    |
| numpy.core.multiarray.scalar, numeric._frombuffer    | numbers only                             |

Python 2 and protocols up to 2 call the built-in types __builtin__; NumPy 2 writes numpy._core.

A pickle can also ask for memory: bytes of a given number, lengths it does not have, a value to be
remembered at place 2**31. It gets none that its own size does not explain.
"""

import io
import pickle
import re
import struct
from collections import OrderedDict
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np

from model_metamers import limits

_ELEMENT_TYPE = re.compile(r"b1|[iufcSU]\d+|O\d*")


def load_foreign_pickle(path: str | Path) -> Any:
    """Return the content of a pickle from elsewhere, if it is NumPy arrays in plain containers.

    Pickles of Python 2 load as well; their byte strings become text. Nothing in the file is run.

    Raises:
        ValueError: missing, damaged, or anything but arrays, numbers, text and containers.
    """
    try:
        return _ArraysOnlyUnpickler(Path(path).read_bytes()).load()
    except Exception as error:  # a damaged pickle can raise nearly anything
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise ValueError(f"cannot read {path}: {reason}") from None


_PythonsUnpickler: Any = pickle._Unpickler  # its parts have no types


class _ArraysOnlyUnpickler(_PythonsUnpickler):
    """Admits the names of `_ADMITTED`, and no others.

    It is Python's own in Python: the one in C takes memory for as many remembered values and bytes
    as a pickle of ten bytes asks for.
    """

    dispatch: ClassVar[dict] = dict(_PythonsUnpickler.dispatch)

    def __init__(self, content: bytes):
        # From memory, where a length that is not there costs nothing.
        super().__init__(io.BytesIO(content), encoding="latin1")
        self._copies_left = limits.unpacked_bytes(len(content))

    def load_bytearray8(self) -> None:
        """Read a bytearray of the length that is there, not of the one that is written."""
        (n_bytes,) = struct.unpack("<Q", self.read(8))
        self.append(bytearray(self.read(n_bytes)))

    def load_reduce(self) -> None:
        """Call one of `_ADMITTED`."""
        self._charge(self.stack[-1])
        super().load_reduce()

    def load_build(self) -> None:
        """Fill an array or a dtype."""
        self._charge(self.stack[-1])
        super().load_build()

    dispatch[pickle.BYTEARRAY8[0]] = load_bytearray8
    dispatch[pickle.REDUCE[0]] = load_reduce
    dispatch[pickle.BUILD[0]] = load_build

    def _charge(self, arguments: Any) -> None:
        """Count what a call copies: one long text could be given to thousands of calls."""
        for argument in arguments if isinstance(arguments, tuple) else ():
            if isinstance(argument, bytes | bytearray | str | list | set | frozenset):
                self._copies_left -= len(argument)
        if self._copies_left < 0:
            raise ValueError("it unpacks to far more than its size")

    def find_class(self, module: str, name: str) -> Any:
        known = module.replace("numpy._core", "numpy.core").replace("__builtin__", "builtins")
        if (known, name) not in _ADMITTED:
            raise ValueError(f"it holds {module}.{name}; only arrays and containers are admitted")
        return _ADMITTED[known, name]


class _DType:
    """A pickled dtype: its element type first, its byte order afterwards."""

    def __init__(self, element_type: str):
        if not _ELEMENT_TYPE.fullmatch(element_type):
            raise ValueError(f"arrays of type {element_type!r} are not admitted")
        self.dtype = np.dtype(element_type)

    def __setstate__(self, state: tuple) -> None:
        _version, byte_order, subarray, names, fields, *_ = state
        if any(part is not None for part in (subarray, names, fields)):
            raise ValueError("structured arrays are not admitted")
        self.dtype = self.dtype.newbyteorder(byte_order)


class _Array(np.ndarray):
    """A pickled array: empty first, filled afterwards."""

    def __setstate__(self, state: tuple) -> None:
        _version, shape, stored, is_fortran, content = state
        values = _values(content, stored)
        shape = values.reshape(shape).shape  # or an error, where they do not fit
        content = content if values.dtype == object else values.tobytes()
        array_state: Any = (1, shape, values.dtype, bool(is_fortran), content)
        super().__setstate__(array_state)


def _values(content: Any, stored: _DType) -> np.ndarray:
    """Return the elements of an array: numbers from bytes, objects from a list of them."""
    if stored.dtype != object:
        # Python 2 has one type for bytes and text; protocol 5 gives a bytearray.
        content = content.encode("latin1") if isinstance(content, str) else content
        return np.frombuffer(content, stored.dtype)
    if not isinstance(content, list):
        raise ValueError("an array of objects must be stored as a list")
    values = np.empty(len(content), object)
    values[:] = content
    return values


def _reconstruct(*_: Any) -> _Array:
    return np.ndarray.__new__(_Array, (0,))


def _scalar(stored: _DType, content: bytes | str) -> np.generic:
    return _values(content, stored)[0]


def _from_buffer(
    content: bytes, stored: _DType, shape: tuple, order: Literal["C", "F"]
) -> np.ndarray:
    return _values(content, stored).reshape(shape, order=order)


def _bytes(content: bytes | str = b"", *_: Any) -> bytes:
    if not isinstance(content, bytes | str):
        raise ValueError("bytes must be given as such")  # a number would ask for so many
    return content.encode("latin1") if isinstance(content, str) else content


_ADMITTED = {
    ("numpy", "ndarray"): "numpy.ndarray",  # an argument of _reconstruct, never called
    ("numpy", "dtype"): lambda element_type, *_: _DType(element_type),
    ("numpy.core.multiarray", "_reconstruct"): _reconstruct,
    ("numpy.core.multiarray", "scalar"): _scalar,
    ("numpy.core.numeric", "_frombuffer"): _from_buffer,
    ("_codecs", "encode"): _bytes,  # for Python 2
    ("collections", "OrderedDict"): OrderedDict,
    ("builtins", "set"): set,
    ("builtins", "frozenset"): frozenset,
    ("builtins", "complex"): complex,
    ("builtins", "bytes"): _bytes,
    ("builtins", "bytearray"): lambda *content: bytearray(_bytes(*content)),
}
