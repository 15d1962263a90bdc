"""Rank correlations against SciPy, null distributions against brute force, and the decision."""

import tracemalloc
from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import model_metamers as mm
from model_metamers.validation import (
    NullDistribution,
    NullPlan,
    accept,
    count_exclusions,
    null_distribution,
    nulls,
    published_nulls,
    ranks,
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


def null_of(activations, **options):
    return null_distribution(FlattenNetwork(), "pixels", np.asarray(activations), **options)


def brute_force(activations, pairs):
    rows = np.reshape(activations, (len(activations), -1))
    return np.array([stats.spearmanr(rows[i], rows[j]).statistic for i, j in pairs])


@pytest.mark.parametrize("block_bytes", [64 * 2**20, 1000])
def test_the_null_of_all_pairs_is_scipys(monkeypatch, block_bytes):
    monkeypatch.setattr(ranks, "BLOCK_BYTES", block_bytes)
    activations = relu_activations(12)
    null = null_of(activations, batch_size=5)
    expected = np.sort(brute_force(activations, combinations(range(12), 2)))
    for end in (null.lowest, null.highest):
        np.testing.assert_allclose(end, expected, atol=FLOAT32_TOLERANCE)
    assert (null.n_stimuli, null.n_pairs, null.n_excluded_pairs) == (12, 66, 0)
    assert null.maximum == pytest.approx(expected[-1], abs=FLOAT32_TOLERANCE)
    assert null.median == pytest.approx(np.median(expected), abs=FLOAT32_TOLERANCE)


def test_a_sample_tells_which_stimuli_make_a_pair(monkeypatch):
    monkeypatch.setattr(nulls, "N_SAMPLE", 20)
    activations = relu_activations(12)
    null = null_of(activations)
    assert null.sample_pairs.shape == (20, 2) and len(np.unique(null.sample_pairs, axis=0)) == 20
    np.testing.assert_allclose(
        null.sample, brute_force(activations, null.sample_pairs), atol=FLOAT32_TOLERANCE
    )


def test_memory_does_not_grow_with_stimuli_times_features(monkeypatch, tmp_path):
    monkeypatch.setattr(ranks, "BLOCK_BYTES", 2**18)
    n_stimuli, n_features = 64, 50_000  # 12.8 MB of ranks

    class Noise:
        def activations(self, stimuli, layers):
            draws = [np.random.default_rng(i).random(n_features, np.float32) for i in stimuli]
            return {layers[0]: np.stack(draws)}

    tracemalloc.start()
    null_distribution(Noise(), "noise", np.arange(n_stimuli), batch_size=2, scratch_dir=tmp_path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 4e6, peak


def test_near_duplicates_and_constant_stimuli_are_left_out_and_counted():
    activations = relu_activations(7)
    activations[1] = activations[0] * 2  # the same ranks: correlation 1
    activations[5] = 0
    activations[6, 0] = np.nan
    null = null_of(activations, groups=["a", "a", "b", "c", "d", "e", "a"])
    assert (null.n_stimuli, null.n_constant_stimuli) == (5, 2)
    assert (null.n_pairs, null.n_excluded_pairs) == (9, 1)
    assert null.maximum < 0.9
    assert null_of(activations).maximum == pytest.approx(1, abs=FLOAT32_TOLERANCE)


def test_pairs_of_equal_stimuli_are_left_out_and_said(caplog):
    stimuli = relu_activations(8)
    clean = null_of(stimuli)
    assert not caplog.records
    twice = np.concatenate([stimuli, stimuli[2:4]])
    for groups in (None, list("abcdefghij")):
        null = null_of(twice, groups=groups)
        assert null.maximum == pytest.approx(clean.maximum, abs=FLOAT32_TOLERANCE)
        assert null.n_excluded_pairs == 2 and null.n_pairs == 10 * 9 // 2 - 2
    assert "2 of 10 stimuli of the null equal others (by index: 8 is 2, 9 is 3)" in caplog.text


@pytest.mark.parametrize("pairs", ["all", "independent"])
def test_a_dead_layer_has_an_empty_null(pairs):
    null = null_of(np.zeros((4, 4)), pairs=pairs)
    assert null.n_pairs == 0 and null.n_constant_stimuli == 4
    assert np.isnan([null.maximum, null.median, *null.quantile([0, 1])]).all()
    np.testing.assert_array_equal(null.p_value([0.5, np.nan]), [1, np.nan])


def test_independent_pairs_are_scipys_share_no_stimulus_and_follow_the_seed():
    activations = relu_activations(9)
    first, again, other = (
        null_of(activations, pairs="independent", seed=seed, batch_size=3) for seed in (0, 0, 1)
    )
    assert first.n_pairs == 4 and first.n_stimuli == 8  # one of nine has no partner
    assert len(np.unique(first.sample_pairs)) == 8
    expected = brute_force(activations, first.sample_pairs)
    np.testing.assert_array_equal(first.sample, np.float32(expected))
    np.testing.assert_array_equal(first.sample_pairs, again.sample_pairs)
    np.testing.assert_array_equal(first.highest, again.highest)
    assert np.any(first.sample_pairs != other.sample_pairs)


def test_independent_pairs_leave_out_near_duplicates_and_constant_stimuli():
    activations = relu_activations(8)
    pairs = NullPlan(8, "independent").batches()[0].reshape(-1, 2)
    groups = np.arange(8)
    groups[pairs[0]] = 8
    activations[pairs[1, 0]] = 0
    null = null_of(activations, pairs="independent", groups=groups)
    assert (null.n_stimuli, null.n_constant_stimuli, null.n_excluded_pairs) == (4, 2, 1)


@pytest.mark.parametrize("pairs, n_pairs", [("all", 45), ("independent", 5)])
def test_null_distribution_runs_the_network_in_batches(pairs, n_pairs):
    network = FlattenNetwork()
    null = null_distribution(network, "pixels", relu_activations(10), batch_size=4, pairs=pairs)
    assert network.batch_sizes == [4, 4, 2] and null.n_pairs == n_pairs


def test_null_distribution_names_the_mistake():
    stimuli = relu_activations(4)
    with pytest.raises(ValueError, match="all, independent"):
        null_of(stimuli, pairs="some")
    with pytest.raises(ValueError, match="two or more stimuli; got 1"):
        null_of(stimuli[:1])
    with pytest.raises(ValueError, match="expected 4 groups"):
        null_of(stimuli, groups=[1, 2])
    for shard, n_shards in ((2, 2), (-1, 2), (0, 3), (0, 0)):
        with pytest.raises(ValueError, match=rf"no shard {shard} of {n_shards}: .* 0/2 to 1/2"):
            NullPlan(4, batch_size=2).batches(shard, n_shards)


@pytest.mark.parametrize("pairs", ["all", "independent"])
@pytest.mark.parametrize("n_shards", [2, 3, 7])
def test_shards_give_exactly_the_null_made_in_one_go(small_model, pairs, n_shards):
    network = mm.Network.from_keras(small_model)
    stimuli = np.random.default_rng(0).random((27, 12, 12, 3), np.float32)
    groups = np.arange(27) // 2
    plan = NullPlan(len(stimuli), pairs, batch_size=4)
    options = {"groups": groups, "pairs": pairs, "batch_size": 4}
    for layer in ("fused", "classes"):
        whole = null_distribution(network, layer, stimuli, **options)
        parts = []
        for shard in range(n_shards):
            rows = np.stack(list(plan.rows(network, layer, stimuli, shard, n_shards)))
            assert len(rows) == plan.n_rows(shard, n_shards) > 0
            parts.append(rows)
        merged = plan.distribution(parts, groups)
        for name, value in whole.to_arrays().items():
            np.testing.assert_array_equal(merged.to_arrays()[name], value, name)


def distribution_of(rho):
    return NullDistribution.from_correlations(rho, np.zeros((len(rho), 2), int), n_stimuli=3)


def test_p_value_counts_pairs_at_least_as_correlated():
    null = distribution_of([0.5, 0.25, 0.75])
    np.testing.assert_array_equal(
        null.p_value([0.9, 0.75, 0.6, 0.0, np.nan]), [1 / 4, 2 / 4, 2 / 4, 1.0, np.nan]
    )
    np.testing.assert_allclose(null.quantile([0, 0.5, 1]), [0.25, 0.5, 0.75])


@pytest.mark.parametrize("n_extremes", [200, 700, 10_000])
def test_of_many_pairs_the_ends_are_exact_and_the_middle_is_to_a_bin(monkeypatch, n_extremes):
    monkeypatch.setattr(nulls, "N_EXTREMES", n_extremes)
    rho = np.float32(np.tanh(np.random.default_rng(0).normal(0.2, 0.3, 1000)))
    null, bin_width = distribution_of(rho), 2 / nulls.N_BINS
    assert null.n_pairs == 1000 and len(null.highest) == len(null.lowest) == min(n_extremes, 1000)
    assert null.maximum == rho.max()
    levels = np.linspace(0, 1, 333)
    expected = np.quantile(np.float64(rho), levels)
    np.testing.assert_allclose(null.quantile(levels), expected, rtol=0, atol=bin_width)
    ends = (levels < 0.19) | (levels > 0.81)
    np.testing.assert_allclose(null.quantile(levels)[ends], expected[ends], rtol=1e-12)
    at = np.concatenate([rho, np.linspace(-1, 1, 501), [1.2, -1.2]])
    exact = (np.sum(rho >= at[:, None], axis=1) + 1) / 1001
    p_value = null.p_value(at)
    assert (p_value >= exact).all()  # never too significant
    np.testing.assert_array_equal(p_value[at > null.highest[0]], exact[at > null.highest[0]])
    within_a_bin = (np.sum(rho >= at[:, None] - bin_width, axis=1) + 1) / 1001
    assert (p_value <= within_a_bin).all()


def test_rounding_beyond_one_stays_in_the_last_bin():
    null = distribution_of([1.0000001, -1.0000001, 1.0])
    assert null.histogram[[0, -1]].tolist() == [1, 2] and null.n_pairs == 3
    np.testing.assert_array_equal(null.p_value(1.0), 3 / 4)


def test_a_null_survives_storage(tmp_path):
    null = null_of(relu_activations(5), groups=[0, 0, 1, 2, 3])
    np.savez(tmp_path / "null.npz", **null.to_arrays())
    with np.load(tmp_path / "null.npz", allow_pickle=False) as arrays:
        assert arrays["n_pairs"] == 9 and arrays["maximum"] == np.float32(null.maximum)
        assert arrays["q99"] == null.quantile(0.99) and arrays["q999"] == null.quantile(0.999)
        loaded = NullDistribution.from_arrays(arrays)
    for name, value in vars(null).items():
        np.testing.assert_array_equal(getattr(loaded, name), value, name)
    assert (loaded.n_stimuli, loaded.n_excluded_pairs) == (5, 1)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"histogram": None}, "there is no array 'histogram'"),
        ({"lowest": np.zeros((3, 3))}, r"lowest is of shape \[3, 3\]"),
        ({"n_stimuli": np.zeros(2)}, r"n_stimuli is of shape \[2\]"),
        ({"histogram": np.zeros(7)}, "histogram has 7 bins instead of 2000"),
    ],
)
def test_arrays_of_something_else_are_no_null(change, message):
    arrays = null_of(relu_activations(5)).to_arrays() | change
    arrays = {name: array for name, array in arrays.items() if array is not None}
    with pytest.raises(ValueError, match=message):
        NullDistribution.from_arrays(arrays)


def test_a_million_pairs_are_kept_in_little_space():
    rho = np.random.default_rng(0).normal(0.2, 0.1, 1_000_405)
    arrays = distribution_of(rho).to_arrays()
    assert sum(array.nbytes for array in arrays.values()) < 200_000
    for name, level in {"q99": 0.99, "q999": 0.999}.items():
        np.testing.assert_allclose(arrays[name], np.quantile(np.float32(rho), level), rtol=1e-6)


def test_published_nulls_have_our_layers_names():
    rho = np.random.default_rng(0).uniform(-0.2, 0.6, 1000)
    nulls = published_nulls(
        {
            "visualization_input": rho,
            "conv_0_jittered_relu": list(rho[:10]),
            "pool_1_0": rho.reshape(10, 100),
            "logits": np.append(rho, np.nan),
        }
    )
    assert list(nulls) == ["cochleagram", "conv_0", "pool_1", "logits"]
    assert nulls["cochleagram"].maximum == nulls["pool_1"].maximum == np.float32(rho.max())
    assert (nulls["conv_0"].n_pairs, nulls["conv_0"].n_stimuli) == (10, 20)
    assert nulls["logits"].n_pairs == 1000 and nulls["logits"].n_constant_stimuli == 2


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([0.5], "expected a dictionary .* got list"),
        ({}, "expected a dictionary"),
        ({"logits": ["a"]}, "'logits' holds no numbers"),
        ({"logits": {}}, "'logits' holds no numbers"),
        ({"logits": [0.5, 1.5]}, "'logits' holds no correlations"),
        ({"logits": []}, "'logits' holds no correlations"),
    ],
)
def test_anything_else_is_no_published_null(content, message):
    with pytest.raises(ValueError, match=message):
        published_nulls(content)


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


def test_groups_are_equal_only_where_their_labels_are():
    plan = NullPlan(3)
    for labels in ([2**63, 2**63 + 1, 2**63 + 1], ["a", "b", "b"], [np.nan, 1.0, 1.0]):
        np.testing.assert_array_equal(plan.check_groups(labels)[:, 0], [0, 1, 1])
    with pytest.raises(ValueError, match="one per stimulus; got 5"):
        plan.check_groups(5)


def test_accept_without_a_null_accepts_nothing():
    accepted, reason = accept(["finished"], [0.9], np.nan, ["yes"], ["yes"])
    assert not accepted[0] and reason[0] == "no_null_distribution"
    with pytest.raises(ValueError, match="one status"):
        accept(["finished"], [0.9, 0.8], 0.1, ["yes"], ["yes"])
    with pytest.raises(ValueError, match="both as text or both as numbers"):
        accept(["finished"], [0.9], 0.5, ["1"], [1])
    with pytest.raises(ValueError, match="both as text or both as numbers"):
        accept(["finished"], [0.9], 0.5, np.array(["1"], object), np.array([1], object))
    with pytest.raises(ValueError, match="one maximum for all or for each"):
        accept(["finished"], [0.9], [0.5, 0.5], ["1"], ["1"])
    assert accept(["finished"], [0.9], 0.5, pd.Series(["1"], dtype=object), ["1"])[0]


@pytest.mark.parametrize("n_features", [2, 3, 4, 5, 8])
def test_what_equals_a_pair_of_the_null_does_not_exceed_it(n_features):
    """Of few features, many pairs have one correlation; rounding must not tell them apart."""
    stimuli = np.random.default_rng(n_features).random((24, n_features)).astype(np.float32)
    null = null_distribution(Passing(), "x", stimuli)
    first, second = np.triu_indices(24, k=1)
    rho = spearman(stimuli[first], stimuli[second])
    accepted, reason = accept(["finished"] * 276, rho, null.maximum, [0] * 276, [0] * 276)
    assert not accepted.any() and set(reason) == {"below_null"}
    high = rho[rho > null.highest[0]]
    n_at_least = (np.round(rho, 9)[:, np.newaxis] >= np.round(high, 9)).sum(axis=0)
    np.testing.assert_allclose(null.p_value(high), (n_at_least + 1) / 277)


class Passing:
    """A network whose response is the stimulus."""

    def activations(self, stimuli, layers):
        return dict.fromkeys(layers, stimuli)
