"""Stimuli with their names: what the experiments hand from one stage to the next."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from model_metamers.stimuli.on_demand import StimuliOnDemand


@dataclass(frozen=True)
class StimulusSet:
    """Natural stimuli.

    Attributes:
        stimuli: float32 [n, ...]: images [n, height, width, 3] in [0, 1] or waveforms [n,
            samples]; or `StimuliOnDemand`.
        ids: unique names, made of letters, digits, "_", "." and "-".
        labels: true class of each stimulus, "" where it is not known.
    """

    stimuli: np.ndarray | StimuliOnDemand
    ids: tuple[str, ...]
    labels: tuple[str, ...]

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
        )

    @classmethod
    def joined(cls, parts: Sequence["StimulusSet"]) -> "StimulusSet":
        """Return all stimuli of several sets."""
        return cls(
            np.concatenate([part.stimuli[:] for part in parts]),
            tuple(name for part in parts for name in part.ids),
            tuple(label for part in parts for label in part.labels),
        )
