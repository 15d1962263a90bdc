"""Who gets which stimulus: properties of the plan, over many random designs."""

import collections
import itertools

import numpy as np
import pytest

from model_metamers.human.trials import (
    CATCH,
    NATURAL,
    PRACTICE,
    TEST,
    Condition,
    plan_trials,
)


def all_accepted(n_conditions, n_sources):
    sources = [f"s{number:03d}" for number in range(n_sources)]
    layers = [Condition("net", f"layer_{number}") for number in range(n_conditions - 1)]
    return {condition: set(sources) for condition in (NATURAL, *layers)}


def random_design(seed):
    """Return a design of any size, with any metamers rejected, and its settings."""
    random = np.random.default_rng(seed)
    available = all_accepted(int(random.integers(1, 9)), int(random.integers(2, 60)))
    rejected = random.choice([0.0, 0.1, 0.5])
    for condition, sources in available.items():
        if condition != NATURAL:
            available[condition] = {s for s in sorted(sources) if random.random() >= rejected}
    settings = {
        "n_participants": int(random.integers(1, 20)),
        "per_condition": int(random.integers(1, 11)),
        "n_practice": int(random.integers(0, 5)),
        "n_catch": int(random.integers(0, 5)),
        "seed": seed,
    }
    return available, settings


@pytest.mark.parametrize("seed", range(100))
def test_properties_of_any_plan(seed):
    available, settings = random_design(seed)
    n_sources = len(available[NATURAL])
    try:
        plan = plan_trials(available, **settings)
    except ValueError:
        assert n_sources * settings["n_participants"] < 60
        return
    assert len(plan.participants) == settings["n_participants"]
    for trials in plan.participants:
        sources = [trial.source for trial in trials]
        assert len(set(sources)) == len(sources), "a source twice"
        assert all(trial.source in available[trial.condition] for trial in trials)
        phases = collections.Counter(trial.phase for trial in trials)
        assert phases[PRACTICE] == min(settings["n_practice"], n_sources // 8)
        assert phases[CATCH] == min(settings["n_catch"], n_sources // 8)
        first = [trial.phase for trial in trials[: phases[PRACTICE]]]
        assert first == [PRACTICE] * phases[PRACTICE]
        assert all(t.condition == NATURAL for t in trials if t.phase != TEST)
        counts = collections.Counter(t.condition for t in trials if t.phase == TEST)
        if plan.is_complete:
            assert counts == plan.per_condition
            assert max(plan.per_condition.values()) <= settings["per_condition"]
        else:
            assert set(counts.values()) == {1}
    assert plan_trials(available, **settings) == plan


@pytest.mark.parametrize(("n_conditions", "per_condition"), [(4, 3), (6, 2), (24, 10)])
def test_with_all_metamers_accepted_it_is_a_latin_square(n_conditions, per_condition):
    """As many participants as conditions see every version of every stimulus just once."""
    n_sources = n_conditions * per_condition
    plan = plan_trials(
        all_accepted(n_conditions, n_sources), n_conditions, per_condition, 0, 0, seed=3
    )
    seen = collections.Counter((t.condition, t.source) for ts in plan.participants for t in ts)
    assert len(seen) == n_conditions * n_sources and set(seen.values()) == {1}


@pytest.mark.parametrize("seed", range(20))
def test_conditions_and_sources_are_balanced_across_participants(seed):
    random = np.random.default_rng(seed)
    n_conditions, n_sources = int(random.integers(2, 9)), int(random.integers(10, 80))
    plan = plan_trials(all_accepted(n_conditions, n_sources), 16, 5, 2, 2, seed)
    tests = [t for ts in plan.participants for t in ts if t.phase == TEST]
    pairs = collections.Counter((t.condition, t.source) for t in tests)
    by_condition = collections.Counter(t.condition for t in tests)
    assert max(by_condition.values()) - min(by_condition.values()) <= 1
    fair = len(tests) / (n_conditions * n_sources)
    assert max(pairs.values()) <= np.ceil(fair) + 1
    for phase in (PRACTICE, CATCH):
        used = collections.Counter(
            t.source for ts in plan.participants for t in ts if t.phase == phase
        )
        assert max(used.values(), default=0) <= np.ceil(32 / n_sources) + 1


def test_more_conditions_than_stimuli_are_shared_out_evenly():
    """The committed run: 16 stimuli, 24 conditions; 12 test trials each, 16 participants."""
    plan = plan_trials(all_accepted(24, 16), 16, 10, 8, 8, seed=0)
    assert not plan.is_complete
    shown = collections.Counter(
        t.condition for ts in plan.participants for t in ts if t.phase == TEST
    )
    assert set(shown.values()) == {8} and len(shown) == 24


def test_however_many_take_part_all_get_practice_and_catch_trials():
    plan = plan_trials(all_accepted(41, 32), 400, 10, 4, 4, seed=0)
    assert not plan.is_complete
    for trials in plan.participants:
        assert collections.Counter(t.phase for t in trials) == {PRACTICE: 4, CATCH: 4, TEST: 24}


def test_a_condition_without_enough_accepted_metamers_has_what_there_is():
    available = all_accepted(3, 40)
    poor, none = Condition("net", "layer_0"), Condition("net", "layer_1")
    available[poor] = {"s000", "s001"}
    available[none] = set()
    plan = plan_trials(available, 4, 5, 0, 0, seed=0)
    assert plan.per_condition == {NATURAL: 5, poor: 2}


def test_the_order_depends_on_seed_and_participant_and_is_random():
    available = all_accepted(5, 60)
    first, second = (plan_trials(available, 3, 10, 0, 0, seed=s).participants for s in (0, 1))
    orders = [[t.condition for t in trials] for trials in (*first, *second)]
    assert len({tuple(order) for order in orders}) == 6
    # Of random orders, about one neighbour in five has the same condition.
    same = np.mean([a == b for order in orders for a, b in itertools.pairwise(order)])
    assert 0.1 < same < 0.3


def test_too_few_stimuli_are_told():
    with pytest.raises(ValueError, match=r"2 natural stimuli are too few for 9 conditions and 4"):
        plan_trials(all_accepted(9, 2), 4, 10, 8, 8, seed=0)


def test_more_trials_than_a_study_can_have_are_told_before_they_are_dealt():
    with pytest.raises(ValueError, match=r"40000 participants with 50 trials each are more than"):
        plan_trials(all_accepted(5, 60), 40_000, 10, 0, 0, seed=0)
