"""Null distributions: how much do the activations of two different natural stimuli correlate?

A null is computed in two steps, so that shares of it ("shards") can be made apart, by other
processes or in another session: rows for some of the stimuli, then one distribution of all rows.

| pairs         | a row, float32                               | then                            |
|---------------|----------------------------------------------|---------------------------------|
| "all"         | the unit ranks of one stimulus [features]    | every row times every other one |
| "independent" | the correlation of two fresh stimuli [1]     | nothing                         |

Ranking takes nearly all the time, so "all" gives n (n - 1) / 2 pairs for the work of n / 2, at the
price of 4 bytes on disk per stimulus and feature. Independent pairs are those of the paper; no
stimulus is in two of them.

160 kB are kept of a million correlations, which tell the maximum, the quantiles that matter and
small p-values exactly: a histogram, its two ends, and a sample of its pairs.

Source: paper section 2.5; BUILD_NOTES.md, ledger row 10.
"""

import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from model_metamers.validation.equal_stimuli import EqualStimuli, Stimuli
from model_metamers.validation.ranks import comparable, correlation_matrix, spearman, unit_ranks

ALL, INDEPENDENT = "all", "independent"
PAIRS = (ALL, INDEPENDENT)
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
        correlations = comparable(correlations)
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
        rho = comparable(rho)
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
            ValueError: they are not.
        """
        values: dict[str, Any] = {}
        for name in (field.name for field in fields(cls)):
            if name not in arrays:
                raise ValueError(f"there is no array {name!r}")
            values[name] = np.asarray(arrays[name])
            n_dimensions = 0 if name.startswith("n_") else 2 if name == "sample_pairs" else 1
            if values[name].ndim != n_dimensions:
                raise ValueError(f"{name} is of shape {list(values[name].shape)}")
            if not n_dimensions:
                values[name] = int(values[name])
        if len(values["histogram"]) != N_BINS:
            raise ValueError(f"histogram has {len(values['histogram'])} bins instead of {N_BINS}")
        return cls(**values)


_EDGES = np.linspace(-1, 1, N_BINS + 1)


def _bin_of(rho: np.ndarray) -> np.ndarray:
    """Return the bin of each correlation; rounding may leave it a little outside [-1, 1]."""
    bins = np.floor((np.asarray(rho, np.float64) + 1) * (N_BINS / 2))
    return np.clip(bins, 0, N_BINS - 1).astype(np.int64)


class HasActivations(Protocol):
    """What a null distribution needs to know of a network (`networks.Network` has it)."""

    def activations(self, stimuli: np.ndarray, layers: Sequence[str]) -> dict[str, np.ndarray]:
        """Return layer -> activations [n, ...] of stimuli [n, ...]."""


def null_distribution(
    network: HasActivations,
    layer: str,
    stimuli: Stimuli,
    groups: Sequence | None = None,
    batch_size: int = 16,
    pairs: str = ALL,
    seed: int = 0,
    scratch_dir: str | Path | None = None,
) -> NullDistribution:
    """Return the null distribution of one layer; see `null_distributions`."""
    if not isinstance(layer, str):
        raise ValueError(f"layer must be the name of one layer; got {layer!r}")
    nulls = null_distributions(
        network, [layer], stimuli, groups, batch_size, pairs, seed, scratch_dir
    )
    return nulls[layer]


def null_distributions(
    network: HasActivations,
    layers: Sequence[str],
    stimuli: Stimuli,
    groups: Sequence | None = None,
    batch_size: int = 16,
    pairs: str = ALL,
    seed: int = 0,
    scratch_dir: str | Path | None = None,
) -> dict[str, NullDistribution]:
    """Return layer -> null distribution; the stimuli go through the network once for all layers.

    Args:
        network: anything with `activations(stimuli, layers=[...]) -> {layer: [n, ...]}`.
        layers: the matched layers.
        stimuli: natural stimuli [n, ...]; pairs of equal ones are left out, and said in the log.
        groups: one label per stimulus, or several in a row each: [n] or [n, k]. Pairs that share
            a label are near-duplicates and left out.
        batch_size: stimuli per call of the network.
        pairs: "all" n (n - 1) / 2 pairs, or n / 2 "independent" ones.
        seed: of the independent pairs.
        scratch_dir: folder of temporary files of 4 bytes per stimulus and feature (1415 stimuli
            at VGG-19 conv1_2: 18 GB, at all its layers 36); the system's temporary folder if None.

    Raises:
        ValueError: fewer than two stimuli, groups of another length, or an unknown `pairs`.
    """
    if not hasattr(network, "activations") or not np.iterable(stimuli):
        raise ValueError(
            f"null distributions need a Network and an array of stimuli; got "
            f"{type(network).__name__} and {type(stimuli).__name__}"
        )
    plan = NullPlan(len(stimuli), pairs, seed, batch_size)
    labels, seen = plan.check_groups(groups), EqualStimuli(stimuli)
    with ExitStack() as stack:
        files = {
            layer: stack.enter_context(tempfile.TemporaryFile(dir=scratch_dir)) for layer in layers
        }
        for rows in plan.rows_of_layers(network, layers, seen):
            for layer, row in rows.items():
                row.tofile(files[layer])
        all_labels = list(np.column_stack([labels, seen.groups()]))
        nulls = {}
        for layer, file in files.items():
            file.flush()
            ranks = np.memmap(file, np.float32, mode="r").reshape(plan.n_rows(), -1)
            nulls[layer] = plan.distribution([ranks], all_labels)
        return nulls


@dataclass(frozen=True)
class NullPlan:
    """Which stimuli are paired, and in which batches they go through the network.

    A shard is a share of the batches: a network's activations may differ in rounding with the
    batch, and so the shards of a null give exactly the null made in one go.

    Attributes:
        n_stimuli: natural stimuli.
        pairs: "all" or "independent".
        seed: of the independent pairs.
        batch_size: stimuli per call of the network; an odd one is raised for independent pairs.

    Raises:
        ValueError: fewer than two stimuli, an unknown `pairs`, or a batch of none.
    """

    n_stimuli: int
    pairs: str = ALL
    seed: int = 0
    batch_size: int = 16

    def __post_init__(self) -> None:
        if self.pairs not in PAIRS:
            raise ValueError(f"expected pairs to be one of: all, independent; got {self.pairs!r}")
        if self.n_stimuli < 2:
            raise ValueError(
                f"a null distribution needs two or more stimuli; got {self.n_stimuli}"
            )
        if not isinstance(self.batch_size, int | np.integer) or self.batch_size < 1:
            raise ValueError(
                f"expected batch_size to be a whole number from 1 on; got {self.batch_size!r}"
            )

    def check_groups(self, groups: Sequence | np.ndarray | None) -> np.ndarray:
        """Return the labels of every stimulus as numbers [n, k], each its own by default.

        Raises:
            ValueError: another number of groups than stimuli.
        """
        labels = np.arange(self.n_stimuli) if groups is None else np.asarray(groups)
        if not labels.ndim:
            raise ValueError(f"expected groups, one per stimulus; got {groups!r}")
        if len(labels) != self.n_stimuli:
            raise ValueError(
                f"expected {self.n_stimuli} groups, one per stimulus; got {len(labels)}"
            )
        labels = labels.reshape(self.n_stimuli, -1)
        # As numbers of their own: next to others, large whole numbers would be rounded to floats.
        return np.stack([_numbered(kind) for kind in labels.T.tolist()], axis=1)

    def batches(self, shard: int = 0, n_shards: int = 1) -> list[np.ndarray]:
        """Return the indices of the stimuli of each batch of a shard.

        Raises:
            ValueError: no such shard, or more shards than batches.
        """
        order, size = self._order(), self.batch_size
        if self.pairs == INDEPENDENT:
            size += size % 2
        batches = [order[start : start + size] for start in range(0, len(order), size)]
        if not 0 <= shard < n_shards <= len(batches):
            raise ValueError(
                f"there is no shard {shard} of {n_shards}: {self.n_stimuli} stimuli make "
                f"{len(batches)} shards at most, 0/{len(batches)} to "
                f"{len(batches) - 1}/{len(batches)}"
            )
        first, end = (len(batches) * i // n_shards for i in (shard, shard + 1))
        return batches[first:end]

    def n_rows(self, shard: int = 0, n_shards: int = 1) -> int:
        """Return how many rows a shard has."""
        n_stimuli = sum(map(len, self.batches(shard, n_shards)))
        return n_stimuli // 2 if self.pairs == INDEPENDENT else n_stimuli

    def rows(
        self,
        network: HasActivations,
        layer: str,
        stimuli: Stimuli,
        shard: int = 0,
        n_shards: int = 1,
    ) -> Iterator[np.ndarray]:
        """Compute the rows of a shard, float32 [features] or [1], one after the other."""
        for rows in self.rows_of_layers(network, [layer], stimuli, shard, n_shards):
            yield rows[layer]

    def rows_of_layers(
        self,
        network: HasActivations,
        layers: Sequence[str],
        stimuli: Stimuli,
        shard: int = 0,
        n_shards: int = 1,
    ) -> Iterator[dict[str, np.ndarray]]:
        """Compute the rows of several layers, layer -> row; see `rows`."""
        for batch in self.batches(shard, n_shards):
            activations = network.activations(stimuli[batch], layers=list(layers))
            of_layers = [self._rows(activations[layer]) for layer in layers]
            for rows in zip(*of_layers, strict=True):
                yield dict(zip(layers, rows, strict=True))

    def _rows(self, activations: np.ndarray) -> Iterable[np.ndarray]:
        if self.pairs == ALL:
            return map(unit_ranks, activations)
        return spearman(activations[::2], activations[1::2]).astype(np.float32)[:, np.newaxis]

    def distribution(
        self, parts: Sequence[np.ndarray], groups: Sequence | np.ndarray | None = None
    ) -> NullDistribution:
        """Return the null distribution.

        Args:
            parts: the rows of every shard, in order; arrays on disk are read in blocks.
            groups: labels [n] or [n, k]; pairs that share one are left out and counted.
        """
        labels = self.check_groups(groups)
        if self.pairs == ALL:
            pairs, rho = _all_pairs(parts)
        else:
            pairs, rho = self._order().reshape(-1, 2), np.concatenate(parts)[:, 0]
        defined = ~np.isnan(rho)
        different = (labels[pairs[:, 0]] != labels[pairs[:, 1]]).all(axis=1)
        kept = defined & different
        return NullDistribution.from_correlations(
            rho[kept],
            pairs[kept],
            n_stimuli=len(np.unique(pairs[kept])),
            n_excluded_pairs=int(np.sum(defined & ~different)),
            n_constant_stimuli=len(np.unique(pairs)) - len(np.unique(pairs[defined])),
        )

    def _order(self) -> np.ndarray:
        """Return the stimuli in the order in which they are batched."""
        if self.pairs == ALL:
            return np.arange(self.n_stimuli)
        shuffled = np.random.default_rng(self.seed).permutation(self.n_stimuli)
        return shuffled[: self.n_stimuli // 2 * 2]


def _all_pairs(parts: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Return all pairs [n_pairs, 2] and their correlations, NaN where there is none."""
    matrix = correlation_matrix(parts)
    constant = np.diag(matrix) < 0.5  # 0 for a row of zeros, else 1
    matrix[constant | constant[:, np.newaxis]] = np.nan
    first, second = np.triu_indices(len(matrix), k=1)
    return np.column_stack([first, second]), matrix[first, second]


def _numbered(labels: list) -> np.ndarray:
    """Return a number for each label [n], the same for equal ones."""
    numbers: dict = {}
    return np.array([numbers.setdefault(label, len(numbers)) for label in labels])
