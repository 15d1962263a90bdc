"""The choice of words and speakers: its rules hold on random corpora, and it removes no more."""

import itertools
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from model_metamers.stimuli.alignments import AlignedWord, read_timit_folder
from model_metamers.training import corpus
from model_metamers.training.clip_lists import (
    ClassLabel,
    WordClip,
    read_clip_list,
    write_clip_list,
)
from model_metamers.training.corpus import ClassRules

RULES = ClassRules(4, 12, 0.25, 40, 1)
NO_RULES = ClassRules(1, 1, 1.0, 10**9, 1)


def utterance(word, speaker, number=0, middle=20_000, n_recorded=40_000):
    """A word in a recording of its own, in the middle of 2 s unless told otherwise."""
    path = Path("corpus", speaker, f"{word}{number}.wav")
    return AlignedWord(word, speaker, path, 20_000, n_recorded, middle)


def random_corpus(seed):
    """Up to 6000 utterances; a few words and speakers have most of them, as in real corpora."""
    generator = np.random.default_rng(seed)
    n, n_words, n_speakers = generator.integers([200, 3, 3], [6000, 60, 40])
    words = generator.zipf(1.2 + generator.random(), n) % n_words
    speakers = (generator.exponential(0.3, n) * n_speakers).astype(int)
    return [
        utterance(f"word{w}", f"speaker{s}", i)
        for i, (w, s) in enumerate(zip(words, speakers, strict=True))
    ]


def assert_rules_hold(chosen, rules):
    for own, other in (("label", "speaker"), ("speaker", "label")):
        partners = {}
        for word in chosen:
            partners.setdefault(getattr(word, own), Counter())[getattr(word, other)] += 1
        for counts in partners.values():
            assert len(counts) >= rules.min_partners
            assert rules.min_utterances <= counts.total() < rules.utterance_limit
            assert max(counts.values()) <= rules.max_partner_share * counts.total()


def choose(spoken, rules, **options):
    """Choose words; nothing left is an empty choice here."""
    try:
        return corpus.choose_words(spoken, rules, **options)
    except ValueError as error:
        assert "no word is left" in str(error)
        return [], None


@pytest.mark.parametrize("seed", range(40))
def test_rules_hold_on_random_corpora(seed):
    spoken = random_corpus(seed)
    generator = np.random.default_rng([seed, 1])
    rules = ClassRules(
        int(generator.integers(1, 8)), int(generator.integers(1, 30)),
        float(generator.uniform(0.1, 0.6)), int(generator.integers(31, 300)), 1,
    )  # fmt: skip
    chosen, removed = choose(spoken, rules, seed=seed)
    assert_rules_hold(chosen, rules)
    assert set(chosen) <= set(spoken) and len(set(chosen)) == len(chosen)
    if chosen:
        assert sum(removed.values()) == len(spoken) - len(chosen)
        # A fixed point: what was chosen is chosen again, whole.
        assert corpus.choose_words(chosen, rules, seed=seed + 1)[0] == chosen


def test_random_corpora_are_neither_kept_whole_nor_lost():
    """The property test above would pass on nothing."""
    shares = [
        len(choose(spoken, RULES)[0]) / len(spoken) for spoken in map(random_corpus, range(40))
    ]
    assert sum(0 < share < 1 for share in shares) > 20


@pytest.mark.parametrize("seed", range(5))
def test_the_choice_depends_on_the_seed_alone(seed):
    spoken = random_corpus(seed)
    chosen = corpus.choose_words(spoken, RULES, seed=3)
    np.random.default_rng(0).shuffle(spoken)
    assert corpus.choose_words(spoken, RULES, seed=3) == chosen
    others = {tuple(corpus.choose_words(spoken, RULES, seed=s)[0]) for s in range(4, 8)}
    assert len(others) == 4


def test_without_rules_everything_stays():
    spoken = random_corpus(0)
    chosen, removed = corpus.choose_words(spoken, NO_RULES)
    assert sorted(map(str, chosen)) == sorted(map(str, spoken)) and not any(removed.values())


@pytest.mark.parametrize("seed", range(30))
def test_no_class_is_dropped_that_could_stay(seed):
    """Against all subsets: where nothing is trimmed, the largest one that fulfils the rules."""
    generator = np.random.default_rng(seed)
    counts = generator.integers(0, 4, (5, 4)) * (generator.random((5, 4)) < 0.7)
    rules = ClassRules(2, 5, 1.0, 10**6, 1)

    def fulfils(part):
        return all(
            ((part > 0).sum(axis)[part.sum(axis) > 0] >= rules.min_partners).all()
            and (part.sum(axis)[part.sum(axis) > 0] >= rules.min_utterances).all()
            for axis in (0, 1)
        )

    subsets = (
        counts * np.outer(rows, columns)
        for rows in itertools.product((0, 1), repeat=5)
        for columns in itertools.product((0, 1), repeat=4)
    )
    largest = max((part for part in subsets if fulfils(part)), key=np.sum)
    words, speakers = np.indices(counts.shape).reshape(2, -1)
    kept, _ = corpus.balanced_counts(words, speakers, counts.ravel(), rules, seed=0)
    np.testing.assert_array_equal(kept.reshape(counts.shape), largest)


def test_what_is_too_common_is_trimmed_to_just_below_the_limit():
    counts = np.array([30, 1, 7, 7, 7, 7])
    zeros = np.zeros(6, int)
    speakers = np.arange(6)
    rules = ClassRules(1, 1, 1.0, 28, 1)
    kept, removed = corpus.balanced_counts(zeros, speakers, counts, rules, seed=0)
    assert kept.sum() == 27 and kept[1] == 1
    assert sorted(kept[kept > 1]) == [5, 5, 5, 5, 6]  # the largest pairs, to one level
    assert removed["word too common"] == counts.sum() - 27
    assert sum(removed.values()) == counts.sum() - 27


def test_what_one_partner_dominates_is_trimmed_as_little_as_can_be():
    words, speakers = np.indices((2, 4)).reshape(2, -1)
    counts = np.array([30, 4, 4, 4, 30, 4, 4, 4])
    rules = ClassRules(1, 1, 0.5, 100, 1)
    kept, removed = corpus.balanced_counts(words, speakers, counts, rules, seed=0)
    assert kept.tolist() == [12, 4, 4, 4] * 2  # 12 of 24
    assert removed["word too often with one partner"] == sum(removed.values()) == 36


def test_one_rule_may_call_for_another():
    """Dropping a rare word leaves its speaker with too few words, which makes others rarer."""
    spoken = [utterance(w, s, i) for w in ("aa", "bb") for s in ("x", "y") for i in range(5)]
    spoken += [utterance("bb", "z", i) for i in range(2)] + [utterance("rare", "z")]
    chosen, removed = corpus.choose_words(spoken, ClassRules(2, 4, 1.0, 100, 1))
    assert {word.speaker for word in chosen} == {"x", "y"} and len(chosen) == 20
    assert removed["word with too few partners"] == 1
    assert removed["speaker with too few partners"] == 2


def test_words_that_cannot_be_used_are_counted():
    spoken = [utterance("middle", "x"), utterance("middle", "x", 1, middle=19_000)]
    spoken += [utterance("the", "x"), utterance("other", "x")]
    rules = ClassRules(1, 1, 1.0, 100, 5)
    chosen, removed = corpus.choose_words(spoken, rules)
    assert [word.label for word in chosen] == ["middle", "other"]
    assert removed["too near an end of its recording"] == removed["word of too few letters"] == 1
    # A vocabulary decides by itself.
    chosen, removed = corpus.choose_words(spoken, rules, vocabulary={"the": 7, "middle": 3})
    assert [word.label for word in chosen] == ["middle", "the"]
    assert removed["word not in the vocabulary"] == 1
    with pytest.raises(
        ValueError, match=r"no word is left .*: too near an end .* 1, word of .* 1"
    ):
        corpus.choose_words(spoken[1:3], rules)
    with pytest.raises(ValueError, match="nothing was given"):
        corpus.choose_words([])


def test_defaults_are_the_paper_s():
    assert ClassRules() == ClassRules(50, 200, 0.25, 2000, 5)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ((0, 1, 0.5, 9, 1), "at least 1"),
        ((1, 1, 0.0, 9, 1), r"in \(0, 1\]"),
        ((1, 9, 0.5, 9, 1), "utterance_limit must exceed min_utterances; got 9 and 9"),
    ],
)
def test_impossible_rules_are_refused(values, message):
    with pytest.raises(ValueError, match=message):
        ClassRules(*values)


# Manifests


def test_a_list_of_clips_tells_class_and_split(tmp_path):
    spoken = [utterance(w, f"s{i}", i) for w in ("right", "about") for i in range(200)]
    classes = corpus.word_classes(spoken)
    assert classes == [ClassLabel(1, "about", "about"), ClassLabel(2, "right", "right")]
    clips = corpus.word_clips(spoken, classes, validation_share=0.25, seed=0)
    assert clips[0] == WordClip(
        str(Path("corpus/s0/right0.wav").resolve()), 1.0, "right", 2, "s0", clips[0].split
    )
    assert 60 < sum(clip.split == "validation" for clip in clips) < 140
    write_clip_list(tmp_path / "words.csv", clips, WordClip)
    assert read_clip_list(tmp_path / "words.csv", WordClip) == clips
    validation = read_clip_list(tmp_path / "words.csv", WordClip, "validation")
    assert validation == [clip for clip in clips if clip.split == "validation"]


def test_a_vocabulary_keeps_its_indices():
    spoken = [utterance("right", "x")]
    vocabulary = {"young": 3, "right": 2, "about": 1}
    classes = corpus.word_classes(spoken, vocabulary)
    assert [(label.index, label.label) for label in classes] == [
        (1, "about"), (2, "right"), (3, "young"),
    ]  # fmt: skip
    assert corpus.word_clips(spoken, classes, 0.0)[0].word_index == 2


def test_a_recording_has_one_split_however_its_path_is_typed(tmp_path, monkeypatch):
    (tmp_path / "speaker").mkdir()
    monkeypatch.chdir(tmp_path / "speaker")
    for number in range(40):
        typed = [Path(f"{number}.wav"), Path("..", "speaker", f"{number}.wav")]
        typed.append(tmp_path / "speaker" / f"{number}.wav")
        assert len({corpus.split_of(path, 0.5, seed=0) for path in typed}) == 1


def test_clips_of_one_recording_share_a_split_wherever_the_corpus_lies():
    recordings = [Path("speaker", f"{i}.wav") for i in range(300)]
    splits = [corpus.split_of(path, 0.15, seed=0) for path in recordings]
    assert splits == [corpus.split_of("/data" / path, 0.15, seed=0) for path in recordings]
    assert splits != [corpus.split_of(path, 0.15, seed=1) for path in recordings]
    assert 20 < splits.count("validation") < 75
    assert {corpus.split_of(path, 0.0, seed=0) for path in recordings} == {"train"}
    assert {corpus.split_of(path, 1.0, seed=0) for path in recordings} == {"validation"}


def test_words_that_look_like_nothing_survive_a_list_of_clips(tmp_path):
    clips = [
        WordClip("a, b.wav", 1.5, word, i, "null", "train")
        for i, word in enumerate(["null", "nan", "none", "true", "o'clock", "née"], start=1)
    ]
    write_clip_list(tmp_path / "words.csv", clips, WordClip)
    text = (tmp_path / "words.csv").read_text("utf-8")
    (tmp_path / "words.csv").write_text(text, "utf-8-sig")  # as spreadsheets save it
    read = read_clip_list(tmp_path / "words.csv", WordClip)
    assert [clip.word for clip in read] == [clip.word for clip in clips]
    assert read[0].sound_path == str(tmp_path.resolve() / "a, b.wav") and read[0].speaker == "null"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("sound_path,word\n", "lacks the columns midpoint_s, word_index, speaker, split"),
        ("sound_path,midpoint_s,word,word_index,speaker,split\n", "has no rows"),
        (
            "sound_path,midpoint_s,word,word_index,speaker,split\na,b,c,1,s,train\n",
            "line 2: .*'b'",
        ),
        ("sound_path,midpoint_s,word,word_index,speaker,split\na,1,c,1,s\n", "line 2"),
        ("sound_path,midpoint_s,word,word_index,speaker,split\na,1,c,1,s,test\n", "got 'test'"),
        (
            'sound_path,midpoint_s,word,word_index,speaker,split\n"a,1,c,1,s,train\n'
            + 6_000 * "a,1,c,1,s,train\n" * 2,
            "no table in CSV from line 2 on .*; close its quotes",
        ),
    ],
)
def test_malformed_lists_are_told(text, message, tmp_path):
    (tmp_path / "words.csv").write_text(text)
    with pytest.raises(ValueError, match=message):
        read_clip_list(tmp_path / "words.csv", WordClip)
    with pytest.raises(ValueError, match=r"no list of clips .*none\.csv"):
        read_clip_list(tmp_path / "none.csv", WordClip)


# The real corpus


def test_timit_with_rules_scaled_to_it(shared_data):
    spoken = read_timit_folder(shared_data / "timit_nltk_sample")
    rules = ClassRules(5, 5, 0.25, 20, 1)
    chosen, removed = corpus.choose_words(spoken, rules, seed=0)
    assert_rules_hold(chosen, rules)
    assert len(spoken) == 1394 and removed["too near an end of its recording"] == 1394 - 539
    assert len({word.label for word in chosen}) >= 10 and len(chosen) >= 100
