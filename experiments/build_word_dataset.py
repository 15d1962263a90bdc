r"""Choose the speech and the backgrounds that the full-size audio networks are trained on.

    python experiments/build_word_dataset.py --timit_dirs=timit/train,timit/test \
        --alignments=wsj/words.csv,spoken_wikipedia/words.csv --vocabulary=paper \
        --audioset_dir=audioset/sounds --audioset_segments=unbalanced_train_segments.csv \
        --class_labels=class_labels_indices.csv --ontology=ontology.json --output_dir=word_dataset

Speech comes as TIMIT's folders (.wrd beside the sounds) or as tables with the columns sound_path,
speaker, word, start_s, end_s; backgrounds as a folder of AudioSet's sounds with its published
tables. Either may be left out. Nothing is copied: the output is tables that name recordings.

    words.csv, word_labels.csv              2-s clips around words; their classes, from 1
    backgrounds.csv, audioset_labels.csv    recordings without speech; their classes, from 1
    words.json, backgrounds.json            thresholds; how many were left out, and why

Of the speech only the headers are read, of the backgrounds everything.

Source: supplement S1.1.
"""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeVar

from absl import flags, logging

from model_metamers.files import atomic_file
from model_metamers.paper import load_table
from model_metamers.stimuli.alignments import (
    AlignedWord,
    read_alignment_csv,
    read_timit_folder,
)
from model_metamers.training import audioset, corpus
from model_metamers.training.audioset import ScreeningRules
from model_metamers.training.clip_lists import (
    NULL_CLASS,
    SPLITS,
    BackgroundClip,
    ClassLabel,
    WordClip,
    write_clip_list,
)
from model_metamers.training.corpus import ClassRules
from shared import paths, script

Clip = TypeVar("Clip", WordClip, BackgroundClip)

CLASS_TABLES = {"words": "word_labels.csv", "backgrounds": "audioset_labels.csv"}

_TIMIT_DIRS = flags.DEFINE_list("timit_dirs", [], "Folders of sounds with .wrd files.")
_ALIGNMENTS = flags.DEFINE_list(
    "alignments", [], "Tables of aligned words. A speaker's name means the same in all of them."
)
_AUDIOSET_DIR = flags.DEFINE_string("audioset_dir", None, "Folder of AudioSet's sounds.")
_SEGMENTS = flags.DEFINE_list("audioset_segments", [], "AudioSet's tables of segments.")
_CLASS_LABELS = flags.DEFINE_string("class_labels", None, "AudioSet's class_labels_indices.csv.")
_ONTOLOGY = flags.DEFINE_string("ontology", None, "AudioSet's ontology.json.")
flags.DEFINE_string("output_dir", "word_dataset", "Where the tables go.")
_SEED = flags.DEFINE_integer(
    "seed", 0, "Of the choice and the split.", lower_bound=0, upper_bound=2**31 - 1
)
_VALIDATION_SHARE = flags.DEFINE_float(
    "validation_share", 0.15, "Share of recordings for validation (paper: 40,650 of 271,006).",
    lower_bound=0, upper_bound=1,
)  # fmt: skip
_VOCABULARY = flags.DEFINE_enum(
    "vocabulary", "found", ("found", "paper"),
    "Words: all that pass the rules, or those of the paper's 793 with the paper's indices.",
)  # fmt: skip
_RULES = ClassRules()
_MIN_PARTNERS = flags.DEFINE_integer(
    "min_partners", _RULES.min_partners, "Fewest speakers of a word, and words of a speaker."
)
_MIN_UTTERANCES = flags.DEFINE_integer(
    "min_utterances", _RULES.min_utterances, "Fewest utterances of a word or speaker."
)
_MAX_PARTNER_SHARE = flags.DEFINE_float(
    "max_partner_share", _RULES.max_partner_share, "Largest share of one speaker in a word, of "
    "one word in a speaker.",
)  # fmt: skip
_UTTERANCE_LIMIT = flags.DEFINE_integer(
    "utterance_limit", _RULES.utterance_limit, "A word or speaker has fewer utterances than this."
)
_MIN_LETTERS = flags.DEFINE_integer("min_letters", _RULES.min_letters, "Of the words found.")
_SCREENING = ScreeningRules()
_SPEECH_TAGS = flags.DEFINE_list(
    "speech_tags",
    list(_SCREENING.speech),
    "Backgrounds have none of these AudioSet sounds, nor below.",
)
_SILENCE_TAGS = flags.DEFINE_list("silence_tags", list(_SCREENING.silence), "Nor these.")
_UNINFORMATIVE_TAGS = flags.DEFINE_list(
    "uninformative_tags",
    list(_SCREENING.uninformative),
    "Backgrounds have another tag than these.",
)
_MAX_ZERO_SHARE = flags.DEFINE_float(
    "max_zero_share", _SCREENING.max_zero_share, "Largest share of digital zeros."
)


def main() -> None:
    """Choose speech, choose backgrounds, write the tables."""
    output_dir = paths.output_folder("output_dir")
    has_speech = bool(_TIMIT_DIRS.value or _ALIGNMENTS.value)
    if not (has_speech or _AUDIOSET_DIR.value):
        raise ValueError("give speech (--timit_dirs, --alignments), --audioset_dir, or both")
    words = _words() if has_speech else None
    backgrounds = _backgrounds(Path(_AUDIOSET_DIR.value)) if _AUDIOSET_DIR.value else None
    if words:
        _write(output_dir, "words", WordClip, *words)
    if backgrounds:
        _write(output_dir, "backgrounds", BackgroundClip, *backgrounds)


def _words() -> tuple[list[WordClip], list[ClassLabel], dict[str, Any]]:
    rules = ClassRules(
        _MIN_PARTNERS.value, _MIN_UTTERANCES.value, _MAX_PARTNER_SHARE.value,
        _UTTERANCE_LIMIT.value, _MIN_LETTERS.value,
    )  # fmt: skip
    spoken = _spoken()
    vocabulary = _paper_vocabulary() if _VOCABULARY.value == "paper" else None
    chosen, removed = corpus.choose_words(spoken, rules, _SEED.value, vocabulary)
    classes = corpus.word_classes(chosen, vocabulary)
    clips = corpus.word_clips(chosen, classes, _VALIDATION_SHARE.value, _SEED.value)
    summary = {
        "rules": asdict(rules) | {"vocabulary": _VOCABULARY.value},
        "found": len(spoken),
        "left_out": removed,
        "words": len({clip.word for clip in clips}),
        "speakers": len({clip.speaker for clip in clips}),
    }
    return clips, classes, summary


def _spoken() -> list[AlignedWord]:
    """Return the aligned words of all tables and folders, of which one may lie in another."""
    found = [word for folder in _given(_TIMIT_DIRS) for word in read_timit_folder(folder)]
    found += [word for path in _given(_ALIGNMENTS) for word in read_alignment_csv(path)]
    distinct = {(word.path.resolve(), word.middle, word.label): word for word in found}
    if n_again := len(found) - len(distinct):
        logging.warning("left out %d of %d words, which were given twice", n_again, len(found))
    return list(distinct.values())


def _given(flag: flags.FlagHolder) -> list[Path]:
    return [Path(name) for name in script.names(flag.name) or ()] if flag.value else []


def _paper_vocabulary() -> dict[str, int]:
    labels = load_table("word_labels")
    index_of = dict(zip(labels.word, labels.word_index.astype(int), strict=True))
    return {word: index for word, index in index_of.items() if index != NULL_CLASS.index}


def _backgrounds(
    sounds: Path,
) -> tuple[list[BackgroundClip], list[ClassLabel], dict[str, Any]]:
    rules = ScreeningRules(
        tuple(_SPEECH_TAGS.value), tuple(_SILENCE_TAGS.value), tuple(_UNINFORMATIVE_TAGS.value),
        _MAX_ZERO_SHARE.value,
    )  # fmt: skip
    if not (_SEGMENTS.value and _CLASS_LABELS.value and _ONTOLOGY.value):
        raise ValueError("--audioset_dir needs --audioset_segments, --class_labels and --ontology")
    tags = audioset.read_tags(Path(_CLASS_LABELS.value), Path(_ONTOLOGY.value), rules)
    segments: dict[str, frozenset[str]] = {}
    for path in _SEGMENTS.value:
        segments |= audioset.read_segments(Path(path))
    clips, removed = audioset.choose_backgrounds(
        sounds, segments, tags, rules, _VALIDATION_SHARE.value, _SEED.value
    )
    summary = {
        "rules": asdict(rules),
        "found": len(clips) + sum(removed.values()),
        "left_out": removed,
        "classes": len(tags.classes),
    }
    return clips, list(tags.classes), summary


def _write(
    directory: Path,
    name: str,
    kind: type[Clip],
    clips: list[Clip],
    classes: list[ClassLabel],
    summary: dict[str, Any],
) -> None:
    """Write <name>.csv, its classes and its summary."""
    directory.mkdir(parents=True, exist_ok=True)
    summary |= {"seed": _SEED.value, "validation_share": _VALIDATION_SHARE.value}
    summary |= {split: sum(clip.split == split for clip in clips) for split in SPLITS}
    write_clip_list(directory / f"{name}.csv", clips, kind)
    write_clip_list(directory / CLASS_TABLES[name], [NULL_CLASS, *classes], ClassLabel)
    with atomic_file(directory / f"{name}.json") as file:
        file.write(json.dumps(summary, indent=2).encode() + b"\n")
    logging.info("wrote %s.csv to %s:\n%s", name, directory, json.dumps(summary, indent=2))


if __name__ == "__main__":
    script.run(main)
