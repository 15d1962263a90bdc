"""Weighted average pooling with a Hanning window, which keeps downsampling from aliasing.

A strided max pool or convolution folds spatial frequencies above the new Nyquist limit into lower
ones. The reduced-aliasing networks low-pass first: a Hanning window four times as wide as the
stride attenuates what would fold by more than 20 dB.

Source: paper section 3.3; Table S3; Henaff & Simoncelli 2016.
"""

import keras
import numpy as np
import tensorflow as tf

WINDOW_PER_STRIDE = 4  # Source: Table S3: 12 for stride 3, 8 for stride 2


def hanning_window(size: int) -> np.ndarray:
    """Return w[k] = (1 - cos(2 pi k / (size - 1))) / 2 over its sum, float64 [size].

    The released helper's default leaves the sum of the window's outer product at 30.25 (size 12)
    or 12.25 (size 8). The paper says *average*, so here it is 1.

    Raises:
        ValueError: fewer than three points; the two ends are zero.
    """
    if size < 3:
        raise ValueError(f"a Hanning window needs at least 3 points; got {size}")
    window = (1 - np.cos(2 * np.pi * np.arange(size) / (size - 1))) / 2
    return window / window.sum()


@keras.saving.register_keras_serializable("model_metamers")
class HanningPooling2D(keras.layers.Layer):
    """Average [batch, height, width, channels] under a moving Hanning window.

    Each channel is pooled for itself; beyond the edges are zeros (SAME padding). The released code
    has a dense convolution whose kernel is zero between different channels: the same result. The
    window is a product, so here one matrix pools the rows and one the columns, which is faster on
    CPUs than TensorFlow's depthwise convolution. Height and width have to be known.

    Args:
        stride: of both axes.
        pool_size: side of the window; four strides by default.
        **kwargs: of `keras.layers.Layer`.

    Raises:
        ValueError: a stride below 1, or a window of fewer than three points.
    """

    def __init__(self, stride: int, pool_size: int | None = None, **kwargs: object):
        super().__init__(**kwargs)
        if stride < 1:
            raise ValueError(f"the stride must be at least 1; got {stride}")
        self.stride = stride
        self.pool_size = WINDOW_PER_STRIDE * stride if pool_size is None else pool_size
        self._window = hanning_window(self.pool_size)

    def call(self, x: tf.Tensor) -> tf.Tensor:
        """Return [batch, ceil(height / stride), ceil(width / stride), channels]."""
        _, height, width, channels = x.shape
        by_rows, by_columns = (
            tf.constant(self._pooling_matrix(n), x.dtype) for n in (height, width)
        )
        rows = tf.matmul(by_rows, tf.reshape(x, (-1, height, width * channels)))
        rows = tf.reshape(rows, (-1, by_rows.shape[0], width, channels))
        return tf.matmul(by_columns, rows)

    def _pooling_matrix(self, n: int) -> np.ndarray:
        """Return the matrix [ceil(n / stride), n] that pools n points along one axis."""
        n_pooled = -(-n // self.stride)
        missing = max((n_pooled - 1) * self.stride + self.pool_size - n, 0)
        first = np.arange(n_pooled)[:, None] * self.stride - missing // 2
        place = np.arange(n) - first
        inside = (place >= 0) & (place < self.pool_size)
        return np.where(inside, self._window[np.clip(place, 0, self.pool_size - 1)], 0)

    def compute_output_shape(self, input_shape: tuple) -> tuple:
        """Return the pooled shape."""
        batch, height, width, channels = input_shape
        return (batch, -(-height // self.stride), -(-width // self.stride), channels)

    def get_config(self) -> dict:
        """Return what Keras needs to build the layer again."""
        return super().get_config() | {"stride": self.stride, "pool_size": self.pool_size}
