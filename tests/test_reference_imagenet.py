"""The committed run of real networks: what it must show, and that its kept pictures give it."""

from pathlib import Path

import numpy as np
import pytest

import model_metamers as mm
from model_metamers.stimuli.labels import SIXTEEN_CATEGORIES
from model_metamers.store import NATURAL, RunFolder

FOLDER = Path(__file__).resolve().parents[1] / "figures" / "fig3_visual_imagenet"
NETWORK = "efficientnet_lite0"


@pytest.fixture(scope="module")
def run():
    return RunFolder(FOLDER, create=False)


@pytest.fixture(scope="module")
def matches(run):
    return run.read_table("matches")


@pytest.mark.artefact
def test_every_layer_has_a_metamer_of_every_category(run, matches):
    layers = run.read_run_record()["config"]["layers"]
    assert len(layers) == 3 and all(len(names) == 10 for names in layers.values())
    for _, rows in matches.groupby(["network", "layer"]):
        categories = [name.split("_")[0] for name in rows.stimulus_id]
        assert sorted(categories) == sorted(name.split("_")[0] for name in SIXTEEN_CATEGORIES)
    natural = run.read_table("recognition").query("layer == @NATURAL")
    assert (natural.proportion_correct == 1).all()


@pytest.mark.artefact
def test_metamers_match_and_others_recognise_them_less_with_depth(run, matches):
    by_layer = matches.groupby(["network", "layer"]).spearman_layer.median().unstack(0)
    assert (by_layer.drop(["head", "pool"]) > 0.92).all(axis=None)
    assert (by_layer > 0.8).all(axis=None)
    table = run.read_table("recognition").query("task == '16-way' and source == 'measured'")
    others = table[table.observer != table.generator]
    scores = others.groupby(["generator", "layer"]).proportion_correct.mean().unstack(0)
    assert (scores.loc["stem"] >= 0.9).all() and (scores.loc[["stage7", "head"]] < 0.2).all(
        axis=None
    )
    assert scores.loc["stage4"].between(0.2, 0.9).all()
    itself = table[table.observer == table.generator]
    assert (itself.proportion_correct >= 0.8).all()


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
