"""Files of weights, whatever is in them: hashed, unpacked, their damage told.

What `checkpoints`, `downloads` and `manifest` have in common.
"""

import hashlib
import os
import re
import shutil
import struct
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

import tensorflow as tf
from google.protobuf.message import DecodeError

CHUNK_BYTES = 1 << 20

# What TensorFlow, NumPy, protobuf and the standard library raise on files that are cut short or
# damaged.
_DAMAGE = (
    tf.errors.OpError, OSError, EOFError, LookupError, RuntimeError, ValueError,
    struct.error, zipfile.BadZipFile, zlib.error, tarfile.TarError, DecodeError,
)  # fmt: skip


def sha256_of(*paths: Path) -> str:
    """Return the SHA-256 of files one after another, in alphabetical order."""
    digest = hashlib.sha256()
    for path in sorted(paths):
        with path.open("rb") as file:
            while chunk := file.read(CHUNK_BYTES):
                digest.update(chunk)
    return digest.hexdigest()


def checkpoint_prefix(path: str) -> str:
    """Return the name of the V2 checkpoint a file belongs to; other names stay as they are."""
    return re.sub(r"\.(index|data-\d+-of-\d+)$", "", path)


@contextmanager
def damage_told(source: str | os.PathLike) -> Iterator[None]:
    """Turn whatever a damaged file raises into one clear line.

    Errors of the operating system (no permission, disk full) pass: the file is not to blame.
    """
    try:
        yield
    except _DAMAGE as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise ValueError(
            f"{source} is truncated, damaged or no file of weights ({reason}); "
            "delete it and download it again"
        ) from error


def unpack(archive: Path, directory: Path, is_wanted: Callable[[str], bool]) -> list[Path]:
    """Unpack the wanted files of a tar archive into `directory`, all of them or none.

    Args:
        archive: tar file, compressed or not.
        directory: existing folder; folders inside the archive are not kept.
        is_wanted: tells by a file's name, without its folder, whether to unpack it.

    Raises:
        ValueError: damaged archive, or one with links, devices or paths that lead out of it.
    """
    with tempfile.TemporaryDirectory(dir=directory, prefix=".unpacking-") as scratch:
        with damage_told(archive), tarfile.open(archive) as tar:
            unsafe = _extract(tar, Path(scratch), is_wanted)
        if unsafe is not None:
            raise ValueError(f"{archive} has the unsafe entry {unsafe!r}; nothing was unpacked")
        return [path.replace(directory / path.name) for path in sorted(Path(scratch).iterdir())]


def _extract(tar: tarfile.TarFile, scratch: Path, is_wanted: Callable[[str], bool]) -> str | None:
    """Return the name of the first unsafe entry, or None once all wanted files are extracted."""
    for entry in tar:
        path = PurePosixPath(entry.name)
        if path.is_absolute() or ".." in path.parts or not (entry.isreg() or entry.isdir()):
            return entry.name
        if entry.isreg() and is_wanted(path.name):
            if (scratch / path.name).exists():
                raise ValueError(f"{path.name} occurs twice")
            with (scratch / path.name).open("wb") as file:
                shutil.copyfileobj(tar.extractfile(entry), file, CHUNK_BYTES)
                file.flush()
                os.fsync(file.fileno())
    # Compression's checksum stands at the very end, behind the last entry.
    while tar.fileobj.read(CHUNK_BYTES):
        pass
    return None
