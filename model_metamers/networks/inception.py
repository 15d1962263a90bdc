"""Inception-V3 (Szegedy et al. 2016) as TF-Slim builds it, with the metamer layers of Table S5.

Image [299, 299, 3] in [0, 1] -> stem of convolutions -> eleven Mixed blocks of parallel branches
-> average -> Logits. The ReLU of each branch's last convolution stands after the concatenation
(relu(concat) = concat(relu)), so a Mixed block ends in one ReLU layer that carries its name;
pooled branches of positive inputs pass it unchanged.
"""

from collections.abc import Sequence

import keras
from keras import layers

from model_metamers.networks import blocks
from model_metamers.networks.blocks import Tensor

METAMER_LAYERS = (
    "Conv2d_1a_3x3", "Conv2d_2b_3x3", "Conv2d_3b_1x1", "Conv2d_4a_3x3",
    "Mixed_5d", "Mixed_6e", "Mixed_7c", "Logits",
)  # fmt: skip
SLIM_SCOPE = "InceptionV3"

_EPSILON = 1e-3


def inception_v3(
    size_px: int = 299,
    n_classes: int = 1001,
    widths: float | Sequence[float] = 1.0,
    scale: float = 2.0,
    offset: float = -1.0,
) -> keras.Model:
    """Build Inception-V3, without the auxiliary classifier (a training device).

    Args:
        size_px: side of the square input, in pixels (at least 75).
        n_classes: units of the logits (TF-Slim: 1000 classes after a background class 0).
        widths: channels relative to the original: one number, or four for the stem, Mixed_5,
            Mixed_6 and Mixed_7.
        scale: of the preprocessing, image * scale + offset.
        offset: see `scale`.

    Returns:
        Model from images [batch, size, size, 3] in [0, 1] to logits [batch, n_classes].

    Source: Table S5; tf_slim.nets.inception_v3.
    """
    stem, mixed_5, mixed_6, mixed_7 = map(_Scaled, blocks.widths_per_block(widths, 4))
    image, x = blocks.image_input(size_px, scale, offset)
    x = stem.conv(x, "Conv2d_1a_3x3", 32, 3, stride=2, padding="valid")
    x = stem.conv(x, "Conv2d_2a_3x3", 32, 3, padding="valid")
    x = stem.conv(x, "Conv2d_2b_3x3", 64, 3)
    x = layers.MaxPooling2D(3, 2, name="MaxPool_3a_3x3")(x)
    x = stem.conv(x, "Conv2d_3b_1x1", 80, 1, padding="valid")
    x = stem.conv(x, "Conv2d_4a_3x3", 192, 3, padding="valid")
    x = layers.MaxPooling2D(3, 2, name="MaxPool_5a_3x3")(x)
    x = mixed_5.block_35(x, "Mixed_5b", pooled_channels=32)
    x = mixed_5.block_35(
        x, "Mixed_5c", pooled_channels=64, names_5x5=("Conv2d_0b_1x1", "Conv_1_0c_5x5")
    )
    x = mixed_5.block_35(x, "Mixed_5d", pooled_channels=64)
    x = mixed_6.reduction_17(x, "Mixed_6a")
    for name, channels in zip("bcde", (128, 160, 160, 192), strict=True):
        x = mixed_6.block_17(x, f"Mixed_6{name}", channels)
    x = mixed_7.reduction_8(x, "Mixed_7a")
    x = mixed_7.block_8(x, "Mixed_7b", name_3x1="Conv2d_0b_3x1")
    x = mixed_7.block_8(x, "Mixed_7c", name_3x1="Conv2d_0c_3x1")
    x = layers.GlobalAveragePooling2D(name="AvgPool_1a")(x)
    x = blocks.fully_connected(x, "Logits.Conv2d_1c_1x1.linear", n_classes)
    logits = layers.Activation("linear", name="Logits")(x)
    return keras.Model(image, logits, name="inception_v3")


class _Scaled:
    """Inception's building blocks with every channel count multiplied by one width."""

    def __init__(self, width: float):
        self.width = width

    def linear(
        self,
        x: Tensor,
        scope: str,
        channels: int,
        kernel: int | tuple[int, int],
        stride: int = 1,
        padding: str = "same",
    ) -> Tensor:
        """Convolve and normalise, with no ReLU: for a branch that ends in the concatenation."""
        channels = blocks.scaled_channels(channels, self.width)
        name = f"{scope}.linear"
        x = blocks.convolution(x, name, channels, kernel, stride, padding, use_bias=False)
        return blocks.batch_norm(x, f"{scope}.BatchNorm", _EPSILON, scale=False)

    def conv(
        self,
        x: Tensor,
        scope: str,
        channels: int,
        kernel: int | tuple[int, int],
        stride: int = 1,
        padding: str = "same",
    ) -> Tensor:
        """Convolve, normalise, rectify; the ReLU carries the scope's name."""
        return blocks.relu(self.linear(x, scope, channels, kernel, stride, padding), scope)

    def pooled(self, x: Tensor, scope: str, channels: int) -> Tensor:
        """Average over 3x3, then convolve 1x1: the last branch of most blocks."""
        x = layers.AveragePooling2D(3, 1, padding="same", name=f"{scope}.AvgPool_0a_3x3")(x)
        return self.linear(x, f"{scope}.Conv2d_0b_1x1", channels, 1)

    def block_35(
        self,
        x: Tensor,
        name: str,
        pooled_channels: int,
        names_5x5: tuple[str, str] = ("Conv2d_0a_1x1", "Conv2d_0b_5x5"),
    ) -> Tensor:
        """Mixed_5b .. 5d: 1x1, 5x5 and two 3x3 convolutions, and a pooled branch."""
        branch_1, branch_2 = f"{name}.Branch_1", f"{name}.Branch_2"
        reduce_5x5, conv_5x5 = names_5x5
        five = self.conv(x, f"{branch_1}.{reduce_5x5}", 48, 1)
        double = self.conv(x, f"{branch_2}.Conv2d_0a_1x1", 64, 1)
        double = self.conv(double, f"{branch_2}.Conv2d_0b_3x3", 96, 3)
        return _rectified_concatenation(
            name,
            self.linear(x, f"{name}.Branch_0.Conv2d_0a_1x1", 64, 1),
            self.linear(five, f"{branch_1}.{conv_5x5}", 64, 5),
            self.linear(double, f"{branch_2}.Conv2d_0c_3x3", 96, 3),
            self.pooled(x, f"{name}.Branch_3", pooled_channels),
        )

    def reduction_17(self, x: Tensor, name: str) -> Tensor:
        """Mixed_6a: halve the map by strided convolutions and max pooling."""
        branch_1 = f"{name}.Branch_1"
        double = self.conv(x, f"{branch_1}.Conv2d_0a_1x1", 64, 1)
        double = self.conv(double, f"{branch_1}.Conv2d_0b_3x3", 96, 3)
        return _rectified_concatenation(
            name,
            self.linear(x, f"{name}.Branch_0.Conv2d_1a_1x1", 384, 3, 2, "valid"),
            self.linear(double, f"{branch_1}.Conv2d_1a_1x1", 96, 3, 2, "valid"),
            layers.MaxPooling2D(3, 2, name=f"{name}.Branch_2.MaxPool_1a_3x3")(x),
        )

    def block_17(self, x: Tensor, name: str, channels: int) -> Tensor:
        """Mixed_6b .. 6e: 7x7 convolutions factored into 1x7 and 7x1."""
        branch_1, branch_2 = f"{name}.Branch_1", f"{name}.Branch_2"
        single = self.conv(x, f"{branch_1}.Conv2d_0a_1x1", channels, 1)
        single = self.conv(single, f"{branch_1}.Conv2d_0b_1x7", channels, (1, 7))
        double = self.conv(x, f"{branch_2}.Conv2d_0a_1x1", channels, 1)
        double = self.conv(double, f"{branch_2}.Conv2d_0b_7x1", channels, (7, 1))
        double = self.conv(double, f"{branch_2}.Conv2d_0c_1x7", channels, (1, 7))
        double = self.conv(double, f"{branch_2}.Conv2d_0d_7x1", channels, (7, 1))
        return _rectified_concatenation(
            name,
            self.linear(x, f"{name}.Branch_0.Conv2d_0a_1x1", 192, 1),
            self.linear(single, f"{branch_1}.Conv2d_0c_7x1", 192, (7, 1)),
            self.linear(double, f"{branch_2}.Conv2d_0e_1x7", 192, (1, 7)),
            self.pooled(x, f"{name}.Branch_3", 192),
        )

    def reduction_8(self, x: Tensor, name: str) -> Tensor:
        """Mixed_7a: halve the map again."""
        branch_0, branch_1 = f"{name}.Branch_0", f"{name}.Branch_1"
        single = self.conv(x, f"{branch_0}.Conv2d_0a_1x1", 192, 1)
        factored = self.conv(x, f"{branch_1}.Conv2d_0a_1x1", 192, 1)
        factored = self.conv(factored, f"{branch_1}.Conv2d_0b_1x7", 192, (1, 7))
        factored = self.conv(factored, f"{branch_1}.Conv2d_0c_7x1", 192, (7, 1))
        return _rectified_concatenation(
            name,
            self.linear(single, f"{branch_0}.Conv2d_1a_3x3", 320, 3, 2, "valid"),
            self.linear(factored, f"{branch_1}.Conv2d_1a_3x3", 192, 3, 2, "valid"),
            layers.MaxPooling2D(3, 2, name=f"{name}.Branch_2.MaxPool_1a_3x3")(x),
        )

    def block_8(self, x: Tensor, name: str, name_3x1: str) -> Tensor:
        """Mixed_7b, 7c: branches that fan out into 1x3 and 3x1 convolutions."""
        branch_1, branch_2 = f"{name}.Branch_1", f"{name}.Branch_2"
        single = self.conv(x, f"{branch_1}.Conv2d_0a_1x1", 384, 1)
        double = self.conv(x, f"{branch_2}.Conv2d_0a_1x1", 448, 1)
        double = self.conv(double, f"{branch_2}.Conv2d_0b_3x3", 384, 3)
        return _rectified_concatenation(
            name,
            self.linear(x, f"{name}.Branch_0.Conv2d_0a_1x1", 320, 1),
            self.linear(single, f"{branch_1}.Conv2d_0b_1x3", 384, (1, 3)),
            self.linear(single, f"{branch_1}.{name_3x1}", 384, (3, 1)),
            self.linear(double, f"{branch_2}.Conv2d_0c_1x3", 384, (1, 3)),
            self.linear(double, f"{branch_2}.Conv2d_0d_3x1", 384, (3, 1)),
            self.pooled(x, f"{name}.Branch_3", 192),
        )


def _rectified_concatenation(name: str, *branches: Tensor) -> Tensor:
    return blocks.relu(layers.Concatenate(name=f"{name}.concat")(list(branches)), name)
