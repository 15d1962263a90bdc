"""Claims 4 to 11: who recognises whose metamers.

The tables have roles in place of networks' names (`roles`). "Late" are a network's last three
layers, "deep" its second half, whether they have accepted metamers or not. "Others" are all
networks but the one that made the metamers, and but second seeds, which have claims of their own.
Where audio networks are compared, the cochleagram, which they share, is left out.

Source: paper, sections 3 and 4, Figures 3 to 6 and S9.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from model_metamers.analysis.claims.finding import Finding, NotMeasured
from model_metamers.analysis.claims.matching import N_LATE
from model_metamers.analysis.claims.resampling import Estimate, binomial
from model_metamers.analysis.claims.roles import Role, of_first_seeds

NATURAL, COCHLEAGRAM = "natural", "cochleagram"
OTHERS = Role("others")
CHANCE_OF_16 = 1 / 16
HALF = 0.5

ALIASED, WORDS = Role("word_aliased"), Role("word_reduced_aliasing")
RANDOM, BACKGROUNDS = Role("random_reduced_aliasing"), Role("audioset_reduced_aliasing")
WORDS_AND_BACKGROUNDS = Role("word_audioset_reduced_aliasing")


def falls_with_depth(recognition: pd.DataFrame, task: str) -> Finding:
    """Rule: recognition by other networks falls from the first matched layer to the last.

    Networks that were never trained are left out.
    """
    table = _answers(recognition, task)
    curves, places = [], []
    for generator in table.generator.unique():
        layers = _layers(table, generator)
        curve = _curve(table, generator, OTHERS, layers)
        if generator != RANDOM and generator.seed == 0 and len(curve) > 1:
            curves.append(curve)
            places.append(np.array(list(curve)) / (len(layers) - 1))
    if not curves:
        raise NotMeasured("there is no recognition of trained networks' metamers of two layers")
    ends = np.cumsum([len(curve) for curve in curves])[:-1]

    def mean_change(*means: np.ndarray) -> np.ndarray:
        parts = np.split(np.stack(means, axis=-1), ends, axis=-1)
        return np.mean([_slope(*curve) for curve in zip(parts, places, strict=True)], axis=0)

    return Finding(
        "change of others' recognition over all layers, by a straight line; mean over networks",
        _compare([group for curve in curves for group in curve.values()], mean_change),
        0.0,
        above=False,
    )


def second_seed_does_not_transfer(recognition: pd.DataFrame, generator: Role) -> Finding:
    """Rule: the second seed recognises less than half of the late metamers the first does.

    Both scores count from chance.
    """
    table = _answers(recognition, "16-way")
    late = _layers(table, generator)[-N_LATE:]
    return _contrast(
        "recognition of late metamers by the second seed / by the network itself, above chance",
        [_of(table, generator, observer, late) for observer in (_reseeded(generator), generator)],
        lambda other, own: _ratio(other - CHANCE_OF_16, own - CHANCE_OF_16),
        HALF,
        above=False,
    )


def other_sizes_do_not_transfer(recognition: pd.DataFrame, generator: Role) -> Finding:
    """Rule: other networks recognise less than half of the late metamers the first does.

    For networks without a second seed, in a run whose others are other sizes of one architecture.
    """
    table = _answers(recognition, "16-way")
    late = _layers(table, generator)[-N_LATE:]
    return _contrast(
        "recognition of late metamers by other sizes / by the network itself, above chance",
        [_of(table, generator, observer, late) for observer in (OTHERS, generator)],
        lambda other, own: _ratio(other - CHANCE_OF_16, own - CHANCE_OF_16),
        HALF,
        above=False,
    )


def seeds_transfer_better_than_tasks(recognition: pd.DataFrame) -> Finding:
    """Rule: the word network recognises its second seed's metamers more than backgrounds'."""
    return _contrast(
        "word network's recognition: of its second seed - of the background network",
        _heard_by_words(recognition, _reseeded(WORDS), BACKGROUNDS),
        np.subtract,
        0.0,
        above=True,
    )


def reduced_aliasing_helps(recognition: pd.DataFrame) -> Finding:
    """Rule: others recognise deep metamers more where the network aliases less."""
    table = _answers(recognition, "word")

    def deep(generator: Role) -> pd.DataFrame:
        layers = _layers(table, generator)
        return _of(table, generator, OTHERS, layers[len(layers) // 2 :])

    return _contrast(
        "others' recognition of deep metamers: reduced aliasing - aliased",
        [deep(WORDS), deep(ALIASED)],
        np.subtract,
        0.0,
        above=True,
    )


def untrained_is_not_recognised(recognition: pd.DataFrame) -> Finding:
    """Rule: the word network recognises less than half as many untrained metamers as words."""
    natural = _of(_answers(recognition, "word"), RANDOM, WORDS, [NATURAL])
    return _contrast(
        "word network's recognition: of the untrained network's metamers / of natural words",
        [*_heard_by_words(recognition, RANDOM), natural],
        _ratio,
        HALF,
        above=False,
    )


def backgrounds_drop_earlier(recognition: pd.DataFrame) -> Finding:
    """Rule: recognition falls to half of the natural words' at an earlier layer."""
    table = _answers(recognition, "word")
    curves = [
        _curve(table, generator, WORDS, (NATURAL, *_layers(table, generator)))
        for generator in (_reseeded(WORDS), BACKGROUNDS)
    ]
    if any(0 not in curve or len(curve) < 2 for curve in curves):
        raise NotMeasured("there is no recognition of natural words, or of the metamers of layers")
    places = [np.array(list(curve)) for curve in curves]

    def difference(*means: np.ndarray) -> np.ndarray:
        parts = np.split(np.stack(means, axis=-1), [len(places[0])], axis=-1)
        of_words, of_backgrounds = map(_half_depth, parts, places)
        return of_words - of_backgrounds

    return Finding(
        "layers until the word network recognises half: words - backgrounds",
        _compare([group for curve in curves for group in curve.values()], difference),
        0.0,
        above=True,
    )


def both_tasks_are_close_to_words(recognition: pd.DataFrame) -> Finding:
    """Rule: recognition of words + backgrounds is nearer to words' than to backgrounds' alone."""
    return _contrast(
        "word network's recognition: of words + backgrounds - midpoint of words and backgrounds",
        _heard_by_words(recognition, WORDS_AND_BACKGROUNDS, _reseeded(WORDS), BACKGROUNDS),
        lambda both, words, backgrounds: both - (words + backgrounds) / 2,
        0.0,
        above=True,
    )


def cochleagrams_transfer_less(recognition: pd.DataFrame) -> Finding:
    """Rule: the second seed recognises waveform-optimised metamers more."""
    table = _answers(recognition, "word")
    groups = [
        _after_cochleagram(
            table, replace(WORDS, above=layer), replace(_reseeded(WORDS), above=layer)
        )
        for layer in ("", COCHLEAGRAM)
    ]
    return _contrast(
        "second seed's recognition: of metamers optimised as waveforms - as cochleagrams",
        _at_common_layers(groups),
        np.subtract,
        0.0,
        above=True,
    )


def _reseeded(network: Role) -> Role:
    return replace(network, seed=1)


def _answers(recognition: pd.DataFrame, task: str) -> pd.DataFrame:
    """Return what was measured of a task; n is 0 at layers without accepted metamers."""
    return recognition[(recognition.source == "measured") & (recognition.task == task)]


def _layers(table: pd.DataFrame, generator: Role) -> list[str]:
    """Return a network's layers in order, which is that of the table."""
    layers = table[(table.generator == generator) & (table.layer != NATURAL)].layer
    return list(dict.fromkeys(layers))


def _of(
    table: pd.DataFrame, generator: Role, observer: Role, layers: Sequence[str]
) -> pd.DataFrame:
    """Return the scores of an observer, or of `OTHERS`, on some of a network's metamers."""
    rows = _scores(table, generator, observer, layers)
    if rows.empty:
        raise NotMeasured(f"there is no recognition of {generator}'s metamers by {observer}")
    return rows


def _curve(
    table: pd.DataFrame, generator: Role, observer: Role, layers: Sequence[str]
) -> dict[int, pd.DataFrame]:
    """Return place among the layers -> scores there, of the layers with accepted metamers."""
    scores = [_scores(table, generator, observer, [layer]) for layer in layers]
    return {place: rows for place, rows in enumerate(scores) if len(rows)}


def _scores(
    table: pd.DataFrame, generator: Role, observer: Role, layers: Sequence[str]
) -> pd.DataFrame:
    rows = table[(table.generator == generator) & table.layer.isin(layers) & (table.n > 0)]
    if observer == OTHERS:
        return rows[(rows.observer != generator) & of_first_seeds(rows.observer)]
    return rows[rows.observer == observer]


def _after_cochleagram(table: pd.DataFrame, generator: Role, observer: Role) -> pd.DataFrame:
    layers = [layer for layer in _layers(table, generator) if layer != COCHLEAGRAM]
    return _of(table, generator, observer, layers)


def _heard_by_words(recognition: pd.DataFrame, *generators: Role) -> list[pd.DataFrame]:
    """Return the word network's scores on the metamers of others, after the cochleagram."""
    table = _answers(recognition, "word")
    return _at_common_layers([_after_cochleagram(table, g, WORDS) for g in generators])


def _at_common_layers(groups: Sequence[pd.DataFrame]) -> list[pd.DataFrame]:
    """Return scores at the layers of which all groups have some."""
    common = set.intersection(*(set(group.layer) for group in groups))
    if not common:
        raise NotMeasured("the networks that are compared have accepted metamers of no same layer")
    return [group[group.layer.isin(common)] for group in groups]


def _contrast(
    statistic: str, groups: Sequence[pd.DataFrame], combine: Callable, limit: float, above: bool
) -> Finding:
    """Judge a comparison of groups of scores, and tell the mean of each."""
    means = ", ".join(f"{group.proportion_correct.mean():.2f}" for group in groups)
    return Finding(statistic, _compare(groups, combine), limit, above, f"means {means}")


def _compare(groups: Sequence[pd.DataFrame], combine: Callable) -> Estimate:
    """Return the estimate of `combine(mean of group 0, mean of group 1, ...)`."""
    ends = np.cumsum([len(group) for group in groups])[:-1]
    cells = pd.concat(groups)

    def statistic(proportions: np.ndarray) -> np.ndarray:
        parts = np.split(proportions, ends, axis=-1)
        return combine(*(part.mean(axis=-1) for part in parts))

    return binomial(cells.proportion_correct, cells.n, statistic)


def _ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """Return part / whole, huge where few answers let the whole come out as nothing."""
    return part / np.maximum(whole, 1e-9)


def _slope(curves: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Return the slope of straight lines through curves [..., layers] at their places."""
    centred = places - places.mean()
    return curves @ centred / (centred @ centred)


def _half_depth(curves: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Return where curves [..., layers] cross half of their first value, between their places.

    A curve that stays above counts as crossing at its last place.
    """
    half = curves[..., :1] / 2
    below = curves < half
    after = np.where(below.any(axis=-1), below.argmax(axis=-1), curves.shape[-1] - 1)[..., None]
    high, low = (np.take_along_axis(curves, after - step, axis=-1) for step in (1, 0))
    fraction = np.where(low < half, (high - half) / np.maximum(high - low, 1e-12), 1.0)
    before = places[after - 1]
    return (before + fraction * (places[after] - before))[..., 0]
