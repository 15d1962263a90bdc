"""Suspicions of why claims fail: measurements whose answer is known, and the whole script."""

import json

import numpy as np
import pandas as pd
import pytest
from command_line import error_of, run
from human_runs import write_run

from model_metamers.analysis.claims import suspicions, transfer
from model_metamers.analysis.claims.finding import NotMeasured
from model_metamers.analysis.claims.roles import Role, with_roles
from model_metamers.analysis.claims.table import CLAIMS
from model_metamers.networks.catalog import known_identities
from model_metamers.store import RECOGNITION_COLUMNS, RunFolder
from model_metamers.store.records import LAYER_GRID_DTYPES

LAYERS = [f"layer_{n}" for n in range(8)]
IMAGE_NETWORKS = ("vgg_19_small", "inception_v3_small", "resnet_v2_101_small")
RECORD = {
    "config": {"preset": "small", "num_stimuli": 3, "synthesis": {"iterations": 9}},
    "checkpoint_sha256": {},
}
WORDS = ("yes", "no", "one")
SOUND_NETWORKS = ("random_reduced_aliasing_small", "audioset_reduced_aliasing_small")


def grid(matching_up_to, null_maximum=0.5):
    """Return a layer grid in which metamers match up to so many layers before their own."""
    rows = []
    for g, generated in enumerate(LAYERS):
        for m, measured in enumerate(LAYERS):
            hits = 20 if g - m <= matching_up_to else 0
            rows.append(
                {"network": Role("vgg_19"), "generated_layer": generated,
                 "measured_layer": measured, "n": 20, "n_above_null_maximum": hits,
                 "null_maximum": null_maximum}
            )  # fmt: skip
    return pd.DataFrame(rows)


def similarity(networks, own):
    """Return a table in which every network's metamers keep `own[network]`, and a little noise."""
    noise = np.random.default_rng(0)
    rows = [
        (network, layer, f"s{n}", own[network] + 0.01 * noise.standard_normal(), 0.1)
        for network in networks
        for layer in LAYERS
        for n in range(12)
    ]
    return pd.DataFrame(rows, columns=["network", "layer", "stimulus_id", "own", "others"])


@pytest.mark.parametrize(("reach", "holds"), [(1, True), (2, True), (4, False)])
def test_neighbours_explain_matches_that_end_nearby(reach, holds):
    finding = suspicions.do_not_match_far_before(grid(reach))
    assert finding.holds == holds
    assert (finding.estimate.value == 0) == holds


def test_saturated_nulls_are_left_out():
    matches = pd.DataFrame(
        {"network": Role("vgg_19"), "layer": ["a"] * 30 + ["b"] * 30,
         "stimulus_id": [f"s{n}" for n in range(30)] * 2,
         "spearman_layer": 0.97, "null_max": [0.5] * 30 + [0.995] * 30}
    )  # fmt: skip
    finding = suspicions.match_where_the_null_leaves_room(matches)
    assert finding.estimate.value == 1 and finding.estimate.n == 30 and finding.holds
    worse = matches.assign(spearman_layer=0.4)
    assert suspicions.match_where_the_null_leaves_room(worse).estimate.value == 0


def test_later_layers_without_room_are_left_out():
    cells = grid(0)
    blind = cells.measured_layer == LAYERS[-1]
    cells.loc[blind, ["n_above_null_maximum", "null_maximum"]] = 0, 1.0
    finding = suspicions.match_later_where_the_null_leaves_room(cells)
    assert finding.estimate.value == 1
    everywhere = cells.assign(null_maximum=0.5)
    assert suspicions.match_later_where_the_null_leaves_room(everywhere).estimate.value < 1


def seed_without_noise(score):
    """Return a recognition.csv of Figure 5: what VGG's second seed recognises of late layers."""
    rows = [
        (f"vgg_19_small{seed}", "vgg_19_small", layer, "16-way", 400, of_seed, 0.01, "measured")
        for seed, of_seed in (("", 1.0), ("_seed1", score))
        for layer in ["natural", *LAYERS]
    ]
    return pd.DataFrame(rows, columns=RECOGNITION_COLUMNS)


@pytest.mark.parametrize(("score", "holds"), [(0.1, True), (0.9, False)])
def test_a_second_seed_without_noise_is_judged_as_any(score, holds):
    table = with_roles(seed_without_noise(score), known_identities())
    finding = suspicions.a_second_seed_without_noise_fails(table)
    assert finding.holds == holds
    assert abs(finding.estimate.value - (score - 1 / 16) / (15 / 16)) < 1e-3
    assert finding.statistic.endswith("second seed trained without noise")


@pytest.mark.parametrize(("vgg", "holds"), [(0.8, True), (0.6, False), (0.4, False)])
def test_vgg_is_compared_with_the_mean_of_the_others(vgg, holds):
    networks = (Role("vgg_19"), Role("inception_v3"), Role("resnet_v2_101"))
    own = dict(zip(networks, (vgg, 0.5, 0.7), strict=True))
    finding = suspicions.vgg_keeps_a_coarse_form(similarity(networks, own))
    assert abs(finding.estimate.value - (vgg - 0.6)) < 0.01
    assert finding.holds == holds


def test_a_suspicion_needs_metamers_of_the_same_stimuli():
    networks = [Role(name.removesuffix("_small")) for name in SOUND_NETWORKS]
    table = similarity(networks, dict.fromkeys(networks, 0.5))
    apart = table.assign(
        stimulus_id=np.where(table.network == networks[0], "other", table.stimulus_id)
    )
    with pytest.raises(NotMeasured, match="same stimuli"):
        suspicions.untrained_keeps_a_coarse_spectrogram(apart)


def test_deep_layers_are_deep_whether_they_have_metamers_or_not():
    """Compared are metamers of the same word and layer, from the same layer on."""
    networks = transfer.RANDOM, transfer.BACKGROUNDS
    layers = ["pool_1", "conv_2", "conv_3", "conv_4", "fc_intermediate", "logits"]
    table = pd.DataFrame(
        [
            (network, layer, f"s{n}", 0.9 if layer == "pool_1" else 0.5 - 0.1 * (k == 1), 0.0)
            for k, network in enumerate(networks)
            for layer in layers
            for n in range(3)
        ],
        columns=["network", "layer", "stimulus_id", "own", "others"],
    )
    lost = (table.network == networks[1]) & (table.layer == "logits")
    table.loc[lost, ["own", "others"]] = np.nan
    finding = suspicions.untrained_keeps_a_coarse_spectrogram(table)
    assert abs(finding.estimate.value - 0.1) < 1e-9


def cochleagram_transfer(seed_of_waveforms, seed_of_cochleagrams):
    """Return a recognition.csv of Figure S9: what the second seed recognises, by layer."""
    name = "word_reduced_aliasing_small"
    scores = {"": seed_of_waveforms, ".above_cochleagram": seed_of_cochleagrams}
    rows = [
        (f"{name}{seed}{above}", f"{name}{above}", layer, "word", 400, score, 0.01, "measured")
        for above, of_seed in scores.items()
        for seed in ("", "_seed1")
        for layer, score in zip(["natural", *LAYERS], [1.0, *of_seed], strict=True)
    ]
    return pd.DataFrame(rows, columns=RECOGNITION_COLUMNS)


@pytest.mark.parametrize(("late", "holds"), [(0.6, True), (0.9, False)])
def test_only_late_cochleagrams_have_room(late, holds):
    recognition = cochleagram_transfer([0.9] * 8, [1.0] * 5 + [late] * 3)
    table = with_roles(recognition, known_identities())
    finding = suspicions.late_cochleagrams_transfer_less(table)
    assert finding.holds == holds and abs(finding.estimate.value - (0.9 - late)) < 1e-6
    assert finding.statistic.endswith("last 3 layers")


def test_every_test_is_of_a_claim_with_a_reason():
    claims = {(claim.number, claim.part): claim.suspected for claim in CLAIMS}
    places = [(test.claim, test.part) for test in suspicions.TESTS if not test.suspicion]
    assert len(set(places)) == len(places)
    assert all(claims[place] for place in places)


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """The folders that the script reads; metamers are half their natural stimulus."""
    place = tmp_path_factory.mktemp("runs")
    noise = np.random.default_rng(0)
    runs = {
        "fig3_visual": (IMAGE_NETWORKS, 0.5 * noise.random((3, 16, 16, 3)), None),
        "fig4_audio": (SOUND_NETWORKS, 0.05 * noise.standard_normal((3, 20_000)), 20_000),
    }
    for name, (networks, stimuli, rate_hz) in runs.items():
        made = write_run(place / name, WORDS, bool(rate_hz), networks=networks)
        ids = [f"{word}_{number}" for number, word in enumerate(WORDS)]
        for network in networks:
            for layer, share in (("natural", 1.0), ("first", 0.5), ("last", 0.5)):
                made.save_previews(network, layer, ids, share * stimuli, rate_hz)
        grid_name = "figs1_s8_layer_grids" + ("_audio" if rate_hz else "")
        cells = grid(1).assign(network=networks[0]).reindex(columns=list(LAYER_GRID_DTYPES))
        RunFolder(place / grid_name).write_table("layer_grid", cells.fillna({"null_n_pairs": 1}))
    heard = RunFolder(place / "figs9_cochleagram_metamers")
    heard.write_table("recognition", cochleagram_transfer([0.9] * 8, [0.5] * 8))
    seen = RunFolder(place / suspicions.WITHOUT_NOISE)
    seen.write_table("recognition", seed_without_noise(0.1))
    for folder in place.iterdir():
        (folder / "run.json").write_text(json.dumps(RECORD))
    return place


def flags_for(place):
    return [f"--{folder.name}_dir={folder}" for folder in place.iterdir()]


def test_the_script_tests_all_suspicions_and_claims_tell_the_verdicts(folders, tmp_path):
    done = run("suspicions", *flags_for(folders), f"--output_dir={tmp_path}")
    assert done.returncode == 0, done.stderr
    verdicts = pd.read_csv(tmp_path / "suspicions.csv", keep_default_na=False)
    assert list(verdicts.columns) == suspicions.COLUMNS
    assert len(verdicts) == len(suspicions.TESTS)
    images = pd.read_csv(tmp_path / "similarity_images.csv")
    assert len(images) == 3 * 2 * 3 and (images.own > 0.99).all() and (images.others < 0.9).all()
    sounds = pd.read_csv(tmp_path / "similarity_sounds.csv")
    assert len(sounds) == 2 * 2 * 3 and (sounds.own > 0.9).all()

    claims = tmp_path / "claims.csv"
    grids = folders / "figs1_s8_layer_grids"
    done = run(
        "claims", f"--figs1_s8_layer_grids_dir={grids}", f"--output={claims}",
        f"--suspicions={tmp_path / 'suspicions.csv'}",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    table = pd.read_csv(claims).set_index(["run", "claim", "part"])
    reason = table.loc["small", 2, "images, all earlier layers"].reason
    assert reason.endswith("(tested: supported)")
    vgg = verdicts.query("claim == 5")
    assert len(vgg) == 2 and vgg.suspicion.nunique() == 2


@pytest.mark.parametrize(
    ("content", "told"),
    [("", "is no table of suspicions.py"), ("a,b\n1,2\n", "is no table of suspicions.py")],
)
def test_claims_refuse_another_table(content, told, tmp_path):
    (tmp_path / "other.csv").write_text(content)
    assert told in error_of(run("claims", f"--suspicions={tmp_path / 'other.csv'}"))


def test_missing_folders_are_told(tmp_path):
    done = run("suspicions", f"--fig3_visual_dir={tmp_path / 'none'}")
    assert "none is not there; name a folder that is" in error_of(done)
