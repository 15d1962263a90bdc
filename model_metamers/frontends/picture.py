"""Cochleagrams as pictures, in NumPy: figures are redrawn without TensorFlow.

For the eye only: frames are means of the envelope's magnitude, not the low-pass of `cochleagram`.
"""

import numpy as np

from model_metamers.frontends.erb import CochleagramConfig, filterbank


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
