"""Metamers of every layer at every layer: the numbers, the figure, and the committed grids."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import model_metamers as mm
from model_metamers import pipeline, validation
from model_metamers.analysis import layer_grid
from model_metamers.pipeline import Generator
from model_metamers.plotting.figures_s1_s8 import layer_grid_figure
from model_metamers.plotting.style import network_style
from model_metamers.stimuli.made import objects
from model_metamers.stimuli.stimulus_set import StimulusSet
from model_metamers.store import MATCHES_COLUMNS, NATURAL, RunFolder
from model_metamers.training.datasets import FIRST_SEED

FIGURES = Path(__file__).resolve().parents[1] / "figures"
LAYERS = ["fused", "separate", "hidden"]
STYLE = network_style("resnet_v2_101", "ResNet-v2-101", "small", place=2)
IDS = ("a", "b", "c", "d")


@pytest.fixture
def run(small_model, images, tmp_path):
    """A certified run of one layer without metamers/: the first image is not accepted."""
    network = mm.Network.from_keras(small_model, metamer_layers=LAYERS)
    folder = RunFolder(tmp_path)
    metamers = np.clip(images + np.random.default_rng(1).normal(0, 0.1, images.shape), 0, 1)
    folder.save_previews(network.name, NATURAL, IDS, images)
    folder.save_previews(network.name, "separate", IDS, metamers)
    values = dict.fromkeys(MATCHES_COLUMNS, 0) | {"network": network.name, "layer": "separate"}
    rows = pd.DataFrame(values, index=range(4))
    rows = rows.assign(stimulus_id=IDS, accepted=[False, True, True, True])
    folder.write_table("matches", rows)
    null_stimuli = np.random.default_rng(2).random((5, 12, 12, 3), np.float32)
    null = StimulusSet(null_stimuli, tuple("vwxyz"), tuple("vwxyz"))
    return Generator(network, ("separate",), StimulusSet(images, IDS, IDS), null), folder


def test_every_pair_of_layers_is_measured_on_the_accepted_pictures(run):
    generator, folder = run
    table = layer_grid.layer_grid(generator, folder).set_index("measured_layer")
    assert list(table.index) == LAYERS and set(table.generated_layer) == {"separate"}
    assert set(table.n) == {3}
    network = generator.network
    for layer in LAYERS:
        natural, metamer = (
            network.activations(folder.load_previews(network.name, shown, IDS[1:]))[layer]
            for shown in (NATURAL, "separate")
        )
        rho = mm.spearman(metamer, natural)
        null = validation.null_distribution(network, layer, generator.null_stimuli.stimuli)
        row = table.loc[layer]
        assert row["median"] == np.median(rho) and row["minimum"] == rho.min()
        assert row.null_maximum == pytest.approx(null.maximum, abs=1e-6)
        assert row.null_n_pairs == 10
        assert row.n_above_null_maximum == np.sum(rho > null.maximum)
    assert 0 < table.n_above_null_maximum.sum() < 9  # neither all nor none: a real test


def test_a_certified_layer_is_not_made_again(run):
    generator, folder = run
    assert pipeline.uncertified([generator], folder) == []
    more = Generator(
        generator.network, ("fused", "separate"), generator.stimuli, generator.null_stimuli
    )
    assert [g.layers for g in pipeline.uncertified([more], folder)] == [("fused",)]
    preview = folder.path / "previews" / generator.network.name / "separate" / "d.png"
    preview.unlink()
    with pytest.raises(ValueError, match=r"has the tables of .* separate, but only"):
        pipeline.uncertified([more], folder)
    folder.write_table("matches", folder.read_table("matches").iloc[:-1])
    assert [g.layers for g in pipeline.uncertified([more], folder)] == [("fused", "separate")]


@pytest.fixture(scope="module")
def grid():
    return RunFolder(FIGURES / "figs1_s8_layer_grids", create=False).read_table("layer_grid")


@pytest.fixture(scope="module")
def visual():
    return RunFolder(FIGURES / "fig3_visual", create=False)


@pytest.mark.artefact
def test_the_diagonal_is_figure_3(grid, visual):
    matches = visual.read_table("matches")
    accepted = matches[matches.accepted].groupby(["network", "layer"], sort=False)
    diagonal = grid[grid.generated_layer == grid.measured_layer]
    diagonal = diagonal.set_index(["network", "generated_layer"])
    assert len(diagonal) == accepted.ngroups == 23
    for key, rows in accepted:
        cell = diagonal.loc[key]
        assert cell.n == len(rows) and cell.null_maximum == rows.null_max.iloc[0]
        # Activations differ in the last bits with what else the graph computes.
        np.testing.assert_allclose(cell["median"], rows.spearman_layer.median(), atol=1e-5)


def test_a_metamer_without_a_correlation_does_not_match():
    row = layer_grid._summary(np.array([0.9, 0.7, np.nan, np.nan]), null_maximum=0.5)
    assert (row["n"], row["n_above_null_maximum"], row["median"]) == (4, 2, 0.8)
    row = layer_grid._summary(np.array([np.nan]), null_maximum=0.5)
    assert (row["n"], row["n_above_null_maximum"]) == (1, 0) and np.isnan(row["median"])


@pytest.mark.artefact
def test_metamers_match_at_and_after_their_layer_and_late_ones_not_at_the_first(grid):
    for _, rows in grid.groupby("network"):
        order = list(rows.measured_layer.unique())
        place = {column: rows[column].map(order.index) for column in rows if "_layer" in column}
        after = rows[place["measured_layer"] >= place["generated_layer"]]
        assert (after.n_above_null_maximum == after.n).all()
        late = place["generated_layer"] >= len(order) - 3
        first = rows[late & (place["measured_layer"] < 2)]
        assert len(first) == 6 and (first.n_above_null_maximum == 0).all()


@pytest.mark.slow
def test_a_row_of_the_committed_grid_is_that_of_the_pictures(grid, visual, shipped):
    """Tolerance: correlations of deep layers move by a few 1e-4 between processors."""
    network = shipped("inception_v3_small")
    ids = tuple(visual.read_run_record()["config"]["stimulus_ids"])
    generator = Generator(network, ("Mixed_6e",), StimulusSet(np.empty((32, 1)), ids, ids), None)
    rho = layer_grid.correlations(generator, "Mixed_6e", ids, visual)
    stored = grid[(grid.network == network.name) & (grid.generated_layer == "Mixed_6e")]
    for row in stored.itertuples():
        values = rho[row.measured_layer]
        quantiles = np.quantile(values, [0.05, 0.5, 0.95])
        np.testing.assert_allclose(quantiles, [row.q05, row.median, row.q95], atol=2e-3)


@pytest.mark.slow
def test_the_committed_null_is_that_of_the_renders(grid, shipped):
    """Tolerance as above."""
    network, layer = shipped("resnet_v2_101_small"), "block2"
    seeds = np.full(len(objects.FINE_CLASSES), FIRST_SEED["test"] + 100_000)
    renders = objects.render_objects(np.arange(len(seeds)), seeds, network.stimulus_shape[0])
    null = mm.null_distribution(network, layer, renders.astype(np.float32) / 255)
    row = grid[(grid.network == network.name) & (grid.measured_layer == layer)].iloc[0]
    assert null.n_pairs == row.null_n_pairs
    quantiles = null.quantile(np.array([0.05, 0.5, 0.95, 1]))
    stored = [row.null_q05, row.null_median, row.null_q95, row.null_maximum]
    np.testing.assert_allclose(quantiles, stored, atol=2e-3)


def test_the_figure_draws_the_table(grid):
    rows = grid[grid.network == "resnet_v2_101_small"]
    figure = layer_grid_figure(rows, STYLE)
    layers = list(rows.generated_layer.unique())
    assert len(figure.axes) == len(layers)
    for axes, layer in zip(figure.axes, layers, strict=True):
        cells = rows[rows.generated_layer == layer]
        markers = next(line for line in axes.lines if line.get_marker() == "o")
        np.testing.assert_array_equal(markers.get_ydata(), cells["median"])
        drawn = [text.get_text() for text in axes.texts]
        counts = zip(cells.n_above_null_maximum, cells.n, strict=True)
        assert {f"{k}/{n}" for k, n in counts} <= set(drawn) and layer in drawn
    tight, (width, height) = figure.get_tightbbox(), figure.get_size_inches()
    assert tight.x0 >= 0 and tight.y0 >= 0 and tight.x1 <= width and tight.y1 <= height


def test_the_figure_needs_one_whole_network(grid):
    with pytest.raises(ValueError, match="one network"):
        layer_grid_figure(grid, STYLE)
    with pytest.raises(ValueError, match="expected 8 x 8 rows"):
        layer_grid_figure(grid[grid.network == "vgg_19_small"].iloc[1:], STYLE)
