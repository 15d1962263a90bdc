"""Who gets which stimulus in which condition, and when. Pure: names in, names out.

A condition is the natural stimuli, or the metamers of one layer; a source is a natural stimulus,
of which every condition has its version. Nobody gets a source twice, practice and catch trials
included. A participant's sources are dealt to the conditions by an assignment of least cost, where
what was dealt most often to those before costs most: with all versions accepted that is a Latin
square, which rotates the sources through the conditions, and without it is as near as can be.

Source: paper, sections 3.4 and 3.5 (16 participants, 10 images or 5 words per condition).
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment
from scipy.sparse import csr_array
from scipy.sparse.csgraph import maximum_bipartite_matching

PRACTICE, CATCH, TEST = "practice", "catch", "test"
MOST_OF_EACH_EXTRA = 8  # practice, and catch, take one in so many sources at most
MOST_TRIALS = 1_000_000  # of all participants together

# What a participant's assignment costs, most important first.
_IMPOSSIBLE, _EXTRA, _CONDITION, _PAIR, _SOURCE = 1e10, -1e8, 1e5, 100.0, 1.0


@dataclass(frozen=True, order=True)
class Condition:
    """What was done to a stimulus.

    Attributes:
        network: whose metamer it is; "" for the natural stimuli.
        layer: the matched layer; "natural" for the natural stimuli.
    """

    network: str
    layer: str


NATURAL = Condition("", "natural")


@dataclass(frozen=True)
class Trial:
    """What one participant gets in one trial.

    Attributes:
        phase: `PRACTICE`, `CATCH` or `TEST`.
        condition: natural in practice and catch trials.
        source: id of the natural stimulus.
    """

    phase: str
    condition: Condition
    source: str


@dataclass(frozen=True)
class Plan:
    """Everybody's trials.

    Attributes:
        participants: their trials in order, practice first.
        per_condition: test trials that every participant has of a condition; 0 where there are
            more conditions than sources, so that some have one and some have none.
    """

    participants: tuple[tuple[Trial, ...], ...]
    per_condition: Mapping[Condition, int]

    @property
    def is_complete(self) -> bool:
        """Whether every participant has every condition."""
        return all(self.per_condition.values())


def plan_trials(
    available: Mapping[Condition, Collection[str]],
    n_participants: int,
    per_condition: int,
    n_practice: int,
    n_catch: int,
    seed: int,
) -> Plan:
    """Return everybody's trials.

    Args:
        available: condition -> sources of which there is an accepted version; `NATURAL` has all.
        n_participants: how many.
        per_condition: test trials of each condition, or as many as the sources allow.
        n_practice: practice trials, at most an eighth of the sources.
        n_catch: catch trials, at most an eighth of the sources.
        seed: of ties, and with a participant's number of the order of the trials.

    Raises:
        ValueError: so few sources that a condition would be shown to nobody, or more than
            `MOST_TRIALS` trials.
    """
    conditions = [name for name, sources in available.items() if sources]
    sources = sorted(available[NATURAL])
    most_extra = len(sources) // MOST_OF_EACH_EXTRA
    extra = {PRACTICE: min(n_practice, most_extra), CATCH: min(n_catch, most_extra)}
    possible = np.array([[source in available[name] for source in sources] for name in conditions])
    each = _trials_of_each(possible, per_condition, sum(extra.values()))
    _check_enough(len(conditions), len(sources), n_participants, sum(extra.values()), each)
    _check_few_enough(n_participants, min(each.sum() + sum(extra.values()), len(sources)))
    dealer = _Dealer(possible, each, extra, conditions.index(NATURAL), seed)
    participants = []
    for number in range(1, n_participants + 1):
        dealt = [
            Trial(phase, conditions[condition], sources[source])
            for phase, condition, source in dealer.deal()
        ]
        participants.append(_in_order(dealt, np.random.default_rng([seed, number])))
    counts = dict(zip(conditions, each.tolist(), strict=True))
    return Plan(tuple(participants), counts)


def _trials_of_each(possible: np.ndarray, wanted: int, n_extra: int) -> np.ndarray:
    """Return how many trials of each condition everybody can have; 0 throughout if not one.

    Args:
        possible: bool [n_conditions, n_sources].
        wanted: at most so many.
        n_extra: sources that are needed besides.
    """
    n_conditions, n_sources = possible.shape
    n_possible = possible.sum(axis=1)
    for count in range(min(wanted, n_sources), 0, -1):
        each = np.minimum(count, n_possible)
        if each.sum() > n_sources - n_extra:
            continue
        slots = np.repeat(possible, each, axis=0)
        slots = np.concatenate([slots, np.ones((n_extra, n_sources), bool)])
        if (maximum_bipartite_matching(csr_array(slots), "column") >= 0).all():
            return each
    return np.zeros(n_conditions, int)


def _check_enough(
    n_conditions: int, n_sources: int, n_participants: int, n_extra: int, each: np.ndarray
) -> None:
    trials = (n_sources - n_extra) * n_participants
    if not each.all() and trials < n_conditions:
        raise ValueError(
            f"{n_sources} natural stimuli are too few for {n_conditions} conditions and "
            f"{n_participants} participants: everybody sees each once, {n_extra} of them in "
            f"practice and catch trials, which makes {trials} trials; make metamers of more "
            "stimuli, or choose fewer --networks or --layers"
        )


def _check_few_enough(n_participants: int, n_trials: int) -> None:
    if n_participants * n_trials > MOST_TRIALS:
        raise ValueError(
            f"{n_participants} participants with {n_trials} trials each are more than "
            f"{MOST_TRIALS:,} trials; plan fewer --participants or --trials_per_condition"
        )


class _Dealer:
    """Deals the sources to one participant after the other, and remembers what was dealt."""

    def __init__(
        self,
        possible: np.ndarray,
        each: np.ndarray,
        extra: Mapping[str, int],
        natural: int,
        seed: int,
    ):
        # A row for every trial; where not everybody has every condition, for one trial of each.
        condition = np.repeat(np.arange(len(possible)), each if each.all() else 1)
        self._phases = [TEST] * len(condition)
        self._use = condition  # practice and catch trials are counted apart from natural ones
        self._condition = condition
        for place, (phase, count) in enumerate(extra.items()):
            self._phases += [phase] * count
            self._use = np.append(self._use, np.full(count, len(possible) + place))
            self._condition = np.append(self._condition, np.full(count, natural))
        self._possible = possible[self._condition]
        self._dealt = np.zeros((len(possible) + len(extra), possible.shape[1]))
        self._random = np.random.default_rng(seed)

    def deal(self) -> list[tuple[str, int, int]]:
        """Return the next participant's (phase, condition, source)."""
        totals = self._dealt.sum(axis=1)
        is_test = np.array([phase == TEST for phase in self._phases])
        lead = totals[self._use] - totals[self._use[is_test]].min()
        cost = self._random.random(self._possible.shape)
        cost += _PAIR * self._dealt[self._use] + _SOURCE * self._dealt.sum(axis=0)
        # Were extra trials to cost more with every participant, late ones would get none.
        cost += np.where(is_test, _CONDITION * lead, _EXTRA)[:, np.newaxis]
        cost[~self._possible] = _IMPOSSIBLE
        rows, columns = linear_sum_assignment(cost)
        dealt = [
            (row, column)
            for row, column in zip(rows, columns, strict=True)
            if self._possible[row, column]
        ]
        for row, column in dealt:
            self._dealt[self._use[row], column] += 1
        return [(self._phases[row], self._condition[row], column) for row, column in dealt]


def _in_order(trials: Sequence[Trial], random: np.random.Generator) -> tuple[Trial, ...]:
    """Return practice trials first, then the others; either in random order."""
    shuffled = [trials[place] for place in random.permutation(len(trials))]
    return tuple(sorted(shuffled, key=lambda trial: trial.phase != PRACTICE))
