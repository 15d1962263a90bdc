"""Shards of a null distribution on disk, until all are there to be made into one.

    nulls/<network>/<layer>.shard<i>of<n>.npy     rows of `validation.NullPlan`, float32

A shard is written row by row, and opened without being read: those of an early layer are larger
than memory. It has its name once it is complete, so a killed run loses only unfinished shards.
"""

import glob
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from model_metamers.files import atomic_file, locked, remove_unfinished


class NullShards:
    """The shards of one layer's null distribution.

    Attributes:
        path: the null distribution they are made into; they lie beside it.
        n_shards: how many there are.
    """

    def __init__(self, path: Path, n_shards: int):
        self.path = Path(path)
        self.n_shards = n_shards

    def has(self, shard: int) -> bool:
        """Return whether a shard is complete."""
        return self._path(shard).is_file()

    @contextmanager
    def locked(self, shard: int) -> Iterator[None]:
        """Hold the lock of a shard; see `files.locked`."""
        path = self._path(shard)
        with locked(path):
            remove_unfinished(path.parent, path.name)
            yield

    def write(self, shard: int, rows: Iterable[np.ndarray], n_rows: int) -> None:
        """Write a shard.

        Args:
            shard: its number.
            rows: `n_rows` arrays float32 [k], computed one after the other.
            n_rows: how many there are.
        """
        with atomic_file(self._path(shard)) as file:
            for number, row in enumerate(rows):
                if number == 0:
                    header = {"descr": "<f4", "fortran_order": False, "shape": (n_rows, len(row))}
                    np.lib.format.write_array_header_1_0(file, header)
                file.write(row.astype("<f4").tobytes())

    def open(self) -> list[np.ndarray] | None:
        """Return the rows of every shard, left on disk; None while one is missing.

        Raises:
            ValueError: a shard is damaged.
        """
        try:
            return [_open(self._path(shard)) for shard in range(self.n_shards)]
        except FileNotFoundError:  # not made yet, or cleared by another worker meanwhile
            return None

    def clear(self) -> None:
        """Remove the shards, also those of a run with another number of them."""
        for path in self.path.parent.glob(f"{glob.escape(self.path.stem)}.shard*of*.npy"):
            path.unlink(missing_ok=True)
        for path in self.path.parent.glob(f".{glob.escape(self.path.stem)}.shard*of*.npy.*.tmp"):
            shard = path.name[1:].rpartition(".npy.")[0] + ".npy"
            with locked(path.with_name(shard), wait=False) as is_nobodys:
                if is_nobodys:
                    path.unlink(missing_ok=True)

    def _path(self, shard: int) -> Path:
        return self.path.with_name(f"{self.path.stem}.shard{shard}of{self.n_shards}.npy")


def _open(path: Path) -> np.ndarray:
    try:
        return np.load(path, mmap_mode="r", allow_pickle=False)
    except FileNotFoundError:
        raise
    except (OSError, ValueError, EOFError) as error:
        raise ValueError(f"{path} is damaged ({error}); delete it to have it made again") from None
