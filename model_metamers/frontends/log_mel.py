"""The log-mel spectrogram that VGGish hears, as a Keras layer.

    waveform -> Hann frames -> magnitude spectrum -> mel bands -> ln(. + 0.01)

With VGGish's parameters 2 s at 16 kHz, [batch, 32000] in [-1, 1], become [batch, 198, 64].

Source: github.com/tensorflow/models, research/audioset/vggish (mel_features.py).
"""

import dataclasses

import keras
import numpy as np
import tensorflow as tf

from model_metamers.frontends.spectral import (
    LOG_GRADIENT_CLIP,
    SpectralConfig,
    band_corners,
    hann_magnitudes,
    mel,
    triangles,
    weighted_sums,
)
from model_metamers.frontends.waveform_layer import WaveformLayer
from model_metamers.gradients import log_clipped_gradient


@dataclasses.dataclass(frozen=True)
class LogMelConfig(SpectralConfig):
    """Parameters of a log-mel spectrogram; the defaults are VGGish's for 2 s.

    Attributes:
        offset: added to a band before the logarithm.

    Source: vggish_params.py of github.com/tensorflow/models, research/audioset.
    """

    sample_rate_hz: int = 16_000
    n_samples: int = 32_000
    window_samples: int = 400  # 25 ms
    step_samples: int = 160  # 10 ms
    n_bands: int = 64
    low_hz: float = 125.0
    high_hz: float = 7500.0
    offset: float = 0.01

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.offset > 0:
            raise ValueError(f"offset must be positive; got {self.offset}")


@keras.saving.register_keras_serializable("model_metamers")
class LogMel(WaveformLayer):
    """Turn waveforms [batch, n_samples] in [-1, 1] into ln mel [batch, n_frames, n_bands].

    Args:
        config: parameters; VGGish's by default.
        **kwargs: of `keras.layers.Layer`.
    """

    config_class = LogMelConfig
    config: LogMelConfig

    def call(self, waveforms: tf.Tensor) -> tf.Tensor:
        """Return the log-mel spectrograms of waveforms."""
        bands = weighted_sums(hann_magnitudes(waveforms, self.config), mel_bank(self.config))
        return log_clipped_gradient(bands + self.config.offset, LOG_GRADIENT_CLIP)


def mel_bank(config: LogMelConfig) -> np.ndarray:
    """Return VGGish's triangles, straight in mel and without the DC bin, [n_bins, n_bands]."""
    n_bins = config.fft_samples // 2 + 1
    bins = mel(np.arange(n_bins) * config.sample_rate_hz / config.fft_samples)
    bank = triangles(bins, band_corners(config))
    bank[0] = 0.0
    return bank
