import numpy as np
import pytest

from model_metamers.stimuli.mixing import mix_at_snr


def rms(waveform):
    return np.sqrt(np.mean(waveform**2, axis=-1))


@pytest.mark.parametrize("snr_db", [-10.0, 0.0, 7.5])
def test_parts_have_the_ratio_asked_for(snr_db):
    t = np.arange(2000) / 2000
    speech, background = 3 * np.sin(2 * np.pi * 40 * t), 0.2 * np.sin(2 * np.pi * 90 * t)
    mixture = mix_at_snr(speech, background, snr_db)
    spectrum = np.abs(np.fft.rfft(mixture))
    assert 20 * np.log10(spectrum[40] / spectrum[90]) == pytest.approx(snr_db, abs=1e-3)
    assert rms(mixture) == pytest.approx(0.1, rel=1e-5)
    assert mixture.dtype == np.float32


def test_each_clip_of_a_batch_has_its_own_ratio():
    generator = np.random.default_rng(0)
    speech, background = generator.standard_normal((2, 3, 500)) + 5.0
    together = mix_at_snr(speech, background, np.array([-10, 0, 10]))
    alone = [
        mix_at_snr(s, b, snr) for s, b, snr in zip(speech, background, (-10, 0, 10), strict=True)
    ]
    np.testing.assert_allclose(together, np.stack(alone), rtol=1e-5)
    assert np.abs(together.mean(axis=-1)).max() < 1e-6


@pytest.mark.parametrize("silent", ["speech", "background"])
def test_silence_has_no_ratio(silent):
    sounds = {"speech": np.random.default_rng(0).standard_normal(100)} | {
        "background": np.random.default_rng(1).standard_normal(100)
    }
    with pytest.raises(ValueError, match=f"the {silent} is silent"):
        mix_at_snr(**sounds | {silent: np.full(100, 0.3)}, snr_db=0)


def test_shapes_must_agree():
    with pytest.raises(ValueError, match=r"one shape; got \[3\] and \[4\]"):
        mix_at_snr(np.ones(3), np.ones(4), 0)
