"""Responses and what is made of them, against SciPy, textbook formulas and known participants."""

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from human_runs import complete_design, layers_of, right_answers
from scipy import optimize, stats

from model_metamers.human import statistics
from model_metamers.human.responses import parse, read_folder, text_of
from model_metamers.human.simulated import Psychometric, simulate

DESIGN = complete_design(n_participants=4)


def file_of(design, participant):
    return text_of(right_answers(design, participant), design.experiment)


def test_a_response_file_comes_back_as_it_was_written():
    given = [
        replace(r, response_ms=812.5, stimulus_ms=200.1, frame_ms=16.7, presentations=2)
        for r in right_answers(DESIGN, 3)
    ]
    assert parse(text_of(given, DESIGN.experiment), DESIGN) == given


def test_the_check_is_the_one_the_page_computes():
    """The row and its check are from records.js."""
    from model_metamers.human.responses import check_of

    assert check_of("d15c8eb4f4f1,3,2,practice,00001.png,boat,642.5,200.0,16.8,1") == "92567a48"


OTHER = complete_design(n_participants=4, n_layers=2)


def edited(old, new, count=1):
    return lambda text: text.replace(old, new, count)


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lambda text: file_of(OTHER, 2), "it is of another experiment"),
        (edited(",test,", ",catch,"), "was changed after it was written"),
        (edited("airplane", "boat"), "was changed after it was written"),
        (edited(",", ";", -1), "it is no response file"),
        (lambda text: "", "it is no response file"),
        (lambda text: "\n".join(text.splitlines()[:-3]) + "\n", "rows; participant 2 has"),
        (lambda text: text.splitlines()[0] + "\n", "it has no participant"),
        (lambda text: "\n".join([*text.splitlines()[:2], *text.splitlines()[:1:-1]]),
         "participant 2 has 2,"),
        (edited("\n", "\r\n", -1), None),
    ],
)  # fmt: skip
def test_other_files_are_told_in_one_line(tmp_path, edit, message):
    path = tmp_path / "answers.csv"
    path.write_bytes(edit(file_of(DESIGN, 2)).encode())
    if message is None:  # as Windows would have it
        assert len(read_folder(tmp_path, DESIGN)) == len(DESIGN.participants[1])
        return
    with pytest.raises(ValueError, match=message) as raised:
        read_folder(tmp_path, DESIGN)
    assert str(path) in str(raised.value) and "\n" not in str(raised.value)


def test_answers_that_could_not_be_given_are_refused():
    responses = right_answers(DESIGN, 1)
    for strange in ("zebra", "3"):
        forged = [replace(responses[0]), replace(responses[1], response=strange), *responses[2:]]
        with pytest.raises(ValueError, match="which could not be given"):
            parse(text_of(forged, DESIGN.experiment), DESIGN)


def test_two_files_of_one_participant_are_refused(tmp_path):
    for name in ("a.csv", "b.csv"):
        (tmp_path / name).write_text(file_of(DESIGN, 1))
    with pytest.raises(ValueError, match=r"a\.csv and .*b\.csv are both of participant 1"):
        read_folder(tmp_path, DESIGN)
    with pytest.raises(ValueError, match="there are no response files"):
        read_folder(tmp_path / "elsewhere", DESIGN)


def test_images_that_were_there_too_long_are_counted():
    times = pd.DataFrame({"stimulus_ms": [200.0, 210.0, 217.0, 150.0, math.nan]})
    assert statistics.n_mistimed(times, 200) == 2


def answers(design, abilities, seed=0):
    """Return the answers of participants with these abilities, or with one for all."""
    n = len(design.participants)
    abilities = [abilities] * n if isinstance(abilities, Psychometric) else abilities
    responses = [
        r
        for number, ability in enumerate(abilities, start=1)
        for r in simulate(design, number, layers_of(design), ability, seed)
    ]
    return statistics.answers_table(responses)


def test_sixteen_participants_give_back_their_psychometric_function():
    design = complete_design(networks=("one", "two"), n_layers=8, per_condition=10, extra=8)
    ability = Psychometric(midpoint=0.55, slope=0.12, lapse=0.05)
    table = answers(design, ability)
    people = statistics.participants_table(table, 0.5)
    assert (people.excluded == "").all() and len(people) == 16
    trials = statistics.scored_trials(table, people)
    found = statistics.recognition_table(trials, layers_of(design))
    assert found.n_trials.tolist() == [160] * 17 and found.layer[0] == "natural"
    depth = np.tile(np.linspace(0, 1, 8), 2)
    truth = np.array([1 - 0.05, *(ability.probability(x, 1 / 16) for x in depth)])
    # Binomial errors of 160 answers; the largest of 17 exceeds 3.5 of them in 1 of 120 runs.
    errors = np.abs(found.proportion_correct - truth) / np.sqrt(truth * (1 - truth) / 160)
    assert errors.max() < 3.5
    inside = (found.ci_low <= truth) & (truth <= found.ci_high)
    assert inside.sum() >= 14  # of 17 intervals of 95 %

    def curve(x, midpoint, slope):
        return [Psychometric(midpoint, slope, 0.05).probability(each, 1 / 16) for each in x]

    fitted, _ = optimize.curve_fit(curve, depth, found.proportion_correct[1:], p0=[0.5, 0.2])
    assert fitted == pytest.approx([0.55, 0.12], abs=0.03)
    effects = statistics.effects_table(trials, layers_of(design)).set_index(["effect", "networks"])
    assert effects.p_corrected["layer", "one"] < 1e-20
    assert effects.p_corrected["network", "one, two"] > 0.05


def test_a_network_that_is_recognised_less_is_found():
    design = complete_design(networks=("one", "two"), n_layers=6, per_condition=5)
    table = answers(design, Psychometric())
    random = np.random.default_rng(0)
    forgotten = (table.network == "two") & (random.random(len(table)) < 0.3)
    table.loc[forgotten, "correct"] = False
    trials = statistics.scored_trials(table, statistics.participants_table(table, 0))
    effects = statistics.effects_table(trials, layers_of(design)).set_index(["effect", "networks"])
    assert effects.p_corrected["network", "one, two"] < 1e-3


def test_proportions_have_scipys_standard_errors_over_participants():
    table = answers(DESIGN, Psychometric(slope=0.3))
    found = statistics.recognition_table(table[table.phase == "test"], layers_of(DESIGN))
    for row in found.itertuples():
        own = table[
            (table.phase == "test") & (table.network == row.network) & (table.layer == row.layer)
        ]
        means = own.groupby("participant").correct.mean()
        assert row.proportion_correct == pytest.approx(means.mean())
        assert row.sem == pytest.approx(stats.sem(means))
        assert row.ci_low <= row.proportion_correct <= row.ci_high


def random_trials(n_participants=9, n_networks=2, n_layers=3, seed=0):
    """Return trials, ten a cell, whose proportions correct have any covariance."""
    random = np.random.default_rng(seed)
    proportions = random.integers(0, 11, (n_participants, n_networks, n_layers)) / 10
    rows = [
        (
            person,
            f"net{network}",
            f"layer{layer}",
            trial < 10 * proportions[person, network, layer],
        )
        for person, network, layer in np.ndindex(proportions.shape)
        for trial in range(10)
    ]
    layers = {f"net{n}": [f"layer{x}" for x in range(n_layers)] for n in range(n_networks)}
    columns = ["participant", "network", "layer", "correct"]
    return pd.DataFrame(rows, columns=columns), layers, proportions


def test_effects_of_two_levels_are_t_tests():
    trials, layers, p = random_trials(n_layers=2)
    effects = statistics.effects_table(trials, layers)
    two_way = effects[effects.networks == "net0, net1"].set_index("effect")
    pairs = {
        "network": (p[:, 0].mean(-1), p[:, 1].mean(-1)),
        "layer": (p[:, :, 0].mean(-1), p[:, :, 1].mean(-1)),
        "network x layer": (p[:, 0, 0] - p[:, 0, 1], p[:, 1, 0] - p[:, 1, 1]),
    }
    for effect, (first, second) in pairs.items():
        t = stats.ttest_rel(first, second)
        row = two_way.loc[effect]
        assert (row.f, row.p) == pytest.approx((t.statistic**2, t.pvalue))
        assert row.epsilon == pytest.approx(1) and row.p_corrected == pytest.approx(row.p)


def test_epsilon_is_that_of_box():
    """For one factor, by the elements of the covariance matrix (Box 1954, Greenhouse 1959)."""
    trials, layers, p = random_trials(n_networks=1, n_layers=5)
    (row,) = statistics.effects_table(trials, layers).itertuples()
    s, k = np.cov(p[:, 0].T), 5
    numerator = k**2 * (np.trace(s) / k - s.mean()) ** 2
    denominator = (k - 1) * (
        (s**2).sum() - 2 * k * (s.mean(axis=1) ** 2).sum() + k**2 * s.mean() ** 2
    )
    assert row.epsilon == pytest.approx(numerator / denominator)
    assert 1 / 4 <= row.epsilon <= 1 and row.p_corrected > row.p
    corrected = stats.f.sf(row.f, 4 * row.epsilon, 4 * 8 * row.epsilon)
    assert row.p_corrected == pytest.approx(corrected)


def test_effects_that_cannot_be_computed_say_why():
    trials, layers, _ = random_trials(n_networks=1)
    gone = trials[(trials.participant == 0) | (trials.layer != "layer1")]
    (row,) = statistics.effects_table(gone, layers).itertuples()
    assert row.n_participants == 1 and "fewer than two" in row.note and math.isnan(row.f)
    trials["correct"] = True
    (row,) = statistics.effects_table(trials, layers).itertuples()
    assert row.note == "all proportions are equal"
    (row,) = statistics.effects_table(trials, {"net0": ["layer0"]}).itertuples()
    assert row.note == "there is one layer"


def test_who_fails_the_catch_trials_or_the_headphone_check_is_left_out():
    rows = []
    for person, (n_checks, n_catch) in enumerate([(6, 4), (5, 2), (4, 4), (6, 1)], start=1):
        rows += [(person, "headphones", "", place < n_checks, 1) for place in range(6)]
        rows += [(person, "catch", "natural", place < n_catch, 1) for place in range(4)]
        rows += [(person, "test", "natural", True, 1 + (place == 0)) for place in range(3)]
    table = pd.DataFrame(
        rows, columns=["participant", "phase", "layer", "correct", "presentations"]
    )
    people = statistics.participants_table(table, least_catch=0.5)
    assert people.excluded.tolist() == ["", "", "headphones", "catch"]
    assert people.headphones_correct.tolist() == [6, 5, 4, 6]
    trials = statistics.scored_trials(table, people)
    assert trials.participant.tolist() == [1, 1, 2, 2]  # without those presented again


def test_natural_stimuli_are_a_row_of_every_network():
    design = complete_design(networks=("one", "two"))
    table = answers(design, Psychometric())
    found = statistics.recognition_table(table[table.phase == "test"], layers_of(design))
    rows = statistics.recognition_rows(found, "human (yours)", "16-way")
    natural = rows[rows.layer == "natural"]
    assert natural.generator.tolist() == ["one", "two"] and natural.n.nunique() == 1
    assert len(rows) == 8 and set(rows.source) == {"measured"}


def test_an_effect_in_which_nobody_differs_has_no_f():
    """F would be a rounding error over another, of either sign."""
    rows = [
        (person, network, layer, number < right)
        for person in range(1, 9)
        for network, scores in (("a", (10, 7, 0)), ("b", (10, 3, 0)))
        for layer, right in zip("xyz", scores, strict=True)
        for number in range(10)
    ]
    trials = pd.DataFrame(rows, columns=["participant", "network", "layer", "correct"])
    effects = statistics.effects_table(trials, {"a": list("xyz"), "b": list("xyz")})
    assert effects.f.isna().all() and effects.p.isna().all()
    assert effects.note.str.contains("do not differ").all()
    people = trials.participant.isin([1, 2]) & (trials.layer == "y") & (trials.network == "a")
    mixed = statistics.effects_table(trials.assign(correct=trials.correct | people), {
        "a": list("xyz"), "b": list("xyz")
    })  # fmt: skip
    assert np.isfinite(mixed.f[mixed.note == ""]).all() and (mixed.note == "").any()
    assert (mixed.f.dropna() >= 0).all()
