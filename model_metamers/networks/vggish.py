"""VGGish (Hershey et al. 2017): waveform -> log-mel patches -> six convolutions -> embedding.

A sound of 2 s holds two patches of 96 frames, 0.96 s each; each goes through the network for
itself, so every layer has them as its first axis:

| shape             | layer                                         |
|-------------------|-----------------------------------------------|
| 2 x 96 x 64 x 1   | patches of the log-mel spectrogram            |
| 2 x 96 x 64 x 64  | conv1, then max pool                          |
| 2 x 48 x 32 x 128 | conv2, then max pool                          |
| 2 x 24 x 16 x 256 | conv3_1, conv3_2, then max pool               |
| 2 x 12 x 8 x 512  | conv4_1, conv4_2, then max pool               |
| 2 x 4096          | fc1_1, fc1_2                                  |
| 2 x 128           | embedding                                     |

All but the embedding are ReLUs. The embedding is the value before any rectifier, as in the TF-Hub
module and upstream's present code; upstream's code of 2019 rectified it.

Source: github.com/tensorflow/models, research/audioset/vggish.
"""

from collections.abc import Sequence

import keras
from keras import layers

from model_metamers.frontends.log_mel import LogMel, LogMelConfig
from model_metamers.networks import blocks
from model_metamers.networks.blocks import Tensor

METAMER_LAYERS = (
    "conv1", "conv2", "conv3_1", "conv3_2", "conv4_1", "conv4_2", "fc1_1", "fc1_2", "embedding",
)  # fmt: skip
SLIM_SCOPE = "vggish"
PATCH_FRAMES = 96

# Block -> names of its convolutions, channels.
_BLOCKS = {
    "conv1": (("conv1",), 64),
    "conv2": (("conv2",), 128),
    "conv3": (("conv3.conv3_1", "conv3.conv3_2"), 256),
    "conv4": (("conv4.conv4_1", "conv4.conv4_2"), 512),
}
_FULLY_CONNECTED_UNITS = 4096


def vggish(
    widths: float | Sequence[float] = 1.0,
    log_mel: LogMelConfig = LogMelConfig(),
    embedding_units: int = 128,
) -> keras.Model:
    """Build VGGish.

    Args:
        widths: channels relative to the original: one number, or five for conv1 .. conv4 and fc1.
        log_mel: parameters of the front end; they set the waveform's length and rate.
        embedding_units: units of the embedding.

    Returns:
        Model from waveforms [batch, samples] in [-1, 1] to embeddings [batch, patches, units].

    Raises:
        ValueError: unfit widths, or a waveform shorter than one patch.
    """
    *conv_widths, fc_width = blocks.widths_per_block(widths, len(_BLOCKS) + 1)
    waveform, x = _patches(log_mel)
    for (block, (names, channels)), width in zip(_BLOCKS.items(), conv_widths, strict=True):
        for name in names:
            x = _convolution(x, f"{name}.linear", blocks.scaled_channels(channels, width))
            x = blocks.relu(x, name.rpartition(".")[2])
        x = layers.MaxPooling3D((1, 2, 2), padding="same", name=f"{block}.pooled")(x)
    x = layers.Reshape((x.shape[1], -1), name="conv4.flat")(x)
    for name in ("fc1_1", "fc1_2"):
        units = blocks.scaled_channels(_FULLY_CONNECTED_UNITS, fc_width)
        x = blocks.relu(blocks.fully_connected(x, f"fc1.{name}.linear", units), name)
    x = blocks.fully_connected(x, "fc2", embedding_units)
    return keras.Model(waveform, layers.Identity(name="embedding")(x), name="vggish")


def _patches(config: LogMelConfig) -> tuple[Tensor, Tensor]:
    """Return the waveform input and its patches [batch, patches, frames, bands, 1].

    Frames after the last whole patch are dropped, as upstream does.
    """
    n_patches, n_left = divmod(config.n_frames, PATCH_FRAMES)
    if n_patches == 0:
        raise ValueError(
            f"VGGish needs at least {PATCH_FRAMES} frames; {config.n_samples} samples at "
            f"{config.sample_rate_hz} Hz give {config.n_frames}"
        )
    waveform = keras.Input((config.n_samples,), name="waveform")
    x = LogMel(config, name="log_mel")(waveform)
    x = layers.Cropping1D((0, n_left), name="log_mel.whole_patches")(x)
    shape = (n_patches, PATCH_FRAMES, config.n_bands, 1)
    return waveform, layers.Reshape(shape, name="patches")(x)


def _convolution(x: Tensor, name: str, channels: int) -> Tensor:
    """Convolve every patch with 3 x 3 kernels, with no activation."""
    return layers.Conv3D(
        channels, (1, 3, 3), padding="same", kernel_initializer="zeros", name=name
    )(x)
