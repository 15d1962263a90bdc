"""The noise a metamer starts from, drawn for each stimulus from (seed, stimulus id) alone.

One array per stimulus serves every layer and network, and does not depend on the other stimuli of
a run.
"""

from zlib import crc32

import numpy as np

# Uniform noise of this width above mid-grey, so its mean is 0.55. Source: released code; the
# paper's text says "mean at the centre of the range" (BUILD_NOTES.md, ledger row 6).
IMAGE_NOISE_START = 0.5
IMAGE_NOISE_WIDTH = 0.1
SOUND_NOISE_RMS = 0.01


def image_noise(shape: tuple[int, ...], seed: int, stimulus_id: str) -> np.ndarray:
    """Return uniform noise in [0.5, 0.6), float32, of `shape` [height, width, channels]."""
    draws = _generator(seed, stimulus_id).random(shape, np.float32)
    return (IMAGE_NOISE_START + IMAGE_NOISE_WIDTH * draws).astype(np.float32)


def pink_noise(n_samples: int, seed: int, stimulus_id: str) -> np.ndarray:
    """Return 1/f-power noise of zero mean and RMS 0.01, float32 [n_samples].

    Source: released code; amplitude 1 / sqrt(k + 1) at frequency bin k.
    """
    rng = _generator(seed, stimulus_id)
    n_bins = n_samples // 2 + 1
    spectrum = rng.standard_normal(n_bins) + 1j * rng.standard_normal(n_bins)
    noise = np.fft.irfft(spectrum / np.sqrt(np.arange(n_bins) + 1), n_samples)
    noise -= noise.mean()
    return (noise * SOUND_NOISE_RMS / np.sqrt(np.mean(noise**2))).astype(np.float32)


def _generator(seed: int, stimulus_id: str) -> np.random.Generator:
    return np.random.default_rng([seed, crc32(stimulus_id.encode())])
