"""The choice of words and speakers to train on, out of time-aligned transcripts.

A word is worth learning when many people say it, and a voice when it says many words; neither may
stand for the other. So every word must come from many speakers and every speaker say many words,
both often enough, none mostly with one partner, and none too often. These rules depend on each
other: dropping a word makes its speakers rarer. They are applied until none removes anything.

All utterances of one word by one speaker count as equal, so the rules work on the counts of
(word, speaker) pairs. Where a class has too much, its largest pairs are trimmed to one level: that
keeps as many partners as can be. Which utterances of a pair stay is drawn from the seed.

Source: supplement S1.1. How the authors trimmed is not published.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from operator import attrgetter
from pathlib import Path
from zlib import crc32

import numpy as np

from model_metamers.stimuli.alignments import AlignedWord
from model_metamers.stimuli.sounds import N_SAMPLES, SAMPLE_RATE_HZ
from model_metamers.training.clip_lists import SPLITS, ClassLabel, WordClip


@dataclass(frozen=True)
class ClassRules:
    """What every word and every speaker of a training set must fulfil.

    Attributes:
        min_partners: fewest speakers of a word, and words of a speaker.
        min_utterances: fewest utterances of a word or speaker.
        max_partner_share: largest share of a class's utterances that one partner has: a word one
            speaker, a speaker one word.
        utterance_limit: a class has fewer utterances than this.
        min_letters: shorter words are left out. Inferred: none of the paper's 793 words has fewer
            than five letters, not even the commonest ones of English.
    """

    min_partners: int = 50
    min_utterances: int = 200
    max_partner_share: float = 0.25
    utterance_limit: int = 2000
    min_letters: int = 5

    def __post_init__(self) -> None:
        if min(self.min_partners, self.min_utterances, self.min_letters) < 1:
            raise ValueError("min_partners, min_utterances and min_letters must be at least 1")
        if not 0 < self.max_partner_share <= 1:
            raise ValueError(f"max_partner_share must be in (0, 1]; got {self.max_partner_share}")
        if self.utterance_limit <= self.min_utterances:
            raise ValueError(
                f"utterance_limit must exceed min_utterances; got {self.utterance_limit} and "
                f"{self.min_utterances}"
            )


def choose_words(
    spoken: Iterable[AlignedWord],
    rules: ClassRules = ClassRules(),
    seed: int = 0,
    vocabulary: Mapping[str, int] | None = None,
) -> tuple[list[AlignedWord], dict[str, int]]:
    """Choose the utterances to train on.

    Args:
        spoken: aligned words; the result does not depend on their order.
        rules: thresholds.
        seed: of the choice among utterances of one word by one speaker.
        vocabulary: words to choose from; None for all.

    Returns:
        The chosen words, sorted, and reason -> how many were left out for it.

    Raises:
        ValueError: nothing is left.
    """
    candidates: list[AlignedWord] = []
    removed: Counter[str] = Counter()
    for word in sorted(spoken, key=lambda w: (w.label, w.speaker, str(w.path), w.middle)):
        reason = _unfit(word, rules, vocabulary)
        if reason is None:
            candidates.append(word)
        else:
            removed[reason] += 1
    if candidates:
        labels, speakers = _class_numbers(candidates)
        pairs, pair_of, counts = np.unique(
            np.stack([labels, speakers]), axis=1, return_inverse=True, return_counts=True
        )
        pair_labels, pair_speakers = pairs
        kept, by_rule = balanced_counts(pair_labels, pair_speakers, counts, rules, seed)
        removed.update(by_rule)
        chosen = _draw(pair_of.ravel(), kept, seed)
        candidates = [candidates[i] for i in np.flatnonzero(chosen)]
    if not candidates:
        reasons = ", ".join(f"{reason} {n}" for reason, n in removed.items() if n)
        raise ValueError(
            f"no word is left to train on; left out: {reasons or 'nothing was given'}"
        )
    return candidates, dict(removed)


def _unfit(
    word: AlignedWord, rules: ClassRules, vocabulary: Mapping[str, int] | None
) -> str | None:
    """Return why a word cannot be used, whatever the others are."""
    if vocabulary is not None and word.label not in vocabulary:
        return "word not in the vocabulary"
    if vocabulary is None and len(word.label) < rules.min_letters:
        return "word of too few letters"
    if word.start(SAMPLE_RATE_HZ, N_SAMPLES) is None:
        return "too near an end of its recording"
    return None


def _class_numbers(words: Sequence[AlignedWord]) -> tuple[np.ndarray, np.ndarray]:
    """Return the words' classes and their speakers' as numbers from 0."""
    return (
        np.unique([word.label for word in words], return_inverse=True)[1],
        np.unique([word.speaker for word in words], return_inverse=True)[1],
    )


def _draw(pair_of: np.ndarray, kept: np.ndarray, seed: int) -> np.ndarray:
    """Return which utterances stay, bool: `kept[p]` random ones of every pair p."""
    order = np.lexsort((np.random.default_rng([seed, 1]).random(len(pair_of)), pair_of))
    first = np.concatenate([[0], np.cumsum(np.bincount(pair_of))[:-1]])
    rank = np.arange(len(order)) - first[pair_of[order]]
    chosen = np.zeros(len(order), bool)
    chosen[order] = rank < kept[pair_of[order]]
    return chosen


def balanced_counts(
    words: np.ndarray, speakers: np.ndarray, counts: np.ndarray, rules: ClassRules, seed: int
) -> tuple[np.ndarray, dict[str, int]]:
    """Lower the counts of (word, speaker) pairs until all rules hold for all classes.

    Args:
        words: word of each pair, int [pairs], from 0.
        speakers: speaker of each pair, int [pairs], from 0.
        counts: utterances of each pair, int [pairs].
        rules: thresholds.
        seed: of the choice among equally large pairs.

    Returns:
        The lower counts, and rule -> how many utterances it removed.
    """
    rng = np.random.default_rng([seed, 0])
    kinds = {"word": words, "speaker": speakers}
    steps = [
        (f"{kind} {reason}", rule, classes)
        for rule, reason in _RULES.items()
        for kind, classes in kinds.items()
    ]
    removed, done = dict.fromkeys((reason for reason, _, _ in steps), 0), 0
    while done < len(steps):
        reason, rule, classes = steps[done]
        lower = rule(classes, counts, rules, rng)
        n_removed = int(counts.sum() - lower.sum())
        removed[reason] += n_removed
        counts = lower
        done = 0 if n_removed else done + 1
    return counts, removed


def _drop_narrow(
    classes: np.ndarray, counts: np.ndarray, rules: ClassRules, rng: np.random.Generator
) -> np.ndarray:
    n_partners = np.bincount(classes, counts > 0)
    return np.where(n_partners[classes] >= rules.min_partners, counts, 0)


def _drop_rare(
    classes: np.ndarray, counts: np.ndarray, rules: ClassRules, rng: np.random.Generator
) -> np.ndarray:
    n_utterances = np.bincount(classes, counts)
    return np.where(n_utterances[classes] >= rules.min_utterances, counts, 0)


def _trim_share(
    classes: np.ndarray, counts: np.ndarray, rules: ClassRules, rng: np.random.Generator
) -> np.ndarray:
    """Trim the pairs that have too large a share of their class."""
    share = rules.max_partner_share
    lower = counts.copy()
    for pairs in _pairs_of_each_class(classes):
        whole = counts[pairs]
        if whole.max() > share * whole.sum():
            # The share of the largest pair, level / total, never falls as the level rises.
            level = _highest(whole.max(), partial(_within_share, whole, share))
            lower[pairs] = np.minimum(whole, level)
    return lower


def _trim_common(
    classes: np.ndarray, counts: np.ndarray, rules: ClassRules, rng: np.random.Generator
) -> np.ndarray:
    """Trim the largest pairs of classes that reach the limit, to one below it."""
    most = rules.utterance_limit - 1
    lower = counts.copy()
    for pairs in _pairs_of_each_class(classes):
        whole = counts[pairs]
        if whole.sum() > most:
            level = _highest(whole.max(), partial(_within_total, whole, most))
            trimmed = np.minimum(whole, level)
            larger = np.flatnonzero(whole > level)
            trimmed[rng.choice(larger, most - trimmed.sum(), replace=False)] += 1
            lower[pairs] = trimmed
    return lower


_RULES = {
    _drop_narrow: "with too few partners",
    _drop_rare: "with too few utterances",
    _trim_share: "too often with one partner",
    _trim_common: "too common",
}


def _pairs_of_each_class(classes: np.ndarray) -> list[np.ndarray]:
    order = np.argsort(classes, kind="stable")
    return np.split(order, np.cumsum(np.bincount(classes))[:-1])


def _within_share(counts: np.ndarray, share: float, level: int) -> bool:
    """Return whether the largest pair, trimmed to a level, has no more than its share."""
    return bool(level <= share * np.minimum(counts, level).sum())


def _within_total(counts: np.ndarray, most: int, level: int) -> bool:
    """Return whether all pairs, trimmed to a level, are no more than that together."""
    return bool(np.minimum(counts, level).sum() <= most)


def _highest(top: int, holds: Callable[[int], bool]) -> int:
    """Return the highest level in 0..top where `holds` is true; it is up to there, false above."""
    low, high = 0, int(top)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if holds(middle) else (low, middle - 1)
    return low


def word_classes(
    chosen: Iterable[AlignedWord], vocabulary: Mapping[str, int] | None = None
) -> list[ClassLabel]:
    """Return the classes of the words, in order: those of the vocabulary, or numbered from 1."""
    if vocabulary is None:
        vocabulary = {word: 1 + i for i, word in enumerate(sorted({w.label for w in chosen}))}
    return sorted((ClassLabel(i, w, w) for w, i in vocabulary.items()), key=attrgetter("index"))


def word_clips(
    chosen: Iterable[AlignedWord],
    classes: Iterable[ClassLabel],
    validation_share: float,
    seed: int = 0,
) -> list[WordClip]:
    """Return the list of the chosen words.

    Args:
        chosen: from `choose_words`.
        classes: from `word_classes`.
        validation_share: of the recordings, set aside for validation.
        seed: of the split.
    """
    index = {label.label: label.index for label in classes}
    return [
        WordClip(
            str(word.path.resolve()),
            round(word.middle / word.rate_hz, 6),
            word.label,
            index[word.label],
            word.speaker,
            split_of(word.path, validation_share, seed),
        )
        for word in chosen
    ]


def split_of(recording: Path, validation_share: float, seed: int) -> str:
    """Return the split of a whole recording, whose clips may overlap, drawn from its name alone.

    Only its folder's and its own name count, so that the split is the same wherever the corpus
    lies.
    """
    name = "/".join(recording.resolve().parts[-2:])
    draw = np.random.default_rng([seed, crc32(name.encode())]).random()
    train, validation = SPLITS
    return validation if draw < validation_share else train
