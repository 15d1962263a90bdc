"""Words in backgrounds: what a training example is made of, and that it depends on (seed, i)."""

import numpy as np
import pytest
import soundfile
import tensorflow as tf

from model_metamers.stimuli.labels import SMALL_BACKGROUND_LABELS, SMALL_WORD_LABELS
from model_metamers.stimuli.made import speech
from model_metamers.training import mixtures, sounds, tasks

N = sounds.N_SAMPLES


@pytest.fixture(scope="module")
def words():
    """Six tones instead of words: their frequency tells which one is heard."""
    t = np.arange(sounds.WORD_SAMPLES) / sounds.SAMPLE_RATE_HZ
    tones = [np.sin(2 * np.pi * 500 * (k + 1) * t) for k in range(6)]
    return sounds.Sounds(
        (3000 * np.stack(tones)).astype(np.int16), np.arange(1, 7, dtype=np.int32)
    )


@pytest.fixture(scope="module")
def backgrounds():
    noise = np.random.default_rng(0).standard_normal((4, sounds.TEXTURE_SAMPLES))
    return sounds.Sounds((3000 * noise).astype(np.int16), np.array([1, 2, 3, 4], np.int32))


def heard_tone(waveform):
    return np.abs(np.fft.rfft(waveform)).argmax() * sounds.SAMPLE_RATE_HZ / N / 500


def test_an_example_is_a_function_of_seed_and_position(words, backgrounds):
    few = mixtures.mixtures(words, backgrounds, mixtures.TRAINING, 1, np.array([9, 4]))
    many = mixtures.mixtures(words, backgrounds, mixtures.TRAINING, 1, np.arange(12))
    for part, whole in zip(few, many, strict=True):
        np.testing.assert_array_equal(part, whole[[9, 4]])
    other = mixtures.mixtures(words, backgrounds, mixtures.TRAINING, 2, np.arange(12))
    assert not np.allclose(many[0], other[0])


def test_an_epoch_hears_every_word_once(words, backgrounds):
    for epoch in (0, 1):
        positions = 6 * epoch + np.arange(6)
        _, labels, _ = mixtures.mixtures(words, backgrounds, mixtures.IN_NOISE, 0, positions)
        assert sorted(labels) == [1, 2, 3, 4, 5, 6]


def test_the_label_is_the_word_that_is_heard(words, backgrounds):
    waveforms, labels, targets = mixtures.mixtures(
        words, backgrounds, mixtures.IN_QUIET, 0, np.arange(6)
    )
    assert [round(heard_tone(w)) for w in waveforms] == list(labels)
    np.testing.assert_array_equal(targets[:, 0], 1)  # no background
    np.testing.assert_allclose(waveforms.std(axis=1), 0.1, rtol=1e-3)


def test_ratios_and_null_classes_have_their_shares(words, backgrounds):
    waveforms, labels, targets = mixtures.mixtures(
        words, backgrounds, mixtures.TRAINING, 0, np.arange(1200)
    )
    quiet, two = targets[:, 0] == 1, targets[:, 1:].sum(axis=1) == 2
    assert np.mean(quiet) == pytest.approx(0.1, abs=0.03)
    assert np.mean(labels == 0) == pytest.approx(0.05, abs=0.02)
    # Of the pairs drawn, a quarter have the same class twice.
    assert np.mean(two) == pytest.approx(0.2 * 0.75 * 0.9, abs=0.03)
    assert targets[labels == 0][:, 0].max() == 0
    noisy = waveforms[~quiet & (labels > 0)]
    spectra = np.abs(np.fft.rfft(noisy)) ** 2
    in_tone = spectra.max(axis=1) / spectra.sum(axis=1)
    snr_db = 10 * np.log10(in_tone / (1 - in_tone))
    assert -10.5 < snr_db.min() < -9 and 9 < snr_db.max() < 10.5
    assert abs(np.median(snr_db)) < 1


def test_a_stream_resumes_where_it_stood(words, backgrounds):
    stream = mixtures.mixture_batches(words, backgrounds, 4, seed=0, first_step=0)
    batches = list(stream.take(4))
    resumed = list(mixtures.mixture_batches(words, backgrounds, 4, 0, first_step=2).take(2))
    tf.nest.map_structure(np.testing.assert_array_equal, batches[2:], resumed)
    waveforms, targets = batches[0]
    assert waveforms.shape == (4, N)
    assert targets["word"].shape == (4,)
    assert targets["background"].shape == (4, len(SMALL_BACKGROUND_LABELS))


def test_shards_are_spoken_once(tmp_path, monkeypatch):
    calls = []

    def speak_shard(split, shard, n_samples, sample_rate_hz):
        calls.append(shard)
        return np.full((3, n_samples), 0.5, np.float32)

    monkeypatch.setattr(speech, "speak_shard", speak_shard)
    for _ in range(2):
        made = sounds.synthetic_words("train", 2, tmp_path)
    assert calls == [0, 1]
    assert [SMALL_WORD_LABELS[i] for i in made.labels] == list(speech.CORE_WORDS[:6])
    np.testing.assert_array_equal(made.waveforms, round(0.5 * 32767))


def test_textures_are_all_classes(tmp_path):
    made = sounds.background_textures("validation", 1, tmp_path)
    assert made.waveforms.shape == (10, sounds.TEXTURE_SAMPLES)
    np.testing.assert_array_equal(made.labels, np.arange(1, 11))


def recordings(folder, names):
    for number, name in enumerate(names):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        t = np.arange(16_000) / 16_000
        soundfile.write(path, 0.3 * np.sin(2 * np.pi * (300 + 50 * number) * t), 16_000)


def test_recordings_by_an_index(tmp_path):
    recordings(tmp_path, ["yes/a.wav", "no/b.wav", "_unknown_/c.wav"])
    (tmp_path / "index.csv").write_text(
        "file,word,speaker,split\nyes/a.wav,yes,1,train\nno/b.wav,no,2,test\n"
        "_unknown_/c.wav,_unknown_,3,train\n"
    )
    made = sounds.recorded_words(tmp_path, "train", tmp_path / "cache")
    assert [SMALL_WORD_LABELS[i] for i in made.labels] == ["yes"]
    assert made.waveforms.shape == (1, sounds.WORD_SAMPLES)


def test_recordings_by_the_lists_of_speech_commands(tmp_path):
    recordings(tmp_path, ["yes/a.wav", "yes/b.wav", "no/c.wav", "cat/d.wav"])
    (tmp_path / "testing_list.txt").write_text("yes/b.wav\n")
    (tmp_path / "validation_list.txt").write_text("no/c.wav\n")
    label = {
        split: [
            SMALL_WORD_LABELS[i]
            for i in sounds.recorded_words(tmp_path, split, tmp_path / "c").labels
        ]
        for split in ("train", "validation", "test")
    }
    assert label == {"train": ["yes"], "validation": ["no"], "test": ["yes"]}


def test_recordings_that_are_added_are_read(tmp_path):
    """The shard of those before would have labels of its own."""
    (tmp_path / "testing_list.txt").write_text("")
    (tmp_path / "validation_list.txt").write_text("")
    recordings(tmp_path, ["no/b.wav", "yes/a.wav"])
    before = sounds.recorded_words(tmp_path, "train", tmp_path / "cache")
    recordings(tmp_path, ["down/z.wav"])
    after = sounds.recorded_words(tmp_path, "train", tmp_path / "cache")
    assert [SMALL_WORD_LABELS[i] for i in after.labels] == ["down", "no", "yes"]
    np.testing.assert_array_equal(after.waveforms[1:], before.waveforms)


def test_recordings_without_a_split_are_refused(tmp_path):
    recordings(tmp_path, ["yes/a.wav"])
    with pytest.raises(ValueError, match=r"needs index\.csv, or the testing_list\.txt"):
        sounds.recorded_words(tmp_path, "train", tmp_path / "cache")


def test_area_under_roc():
    targets = np.array([[1, 0], [1, 0], [0, 0], [0, 0]])
    assert tasks.area_under_roc(targets, np.array([[4, 0], [3, 0], [2, 0], [1, 0]])) == 1.0
    assert tasks.area_under_roc(targets, np.array([[1, 0], [4, 0], [2, 0], [3, 0]])) == 0.5
    assert tasks.area_under_roc(targets, np.zeros((4, 2))) == 0.5
    with pytest.raises(ValueError, match="no class"):
        tasks.area_under_roc(np.zeros((4, 2)), np.zeros((4, 2)))


def test_the_losses_of_two_heads_add_up():
    generator = np.random.default_rng(0)
    labels, words_out = np.array([1, 2]), generator.standard_normal((2, 5))
    present, scores = np.array([[1.0, 0, 1], [0, 0, 1]]), generator.standard_normal((2, 3))
    log_softmax = words_out - np.log(np.exp(words_out).sum(axis=1, keepdims=True))
    sigmoid = 1 / (1 + np.exp(-scores))
    expected = -log_softmax[[0, 1], labels]
    expected -= (present * np.log(sigmoid) + (1 - present) * np.log(1 - sigmoid)).sum(axis=1)
    loss = tasks.sound_loss(["word", "background"])
    found = loss({"word": labels, "background": present}, [words_out, scores])
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    alone = tasks.sound_loss(["background"])({"background": present}, tf.constant(scores))
    np.testing.assert_allclose(alone, expected + log_softmax[[0, 1], labels], rtol=1e-6)
