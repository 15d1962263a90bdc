"""Rank correlations of activations: row by row, or every row with every other one.

A Spearman correlation is the dot product of centred ranks of unit length. So for many pairs every
stimulus is ranked once, and all correlations are one matrix product, summed over blocks of
features: neither the activations nor the ranks of all stimuli have to be in memory.
Arrays of activations are [n, ...], one row per stimulus; features are ravelled.
"""

import warnings
from collections.abc import Sequence

import numpy as np
from scipy import stats

BLOCK_BYTES = 64 * 2**20  # of ranks in memory at once while correlations are summed up
FEW_FEATURES = 1024  # of which different pairs may have one and the same correlation


def spearman(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return the Spearman correlation of every row of `a` with the same row of `b`.

    Args:
        a: activations [n, ...].
        b: activations of the same shape.

    Returns:
        float64 [n]; ties have average ranks, a row that is constant or has NaN gives NaN.

    Raises:
        ValueError: different shapes, fewer than two features, or values that are masked.
    """
    if np.ma.is_masked(a) or np.ma.is_masked(b):
        raise ValueError("expected arrays without masked values; leave their features out")
    a, b = np.asarray(a), np.asarray(b)
    if a.shape != b.shape or a.ndim < 2 or a[:1].size == 1:
        raise ValueError(
            f"expected two arrays [n, ...] of one shape with two or more features; "
            f"got {list(a.shape)} and {list(b.shape)}"
        )
    if a.dtype.kind not in "fiub" or b.dtype.kind not in "fiub":
        raise ValueError(f"expected arrays of real numbers; got {a.dtype} and {b.dtype}")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", stats.ConstantInputWarning)
        rows = [stats.spearmanr(x.ravel(), y.ravel()).statistic for x, y in zip(a, b, strict=True)]
    return np.array(rows, np.float64)


def comparable(rho: float | np.ndarray) -> np.ndarray:
    """Return correlations as nulls keep them, float32: equal ones are equal, zeros included."""
    return np.round(np.asarray(rho, np.float64), 9).astype(np.float32)


def unit_ranks(activations: np.ndarray) -> np.ndarray:
    """Return the centred ranks of one stimulus' activations, scaled to length 1.

    Args:
        activations: of any shape.

    Returns:
        float32 [features]; zeros if all activations are equal or one is NaN.
    """
    return _normalised(stats.rankdata(activations)).astype(np.float32)


def _normalised(ranks: np.ndarray) -> np.ndarray:
    """Return centred rows of length 1, or of zeros where all ranks are equal or NaN."""
    centred = ranks - ranks.mean(axis=-1, keepdims=True)
    length = np.linalg.norm(centred, axis=-1, keepdims=True)
    return np.divide(centred, length, out=np.zeros_like(centred), where=length > 0)


def correlation_matrix(parts: Sequence[np.ndarray]) -> np.ndarray:
    """Return the Spearman correlations of all pairs of stimuli.

    Args:
        parts: unit ranks [n_i, features] float32, together of n stimuli; may lie on disk. How the
            stimuli are split into parts changes nothing in the result, not even its rounding.

    Returns:
        float64 [n, n], within 1e-6 of `spearman`, of few features to its last digits, so that
        equal correlations are equal; rows and columns of zeros for constant stimuli.
    """
    if parts[0].shape[1] <= FEW_FEATURES:
        ranks = _normalised(stats.rankdata(np.concatenate(parts), axis=1))
        return ranks @ ranks.T
    n_rows = sum(map(len, parts))
    matrix = np.zeros((n_rows, n_rows))
    block = max(1, BLOCK_BYTES // (4 * n_rows))
    for start in range(0, parts[0].shape[1], block):
        ranks = np.concatenate([part[:, start : start + block] for part in parts])
        matrix += ranks @ ranks.T
    return matrix
