"""Equal stimuli: a pair of them correlates perfectly, and would be the maximum of any null.

They are noticed by their hashes while they are read for the network, at no further cost.
"""

import hashlib
import logging
from typing import Protocol

import numpy as np

_NAMED = 5
_log = logging.getLogger(__name__)


class Stimuli(Protocol):
    """Natural stimuli: an array [n, ...], or what reads them when they are asked for."""

    def __len__(self) -> int:
        """Return n."""

    def __getitem__(self, indices: np.ndarray) -> np.ndarray:
        """Return the stimuli at some indices [m] as an array [m, ...]."""


class EqualStimuli:
    """Stands for stimuli [n, ...], hands them out, and remembers which of them are equal.

    Args:
        stimuli: an array, or what reads them when they are asked for.
    """

    def __init__(self, stimuli: Stimuli):
        self._stimuli = np.asarray(stimuli) if isinstance(stimuli, list | tuple) else stimuli
        self._digests: dict[int, bytes] = {}

    def __len__(self) -> int:
        return len(self._stimuli)

    def __getitem__(self, indices: np.ndarray) -> np.ndarray:
        stimuli = self._stimuli[indices]
        for index, stimulus in zip(indices, stimuli, strict=True):
            content = np.ascontiguousarray(stimulus).tobytes()
            self._digests[int(index)] = hashlib.sha256(content).digest()
        return stimuli

    def groups(self) -> np.ndarray:
        """Return a number for each stimulus [n], the same for equal ones, of those handed out."""
        numbers = np.arange(len(self))
        first: dict[bytes, int] = {}
        for index, digest in sorted(self._digests.items()):
            numbers[index] = first.setdefault(digest, index)
        copies = np.flatnonzero(numbers != np.arange(len(self)))
        if len(copies):
            named = [f"{copy} is {numbers[copy]}" for copy in copies[:_NAMED]]
            _log.warning(
                "%d of %d stimuli of the null equal others (by index: %s); pairs of equal ones "
                "are left out", len(copies), len(self), ", ".join(named),
            )  # fmt: skip
        return numbers
