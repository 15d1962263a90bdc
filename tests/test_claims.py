"""The claims: measurements whose answer is known, their intervals, and the committed verdicts."""

import json
import os
import re
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from command_line import error_of, run

from model_metamers.analysis.claims import matching, resampling, transfer
from model_metamers.analysis.claims.finding import NotMeasured
from model_metamers.analysis.claims.roles import Role, with_roles
from model_metamers.analysis.claims.table import (
    COLUMNS,
    NOT_REPRODUCED,
    NOT_RUN,
    REPRODUCED,
    UNDECIDED,
    by_run,
    claims_table,
)
from model_metamers.networks.catalog import known_identities, network_name
from model_metamers.networks.identity import FULL, SMALL, NetworkIdentity
from model_metamers.store import MATCHES_COLUMNS, RECOGNITION_COLUMNS, RunFolder

FIGURES = Path(__file__).resolve().parents[1] / "figures"
RUNS = ["small", "imagenet", "imagenet_photographs", "commands"]
LAYERS = ["cochleagram", "pool_0", "conv_2", "logits"]
WORDS, SEED = transfer.WORDS, Role("word_reduced_aliasing", seed=1)
BACKGROUNDS, RANDOM = transfer.BACKGROUNDS, transfer.RANDOM
BOTH, ALIASED = transfer.WORDS_AND_BACKGROUNDS, transfer.ALIASED
WORDS_ABOVE, SEED_ABOVE = (replace(role, above="cochleagram") for role in (WORDS, SEED))


def recognition(scores, task="word", n=400, layers=("natural", *LAYERS)):
    """Return a recognition.csv table of (generator, observer) -> score per layer."""
    rows = [
        (observer, generator, layer, task, n, score, 0.01, "measured")
        for (generator, observer), curve in scores.items()
        for layer, score in zip(layers, curve, strict=True)
    ]
    return pd.DataFrame(rows, columns=RECOGNITION_COLUMNS)


def test_a_bootstrap_of_a_mean_has_its_standard_error():
    values = np.random.default_rng(0).normal(3, 2, 200)
    estimate = resampling.bootstrap(values, lambda x: x.mean(-1), 200, "stimuli")
    assert estimate.value == values.mean() and estimate.resampled == "200 stimuli"
    half_width = 1.96 * values.std() / np.sqrt(200)
    np.testing.assert_allclose(estimate.value - estimate.low, half_width, rtol=0.05)
    np.testing.assert_allclose(estimate.high - estimate.value, half_width, rtol=0.05)
    wider = resampling.bootstrap(values, lambda x: x.mean(-1), 200, "stimuli", level=0.999)
    assert wider.low < estimate.low and wider.high > estimate.high


def test_a_binomial_interval_is_that_of_independent_cells():
    p, n = np.array([0.2, 0.5, 0.9]), np.array([50, 100, 200])
    estimate = resampling.binomial(p, n, lambda x: x.mean(-1))
    standard_error = np.sqrt((p * (1 - p) / n).sum()) / 3
    assert estimate.value == pytest.approx(p.mean()) and estimate.n == 350
    np.testing.assert_allclose(estimate.high - estimate.low, 3.92 * standard_error, rtol=0.05)
    assert estimate == resampling.binomial(p, n, lambda x: x.mean(-1))


# Function, scores that show the claim, its value then, and scores that contradict it.
FALLING, FLAT = [1, 0.9, 0.6, 0.3, 0.1], [1, 0.9, 0.9, 0.9, 0.9]
TRANSFERS = [
    (
        transfer.seeds_transfer_better_than_tasks,
        {(SEED, WORDS): [1, 1, 0.9, 0.6, 0.3], (BACKGROUNDS, WORDS): [1, 1, 0.6, 0.3, 0.3]},
        (1.8 - 1.2) / 3,
        {(SEED, WORDS): FALLING, (BACKGROUNDS, WORDS): FLAT},
    ),
    (
        transfer.reduced_aliasing_helps,  # deep: conv_2, logits; second seeds do not count
        {
            (WORDS, ALIASED): [1, 0, 0, 0.6, 0.4], (WORDS, BOTH): [1, 0, 0, 0.8, 0.6],
            (WORDS, SEED): [1, 1, 1, 1, 1], (WORDS, WORDS): [1, 1, 1, 1, 1],
            (ALIASED, WORDS): [1, 1, 1, 0.2, 0.0], (ALIASED, SEED): [1, 1, 1, 1, 1],
        },
        0.6 - 0.1,
        {(WORDS, ALIASED): FALLING, (ALIASED, WORDS): FLAT},
    ),
    (
        transfer.untrained_is_not_recognised,
        {(RANDOM, WORDS): [0.8, 1, 0.4, 0.1, 0.1]},
        0.2 / 0.8,
        {(RANDOM, WORDS): FLAT},
    ),
    (
        transfer.backgrounds_drop_earlier,  # half of 1 between conv_2 and logits; at pool_0
        {(SEED, WORDS): [1, 1, 1, 0.7, 0.3], (BACKGROUNDS, WORDS): [1, 0.7, 0.3, 0.1, 0.1]},
        3.5 - 1.5,
        {(SEED, WORDS): FALLING, (BACKGROUNDS, WORDS): FLAT},
    ),
    (
        transfer.both_tasks_are_close_to_words,
        {
            (SEED, WORDS): [1, 1, 0.9, 0.9, 0.6], (BOTH, WORDS): [1, 1, 0.9, 0.7, 0.5],
            (BACKGROUNDS, WORDS): [1, 1, 0.4, 0.1, 0.1],
        },
        0.7 - 0.5,
        {(SEED, WORDS): FLAT, (BOTH, WORDS): FALLING, (BACKGROUNDS, WORDS): FALLING},
    ),
    (
        transfer.cochleagrams_transfer_less,
        {
            (WORDS, SEED): [1, 1, 0.9, 0.6, 0.3],
            (WORDS_ABOVE, SEED_ABOVE): [1, 1, 0.6, 0.3, 0.0],
        },
        0.3,
        {
            (WORDS, SEED): FALLING,
            (WORDS_ABOVE, SEED_ABOVE): FLAT,
        },
    ),
]  # fmt: skip


@pytest.mark.parametrize("measure, shown, value, contradicted", TRANSFERS)
def test_a_claim_about_transfer_follows_from_the_scores(measure, shown, value, contradicted):
    finding = measure(recognition(shown))
    assert finding.estimate.value == pytest.approx(value)
    assert finding.estimate.low < value < finding.estimate.high
    assert finding.holds and finding.inclined
    against = measure(recognition(contradicted))
    assert not against.holds and not against.inclined
    few = measure(recognition(shown, n=1))
    assert few.inclined and not few.holds  # one answer per cell decides nothing


@pytest.mark.parametrize("measure, shown", [row[:2] for row in TRANSFERS])
def test_a_claim_without_its_networks_is_not_measured(measure, shown):
    for left_out in {generator for generator, _ in shown}:
        rest = {key: scores for key, scores in shown.items() if key[0] != left_out}
        with pytest.raises(NotMeasured, match="no recognition of"):
            measure(recognition(rest))


def test_recognition_that_falls_in_one_network_and_is_flat_in_another():
    scores = {
        (WORDS, ALIASED): [1, 0.9, 0.6, 0.3, 0.0], (ALIASED, WORDS): [1, 0.8, 0.8, 0.8, 0.8],
        (WORDS, WORDS): [1] * 5, (WORDS, SEED): [1] * 5, (RANDOM, WORDS): FALLING,
    }  # fmt: skip
    finding = transfer.falls_with_depth(recognition(scores), "word")
    # -0.9 and 0; the network itself, second seeds and the untrained do not count.
    assert finding.estimate.value == pytest.approx(-0.45) and finding.holds
    assert finding.estimate.low < -0.45 < finding.estimate.high
    assert finding.estimate.n == 8 * 400
    rising = transfer.falls_with_depth(recognition({(WORDS, ALIASED): FLAT[::-1]}), "word")
    assert rising.estimate.value > 0 and not rising.holds
    with pytest.raises(NotMeasured):
        transfer.falls_with_depth(recognition({(RANDOM, WORDS): FALLING}), "word")


def without_metamers(table, generator, layer):
    """Return a table in which a layer has no accepted metamers."""
    lost = (table.generator == generator) & (table.layer == layer)
    return table.assign(
        n=table.n.mask(lost, 0), proportion_correct=table.proportion_correct.mask(lost)
    )


@pytest.mark.parametrize("lost", ["cochleagram", "pool_0", "logits"])
def test_a_layer_without_metamers_keeps_its_place_in_a_curve(lost):
    curves = {(WORDS, ALIASED): [1, 0.9, 0.6, 0.3, 0.0], (WORDS, SEED): [1] * 5}
    table = recognition(curves)
    finding = transfer.falls_with_depth(without_metamers(table, WORDS, lost), "word")
    assert finding.estimate.value == pytest.approx(-0.9)  # the same straight line
    drops = {(SEED, WORDS): [1, 0.9, 0.8, 0.6, 0.2], (BACKGROUNDS, WORDS): [1, 0.9, 0.8, 0.6, 0.2]}
    fewer = without_metamers(recognition(drops), BACKGROUNDS, "pool_0")
    assert transfer.backgrounds_drop_earlier(fewer).estimate.value == pytest.approx(0)


def test_late_layers_are_late_whether_they_have_metamers_or_not():
    layers, vgg = ("natural", "conv1_2", "conv5_4", "fc7", "fc8"), Role("vgg_19")
    scores = {(vgg, vgg): [1] * 5, (vgg, replace(vgg, seed=1)): [1, 1, 0.25, 0.25, 0.25]}
    table = recognition(scores, "16-way", layers=layers)
    fewer = without_metamers(table, vgg, "fc8")
    whole, part = (transfer.second_seed_does_not_transfer(each, vgg) for each in (table, fewer))
    assert part.estimate.value == whole.estimate.value


def test_networks_are_compared_at_layers_of_which_both_have_metamers():
    scores = {(SEED, WORDS): [1, 1, 0.9, 0.6, 0.3], (BACKGROUNDS, WORDS): [1, 1, 0.6, 0.3, 0.3]}
    table = without_metamers(recognition(scores), BACKGROUNDS, "logits")
    finding = transfer.seeds_transfer_better_than_tasks(table)
    assert finding.estimate.value == pytest.approx(0.3)
    apart = without_metamers(without_metamers(table, SEED, "pool_0"), BACKGROUNDS, "conv_2")
    with pytest.raises(NotMeasured, match="no same layer"):
        transfer.seeds_transfer_better_than_tasks(apart)


def test_second_seeds_generators_do_not_count():
    scores = {(WORDS, ALIASED): [1, 0.9, 0.6, 0.3, 0.0], (SEED, ALIASED): [1, 1, 1, 1, 1]}
    finding = transfer.falls_with_depth(recognition(scores), "word")
    assert finding.estimate.value == pytest.approx(-0.9)
    n_above = np.full((6, 6), 9)
    table = grid(n_above)
    seeded = table.assign(network=Role("a", seed=1), n_above_null_maximum=0)
    for measure in (matching.after_their_layer, matching.late_ones_at_early_layers):
        assert measure(pd.concat([table, seeded])) == measure(table)
        with pytest.raises(NotMeasured, match="first seeds"):
            measure(seeded)


def test_a_second_seed_is_compared_at_the_last_three_layers_above_chance():
    layers = ("natural", "conv1_2", "conv5_4", "fc7", "fc8")
    chance = 1 / 16
    scores = {
        (Role("vgg_19"), Role("vgg_19")): [1, 1, 1, 1, 1],
        (Role("vgg_19"), Role("vgg_19", seed=1)): [1, 1, 0.25, 0.25, 0.25],
    }
    table = recognition(scores, "16-way", layers=layers)
    finding = transfer.second_seed_does_not_transfer(table, Role("vgg_19"))
    assert finding.estimate.value == pytest.approx((0.25 - chance) / (1 - chance))
    assert finding.holds
    with pytest.raises(NotMeasured):
        transfer.second_seed_does_not_transfer(table, Role("inception_v3"))


def matches(rows):
    """Return a matches.csv table of (network, layer, stimulus, rho, accepted)."""
    columns = ["network", "layer", "stimulus_id", "spearman_layer", "accepted"]
    given = pd.DataFrame(rows, columns=columns)
    blank = dict.fromkeys(MATCHES_COLUMNS, 0) | {"null_max": 0.5}
    return pd.DataFrame(blank, index=given.index).assign(**given)


def test_a_metamer_without_a_correlation_does_not_match():
    a = Role("a")
    rows = [(a, "conv_0", "yes", 0.9, True), (a, "conv_0", "no", 0.8, True),
            (a, "logits", "yes", 0.4, True), (a, "logits", "no", np.nan, False)]  # fmt: skip
    finding = matching.at_their_layer(matches(rows))
    assert finding.estimate.value == 0.5 and finding.estimate.n == 4
    # Layers are drawn, each with its metamers: those of both match, those of one do, or none.
    assert (finding.estimate.low, finding.estimate.high) == (0, 1)
    assert finding.estimate.resampled == "2 layers"
    assert not finding.holds and "a logits: 0.00" in finding.detail


def test_metamers_of_a_second_seed_do_not_count_at_their_layer():
    """Which experiments have added them to a run must not change a claim's verdict."""
    own = [(Role("a"), f"conv_{k}", "yes", 0.9 if k else 0.1, True) for k in range(4)]
    added = [(Role("a", seed=1), *row[1:3], 0.9, True) for row in own]
    assert matching.at_their_layer(matches(own + added)) == matching.at_their_layer(matches(own))
    with pytest.raises(NotMeasured):
        matching.at_their_layer(matches(added))


def grid(n_above):
    """Return a layer grid of one network from n_above [generated, measured] of 10."""
    names = [f"layer{k}" for k in range(len(n_above))]
    rows = [
        (Role("a"), names[i], names[j], 10, n_above[i][j])
        for i in range(len(names))
        for j in range(len(names))
    ]
    columns = ["network", "generated_layer", "measured_layer", "n", "n_above_null_maximum"]
    return pd.DataFrame(rows, columns=columns)


def test_where_metamers_match_is_counted_in_the_right_cells():
    n_above = np.full((6, 6), 5)
    n_above[np.triu_indices(6, 1)] = 10
    n_above[3:, :3] = 0  # of the three late layers at the early half
    table = grid(n_above)
    assert matching.after_their_layer(table).estimate.value == 1
    early = matching.late_ones_at_early_layers(table)
    assert early.estimate.value == 0 and early.estimate.n == 90 and early.holds
    near = matching.late_ones_at_any_earlier_layer(table)
    assert near.estimate.value == pytest.approx(3 * 5 / (12 * 10)) and not near.holds
    assert "10 of 15 matches are one layer before" in near.detail
    n_above[0, 5] = 0
    less = matching.after_their_layer(grid(n_above))
    assert less.estimate.value == pytest.approx(14 / 15) and not less.holds
    assert "a layer0 at layer5: 0 of 10" in less.detail


def fidelity(modified, true):
    """Return a fidelity.csv table of layer -> correlations [n]."""
    rows = [
        ("a", layer, f"s{k}", gradient, value)
        for gradient, table in (("modified", modified), ("true", true))
        for layer, values in table.items()
        for k, value in enumerate(values)
    ]
    columns = ["network", "layer", "stimulus_id", "gradient", "spearman_layer"]
    return pd.DataFrame(rows, columns=columns)


def test_the_gradients_are_compared_stimulus_by_stimulus():
    spread = np.linspace(0.3, 0.9, 20)  # far more than the difference
    modified = {"conv_0": spread, "conv_1": spread + 0.02, "conv_2": spread - 0.005}
    table = fidelity(modified, dict.fromkeys(modified, spread))
    helps = matching.modified_gradient_helps(table)
    assert helps.estimate.value == pytest.approx(0.02) and helps.holds
    assert helps.statistic.endswith("a conv_1")
    harm = matching.modified_gradient_does_no_harm(table)
    assert harm.estimate.value == pytest.approx(-0.005) and harm.holds
    assert harm.statistic.endswith("a conv_2")
    modified["conv_2"] = spread - 0.03
    worse = fidelity(modified, dict.fromkeys(modified, spread))
    assert not matching.modified_gradient_does_no_harm(worse).holds
    # A silent layer does not match at all: a gradient must not gain from its failures.
    silent = fidelity({"conv_0": spread}, {"conv_0": np.full(20, np.nan)})
    assert matching.modified_gradient_helps(silent).estimate.value == np.median(spread)
    with pytest.raises(NotMeasured):
        matching.modified_gradient_helps(silent[silent.gradient == "true"])


@pytest.mark.parametrize("scale", [FULL, SMALL])
def test_small_and_full_size_networks_are_the_same_claim(scale):
    measure, shown, value, contradicted = TRANSFERS[0]
    assert measure is transfer.seeds_transfer_better_than_tasks

    def judged(scores, n=400):
        named = {
            tuple(network_name(role.base, scale, role.seed) for role in roles): curve
            for roles, curve in scores.items()
        }
        source = ("fig6_audio_transfer", "recognition")
        scales = {"fig6_audio_transfer": "here"}
        table = claims_table({source: recognition(named, n=n)}, scales, known_identities())
        return table.set_index("claim")

    rows = judged(shown)
    assert rows.loc[6, "value"] == pytest.approx(value) and rows.loc[6, "n"] == 6 * 400
    assert rows.loc[6, "verdict"] == REPRODUCED and rows.loc[6, "scale"] == "here"
    assert rows.loc[8, "verdict"] == NOT_RUN and "random" in rows.loc[8, "reason"]
    rows = judged(contradicted)
    assert rows.loc[6, "verdict"] == NOT_REPRODUCED and "perhaps" in rows.loc[6, "reason"]
    assert rows.loc[6, "criterion"] == "above 0"
    rows = judged(shown, n=1)
    assert rows.loc[6, "verdict"] == UNDECIDED and "the interval is not" in rows.loc[6, "reason"]


def test_people_of_the_users_own_are_no_network():
    names = {"word_aliased_small": 0.2, "word_reduced_aliasing_small": 0.3}
    scores = {(name, other): [1, 0.9, 0.6, 0.3, last]
              for name, last in names.items() for other in names}  # fmt: skip
    answers = recognition(scores)
    people = answers.assign(observer="human (yours)", proportion_correct=0.0)
    without, with_people = (
        claims_table(
            {("fig4_audio", "recognition"): table}, {"fig4_audio": ""}, known_identities()
        )
        for table in (answers, pd.concat([people, answers]))
    )
    assert (without.verdict == REPRODUCED).any()
    pd.testing.assert_frame_equal(with_people, without)


def test_a_role_is_what_a_network_is_and_not_what_it_is_called():
    mine = NetworkIdentity("mine", "word_reduced_aliasing", "reduced_aliasing", "Mine", SMALL, 1)
    known = {"mine": mine, "mine above": replace(mine, above="cochleagram")}
    table = with_roles(pd.DataFrame({"observer": ["mine", "mine above", "nobody"]}), known)
    assert list(table.observer) == [SEED, SEED_ABOVE, Role("nobody")]
    assert str(SEED_ABOVE) == "word_reduced_aliasing, seed 1, above cochleagram"


def test_real_networks_are_judged_where_their_tables_are():
    sizes = ("efficientnet_lite0", "efficientnet_lite1", "efficientnet_lite2")
    layers = ("natural", "stem", "stage4", "head", "pool", "logits")
    scores = {
        (maker, observer): [1, 1, 1, 1, 1, 1] if maker == observer else [1, 1, 0.5, 0.2, 0.1, 0.1]
        for maker in sizes
        for observer in sizes
    }
    table = recognition(scores, "16-way", layers=layers)
    source = ("fig3_visual_imagenet", "recognition")
    rows = claims_table({source: table}, {source[0]: "here"}, known_identities())
    real = rows[rows.run == "imagenet"]
    assert set(rows.verdict[rows.run != "imagenet"]) == {NOT_RUN}
    real = real[real.verdict != NOT_RUN]
    assert list(real.claim) == [4, 5, 5, 5]
    assert set(real.verdict) == {REPRODUCED} and set(real.scale) == {"here"}
    assert all("other sizes in place of a second seed" in part for part in real.part[1:])
    ratio = (0.4 / 3 - 1 / 16) / (1 - 1 / 16)
    np.testing.assert_allclose(real.value[1:], ratio)
    assert (real.ci_low[1:] < ratio).all() and (ratio < real.ci_high[1:]).all()
    table = by_run(rows)
    assert list(table.columns) == ["claim", "part", *RUNS] and table.claim.is_monotonic_increasing
    assert len(table) == len(rows.drop_duplicates(["claim", "part"]))
    told = table.imagenet[table.claim == 5].tolist()[-1]
    assert re.fullmatch(rf"reproduced: {ratio:.3f} \(0\.\d+ to 0\.\d+\)", told)


def test_without_tables_all_eleven_claims_are_not_run():
    rows = claims_table({}, {}, {})
    assert set(rows.claim) == set(range(1, 12)) and list(dict.fromkeys(rows.run)) == RUNS
    assert set(rows.verdict) == {NOT_RUN} and rows.reason.str.contains("there is no").all()


@pytest.fixture(scope="module")
def committed():
    return pd.read_csv(FIGURES / "claims.csv", keep_default_na=False, na_values={"value": ""})


def test_the_committed_claims_are_those_of_the_committed_tables(committed, tmp_path):
    """Without TensorFlow. Tolerance: NumPy's generators may draw otherwise in another version."""
    blocked = tmp_path / "blocked" / "tensorflow"
    blocked.mkdir(parents=True)
    (blocked / "__init__.py").write_text("raise ImportError('the claims took TensorFlow')")
    environment = os.environ | {"PYTHONPATH": f"{blocked.parent}:{FIGURES.parent}"}
    output = tmp_path / "claims.csv"
    result = run("claims", f"--output={output}", env=environment, cwd=FIGURES.parent)
    assert result.returncode == 0, result.stderr
    made = pd.read_csv(output, keep_default_na=False, na_values={"value": ""})
    assert list(made.columns) == list(committed.columns) == COLUMNS
    intervals = ["ci_low", "ci_high"]
    pd.testing.assert_frame_equal(
        made.drop(columns=intervals), committed.drop(columns=intervals), atol=1.1e-4
    )
    for column in intervals:
        both = [pd.to_numeric(table[column]) for table in (made, committed)]
        pd.testing.assert_series_equal(*both, atol=0.02)


@pytest.mark.artefact
def test_committed_numbers_are_those_of_the_figures(committed):
    rows = committed[committed.run == "small"].set_index(["claim", "part"])
    visual = RunFolder(FIGURES / "fig3_visual", create=False).read_table("matches")
    row = rows.loc[(1, "images, at the layer")]
    expected = (visual.spearman_layer > visual.null_max).mean()
    assert row.value == pytest.approx(expected, abs=1e-4)
    assert (
        int(row.n) == len(visual) and row.scale == "small preset, 32 stimuli, 200 steps (fc7 400)"
    )
    of_sounds = rows.loc[(4, "sounds"), "scale"]
    assert "40 stimuli, 200 steps (conv_2 400, conv_3 450, conv_4 600, " in of_sounds
    assert of_sounds.endswith("word_audioset_reduced_aliasing_small/conv_2 3000)")
    seen = RunFolder(FIGURES / "fig5_visual_transfer", create=False).read_table("recognition")
    scores = seen[seen.task == "16-way"].set_index(["generator", "observer", "layer"]).sort_index()
    late = ["block4", "global_pool", "logits"]
    own, other = (
        scores.loc[("resnet_v2_101_small", f"resnet_v2_101_small{seed}")].loc[late]
        for seed in ("", "_seed1")
    )
    ratio = (other.proportion_correct.mean() - 1 / 16) / (own.proportion_correct.mean() - 1 / 16)
    assert rows.loc[(5, "resnet_v2_101")].value == pytest.approx(ratio, abs=1e-4)


@pytest.mark.artefact
def test_every_verdict_has_what_it_needs(committed):
    measured = committed[committed.verdict != NOT_RUN]
    assert set(committed.verdict) <= {REPRODUCED, NOT_REPRODUCED, UNDECIDED, NOT_RUN}
    assert measured.value.notna().all() and (measured.scale != "").all()
    assert (committed.reason[committed.verdict != REPRODUCED] != "").all()
    assert (committed.reason[committed.verdict == REPRODUCED] == "").all()


def test_a_folder_without_tables_or_without_a_record_is_told_in_one_line(tmp_path):
    folder, output = tmp_path / "folder", tmp_path / "claims.csv"
    flags = [f"--fig3_visual_dir={folder}", f"--output={output}"]
    folder.mkdir()
    assert "it is no folder of fig3_visual;" in error_of(run("claims", *flags, cwd=tmp_path))
    for table in ("matches", "recognition"):
        shutil.copy(FIGURES / "fig3_visual" / f"{table}.csv", folder)
    assert "run.json" in error_of(run("claims", *flags, cwd=tmp_path))
    record = json.loads((FIGURES / "fig3_visual" / "run.json").read_text())
    record["config"]["layer_iterations"] = ["conv2_2:100"]
    (folder / "run.json").write_text(json.dumps(record))
    assert "does not tell" in error_of(run("claims", *flags, cwd=tmp_path))
    assert not output.exists()
