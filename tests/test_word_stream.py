"""Streams of words in backgrounds: what an example is, and that its place alone decides it."""

from collections import Counter

import numpy as np
import pytest
import soundfile
import tensorflow as tf

from model_metamers.training.clip_lists import BackgroundClip, WordClip
from model_metamers.training.datasets import worker_positions
from model_metamers.training.word_stream import (
    WordStreamConfig,
    background_part,
    word_batches,
    word_evaluation_batches,
)

RATE_HZ = 20_000
WORD_HZ, FIRST_BACKGROUND_HZ = 3000, 400
N_WORDS, N_BACKGROUNDS = 5, 3


def tone(frequency_hz, seconds, rate_hz=RATE_HZ):
    return np.sin(2 * np.pi * frequency_hz * np.arange(round(seconds * rate_hz)) / rate_hz)


@pytest.fixture(scope="module")
def words(tmp_path_factory):
    """Words are bursts of one tone at 1.5 s of 3 s, at different rates."""
    folder = tmp_path_factory.mktemp("speech")
    clips = []
    for i in range(N_WORDS):
        rate_hz = (RATE_HZ, 16_000, 44_100)[i % 3]
        samples = 0.3 * tone(WORD_HZ, 3, rate_hz)
        samples *= np.exp(-(((np.arange(len(samples)) / rate_hz - 1.5) / 0.02) ** 2))
        path = folder / f"{i}.flac"
        soundfile.write(path, samples, rate_hz, subtype="PCM_24")
        clips.append(WordClip(str(path), 1.5, f"word{i}", 1 + i, "s", "train"))
    return clips


@pytest.fixture(scope="module")
def backgrounds(tmp_path_factory):
    """Backgrounds are tones of different frequencies that last 3 s."""
    folder = tmp_path_factory.mktemp("backgrounds")
    clips = []
    for i in range(N_BACKGROUNDS):
        path = folder / f"{i}.wav"
        soundfile.write(path, 0.02 * tone(FIRST_BACKGROUND_HZ + 100 * i, 3), RATE_HZ)
        clips.append(BackgroundClip(str(path), f"{1 + i} {500 + i}", "train"))
    return clips


def take(batches, n):
    """Return waveforms, words and classes of some batches, joined."""
    parts = [(x.numpy(), y["word"].numpy(), y["audioset"].numpy()) for x, y in batches.take(n)]
    return tuple(np.concatenate(part) for part in zip(*parts, strict=True))


def spectra(waveforms):
    """Return the energy of the word and of each background, [n] and [n, N_BACKGROUNDS]."""
    energy = np.abs(np.fft.rfft(waveforms)) ** 2  # bins of 0.5 Hz
    tones = [2 * (FIRST_BACKGROUND_HZ + 100 * i) for i in range(N_BACKGROUNDS)]
    return energy[:, 2 * WORD_HZ - 400 : 2 * WORD_HZ + 400].sum(1), np.stack(
        [energy[:, t - 2 : t + 3].sum(1) for t in tones], axis=1
    )


def test_an_example_is_a_word_in_its_background(words, backgrounds):
    waveforms, labels, classes = take(word_batches(words, backgrounds, 10, 0, 0), 6)
    assert waveforms.shape == (60, 40_000) and waveforms.dtype == np.float32
    assert labels.dtype == np.int32 and classes.shape == (60, 517)
    np.testing.assert_allclose(np.sqrt(np.mean(waveforms**2, axis=1)), 0.1, rtol=1e-4)
    word, tones = spectra(waveforms)
    heard = tones.argmax(axis=1)
    np.testing.assert_array_equal(np.argwhere(classes)[::2, 1], 1 + heard)
    np.testing.assert_array_equal(np.argwhere(classes)[1::2, 1], 500 + heard)
    snr_db = 10 * np.log10(word / tones.max(axis=1))
    assert -10.1 < snr_db.min() < -7 and 7 < snr_db.max() < 10.1
    assert abs(snr_db.mean()) < 3  # 60 uniform draws: standard error 0.75
    # No other tone: what is neither word nor background is below 1 %.
    np.testing.assert_allclose(
        2 * (word + tones.max(axis=1)) / 40_000**2, 0.1**2, rtol=0.01
    )  # Parseval


def test_every_epoch_hears_each_word_and_each_background_once(words, backgrounds):
    _, labels, classes = take(word_batches(words, backgrounds, 15, 0, 0), 2)
    for epoch in labels.reshape(-1, N_WORDS):
        assert sorted(epoch) == list(range(1, 1 + N_WORDS))
    for epoch in classes[:, 1 : 1 + N_BACKGROUNDS].argmax(1).reshape(-1, N_BACKGROUNDS):
        assert sorted(epoch) == list(range(N_BACKGROUNDS))
    pairs = Counter(zip(labels, classes.argmax(1), strict=True))
    assert len(pairs) > N_WORDS  # they do not go in step


def middles(waveforms):
    """Return where the words' bursts are, in samples."""
    spectrum = np.fft.rfft(waveforms)
    spectrum[:, : 2 * WORD_HZ - 400] = 0
    energy = np.fft.irfft(spectrum) ** 2
    return (energy * np.arange(40_000)).sum(1) / energy.sum(1)


def test_words_are_shifted_within_the_limit(words, backgrounds):
    config = WordStreamConfig(snr_db=(10.0, 10.0))
    shifts = middles(take(word_batches(words, backgrounds, 20, 0, 0, config), 2)[0]) - 20_000
    assert np.abs(shifts).max() < 2000 + 5 and shifts.min() < -1000 and shifts.max() > 1000
    config = WordStreamConfig(snr_db=(10.0, 10.0), max_shift_s=0.0)
    still = middles(take(word_batches(words, backgrounds, 20, 0, 0, config), 1)[0])
    np.testing.assert_allclose(still, 20_000, atol=2)


def test_words_near_an_end_are_shifted_less(words, backgrounds):
    near = [WordClip(w.sound_path, 1.0, w.word, w.word_index, "s", "train") for w in words]
    config = WordStreamConfig(snr_db=(10.0, 10.0), max_shift_s=2.0)
    found = middles(take(word_batches(near, backgrounds, 20, 0, 0, config), 1)[0])
    # The burst at 1.5 s of 3 s stays within a clip that starts between 0 and 1 s.
    assert found.min() > 10_000 - 5 and found.max() < 30_000 + 5
    assert np.ptp(found) > 15_000


@pytest.mark.parametrize("first_step", [1, 4])
def test_batches_can_start_anywhere(first_step, words, backgrounds):
    whole = take(word_batches(words, backgrounds, 4, 7, 0), 6)
    late = take(word_batches(words, backgrounds, 4, 7, first_step), 6 - first_step)
    for ours, theirs in zip(late, whole, strict=True):
        np.testing.assert_array_equal(ours, theirs[4 * first_step :])
    other = take(word_batches(words, backgrounds, 4, 8, 0), 1)
    assert not np.array_equal(other[0], whole[0][:4])


def test_workers_share_each_batch(words, backgrounds):
    whole = take(word_batches(words, backgrounds, 6, 3, 2), 2)
    shares = [
        take(word_batches(words, backgrounds, 6, 3, 2, worker=w, n_workers=3), 2) for w in range(3)
    ]
    for i, part in enumerate(whole):
        joined = np.stack([share[i].reshape(2, 2, *part.shape[1:]) for share in shares], axis=1)
        np.testing.assert_array_equal(joined.reshape(part.shape), part)


def test_positions_are_shared_out_evenly_or_not_at_all():
    whole = list(worker_positions(6, 5).take(18).as_numpy_iterator())
    assert whole == list(range(30, 48))
    share = list(worker_positions(6, 5, worker=1, n_workers=2).take(6).as_numpy_iterator())
    assert share == [33, 34, 35, 39, 40, 41]
    for n_workers in (4, 12):
        with pytest.raises(ValueError, match=f"batch of 6 cannot be split over {n_workers}"):
            worker_positions(6, 0, 0, n_workers)


def test_evaluation_hears_the_words_in_order_in_the_middle(words, backgrounds):
    config = WordStreamConfig(snr_db=(10.0, 10.0))
    batches = word_evaluation_batches(words, backgrounds, 2, config=config)
    waveforms, labels, _ = take(batches, 5)
    assert labels.tolist() == 2 * [1, 2, 3, 4, 5]
    np.testing.assert_allclose(middles(waveforms), 20_000, atol=2)
    np.testing.assert_array_equal(waveforms[:5], waveforms[5:])
    shares = [
        take(word_evaluation_batches(words, backgrounds, 2, 0, config, worker, 2), 5)[0]
        for worker in range(2)
    ]
    np.testing.assert_array_equal(np.stack(shares, axis=1).reshape(waveforms.shape), waveforms)


def test_a_silent_part_of_a_background_is_not_used(words, tmp_path):
    path = tmp_path / "mostly_silent.wav"
    soundfile.write(path, np.r_[np.zeros(50 * RATE_HZ), 0.1 * tone(400, 1)], RATE_HZ)
    waveforms, _, _ = take(
        word_batches(words, [BackgroundClip(str(path), "1", "train")], 10, 0, 0), 1
    )
    assert (spectra(waveforms)[1][:, 0] > 0).all() and np.isfinite(waveforms).all()


def test_mistakes_are_told(words, backgrounds, tmp_path):
    with pytest.raises(ValueError, match="0 words and 3 backgrounds cannot be mixed"):
        word_batches([], backgrounds, 4, 0, 0)
    for labels, message in [
        ("517", "a class 517, the network 517"),
        ("", "from 1"),
        ("0", "from 1"),
    ]:
        with pytest.raises(ValueError, match=message):
            word_batches(words, [BackgroundClip("a", labels, "train")], 4, 0, 0)

    def first_of(word):
        return next(iter(word_batches([word], backgrounds, 1, 0, 0)))

    short, silent = tmp_path / "short.wav", tmp_path / "silent.wav"
    soundfile.write(short, 0.1 * tone(400, 1.9), RATE_HZ)
    soundfile.write(silent, np.zeros(60_000), RATE_HZ)
    for path, message in [
        (short, r"short\.wav lasts 1\.9 s, which does not hold"),
        (silent, r"'a' of .*silent\.wav in .*: the speech is silent"),
        (tmp_path / "gone.wav", r"there is no sound file .*gone\.wav"),
    ]:
        with pytest.raises(tf.errors.OpError, match=message):
            first_of(WordClip(str(path), 1.0, "a", 1, "s", "train"))


def test_a_background_whose_channels_cancel_for_a_while_is_heard_where_they_do_not(tmp_path):
    noise = 0.1 * np.random.default_rng(0).standard_normal((6 * 20_000, 1))
    right = np.where(np.arange(len(noise)) < 3 * 20_000, -1, 1)[:, None]
    soundfile.write(tmp_path / "a.wav", np.hstack([noise, noise * right]), 20_000)
    for where in (0.0, 0.1, 0.9):
        assert background_part(tmp_path / "a.wav", where).std() > 0.05
