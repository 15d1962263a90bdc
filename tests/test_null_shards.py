"""Shares of a null on disk: complete or not there, and never made twice."""

import numpy as np
import pytest

from model_metamers.store import RunFolder
from model_metamers.validation import NullPlan, null_distribution

LAYER = ("vgg_19_small", "conv5_4")
PLAN = NullPlan(10, batch_size=3)
STIMULI = np.random.default_rng(0).normal(size=(10, 4, 5))


class FlattenNetwork:
    """A network whose only layer is its input."""

    def activations(self, stimuli, layers):
        return dict.fromkeys(layers, stimuli)


@pytest.fixture
def folder(tmp_path):
    return RunFolder(tmp_path)


def rows(shard, n_shards):
    return PLAN.rows(FlattenNetwork(), "pixels", STIMULI, shard, n_shards)


def files(folder):
    return sorted(path.name for path in (folder.path / "nulls" / LAYER[0]).iterdir())


def test_shares_come_back_in_order_and_left_on_disk(folder):
    shards = folder.null_shards(*LAYER, 3)
    for shard in (2, 0):
        shards.write(shard, rows(shard, 3), PLAN.n_rows(shard, 3))
        assert shards.open() is None
    assert [shards.has(shard) for shard in range(3)] == [True, False, True]
    shards.write(1, rows(1, 3), PLAN.n_rows(1, 3))
    parts = shards.open()
    assert all(isinstance(part, np.memmap) and part.dtype == np.float32 for part in parts)
    assert [len(part) for part in parts] == [PLAN.n_rows(shard, 3) for shard in range(3)]
    expected = null_distribution(FlattenNetwork(), "pixels", STIMULI, batch_size=3)
    np.testing.assert_array_equal(PLAN.distribution(parts).highest, expected.highest)


def test_a_killed_share_is_not_there_and_can_be_made_again(folder):
    shards = folder.null_shards(*LAYER, 2)

    def killed():
        yield from list(rows(0, 2))[:2]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        shards.write(0, killed(), PLAN.n_rows(0, 2))
    assert not shards.has(0) and shards.open() is None
    shards.write(0, rows(0, 2), PLAN.n_rows(0, 2))
    shards.write(1, rows(1, 2), PLAN.n_rows(1, 2))
    assert sum(map(len, shards.open())) == 10
    assert files(folder) == ["conv5_4.shard0of2.npy", "conv5_4.shard1of2.npy"]


def test_clearing_leaves_other_layers_and_the_null(folder):
    for layer in ("conv5_4", "myconv5_4", "conv5_4.linear"):
        shards = folder.null_shards(LAYER[0], layer, 1)
        shards.write(0, iter([np.zeros(3, np.float32)]), 1)
    (folder.path / "nulls" / LAYER[0] / ".conv5_4.shard1of4.npy.0f3a.tmp").write_bytes(b"half")
    folder.save_null(*LAYER, {"maximum": np.array(0.5)})
    folder.null_shards(*LAYER, 4).clear()
    assert files(folder) == [
        "conv5_4.linear.shard0of1.npy", "conv5_4.npz", "myconv5_4.shard0of1.npy"
    ]  # fmt: skip


def test_a_damaged_share_is_named(folder):
    shards = folder.null_shards(*LAYER, 1)
    shards.write(0, rows(0, 1), 10)
    path = folder.path / "nulls" / LAYER[0] / "conv5_4.shard0of1.npy"
    for content in (path.read_bytes()[:200], b"", b"half"):
        path.write_bytes(content)
        with pytest.raises(ValueError, match=r"shard0of1\.npy is damaged .*delete it"):
            shards.open()
