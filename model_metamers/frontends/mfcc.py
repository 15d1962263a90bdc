"""Mel-frequency cepstral coefficients as Keras layers: DeepSpeech's and TensorFlow's own.

    Mfcc            waveform -> pre-emphasis -> Hamming frames -> power spectrum -> mel bands -> ln
                             -> cosine transform x lifter; the first is the frame's ln energy
    TensorflowMfcc  waveform -> Hann frames -> magnitude spectrum -> mel bands -> ln
                             -> cosine transform

With the networks' parameters 2 s at 16 kHz, [batch, 32000] in [-1, 1], become [batch, 100, 26],
and 1 s, [batch, 16000], becomes [batch, 49, 10].

`TensorflowMfcc` computes what TensorFlow's operations AudioSpectrogram and Mfcc do one after the
other, which have no gradient. The keyword networks were trained on them. (So were DeepSpeech's
later releases, from 0.5.0 on; the weights of 0.4.1 fit the features of python_speech_features.)

Source: util/audio.py of DeepSpeech 0.4.1; python_speech_features 0.6;
tensorflow/core/kernels (spectrogram.cc, mfcc_mel_filterbank.cc, mfcc_dct.cc, mfcc.cc).
"""

import dataclasses

import keras
import numpy as np
import tensorflow as tf

from model_metamers.frontends.spectral import (
    LOG_GRADIENT_CLIP,
    SpectralConfig,
    band_corners,
    frequency_of_mel,
    hann_magnitudes,
    mel,
    triangles,
    weighted_sums,
)
from model_metamers.frontends.waveform_layer import WaveformLayer
from model_metamers.gradients import log_clipped_gradient


@dataclasses.dataclass(frozen=True)
class CepstralConfig(SpectralConfig):
    """What both kinds of cepstral coefficients have in common; use one of the subclasses.

    Attributes:
        n_coefficients: at most n_bands.
    """

    n_coefficients: int

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 1 <= self.n_coefficients <= self.n_bands:
            raise ValueError(
                f"n_coefficients must be 1 to n_bands ({self.n_bands}); got {self.n_coefficients}"
            )

    @property
    def feature_shape(self) -> tuple[int, int]:
        """Shape of a waveform's features: frames and coefficients."""
        return self.n_frames, self.n_coefficients


@dataclasses.dataclass(frozen=True)
class MfccConfig(CepstralConfig):
    """Parameters of cepstral coefficients; the defaults are those of DeepSpeech 0.4.1 for 2 s.

    Attributes:
        pre_emphasis: how much of each sample is subtracted from the next.
        lifter: L of the factor 1 + L / 2 sin(pi k / L) of coefficient k.
        full_scale: of the waveform the features are made of; 16-bit samples, where ours are in
            [-1, 1].

    Source: util/audio.py of DeepSpeech 0.4.1 and the defaults of python_speech_features.mfcc.
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

    @property
    def n_frames(self) -> int:
        """Whole frames, and one more for what is left of the waveform: 100."""
        return 1 - (self.window_samples - self.n_samples) // self.step_samples


@dataclasses.dataclass(frozen=True)
class TensorflowMfccConfig(CepstralConfig):
    """Parameters of TensorFlow's operations; the defaults are those of the keyword networks, 1 s.

    Attributes:
        floor: least value of a band before the logarithm.

    Source: the operations' attributes in the networks' frozen graphs
    (github.com/ARM-software/ML-KWS-for-MCU, Pretrained_models); mfcc.cc (the floor).
    """

    sample_rate_hz: int = 16_000
    n_samples: int = 16_000
    window_samples: int = 640  # 40 ms
    step_samples: int = 320  # 20 ms
    n_bands: int = 40
    low_hz: float = 20.0
    high_hz: float = 4000.0
    n_coefficients: int = 10
    floor: float = 1e-12

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.floor > 0:
            raise ValueError(f"floor must be positive; got {self.floor}")


@keras.saving.register_keras_serializable("model_metamers")
class Mfcc(WaveformLayer):
    """Turn waveforms [batch, n_samples] in [-1, 1] into MFCCs [batch, n_frames, n_coefficients].

    Args:
        config: parameters; those of DeepSpeech 0.4.1 by default.
        **kwargs: of `keras.layers.Layer`.
    """

    config_class = MfccConfig
    config: MfccConfig

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
        log_bands = _log(weighted_sums(power, rounded_mel_bank(config)))
        cepstra = weighted_sums(log_bands, _cosines(config) * _lifter(config))
        return tf.concat([energy, cepstra[..., 1:]], axis=-1)


@keras.saving.register_keras_serializable("model_metamers")
class TensorflowMfcc(WaveformLayer):
    """Turn waveforms [batch, n_samples] in [-1, 1] into MFCCs [batch, n_frames, n_coefficients].

    Args:
        config: parameters; those of the keyword networks by default.
        **kwargs: of `keras.layers.Layer`.
    """

    config_class = TensorflowMfccConfig
    config: TensorflowMfccConfig

    def call(self, waveforms: tf.Tensor) -> tf.Tensor:
        """Return the MFCCs of waveforms."""
        config = self.config
        bands = weighted_sums(hann_magnitudes(waveforms, config), htk_mel_bank(config))
        log_bands = log_clipped_gradient(tf.maximum(bands, config.floor), LOG_GRADIENT_CLIP)
        return weighted_sums(log_bands, _cosines(config))


def rounded_mel_bank(config: MfccConfig) -> np.ndarray:
    """Return DeepSpeech's triangles, whose corners are whole bins, [n_bins, n_bands].

    A band narrower than a bin is empty; its logarithm is constant.
    """
    corners_hz = frequency_of_mel(band_corners(config))
    corners = np.floor((config.fft_samples + 1) * corners_hz / config.sample_rate_hz)
    return triangles(np.arange(config.fft_samples // 2 + 1), corners)


def htk_mel_bank(config: TensorflowMfccConfig) -> np.ndarray:
    """Return TensorFlow's triangles, straight in mel, [n_bins, n_bands].

    As in HTK the bin next above low_hz may be left out: the first is int(1.5 + low_hz / bin_hz).
    """
    bin_hz = config.sample_rate_hz / config.fft_samples
    bins = mel(np.arange(config.fft_samples // 2 + 1) * bin_hz)
    bank = triangles(bins, band_corners(config))
    bank[: int(1.5 + config.low_hz / bin_hz)] = 0.0
    return bank


def _cosines(config: CepstralConfig) -> np.ndarray:
    """Return sqrt(2 / n) cos(pi k (j + 1/2) / n), [n_bands, n_coefficients].

    An orthonormal transform would have k = 0 smaller by sqrt(2); TensorFlow's has not, and
    DeepSpeech has no use for it.
    """
    n = config.n_bands
    k, j = np.arange(config.n_coefficients), np.arange(n)[:, None]
    return np.sqrt(2 / n) * np.cos(np.pi * k * (j + 0.5) / n)


def _lifter(config: MfccConfig) -> np.ndarray:
    """Return the factors of the coefficients, [n_coefficients]."""
    k = np.arange(config.n_coefficients)
    return 1 + config.lifter / 2 * np.sin(np.pi * k / config.lifter)


def _log(power: tf.Tensor) -> tf.Tensor:
    """Return ln(power), where 0 becomes the spacing of float64 at 1, as in the original."""
    nonzero = tf.where(power == 0, tf.constant(np.finfo(np.float64).eps, tf.float32), power)
    return log_clipped_gradient(nonzero, LOG_GRADIENT_CLIP)
