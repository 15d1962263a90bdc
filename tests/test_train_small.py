"""Training a small network as a user does, in two steps on pictures of noise."""

import csv
import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
from command_line import error_of, run

from model_metamers.networks import catalog
from model_metamers.training import datasets

NAME = "vgg_19_small"

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory):
    """Shards of noise: rendering 1280 objects takes a minute, and is tested by itself."""
    folder = tmp_path_factory.mktemp("renders")
    generator = np.random.default_rng(0)

    def render_objects(classes, seeds, size_px):
        return generator.integers(0, 256, (len(classes), size_px, size_px, 3), np.uint8)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(datasets.objects, "render_objects", render_objects)
        for split in ("train", "validation"):
            datasets.rendered_objects(split, 10, folder)
    return folder


@pytest.fixture(scope="module")
def flags(data_dir, tmp_path_factory):
    return [
        f"--networks={NAME}", "--steps=2", "--n_per_class=10", f"--data_dir={data_dir}",
        "--noise_sd=0.05", "--weight_decay=0.01",
        f"--output_dir={tmp_path_factory.mktemp('networks') / 'new'}",
    ]  # fmt: skip


@pytest.fixture(scope="module")
def trained(flags):
    """The folder that a first call leaves."""
    result = run("train_small", *flags)
    assert result.returncode == 0, result.stderr
    return Path(flags[-1].removeprefix("--output_dir="))


def test_the_manifest_tells_what_the_file_is(trained):
    assert json.loads((trained / "manifest.json").read_text()).keys() == {NAME}
    record = json.loads((trained / "manifest.json").read_text())[NAME]
    content = (trained / f"{NAME}.npz").read_bytes()
    assert record["sha256"] == hashlib.sha256(content).hexdigest()
    assert (record["seed"], record["steps"], record["batch_size"]) == (0, 2, 32)
    assert record["n_train"] == record["n_validation"] == 640
    assert (record["noise_sd"], record["weight_decay"]) == (0.05, 0.01)
    assert 0 <= record["fine_accuracy"] <= record["category_accuracy"] <= 1


def test_the_log_has_the_loss_of_the_last_step(trained):
    with (trained / f"{NAME}.log.csv").open() as file:
        (row,) = csv.DictReader(file)
    assert row["step"] == "2" and float(row["seconds"]) >= 0
    assert float(row["loss"]) == pytest.approx(np.log(64), rel=0.02)  # chance, of 64 classes


def test_the_network_can_be_loaded_and_was_trained(trained, monkeypatch):
    monkeypatch.setenv("MODEL_METAMERS_CHECKPOINTS", str(trained))
    network = catalog.load_network(NAME)
    fresh = catalog.load_network(NAME, weights=None, seed=0)
    change = [
        np.abs(ours - initial).max()
        for ours, initial in zip(
            network.model.get_weights(), fresh.model.get_weights(), strict=True
        )
    ]
    # float16 alone changes the kernels by up to 2e-4; the biases were zero and are float32.
    assert max(change[1::2]) > 0


def test_only_what_is_shipped_is_left(trained):
    assert sorted(path.name for path in trained.rglob("*") if path.is_file()) == [
        "manifest.json", f"{NAME}.log.csv", f"{NAME}.npz",
    ]  # fmt: skip


def test_a_second_call_finds_the_network_there(trained, flags):
    before = (trained / f"{NAME}.npz").stat().st_mtime_ns
    result = run("train_small", *flags)
    assert result.returncode == 0
    assert f"{NAME} is there already; delete {NAME}.npz" in result.stderr
    assert (trained / f"{NAME}.npz").stat().st_mtime_ns == before


@pytest.mark.parametrize(
    ("mistake", "message"),
    [
        ("--networks=vgg_19_small,vgg_99", "unknown network 'vgg_99'; choose from: vgg_19_small"),
        ("--n_per_class=15", "--n_per_class must be a multiple of 10; got 15"),
        ("--steps=0", "steps"),
    ],
)
def test_a_mistake_is_told_in_one_line(mistake, message, flags, tmp_path):
    result = run("train_small", *flags, mistake, f"--output_dir={tmp_path / 'none'}")
    assert message in error_of(result)
    assert not (tmp_path / "none").exists()
