"""The masks and sounds that belong to the experiments, not to the stimuli.

Source: Geirhos et al. 2018 (full-contrast 1/f noise masks); Woods et al. 2017 (headphone check).
"""

from itertools import permutations

import numpy as np

TONE_RATE_HZ = 44_100
_TONE_HZ, _TONE_S, _RAMP_S, _GAP_S = 200, 1.0, 0.1, 0.5
_QUIET_DB = -6.0
_TONE_RMS = 0.05


def one_over_f(shape: tuple[int, ...], random: np.random.Generator) -> np.ndarray:
    """Return noise whose amplitude falls with one over the frequency, float64 of `shape`.

    It fills the range from 0 to 1, full contrast. The mean is no frequency, and is 0 before.
    """
    axes = [np.fft.fftfreq(n) for n in shape]
    frequency = np.sqrt(sum(axis**2 for axis in np.meshgrid(*axes, indexing="ij")))
    frequency.flat[0] = np.inf
    spectrum = np.fft.fftn(random.standard_normal(shape)) / frequency
    noise = np.fft.ifftn(spectrum).real
    return (noise - noise.min()) / (noise.max() - noise.min())


def masks(n_masks: int, size_px: int, seed: int) -> np.ndarray:
    """Return grey masks, uint8 [n_masks, size, size, 1], from 0 to 255."""
    random = np.random.default_rng([seed, 1])
    noise = np.stack([one_over_f((size_px, size_px), random) for _ in range(n_masks)])
    return np.round(255 * noise)[..., np.newaxis].astype(np.uint8)


def level_sound(rms: float, sample_rate_hz: int, seed: int) -> np.ndarray:
    """Return 3 s of noise as loud as the stimuli, to set the level by: float64 [samples]."""
    noise = one_over_f((3 * sample_rate_hz,), np.random.default_rng([seed, 2]))
    noise -= noise.mean()
    return noise * (rms / noise.std())


def headphone_checks() -> list[tuple[np.ndarray, int]]:
    """Return the six checks: (sound [samples, 2], number of the softest tone).

    Of three tones one is softer by 6 dB, and of the others one has its phase turned in one
    channel. Over loudspeakers that one cancels and seems the softest; over headphones it does not.

    Source: Woods et al. 2017: 200 Hz, 1 s, ramps of 0.1 s, gaps of 0.5 s.
    """
    checks = []
    for quiet, antiphase in permutations(range(3), 2):
        parts = []
        for place in range(3):
            amplitude = 10 ** (_QUIET_DB / 20) if place == quiet else 1.0
            right = -1.0 if place == antiphase else 1.0
            parts += [_tone()[:, np.newaxis] * amplitude * np.array([1.0, right])]
            parts += [np.zeros((round(_GAP_S * TONE_RATE_HZ), 2))]
        checks.append((np.concatenate(parts[:-1]), quiet + 1))
    return checks


def _tone() -> np.ndarray:
    time = np.arange(round(_TONE_S * TONE_RATE_HZ)) / TONE_RATE_HZ
    ramp = np.minimum(1, np.minimum(time, time[::-1]) / _RAMP_S)
    return np.sqrt(2) * _TONE_RMS * np.sin(2 * np.pi * _TONE_HZ * time) * ramp
