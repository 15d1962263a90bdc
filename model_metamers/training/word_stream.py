"""Words in backgrounds for the full-size audio networks, read from recordings as they are needed.

An example is 2 s of speech around a word, shifted at random, in a random part of a background at
a random signal-to-noise ratio. It is a function of (seed, position) alone, so that a stream can
start anywhere. Every epoch hears each word once; backgrounds have epochs of their own.

Recordings at 20 kHz need no resampling, which is most of the work.

Source: paper section 3.1, supplement S1.1; SNR and RMS as in `mixtures`.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import tensorflow as tf

from model_metamers.networks.word_cnn import AUDIOSET_HEAD
from model_metamers.stimuli.mixing import mix_at_snr
from model_metamers.stimuli.sound_files import (
    ChannelsCancelError,
    read_excerpt,
    recorded_samples,
)
from model_metamers.stimuli.sounds import N_SAMPLES, SAMPLE_RATE_HZ, SILENT_RMS, load_sound
from model_metamers.training.clip_lists import BackgroundClip, WordClip
from model_metamers.training.datasets import shuffled_index, worker_batches
from model_metamers.training.python_calls import StoppableCall

# Added to the seed of the words' order, so that words and backgrounds do not go in step.
_BACKGROUND_ORDER = 1 << 31


@dataclass(frozen=True)
class WordStreamConfig:
    """How clips are cut and mixed.

    Attributes:
        snr_db: lowest and highest signal-to-noise ratio; uniform in between.
        max_shift_s: farthest a word's midpoint is from the middle, to either side; uniform. Near
            the ends of its recording a word is shifted less. Our choice; the paper's is not
            published.
        n_backgrounds: AudioSet classes, the null class included.
    """

    snr_db: tuple[float, float] = (-10.0, 10.0)
    max_shift_s: float = 0.1
    n_backgrounds: int = AUDIOSET_HEAD["audioset"]


Example = tuple[tf.Tensor, dict[str, tf.Tensor]]


def word_batches(
    words: Sequence[WordClip],
    backgrounds: Sequence[BackgroundClip],
    batch_size: int,
    seed: int,
    first_step: int,
    config: WordStreamConfig = WordStreamConfig(),
    worker: int = 0,
    n_workers: int = 1,
) -> tf.data.Dataset:
    """Return endless batches to train on.

    Args:
        words: rows of a list of clips.
        backgrounds: rows of a list of clips.
        batch_size: examples per step, over all workers.
        seed: of the orders, shifts, ratios and parts.
        first_step: step to start from.
        config: how to cut and mix.
        worker: which of the workers this is, from 0.
        n_workers: number of workers; each gets its share of every batch.

    Returns:
        Waveforms float32 [share, 40000] at 20 kHz and RMS 0.1, with "word" int32 [share] and
        "audioset" float32 [share, n_backgrounds], 1 for every class of the background.

    Raises:
        ValueError: nothing to read, a class that the network lacks, or a batch that cannot be
            split.
    """
    example = _examples(words, backgrounds, config, seed)

    def example_at(position: tf.Tensor) -> Example:
        return example(position, shuffled_index(position, len(words), seed))

    return worker_batches(example_at, batch_size, first_step, worker, n_workers)


def word_evaluation_batches(
    words: Sequence[WordClip],
    backgrounds: Sequence[BackgroundClip],
    batch_size: int = 64,
    seed: int = 0,
    config: WordStreamConfig = WordStreamConfig(),
    worker: int = 0,
    n_workers: int = 1,
) -> tf.data.Dataset:
    """Return endless batches of the words, in order and over again, in the middle of their clips.

    Args, Returns and Raises are those of `word_batches`.
    """
    example = _examples(words, backgrounds, replace(config, max_shift_s=0.0), seed)

    def example_at(position: tf.Tensor) -> Example:
        index = position % len(words)
        return example(index, index)

    return worker_batches(example_at, batch_size, 0, worker, n_workers)


def _examples(
    words: Sequence[WordClip],
    backgrounds: Sequence[BackgroundClip],
    config: WordStreamConfig,
    seed: int,
) -> Callable[[tf.Tensor, tf.Tensor], Example]:
    """Return (position, word) -> example."""
    if not words or not backgrounds:
        raise ValueError(f"{len(words)} words and {len(backgrounds)} backgrounds cannot be mixed")
    classes = [_classes(background) for background in backgrounds]
    largest = max(map(max, classes))
    if largest >= config.n_backgrounds:
        raise ValueError(
            f"the backgrounds have a class {largest}, the network {config.n_backgrounds} outputs "
            f"from 0"
        )

    def mixed(position: int, word: int, background: int) -> tuple[np.ndarray, np.ndarray]:
        labels = np.zeros(config.n_backgrounds, np.float32)
        labels[classes[background]] = 1.0
        draws = np.random.default_rng([seed, position])
        return _mixture(words[word], backgrounds[background], config, draws), labels

    call = StoppableCall(mixed)
    word_index = tf.constant([word.word_index for word in words], tf.int32)

    def example(position: tf.Tensor, word: tf.Tensor) -> Example:
        background = shuffled_index(position, len(backgrounds), seed + _BACKGROUND_ORDER)
        waveform, labels = tf.numpy_function(
            call, [position, word, background], [tf.float32, tf.float32], stateful=False
        )
        waveform.set_shape([N_SAMPLES])
        labels.set_shape([config.n_backgrounds])
        return waveform, {"word": word_index[word], "audioset": labels}

    return example


def _classes(background: BackgroundClip) -> list[int]:
    classes = [int(label) for label in background.labels.split()]
    if not classes or min(classes) < 1:
        raise ValueError(
            f"{background.sound_path} needs classes from 1 on; got {background.labels!r}"
        )
    return classes


def _mixture(
    word: WordClip,
    background: BackgroundClip,
    config: WordStreamConfig,
    draws: np.random.Generator,
) -> np.ndarray:
    """Return one mixture, float32 [N_SAMPLES]."""
    shift_s = draws.uniform(-config.max_shift_s, config.max_shift_s)
    snr_db = draws.uniform(*config.snr_db)
    speech = _speech(Path(word.sound_path), word.midpoint_s + shift_s)
    noise = background_part(Path(background.sound_path), draws.random())
    try:
        return mix_at_snr(speech, noise, snr_db)
    except ValueError as error:
        raise ValueError(
            f"{word.word!r} of {word.sound_path} in {background.sound_path}: {error}"
        ) from error


def _speech(path: Path, middle_s: float) -> np.ndarray:
    """Return the clip around a moment, within the recording."""
    start = round(middle_s * SAMPLE_RATE_HZ - N_SAMPLES / 2)
    return read_excerpt(path, min(max(start, 0), _last_start(path)), N_SAMPLES, SAMPLE_RATE_HZ)


def background_part(path: Path, where: float) -> np.ndarray:
    """Return the part of a recording that `where` in [0, 1) tells, or the loudest for silence.

    Channels may cancel in a part alone, which is as silent.
    """
    start = int(where * (_last_start(path) + 1))
    try:
        part = read_excerpt(path, start, N_SAMPLES, SAMPLE_RATE_HZ)
    except ChannelsCancelError:
        return load_sound(path)
    return part if part.std() > SILENT_RMS else load_sound(path)


def _last_start(path: Path) -> int:
    """Return the last sample a clip can start from; 0 in recordings that are too short."""
    n_recorded, rate_hz = recorded_samples(path)
    return max(math.ceil(n_recorded * SAMPLE_RATE_HZ / rate_hz) - N_SAMPLES, 0)
