import numpy as np
import pytest

from model_metamers.stimuli.made.textures import TEXTURES, make_texture

RATE_HZ = 20_000


@pytest.mark.parametrize("name", TEXTURES)
def test_a_texture_is_a_function_of_class_and_seed(name):
    sound = make_texture(name, 3, RATE_HZ, RATE_HZ)
    np.testing.assert_array_equal(sound, make_texture(name, 3, RATE_HZ, RATE_HZ))
    assert not np.allclose(sound, make_texture(name, 4, RATE_HZ, RATE_HZ))
    assert sound.shape == (RATE_HZ,) and sound.dtype == np.float32
    assert sound.std() == pytest.approx(0.1, rel=1e-3) and abs(sound.mean()) < 1e-6


@pytest.mark.parametrize("name", TEXTURES)
def test_no_part_of_a_texture_is_silent(name):
    frames = make_texture(name, 0, 2 * RATE_HZ, RATE_HZ).reshape(-1, 400)
    assert frames.std(axis=1).min() > 1e-5
    spectrum = np.abs(np.fft.rfft(frames.ravel()))[40:16_000].reshape(-1, 40)
    assert spectrum.max(axis=1).min() > 0.0


def test_textures_differ_in_simple_statistics():
    """Nearest class mean of ten spectral and temporal levels finds the class of new sounds."""

    def features(name, seed):
        sound = make_texture(name, seed, 2 * RATE_HZ, RATE_HZ)
        power = np.abs(np.fft.rfft(sound)) ** 2
        edges = np.geomspace(40, len(power), 9).astype(int)
        bands = np.log([p.mean() for p in np.split(power, edges)[1:-1]])
        envelope = sound.reshape(-1, 200).std(axis=1)
        return np.array([*bands, 3 * np.log(envelope.std() / envelope.mean())])

    means = [np.mean([features(name, seed) for seed in range(6)], axis=0) for name in TEXTURES]
    guesses = [
        np.argmin([np.linalg.norm(features(name, 100) - mean) for mean in means])
        for name in TEXTURES
    ]
    assert np.mean(np.array(guesses) == np.arange(len(TEXTURES))) >= 0.8


def test_an_unknown_texture_is_refused():
    with pytest.raises(ValueError, match="unknown texture 'thunder'; choose from: rain, waves"):
        make_texture("thunder", 0, RATE_HZ, RATE_HZ)
