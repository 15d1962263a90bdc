"""Stimuli that are read or rendered when they are asked for, so that a million need no memory."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np

CACHE_BYTES = 2**30


class StimuliOnDemand:
    """Stands for an array [n, ...]: indexed with indices [m], it gives their stimuli [m, ...].

    They are read by several threads. The first GiB stays in memory, for those who ask again.

    Args:
        read: index -> stimulus, always the same.
        n_stimuli: how many there are.
    """

    def __init__(self, read: Callable[[int], np.ndarray], n_stimuli: int):
        self._read = read
        self._n_stimuli = n_stimuli
        self._kept: dict[int, np.ndarray] = {}
        self._n_bytes_kept = 0

    def __len__(self) -> int:
        return self._n_stimuli

    def __getitem__(self, chosen: Sequence[int] | np.ndarray | slice) -> np.ndarray:
        indices = np.arange(self._n_stimuli)[chosen].tolist()
        missing = [index for index in indices if index not in self._kept]
        with ThreadPoolExecutor() as threads:
            fresh = dict(zip(missing, threads.map(self._read, missing), strict=True))
        for index, stimulus in fresh.items():
            if self._n_bytes_kept + stimulus.nbytes <= CACHE_BYTES:
                self._kept[index] = stimulus
                self._n_bytes_kept += stimulus.nbytes
        known = self._kept | fresh
        return np.stack([known[index] for index in indices])
