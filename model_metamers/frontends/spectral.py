"""Spectral features of sounds, the input of VGGish and of DeepSpeech, as Keras layers.

    LogMel  waveform -> Hann frames -> magnitude spectrum -> mel bands -> ln(. + 0.01)
    Mfcc    waveform -> pre-emphasis -> Hamming frames -> power spectrum -> mel bands -> ln
                     -> cosine transform x lifter; the first coefficient is the frame's ln energy

With the networks' parameters 2 s at 16 kHz, [batch, 32000] in [-1, 1], become [batch, 198, 64] and
[batch, 100, 26], float32. The gradient of the logarithm is clipped (paper, section 3.2; the clip's
value is not released, 1 is that of the cochleagram's power), so that silence has a finite one.

The two differ in more than parameters, because each is that of its published network:

| | VGGish (github.com/tensorflow/models, audioset) | DeepSpeech 0.4.1 (python_speech_features) |
|-|-|-|
| rest of a step at the end | dropped | filled up with zeros |
| corners of the mel triangles | exact, straight in mel | rounded to bins, straight in Hz |

DeepSpeech's later releases, from 0.5.0 on, have TensorFlow's own audio operations instead; their
features differ and do not fit the weights of 0.4.1.

Source: FACTS section 6; the two published implementations.
"""

import dataclasses

import keras
import numpy as np
import scipy.fft
import tensorflow as tf

from model_metamers.gradients import log_clipped_gradient, magnitude

LOG_GRADIENT_CLIP = 1.0


@dataclasses.dataclass(frozen=True)
class SpectralConfig:
    """What the two kinds of features have in common; use one of the subclasses.

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

    def __post_init__(self):
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
        """Length of the Fourier transform: 512 in both networks."""
        return 1 << (self.window_samples - 1).bit_length()


@dataclasses.dataclass(frozen=True)
class LogMelConfig(SpectralConfig):
    """Parameters of a log-mel spectrogram; the defaults are VGGish's for 2 s.

    Attributes:
        offset: added to a band before the logarithm.

    Source: FACTS section 6.
    """

    sample_rate_hz: int = 16_000
    n_samples: int = 32_000
    window_samples: int = 400  # 25 ms
    step_samples: int = 160  # 10 ms
    n_bands: int = 64
    low_hz: float = 125.0
    high_hz: float = 7500.0
    offset: float = 0.01

    def __post_init__(self):
        super().__post_init__()
        if not self.offset > 0:
            raise ValueError(f"offset must be positive; got {self.offset}")

    @property
    def n_frames(self) -> int:
        """Frames that lie wholly inside the waveform: 198."""
        return 1 + (self.n_samples - self.window_samples) // self.step_samples


@dataclasses.dataclass(frozen=True)
class MfccConfig(SpectralConfig):
    """Parameters of cepstral coefficients; the defaults are those of DeepSpeech 0.4.1 for 2 s.

    Attributes:
        n_coefficients: at most n_bands.
        pre_emphasis: how much of each sample is subtracted from the next.
        lifter: L of the factor 1 + L / 2 sin(pi k / L) of coefficient k.
        full_scale: of the waveform the features are made of; 16-bit samples, where ours are in
            [-1, 1].

    Source: FACTS section 6; util/audio.py of DeepSpeech 0.4.1 and the defaults of
    python_speech_features.mfcc.
    """

    sample_rate_hz: int = 16_000
    n_samples: int = 32_000
    window_samples: int = 512  # 32 ms
    step_samples: int = 320  # 20 ms
    n_bands: int = 26
    low_hz: float = 0.0
    high_hz: float = 8000.0
    n_coefficients: int = 26
    pre_emphasis: float = 0.97
    lifter: int = 22
    full_scale: float = 32_768.0

    def __post_init__(self):
        super().__post_init__()
        if not 1 <= self.n_coefficients <= self.n_bands:
            raise ValueError(
                f"n_coefficients must be 1 to n_bands ({self.n_bands}); got {self.n_coefficients}"
            )

    @property
    def n_frames(self) -> int:
        """Whole frames, and one more for what is left of the waveform: 100."""
        return 1 - (self.window_samples - self.n_samples) // self.step_samples


class _SpectralLayer(keras.layers.Layer):
    """A layer from waveforms [batch, n_samples] to features [batch, n_frames, ...]."""

    config_class: type[SpectralConfig]

    def __init__(self, config: SpectralConfig | None = None, **kwargs: object):
        super().__init__(**{"dtype": "float32"} | kwargs)
        self.config = self.config_class() if config is None else config

    def build(self, input_shape: tuple) -> None:
        """Check the waveform's shape."""
        if len(input_shape) != 2 or input_shape[1] != self.config.n_samples:
            raise ValueError(
                f"{self.name} takes waveforms of shape [batch, {self.config.n_samples}] at "
                f"{self.config.sample_rate_hz} Hz; got {list(input_shape)}"
            )
        self.built = True

    def get_config(self) -> dict:
        """Return what Keras needs to build the layer again."""
        return super().get_config() | {"config": dataclasses.asdict(self.config)}

    @classmethod
    def from_config(cls, config: dict) -> "_SpectralLayer":
        """Build the layer from `get_config`."""
        return cls(**config | {"config": cls.config_class(**config["config"])})


@keras.saving.register_keras_serializable("model_metamers")
class LogMel(_SpectralLayer):
    """Turn waveforms [batch, n_samples] in [-1, 1] into ln mel [batch, n_frames, n_bands].

    Args:
        config: parameters; VGGish's by default.
        **kwargs: of `keras.layers.Layer`.
    """

    config_class = LogMelConfig

    def call(self, waveforms: tf.Tensor) -> tf.Tensor:
        """Return the log-mel spectrograms of waveforms."""
        config = self.config
        frames = tf.signal.frame(waveforms, config.window_samples, config.step_samples)
        phase = 2 * np.pi * np.arange(config.window_samples) / config.window_samples
        frames *= tf.constant(0.5 - 0.5 * np.cos(phase), tf.float32)
        bands = _weighted_sums(
            magnitude(tf.signal.rfft(frames, [config.fft_samples])), mel_bank(config)
        )
        return log_clipped_gradient(bands + config.offset, LOG_GRADIENT_CLIP)

    def compute_output_shape(self, input_shape: tuple) -> tuple:
        """Return (batch, n_frames, n_bands)."""
        return (input_shape[0], self.config.n_frames, self.config.n_bands)


@keras.saving.register_keras_serializable("model_metamers")
class Mfcc(_SpectralLayer):
    """Turn waveforms [batch, n_samples] in [-1, 1] into MFCCs [batch, n_frames, n_coefficients].

    Args:
        config: parameters; those of DeepSpeech 0.4.1 by default.
        **kwargs: of `keras.layers.Layer`.
    """

    config_class = MfccConfig

    def call(self, waveforms: tf.Tensor) -> tf.Tensor:
        """Return the MFCCs of waveforms."""
        config = self.config
        samples = waveforms * config.full_scale
        before = tf.pad(samples[:, :-1], [(0, 0), (1, 0)])
        # The last frame is filled up with zeros.
        n_padded = (config.n_frames - 1) * config.step_samples + config.window_samples
        emphasised = tf.pad(
            samples - config.pre_emphasis * before, [(0, 0), (0, n_padded - config.n_samples)]
        )
        frames = tf.signal.frame(emphasised, config.window_samples, config.step_samples)
        frames *= tf.constant(np.hamming(config.window_samples), tf.float32)
        spectra = tf.signal.rfft(frames, [config.fft_samples])
        power = (tf.math.real(spectra) ** 2 + tf.math.imag(spectra) ** 2) / config.fft_samples
        energy = _log(tf.reduce_sum(power, axis=-1, keepdims=True))
        log_bands = _log(_weighted_sums(power, rounded_mel_bank(config)))
        cepstra = _weighted_sums(log_bands, _cosines(config))
        return tf.concat([energy, cepstra[..., 1:]], axis=-1)

    def compute_output_shape(self, input_shape: tuple) -> tuple:
        """Return (batch, n_frames, n_coefficients)."""
        return (input_shape[0], self.config.n_frames, self.config.n_coefficients)


def mel(frequency_hz: np.ndarray) -> np.ndarray:
    """Return frequencies in mel, 1127 ln(1 + f / 700)."""
    return 1127.0 * np.log1p(np.asarray(frequency_hz) / 700.0)


def _frequency_of_mel(mels: np.ndarray) -> np.ndarray:
    return 700.0 * np.expm1(np.asarray(mels) / 1127.0)


def _corners(config: SpectralConfig) -> np.ndarray:
    """Return the ends and centres of the bands in mel, [n_bands + 2]: each band spans three."""
    return np.linspace(mel(config.low_hz), mel(config.high_hz), config.n_bands + 2)


def mel_bank(config: LogMelConfig) -> np.ndarray:
    """Return VGGish's triangles, straight in mel and without the DC bin, [n_bins, n_bands]."""
    n_bins = config.fft_samples // 2 + 1
    bins = mel(np.arange(n_bins) * config.sample_rate_hz / config.fft_samples)
    bank = _triangles(bins, _corners(config))
    bank[0] = 0.0
    return bank


def rounded_mel_bank(config: MfccConfig) -> np.ndarray:
    """Return DeepSpeech's triangles, whose corners are whole bins, [n_bins, n_bands].

    A band narrower than a bin is empty; its logarithm is constant.
    """
    corners_hz = _frequency_of_mel(_corners(config))
    corners = np.floor((config.fft_samples + 1) * corners_hz / config.sample_rate_hz)
    return _triangles(np.arange(config.fft_samples // 2 + 1), corners)


def _triangles(points: np.ndarray, corners: np.ndarray) -> np.ndarray:
    """Return triangles that rise from corner k to k + 1 and fall to k + 2, [n_points, n]."""
    low, centre, high = (corners[k : len(corners) - 2 + k] for k in range(3))
    points = points[:, None]
    with np.errstate(divide="ignore", invalid="ignore"):
        rising = (points - low) / (centre - low)
        falling = (high - points) / (high - centre)
    rises = (low <= points) & (points < centre)
    falls = (centre <= points) & (points < high)
    return np.where(rises, rising, np.where(falls, falling, 0.0))


def _cosines(config: MfccConfig) -> np.ndarray:
    """Return the orthonormal cosine transform with its lifter, [n_bands, n_coefficients]."""
    transform = scipy.fft.dct(np.eye(config.n_bands), norm="ortho")[:, : config.n_coefficients]
    k = np.arange(config.n_coefficients)
    return transform * (1 + config.lifter / 2 * np.sin(np.pi * k / config.lifter))


def _weighted_sums(spectra: tf.Tensor, weights: np.ndarray) -> tf.Tensor:
    """Return [batch, n_frames, n] weighted sums of [batch, n_frames, m], by weights [m, n]."""
    return tf.tensordot(spectra, tf.constant(weights, tf.float32), axes=1)


def _log(power: tf.Tensor) -> tf.Tensor:
    """Return ln(power), where 0 becomes the spacing of float64 at 1, as in the original."""
    nonzero = tf.where(power == 0, tf.constant(np.finfo(np.float64).eps, tf.float32), power)
    return log_clipped_gradient(nonzero, LOG_GRADIENT_CLIP)
