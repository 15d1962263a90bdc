"""The audio networks as the released TensorFlow 1 code computes them, for timing only.

Three things differ from ours, in the work they take and not in what they compute: every cochlear
band is brought to the waveform's full rate, low-passed there with 1001 taps and decimated by a
strided convolution; Hanning pooling is a convolution whose dense kernel is zero between different
channels; and the first convolution takes its one channel as it is.

Source: github.com/jenellefeather/tfcochleagram; github.com/jenellefeather/model_metamers.
"""

import keras
import numpy as np
import tensorflow as tf

from model_metamers.frontends.cochleagram import POWER_GRADIENT_CLIP, Cochleagram
from model_metamers.frontends.erb import CochleagramConfig, filterbank
from model_metamers.frontends.low_pass import LOW_PASS_FRAMES, low_pass_response
from model_metamers.gradients import magnitude, power_clipped_gradient
from model_metamers.networks.network import Network
from model_metamers.networks.one_channel import OneChannelConv2D
from model_metamers.networks.pooling import HanningPooling2D, hanning_window


def network_of_2019(network: Network) -> Network:
    """Return a network with the same weights that computes as the released code does."""

    def replaced(layer: keras.layers.Layer) -> keras.layers.Layer:
        if isinstance(layer, Cochleagram):
            return StridedCochleagram(layer.config, name=layer.name)
        if isinstance(layer, HanningPooling2D):
            return DenseHanningPooling2D(layer.stride, layer.pool_size, name=layer.name)
        if isinstance(layer, OneChannelConv2D):
            return keras.layers.Conv2D.from_config(layer.get_config())
        return layer.__class__.from_config(layer.get_config())

    model = keras.models.clone_model(network.model, clone_function=replaced)
    model.set_weights(network.model.get_weights())
    return Network(
        network.name, model, network.metamer_layers, None, network.readouts, network.sample_rate_hz
    )


class StridedCochleagram(keras.layers.Layer):
    """Cochleagrams [batch, n_bands, n_frames] of waveforms [batch, n_samples]."""

    def __init__(self, config: CochleagramConfig, **kwargs: object):
        super().__init__(dtype="float32", **kwargs)
        self._config = config
        self._filters = filterbank(config).astype(np.complex64)
        per_frame = config.samples_per_frame
        # SAME padding puts the first of the taps this far before a frame's start.
        taps = np.arange(LOW_PASS_FRAMES * per_frame + 1)
        offsets = taps - (len(taps) - per_frame) // 2
        low_pass = low_pass_response(offsets, per_frame)
        self._low_pass = low_pass.reshape(1, -1, 1, 1).astype(np.float32)

    def call(self, waveforms: tf.Tensor) -> tf.Tensor:
        """Return the cochleagrams."""
        config = self._config
        bands = tf.signal.rfft(waveforms)[:, None, :] * self._filters
        bands = tf.pad(bands, [(0, 0), (0, 0), (0, config.n_samples - config.n_bins)])
        envelopes = magnitude(tf.signal.ifft(bands))[..., None]
        stride = (1, config.samples_per_frame)
        frames = tf.nn.conv2d(envelopes, self._low_pass, stride, "SAME")[..., 0]
        frames = tf.nn.relu(frames) * config.scale
        return power_clipped_gradient(frames, config.exponent, POWER_GRADIENT_CLIP)

    def compute_output_shape(self, input_shape: tuple) -> tuple:
        """Return (batch, n_bands, n_frames)."""
        return (input_shape[0], self._config.n_bands, self._config.n_frames)


class DenseHanningPooling2D(HanningPooling2D):
    """Hanning pooling as a convolution over all channels."""

    def call(self, x: tf.Tensor) -> tf.Tensor:
        """Return [batch, ceil(height / stride), ceil(width / stride), channels]."""
        window = hanning_window(self.pool_size)
        kernel = np.outer(window, window)[..., None, None] * np.eye(x.shape[-1])
        return tf.nn.conv2d(x, tf.constant(kernel, x.dtype), self.stride, "SAME")
