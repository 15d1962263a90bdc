"""The committed runs of real networks: what they must show, and that kept pictures give it."""

from pathlib import Path

import numpy as np
import pytest

import model_metamers as mm
from model_metamers.stimuli.labels import SIXTEEN_CATEGORIES
from model_metamers.store import NATURAL, RunFolder

FIGURES = Path(__file__).resolve().parents[1] / "figures"
NETWORK = "efficientnet_lite0"


@pytest.fixture(scope="module")
def run():
    return RunFolder(FIGURES / "fig3_visual_imagenet", create=False)


@pytest.fixture(scope="module")
def matches(run):
    return run.read_table("matches")


def measured(run):
    return run.read_table("recognition").query("task == '16-way' and source == 'measured'")


def scores_of_others(run):
    """Return the mean 16-way recognition by the other networks, layers by generators."""
    others = measured(run).query("observer != generator")
    return others.groupby(["generator", "layer"]).proportion_correct.mean().unstack(0)


@pytest.mark.artefact
def test_every_layer_has_metamers_of_every_category(run, matches):
    layers = run.read_run_record()["config"]["layers"]
    assert len(layers) == 3 and all(len(names) == 10 for names in layers.values())
    for _, rows in matches.groupby(["network", "layer"]):
        categories = [name.split("_")[0] for name in rows.stimulus_id]
        assert sorted(categories) == sorted(name.split("_")[0] for name in SIXTEEN_CATEGORIES * 2)
    natural = run.read_table("recognition").query("layer == @NATURAL")
    assert (natural.proportion_correct == 1).all()


@pytest.mark.artefact
def test_metamers_match_and_others_recognise_them_less_with_depth(run, matches):
    by_layer = matches.groupby(["network", "layer"]).spearman_layer.median().unstack(0)
    assert (by_layer.drop(["head", "pool"]) >= 0.97).all(axis=None)
    assert (by_layer.loc[["head", "pool"]] >= 0.9).all(axis=None)
    assert (matches.spearman_layer > matches.null_max).all()
    accepted = matches.groupby(["layer", "network"]).accepted.mean().unstack()
    assert (accepted.loc[["stem", "stage6", "stage7", "head", "pool"]] > 0.95).all(axis=None)
    assert (accepted >= 0.75).all(axis=None)
    scores = scores_of_others(run)
    assert (scores.loc[["stem", "stage2"]] >= 0.9).all(axis=None)
    assert scores.loc[["stage3", "stage4", "stage5"]].stack().between(0.4, 0.9).all()
    assert (scores.loc[["head", "pool", "logits"]] < 0.2).all(axis=None)
    assert (scores.loc["stage7"] < 0.3).all()
    itself = measured(run).query("observer == generator")
    assert (itself.proportion_correct > 0.9).all()


@pytest.mark.artefact
def test_photographs_show_it_as_renders_do():
    run = RunFolder(FIGURES / "fig3_visual_imagenet_photographs", create=False)
    matches = run.read_table("matches")
    for _, rows in matches.groupby(["network", "layer"]):
        categories = [name.rpartition("_")[0] for name in rows.stimulus_id]
        assert sorted(categories) == sorted([*SIXTEEN_CATEGORIES] * 4)
    median = matches.groupby(["layer", "network"]).spearman_layer.median().unstack()
    assert (median.drop(["head", "pool"]) >= 0.97).all(axis=None)
    assert (median.loc["head"] >= 0.9).all() and (median.loc["pool"] > 0.87).all()
    assert (matches.groupby(["network", "layer"]).accepted.mean() > 0.85).all()
    assert matches.accepted.mean() > 0.95
    scores = scores_of_others(run)
    assert (scores.loc[["natural", "stem"]] > 0.97).all(axis=None)
    assert scores.loc[["stage3", "stage4", "stage5"]].gt(0.4).all(axis=None)
    assert (scores.loc["stage7"] < 0.2).all()
    assert (scores.loc[["head", "pool", "logits"]] < 0.15).all(axis=None)


@pytest.mark.slow
@pytest.mark.parametrize("layer", ["stage2", "logits"])
def test_the_kept_pictures_give_the_tables_numbers(layer, run, matches, shipped):
    network = shipped(NETWORK)
    rows = matches[(matches.network == NETWORK) & (matches.layer == layer)]
    name = min(rows.stimulus_id)
    natural, metamer = (
        network.activations(run.load_previews(NETWORK, shown, [name]), [layer])[layer]
        for shown in (NATURAL, layer)
    )
    expected = rows.set_index("stimulus_id").spearman_layer[name]
    np.testing.assert_allclose(mm.spearman(metamer, natural), expected, atol=2e-3)
