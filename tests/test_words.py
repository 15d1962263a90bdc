"""Words cut out of running speech: the clip, the choice of words, and bad alignments."""

import logging
import shutil

import numpy as np
import pytest
import soundfile

from model_metamers.stimuli.words import load_word_clips

RATE_HZ = 8000
N_SAMPLES = 4000


def load(folder, **options):
    return load_word_clips(folder, RATE_HZ, N_SAMPLES, **options)


ALIGNMENT = "0 2000 Early\n9000 11000 middle\n\n12000 12400 second\n19000 20000 late\n"


@pytest.fixture
def speech(tmp_path):
    """A sentence of 20,000 samples at 16 kHz, with a click in the middle of two words."""
    samples = 0.001 * np.random.default_rng(0).standard_normal(20_000)
    samples[[10_000, 12_200]] = 0.9
    path = tmp_path / "dr1-fabc0" / "SX1.WAV"
    path.parent.mkdir()
    soundfile.write(path, samples, 16_000, subtype="FLOAT")
    path.with_suffix(".WRD").write_text(ALIGNMENT)
    return tmp_path


def test_a_word_stands_in_the_middle_of_its_clip(speech, caplog):
    with caplog.at_level(logging.INFO):
        clips = load(speech)
    assert clips.labels == ("middle", "second")
    assert clips.ids == ("middle_dr1-fabc0_SX1", "second_dr1-fabc0_SX1")
    assert clips.stimuli.shape == (2, N_SAMPLES)
    for clip in np.abs(clips.stimuli):  # each word's click is the other's neighbour
        assert clip[2000] > 0.8 * clip.max() and clip[1990:2011].argmax() == 10
    np.testing.assert_allclose(np.sqrt(np.mean(clips.stimuli**2, axis=1)), 0.1, rtol=1e-5)
    assert "left out 2 of 4 words too near an end" in caplog.text
    assert "padded" not in caplog.text


def test_words_can_be_chosen_and_come_in_turn(speech):
    shutil.copytree(speech / "dr1-fabc0", speech / "dr2-mxyz0")
    clips = load(speech)
    assert clips.labels == ("middle", "second", "middle", "second")
    assert load(speech, limit=3).ids == clips.ids[:3]
    assert load(speech, words=["second"]).labels == ("second",) * 2
    with pytest.raises(ValueError, match="8 aligned words, 8 of them not asked for, 0 too near"):
        load(speech, words=["other"])
    with pytest.raises(
        ValueError, match=r"0\.5 s of speech .*6 of them not asked for, 2 too near"
    ):
        load(speech, words=["early"])


@pytest.mark.parametrize(
    "line", ["12 word", "20 10 word", "1.5 2 word", "0 10 two words", "a b c"]
)
def test_malformed_alignments_are_named_with_their_line(line, speech):
    (speech / "dr1-fabc0" / "SX1.WRD").write_text(f"{ALIGNMENT}{line}\n")
    with pytest.raises(ValueError, match=rf"SX1\.WRD, line 6: expected .* got '{line}'"):
        load(speech)


def test_alignments_without_a_sound_and_folders_without_alignments_are_refused(speech):
    sound = speech / "dr1-fabc0" / "SX1.WAV"
    sound.write_bytes(b"RIFF")
    with pytest.raises(ValueError, match=r"SX1\.WAV is not a readable sound"):
        load(speech)
    sound.unlink()
    with pytest.raises(ValueError, match=r"SX1\.WRD has no sound file of the same name"):
        load(speech)
    (speech / "dr1-fabc0" / "SX1.WRD").unlink()
    with pytest.raises(ValueError, match=r"needs sound files with \.wrd alignments"):
        load(speech)


def test_timit_has_539_words_with_two_seconds_of_speech_around_them(shared_data):
    clips = load_word_clips(shared_data / "timit_nltk_sample")
    assert len(clips) == 539 and clips.stimuli.shape == (539, 40_000)
    assert len(set(clips.labels)) == len(set(clips.labels[:289])) == 289  # the words in turn
    assert np.count_nonzero(clips.stimuli) > 0.99 * clips.stimuli.size  # no digital silence
