"""Figure 1: snapshots on the way to a metamer, what is measured on them, and the drawing."""

import os
import shutil

import numpy as np
import pandas as pd
import pytest
from command_line import PROJECT, run

from model_metamers import pipeline
from model_metamers.networks.network import Network
from model_metamers.plotting.figure1 import response_maps
from model_metamers.stimuli.stimulus_set import StimulusSet
from model_metamers.store import NATURAL, RunFolder
from model_metamers.synthesis import SynthesisConfig
from shared import snapshots

COMMITTED = PROJECT / "figures" / "fig1_method"


def test_snapshots_are_shown_after_10_30_100_evaluations():
    assert snapshots.shown_evaluations(300) == [0, 10, 30, 100, 300]
    assert snapshots.shown_evaluations(20) == [0, 10, 20]
    assert snapshots.shown_evaluations(4) == [0, 4]
    assert snapshots.shown_evaluations(15_000)[-2:] == [10_000, 15_000]


def test_a_snapshot_is_the_metamer_of_as_many_evaluations(small_model, images, tmp_path):
    """Up to the rounding of a picture; noise first."""
    network, folder = Network.from_keras(small_model), RunFolder(tmp_path)
    stimuli = StimulusSet(images, tuple("abcd"), tuple("abcd"))
    generator = pipeline.Generator(network, ("fused", "hidden"), stimuli, stimuli)
    config = SynthesisConfig(iterations=12, solver="lbfgs")
    snapshots.make_snapshots(generator, "fused", config, folder)
    names = [f"a-after{n}" for n in (0, 10, 12)]
    shown = folder.load_previews(network.name, "fused", names)
    for picture, iterations in zip(shown[1:], (10, 12), strict=True):
        alone = SynthesisConfig(iterations=iterations, solver="lbfgs", log_every=10)
        other = RunFolder(tmp_path / f"{iterations}")
        pipeline.make_metamers(
            [pipeline.Generator(network, ("fused",), stimuli.take([0]), stimuli)], alone, other
        )
        metamer = other.load_piece(network.name, "fused")["metamer"][0]
        np.testing.assert_allclose(picture, metamer, atol=0.51 / 255)
    assert 0.5 < shown[0].mean() < 0.6 and np.ptp(shown[0]) < 0.11  # the noise of images
    losses = folder.read_table("losses")
    assert list(losses.evaluations) == [0, 10, 12] and losses.loss.is_monotonic_decreasing
    progress = snapshots.measure(generator, {"fused": [0, 10, 12]}, folder)
    assert list(progress.measured_layer) == 3 * ["fused", "hidden"]
    at_layer = progress[progress.measured_layer == "fused"].spearman
    assert at_layer.is_monotonic_increasing and at_layer.iloc[-1] > 0.5
    table = snapshots.responses(generator, "fused", [0, 12], folder)
    assert len(table) == 3 * 12 * 12 * snapshots.N_MAPS
    assert list(dict.fromkeys(table.stimulus_id)) == [NATURAL, "a-after0", "a-after12"]
    before = (tmp_path / "losses.csv").stat().st_mtime_ns
    snapshots.make_snapshots(generator, "fused", config, folder)
    assert (tmp_path / "losses.csv").stat().st_mtime_ns == before


def test_responses_without_places_are_drawn_as_a_square(small_model, images, tmp_path):
    network, folder = Network.from_keras(small_model), RunFolder(tmp_path)
    stimuli = StimulusSet(images[:1], ("a",), ("a",))
    generator = pipeline.Generator(network, ("hidden",), stimuli, stimuli)
    snapshots.make_snapshots(generator, "hidden", SynthesisConfig(iterations=1), folder)
    table = snapshots.responses(generator, "hidden", [0, 1], folder)
    assert set(table.row) == set(table.column) == {0, 1, 2, 3} and set(table.unit) == {0}


def test_the_pictured_responses_are_those_of_the_layer():
    rows = [
        (stimulus, unit, row, column, scale * (100 * unit + 10 * row + column))
        for stimulus, scale in ((NATURAL, 1), ("a-after0", 0), ("a-after10", 0.5))
        for row in range(2)
        for column in range(3)
        for unit in (7, 4)
    ]
    columns = ["stimulus_id", "unit", "row", "column", "response"]
    maps = response_maps(pd.DataFrame(rows, columns=columns))
    one = np.array([[0, 1, 2], [10, 11, 12]]) / 12
    np.testing.assert_allclose(maps["natural"], [one, one])
    np.testing.assert_allclose(maps["noise"][0], np.full((2, 3), -400 / 12))
    np.testing.assert_allclose(maps["metamer"][1][0, 0], (350 - 700) / 12)


@pytest.mark.slow
def test_the_committed_figure_is_drawn_from_its_tables_without_tensorflow(tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(COMMITTED, copy)
    (copy / "figure.png").unlink()
    blocked = tmp_path / "blocked" / "tensorflow"
    blocked.mkdir(parents=True)
    (blocked / "__init__.py").write_text("raise ImportError('the figure stage took TensorFlow')")
    environment = os.environ | {"PYTHONPATH": f"{blocked.parent}{os.pathsep}{PROJECT}"}
    result = run("fig1_method", "--stage=figure", f"--output_dir={copy}", env=environment)
    assert result.returncode == 0, result.stderr
    assert (copy / "figure.png").stat().st_size > 100_000


@pytest.mark.artefact
def test_the_committed_run_shows_the_method():
    """The match grows with evaluations at the layer and after it, and exceeds the null there."""
    progress = RunFolder(COMMITTED, create=False).read_table("progress")
    layers = list(dict.fromkeys(progress.measured_layer))
    for layer, rows in progress.groupby("layer", sort=False):
        last = rows[rows.evaluations == rows.evaluations.max()].set_index("measured_layer")
        assert (last.spearman > last.null_max)[layers[layers.index(layer) :]].all(), layer
        at_layer = rows[rows.measured_layer == layer].spearman
        assert at_layer.is_monotonic_increasing, layer
    late = progress[(progress.layer == layers[-1]) & (progress.evaluations == 300)]
    early = late.set_index("measured_layer").loc[layers[:3]]
    assert (early.spearman < early.null_max).all()
