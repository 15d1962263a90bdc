"""Recordings as stimuli: every kind of file, the clip, and folders."""

import logging

import numpy as np
import pytest
import soundfile

from model_metamers.stimuli import sound_files, sounds
from model_metamers.stimuli.sounds import load_sound, load_sound_folder

RATE_HZ = 8000
N_SAMPLES = 4000
RNG = np.random.default_rng(0)
NOISE = 0.1 * RNG.standard_normal(N_SAMPLES)


def save(path, samples=NOISE, rate_hz=RATE_HZ, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, samples, rate_hz, **options)
    return path


def load(path):
    return load_sound(path, RATE_HZ, N_SAMPLES)


def tone(frequency_hz, duration_s, rate_hz=RATE_HZ):
    return 0.3 * np.sin(
        2 * np.pi * frequency_hz * np.arange(round(duration_s * rate_hz)) / rate_hz
    )


def normalised(waveform):
    waveform = waveform - waveform.mean()
    return waveform * 0.1 / np.sqrt(np.mean(waveform**2))


def correlation(a, b):
    return np.corrcoef(a, b)[0, 1]


def test_a_float_file_of_the_right_length_and_rate_is_only_normalised(tmp_path):
    waveform = load(save(tmp_path / "a.wav", NOISE + 0.2, subtype="DOUBLE"))
    assert waveform.dtype == np.float32 and waveform.shape == (N_SAMPLES,)
    np.testing.assert_allclose(waveform, normalised(NOISE), atol=1e-6)
    assert abs(waveform.mean()) < 1e-7
    np.testing.assert_allclose(np.sqrt(np.mean(waveform.astype(float) ** 2)), 0.1, rtol=1e-6)


@pytest.mark.parametrize(
    "name, options",
    [
        ("a.wav", {"subtype": "PCM_16"}),
        ("a.wav", {"subtype": "PCM_24"}),
        ("a.wav", {"subtype": "PCM_U8"}),
        ("a.wav", {"subtype": "ULAW"}),
        ("a.WAV", {"format": "NIST", "subtype": "PCM_16"}),  # as TIMIT is distributed
        ("a.flac", {}),
        ("a.aiff", {}),
        ("a.au", {}),
        ("a.caf", {}),
        ("a.w64", {}),
        ("a.ogg", {}),
        ("a.mp3", {}),
    ],
)
def test_formats_and_depths(name, options, tmp_path):
    path = save(tmp_path / name, tone(440, 1.5), **options)
    waveform = load(path)
    assert waveform.shape == (N_SAMPLES,)
    power = np.abs(np.fft.rfft(waveform)) ** 2
    assert power[218:223].sum() > 0.99 * power.sum()  # 440 Hz in bins of 2 Hz


@pytest.mark.parametrize("rate_hz", [4000, 11_025, 16_000, 22_050, 44_100, 48_000])
def test_other_rates_keep_the_pitch_and_the_time(rate_hz, tmp_path):
    path = save(tmp_path / "a.wav", tone(440, 0.5, rate_hz), rate_hz, subtype="FLOAT")
    waveform = load(path)
    inner = slice(200, -200)  # resampling sees zeros beyond the ends
    assert correlation(waveform[inner], tone(440, 0.5)[inner]) > 0.9999


def test_frequencies_that_the_new_rate_cannot_carry_are_removed(tmp_path):
    both = tone(440, 0.5, 44_100) + tone(7000, 0.5, 44_100)
    waveform = load(save(tmp_path / "a.wav", both, 44_100, subtype="FLOAT"))
    spectrum = np.abs(np.fft.rfft(waveform))
    assert spectrum[490:510].max() < 0.01 * spectrum[220]  # 7000 Hz would fold to 1000 Hz


def test_channels_are_averaged_and_said(tmp_path, caplog):
    left, right = NOISE, RNG.standard_normal(N_SAMPLES) * 0.1
    path = save(tmp_path / "a.wav", np.stack([left, right], axis=1), subtype="DOUBLE")
    with caplog.at_level(logging.INFO):
        waveform = load(path)
    np.testing.assert_allclose(waveform, normalised(left + right), atol=1e-6)
    assert "mixed the channels of 1 of 1 sounds" in caplog.text and "a.wav has 2" in caplog.text


def test_a_mono_file_of_full_length_says_nothing(tmp_path, caplog):
    with caplog.at_level(logging.INFO):
        load(save(tmp_path / "a.wav"))
    assert not caplog.records


@pytest.mark.parametrize("at", [0, 1234, 8000])
def test_the_loudest_stretch_of_a_long_file_is_taken(at, tmp_path):
    long = 0.001 * RNG.standard_normal(12_000)
    long[at : at + N_SAMPLES] += NOISE
    waveform = load(save(tmp_path / "a.wav", long, subtype="DOUBLE"))
    # Its ends are as quiet as what is outside, so a few samples more or less have equal energy.
    lags = np.correlate(np.pad(waveform, 50), long[at : at + N_SAMPLES], "valid")
    assert abs(int(lags.argmax()) - 50) <= 50 and lags.max() > 0.98 * 0.1 * 0.1 * N_SAMPLES


def test_a_short_file_stands_in_the_middle_of_faint_noise_and_that_is_said(tmp_path, caplog):
    path = save(tmp_path / "a.wav", NOISE[:1001], subtype="DOUBLE")
    waveform = load(path)
    assert "padded 1 of 1 sounds to 4000 samples" in caplog.text and "by 2999" in caplog.text
    before = (N_SAMPLES - 1001) // 2
    assert correlation(waveform[before : before + 1001], NOISE[:1001]) > 0.9999
    outside = np.concatenate([waveform[:before], waveform[before + 1001 :]])
    assert np.count_nonzero(outside) == len(outside)  # never digital silence
    assert np.sqrt(np.mean(outside**2)) < 1e-3  # 40 dB below the whole
    assert abs(waveform.mean()) < 1e-6
    np.testing.assert_allclose(np.sqrt(np.mean(waveform**2)), 0.1, rtol=1e-5)
    np.testing.assert_array_equal(waveform, load(path))


def test_a_single_sample_off_is_padded_or_cut(tmp_path):
    for extra in (-1, 1):
        samples = RNG.standard_normal(N_SAMPLES + extra) * 0.1
        assert load(save(tmp_path / "a.wav", samples)).shape == (N_SAMPLES,)


BAD_FILES = {
    "empty": lambda path: path.write_bytes(b""),
    "text": lambda path: path.write_text("this is no sound"),
    "header of garbage": lambda path: path.write_bytes(b"RIFF" + bytes(range(256))),
    "header cut short": lambda path: path.write_bytes(save(path).read_bytes()[:20]),
}


@pytest.mark.parametrize("kind", BAD_FILES)
def test_unreadable_files_are_named(kind, tmp_path):
    path = tmp_path / "broken.wav"
    BAD_FILES[kind](path)
    with pytest.raises(ValueError, match=r"broken\.wav is not a readable sound .*remove the file"):
        load(path)


def test_a_sound_without_samples_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"a\.wav is an empty sound, of 0 samples"):
        load(save(tmp_path / "a.wav", np.zeros(0)))


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_samples_that_are_not_finite_are_refused(bad, tmp_path):
    samples = NOISE.copy()
    samples[[5, 17]] = bad
    with pytest.raises(ValueError, match=r"a\.wav has 2 samples that are not finite .* of 4000"):
        load(save(tmp_path / "a.wav", samples, subtype="FLOAT"))


@pytest.mark.parametrize("level", [0.0, 0.25])
@pytest.mark.parametrize("rate_hz", [RATE_HZ, 11_025])
def test_silence_is_refused_whatever_its_offset(level, rate_hz, tmp_path):
    with pytest.raises(ValueError, match=r"a\.wav is silent"):
        load(save(tmp_path / "a.wav", np.full(N_SAMPLES, level), rate_hz))


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ValueError, match=r"there is no sound file .*gone\.wav"):
        load(tmp_path / "gone.wav")


def load_folder(folder, loader=load_sound_folder, **options):
    return loader(folder, RATE_HZ, N_SAMPLES, **options)


def test_a_sub_folder_is_a_class_and_classes_come_in_turn(tmp_path):
    for name in ("yes/b.wav", "yes/a.wav", "no/c.FLAC", "yes/d.wav", "no/e.ogg"):
        save(tmp_path / name)
    save(tmp_path / "_background_noise_/rain.wav")
    (tmp_path / "yes" / "notes.txt").write_text("not a sound")
    (tmp_path / "yes" / "._a.wav").write_text("hidden")
    (tmp_path / "LICENSE").write_text("")
    stimuli = load_folder(tmp_path)
    assert stimuli.ids == ("no_c", "yes_a", "no_e", "yes_b", "yes_d")
    assert stimuli.labels == ("no", "yes", "no", "yes", "yes")
    assert stimuli.stimuli.shape == (5, N_SAMPLES) and stimuli.stimuli.dtype == np.float32
    assert load_folder(tmp_path, limit=3).ids == stimuli.ids[:3]


def test_a_flat_folder_has_no_labels(tmp_path):
    save(tmp_path / "b c.wav")
    save(tmp_path / "a.wav")
    stimuli = load_folder(tmp_path)
    assert stimuli.ids == ("a", "b_c") and stimuli.labels == ("", "")


def test_what_was_done_to_a_folder_is_said_once(tmp_path, caplog):
    for name in "abc":
        save(tmp_path / f"{name}.wav", np.stack([NOISE, NOISE], 1)[: 4000 if name == "a" else 99])
    with caplog.at_level(logging.INFO):
        load_folder(tmp_path)
    assert len(caplog.records) == 2
    assert "mixed the channels of 3 of 3" in caplog.text and "padded 2 of 3" in caplog.text


def test_folders_without_sounds_are_refused(tmp_path):
    with pytest.raises(ValueError, match=r"folder .* holds no sounds \(\.aif, "):
        load_folder(tmp_path)
    for folder in (tmp_path / "gone", save(tmp_path / "a.wav")):
        with pytest.raises(ValueError, match=r"folder .*(gone|a\.wav) does not exist"):
            load_folder(folder)


def test_real_commands_and_environments(shared_data):
    commands = load_sound_folder(shared_data / "speech_commands_v2_test", limit=22)
    assert set(commands.labels) == {
        "_unknown_", "down", "go", "left", "no", "off", "on", "right", "stop", "up", "yes"
    }  # fmt: skip
    environments = load_sound_folder(shared_data / "esc10", limit=10)
    assert any("Rain" in label for label in environments.labels)
    assert environments.stimuli.shape == (10, 40_000)


def test_the_2019_demos_word_is_already_normalised(shared_data):
    path = shared_data / "original_demo" / "human_audio_resampled.wav"
    samples, rate_hz = soundfile.read(path, dtype="float32")
    assert rate_hz == sounds.SAMPLE_RATE_HZ and len(samples) == sounds.N_SAMPLES
    np.testing.assert_allclose(load_sound(path), normalised(samples), atol=1e-6)


@pytest.mark.parametrize("rate_hz", [8000, 11_025, 16_000, 44_100])
@pytest.mark.parametrize("start", [0, 1, 777, 12_000])
def test_an_excerpt_is_a_part_of_the_resampled_recording(rate_hz, start, tmp_path):
    stereo = 0.1 * np.random.default_rng(3).standard_normal((2 * rate_hz, 2)) + 0.3
    path = save(tmp_path / "long.flac", stereo, rate_hz)
    whole = sound_files.resample(sound_files.read_recording(path), RATE_HZ)
    excerpt = sound_files.read_excerpt(path, start, N_SAMPLES, RATE_HZ)
    assert excerpt.shape == (N_SAMPLES,)
    # They differ by a constant: each loses its own mean. Where the recording ends the filter
    # smears that difference, here at most 0.003.
    difference = excerpt - whole[start : start + N_SAMPLES]
    assert np.ptp(difference) < (3e-3 if start in (0, 1, 12_000) else 1e-5)


def test_an_excerpt_lies_within_the_recording(tmp_path):
    path = save(tmp_path / "a.wav")
    assert len(sound_files.read_excerpt(path, 10, N_SAMPLES - 10, RATE_HZ)) == N_SAMPLES - 10
    for start in (-1, 11):
        with pytest.raises(ValueError, match=r"lasts 0\.5 s, which does not hold 3990 samples"):
            sound_files.read_excerpt(path, start, N_SAMPLES - 10, RATE_HZ)


def test_digital_zeros_are_those_of_all_channels(tmp_path):
    stereo = 0.1 * np.random.default_rng(4).uniform(0.5, 1, (1000, 2))
    stereo[:300, 0] = 0
    stereo[200:500, 1] = 0
    assert sound_files.zero_share(save(tmp_path / "a.wav", stereo)) == pytest.approx(0.1)
    assert sound_files.zero_share(save(tmp_path / "b.wav", stereo + 0.2)) == 0


def test_channels_that_cancel_are_refused(tmp_path):
    for level in (1, 0.98, 0.002):  # the last is a quiet recording: rounding errors remain
        path = save(tmp_path / "a.wav", level * np.stack([NOISE, -NOISE], axis=1))
        with pytest.raises(ValueError, match=r"2 channels of .*a\.wav cancel .* save one of them"):
            load(path)


@pytest.mark.parametrize(
    "mix",
    [[[1, 0]], [[1, -0.5]], [[1, 0, 0, 0, 0, 0, 0, 0]], [[1, -1, 0.2]]],
    ids=["one empty", "wide stereo", "one of eight", "a third channel"],
)
def test_channels_that_leave_something_are_mixed(mix, tmp_path):
    path = save(tmp_path / "a.wav", NOISE[:, None] * np.array(mix), subtype="FLOAT")
    assert correlation(load(path), NOISE) > 0.999


@pytest.mark.parametrize("rate_hz", [1, 999, 1_000_000, 16_777_259, 2_147_483_647])
def test_absurd_rates_are_refused(rate_hz, tmp_path):
    path = save(tmp_path / "a.wav")
    content = bytearray(path.read_bytes())
    content[24:28] = rate_hz.to_bytes(4, "little")
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"a\.wav (claims a sample rate of|is not a readable)"):
        load(path)


def test_rates_without_a_common_factor_are_refused(tmp_path):
    with pytest.raises(ValueError, match="191999 Hz, which has no useful factor in common"):
        load(save(tmp_path / "a.wav", rate_hz=191_999))


def test_too_many_channels_and_samples_are_refused(tmp_path, monkeypatch):
    with pytest.raises(ValueError, match="claims 65 channels; expected at most 64"):
        load(save(tmp_path / "a.wav", np.zeros((10, 65))))
    monkeypatch.setattr(sound_files.limits, "MAX_FRAMES", N_SAMPLES)
    load(save(tmp_path / "a.wav"))
    for samples, rate_hz in ((np.zeros(N_SAMPLES + 1), RATE_HZ), (NOISE, RATE_HZ // 2)):
        with pytest.raises(
            ValueError, match=r"a\.wav lasts [01] s, more than can be read at once"
        ):
            load(save(tmp_path / "a.wav", samples, rate_hz))


def test_a_padded_copy_under_another_name_stays_a_copy(tmp_path):
    paths = [save(tmp_path / name, NOISE[:1000], subtype="DOUBLE") for name in ("a.wav", "b.wav")]
    np.testing.assert_array_equal(*map(load, paths))


def test_encodings_that_are_read_from_front_to_back_only(tmp_path):
    sound = np.random.default_rng(0).normal(0, 0.1, 30_000)
    for encoding in ("GSM610", "NMS_ADPCM_32"):
        path = tmp_path / f"{encoding}.wav"
        soundfile.write(path, sound, 20_000, encoding)
        assert load_sound(path, 20_000, 20_000).shape == (20_000,)
