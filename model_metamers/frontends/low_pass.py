"""The low-pass filter that precedes the decimation of envelopes, in NumPy."""

import numpy as np

# The low-pass spans this many frames and has this Kaiser window. Source: tfcochleagram.py (1001
# taps at 100 samples per frame).
LOW_PASS_FRAMES = 10
KAISER_BETA = 5.0

# Each frame weighs the samples of this many frames before it and after it.
LOW_PASS_REACH = LOW_PASS_FRAMES // 2


def low_pass_response(offset: np.ndarray, samples_per_frame: int) -> np.ndarray:
    """Return the low-pass' weight of a sample `offset` samples after the start of the frame.

    A sinc at half the envelope rate under a Kaiser window. The released code has both half a
    sample apart and aligns them by SAME padding, so the sinc's peak is 50.5 samples after the
    frame's start with 100 samples per frame, and the window's 50. Its sum is not exactly 1.

    Args:
        offset: in samples of the waveform, whole or not, any shape.
        samples_per_frame: of the waveform.

    Returns:
        float64, shape of `offset`.

    Source: github.com/jenellefeather/tfcochleagram (downsampling).
    """
    n_taps = LOW_PASS_FRAMES * samples_per_frame + 1
    tap = offset + (n_taps - samples_per_frame) // 2
    from_middle = 2 * tap / (n_taps - 1) - 1
    inside = np.abs(from_middle) <= 1
    window = np.i0(KAISER_BETA * np.sqrt(np.where(inside, 1 - from_middle**2, 0.0)))
    sinc = np.sinc((tap - n_taps / 2) / samples_per_frame) / samples_per_frame
    return np.where(inside, sinc * window / np.i0(KAISER_BETA), 0.0)
