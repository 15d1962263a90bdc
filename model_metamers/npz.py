"""Arrays out of npz files, whoever made them: nothing is run, and nothing large is believed.

An npz file is a zip archive of .npy files, each a header (type, shape) before the numbers. The
archive tells how large a member is when unpacked, and the header how large the array: both are
checked against what is there before memory is taken for them.

Source: NumPy's documentation of the NPY format; PKWARE's APPNOTE of zip.
"""

import io
import math
import zipfile
from pathlib import Path

import numpy as np

from model_metamers import limits

_ENCRYPTED = 0x1  # of a member's flag bits
_HEADERS = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}


def read_arrays(path: Path) -> dict[str, np.ndarray]:
    """Return name -> array of an npz file.

    Raises:
        OSError: the file cannot be opened.
        ValueError: it is damaged, or no npz file of plain arrays; the message says why, without
            the file's name.
    """
    with open(path, "rb") as file:
        try:
            with zipfile.ZipFile(file) as archive:
                _check_sizes(archive, path.stat().st_size)
                return {
                    member.filename.removesuffix(".npy"): _array(_content(archive, member))
                    for member in archive.infolist()
                }
        except Exception as error:  # a damaged archive can raise nearly anything
            raise ValueError((str(error) or type(error).__name__).splitlines()[0]) from error


def _check_sizes(archive: zipfile.ZipFile, n_packed: int) -> None:
    n_unpacked = sum(member.file_size for member in archive.infolist())
    if n_unpacked > limits.unpacked_bytes(n_packed):
        raise ValueError(f"its {n_packed:,} bytes claim to unpack to {n_unpacked:,}")


def _content(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> bytes:
    if member.flag_bits & _ENCRYPTED:
        raise ValueError(f"{member.filename} is encrypted")
    # Python unpacks the other methods of compression without regard to what was asked for.
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise ValueError(f"{member.filename} is compressed in an unusual way")
    with archive.open(member) as file:
        return file.read(member.file_size)  # `read()` would unpack more than that, if there is


def _array(content: bytes) -> np.ndarray:
    file = io.BytesIO(content)
    version = np.lib.format.read_magic(file)
    if version not in _HEADERS:
        raise ValueError(f"it holds an array of the unknown format {version}")
    shape, _, dtype = _HEADERS[version](file)
    if dtype.hasobject:
        raise ValueError("it holds Python objects, which are not read (allow_pickle=False)")
    n_claimed, n_there = math.prod(shape) * dtype.itemsize, len(content) - file.tell()
    if n_claimed != n_there:
        raise ValueError(
            f"an array of shape {list(shape)} needs {n_claimed:,} bytes, not {n_there}"
        )
    return np.load(io.BytesIO(content), allow_pickle=False)
