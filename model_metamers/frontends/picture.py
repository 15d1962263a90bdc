"""Cochleagrams as pictures, in NumPy: figures are redrawn without TensorFlow.

For the eye only: frames are means of the envelope's magnitude, not the low-pass of `cochleagram`.
"""

import math

import numpy as np
import scipy.signal

from model_metamers.frontends.erb import CochleagramConfig, filterbank

_LEAST_FRAMES = 10  # fewer have no low frequencies


def cochleagram_picture(
    waveform: np.ndarray, config: CochleagramConfig = CochleagramConfig()
) -> np.ndarray:
    """Return a sound's cochleagram as an image, low frequencies at the bottom, loud ones dark.

    Args:
        waveform: [n_samples].
        config: the cochleagram.

    Returns:
        uint8 [n_bands, n_frames]; black is the loudest point of this sound.
    """
    bands = np.fft.rfft(waveform) * filterbank(config)
    bands = np.concatenate([bands, np.zeros((len(bands), config.n_samples - config.n_bins))], 1)
    envelopes = np.abs(np.fft.ifft(bands))
    frames = envelopes.reshape(len(bands), config.n_frames, -1).mean(axis=-1)
    compressed = frames**config.exponent
    darkness = compressed / max(compressed.max(), np.finfo(float).tiny)
    return (255 * (1 - darkness[::-1])).round().astype(np.uint8)


def sound_picture(waveform: np.ndarray, sample_rate_hz: int) -> np.ndarray:
    """Return the picture of a sound of any rate and length, half as fine as the paper's networks.

    It is resampled to their 20 kHz, and filled up with silence to whole frames.

    Args:
        waveform: [n_samples].
        sample_rate_hz: of the waveform.

    Returns:
        uint8 [n_bands, n_frames], as `cochleagram_picture`; what the sound cannot have is white.
    """
    usual = CochleagramConfig()
    common = math.gcd(sample_rate_hz, usual.sample_rate_hz)
    up, down = usual.sample_rate_hz // common, sample_rate_hz // common
    waveform = scipy.signal.resample_poly(waveform, up, down)
    frame = usual.samples_per_frame
    n_frames = max(-(-len(waveform) // frame), _LEAST_FRAMES)
    waveform = np.pad(waveform, (0, n_frames * frame - len(waveform)))
    return cochleagram_picture(
        waveform, CochleagramConfig(n_samples=n_frames * frame, sample_factor=2)
    )
