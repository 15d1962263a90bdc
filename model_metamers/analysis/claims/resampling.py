"""Confidence intervals by resampling what a table holds: its rows, or its proportions.

A statistic is a function of one sample, or of many at once along leading axes. Resamples come from
a fixed seed, so that the same table gives the same interval.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

N_DRAWS = 10_000
LEVEL = 0.95
_SEED = 0
LEAST = 3  # observations, or mean answers of a cell, below which there is no interval
_AT_ONCE = 100  # samples in memory: a full-size table has hundreds of rows


@dataclass(frozen=True)
class Estimate:
    """A statistic with its confidence interval.

    Attributes:
        value: the statistic of the table as it is.
        low, high: ends of the interval; NaN where there is too little to draw from.
        n: how many observations the table holds.
        resampled: what was drawn anew.
    """

    value: float
    low: float
    high: float
    n: int
    resampled: str

    @property
    def has_interval(self) -> bool:
        """Return whether there was enough to draw from."""
        return not np.isnan(self.low)


def bootstrap(
    rows: np.ndarray, statistic: Callable, n: int, resampled: str, level: float = LEVEL
) -> Estimate:
    """Draw rows with replacement.

    Args:
        rows: [n_rows, ...], one per unit that is independent of the others.
        statistic: samples [..., n_rows, ...] -> [...].
        n: how many observations the rows hold.
        resampled: what a row is, in the plural.
        level: of the interval.
    """
    rows = np.asarray(rows, np.float64)
    value, resampled = float(statistic(rows)), f"{len(rows)} {resampled}"
    if n < LEAST:
        return Estimate(value, np.nan, np.nan, n, resampled)
    rng = np.random.default_rng(_SEED)
    draws = [
        statistic(rows[rng.integers(0, len(rows), (_AT_ONCE, len(rows)))])
        for _ in range(N_DRAWS // _AT_ONCE)
    ]
    low, high = _interval(np.concatenate(draws), level)
    return Estimate(value, low, high, n, resampled)


def binomial(proportions: np.ndarray, counts: np.ndarray, statistic: Callable) -> Estimate:
    """Draw the answers of every cell anew, each right with the cell's proportion.

    Cells are drawn independently. Where they share stimuli, the interval of their mean is too
    narrow, and that of a difference between them too wide.

    Args:
        proportions: [n_cells], in [0, 1].
        counts: answers per cell, [n_cells].
        statistic: proportions [..., n_cells] -> [...].
    """
    proportions, counts = np.asarray(proportions, np.float64), np.asarray(counts)
    value, resampled = float(statistic(proportions)), f"answers of {len(counts)} cells"
    if counts.mean() < LEAST:
        return Estimate(value, np.nan, np.nan, int(counts.sum()), resampled)
    rng = np.random.default_rng(_SEED)
    draws = rng.binomial(counts, proportions, (N_DRAWS, len(counts))) / counts
    low, high = _interval(statistic(draws), LEVEL)
    return Estimate(value, low, high, int(counts.sum()), resampled)


def _interval(draws: np.ndarray, level: float) -> tuple[float, float]:
    tail = (1 - level) / 2
    low, high = np.quantile(draws, [tail, 1 - tail])
    return float(low), float(high)
