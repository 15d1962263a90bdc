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

Source: paper section 2.5; DESIGN section 5; FACTS section 0, row 10.
"""

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from model_metamers.validation.distribution import NullDistribution
from model_metamers.validation.ranks import correlation_matrix, spearman, unit_ranks

ALL, INDEPENDENT = "all", "independent"
PAIRS = (ALL, INDEPENDENT)


class HasActivations(Protocol):
    """What a null distribution needs to know of a network (`networks.Network` has it)."""

    def activations(self, stimuli: np.ndarray, layers: Sequence[str]) -> dict[str, np.ndarray]:
        """Return layer -> activations [n, ...] of stimuli [n, ...]."""


class Stimuli(Protocol):
    """Natural stimuli: an array [n, ...], or what reads them when they are asked for."""

    def __len__(self) -> int:
        """Return n."""

    def __getitem__(self, indices: np.ndarray) -> np.ndarray:
        """Return the stimuli at some indices [m] as an array [m, ...]."""


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
    """Return the null distribution of one layer.

    Args:
        network: anything with `activations(stimuli, layers=[layer]) -> {layer: [n, ...]}`.
        layer: the matched layer.
        stimuli: natural stimuli [n, ...], none of them twice.
        groups: one label per stimulus, or several in a row each: [n] or [n, k]. Pairs that share
            a label are near-duplicates and left out.
        batch_size: stimuli per call of the network.
        pairs: "all" n (n - 1) / 2 pairs, or n / 2 "independent" ones.
        seed: of the independent pairs.
        scratch_dir: folder of a temporary file of 4 bytes per stimulus and feature (1415 stimuli
            at VGG-19 conv1_2: 18 GB); the system's temporary folder if None.

    Raises:
        ValueError: fewer than two stimuli, groups of another length, or an unknown `pairs`.
    """
    plan = NullPlan(len(stimuli), pairs, seed, batch_size)
    plan.check_groups(groups)
    with tempfile.TemporaryFile(dir=scratch_dir) as file:
        for row in plan.rows(network, layer, stimuli):
            row.tofile(file)
        file.flush()
        rows = np.memmap(file, np.float32, mode="r").reshape(plan.n_rows(), -1)
        return plan.distribution([rows], groups)


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
        ValueError: fewer than two stimuli, or an unknown `pairs`.
    """

    n_stimuli: int
    pairs: str = ALL
    seed: int = 0
    batch_size: int = 16

    def __post_init__(self):
        if self.pairs not in PAIRS:
            raise ValueError(f"expected pairs to be one of: all, independent; got {self.pairs!r}")
        if self.n_stimuli < 2:
            raise ValueError(
                f"a null distribution needs two or more stimuli; got {self.n_stimuli}"
            )

    def check_groups(self, groups: Sequence | None) -> np.ndarray:
        """Return the labels of every stimulus [n, k], each its own by default.

        Raises:
            ValueError: another number of groups than stimuli.
        """
        groups = np.arange(self.n_stimuli) if groups is None else np.asarray(groups)
        if len(groups) != self.n_stimuli:
            raise ValueError(
                f"expected {self.n_stimuli} groups, one per stimulus; got {len(groups)}"
            )
        return groups.reshape(self.n_stimuli, -1)

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
        for batch in self.batches(shard, n_shards):
            activations = network.activations(stimuli[batch], layers=[layer])[layer]
            if self.pairs == ALL:
                yield from map(unit_ranks, activations)
            else:
                yield from np.float32(spearman(activations[::2], activations[1::2]))[:, None]

    def distribution(
        self, parts: Sequence[np.ndarray], groups: Sequence | None = None
    ) -> NullDistribution:
        """Return the null distribution.

        Args:
            parts: the rows of every shard, in order; arrays on disk are read in blocks.
            groups: labels [n] or [n, k]; pairs that share one are left out and counted.
        """
        groups = self.check_groups(groups)
        if self.pairs == ALL:
            pairs, rho = _all_pairs(parts)
        else:
            pairs, rho = self._order().reshape(-1, 2), np.concatenate(parts)[:, 0]
        defined = ~np.isnan(rho)
        different = (groups[pairs[:, 0]] != groups[pairs[:, 1]]).all(axis=1)
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
