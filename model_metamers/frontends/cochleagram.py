"""Cochleagram: the envelopes of a sound in cochlear bands, compressed, as a Keras layer.

    waveform [batch, samples] -> Fourier transform x filters -> complex bands -> magnitude
    -> low-pass, one sample per frame -> relu, x scale, ** 0.3 -> [batch, bands, frames]

With the paper's parameters: 40,000 samples at 20 kHz -> 211 bands x 400 frames at 200 Hz, float32.
Two methods give the same numbers to a few parts in ten thousand:

* "exact" is the computation of the released code: every band at the rate of the waveform.
* "multirate" computes each band at the rate its bandwidth needs. The magnitude of a band does not
  change when the band is shifted to 0 Hz, so a short inverse Fourier transform of the bins its
  filter passes gives the same envelope on a coarser grid, where the same low-pass decimates it.
  Sounds that are nearly all digital silence, such as a click, are left to "exact".

Source: paper section 3.2; github.com/jenellefeather/tfcochleagram; the multirate method is ours.
"""

from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf

from model_metamers.frontends.erb import CochleagramConfig, filterbank
from model_metamers.frontends.low_pass import LOW_PASS_REACH, low_pass_response
from model_metamers.frontends.multirate import multirate_envelopes
from model_metamers.frontends.waveform_layer import WaveformLayer
from model_metamers.gradients import magnitude, power_clipped_gradient

POWER_GRADIENT_CLIP = 1.0
SILENT_SHARE = 0.9  # of samples equal to the one before, in a sound left to the exact method


@keras.saving.register_keras_serializable("model_metamers")
class Cochleagram(WaveformLayer):
    """Turn waveforms [batch, n_samples] into cochleagrams [batch, n_bands, n_frames], float32.

    Bands run from low to high. The gradient is finite for every finite waveform: where an envelope
    is zero its magnitude has the gradient zero, and the slope of the power is clipped to 1.

    Args:
        config: parameters; those of the paper by default.
        method: "multirate" or "exact" (see the module's docstring).
        **kwargs: of `keras.layers.Layer`.

    Raises:
        ValueError: unknown method, or a waveform of another length.
    """

    config_class = CochleagramConfig
    config: CochleagramConfig

    def __init__(
        self,
        config: CochleagramConfig | None = None,
        method: str = "multirate",
        **kwargs: object,
    ):
        super().__init__(config, **kwargs)
        if method not in _METHODS:
            raise ValueError(
                f"unknown cochleagram method {method!r}; choose from: {', '.join(_METHODS)}"
            )
        self.method = method
        self._cochleagrams = _METHODS[method](self.config)

    def call(self, waveforms: tf.Tensor) -> tf.Tensor:
        """Return the cochleagrams [batch, n_bands, n_frames] of waveforms [batch, n_samples]."""
        return self._cochleagrams(waveforms)

    def get_config(self) -> dict:
        """Return what Keras needs to build the layer again."""
        return super().get_config() | {"method": self.method}


def _exact(config: CochleagramConfig) -> Callable[[tf.Tensor], tf.Tensor]:
    """Return the function from waveforms to cochleagrams."""
    # A tensor, not an array, which every graph would hold a copy of.
    filters = tf.constant(filterbank(config), tf.complex64)
    n_frames, per_frame = config.n_frames, config.samples_per_frame
    # Each frame weighs the samples of the eleven frames around it, so the decimating low-pass is
    # a convolution of frames whose channels are the samples of a frame.
    samples = np.arange(-LOW_PASS_REACH * per_frame, (LOW_PASS_REACH + 1) * per_frame)
    low_pass = low_pass_response(samples, per_frame).reshape(-1, per_frame, 1).astype(np.float32)

    def cochleagrams(waveforms: tf.Tensor) -> tf.Tensor:
        bands = tf.signal.rfft(waveforms)[:, None, :] * filters
        # Zeros for the negative frequencies: a real band becomes half its analytic signal.
        bands = tf.pad(bands, [(0, 0), (0, 0), (0, config.n_samples - config.n_bins)])
        in_frames = tf.reshape(magnitude(tf.signal.ifft(bands)), (-1, n_frames, per_frame))
        filtered = tf.nn.conv1d(in_frames, low_pass, stride=1, padding="SAME")
        return _compressed(tf.reshape(filtered, (-1, config.n_bands, n_frames)), config)

    return cochleagrams


def _multirate(config: CochleagramConfig) -> Callable[[tf.Tensor], tf.Tensor]:
    """Return the function from waveforms to cochleagrams.

    In digital silence only the filters' ringing is left. The power magnifies it, and its magnitude
    has kinks, where the gradient changes sign: a coarse grid passes over them. Sounds that are
    nearly all like that get the exact method.
    """
    envelopes, exact = multirate_envelopes(config), _exact(config)

    def cochleagrams(waveforms: tf.Tensor) -> tf.Tensor:
        is_still = tf.cast(tf.equal(waveforms[:, 1:], waveforms[:, :-1]), tf.float32)
        is_silent = tf.reduce_mean(is_still, axis=1)[:, None, None] > SILENT_SHARE
        fast = tf.concat([_compressed(part, config) for part in envelopes(waveforms)], axis=1)
        return tf.cond(
            tf.reduce_any(is_silent),
            lambda: tf.where(is_silent, exact(waveforms), fast),
            lambda: fast,
        )

    # Called one by one from Python, its many small operations would take several times as long;
    # and another graph for every size of a batch seconds and a quarter of a gigabyte.
    signature = [tf.TensorSpec((None, config.n_samples), tf.float32)]
    as_graph = tf.function(cochleagrams, input_signature=signature, autograph=False)
    return lambda waveforms: (as_graph if tf.executing_eagerly() else cochleagrams)(waveforms)


def _compressed(envelopes: tf.Tensor, config: CochleagramConfig) -> tf.Tensor:
    envelopes = tf.nn.relu(envelopes) * config.scale
    return power_clipped_gradient(envelopes, config.exponent, POWER_GRADIENT_CLIP)


_METHODS = {"multirate": _multirate, "exact": _exact}
