"""The words we synthesise and ship: who speaks them, where they stand, and that they repeat."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from model_metamers.stimuli import shipped
from model_metamers.stimuli.made import speech
from model_metamers.stimuli.made.espeak import Synthesizer

RATE_HZ = 20_000


@pytest.fixture(scope="module")
def synthesizer():
    return Synthesizer()


def test_voices_are_in_one_split_each_and_exist():
    import espeakng_loader

    folder = Path(espeakng_loader.get_data_path()) / "voices" / "!v"
    variants = {path.name for path in folder.iterdir()}
    everyone = [voice for split in speech.VOICES.values() for voice in split]
    assert len(set(everyone)) == len(everyone)
    assert set(everyone) <= variants
    assert speech.family_of("en-us+klatt6") == speech.family_of("adam") == "adam"


@pytest.mark.parametrize("split", speech.VOICES)
def test_plans_speak_every_word_in_voices_of_their_split(split):
    plans = [speech.plan(split, i) for i in range(400)]
    assert [p.word for p in plans[:20]] == list(speech.CORE_WORDS)
    assert {p.voice.split("+")[1] for p in plans} <= set(speech.VOICES[split])
    for p in plans:
        assert p.text[p.position :].startswith(f"{p.word} ")
        words = p.text.split()
        assert [word for word in words if word in speech.CORE_WORDS] == [p.word]
    assert len({p.text for p in plans}) > 300


def test_a_plan_is_a_function_of_split_and_index():
    assert speech.plan("test", 7) == speech.plan("test", 7) != speech.plan("train", 7)
    with pytest.raises(ValueError, match="unknown split 'dev'; choose from: train, validation"):
        speech.plan("dev", 0)


def test_the_word_stands_between_its_neighbours(synthesizer):
    text = "the old farmer said seven then left home"
    spoken = synthesizer.speak(text, "en-us+m3", 150, 50)
    onsets = [spoken.onsets_s[text.index(word)] for word in ("said", "seven", "then")]
    assert onsets == sorted(onsets)
    assert spoken.midpoint_s(text.index("seven")) == pytest.approx(np.mean(onsets[1:]))
    assert onsets[2] < spoken.duration_s


def test_speed_and_pitch_take_effect(synthesizer):
    slow, fast = (synthesizer.speak("one two three", "en-us+m3", r, 50) for r in (110, 210))
    assert slow.duration_s > 1.4 * fast.duration_s
    low, high = (synthesizer.speak("one two three", "en-us+m3", 150, p) for p in (10, 90))
    assert not np.array_equal(low.waveform, high.waveform)


def test_an_unknown_voice_is_refused(synthesizer):
    with pytest.raises(ValueError, match="no voice 'xx-klingon'"):
        synthesizer.speak("yes", "xx-klingon", 150, 50)


def test_a_shard_repeats_and_its_clips_are_never_silent(monkeypatch):
    monkeypatch.setattr(speech, "UTTERANCES_PER_SHARD", 4)
    first, second = (speech.speak_shard("test", 3, 20_000, RATE_HZ) for _ in range(2))
    np.testing.assert_array_equal(first, second)
    assert first.shape == (4, 20_000) and first.dtype == np.float32
    np.testing.assert_allclose(first.std(axis=1), 0.1, rtol=1e-3)
    frames = first.reshape(4, -1, 200)
    assert frames.std(axis=2).min() > 1e-5  # 10-ms frames, pauses included


def test_shipped_clips_are_whole_and_small():
    files = sorted(shipped.CLIPS.rglob("*.flac"))
    assert len(files) == 80 and sum(f.stat().st_size for f in files) < 5e6
    for path in files:
        info = soundfile.info(path)
        assert (info.frames, info.samplerate, info.channels) == (40_000, RATE_HZ, 1)


def test_shipped_words_are_spoken_by_unknown_voices_of_different_families():
    clips = shipped.spoken_words(20_000)
    assert clips.stimuli.shape == (80, 20_000)
    assert clips.labels[:20] == tuple(sorted(speech.CORE_WORDS))
    np.testing.assert_allclose(clips.stimuli.std(axis=1), 0.1, rtol=1e-3)
    families = {}
    for name, word in zip(clips.ids, clips.labels, strict=True):
        families.setdefault(word, set()).add(shipped.voice_family(name))
        assert name.split("_")[-2] in speech.VOICES["test"]
    assert all(len(found) == 4 for found in families.values())


def test_the_middle_of_a_clip():
    waveforms = np.zeros((1, 100))
    waveforms[0, 50], waveforms[0, 20] = 1.0, 5.0
    cut = shipped.middle(waveforms, 20)
    assert cut.shape == (1, 20) and cut.argmax() == 10
    with pytest.raises(ValueError, match="the clips have 100 samples; 101 are needed"):
        shipped.middle(waveforms, 101)
