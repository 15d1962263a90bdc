"""How the full-size audio networks are trained: on words of real speech in AudioSet's backgrounds.

They stop at the paper's validation scores: 57 % of 793 words, and an area under the ROC curve of
0.83 for AudioSet. The recipe is that of later networks of the same laboratory, as far as it is
known; that of 2019 is not published. Source: paper section 3.1, supplement S1.1.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from model_metamers.cluster import Share
from model_metamers.files import sha256_of
from model_metamers.frontends.erb import CochleagramConfig
from model_metamers.networks.word_cnn import AUDIOSET_HEAD, WORD_HEAD
from model_metamers.training import clip_lists, tasks, word_stream
from model_metamers.training.evaluation import judge
from model_metamers.training.loop import TrainingConfig
from shared.courses import Course, Scores, scores_on_one_device
from shared.training_flags import networks_trained_by

NETWORKS = networks_trained_by("experiments/train_word_cnn.py")
N_CLASSES = WORD_HEAD | AUDIOSET_HEAD
SCORES = {"word": "word_accuracy", "audioset": "audioset_auc"}

# 55 epochs of the paper's clips, unless the targets end it before. With a momentum of 0.9 this
# decoupled weight decay pulls as hard as 1e-4 in the gradient.
RECIPE = TrainingConfig(
    steps=100_000, batch_size=128, learning_rate=0.01, weight_decay=1e-3, momentum=0.9,
    warmup_steps=1000, clip_norm=None, checkpoint_seconds=600, evaluation_steps=2000,
)  # fmt: skip
# Of the mean over AudioSet's classes of the binary cross-entropies.
AUDIOSET_WEIGHT = 300.0

# What makes a network small enough to try the rest: few channels, a quarter of the bands.
TRIAL = {"widths": 1 / 32, "cochleagram": CochleagramConfig(sample_factor=1)}


@dataclass(frozen=True)
class WordDataset:
    """What the networks hear: split -> rows of the tables of build_word_dataset.py.

    Attributes:
        words: the clips of speech.
        backgrounds: the recordings behind them.
        record: what the manifest tells about them.
    """

    words: Mapping[str, Sequence[clip_lists.WordClip]]
    backgrounds: Mapping[str, Sequence[clip_lists.BackgroundClip]]
    record: Mapping[str, object]


def read_dataset(directory: Path) -> WordDataset:
    """Read the tables of a folder.

    Raises:
        ValueError: missing or malformed table, no row of a split, a class that the networks lack,
            or recordings that are not there.
    """
    words_csv, backgrounds_csv = directory / "words.csv", directory / "backgrounds.csv"
    words = {
        split: clip_lists.read_clip_list(words_csv, clip_lists.WordClip, split)
        for split in clip_lists.SPLITS
    }
    backgrounds = {
        split: clip_lists.read_clip_list(backgrounds_csv, clip_lists.BackgroundClip, split)
        for split in clip_lists.SPLITS
    }
    largest = max(clip.word_index for clips in words.values() for clip in clips)
    if largest >= N_CLASSES["word"]:
        raise ValueError(
            f"{words_csv} has a class {largest}, the networks {N_CLASSES['word']} outputs from 0; "
            f"build it with --vocabulary=paper"
        )
    _check_recordings(words_csv, [clip for split in words.values() for clip in split])
    _check_recordings(backgrounds_csv, [clip for split in backgrounds.values() for clip in split])
    record: dict[str, object] = {
        "data": f"words in backgrounds of {directory.name}, chosen by build_word_dataset.py",
        "sha256_of_tables": sha256_of(words_csv, backgrounds_csv),
        "n_words": len({clip.word for clip in words["train"]}),
    }
    record |= {f"n_{split}": len(clips) for split, clips in words.items()}
    record |= {f"n_{split}_backgrounds": len(clips) for split, clips in backgrounds.items()}
    return WordDataset(words, backgrounds, record)


def _check_recordings(
    table: Path, clips: Sequence[clip_lists.WordClip | clip_lists.BackgroundClip]
) -> None:
    """Raise ValueError where one recording of every folder is not there."""
    one_of_folder = {Path(clip.sound_path).parent: Path(clip.sound_path) for clip in clips}
    for path in one_of_folder.values():
        if not path.is_file():
            raise ValueError(f"{table} names {path}, which is not there")


def course(
    recipe: TrainingConfig,
    build: Callable[[], keras.Model],
    dataset: WordDataset,
    heads: Sequence[str],
    targets: Mapping[str, float],
    *,
    strategy: tf.distribute.Strategy,
    share: Share = Share(),
) -> Course:
    """Return the course of a full-size audio network.

    Args:
        recipe: its numbers.
        build: returns the network.
        dataset: what it hears.
        heads: its tasks, "word" or "audioset" or both, in the order of its outputs.
        targets: task -> score at which training ends.
        strategy: device strategy.
        share: this worker's part of every batch.
    """

    def batches(first_step: int) -> tf.data.Dataset:
        return word_stream.word_batches(
            dataset.words["train"], dataset.backgrounds["train"], recipe.batch_size, recipe.seed,
            first_step, worker=share.worker, n_workers=share.n_workers,
        )  # fmt: skip

    validation = _validation(dataset, heads, recipe.batch_size)
    return Course(
        recipe,
        build,
        tasks.sound_loss(heads, AUDIOSET_WEIGHT / N_CLASSES["audioset"]),
        batches,
        scores_on_one_device(validation),
        record={**dataset.record, "targets": {head: targets[head] for head in heads}},
        validated=tuple(SCORES[head] for head in heads),
        validate=lambda model: validation(model, strategy, share),
        is_enough=lambda found: all(found[SCORES[head]] >= targets[head] for head in heads),
    )


def _validation(
    dataset: WordDataset, heads: Sequence[str], batch_size: int
) -> Callable[[keras.Model, tf.distribute.Strategy, Share], Scores]:
    """Return (model, strategy, share) -> scores on the clips held out."""
    words, backgrounds = dataset.words["validation"], dataset.backgrounds["validation"]

    def validation(model: keras.Model, strategy: tf.distribute.Strategy, share: Share) -> Scores:
        found = judge(
            model, _judgement(heads),
            lambda: word_stream.word_evaluation_batches(
                words, backgrounds, batch_size, worker=share.worker, n_workers=share.n_workers
            ),
            len(words), batch_size, strategy,
        )  # fmt: skip
        return _scores(found)

    return validation


def _judgement(heads: Sequence[str]) -> Callable[[Any, Any], dict[str, tf.Tensor]]:
    """Return what is kept of an example: whether the word is right, all scores of backgrounds."""

    def judgement(targets: Any, outputs: Any) -> dict[str, tf.Tensor]:
        logits, found = dict(zip(heads, tf.nest.flatten(outputs), strict=True)), {}
        if "word" in logits:
            answer = tf.argmax(logits["word"], axis=-1, output_type=tf.int32)
            found["word_right"] = tf.cast(answer == targets["word"], tf.float32)
        if "audioset" in logits:
            found |= {"present": targets["audioset"], "audioset": logits["audioset"]}
        return found

    return judgement


def _scores(found: Mapping[str, np.ndarray]) -> dict[str, float]:
    scores = {}
    if "word_right" in found:
        scores["word_accuracy"] = float(np.mean(found["word_right"]))
    if "audioset" in found:
        scores["audioset_auc"] = tasks.area_under_roc(found["present"], found["audioset"])
    return scores
