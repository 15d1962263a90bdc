"""Cochlear filters in NumPy: half cosines, evenly spaced and evenly wide in ERB number.

The ERB number counts equivalent rectangular bandwidths of human hearing from 0 Hz upwards. The
bank has sample_factor times as many band-pass filters as would cover the range, and as many
low-pass and high-pass filters at its two ends, so that the squared responses of all filters add up
to one at every frequency: nothing of a sound is lost.

Source: github.com/mcdermottLab/pycochleagram, github.com/jenellefeather/tfcochleagram; McDermott &
Simoncelli 2011.
"""

import functools
from dataclasses import dataclass

import numpy as np

# Glasberg & Moore 1990: bandwidth 24.7 + f / 9.265 Hz at frequency f.
EAR_Q = 9.265
MINIMUM_BANDWIDTH_HZ = 24.7


@dataclass(frozen=True)
class CochleagramConfig:
    """Parameters of a cochleagram; the defaults are those of the paper's networks.

    The paper's text says 171 filters from 20 to 80 Hz; the released code, and the feature counts
    of Tables S2 to S4, say 211 filters from 20 to 8000 Hz (BUILD_NOTES.md, ledger rows 1 and 2).

    Attributes:
        sample_rate_hz: of the waveform.
        n_samples: length of the waveform; even, and a whole number of envelope samples.
        envelope_rate_hz: of the cochleagram; divides the sample rate.
        low_hz: lower end of the band-pass filters.
        high_hz: upper end of the band-pass filters, at most half the sample rate.
        n_filters: band-pass filters of a bank with sample_factor 1.
        sample_factor: how many times denser the bank is.
        scale: factor of the envelopes before compression.
        exponent: of the compression.

    Raises:
        ValueError: on values that do not define a cochleagram.
    """

    sample_rate_hz: int = 20_000
    n_samples: int = 40_000
    envelope_rate_hz: int = 200
    low_hz: float = 20.0
    high_hz: float = 8000.0
    n_filters: int = 50
    sample_factor: int = 4
    scale: float = 796.87416837456942
    exponent: float = 0.3

    def __post_init__(self) -> None:
        positive = ("sample_rate_hz", "n_samples", "envelope_rate_hz", "n_filters",
                    "sample_factor", "scale", "exponent")  # fmt: skip
        for name in positive:
            if not 0 < getattr(self, name) < np.inf:
                raise ValueError(f"{name} must be positive; got {getattr(self, name)}")
        whole = ("sample_rate_hz", "n_samples", "envelope_rate_hz", "n_filters", "sample_factor")
        for name in whole:
            if getattr(self, name) != int(getattr(self, name)):
                raise ValueError(f"{name} must be a whole number; got {getattr(self, name)}")
        if not 0 <= self.low_hz < self.high_hz <= self.sample_rate_hz / 2:
            raise ValueError(
                f"the filters need 0 <= low_hz < high_hz <= half of sample_rate_hz; got low_hz "
                f"{self.low_hz}, high_hz {self.high_hz}, sample_rate_hz {self.sample_rate_hz}"
            )
        if self.sample_rate_hz % self.envelope_rate_hz:
            raise ValueError(
                f"envelope_rate_hz must divide sample_rate_hz; got {self.envelope_rate_hz} and "
                f"{self.sample_rate_hz}"
            )
        if self.n_samples % 2 or self.n_samples % self.samples_per_frame:
            raise ValueError(
                f"n_samples must be even and a multiple of {self.samples_per_frame}, which is "
                f"sample_rate_hz / envelope_rate_hz; got {self.n_samples}"
            )

    @property
    def samples_per_frame(self) -> int:
        """Waveform samples per cochleagram sample: 100."""
        return self.sample_rate_hz // self.envelope_rate_hz

    @property
    def n_frames(self) -> int:
        """Cochleagram samples: 400."""
        return self.n_samples // self.samples_per_frame

    @property
    def n_bands(self) -> int:
        """Filters, low-pass and high-pass ones included: 211."""
        return self.sample_factor * (self.n_filters + 1) - 1 + 2 * self.sample_factor

    @property
    def feature_shape(self) -> tuple[int, int]:
        """Shape of a waveform's cochleagram: bands and frames."""
        return self.n_bands, self.n_frames

    @property
    def n_bins(self) -> int:
        """Frequencies of the waveform's real Fourier transform: 20,001."""
        return self.n_samples // 2 + 1


def erb_number(frequency_hz: np.ndarray | float) -> np.ndarray:
    """Return the ERB number of frequencies in Hz, any shape."""
    return EAR_Q * np.log1p(np.asarray(frequency_hz) / (MINIMUM_BANDWIDTH_HZ * EAR_Q))


def frequency_of_erb_number(number: np.ndarray) -> np.ndarray:
    """Return the frequencies in Hz of ERB numbers, any shape."""
    return MINIMUM_BANDWIDTH_HZ * EAR_Q * np.expm1(np.asarray(number) / EAR_Q)


@functools.lru_cache(maxsize=4)
def filterbank(config: CochleagramConfig = CochleagramConfig()) -> np.ndarray:
    """Return the filters' responses.

    Args:
        config: the cochleagram.

    Returns:
        float64 [n_bands, n_bins], read-only, from 0 to 1 / sqrt(sample_factor): sample_factor
        low-pass filters, the band-pass filters from low to high, sample_factor high-pass filters.
        Bins are `numpy.fft.rfftfreq(n_samples, 1 / sample_rate_hz)`.

    Raises:
        ValueError: the waveform is so short that a filter falls between two of its frequencies.

    Source: pycochleagram/erbfilter.py (band-pass, low- and high-pass, scaling).
    """
    bins_hz = np.fft.rfftfreq(config.n_samples, 1 / config.sample_rate_hz)
    centres, spacing = _centres(config)
    band_pass = _half_cosines(erb_number(bins_hz), centres, config.sample_factor * spacing)
    centres_hz = frequency_of_erb_number(centres)
    low_pass, high_pass = [], []
    for i in range(config.sample_factor):
        low_pass.append(_complement(band_pass[i], bins_hz < centres_hz[i]))
        high_pass.append(_complement(band_pass[-1 - i], bins_hz > centres_hz[-1 - i]))
    bank = np.concatenate([low_pass, band_pass, high_pass[::-1]])
    if not bank.any(axis=1).all():
        raise ValueError(
            f"{config.n_samples} samples at {config.sample_rate_hz} Hz resolve too few "
            f"frequencies for {config.n_bands} filters from {config.low_hz} to {config.high_hz} "
            f"Hz: use a longer waveform or fewer filters"
        )
    bank /= np.sqrt(config.sample_factor)
    bank.setflags(write=False)
    return bank


def _centres(config: CochleagramConfig) -> tuple[np.ndarray, float]:
    """Return the band-pass filters' centres, and their spacing, in ERB numbers."""
    n_band_pass = config.n_bands - 2 * config.sample_factor
    low, high = erb_number(config.low_hz), erb_number(config.high_hz)
    centres, spacing = np.linspace(low, high, n_band_pass + 2, retstep=True)
    return centres[1:-1], float(spacing)


def _half_cosines(numbers: np.ndarray, centres: np.ndarray, half_width: float) -> np.ndarray:
    """Return [n_centres, n_numbers]: cos from -pi/2 to pi/2 on centre ± half_width, 0 outside."""
    offset = (numbers - centres[:, None]) / half_width
    return np.where(np.abs(offset) < 1, np.cos(np.pi / 2 * offset), 0.0)


def _complement(band_pass: np.ndarray, side: np.ndarray) -> np.ndarray:
    """Return what makes the squares add up to one on one side of a filter's centre."""
    return np.where(side, np.sqrt(1 - band_pass**2), 0.0)
