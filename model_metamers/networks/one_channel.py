"""A convolution of one channel, arranged so that processors are fast at it.

TensorFlow's convolutions on CPUs are efficient with several input channels. With a single one, as
in a cochleagram, they take several times as long as the same number of products would elsewhere,
most of all for the gradient that metamers need: that of the input.
"""

import math

import keras
import tensorflow as tf

BLOCK = 8  # columns; longer blocks waste more products with zero, shorter ones have few channels


@keras.saving.register_keras_serializable("model_metamers")
class OneChannelConv2D(keras.layers.Conv2D):
    """Convolve [batch, height, width, 1] with stride 1 and SAME padding.

    A block of neighbouring columns becomes the channels of one wide column, and the kernel a
    larger one that holds it shifted to every place in the block. Weights and results are those of
    `keras.layers.Conv2D`. The width has to be known; blocks have 8 columns where it is a multiple
    of 8, else 4, 2 or 1.

    Args:
        filters: number of output channels.
        kernel_size: (height, width).
        **kwargs: of `keras.layers.Conv2D`.

    Raises:
        ValueError: another stride, padding, dilation or order of axes, or several channels.
    """

    def __init__(self, filters: int, kernel_size: int | tuple[int, int], **kwargs: object):
        super().__init__(filters, kernel_size, **kwargs)
        if (self.strides, self.dilation_rate, self.padding) != ((1, 1), (1, 1), "same"):
            raise ValueError(
                "expected strides 1, dilation 1 and padding 'same'; "
                f"got {self.strides}, {self.dilation_rate} and {self.padding!r}"
            )

    def build(self, input_shape: tuple) -> None:
        """Make the weights of a Conv2D.

        Raises:
            ValueError: the last axis is not one channel.
        """
        if self.data_format != "channels_last" or input_shape[-1] != 1:
            raise ValueError(f"expected [batch, height, width, 1]; got the shape {input_shape}")
        super().build(input_shape)

    def convolution_op(self, inputs: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
        """Return [batch, height, width, filters], without the bias."""
        height, width = inputs.shape[1:3]
        block = math.gcd(width, BLOCK)
        columns = tf.reshape(inputs, (-1, height, width // block, block))
        convolved = tf.nn.conv2d(columns, _block_kernel(kernel, block), 1, "SAME")
        return tf.reshape(convolved, (-1, height, width, self.filters))


def _block_kernel(kernel: tf.Tensor, block: int) -> tf.Tensor:
    """Return the kernel of blocks [height, blocks, block, block * filters].

    As many blocks lie before the middle one as after it, so that SAME padding centres them.
    """
    height, width, _, filters = kernel.shape
    before = (width - 1) // 2  # columns left of the output's own; SAME padding's choice
    reach = -(-(width - 1 - before) // block)
    n_columns = (2 * reach + 1) * block
    shifted = []
    for place in range(block):
        first = reach * block + place - before
        padding = [[0, 0], [first, n_columns - first - width], [0, 0]]
        shifted.append(tf.pad(kernel[:, :, 0], padding))
    return tf.reshape(tf.stack(shifted, 2), (height, 2 * reach + 1, block, block * filters))
