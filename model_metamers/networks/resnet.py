"""ResNet-101 V2 (He et al. 2016) as TF-Slim builds it, with the metamer layers of Table S5.

Image [299, 299, 3] in [0, 1] -> 7x7 convolution -> four blocks of 3, 4, 23 and 3 pre-activation
bottleneck units -> batch norm, ReLU, global average -> logits. TF-Slim puts the stride of blocks
1-3 in their last unit. conv1 and the blocks are sums without a ReLU.
"""

from collections.abc import Sequence

import keras
from keras import layers

from model_metamers.networks import blocks
from model_metamers.networks.blocks import Tensor

METAMER_LAYERS = (
    "conv1", "block1", "block2", "block3", "block4", "global_pool", "logits",
)  # fmt: skip
SLIM_SCOPE = "resnet_v2_101"

_UNITS_PER_BLOCK = (3, 4, 23, 3)
_STRIDE_PER_BLOCK = (2, 2, 2, 1)
# Of the bottleneck; a unit's output has four times as many.
_CHANNELS_PER_BLOCK = (64, 128, 256, 512)
_EPSILON = 1e-5


def resnet_v2_101(
    size_px: int = 299,
    n_classes: int = 1001,
    widths: float | Sequence[float] = 1.0,
    scale: float = 2.0,
    offset: float = -1.0,
    pool1_in_zeros: bool = False,
    units_per_block: Sequence[int] = _UNITS_PER_BLOCK,
) -> keras.Model:
    """Build ResNet-101 V2.

    Args:
        size_px: side of the square input, in pixels.
        n_classes: units of the logits (TF-Slim: 1000 classes after a background class 0).
        widths: channels relative to the original: one number, or five for conv1 and the blocks.
        scale: of the preprocessing, image * scale + offset.
        offset: see `scale`.
        pool1_in_zeros: surround pool1's input with zeros, as Keras' weights expect; TF-Slim pads
            at the end, and only where the size needs it.
        units_per_block: four numbers; fewer are a network for trials.

    Returns:
        Model from images [batch, size, size, 3] in [0, 1] to logits [batch, n_classes].

    Source: Table S5; tf_slim.nets.resnet_v2.
    """
    root_width, *block_widths = blocks.widths_per_block(widths, 5)
    image, x = blocks.image_input(size_px, scale, offset)
    x = _padded_convolution(x, "conv1", blocks.scaled_channels(64, root_width), 7, stride=2)
    if pool1_in_zeros:
        x = layers.ZeroPadding2D(1, name="pool1.padding")(x)
    padding = "valid" if pool1_in_zeros else "same"
    x = layers.MaxPooling2D(3, 2, padding=padding, name="pool1")(x)
    specification = zip(
        units_per_block, _STRIDE_PER_BLOCK, _CHANNELS_PER_BLOCK, block_widths, strict=True
    )
    for block, (n_units, block_stride, channels, width) in enumerate(specification, start=1):
        for unit in range(1, n_units + 1):
            last = unit == n_units
            x = _bottleneck_unit(
                x,
                f"block{block}.unit_{unit}.bottleneck_v2",
                blocks.scaled_channels(channels, width),
                stride=block_stride if last else 1,
                output_name=f"block{block}" if last else f"block{block}.unit_{unit}",
            )
    x = _norm_relu(x, "postnorm")
    x = layers.GlobalAveragePooling2D(name="global_pool")(x)
    logits = blocks.fully_connected(x, "logits", n_classes)
    return keras.Model(image, logits, name="resnet_v2_101")


def _bottleneck_unit(x: Tensor, name: str, channels: int, stride: int, output_name: str) -> Tensor:
    preactivation = _norm_relu(x, f"{name}.preact")
    if x.shape[-1] == 4 * channels:
        shortcut = layers.MaxPooling2D(1, stride, name=f"{name}.shortcut")(x) if stride > 1 else x
    else:
        shortcut = blocks.convolution(
            preactivation, f"{name}.shortcut", 4 * channels, 1, stride=stride
        )
    residual = blocks.convolution(preactivation, f"{name}.conv1", channels, 1, use_bias=False)
    residual = _norm_relu(residual, f"{name}.conv1.BatchNorm")
    residual = _padded_convolution(residual, f"{name}.conv2", channels, 3, stride, use_bias=False)
    residual = _norm_relu(residual, f"{name}.conv2.BatchNorm")
    residual = blocks.convolution(residual, f"{name}.conv3", 4 * channels, 1)
    return layers.Add(name=output_name)([shortcut, residual])


def _norm_relu(x: Tensor, name: str) -> Tensor:
    return blocks.relu(blocks.batch_norm(x, name, _EPSILON, scale=True), f"{name}.relu")


def _padded_convolution(
    x: Tensor, name: str, channels: int, kernel: int, stride: int, use_bias: bool = True
) -> Tensor:
    """Convolve with padding that does not depend on the input's parity (TF-Slim conv2d_same)."""
    if stride == 1:
        return blocks.convolution(x, name, channels, kernel, use_bias=use_bias)
    before = (kernel - 1) // 2
    x = layers.ZeroPadding2D((before, kernel - 1 - before), name=f"{name}.padding")(x)
    return blocks.convolution(x, name, channels, kernel, stride, "valid", use_bias)
