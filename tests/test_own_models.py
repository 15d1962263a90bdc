"""Models of one's own: whatever a layer is made of, its own response and the right gradient."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers, ops

from model_metamers.networks import catalog, inspection, keras_graph
from model_metamers.networks.network import Network

TRUE, MODIFIED, CLIPPED = "true", "modified", "modified and clipped"
RANGE = (-1.0, 1.0)
VECTOR, SERIES, IMAGE, FILM = (6,), (5, 4), (6, 6, 3), (3, 6, 6, 2)
VOLUME = (4, 4, 4, 2)


class Residual(layers.Layer):
    """A block that rectifies with one activation at two places."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.activation = keras.activations.relu
        always_on = keras.initializers.Constant(9.0)
        self.first, self.second = layers.Dense(6, bias_initializer=always_on), layers.Dense(6)

    def call(self, x):
        return self.activation(x + self.second(self.activation(self.first(x))))


class ReluInside(layers.Layer):
    """A block whose last operation is not its ReLU."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.first, self.second = layers.Dense(5, activation="relu"), layers.Dense(4)

    def call(self, x):
        return self.second(self.first(x)) + 0.1


class ReluLast(layers.Layer):
    """A block that applies its activation last, and once."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.activation, self.dense = tf.nn.relu6, layers.Dense(5)

    def call(self, x):
        return self.activation(3 * self.dense(x))


class AddsAfterRelu(layers.Layer):
    """A block that adds something to its ReLU, which is on for every stimulus of the range."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.activation = keras.activations.relu
        self.dense = layers.Dense(6, bias_initializer=keras.initializers.Constant(9.0))

    def call(self, x):
        return self.activation(self.dense(x)) + 0.5 * x


class AddsAfterDense(layers.Dense):
    """A layer of Keras' own, with something added after its activation."""

    def call(self, x):
        return super().call(x) + 0.01 * x


class ReluInTheCorner(layers.Layer):
    """A ReLU of small images, and of a part of larger ones."""

    def call(self, x):
        return tf.concat([tf.nn.relu(x[:, :3]), x[:, 3:]], 1)


def wide(shape, dtype=None):
    return keras.random.normal(shape, stddev=10, dtype=dtype, seed=0)


def dense(**options):
    return layers.Dense(7, **options)


def submodel(shape, *parts, name="inner"):
    return keras.Sequential([keras.Input(shape), *parts], name=name)


def of_two_inputs(x):
    a, b = keras.Input((6,), name="b"), keras.Input((6,), name="a")
    joined = layers.Add(name="sum")([a, 2 * b])
    inner = keras.Model({"b": a, "a": b}, layers.Dense(3, activation="relu", name="in")(joined))
    inner.name = "inner"
    return layers.Dense(2)(inner({"a": layers.Dense(6)(x), "b": x}))


def of_two_outputs(x):
    a = keras.Input((6,))
    hidden = layers.Dense(5, activation="relu", name="in")(a)
    inner = keras.Model(a, [hidden, layers.Dense(2)(hidden)], name="inner")
    return layers.Concatenate()(inner(x))


def backbone_in_a_backbone(x):
    deep = submodel((6,), dense(name="deep"), layers.ReLU(name="off"), name="deepest")
    return submodel((6,), layers.Dense(6), deep, name="inner")(x, training=False)


def masked(x):
    return layers.TimeDistributed(dense(activation="relu"))(layers.Masking(0.0)(x))


def relu_pair(*limits):
    return lambda x: layers.Concatenate()([layers.ReLU(n)(3 * dense()(x)) for n in limits])


def self_attention(x):
    return layers.MultiHeadAttention(2, 3)(x, x)


RELUS = {
    "text": "relu", "keras": keras.activations.relu, "tf": tf.nn.relu, "ops": ops.relu,
    "layer": layers.ReLU(), "lambda": lambda z: ops.maximum(z, 0.0),
}  # fmt: skip
CLIPPED_RELUS = {
    "text": "relu6", "keras": keras.activations.relu6, "tf": tf.nn.relu6, "ops": ops.relu6,
    "layer": layers.ReLU(max_value=9.0),
}  # fmt: skip
FREE_RELUS = {
    "layer": layers.ReLU(), "activation": layers.Activation("relu"),
    "tf activation": layers.Activation(tf.nn.relu), "op": ops.relu,
    "keras function": keras.activations.relu, "maximum": lambda x: ops.maximum(0.0, x),
    "lambda": layers.Lambda(tf.nn.relu), "mask": lambda x: x * ops.cast(x > 0, "float32"),
    "half": lambda x: (x + ops.abs(x)) / 2, "where": lambda x: ops.where(x > 0, x, 0.0),
    "both": lambda x: x - ops.minimum(x, 0.0),
}  # fmt: skip
FREE_CLIPPED_RELUS = {
    "layer": layers.ReLU(0.5), "activation": layers.Activation("relu6"), "op": ops.relu6,
    "clip": lambda x: ops.clip(x, 0, 0.25),
    "keras function": lambda x: keras.activations.relu(x, max_value=0.5),
    "minimum": lambda x: ops.minimum(ops.relu(x), 0.5),
}  # fmt: skip
NOT_RELUS = {
    "leaky": layers.ReLU(negative_slope=0.1), "threshold": layers.ReLU(threshold=0.2),
    "LeakyReLU": layers.LeakyReLU(), "PReLU": layers.PReLU(alpha_initializer="ones"),
    "ELU": layers.ELU(), "Softmax": layers.Softmax(), "tanh": layers.Activation("tanh"),
    "gelu": ops.gelu, "silu": layers.Activation("silu"), "softplus": ops.softplus,
    "selu": ops.selu, "hard_silu": ops.hard_silu, "mish": layers.Activation("mish"),
    "exponential": layers.Activation("exponential"), "abs": ops.abs, "linear": layers.Identity(),
}  # fmt: skip
FUSED = {
    "Conv1D": (SERIES, layers.Conv1D(3, 2, activation="relu")),
    "Conv2D": (IMAGE, layers.Conv2D(3, 2, activation="relu")),
    "Conv3D": (VOLUME, layers.Conv3D(3, 2, activation="relu")),
    "Conv1DTranspose": (SERIES, layers.Conv1DTranspose(3, 2, activation="relu")),
    "Conv2DTranspose": (IMAGE, layers.Conv2DTranspose(3, 2, activation="relu")),
    "Conv3DTranspose": (VOLUME, layers.Conv3DTranspose(3, 2, activation="relu")),
    "DepthwiseConv1D": (SERIES, layers.DepthwiseConv1D(2, activation="relu")),
    "DepthwiseConv2D": (IMAGE, layers.DepthwiseConv2D(2, activation="relu")),
    "SeparableConv1D": (SERIES, layers.SeparableConv1D(3, 2, activation="relu")),
    "SeparableConv2D": (IMAGE, layers.SeparableConv2D(3, 2, activation="relu")),
    "EinsumDense": (SERIES, layers.EinsumDense("abc,cd->abd", (5, 3), activation="relu")),
    "SpectralNormalization": (VECTOR, layers.SpectralNormalization(dense(activation="relu"))),
    "TimeDistributed dense": (SERIES, layers.TimeDistributed(dense(activation="relu"))),
    "TimeDistributed conv": (
        FILM, layers.TimeDistributed(layers.Conv2D(2, 2, activation="relu"))
    ),
    "TimeDistributed ReLU": (SERIES, layers.TimeDistributed(layers.ReLU())),
    "TimeDistributed Activation": (SERIES, layers.TimeDistributed(layers.Activation("relu"))),
    "masked": (SERIES, masked),
    "named as ONNX does": (IMAGE, layers.Conv2D(3, 2, activation="relu", name="_c")),
    "with a dash": (VECTOR, layers.Dense(6, activation="relu", name="-d")),
    "rectified twice": (VECTOR, lambda x: layers.ReLU()(dense(activation="relu")(x))),
}  # fmt: skip
WITHOUT_RELU_AT_THE_END = {
    "Dense": (VECTOR, dense()),
    "Dense tanh": (VECTOR, dense(activation="tanh")),
    "BatchNormalization": (IMAGE, layers.BatchNormalization()),
    "LayerNormalization": (SERIES, layers.LayerNormalization()),
    "GroupNormalization": (IMAGE, layers.GroupNormalization(3)),
    "UnitNormalization": (VECTOR, layers.UnitNormalization()),
    "Normalization": (VECTOR, layers.Normalization(mean=0.1, variance=2.0)),
    "MultiHeadAttention": (SERIES, self_attention),
    "GroupQueryAttention": (SERIES, lambda x: layers.GroupQueryAttention(2, 4, 2)(x, x)),
    "Attention": (SERIES, lambda x: layers.Attention(use_scale=True)([x, x])),
    "AdditiveAttention": (SERIES, lambda x: layers.AdditiveAttention()([x, x])),
    "LSTM": (SERIES, layers.LSTM(3, activation="relu")),
    "GRU": (SERIES, layers.GRU(3, activation="relu", return_sequences=True)),
    "SimpleRNN": (SERIES, layers.SimpleRNN(3, activation="relu")),
    "SimpleRNN sequences": (SERIES, layers.SimpleRNN(3, activation="relu", return_sequences=True)),
    "RNN of cells": (SERIES, layers.RNN([layers.GRUCell(3, activation="relu")])),
    "ConvLSTM1D": (VOLUME[1:], layers.ConvLSTM1D(2, 2, activation="relu")),
    "ConvLSTM2D": (FILM, layers.ConvLSTM2D(2, 2, activation="relu")),
    "Bidirectional": (SERIES, layers.Bidirectional(layers.LSTM(3, activation="relu"))),
    "TimeDistributed model": (SERIES, layers.TimeDistributed(submodel((4,), layers.Dense(2)))),
    "Residual": (VECTOR, Residual()),
    "ReluInside": (VECTOR, ReluInside()),
    "AddsAfterRelu": (VECTOR, AddsAfterRelu()),
    "AddsAfterDense": (VECTOR, AddsAfterDense(6, activation="relu")),
    "ReluInTheCorner": (IMAGE, ReluInTheCorner()),
    "pooled": (IMAGE, lambda x: layers.MaxPooling2D()(layers.ReLU()(x))),
    "sum": (VECTOR, lambda x: layers.ReLU()(x) + layers.ReLU()(-x)),
    "shortcut": (VECTOR, lambda x: x + layers.ReLU()(x)),
    "gate": (VECTOR, lambda x: x * ops.cast(layers.Dense(6)(x) > 0, "float32")),
    "unequal limits": (VECTOR, relu_pair(None, 0.5)),
    "concatenated with the input": (VECTOR, lambda x: ops.concatenate([layers.ReLU()(x), x], -1)),
}  # fmt: skip
MOVED = {
    "Flatten": (IMAGE, MODIFIED, lambda x: layers.Flatten()(layers.ReLU()(x))),
    "Reshape": (IMAGE, CLIPPED, lambda x: layers.Reshape((3, 36))(layers.ReLU(0.5)(x))),
    "linear": (VECTOR, MODIFIED, lambda x: layers.Activation("linear")(layers.ReLU()(x))),
    "Dropout": (VECTOR, MODIFIED, lambda x: layers.Dropout(0.5)(dense(activation="relu")(x))),
    "Concatenate": (VECTOR, MODIFIED, relu_pair(None, None)),
    "clipped Concatenate": (VECTOR, CLIPPED, relu_pair(0.5, 0.5)),
    "concatenate": (VECTOR, MODIFIED, lambda x: ops.concatenate([ops.relu(x), ops.relu(-x)], -1)),
}
BLOCKS = {
    "ReluLast": (VECTOR, CLIPPED, ReluLast()),
    "clipped twice": (VECTOR, CLIPPED, lambda x: layers.ReLU(0.5)(layers.ReLU(2.0)(x))),
    "clipped by the first": (VECTOR, CLIPPED, lambda x: layers.ReLU(6.0)(layers.ReLU(0.5)(x))),
}
NESTED = {
    "two inputs": (VECTOR, MODIFIED, of_two_inputs, "inner/in"),
    "two outputs": (VECTOR, MODIFIED, of_two_outputs, "inner/in"),
    "twice nested": (VECTOR, MODIFIED, backbone_in_a_backbone, "inner/deepest/off"),
    "twice nested, no ReLU": (VECTOR, TRUE, backbone_in_a_backbone, "inner/deepest/deep"),
    "a model": (VECTOR, MODIFIED, submodel((6,), layers.Dense(6), layers.ReLU()), None),
    "a model of models": (VECTOR, MODIFIED, backbone_in_a_backbone, None),
}
CASES = (
    [(f"Dense {k}", VECTOR, MODIFIED, dense(activation=f), None) for k, f in RELUS.items()]
    + [
        (f"Dense {k} clipped", VECTOR, CLIPPED, dense(activation=f, kernel_initializer=wide), None)
        for k, f in CLIPPED_RELUS.items()
    ]
    + [(k, IMAGE, MODIFIED, f, None) for k, f in FREE_RELUS.items()]
    + [(f"{k} clipped", IMAGE, CLIPPED, f, None) for k, f in FREE_CLIPPED_RELUS.items()]
    + [(k, IMAGE, TRUE, f, None) for k, f in NOT_RELUS.items()]
    + [(k, shape, MODIFIED, f, None) for k, (shape, f) in FUSED.items()]
    + [(k, shape, TRUE, f, None) for k, (shape, f) in WITHOUT_RELU_AT_THE_END.items()]
    + [(k, *row, None) for k, row in (MOVED | BLOCKS).items()]
    + [(k, *row) for k, row in NESTED.items()]
)


@pytest.mark.parametrize(
    "shape, kind, function, layer", [case[1:] for case in CASES], ids=[case[0] for case in CASES]
)
def test_every_layer_has_its_own_response_and_the_right_gradient(shape, kind, function, layer):
    keras.utils.set_random_seed(1)
    image = keras.Input(shape)
    model = keras.Model(image, function(image))
    check(model, layer or keras_graph.final_layer(model), kind, own_output(model, layer))


def test_functions_that_xla_compiles_are_differentiated_as_a_whole():
    """Keras has XLA compile grouped convolutions on CPUs; TensorFlow cannot take them in parts."""
    keras.utils.set_random_seed(1)
    grouped = layers.Conv2D(6, 3, groups=3, use_bias=False, name="grouped")
    parts = [grouped, layers.BatchNormalization(), layers.ReLU(name="rectified"), layers.Flatten()]
    model = keras.Sequential([keras.Input(IMAGE), *parts, layers.Dense(3)])
    network = Network.from_keras(model, stimulus_range=RANGE)
    assert "grouped" in network.metamer_layers
    check(model, "rectified", MODIFIED, keras.Model(model.inputs, parts[2].output))


def own_output(model, layer):
    """Return the function from stimuli to a layer's output, by Keras' means alone."""
    if layer is None:
        return model
    calls = []
    *path, name = layer.split("/")
    inner = model
    for part in path:
        inner = inner.get_layer(part)
    watched = inner.get_layer(name)
    call = watched.call

    def respond(stimuli):
        vars(watched)["call"] = lambda *arguments, **options: (
            calls.append(call(*arguments, **options)) or calls[-1]
        )
        try:
            model(stimuli)
        finally:
            del vars(watched)["call"]
        return calls[-1]

    return respond


def check(model, layer, kind, own):
    """Assert the property: the own response, and the gradient of what is named."""
    network = Network.from_keras(model, RANGE, metamer_layers=[layer])
    rng = np.random.default_rng(5)
    stimuli = tf.constant(rng.uniform(*RANGE, (4, *network.stimulus_shape)), tf.float32)
    response = network.response(layer)(stimuli)
    expected = tf.cast(own(stimuli), tf.float32)
    assert response.dtype == tf.float32
    close(response, expected, 1e-5)
    close(network.activations(stimuli, [layer])[layer], expected, 1e-4)
    assert list(network.describe().gradient) == [kind]

    upstream = rng.standard_normal(response.shape).astype(np.float32)
    modified, true = (
        gradient(network.response(layer, flag), stimuli, upstream) for flag in (1, 0)
    )
    if kind == TRUE:
        np.testing.assert_array_equal(modified, true)
        return
    tensor, limit = network.pre_activation(layer)
    before = keras.Model(model.inputs[0], tensor)
    values = tf.cast(before(stimuli), tf.float32)
    off = (values <= 0) | (values >= limit)
    assert np.any(off) and not np.all(off)
    assert np.isinf(limit) == (kind == MODIFIED)
    close(tf.clip_by_value(values, 0, limit), expected, 1e-5)
    close(modified, gradient(before, stimuli, upstream), 1e-5)
    is_on = np.where(off, 0, upstream).astype(np.float32)
    close(gradient(network.response(layer), stimuli, is_on), true, 1e-5)
    assert np.abs(modified - true).max() > 1e-3


def gradient(function, stimuli, upstream):
    with tf.GradientTape() as tape:
        tape.watch(stimuli)
        response = tf.cast(function(stimuli), tf.float32)
    return tape.gradient(response, stimuli, upstream).numpy()


def close(actual, expected, tolerance):
    np.testing.assert_allclose(actual, expected, rtol=0, atol=tolerance * np.abs(expected).max())


@pytest.mark.parametrize(
    "name",
    [
        "vgg_19_small",
        "word_aliased_small",
        pytest.param("inception_v3_small", marks=pytest.mark.long),
        pytest.param("resnet_v2_101_small", marks=pytest.mark.long),
    ],
)
def test_the_gradients_of_catalogued_networks_are_proven_too(name):
    network = catalog.load_network(name, weights=None)
    found = inspection.inspect(network.model, network.metamer_layers, (-1.0, 1.0))
    proven = found.pre_activations
    assert list(proven) == list(network.metamer_layers)
    for layer, rectified in proven.items():
        assert (rectified is None) == (network.pre_activation(layer) is None), layer
    n_true = {"vgg_19_small": 1, "inception_v3_small": 1, "word_aliased_small": 2}
    assert list(proven.values()).count(None) == n_true.get(name, len(proven))
