"""Stimuli with their names: what the experiments hand from one stage to the next."""

import hashlib
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from model_metamers.stimuli.on_demand import StimuliOnDemand

_COMPARED_TOGETHER = 64
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class StimulusSet:
    """Natural stimuli.

    Attributes:
        stimuli: float32 [n, ...]: images [n, height, width, 3] in [0, 1] or waveforms [n,
            samples]; or `StimuliOnDemand`.
        ids: unique names, made of letters, digits, "_", "." and "-".
        labels: true class of each stimulus, "" where it is not known.
        sha256: of the file each is read from; none where there are no files.
    """

    stimuli: np.ndarray | StimuliOnDemand
    ids: tuple[str, ...]
    labels: tuple[str, ...]
    sha256: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not len(self.stimuli) == len(self.ids) == len(self.labels) == len(set(self.ids)):
            raise ValueError(
                f"a stimulus set needs one unique id and one label per stimulus; got "
                f"{len(self.stimuli)} stimuli, {len(set(self.ids))} unique ids, "
                f"{len(self.labels)} labels"
            )

    def __len__(self) -> int:
        return len(self.ids)

    def take(self, indices: Sequence[int]) -> "StimulusSet":
        """Return the stimuli at `indices`."""
        indices = list(indices)
        return StimulusSet(
            self.stimuli[indices],
            tuple(self.ids[i] for i in indices),
            tuple(self.labels[i] for i in indices),
            tuple(self.sha256[i] for i in indices if self.sha256),
        )

    def distinct(self) -> "StimulusSet":
        """Return the stimuli without those that equal an earlier one; the log names them.

        A stimulus that is there twice would correlate with itself in a null distribution.
        """
        kept = distinct_indices(self.stimuli, self.ids)
        return self if len(kept) == len(self) else self.take(kept)

    @classmethod
    def joined(cls, parts: Sequence["StimulusSet"]) -> "StimulusSet":
        """Return all stimuli of several sets."""
        return cls(
            np.concatenate([part.stimuli[:] for part in parts]),
            tuple(name for part in parts for name in part.ids),
            tuple(label for part in parts for label in part.labels),
        )


def first_distinct(load: Callable[[int], StimulusSet], limit: int) -> StimulusSet:
    """Return as many different stimuli as are asked for, or all that there are.

    Args:
        load: returns so many stimuli from the front, fewer where there are no more.
        limit: how many different ones.
    """
    n_read = limit
    while True:
        stimuli = load(n_read)
        distinct = stimuli.distinct()
        if len(distinct) >= limit or len(stimuli) < n_read:
            return distinct if len(distinct) <= limit else distinct.take(range(limit))
        n_read *= 2


def distinct_indices(
    stimuli: np.ndarray | StimuliOnDemand, names: Sequence[str], limit: int | None = None
) -> list[int]:
    """Return the indices of the stimuli that equal no earlier one, and name the others in the log.

    Args:
        stimuli: [n, ...], or what is indexed like an array; read a few at a time.
        names: what the log calls them.
        limit: how many indices, None for all; what comes after them is not read.
    """
    first: dict[bytes, int] = {}
    copies = []
    n_read, wanted = 0, len(names) if limit is None else limit
    while n_read < len(names) and len(first) < wanted:
        start = n_read
        n_read = min(start + _COMPARED_TOGETHER, start + wanted - len(first), len(names))
        for index, stimulus in enumerate(stimuli[start:n_read], start):
            digest = hashlib.sha256(np.ascontiguousarray(stimulus).tobytes()).digest()
            if first.setdefault(digest, index) != index:
                copies.append(f"{names[index]} is {names[first[digest]]}")
    if copies:
        _log.warning("left out %d of %d stimuli, equal to others: %s",
                     len(copies), n_read, ", ".join(copies))  # fmt: skip
    return sorted(first.values())
