"""Ten background sounds made of noise, pulses and tones: a stand-in for AudioSet.

Every recipe is a sound's physics in a few lines (drops ring, blades beat, sirens sweep), with
random parameters. Texture (class, seed) is a function of the two. Recipes make `_MARGIN_S` more at
either end than is asked for, so that a clip starts in the middle of the sound.
"""

from collections.abc import Sequence

import numpy as np
import scipy.interpolate
import scipy.signal

from model_metamers.stimuli.sounds import RMS

_MARGIN_S = 0.25
FLOOR = 0.005  # of the noise under everything, relative to the sound: never digital silence


class _Maker:
    """What recipes are written in: time, random numbers, noise, pulses and harmonics."""

    def __init__(self, rng: np.random.Generator, n_samples: int, sample_rate_hz: int):
        self.draw = rng
        self.rate_hz = sample_rate_hz
        self.n = n_samples + 2 * round(_MARGIN_S * sample_rate_hz)
        self.t = np.arange(self.n) / sample_rate_hz

    def noise(
        self, exponent: float, low_hz: float = 20.0, high_hz: float | None = None
    ) -> np.ndarray:
        """Return noise of unit RMS, with power 1 / f^exponent inside a band."""
        frequency = np.fft.rfftfreq(self.n, 1 / self.rate_hz)
        spectrum = self.draw.standard_normal((2, len(frequency)))
        inside = (frequency >= low_hz) & (frequency <= (high_hz or self.rate_hz))
        shape = np.where(inside, np.maximum(frequency, 1.0) ** (-exponent / 2), 0.0)
        return _unit(np.fft.irfft((spectrum[0] + 1j * spectrum[1]) * shape, self.n))

    def slow(self, rate_hz: float) -> np.ndarray:
        """Return a random curve in [0, 1] that changes about `rate_hz` times a second."""
        n_knots = int(self.t[-1] * rate_hz) + 4
        knots = self.draw.random(n_knots)
        smooth = scipy.interpolate.CubicSpline(np.arange(n_knots) / rate_hz, knots)(self.t)
        return np.clip(smooth, 0.0, 1.0)

    def pulses(self, shape: np.ndarray, times_s: np.ndarray, gains: np.ndarray) -> np.ndarray:
        """Return the sum of copies of a short waveform that begin at given times."""
        onsets = np.zeros(self.n)
        np.add.at(onsets, np.minimum((times_s * self.rate_hz).astype(int), self.n - 1), gains)
        return scipy.signal.fftconvolve(onsets, shape)[: self.n]

    def at_random(self, rate_hz: float) -> np.ndarray:
        """Return Poisson event times in s."""
        return self.draw.random(self.draw.poisson(rate_hz * self.t[-1])) * self.t[-1]

    def ring(self, modes_hz: Sequence[float] | np.ndarray, decay_s: float) -> np.ndarray:
        """Return damped tones, started together."""
        t = np.arange(round(8 * decay_s * self.rate_hz)) / self.rate_hz
        phases = self.draw.random(len(modes_hz)) * 2 * np.pi
        tones = [np.sin(2 * np.pi * f * t + p) for f, p in zip(modes_hz, phases, strict=True)]
        return np.sum(tones, axis=0) * np.exp(-t / decay_s)

    def harmonics(
        self, f0_hz: np.ndarray | float, slope_db_per_octave: float, highest_hz: float
    ) -> np.ndarray:
        """Return the harmonics of a fundamental that may glide, each with a random phase."""
        phase = 2 * np.pi * np.cumsum(np.broadcast_to(f0_hz, self.n)) / self.rate_hz
        total = np.zeros(self.n)
        for k in range(1, int(highest_hz / np.mean(f0_hz)) + 1):
            gain = k ** (slope_db_per_octave / 6.02)
            total += gain * np.sin(k * phase + 2 * np.pi * self.draw.random())
        return _unit(total)


def _rain(c: _Maker) -> np.ndarray:
    sound = 0.6 * c.noise(0.2, low_hz=c.draw.uniform(600, 1500))
    for _ in range(6):
        drop = c.ring([c.draw.uniform(1500, 6000)], c.draw.uniform(0.001, 0.004))
        times = c.at_random(c.draw.uniform(25, 60))
        sound += c.pulses(drop, times, c.draw.exponential(1.0, len(times)))
    return sound


def _waves(c: _Maker) -> np.ndarray:
    period_s = c.draw.uniform(1.2, 2.5)
    phase = (c.t / period_s + c.draw.random()) % 1.0
    swell = np.where(phase < 0.35, phase / 0.35, np.exp(-3 * (phase - 0.35)))
    return c.noise(1.0, low_hz=60) * (0.15 + swell**2) + 0.1 * c.noise(0.0, low_hz=2000) * swell


def _fire(c: _Maker) -> np.ndarray:
    sound = c.noise(1.6, high_hz=800) * (0.5 + 0.5 * c.slow(4))
    for _ in range(4):
        crackle = c.ring(c.draw.uniform(800, 5000, 3), c.draw.uniform(0.0007, 0.002))
        times = c.at_random(c.draw.uniform(3, 8))
        sound += c.pulses(crackle, times, c.draw.lognormal(0.8, 0.7, len(times)))
    return sound


def _wind(c: _Maker) -> np.ndarray:
    bands = ((60, 250), (250, 700), (700, 1800))
    gains = c.draw.uniform(0.5, 1.0, 3) * (1.0, 0.7, 0.4)
    return sum(
        gain * c.noise(1.0, low, high) * (0.1 + c.slow(c.draw.uniform(1, 2.5)) ** 2)
        for gain, (low, high) in zip(gains, bands, strict=True)
    )


def _helicopter(c: _Maker) -> np.ndarray:
    rate_hz = c.draw.uniform(10, 17)
    beat = (0.5 + 0.5 * np.cos(2 * np.pi * rate_hz * c.t)) ** 4
    body = c.noise(1.0, low_hz=40, high_hz=c.draw.uniform(1500, 3000))
    turbine = c.harmonics(c.draw.uniform(70, 110), -6, 1200)
    return body * (0.1 + beat) + 0.15 * turbine


def _engine(c: _Maker) -> np.ndarray:
    f0_hz = c.draw.uniform(24, 45) * (1 + 0.06 * (c.slow(1.5) - 0.5))
    return c.harmonics(f0_hz, -5, 1500) + 0.25 * c.noise(1.0, high_hz=2000)


def _chainsaw(c: _Maker) -> np.ndarray:
    f0_hz = c.draw.uniform(90, 150) * (1 + 0.25 * (c.slow(c.draw.uniform(1, 3)) - 0.5))
    return c.harmonics(f0_hz, -1.5, 6000) + 0.35 * c.noise(0.3, low_hz=500)


def _clock_tick(c: _Maker) -> np.ndarray:
    rate_hz, sound = c.draw.uniform(2, 4.5), 0.03 * c.noise(1.0)
    ticks = np.arange(c.draw.random() / rate_hz, c.t[-1], 1 / rate_hz)
    for part in (ticks[::2], ticks[1::2]):
        click = c.ring(c.draw.uniform(1200, 6500, 3), c.draw.uniform(0.002, 0.006))
        sound = sound + c.pulses(click, part, np.ones(len(part)))
    return sound


def _crickets(c: _Maker) -> np.ndarray:
    sound = 0.05 * c.noise(0.5)
    for _ in range(2):
        carrier = np.sin(2 * np.pi * c.draw.uniform(3900, 5200) * c.t)
        pulse = 0.5 - 0.5 * np.cos(2 * np.pi * c.draw.uniform(24, 40) * c.t)
        chirp = (c.t * c.draw.uniform(1.5, 3) + c.draw.random()) % 1 < c.draw.uniform(0.5, 0.8)
        sound = sound + carrier * pulse**2 * chirp
    return sound


def _siren(c: _Maker) -> np.ndarray:
    cycles = c.t * c.draw.uniform(0.4, 4.0) + c.draw.random()
    curves = (
        0.5 - 0.5 * np.cos(2 * np.pi * cycles),  # wail or yelp
        (cycles % 1.0 < 0.5).astype(float),  # two tones
    )
    low_hz, high_hz = c.draw.uniform(450, 700), c.draw.uniform(900, 1400)
    f0_hz = low_hz + (high_hz - low_hz) * curves[c.draw.integers(2)]
    return c.harmonics(f0_hz, -7, 7 * 900) + 0.05 * c.noise(1.0)


_RECIPES = {
    "rain": _rain,
    "waves": _waves,
    "fire": _fire,
    "wind": _wind,
    "helicopter": _helicopter,
    "engine": _engine,
    "chainsaw": _chainsaw,
    "clock_tick": _clock_tick,
    "crickets": _crickets,
    "siren": _siren,
}
TEXTURES = tuple(_RECIPES)


def make_texture(name: str, seed: int, n_samples: int, sample_rate_hz: int) -> np.ndarray:
    """Make one background sound.

    Args:
        name: one of `TEXTURES`.
        seed: of its parameters and its noise.
        n_samples: length.
        sample_rate_hz: sample rate, 16 kHz or more.

    Returns:
        float32 [n_samples], of zero mean and RMS 0.1.

    Raises:
        ValueError: unknown name.
    """
    if name not in _RECIPES:
        raise ValueError(f"unknown texture {name!r}; choose from: {', '.join(TEXTURES)}")
    rng = np.random.default_rng([TEXTURES.index(name), seed])
    maker = _Maker(rng, n_samples, sample_rate_hz)
    margin = round(_MARGIN_S * sample_rate_hz)
    sound = _unit(_RECIPES[name](maker)) + FLOOR * maker.noise(1.0)
    sound = _unit(sound[margin : margin + n_samples])
    return (RMS * sound).astype(np.float32)


def _unit(waveform: np.ndarray) -> np.ndarray:
    waveform = waveform - waveform.mean()
    return waveform / np.sqrt(np.mean(waveform**2))
