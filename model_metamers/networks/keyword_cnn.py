"""Two networks of spoken commands (Zhang et al. 2017, "Hello Edge"): waveform -> MFCCs -> words.

Both hear 1 s at 16 kHz and answer with one of twelve classes. The shapes after each layer:

| DS-CNN-L      | layer                        | | CNN-L        | layer                        |
|-|-|-|-|-|
| 49 x 10       | mfcc                         | | 49 x 10      | mfcc                         |
| 25 x 10 x 276 | conv_1: 10 x 4, stride 2 x 1 | | 40 x 7 x 60  | conv_1: 10 x 4               |
| 13 x 5 x 276  | conv_ds_1, stride 2          | | 16 x 4 x 76  | conv_2: 10 x 4, stride 2 x 1 |
| 13 x 5 x 276  | conv_ds_2 .. conv_ds_5       | | 58           | linear: no ReLU              |
| 276           | avg_pool: over all positions | | 128          | fc                           |
| 12            | logits                       | | 12           | logits                       |

conv and fc are batch-normalised ReLUs. A conv_ds is two: a 3 x 3 convolution within each channel,
then a 1 x 1 convolution across them; its name stands for the second.

DS-CNN-L pads its convolutions ("same") and its batch norms have no gamma; CNN-L pads nothing and
its batch norms have one. Layers carry the names in the frozen graph of DS-CNN-L.

Source: the frozen graphs DS_CNN_L.pb and CNN_L.pb of github.com/ARM-software/ML-KWS-for-MCU,
Pretrained_models, at commit 8151349b.
"""

import keras
from keras import layers

from model_metamers.frontends.mfcc import TensorflowMfcc, TensorflowMfccConfig
from model_metamers.networks import blocks
from model_metamers.networks.blocks import Tensor

N_CLASSES = 12

DS_CNN_LAYERS = (
    "mfcc", "conv_1", "conv_ds_1", "conv_ds_2", "conv_ds_3", "conv_ds_4", "conv_ds_5", "avg_pool",
    "logits",
)  # fmt: skip
DS_CNN_SCOPE = "MobileNet"

CNN_LAYERS = ("mfcc", "conv_1", "conv_2", "linear", "fc", "logits")
# Our name of a weight -> that in the frozen graph.
CNN_NAMES = {
    "conv_1/weights": "Variable",
    "conv_1/biases": "Variable_1",
    "conv_2/weights": "Variable_2",
    "conv_2/biases": "Variable_3",
    "linear/weights": "W",
    "linear/biases": "b",
    "fc/weights": "Variable_4",
    "fc/biases": "Variable_5",
    "logits/weights": "Variable_6",
    "logits/biases": "Variable_7",
} | {
    f"{layer}/batch_norm/{name}": f"{stored_layer}/{name}"
    for layer, stored_layer in (("conv_1", "bn1"), ("conv_2", "bn2"), ("fc", "bn3"))
    for name in ("gamma", "beta", "moving_mean", "moving_variance")
}

_EPSILON = 1e-3
_KERNEL = (10, 4)  # of the convolutions that are not depthwise: 0.22 s x 4 coefficients
_DS_CNN_CHANNELS = 276
_DS_CNN_BLOCKS = 5


def ds_cnn_l() -> keras.Model:
    """Build DS-CNN-L: one convolution and five depthwise separable ones.

    Returns:
        Model from waveforms [batch, 16000] in [-1, 1] to logits [batch, 12].
    """
    waveform, x = _mfcc_image()
    x = blocks.convolution(x, "conv_1.linear", _DS_CNN_CHANNELS, _KERNEL, stride=(2, 1))
    x = _normalised_relu(x, "conv_1.batch_norm", "conv_1", gamma=False)
    for index in range(1, _DS_CNN_BLOCKS + 1):
        x = _depthwise_separable(x, f"conv_ds_{index}", stride=2 if index == 1 else 1)
    x = layers.GlobalAveragePooling2D(name="avg_pool")(x)
    x = blocks.fully_connected(x, "fc1", N_CLASSES)
    return keras.Model(waveform, layers.Identity(name="logits")(x), name="ds_cnn_l")


def cnn_l() -> keras.Model:
    """Build CNN-L: two convolutions, a bottleneck and a fully connected layer.

    Returns:
        Model from waveforms [batch, 16000] in [-1, 1] to logits [batch, 12].
    """
    waveform, x = _mfcc_image()
    for name, channels, stride in (("conv_1", 60, (1, 1)), ("conv_2", 76, (2, 1))):
        x = blocks.convolution(x, f"{name}.linear", channels, _KERNEL, stride, padding="valid")
        x = _normalised_relu(x, f"{name}.batch_norm", name, gamma=True)
    x = blocks.fully_connected(layers.Flatten(name="conv_2.flat")(x), "linear", 58)
    x = blocks.fully_connected(x, "fc.linear", 128)
    x = _normalised_relu(x, "fc.batch_norm", "fc", gamma=True)
    logits = blocks.fully_connected(x, "logits", N_CLASSES)
    return keras.Model(waveform, logits, name="cnn_l")


def _mfcc_image() -> tuple[Tensor, Tensor]:
    """Return the waveform input and its MFCCs as an image [batch, 49, 10, 1]."""
    config = TensorflowMfccConfig()
    waveform = keras.Input((config.n_samples,), name="waveform")
    x = TensorflowMfcc(config, name="mfcc")(waveform)
    return waveform, layers.Reshape((*x.shape[1:], 1), name="mfcc.image")(x)


def _depthwise_separable(x: Tensor, name: str, stride: int) -> Tensor:
    """Convolve within channels and then across them, each normalised and rectified."""
    x = layers.DepthwiseConv2D(
        3, stride, "same", depthwise_initializer="zeros", name=f"{name}.depthwise_conv"
    )(x)
    x = _normalised_relu(x, f"{name}.dw_batch_norm", f"{name}.depthwise", gamma=False)
    x = blocks.convolution(x, f"{name}.pointwise_conv", _DS_CNN_CHANNELS, 1)
    return _normalised_relu(x, f"{name}.pw_batch_norm", name, gamma=False)


def _normalised_relu(x: Tensor, batch_norm: str, relu: str, gamma: bool) -> Tensor:
    """Apply a batch norm of the first name and a ReLU of the second."""
    return blocks.relu(blocks.batch_norm(x, batch_norm, _EPSILON, scale=gamma), relu)
