"""VGG-19 (Simonyan & Zisserman 2015) as TF-Slim builds it, with the metamer layers of Table S5.

Image [224, 224, 3] in [0, 1] -> five blocks of 3x3 convolutions and 2x2 max pooling -> fc6, fc7 ->
fc8. Every metamer layer but fc8 is a ReLU.
"""

from collections.abc import Sequence

import keras
from keras import layers

from model_metamers.networks import blocks

METAMER_LAYERS = (
    "conv1_2", "conv2_2", "conv3_4", "conv4_4", "conv5_4", "fc6", "fc7", "fc8",
)  # fmt: skip
SLIM_SCOPE = "vgg_19"

# ImageNet's mean red, green and blue, of 255, as the released code subtracts them.
CHANNEL_MEANS = (123.68, 116.779, 103.939)

_MINUS_MEANS = tuple(-mean for mean in CHANNEL_MEANS)
_CONVOLUTIONS_PER_BLOCK = (2, 2, 4, 4, 4)
_CHANNELS_PER_BLOCK = (64, 128, 256, 512, 512)
_FULLY_CONNECTED_UNITS = 4096


def vgg_19(
    size_px: int = 224,
    n_classes: int = 1000,
    widths: float | Sequence[float] = 1.0,
    scale: float = 255.0,
    offset: float | Sequence[float] = _MINUS_MEANS,
    dropout: float = 0.5,
) -> keras.Model:
    """Build VGG-19.

    Args:
        size_px: side of the square input, in pixels.
        n_classes: units of fc8.
        widths: channels relative to the original: one number, or six for conv1 .. conv5 and fc.
        scale: of the preprocessing, image * scale + offset.
        offset: see `scale`; one number, or one for each colour.
        dropout: rate at fc6 and fc7; acts in training only.

    Returns:
        Model from images [batch, size, size, 3] in [0, 1] to logits [batch, n_classes].

    Source: Table S5; tf_slim.nets.vgg.
    """
    *conv_widths, fc_width = blocks.widths_per_block(widths, 6)
    image, x = blocks.image_input(size_px, scale, offset)
    specification = zip(_CONVOLUTIONS_PER_BLOCK, _CHANNELS_PER_BLOCK, conv_widths, strict=True)
    for block, (n_convolutions, channels, width) in enumerate(specification, start=1):
        for index in range(1, n_convolutions + 1):
            name = f"conv{block}_{index}"
            x = blocks.convolution(
                x, f"conv{block}.{name}.linear", blocks.scaled_channels(channels, width), 3
            )
            x = blocks.relu(x, name)
        x = layers.MaxPooling2D(2, name=f"pool{block}")(x)
    x = layers.Flatten(name="pool5.flat")(x)
    for name in ("fc6", "fc7"):
        units = blocks.scaled_channels(_FULLY_CONNECTED_UNITS, fc_width)
        x = blocks.relu(blocks.fully_connected(x, f"{name}.linear", units), name)
        x = layers.Dropout(dropout, seed=0, name=f"{name}.dropout")(x)
    logits = blocks.fully_connected(x, "fc8", n_classes)
    return keras.Model(image, logits, name="vgg_19")
