"""Frozen graphs of the keyword networks: written with random weights, and run by TensorFlow.

The graphs have the operations and the names of DS_CNN_L.pb and CNN_L.pb, so that they stand for
the published files in tests without them.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import tensorflow as tf

v1 = tf.compat.v1
SAMPLE_RATE_HZ = 16_000
N_CLASSES = 12


class Weights:
    """Random weights, each a constant with the Identity that read the variable it was."""

    def __init__(self, seed):
        self._rng = np.random.default_rng(seed)

    def __call__(self, name, *shape):
        last = name.rpartition("/")[2]
        if last in ("moving_variance", "gamma"):
            values = self._rng.uniform(0.5, 1.5, shape)
        elif len(shape) == 1:
            values = 0.3 * self._rng.standard_normal(shape)
        else:
            n_inputs = np.prod(shape[:2] if "depthwise" in last else shape[:-1])
            # Full-size logits would make probabilities of 0 and 1, which hide differences.
            scale = 0.1 if shape[-1] == N_CLASSES else 1.0
            values = scale * np.sqrt(2 / n_inputs) * self._rng.standard_normal(shape)
        return tf.identity(tf.constant(values.astype(np.float32), name=name), f"{name}/read")


def write(name: str, path: Path, seed: int = 0) -> None:
    """Write the frozen graph of "ds_cnn_l" or "cnn_l" with random weights."""
    with tf.Graph().as_default() as graph:
        wav_data = v1.placeholder(tf.string, (), "wav_data")
        decoded = tf.raw_ops.DecodeWav(
            contents=wav_data, desired_channels=1, desired_samples=SAMPLE_RATE_HZ,
            name="decoded_sample_data",
        )  # fmt: skip
        power = tf.raw_ops.AudioSpectrogram(
            input=decoded.audio, window_size=640, stride=320, magnitude_squared=True
        )
        mfcc = tf.raw_ops.Mfcc(
            spectrogram=power, sample_rate=decoded.sample_rate, lower_frequency_limit=20.0,
            upper_frequency_limit=4000.0, filterbank_channel_count=40, dct_coefficient_count=10,
        )  # fmt: skip
        x = tf.reshape(tf.reshape(mfcc, [-1, 490]), [-1, 49, 10, 1])
        tf.nn.softmax(_LOGITS[name](x, Weights(seed)), name="labels_softmax")
    path.write_bytes(graph.as_graph_def().SerializeToString())


def _ds_cnn(x: tf.Tensor, weights: Weights) -> tf.Tensor:
    def normalised_relu(x, scope):
        constants = [weights(f"{scope}/{name}", 276) for name in ("beta", "moving_mean")]
        variance = weights(f"{scope}/moving_variance", 276)
        ones = tf.constant(1.0, shape=[276], name=f"{scope}/Const")
        outputs = tf.raw_ops.FusedBatchNorm(
            x=x, scale=ones, offset=constants[0], mean=constants[1], variance=variance,
            epsilon=1e-3, is_training=False,
        )  # fmt: skip
        return tf.nn.relu(outputs.y)

    x = tf.nn.conv2d(x, weights("MobileNet/conv_1/weights", 10, 4, 1, 276), (2, 1), "SAME")
    x = normalised_relu(x + weights("MobileNet/conv_1/biases", 276), "MobileNet/conv_1/batch_norm")
    for index in range(1, 6):
        scope, stride = f"MobileNet/conv_ds_{index}", 2 if index == 1 else 1
        kernel = weights(f"{scope}/depthwise_conv/depthwise_weights", 3, 3, 276, 1)
        x = tf.nn.depthwise_conv2d(x, kernel, (1, stride, stride, 1), "SAME")
        x += weights(f"{scope}/depthwise_conv/biases", 276)
        x = normalised_relu(x, f"{scope}/dw_batch_norm")
        x = tf.nn.conv2d(x, weights(f"{scope}/pointwise_conv/weights", 1, 1, 276, 276), 1, "SAME")
        x += weights(f"{scope}/pointwise_conv/biases", 276)
        x = normalised_relu(x, f"{scope}/pw_batch_norm")
    x = tf.squeeze(tf.nn.avg_pool2d(x, (13, 5), 2, "VALID"), (1, 2))
    logits = x @ weights("MobileNet/fc1/weights", 276, N_CLASSES)
    return logits + weights("MobileNet/fc1/biases", N_CLASSES)


def _cnn(x: tf.Tensor, weights: Weights) -> tf.Tensor:
    def normalised_relu(x, scope):
        names = ("moving_mean", "moving_variance", "beta", "gamma")
        constants = [weights(f"{scope}/{name}", x.shape[-1]) for name in names]
        return tf.nn.relu(tf.nn.batch_normalization(x, *constants, variance_epsilon=1e-3))

    x = tf.nn.conv2d(x, weights("Variable", 10, 4, 1, 60), 1, "VALID")
    x = normalised_relu(x + weights("Variable_1", 60), "bn1")
    x = tf.nn.conv2d(x, weights("Variable_2", 10, 4, 60, 76), (2, 1), "VALID")
    x = normalised_relu(x + weights("Variable_3", 76), "bn2")
    x = tf.reshape(x, [-1, 4864]) @ weights("W", 4864, 58) + weights("b", 58)
    x = normalised_relu(x @ weights("Variable_4", 58, 128) + weights("Variable_5", 128), "bn3")
    return x @ weights("Variable_6", 128, N_CLASSES) + weights("Variable_7", N_CLASSES)


_LOGITS: dict[str, Callable] = {"ds_cnn_l": _ds_cnn, "cnn_l": _cnn}


def probabilities(path: Path, waveforms: np.ndarray) -> np.ndarray:
    """Return what a frozen graph answers to waveforms [batch, 16000], one after the other."""
    graph = v1.GraphDef.FromString(path.read_bytes())
    imported = v1.wrap_function(lambda: v1.import_graph_def(graph, name=""), [])
    answer = imported.prune(["decoded_sample_data:0", "decoded_sample_data:1"], "labels_softmax:0")
    rate = tf.constant(SAMPLE_RATE_HZ)
    return np.concatenate([answer(tf.constant(wave[:, None]), rate) for wave in waveforms])
