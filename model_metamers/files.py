"""Files and folders that appear at their place complete: written beside it and renamed into it.

A killed process leaves either the old file or the new one, and two processes that write the same
file leave one of the two. What a killed process was writing stays behind under a name that begins
with a dot and ends in ".tmp"; readers overlook such names.
"""

import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

_LONGEST_STEM = 80  # of a temporary name: a file system allows 255 bytes in all


@contextmanager
def atomic_file(path: str | os.PathLike) -> Iterator[IO[bytes]]:
    """Open a binary file that takes its place at `path` when the block ends without an error.

    Missing folders are made.

    Raises:
        OSError: the folder cannot be made or written to, or the disk is full.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.parent / f".{path.name[:_LONGEST_STEM]}.{uuid.uuid4().hex}.tmp"
    try:
        with unfinished.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(unfinished, path)
    finally:
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
        for left in (fresh, old):
            shutil.rmtree(left, ignore_errors=True)
