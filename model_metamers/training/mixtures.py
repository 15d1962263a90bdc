"""Words in backgrounds, as a deterministic stream: example i is a function of (seed, i) alone.

An example is one second of speech, shifted at random, in a background of one or two textures at a
signal-to-noise ratio drawn between -10 and 10 dB. One example in ten has no background, one in
twenty no speech; they are the null classes.

Source: paper section 3.1 and supplement; SNR and RMS of the same laboratory's later recipe
(github.com/jenellefeather/cochdnn).
"""

from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from model_metamers.stimuli.labels import SMALL_BACKGROUND_LABELS
from model_metamers.stimuli.mixing import mix_at_snr
from model_metamers.stimuli.sounds import RMS
from model_metamers.training.python_calls import StoppableCall
from model_metamers.training.sounds import N_SAMPLES, SHIFT_SAMPLES, Sounds

_PCM = np.float32(1 / 32768)


@dataclass(frozen=True)
class MixtureConfig:
    """How words and backgrounds are mixed.

    Attributes:
        snr_db: lowest and highest ratio; uniform in between.
        without_background: share of examples that are speech alone.
        without_speech: share of examples that are background alone.
        with_two_backgrounds: share of examples with a second texture, as loud as the first.
    """

    snr_db: tuple[float, float] = (-10.0, 10.0)
    without_background: float = 0.1
    without_speech: float = 0.05
    with_two_backgrounds: float = 0.2


TRAINING = MixtureConfig()
# What a word network is scored on: every clip has a word, at the SNRs of training or in quiet.
IN_NOISE = MixtureConfig(without_background=0.0, without_speech=0.0)
IN_QUIET = MixtureConfig(without_background=1.0, without_speech=0.0)


def mixtures(
    words: Sounds, backgrounds: Sounds, config: MixtureConfig, seed: int, positions: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mix the examples at some positions of the stream; every epoch hears each word clip once.

    Args:
        words: speech, of `N_SAMPLES` + 2 * `SHIFT_SAMPLES` or more.
        backgrounds: textures, of `N_SAMPLES` or more.
        config: proportions.
        seed: of the stream.
        positions: int [n].

    Returns:
        waveforms float32 [n, N_SAMPLES] at RMS 0.1, word classes int32 [n], and backgrounds
        float32 [n, n_classes]: 1 for each that is there.
    """
    examples = [_mixture(words, backgrounds, config, seed, int(p)) for p in positions]
    waveforms, labels, targets = zip(*examples, strict=True)
    return np.stack(waveforms), np.array(labels, np.int32), np.stack(targets)


def _mixture(
    words: Sounds, backgrounds: Sounds, config: MixtureConfig, seed: int, position: int
) -> tuple[np.ndarray, int, np.ndarray]:
    epoch, offset = divmod(position, len(words))
    clip = np.random.default_rng([seed, epoch]).permutation(len(words))[offset]
    rng = np.random.default_rng([seed, epoch, offset])
    kind, second, snr = rng.random(), rng.random(), rng.uniform(*config.snr_db)
    shift = rng.integers(2 * SHIFT_SAMPLES, endpoint=True)
    speech = words.waveforms[clip, shift : shift + N_SAMPLES] * _PCM
    background, target = _background(
        backgrounds, rng, 2 if second < config.with_two_backgrounds else 1
    )
    if kind < config.without_background:
        return _at_rms(speech), words.labels[clip], _one_hot([0])
    if kind > 1 - config.without_speech:
        return _at_rms(background), 0, target
    return mix_at_snr(speech, background, snr), words.labels[clip], target


def _background(
    backgrounds: Sounds, rng: np.random.Generator, n_textures: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return the sum of some textures at equal level, and its target."""
    chosen = rng.integers(len(backgrounds), size=n_textures)
    starts = rng.integers(backgrounds.waveforms.shape[1] - N_SAMPLES, size=2)[:n_textures]
    parts = [
        _at_rms(backgrounds.waveforms[index, start : start + N_SAMPLES] * _PCM)
        for index, start in zip(chosen, starts, strict=True)
    ]
    return np.sum(parts, axis=0), _one_hot(backgrounds.labels[chosen])


def _one_hot(labels: np.ndarray | list[int]) -> np.ndarray:
    target = np.zeros(len(SMALL_BACKGROUND_LABELS), np.float32)
    target[labels] = 1.0
    return target


def _at_rms(waveform: np.ndarray) -> np.ndarray:
    waveform = waveform - waveform.mean()
    rms = np.sqrt(np.mean(waveform**2))
    return (waveform * (RMS / max(rms, np.finfo(np.float32).tiny))).astype(np.float32)


def mixture_batches(
    words: Sounds, backgrounds: Sounds, batch_size: int, seed: int, first_step: int
) -> tf.data.Dataset:
    """Return endless training batches of waveforms and {"word": ..., "background": ...}."""

    def batch_at(step: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        positions = step * batch_size + np.arange(batch_size)
        return mixtures(words, backgrounds, TRAINING, seed, positions)

    call = StoppableCall(batch_at)

    def batch(step: tf.Tensor) -> tuple[tf.Tensor, dict[str, tf.Tensor]]:
        types = (tf.float32, tf.int32, tf.float32)
        waveforms, labels, targets = tf.numpy_function(call, [step], types, stateful=False)
        waveforms.set_shape((batch_size, N_SAMPLES))
        labels.set_shape((batch_size,))
        targets.set_shape((batch_size, len(SMALL_BACKGROUND_LABELS)))
        return waveforms, {"word": labels, "background": targets}

    return tf.data.Dataset.range(first_step, np.iinfo(np.int64).max).map(batch)
