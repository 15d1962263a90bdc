"""Rank correlations against SciPy, null distributions against brute force, and the decision."""

from itertools import combinations

import numpy as np
import pytest
from scipy import stats

from model_metamers import validation
from model_metamers.validation import (
    NullDistribution,
    accept,
    count_exclusions,
    independent_null,
    null_distribution,
    pairwise_null,
    spearman,
)

# Ranks are stored as float32 of unit length; their dot products round at about 1e-7.
FLOAT32_TOLERANCE = 1e-6


def relu_activations(n, seed=0):
    """Activations [n, 5, 6, 3] of which nine in ten are zero, as after a ReLU."""
    normal = np.random.default_rng(seed).normal(size=(n, 5, 6, 3))
    return np.maximum(normal - 1.3, 0).astype(np.float32)


class FlattenNetwork:
    """A network whose layer "pixels" is its input, that counts its calls."""

    def __init__(self):
        self.batch_sizes = []

    def activations(self, stimuli, layers):
        self.batch_sizes.append(len(stimuli))
        return dict.fromkeys(layers, stimuli)


@pytest.mark.parametrize("relu", [False, True])
def test_spearman_is_scipys(relu):
    a, b = (np.random.default_rng(s).normal(size=(6, 7, 11)) for s in (0, 1))
    if relu:
        a, b = np.maximum(a - 1, 0), np.maximum(b + a - 1, 0)
    expected = [stats.spearmanr(x.ravel(), y.ravel()).statistic for x, y in zip(a, b, strict=True)]
    result = spearman(a, b)
    assert result.dtype == np.float64
    np.testing.assert_array_equal(result, expected)


def test_spearman_by_hand_with_ties():
    # Ranks (1.5, 1.5, 3) and (1, 2, 3): covariance 1.5, variances 1.5 and 2.
    np.testing.assert_allclose(spearman([[0, 0, 1]], [[1, 2, 3]]), 1.5 / np.sqrt(1.5 * 2))


def test_constant_rows_have_no_correlation_and_do_not_warn(recwarn):
    a = relu_activations(3)
    a[1] = 0
    np.testing.assert_array_equal(np.isnan(spearman(a, relu_activations(3, 1))), [0, 1, 0])
    assert not recwarn.list


def test_spearman_checks_shapes():
    with pytest.raises(ValueError, match=r"\[2, 3\] and \[2, 4\]"):
        spearman(np.zeros((2, 3)), np.zeros((2, 4)))


@pytest.mark.parametrize("block_bytes", [64 * 2**20, 1000])
def test_pairwise_null_is_brute_force(monkeypatch, block_bytes):
    monkeypatch.setattr(validation, "BLOCK_BYTES", block_bytes)
    activations = relu_activations(12)
    null = pairwise_null(np.array_split(activations, 5))
    pairs = combinations(activations.reshape(12, -1), 2)
    expected = np.sort([stats.spearmanr(x, y).statistic for x, y in pairs])
    np.testing.assert_allclose(null.correlations, expected, atol=FLOAT32_TOLERANCE)
    assert (null.n_stimuli, null.n_pairs, null.n_excluded_pairs) == (12, 66, 0)
    assert null.maximum == pytest.approx(expected[-1], abs=FLOAT32_TOLERANCE)
    assert null.median == pytest.approx(np.median(expected), abs=FLOAT32_TOLERANCE)


def test_near_duplicates_and_constant_stimuli_are_left_out_and_counted():
    activations = relu_activations(6)
    activations[1] = activations[0] * 2  # the same ranks: correlation 1
    activations[5] = 0
    null = pairwise_null([activations], groups=["a", "a", "b", "c", "d", "e"])
    assert (null.n_stimuli, null.n_constant_stimuli) == (5, 1)
    assert (null.n_pairs, null.n_excluded_pairs) == (9, 1)
    assert null.maximum < 0.9
    assert pairwise_null([activations]).maximum == pytest.approx(1, abs=FLOAT32_TOLERANCE)


def test_a_dead_layer_has_an_empty_null():
    null = pairwise_null([np.zeros((3, 4))])
    assert null.n_pairs == 0 and np.isnan(null.maximum) and np.isnan(null.median)


def test_independent_null_pairs_neighbours_across_batches():
    activations = relu_activations(9)
    activations[3] = 0
    expected = spearman(activations[0:8:2], activations[1:8:2])[[0, 2]]
    null = independent_null(np.array_split(activations, 4), groups=[0, 1, 2, 3, 4, 5, 6, 6, 7])
    np.testing.assert_array_equal(null.correlations, np.sort(np.float32(expected)))
    assert (null.n_stimuli, null.n_constant_stimuli, null.n_excluded_pairs) == (4, 2, 1)


@pytest.mark.parametrize("pairs, n_pairs", [("all", 45), ("independent", 5)])
def test_null_distribution_runs_the_network_in_batches(pairs, n_pairs):
    network = FlattenNetwork()
    null = null_distribution(network, "pixels", relu_activations(10), batch_size=4, pairs=pairs)
    assert network.batch_sizes == [4, 4, 2] and null.n_pairs == n_pairs


def test_null_distribution_names_the_mistake():
    stimuli = relu_activations(4)
    with pytest.raises(ValueError, match="all, independent"):
        null_distribution(FlattenNetwork(), "pixels", stimuli, pairs="some")
    with pytest.raises(ValueError, match="two or more stimuli; got 1"):
        null_distribution(FlattenNetwork(), "pixels", stimuli[:1])
    with pytest.raises(ValueError, match="expected 4 groups"):
        null_distribution(FlattenNetwork(), "pixels", stimuli, groups=[1, 2])


def test_p_value_counts_pairs_at_least_as_correlated():
    null = NullDistribution(np.array([0.5, 0.25, 0.75]), n_stimuli=3)
    np.testing.assert_array_equal(
        null.p_value([0.9, 0.75, 0.6, 0.0, np.nan]), [1 / 4, 2 / 4, 2 / 4, 1.0, np.nan]
    )
    np.testing.assert_allclose(null.quantile([0, 0.5, 1]), [0.25, 0.5, 0.75])


def test_shards_merge_and_survive_storage(tmp_path):
    first = pairwise_null([relu_activations(5)], groups=[0, 0, 1, 2, 3])
    second = pairwise_null([relu_activations(4, 1)])
    merged = first.merge(second)
    assert (merged.n_stimuli, merged.n_pairs, merged.n_excluded_pairs) == (9, 15, 1)
    assert merged.maximum == max(first.maximum, second.maximum)
    np.savez(tmp_path / "null.npz", **merged.to_arrays())
    with np.load(tmp_path / "null.npz", allow_pickle=False) as arrays:
        loaded = NullDistribution.from_arrays(arrays)
    np.testing.assert_array_equal(loaded.correlations, merged.correlations)
    assert vars(loaded).keys() == vars(merged).keys()
    assert (loaded.n_stimuli, loaded.n_excluded_pairs) == (9, 1)


def test_accept_gives_the_first_reason():
    accepted, reason = accept(
        status=["finished", "diverged", "finished", "finished", "finished", "finished"],
        spearman_layer=[0.9, 0.9, np.nan, 0.5, 0.5000001, 0.4],
        null_max=0.5,
        label_natural=[3, 3, 3, 3, 3, 3],
        label_metamer=[3, 3, 3, 3, 4, 4],
    )
    np.testing.assert_array_equal(accepted, [True] + [False] * 5)
    assert reason.tolist() == [
        "accepted", "diverged", "no_rank_correlation", "below_null", "label_changed", "below_null"
    ]  # fmt: skip
    assert count_exclusions(reason) == {
        "below_null": 2, "diverged": 1, "no_rank_correlation": 1, "label_changed": 1
    }  # fmt: skip


def test_accept_without_a_null_accepts_nothing():
    accepted, reason = accept(["finished"], [0.9], np.nan, ["yes"], ["yes"])
    assert not accepted[0] and reason[0] == "no_null_distribution"
    with pytest.raises(ValueError, match="one status"):
        accept(["finished"], [0.9, 0.8], 0.1, ["yes"], ["yes"])
