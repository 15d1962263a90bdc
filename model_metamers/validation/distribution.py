"""What is kept of a null distribution: a histogram, its two ends, and a sample of its pairs.

A million correlations become 160 kB that still tell the maximum, the quantiles that matter and
small p-values exactly.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields

import numpy as np

N_BINS = 2000  # of width 0.001, from -1 to 1
N_EXTREMES = 16_384  # at each end: more than 1 % of the million pairs of the paper
N_SAMPLE = 1000


@dataclass(frozen=True, eq=False)
class NullDistribution:
    """Correlations between the activations of pairs of different natural stimuli.

    Attributes:
        histogram: int64 [N_BINS], how many pairs have a correlation in each bin.
        lowest: float32 [<= N_EXTREMES], the lowest correlations, ascending.
        highest: float32 [<= N_EXTREMES], the highest correlations, ascending.
        sample_pairs: int64 [<= N_SAMPLE, 2], stimuli of pairs drawn at random.
        sample: float32 [<= N_SAMPLE], their correlations.
        n_stimuli: stimuli that entered pairs.
        n_excluded_pairs: pairs left out as near-duplicates.
        n_constant_stimuli: stimuli left out because constant activations have no rank correlation.
    """

    histogram: np.ndarray
    lowest: np.ndarray
    highest: np.ndarray
    sample_pairs: np.ndarray
    sample: np.ndarray
    n_stimuli: int
    n_excluded_pairs: int = 0
    n_constant_stimuli: int = 0

    @classmethod
    def from_correlations(
        cls,
        correlations: np.ndarray,
        pairs: np.ndarray,
        n_stimuli: int,
        n_excluded_pairs: int = 0,
        n_constant_stimuli: int = 0,
    ) -> "NullDistribution":
        """Return the distribution of correlations [n_pairs] of stimuli `pairs` [n_pairs, 2]."""
        correlations = np.asarray(correlations, np.float32)
        drawn = np.random.default_rng(0).permutation(len(correlations))[:N_SAMPLE]
        ascending = np.sort(correlations)
        return cls(
            histogram=np.bincount(_bin_of(correlations), minlength=N_BINS),
            lowest=ascending[:N_EXTREMES],
            highest=ascending[-N_EXTREMES:],
            sample_pairs=np.asarray(pairs)[drawn],
            sample=correlations[drawn],
            n_stimuli=n_stimuli,
            n_excluded_pairs=n_excluded_pairs,
            n_constant_stimuli=n_constant_stimuli,
        )

    @property
    def n_pairs(self) -> int:
        """Number of pairs."""
        return int(self.histogram.sum())

    @property
    def maximum(self) -> float:
        """Largest correlation, the bar for metamers; NaN without pairs."""
        return float(self.highest[-1]) if self.n_pairs else float("nan")

    @property
    def median(self) -> float:
        """Median correlation (Tables S4, S5); NaN without pairs."""
        return float(self.quantile(0.5))

    def quantile(self, q: float | np.ndarray) -> np.ndarray:
        """Return the correlation(s) at `q`, in [0, 1]; NaN without pairs.

        Exact within the `N_EXTREMES` lowest and highest pairs, elsewhere to a bin's width.
        """
        n_pairs, n_high = self.n_pairs, len(self.highest)
        if not n_pairs:
            return np.full(np.shape(q), np.nan)
        low = self.lowest[: n_pairs - n_high]
        n_below = np.cumsum(self.histogram)[:-1]  # the inner edges of the bins
        inner = (n_below > len(low)) & (n_below < n_pairs - n_high)
        position = [
            np.arange(len(low)),
            n_below[inner] - 0.5,
            np.arange(n_high) + n_pairs - n_high,
        ]
        value = [low, _EDGES[1:-1][inner], self.highest]
        at = np.asarray(q) * (n_pairs - 1)
        return np.interp(at, np.concatenate(position), np.concatenate(value))

    def p_value(self, rho: float | np.ndarray) -> np.ndarray:
        """Return (k + 1) / (n_pairs + 1), where k pairs correlate at least as much as `rho`.

        Exact within the `N_EXTREMES` highest pairs; below, k counts all pairs of the bin of `rho`.
        """
        rho = np.asarray(rho, np.float64)
        n_at_least = len(self.highest) - np.searchsorted(self.highest, rho, side="left")
        if self.n_pairs > len(self.highest):
            n_from_bin = np.cumsum(self.histogram[::-1])[::-1]
            coarse = n_from_bin[_bin_of(np.nan_to_num(rho))]
            n_at_least = np.where(rho > self.highest[0], n_at_least, coarse)
        return np.where(np.isnan(rho), np.nan, (n_at_least + 1) / (self.n_pairs + 1))

    def to_arrays(self) -> dict[str, np.ndarray]:
        """Return the fields by name as arrays, for an npz file, and what readers ask for first."""
        derived = {
            "n_pairs": self.n_pairs,
            "median": self.median,
            "q99": self.quantile(0.99),
            "q999": self.quantile(0.999),
            "maximum": self.maximum,
        }
        return {name: np.asarray(value) for name, value in (vars(self) | derived).items()}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray]) -> "NullDistribution":
        """Return the distribution whose `to_arrays` these are.

        Raises:
            KeyError: they are not.
        """
        values = {field.name: np.asarray(arrays[field.name]) for field in fields(cls)}
        return cls(**{name: int(v) if name.startswith("n_") else v for name, v in values.items()})


_EDGES = np.linspace(-1, 1, N_BINS + 1)


def _bin_of(rho: np.ndarray) -> np.ndarray:
    """Return the bin of each correlation; rounding may leave it a little outside [-1, 1]."""
    bins = np.floor((np.asarray(rho, np.float64) + 1) * (N_BINS / 2))
    return np.clip(bins, 0, N_BINS - 1).astype(np.int64)
