"""Convolution blocks the image networks share, named so that a TF-Slim checkpoint maps onto them.

A layer with variables carries its TF-Slim scope as its name, with "." for "/" (Keras allows no
slash) and the suffix ".linear" where the paper's layer name already belongs to the ReLU or output
after it:

    conv5.conv5_4.linear                       vgg_19/conv5/conv5_4
    Mixed_6e.Branch_0.Conv2d_0a_1x1.linear     InceptionV3/Mixed_6e/Branch_0/Conv2d_0a_1x1

Kernels start at zero: weights come from a checkpoint or from `network.initialise`.

All tensors: [batch, height, width, channels], float32.
"""

from collections.abc import Sequence
from typing import TypeAlias

import keras
from keras import layers

Tensor: TypeAlias = keras.KerasTensor


def scaled_channels(channels: int, width: float) -> int:
    """Return `channels` x `width` as a multiple of 8, at least 8; a width of 1 changes nothing."""
    return channels if width == 1 else max(8, 8 * round(channels * width / 8))


def widths_per_block(widths: float | Sequence[float], n_blocks: int) -> tuple[float, ...]:
    """Expand a scalar width to every block, or check a sequence of widths.

    Raises:
        ValueError: when a sequence does not hold one positive width for each block.
    """
    expanded = (widths,) * n_blocks if isinstance(widths, int | float) else tuple(widths)
    if len(expanded) != n_blocks or any(width <= 0 for width in expanded):
        raise ValueError(
            f"widths must be one positive number or {n_blocks} of them, one for each block; "
            f"got {widths}"
        )
    return expanded


def image_input(size_px: int, scale: float, offset: float | Sequence[float]) -> tuple:
    """Return the raw image input [size, size, 3] in [0, 1] and its preprocessed tensor."""
    image = keras.Input((size_px, size_px, 3), name="image")
    return image, layers.Rescaling(scale, offset, name="preprocessed")(image)


def convolution(
    x: Tensor,
    name: str,
    channels: int,
    kernel: int | tuple[int, int],
    stride: int | tuple[int, int] = 1,
    padding: str = "same",
    use_bias: bool = True,
    kind: type[layers.Conv2D] = layers.Conv2D,
) -> Tensor:
    """Convolve, with no activation."""
    return kind(
        channels,
        kernel,
        strides=stride,
        padding=padding,
        use_bias=use_bias,
        kernel_initializer="zeros",
        name=name,
    )(x)


def batch_norm(x: Tensor, name: str, epsilon: float, scale: bool) -> Tensor:
    """Normalise over the batch; momentum 0.9 matters only when the network is trained here."""
    return layers.BatchNormalization(momentum=0.9, epsilon=epsilon, scale=scale, name=name)(x)


def fully_connected(x: Tensor, name: str, units: int) -> Tensor:
    """Apply a dense layer, with no activation."""
    return layers.Dense(units, kernel_initializer="zeros", name=name)(x)


def relu(x: Tensor, name: str) -> Tensor:
    """Rectify."""
    return layers.ReLU(name=name)(x)


def relu6(x: Tensor, name: str) -> Tensor:
    """Rectify, and clip at 6."""
    return layers.ReLU(max_value=6, name=name)(x)
