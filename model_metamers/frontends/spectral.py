"""Spectral features of sounds: what the front ends of `log_mel` and `mfcc` have in common.

Each front end is a Keras layer, waveform [batch, samples] in [-1, 1] -> features [batch, n_frames,
n_features], float32, that cuts the waveform into frames, weighs the bins of their spectra into mel
bands and takes logarithms. They differ in more than parameters, because each is that of its
published network:

| | VGGish (`LogMel`) | DeepSpeech 0.4.1 (`Mfcc`) | keyword networks (`TensorflowMfcc`) |
|-|-|-|-|
| spectrum of a frame | magnitude, Hann | power, Hamming, after pre-emphasis | magnitude, Hann |
| rest of a step at the end | dropped | filled up with zeros | dropped |
| mel triangles | straight in mel | straight in Hz, corners rounded to bins | straight in mel |
| logarithm of 0 | never: 0.01 is added | of float64's spacing at 1 | of 1e-12 |
| cosine transform | none | orthonormal, liftered; the first is the energy | first not rescaled |

The gradient of the logarithm is clipped (paper, section 3.2; the clip's value is not released, 1
is that of the cochleagram's power), so that silence has a finite one.

Source: github.com/tensorflow/models, research/audioset/vggish; python_speech_features 0.6;
tensorflow/core/kernels (spectrogram.cc, mfcc_mel_filterbank.cc, mfcc_dct.cc).
"""

import dataclasses

import numpy as np
import tensorflow as tf

from model_metamers.gradients import magnitude

LOG_GRADIENT_CLIP = 1.0


@dataclasses.dataclass(frozen=True)
class SpectralConfig:
    """What all kinds of features have in common; use one of the subclasses.

    Attributes:
        sample_rate_hz: of the waveform.
        n_samples: length of the waveform, at least one window.
        window_samples: length of a frame; its Fourier transform has the next power of two.
        step_samples: from one frame to the next.
        n_bands: mel bands.
        low_hz: lower end of the lowest band.
        high_hz: upper end of the highest band, at most half the sample rate.

    Raises:
        ValueError: on values that do not define features.
    """

    sample_rate_hz: int
    n_samples: int
    window_samples: int
    step_samples: int
    n_bands: int
    low_hz: float
    high_hz: float

    def __post_init__(self) -> None:
        for name in ("sample_rate_hz", "n_samples", "window_samples", "step_samples", "n_bands"):
            value = getattr(self, name)
            if not (value > 0 and value == int(value)):
                raise ValueError(f"{name} must be a positive whole number; got {value}")
        if self.window_samples > self.n_samples:
            raise ValueError(
                f"a waveform of {self.n_samples} samples is shorter than one window of "
                f"{self.window_samples}"
            )
        if not 0 <= self.low_hz < self.high_hz <= self.sample_rate_hz / 2:
            raise ValueError(
                f"the bands need 0 <= low_hz < high_hz <= half of sample_rate_hz; got low_hz "
                f"{self.low_hz}, high_hz {self.high_hz}, sample_rate_hz {self.sample_rate_hz}"
            )

    @property
    def fft_samples(self) -> int:
        """Length of the Fourier transform."""
        return 1 << (self.window_samples - 1).bit_length()

    @property
    def n_frames(self) -> int:
        """Frames that lie wholly inside the waveform."""
        return 1 + (self.n_samples - self.window_samples) // self.step_samples

    @property
    def feature_shape(self) -> tuple[int, int]:
        """Shape of a waveform's features: frames and mel bands."""
        return self.n_frames, self.n_bands


def hann_magnitudes(waveforms: tf.Tensor, config: SpectralConfig) -> tf.Tensor:
    """Return the magnitude spectra of the frames that lie wholly inside waveforms.

    Args:
        waveforms: [batch, n_samples].
        config: window, step and length of the Fourier transform.

    Returns:
        [batch, n_frames, n_bins], of frames under a periodic Hann window.
    """
    frames = tf.signal.frame(waveforms, config.window_samples, config.step_samples)
    phase = 2 * np.pi * np.arange(config.window_samples) / config.window_samples
    frames *= tf.constant(0.5 - 0.5 * np.cos(phase), tf.float32)
    return magnitude(tf.signal.rfft(frames, [config.fft_samples]))


def mel(frequency_hz: float | np.ndarray) -> np.ndarray:
    """Return frequencies in mel, 1127 ln(1 + f / 700)."""
    return 1127.0 * np.log1p(np.asarray(frequency_hz) / 700.0)


def frequency_of_mel(mels: np.ndarray) -> np.ndarray:
    """Return mel as frequencies in Hz."""
    return 700.0 * np.expm1(np.asarray(mels) / 1127.0)


def band_corners(config: SpectralConfig) -> np.ndarray:
    """Return the ends and centres of the bands in mel, [n_bands + 2]: each band spans three."""
    return np.linspace(mel(config.low_hz), mel(config.high_hz), config.n_bands + 2)


def triangles(points: np.ndarray, corners: np.ndarray) -> np.ndarray:
    """Return triangles that rise from corner k to k + 1 and fall to k + 2, [n_points, n]."""
    low, centre, high = (corners[k : len(corners) - 2 + k] for k in range(3))
    points = points[:, None]
    with np.errstate(divide="ignore", invalid="ignore"):
        rising = (points - low) / (centre - low)
        falling = (high - points) / (high - centre)
    rises = (low <= points) & (points < centre)
    falls = (centre <= points) & (points < high)
    return np.where(rises, rising, np.where(falls, falling, 0.0))


def weighted_sums(spectra: tf.Tensor, weights: np.ndarray) -> tf.Tensor:
    """Return [batch, n_frames, n] weighted sums of [batch, n_frames, m], by weights [m, n]."""
    return tf.tensordot(spectra, tf.constant(weights, tf.float32), axes=1)
