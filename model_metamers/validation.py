"""Is a metamer one? Rank correlations of activations, their null distribution, and the decision.

A metamer counts if the network gives it the label it gives the natural stimulus, and if the
activations of the two at the matched layer correlate (Spearman) more than any two different
natural stimuli do.
Arrays of activations are [n, ...], one row per stimulus; features are ravelled.

Source: paper section 2.5, Tables S4 and S5; FACTS section 5.
"""

import tempfile
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from scipy import stats

BLOCK_BYTES = 64 * 2**20  # of ranks in memory at once while correlations are summed up


class HasActivations(Protocol):
    """What a null distribution needs to know of a network (`networks.Network` has it)."""

    def activations(self, stimuli: np.ndarray, layers: Sequence[str]) -> dict[str, np.ndarray]:
        """Return layer -> activations [n, ...] of stimuli [n, ...]."""


def spearman(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return the Spearman correlation of every row of `a` with the same row of `b`.

    Args:
        a: activations [n, ...].
        b: activations of the same shape.

    Returns:
        float64 [n]; ties have average ranks, a row that is constant or has NaN gives NaN.

    Raises:
        ValueError: different shapes, or fewer than two features.
    """
    a, b = np.asarray(a), np.asarray(b)
    if a.shape != b.shape or a.ndim < 2 or a[:1].size == 1:
        raise ValueError(
            f"expected two arrays [n, ...] of one shape with two or more features; "
            f"got {list(a.shape)} and {list(b.shape)}"
        )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", stats.ConstantInputWarning)
        rows = [stats.spearmanr(x.ravel(), y.ravel()).statistic for x, y in zip(a, b, strict=True)]
    return np.array(rows, np.float64)


@dataclass(frozen=True, eq=False)
class NullDistribution:
    """Correlations between the activations of pairs of different natural stimuli.

    Attributes:
        correlations: float32 [n_pairs], ascending.
        n_stimuli: stimuli that entered pairs.
        n_excluded_pairs: pairs left out as near-duplicates.
        n_constant_stimuli: stimuli left out because constant activations have no rank correlation.
    """

    correlations: np.ndarray
    n_stimuli: int
    n_excluded_pairs: int = 0
    n_constant_stimuli: int = 0

    def __post_init__(self):
        object.__setattr__(self, "correlations", np.sort(np.float32(self.correlations)))

    @property
    def n_pairs(self) -> int:
        """Number of pairs."""
        return len(self.correlations)

    @property
    def maximum(self) -> float:
        """Largest correlation, the bar for metamers; NaN without pairs."""
        return float(self.correlations[-1]) if self.n_pairs else float("nan")

    @property
    def median(self) -> float:
        """Median correlation (Tables S4, S5); NaN without pairs."""
        return float(self.quantile(0.5))

    def quantile(self, q: float | np.ndarray) -> np.ndarray:
        """Return the correlation(s) at `q`, in [0, 1]; NaN without pairs."""
        if not self.n_pairs:
            return np.full(np.shape(q), np.nan)
        return np.quantile(self.correlations, q)

    def p_value(self, rho: float | np.ndarray) -> np.ndarray:
        """Return (k + 1) / (n_pairs + 1), where k pairs correlate at least as much as `rho`."""
        rho = np.asarray(rho, np.float64)
        n_at_least = self.n_pairs - np.searchsorted(self.correlations, rho, side="left")
        return np.where(np.isnan(rho), np.nan, (n_at_least + 1) / (self.n_pairs + 1))

    def merge(self, other: "NullDistribution") -> "NullDistribution":
        """Return the distribution of both shards, which must have no stimulus in common."""
        return NullDistribution(
            np.concatenate([self.correlations, other.correlations]),
            self.n_stimuli + other.n_stimuli,
            self.n_excluded_pairs + other.n_excluded_pairs,
            self.n_constant_stimuli + other.n_constant_stimuli,
        )

    def to_arrays(self) -> dict[str, np.ndarray]:
        """Return the fields by name as arrays, for an npz file."""
        return {name: np.asarray(value) for name, value in vars(self).items()}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray]) -> "NullDistribution":
        """Return the distribution whose `to_arrays` these are."""
        counts = {name: int(value) for name, value in arrays.items() if name != "correlations"}
        return cls(np.asarray(arrays["correlations"]), **counts)


def null_distribution(
    network: HasActivations,
    layer: str,
    stimuli: np.ndarray,
    groups: Sequence | None = None,
    batch_size: int = 32,
    pairs: str = "all",
    scratch_dir: str | Path | None = None,
) -> NullDistribution:
    """Return the null distribution of one layer.

    Args:
        network: anything with `activations(stimuli, layers=[layer]) -> {layer: [n, ...]}`.
        layer: the matched layer.
        stimuli: natural stimuli [n, ...], none of them twice.
        groups: one label per stimulus, or several in a row each: [n] or [n, k]. Pairs that share
            a label are near-duplicates and left out.
        batch_size: stimuli per call of the network.
        pairs: "all" n (n - 1) / 2 pairs, or "independent" ones as in the paper: stimuli 0 and 1,
            2 and 3, ...
        scratch_dir: see `pairwise_null`.

    Raises:
        ValueError: fewer than two stimuli, groups of another length, or an unknown `pairs`.
    """
    starts = range(0, len(stimuli), batch_size)
    batches = (
        network.activations(stimuli[start : start + batch_size], layers=[layer])[layer]
        for start in starts
    )
    if pairs == "all":
        return pairwise_null(batches, groups, scratch_dir)
    if pairs == "independent":
        return independent_null(batches, groups)
    raise ValueError(f"expected pairs to be one of: all, independent; got {pairs!r}")


def pairwise_null(
    activation_batches: Iterable[np.ndarray],
    groups: Sequence | None = None,
    scratch_dir: str | Path | None = None,
) -> NullDistribution:
    """Correlate every stimulus with every other one.

    A Spearman correlation is the dot product of centred ranks of unit length. So every stimulus is
    ranked once, and all correlations are one matrix product, summed over blocks of features.

    Args:
        activation_batches: arrays [batch, ...], together n stimuli.
        groups: labels [n] or [n, k]; pairs that share one are left out and counted.
        scratch_dir: folder of a temporary file of 4 bytes per stimulus and feature (1415 stimuli
            at VGG-19 conv1_2: 18 GB); the system's temporary folder if None.

    Returns:
        The distribution; its correlations are within 1e-6 of those of `spearman`.

    Raises:
        ValueError: fewer than two stimuli, or groups of another length.
    """
    with tempfile.TemporaryFile(dir=scratch_dir) as file:
        has_ranks = []
        for activations in _rows(activation_batches):
            ranks = _unit_ranks(activations)
            has_ranks.append(ranks is not None)
            if ranks is not None:
                ranks.tofile(file)
        file.flush()
        groups = _checked_groups(groups, len(has_ranks))[np.array(has_ranks)]
        correlations = _gram_of_rows(file, len(groups))
    first, second = np.triu_indices(len(groups), k=1)
    different = (groups[first] != groups[second]).all(axis=1)
    return NullDistribution(
        correlations[first, second][different],
        n_stimuli=len(groups),
        n_excluded_pairs=int(np.sum(~different)),
        n_constant_stimuli=len(has_ranks) - len(groups),
    )


def independent_null(
    activation_batches: Iterable[np.ndarray], groups: Sequence | None = None
) -> NullDistribution:
    """Correlate stimulus 0 with 1, 2 with 3, ...: two fresh stimuli per pair, as the paper did.

    Arguments, result and errors are those of `pairwise_null`; a last stimulus without a partner is
    not used, and a pair with constant activations counts both its stimuli as left out.
    """
    rows = _rows(activation_batches)
    # Each pair is reduced to a number at once: activations of many stimuli do not fit in memory.
    rho = np.array([spearman(a[np.newaxis], b[np.newaxis])[0] for a, b in zip(rows, rows)])  # noqa: B905
    groups = groups if groups is None else groups[: 2 * len(rho)]
    groups = _checked_groups(groups, 2 * len(rho))
    different = (groups[::2] != groups[1::2]).all(axis=1)
    defined = ~np.isnan(rho)
    return NullDistribution(
        rho[different & defined],
        n_stimuli=2 * int(np.sum(different & defined)),
        n_excluded_pairs=int(np.sum(~different)),
        n_constant_stimuli=2 * int(np.sum(different & ~defined)),
    )


def accept(
    status: Sequence[str],
    spearman_layer: np.ndarray,
    null_max: float | np.ndarray,
    label_natural: Sequence,
    label_metamer: Sequence,
) -> tuple[np.ndarray, np.ndarray]:
    """Decide which metamers count.

    Args:
        status: how synthesis ended, [n]; only "finished" metamers can be accepted.
        spearman_layer: correlation of metamer and natural stimulus at the matched layer, [n].
        null_max: maximum of the layer's null distribution, a number or [n].
        label_natural: the network's own label of the natural stimulus, [n].
        label_metamer: its label of the metamer, [n].

    Returns:
        accepted: bool [n].
        reason: str [n]: "accepted", or the first test that failed: a status such as "diverged",
            "no_rank_correlation", "no_null_distribution", "below_null", "label_changed".

    Raises:
        ValueError: arguments of different lengths.

    Source: FACTS section 5; the label is the predicted one, not the true one.
    """
    status, rho = np.asarray(status, np.str_), np.asarray(spearman_layer, np.float64)
    natural, metamer = np.asarray(label_natural), np.asarray(label_metamer)
    if not status.shape == rho.shape == natural.shape == metamer.shape:
        raise ValueError(
            "expected one status, correlation and two labels per metamer; got shapes "
            f"{[list(x.shape) for x in (status, rho, natural, metamer)]}"
        )
    null_max = np.broadcast_to(np.asarray(null_max, np.float64), rho.shape)
    reason = np.select(
        [
            status != "finished",
            np.isnan(rho),
            np.isnan(null_max),
            ~(rho > null_max),
            natural != metamer,
        ],
        [status, "no_rank_correlation", "no_null_distribution", "below_null", "label_changed"],
        "accepted",
    )
    return reason == "accepted", reason


def count_exclusions(reason: Sequence[str]) -> dict[str, int]:
    """Return reason -> number of metamers it excluded, the most frequent first."""
    counts = Counter(str(name) for name in reason)
    return {name: n for name, n in counts.most_common() if name != "accepted"}


def _rows(batches: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
    return (np.ravel(row) for batch in batches for row in batch)


def _unit_ranks(activations: np.ndarray) -> np.ndarray | None:
    """Return centred ranks of length 1, float32 [features]; None if all are equal or NaN."""
    ranks = stats.rankdata(activations)
    ranks -= ranks.mean()
    length = np.linalg.norm(ranks)
    return (ranks / length).astype(np.float32) if length > 0 else None


def _gram_of_rows(file, n_rows: int) -> np.ndarray:
    """Return the dot products of the float32 rows of a file with each other, float64 [n, n]."""
    gram = np.zeros((n_rows, n_rows))
    if not n_rows:
        return gram
    rows = np.memmap(file, np.float32, mode="r").reshape(n_rows, -1)
    block = max(1, BLOCK_BYTES // (4 * n_rows))
    for start in range(0, rows.shape[1], block):
        part = np.ascontiguousarray(rows[:, start : start + block])
        gram += part @ part.T
    return gram


def _checked_groups(groups: Sequence | None, n_stimuli: int) -> np.ndarray:
    """Return labels [n_stimuli, k]."""
    if n_stimuli < 2:
        raise ValueError(f"a null distribution needs two or more stimuli; got {n_stimuli}")
    groups = np.arange(n_stimuli) if groups is None else np.asarray(groups)
    if len(groups) != n_stimuli:
        raise ValueError(f"expected {n_stimuli} groups, one per stimulus; got {len(groups)}")
    return groups.reshape(n_stimuli, -1)
