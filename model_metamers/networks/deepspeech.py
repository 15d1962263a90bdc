"""DeepSpeech (Hannun et al. 2014) as Mozilla's release 0.4.1: waveform -> MFCCs -> characters.

With the release's sizes and sounds of 2 s:

| shape      | layer                                                                     |
|------------|---------------------------------------------------------------------------|
| 100 x 26   | MFCCs, one frame every 20 ms                                              |
| 100 x 2048 | layer_1: fully connected to 19 frames, nine on either side                |
| 100 x 2048 | layer_2, layer_3: fully connected, frame by frame                         |
| 100 x 2048 | lstm: forward in time, from a state of zeros                              |
| 100 x 2048 | layer_5: fully connected, frame by frame                                  |
| 100 x 29   | logits: a to z, space, apostrophe and the blank of CTC                    |

layer_1, 2, 3 and 5 are clipped ReLUs, min(max(x, 0), 20). Where one of them is matched, its
gradient is modified like that of a ReLU: a unit that is off, or at 20, may have to change, and
either end would block the gradient that says so.

Beyond both ends of the sound layer_1 sees frames of zeros; a fully connected layer on 19 frames is
a convolution over time, and is built as one.

Source: github.com/mozilla/DeepSpeech at v0.4.1 (DeepSpeech.py, util/audio.py).
"""

from collections.abc import Sequence

import keras
import tensorflow as tf
from keras import layers

from model_metamers.frontends.mfcc import Mfcc, MfccConfig
from model_metamers.networks import blocks
from model_metamers.networks.blocks import Tensor

METAMER_LAYERS = ("layer_1", "layer_2", "layer_3", "lstm", "layer_5", "logits")

# Our name of a weight -> that in the release's checkpoint. h1 [494, 2048] has 26 coefficients for
# each of 19 frames; the layout of the LSTM's kernel is that of `Lstm`.
CHECKPOINT_NAMES = {
    "layer_1/weights": "h1",
    "layer_1/biases": "b1",
    "layer_2/weights": "h2",
    "layer_2/biases": "b2",
    "layer_3/weights": "h3",
    "layer_3/biases": "b3",
    "lstm/weights": "lstm_fused_cell/kernel",
    "lstm/biases": "lstm_fused_cell/bias",
    "layer_5/weights": "h5",
    "layer_5/biases": "b5",
    "logits/weights": "h6",
    "logits/biases": "b6",
}

_UNITS = 2048
_RELU_LIMIT = 20.0
_FORGET_BIAS = 1.0


def deepspeech(
    widths: float | Sequence[float] = 1.0,
    mfcc: MfccConfig = MfccConfig(),
    context_frames: int = 9,
    n_characters: int = 29,
) -> keras.Model:
    """Build DeepSpeech.

    Args:
        widths: units relative to the original: one number, or five for layer_1, layer_2, layer_3,
            lstm and layer_5.
        mfcc: parameters of the front end; they set the waveform's length and rate.
        context_frames: that layer_1 sees before and after each frame.
        n_characters: units of the logits, CTC's blank included.

    Returns:
        Model from waveforms [batch, samples] in [-1, 1] to logits [batch, frames, characters].

    Raises:
        ValueError: unfit widths.
    """
    units = [blocks.scaled_channels(_UNITS, width) for width in blocks.widths_per_block(widths, 5)]
    waveform = keras.Input((mfcc.n_samples,), name="waveform")
    x = Mfcc(mfcc, name="mfcc")(waveform)
    x = layers.Conv1D(
        units[0], 2 * context_frames + 1, padding="same", kernel_initializer="zeros",
        name="layer_1.linear",
    )(x)  # fmt: skip
    x = _clipped_relu(x, "layer_1")
    for name, n_units in (("layer_2", units[1]), ("layer_3", units[2])):
        x = _clipped_relu(blocks.fully_connected(x, f"{name}.linear", n_units), name)
    x = Lstm(units[3], name="lstm")(x)
    x = _clipped_relu(blocks.fully_connected(x, "layer_5.linear", units[4]), "layer_5")
    logits = blocks.fully_connected(x, "logits", n_characters)
    return keras.Model(waveform, logits, name="deepspeech")


def _clipped_relu(x: Tensor, name: str) -> Tensor:
    return layers.ReLU(_RELU_LIMIT, name=name)(x)


@keras.saving.register_keras_serializable("model_metamers")
class Lstm(layers.Layer):
    """LSTM over [batch, time, inputs], with the weights of TensorFlow 1's cells.

    One kernel [inputs + units, 4 x units], whose rows are the inputs and then the previous output,
    and whose columns are the input gate, the new values, the forget gate and the output gate, with
    1 added to the forget gate's bias [4 x units]. (Keras has the forget gate second, two kernels,
    and no 1.) The state before the first frame is zero.

    Args:
        units: of the state and of the output.
        **kwargs: of `keras.layers.Layer`.

    Source: tf.contrib.rnn.LSTMBlockFusedCell.
    """

    def __init__(self, units: int, **kwargs: object):
        super().__init__(**kwargs)
        self.units = units

    def build(self, input_shape: tuple) -> None:
        """Make the weights, all zero."""
        shape = (input_shape[-1] + self.units, 4 * self.units)
        self.kernel = self.add_weight(shape=shape, initializer="zeros", name="kernel")
        self.bias = self.add_weight(shape=shape[1:], initializer="zeros", name="bias")

    def call(self, x: tf.Tensor) -> tf.Tensor:
        """Return the outputs [batch, time, units]."""
        kernel = tf.convert_to_tensor(self.kernel)
        from_input, from_output = kernel[: -self.units], kernel[-self.units :]
        # All frames' share of the input at once; only the recurrent share must wait.
        driven = tf.tensordot(tf.transpose(x, (1, 0, 2)), from_input, axes=1) + self.bias

        def one_frame(previous: tuple[tf.Tensor, tf.Tensor], drive: tf.Tensor) -> tuple:
            state, output = previous
            gates = tf.split(drive + tf.matmul(output, from_output), 4, axis=1)
            input_gate, new, forget_gate, output_gate = gates
            state *= tf.sigmoid(forget_gate + _FORGET_BIAS)
            state += tf.sigmoid(input_gate) * tf.tanh(new)
            return state, tf.sigmoid(output_gate) * tf.tanh(state)

        # A loop, not a hundred copies, which XLA needs many minutes to compile.
        zeros = tf.zeros_like(driven[0, :, : self.units])
        _, outputs = tf.scan(one_frame, driven, (zeros, zeros))
        return tf.transpose(outputs, (1, 0, 2))

    def compute_output_shape(self, input_shape: tuple) -> tuple:
        """Return (batch, time, units)."""
        return (*input_shape[:-1], self.units)

    def get_config(self) -> dict:
        """Return what Keras needs to build the layer again."""
        return super().get_config() | {"units": self.units}
