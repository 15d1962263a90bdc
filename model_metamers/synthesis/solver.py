"""What a solver is: explicit state, one row per stimulus, and a step from rows to rows."""

from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
import tensorflow as tf

from model_metamers.synthesis.objective import Evaluation

Rows = dict[str, tf.Tensor]  # name -> [batch, ...]


class Advance(NamedTuple):
    """A solver's state after an evaluation.

    Attributes:
        metamer: the stimuli that the solver goes on from, [batch, ...]; their loss may have risen.
        rows: the solver's own state.
        stopped: whether further evaluations would not help, bool [batch].
        diverged: whether the evaluation met NaN or Inf that the solver cannot avoid, bool [batch].
    """

    metamer: tf.Tensor
    rows: Rows
    stopped: tf.Tensor
    diverged: tf.Tensor


class Solver(Protocol):
    """How an objective is minimised, for every stimulus on its own; nothing couples rows."""

    def __hash__(self) -> int:
        """Return a hash: what is traced of a solver is kept by it."""

    def start(self, metamer: tf.Tensor) -> Rows:
        """Return the solver's rows before the first evaluation."""

    def point(self, metamer: tf.Tensor, rows: Rows) -> tf.Tensor:
        """Return the stimuli at which the objective is to be evaluated next."""

    def advance(
        self, metamer: tf.Tensor, rows: Rows, step: tf.Tensor, found: Evaluation
    ) -> Advance:
        """Return the state after an evaluation at `point`; `step` counts those before it.

        The rows that it is given are used up: a solver may write into them.
        """

    def loss(self, rows: Rows) -> tf.Tensor | None:
        """Return the losses [batch] of the metamers, if the solver knows them."""


@dataclass(frozen=True)
class Bounds:
    """The range of a stimulus' values, which may be open at either end.

    Attributes:
        low, high: bounds; infinite where there is none.
    """

    low: float = -np.inf
    high: float = np.inf

    @classmethod
    def of(cls, stimulus_range: tuple[float, float] | None) -> "Bounds":
        """Return the bounds of a network's `stimulus_range`, None for stimuli without any."""
        return cls() if stimulus_range is None else cls(*map(float, stimulus_range))

    @property
    def width(self) -> float:
        """The unit of noise and steps: the width of a finite range, else 1."""
        return self.high - self.low if self.is_finite else 1.0

    @property
    def is_finite(self) -> bool:
        """Whether the range has both ends."""
        return bool(np.isfinite(self.high - self.low))

    def origin(self, share: float) -> float:
        """Return what is a share of `width` above the lower end, or a width below the only end."""
        if np.isfinite(self.low):
            return self.low + share * self.width
        return self.high - self.width if np.isfinite(self.high) else 0.0  # no end at all

    def clip(self, stimuli: tf.Tensor) -> tf.Tensor:
        """Return the nearest stimuli in the range."""
        if np.isinf(self.low) and np.isinf(self.high):
            return stimuli
        return tf.clip_by_value(stimuli, self.low, self.high)
