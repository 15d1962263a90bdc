"""Files and folders that appear at their place complete, locks for those that are shared, hashes.

A file is written beside its place and renamed into it, so that a killed process leaves either the
old file or the new one, and two processes that write the same file leave one of the two. What a
killed process was writing stays behind, under a name that begins with a dot and ends in ".tmp",
until `remove_unfinished`; readers overlook such names.
"""

import glob
import hashlib
import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

CHUNK_BYTES = 1 << 20  # read at a time
_LONGEST_STEM = 80  # of a temporary name: a file system allows 255 bytes in all
_HASH_DIGITS = 16  # that stand for the rest of a longer name


@contextmanager
def atomic_file(path: str | os.PathLike) -> Iterator[IO[bytes]]:
    """Open a binary file that takes its place at `path` when the block ends without an error.

    Missing folders are made.

    Raises:
        OSError: the folder cannot be made or written to, or the disk is full.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.parent / f".{_stem(path.name)}.{uuid.uuid4().hex}.tmp"
    try:
        with unfinished.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(unfinished, path)
    except OSError as error:
        if error.filename is None and error.strerror:  # a full disk names no file
            raise OSError(error.errno, error.strerror, str(path)) from error
        raise
    finally:
        unfinished.unlink(missing_ok=True)


def _stem(name: str) -> str:
    """Return what a temporary name begins with: the name, cut where it is long, but its own."""
    if len(name) <= _LONGEST_STEM:
        return name
    digest = hashlib.sha256(name.encode()).hexdigest()[:_HASH_DIGITS]
    return f"{name[: _LONGEST_STEM - _HASH_DIGITS]}{digest}"


def remove_unfinished(folder: Path, name: str = "") -> None:
    """Remove what killed processes were writing, for the only process that writes there.

    Args:
        folder: where.
        name: of the file; by default all files of the folder.
    """
    start = f".{glob.escape(_stem(name))}." if name else "."
    for unfinished in folder.glob(f"{start}*.tmp"):
        unfinished.unlink(missing_ok=True)


@contextmanager
def replaced_folder(path: str | os.PathLike) -> Iterator[Path]:
    """Give a folder to fill, which takes the place of `path` when the block ends without an error.

    Raises:
        OSError: as `atomic_file`.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh, old = (path.parent / f".{path.name}.{uuid.uuid4().hex}.tmp" for _ in range(2))
    try:
        fresh.mkdir()
        yield fresh
        if path.exists():
            path.rename(old)
        fresh.rename(path)
    finally:
        if old.exists() and not path.exists():
            old.rename(path)
        for left in (fresh, old):
            shutil.rmtree(left, ignore_errors=True)


@contextmanager
def locked(path: str | os.PathLike, wait: bool = True) -> Iterator[bool]:
    """Hold the lock that goes with a file, so that one process at a time works on it.

    The lock is a file beside it, `.<name>.lock`, which is there only while somebody holds it; a
    killed process holds nothing. Not to be taken again inside. On systems without POSIX' locks
    everybody gets it.

    Args:
        path: what is to be worked on, there or not.
        wait: whether to wait for whoever holds the lock, instead of going without it.

    Yields:
        Whether the lock is held.

    Raises:
        OSError: as `atomic_file`.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = path.with_name(f".{_stem(path.name)}.lock")
    file = _locked_file(lock, wait)
    if file is None:
        yield False
        return
    try:
        yield True
    finally:
        lock.unlink(missing_ok=True)
        file.close()


def _locked_file(lock: Path, wait: bool) -> IO[bytes] | None:
    """Return the open lock file once it is locked, or None while somebody else holds it."""
    while True:
        file = lock.open("wb")
        if fcntl is None:
            return file
        try:
            fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            file.close()
            return None
        # Whoever held the lock before has removed its file, and somebody may have made a new one.
        with suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(file.fileno()), lock.stat()):
                return file
        file.close()


def sha256_of(*paths: Path) -> str:
    """Return the SHA-256 of files one after another, in alphabetical order."""
    digest = hashlib.sha256()
    for path in sorted(paths):
        with path.open("rb") as file:
            while chunk := file.read(CHUNK_BYTES):
                digest.update(chunk)
    return digest.hexdigest()
