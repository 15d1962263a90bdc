"""The audio networks of Tables S2 and S3: waveform -> cochleagram -> five convolutions -> heads.

Two variants have the same shapes, here with the paper's cochleagram of 211 x 400:

| shape          | word_aliased (Table S2)   | word_reduced_aliasing (Table S3)                  |
|----------------|---------------------------|---------------------------------------------------|
| 71 x 134 x 96  | conv_0, stride 3          | conv_0 (211 x 400 x 96), pool_0: Hanning, stride 3 |
| 36 x 67 x 96   | max pool, batch norm      | Hanning pool, batch norm                          |
| 18 x 34 x 256  | conv_1, stride 2          | conv_1 (36 x 67 x 256), pool_1: Hanning, stride 2 |
| 9 x 17 x 256   | max pool, batch norm      | Hanning pool, batch norm                          |
| 9 x 17 x 512   | conv_2                    | conv_2                                            |
| 9 x 17 x 1024  | conv_3                    | conv_3                                            |
| 9 x 17 x 512   | conv_4                    | conv_4                                            |
| 5 x 9 x 512    | average pool              | average pool                                      |
| 4096           | fc_intermediate           | fc_intermediate                                   |

conv_k and fc_intermediate are ReLUs; pool_0 and pool_1 are not, so metamers matched there follow
the true gradient (BUILD_NOTES.md, ledger row 8). Padding is SAME everywhere.

Kernels, strides, pools and dropout are the published ones. Batch norm's epsilon, which is not
published, is TensorFlow's default.

Source: Tables S2 and S3.
"""

from collections.abc import Mapping, Sequence

import keras
from keras import layers

from model_metamers.frontends.cochleagram import Cochleagram
from model_metamers.frontends.erb import CochleagramConfig
from model_metamers.networks import blocks
from model_metamers.networks.blocks import Tensor
from model_metamers.networks.one_channel import OneChannelConv2D
from model_metamers.networks.pooling import HanningPooling2D

ALIASED_LAYERS = (
    "cochleagram", "conv_0", "conv_1", "conv_2", "conv_3", "conv_4", "fc_intermediate", "logits",
)  # fmt: skip
REDUCED_ALIASING_LAYERS = (
    "cochleagram", "pool_0", "pool_1", "conv_2", "conv_3", "conv_4", "fc_intermediate", "logits",
)  # fmt: skip

# Task -> classes, a null class 0 included. Source: paper section 3.1.
WORD_HEAD = {"word": 794}
AUDIOSET_HEAD = {"audioset": 517}

_CHANNELS = (96, 256, 512, 1024, 512)
_KERNELS = ((7, 14), (4, 8), (2, 5), (2, 5), (2, 5))
_POOLING_WINDOW = (2, 5)
_FULLY_CONNECTED_UNITS = 4096
_EPSILON = 1e-3


def word_aliased(
    heads: Mapping[str, int] = WORD_HEAD,
    widths: float | Sequence[float] = 1.0,
    cochleagram: CochleagramConfig = CochleagramConfig(),
    method: str = "multirate",
    dropout: float = 0.5,
) -> keras.Model:
    """Build the network whose strided convolutions and max pools alias.

    Args:
        heads: task -> number of classes. The first head's layer is "logits", that of any further
            task "logits_<task>".
        widths: channels relative to the original: one number, or six for conv_0 .. conv_4 and
            fc_intermediate.
        cochleagram: parameters of the front end; they set the waveform's length and rate.
        method: of the front end, see `Cochleagram`.
        dropout: rate at fc_intermediate; acts in training only.

    Returns:
        Model from waveforms [batch, samples] to logits [batch, classes], or to a list of them
        where there are several heads.

    Raises:
        ValueError: no head, or unfit widths.

    Source: Table S2.
    """
    channels, units = _scaled(widths)
    waveform, x = _normalised_cochleagram(cochleagram, method)
    for k, stride in ((0, 3), (1, 2)):
        x = _convolution(x, k, channels[k], stride)
        x = layers.MaxPooling2D(_POOLING_WINDOW, 2, padding="same", name=f"pool_{k}")(x)
        x = blocks.batch_norm(x, f"conv_{k + 1}.normalised", _EPSILON, scale=True)
    x = _last_convolutions(x, channels)
    logits = _readouts(x, heads, units, dropout)
    return keras.Model(waveform, logits, name="word_aliased")


def word_reduced_aliasing(
    heads: Mapping[str, int] = WORD_HEAD,
    widths: float | Sequence[float] = 1.0,
    cochleagram: CochleagramConfig = CochleagramConfig(),
    method: str = "multirate",
    dropout: float = 0.5,
) -> keras.Model:
    """Build the network that downsamples by Hanning pooling, but for the average pool at the end.

    Args and Raises are those of `word_aliased`.

    Returns:
        Model from waveforms [batch, samples] to logits [batch, classes], or to a list of them
        where there are several heads.

    Source: Table S3.
    """
    channels, units = _scaled(widths)
    waveform, x = _normalised_cochleagram(cochleagram, method)
    for k, stride in ((0, 3), (1, 2)):
        x = _convolution(x, k, channels[k], stride=1)
        x = HanningPooling2D(stride, name=f"pool_{k}")(x)
        x = HanningPooling2D(2, name=f"pool_{k}.second")(x)
        x = blocks.batch_norm(x, f"conv_{k + 1}.normalised", _EPSILON, scale=True)
    x = _last_convolutions(x, channels)
    logits = _readouts(x, heads, units, dropout)
    return keras.Model(waveform, logits, name="word_reduced_aliasing")


def _scaled(widths: float | Sequence[float]) -> tuple[list[int], int]:
    """Return the channels of the convolutions and the units of fc_intermediate."""
    expanded = blocks.widths_per_block(widths, len(_CHANNELS) + 1)
    full = (*_CHANNELS, _FULLY_CONNECTED_UNITS)
    *channels, units = map(blocks.scaled_channels, full, expanded)
    return channels, units


def _normalised_cochleagram(config: CochleagramConfig, method: str) -> tuple[Tensor, Tensor]:
    """Return the waveform input and the normalised cochleagram [batch, bands, frames, 1]."""
    waveform = keras.Input((config.n_samples,), name="waveform")
    x = Cochleagram(config, method, name="cochleagram")(waveform)
    x = layers.Reshape((config.n_bands, config.n_frames, 1), name="cochleagram.channel")(x)
    return waveform, blocks.batch_norm(x, "conv_0.normalised", _EPSILON, scale=True)


def _convolution(x: Tensor, k: int, channels: int, stride: int) -> Tensor:
    kind = OneChannelConv2D if x.shape[-1] == stride == 1 else layers.Conv2D
    x = blocks.convolution(x, f"conv_{k}.linear", channels, _KERNELS[k], stride, kind=kind)
    return blocks.relu(x, f"conv_{k}")


def _last_convolutions(x: Tensor, channels: Sequence[int]) -> Tensor:
    """Return conv_2 .. conv_4 and the average pool, which both networks have."""
    for k in (2, 3, 4):
        x = _convolution(x, k, channels[k], stride=1)
    return layers.AveragePooling2D(_POOLING_WINDOW, 2, padding="same", name="pool_4")(x)


def _readouts(
    x: Tensor, heads: Mapping[str, int], units: int, dropout: float
) -> Tensor | list[Tensor]:
    if not heads:
        raise ValueError("a network needs at least one head: task -> number of classes")
    x = layers.Flatten(name="pool_4.flat")(x)
    x = blocks.fully_connected(x, "fc_intermediate.linear", units)
    x = blocks.relu(x, "fc_intermediate")
    x = layers.Dropout(dropout, seed=0, name="fc_intermediate.dropout")(x)
    first = next(iter(heads))
    logits = [
        blocks.fully_connected(x, "logits" if task == first else f"logits_{task}", n_classes)
        for task, n_classes in heads.items()
    ]
    return logits[0] if len(logits) == 1 else logits
