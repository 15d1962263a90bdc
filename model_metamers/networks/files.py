"""Files of weights, whatever is in them: unpacked, their damage told."""

import bz2
import gzip
import lzma
import os
import re
import shutil
import tarfile
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO, cast

from model_metamers import limits
from model_metamers.files import CHUNK_BYTES

_MOST_ENTRIES = 10_000  # of an archive
_COMPRESSIONS = ((b"\x1f\x8b", gzip.open), (b"BZh", bz2.open), (b"\xfd7zXZ", lzma.open))


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
    except Exception as error:  # TensorFlow, NumPy, protobuf and tarfile raise nearly anything
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
        archive: tar file, compressed or not, whatever its name is.
        directory: existing folder; folders inside the archive are not kept.
        is_wanted: tells by a file's name, without its folder, whether to unpack it. What macOS
            puts beside a file (._name) is not asked for.

    Raises:
        ValueError: damaged archive, one that unpacks to far more than its size, or one with links,
            devices, holes or paths that lead out of it.
    """
    with tempfile.TemporaryDirectory(dir=directory, prefix=".unpacking-") as scratch:
        with damage_told(archive), _unpacked_stream(archive) as stream:
            unsafe = _extract(stream, Path(scratch), is_wanted)
        if unsafe is not None:
            raise ValueError(f"{archive} has the unsafe entry {unsafe!r}; nothing was unpacked")
        return [path.replace(directory / path.name) for path in sorted(Path(scratch).iterdir())]


class _LimitedStream:
    """What an archive unpacks to, read from front to back, up to a limit.

    tarfile would read a file's long name, or its other properties, of gigabytes at once.
    """

    def __init__(self, stream: IO[bytes], limit: int):
        self.limit = limit
        self._stream = stream
        self._n_read = 0

    def read(self, n_bytes: int) -> bytes:
        """Return the next bytes."""
        content = self._stream.read(n_bytes)
        self._n_read += len(content)
        self.check(self._n_read)
        return content

    def check(self, n_bytes: int) -> None:
        """Refuse more bytes than the limit."""
        if n_bytes > self.limit:
            raise ValueError(f"it unpacks to more than {self.limit:,} bytes")


@contextmanager
def _unpacked_stream(archive: Path) -> Iterator[_LimitedStream]:
    limit = limits.unpacked_bytes(archive.stat().st_size)
    with archive.open("rb") as file:
        start = file.read(6)
        file.seek(0)
        for magic, open_compressed in _COMPRESSIONS:
            if start.startswith(magic):
                with open_compressed(file) as stream:
                    yield _LimitedStream(cast(IO[bytes], stream), limit)
                return
        yield _LimitedStream(file, limit)


def _extract(
    stream: _LimitedStream, scratch: Path, is_wanted: Callable[[str], bool]
) -> str | None:
    """Return the name of the first unsafe entry, or None once all wanted files are extracted."""
    with tarfile.open(fileobj=cast(IO[bytes], stream), mode="r|") as tar:
        for number, entry in enumerate(tar):
            path = PurePosixPath(entry.name)
            is_plain = (entry.isreg() and not entry.issparse()) or entry.isdir()
            if path.is_absolute() or ".." in path.parts or not is_plain:
                return entry.name
            stream.check(entry.size)
            if number == _MOST_ENTRIES:
                raise ValueError(f"it has more than {_MOST_ENTRIES} entries")
            if entry.isreg() and not path.name.startswith("._") and is_wanted(path.name):
                _extract_file(tar, entry, scratch / path.name)
    # Compression's checksum stands at the very end, behind the last entry.
    while stream.read(CHUNK_BYTES):
        pass
    return None


def _extract_file(tar: tarfile.TarFile, entry: tarfile.TarInfo, target: Path) -> None:
    if target.exists():
        raise ValueError(f"{target.name} occurs twice")
    content = tar.extractfile(entry)
    assert content is not None  # only links and folders have none
    with target.open("wb") as file:
        shutil.copyfileobj(content, file, CHUNK_BYTES)
        file.flush()
        os.fsync(file.fileno())
