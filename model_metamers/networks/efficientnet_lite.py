"""EfficientNet-Lite0, -Lite1 and -Lite2: ImageNet networks of full size that a laptop can run.

Image [side, side, 3] in [0, 1] -> stem, a 3x3 convolution -> seven stages of inverted residual
blocks (expand 1x1, depthwise, project 1x1) -> head, a 1x1 convolution -> pool, the average ->
logits. A block is linear where it ends, so the stages are; stem and head end in a clipped ReLU.
Lite1 and Lite2 are the same stages, repeated and widened.

Source: Tan & Le 2019 (EfficientNet); efficientnet_lite_builder.py of
github.com/tensorflow/tpu, models/official/efficientnet/lite, for the Lite changes: ReLU6, no
squeeze-and-excitation, stem and head of fixed width, first and last stage not repeated.
"""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import keras
from keras import layers

from model_metamers.networks import blocks
from model_metamers.networks.checkpoints import checkpoint_variables

METAMER_LAYERS = (
    "stem", "stage2", "stage3", "stage4", "stage5", "stage6", "stage7", "head", "pool", "logits",
)  # fmt: skip

_STEM_CHANNELS = 32
_HEAD_CHANNELS = 1280
_EPSILON = 1e-3


@dataclass(frozen=True)
class _Variant:
    """A row of the table of networks: input size, and multiples of Lite0's width and depth."""

    size_px: int
    width: float
    depth: float


@dataclass(frozen=True)
class _Stage:
    """A row of the table of stages: `expansion` multiplies the channels that a block takes."""

    repeats: int
    kernel: int
    stride: int
    expansion: int
    channels: int


_VARIANTS = {
    "efficientnet_lite0": _Variant(224, 1.0, 1.0),
    "efficientnet_lite1": _Variant(240, 1.0, 1.1),
    "efficientnet_lite2": _Variant(260, 1.1, 1.2),
}
_STAGES = (
    _Stage(repeats=1, kernel=3, stride=1, expansion=1, channels=16),
    _Stage(repeats=2, kernel=3, stride=2, expansion=6, channels=24),
    _Stage(repeats=2, kernel=5, stride=2, expansion=6, channels=40),
    _Stage(repeats=3, kernel=3, stride=2, expansion=6, channels=80),
    _Stage(repeats=3, kernel=5, stride=1, expansion=6, channels=112),
    _Stage(repeats=4, kernel=5, stride=2, expansion=6, channels=192),
    _Stage(repeats=1, kernel=3, stride=1, expansion=6, channels=320),
)


def efficientnet_lite(
    name: str,
    size_px: int | None = None,
    n_classes: int = 1000,
    widths: float | Sequence[float] = 1.0,
    scale: float = 255 / 128,
    offset: float = -127 / 128,
) -> keras.Model:
    """Build an EfficientNet-Lite.

    Args:
        name: efficientnet_lite0, efficientnet_lite1 or efficientnet_lite2.
        size_px: side of the square input, in pixels; None for the variant's own.
        n_classes: units of the logits.
        widths: channels relative to the variant's: one number, or nine for stem, stage1 .. stage7
            and head.
        scale: of the preprocessing, image * scale + offset.
        offset: see `scale`.

    Returns:
        Model from images [batch, size, size, 3] in [0, 1] to logits [batch, n_classes].
    """
    variant = _VARIANTS[name]
    stem_width, *stage_widths, head_width = blocks.widths_per_block(widths, 2 + len(_STAGES))
    image, x = blocks.image_input(size_px or variant.size_px, scale, offset)
    x = _normalised_convolution(x, "stem", _STEM_CHANNELS, stem_width, kernel=3, stride=2)
    x = blocks.relu6(x, "stem")
    for index, (stage, width) in enumerate(zip(_STAGES, stage_widths, strict=True), start=1):
        is_fixed = index in (1, len(_STAGES))
        repeats = stage.repeats if is_fixed else math.ceil(stage.repeats * variant.depth)
        x = _stage(x, f"stage{index}", stage, repeats, variant.width * width)
    x = _normalised_convolution(x, "head", _HEAD_CHANNELS, head_width)
    x = blocks.relu6(x, "head")
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    return keras.Model(image, blocks.fully_connected(x, "logits", n_classes), name=name)


def torch_names(
    model: keras.Model, stored_shapes: Mapping[str, tuple[int, ...]]
) -> dict[str, keras.Variable]:
    """Return name in the PyTorch release's state dict -> variable.

    It numbers blocks through all stages, and a block's batch norms 0, 1 and 2 in their order; the
    first is missing where nothing is expanded.
    """
    modules = {
        "stem": "_conv_stem", "stem/BatchNorm": "_bn0", "head": "_conv_head",
        "head/BatchNorm": "_bn1", "logits": "_fc",
    }  # fmt: skip
    variables = checkpoint_variables(model, scope="")
    prefixes = [found[0] for name in variables if (found := re.match(r"stage\d/\d+", name))]
    for number, prefix in enumerate(dict.fromkeys(prefixes)):
        for index, part in enumerate(("expand", "depthwise", "project")):
            modules[f"{prefix}/{part}"] = f"_blocks.{number}._{part}_conv"
            modules[f"{prefix}/{part}/BatchNorm"] = f"_blocks.{number}._bn{index}"
    parameters = {
        "weights": "weight", "depthwise_weights": "weight", "biases": "bias", "gamma": "weight",
        "beta": "bias", "moving_mean": "running_mean", "moving_variance": "running_var",
    }  # fmt: skip
    named = {}
    for name, variable in variables.items():
        layer, _, parameter = name.rpartition("/")
        named[f"{modules[layer]}.{parameters[parameter]}"] = variable
    return named


def _stage(
    x: blocks.Tensor, name: str, stage: _Stage, repeats: int, width: float
) -> blocks.Tensor:
    """Apply a stage's blocks; a layer with the stage's name stands for the last one's output."""
    channels = blocks.scaled_channels(stage.channels, width)
    for index in range(1, repeats + 1):
        block = f"{name}.{index}"
        stride = stage.stride if index == 1 else 1
        projected = _inverted_block(x, block, stage, stride, channels)
        output_name = name if index == repeats else f"{block}.sum"
        if stride == 1 and x.shape[-1] == channels:
            x = layers.Add(name=output_name)([x, projected])
        elif index == repeats:
            x = layers.Activation("linear", name=output_name)(projected)
        else:
            x = projected
    return x


def _inverted_block(
    x: blocks.Tensor, name: str, stage: _Stage, stride: int, channels: int
) -> blocks.Tensor:
    """Expand, convolve each channel by itself, project."""
    if stage.expansion > 1:
        expanded = stage.expansion * x.shape[-1]
        x = _normalised_convolution(x, f"{name}.expand", expanded)
        x = blocks.relu6(x, f"{name}.expand")
    x = layers.DepthwiseConv2D(
        stage.kernel,
        strides=stride,
        padding="same",
        use_bias=False,
        depthwise_initializer="zeros",
        name=f"{name}.depthwise.linear",
    )(x)
    x = blocks.batch_norm(x, f"{name}.depthwise.BatchNorm", _EPSILON, scale=True)
    x = blocks.relu6(x, f"{name}.depthwise")
    return _normalised_convolution(x, f"{name}.project", channels)


def _normalised_convolution(
    x: blocks.Tensor,
    name: str,
    channels: int,
    width: float = 1.0,
    kernel: int = 1,
    stride: int = 1,
) -> blocks.Tensor:
    """Convolve and normalise, with no activation."""
    channels = blocks.scaled_channels(channels, width)
    x = blocks.convolution(x, f"{name}.linear", channels, kernel, stride, use_bias=False)
    return blocks.batch_norm(x, f"{name}.BatchNorm", _EPSILON, scale=True)
