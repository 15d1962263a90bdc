"""Batch norms are folded where that gives the same values, and only there."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from model_metamers.networks.folding import folded

BATCH = 5  # unlike any size of a kernel
CONVOLUTIONS = {
    "bias": lambda: layers.Conv2D(4, 3, use_bias=True),
    "no bias": lambda: layers.Conv2D(4, 3, use_bias=False),
    "stride": lambda: layers.Conv2D(4, (3, 2), strides=2, padding="same"),
    "dilation": lambda: layers.Conv2D(4, 3, dilation_rate=2),
    "groups": lambda: layers.Conv2D(6, 3, groups=3),
    "depthwise": lambda: layers.DepthwiseConv2D(3, strides=2, padding="same"),
    "depth multiplier": lambda: layers.DepthwiseConv2D(3, depth_multiplier=2, use_bias=False),
}
NORMS = {
    "scale and centre": lambda: layers.BatchNormalization(),
    "neither": lambda: layers.BatchNormalization(scale=False, center=False, epsilon=0.1),
}


def with_random_variables(model, seed=0):
    draw = np.random.default_rng(seed)
    for variable in model.variables:
        if variable.dtype == "float32":  # not the state of a random layer
            variable.assign(draw.uniform(0.5, 1.5, variable.shape))
    return model


def stimuli_for(model):
    shape = (BATCH, *model.inputs[0].shape[1:])
    return tf.constant(np.random.default_rng(1).standard_normal(shape), tf.float32)


def outputs_and_gradient(function, stimuli):
    @tf.function(autograph=False)
    def both(stimuli):
        with tf.GradientTape() as tape:
            tape.watch(stimuli)
            outputs = tf.nest.flatten(function(stimuli, training=False))
            total = tf.add_n([tf.reduce_sum(tf.square(output)) for output in outputs])
        return outputs, tape.gradient(total, stimuli)

    return both(stimuli)


def assert_same(model, function):
    expected, expected_gradient = outputs_and_gradient(model, stimuli_for(model))
    outputs, gradient = outputs_and_gradient(function, stimuli_for(model))
    for mine, theirs in zip([*outputs, gradient], [*expected, expected_gradient], strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-5, atol=1e-5 * np.abs(theirs).max())


def n_normalisations(function, stimuli):
    """Count the multiplications of whole maps that a batch norm is."""
    graph = tf.function(lambda x: function(x, training=False), autograph=False)
    operations = graph.get_concrete_function(stimuli).graph.get_operations()
    maps = [op for op in operations if op.type == "Mul" and op.outputs[0].shape.rank == 4]
    return sum(op.outputs[0].shape[0] == BATCH for op in maps)


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("convolution", CONVOLUTIONS)
def test_a_convolution_and_its_norm_give_the_same_values_as_one(convolution, norm):
    x = inputs = keras.Input((9, 8, 3))
    x = layers.ReLU()(NORMS[norm]()(CONVOLUTIONS[convolution]()(x)))
    model = with_random_variables(keras.Model(inputs, [x, layers.GlobalAveragePooling2D()(x)]))
    function = folded(model)
    assert function is not model
    assert n_normalisations(model, stimuli_for(model)) == 1
    assert n_normalisations(function, stimuli_for(model)) == 0
    assert_same(model, function)


OTHER_SHAPES = {
    "waveforms": ((30, 4), lambda: layers.Conv1D(4, 5)),
    "waveforms, channel by channel": ((30, 4), lambda: layers.DepthwiseConv1D(5)),
    "films": ((6, 7, 8, 2), lambda: layers.Conv3D(4, 3)),
}


@pytest.mark.parametrize("case", OTHER_SHAPES)
def test_other_shapes_fold_too(case):
    shape, layer = OTHER_SHAPES[case]
    inputs = keras.Input(shape)
    model = keras.Model(inputs, layers.BatchNormalization()(layer()(inputs)))
    assert folded(with_random_variables(model)) is not model
    assert_same(model, folded(model))


def test_weights_that_change_later_count():
    inputs = keras.Input((6, 6, 3))
    model = keras.Model(inputs, layers.BatchNormalization()(layers.Conv2D(4, 3)(inputs)))
    function = folded(model)
    with_random_variables(model, seed=2)
    assert_same(model, function)


def taken_twice(x):
    x = layers.Conv2D(3, 3, padding="same")(x)
    return layers.Add()([x, layers.BatchNormalization()(x)])


def convolution_applied_twice(x):
    convolution = layers.Conv2D(3, 3, padding="same")
    return layers.BatchNormalization()(convolution(convolution(x)))


def norm_applied_twice(x):
    norm = layers.BatchNormalization()
    return norm(layers.Conv2D(3, 3)(norm(layers.Conv2D(3, 3)(x))))


class Doubled(layers.Conv2D):
    def call(self, inputs):
        return 2 * super().call(inputs)


LEFT_ALONE = {
    "no batch norm": lambda x: layers.Conv2D(3, 3)(x),
    "taken twice": taken_twice,
    "convolution applied twice": convolution_applied_twice,
    "norm applied twice": norm_applied_twice,
    "an activation between": lambda x: layers.BatchNormalization()(
        layers.Conv2D(3, 3, activation="relu")(x)
    ),
    "a layer between": lambda x: layers.BatchNormalization()(
        layers.MaxPooling2D()(layers.Conv2D(3, 3)(x))
    ),
    "of the input": lambda x: layers.BatchNormalization()(x),
    "of rows, not channels": lambda x: layers.BatchNormalization(axis=1)(layers.Conv2D(3, 3)(x)),
    "a convolution of one's own": lambda x: layers.BatchNormalization()(Doubled(3, 3)(x)),
    "half precision": lambda x: layers.BatchNormalization()(
        layers.Conv2D(3, 3, dtype="mixed_float16")(x)
    ),
    "of what is half precision": lambda x: layers.BatchNormalization()(
        layers.Conv2D(3, 3)(layers.Conv2D(3, 3, dtype="mixed_float16")(x))
    ),
}


@pytest.mark.parametrize("case", LEFT_ALONE)
def test_what_would_give_other_values_is_left_alone(case):
    inputs = keras.Input((9, 9, 3))
    model = keras.Model(inputs, LEFT_ALONE[case](inputs))
    assert folded(model) is model


def test_a_convolution_whose_output_is_asked_for_is_left_alone():
    inputs = keras.Input((9, 9, 3))
    maps = layers.Conv2D(3, 3)(inputs)
    model = keras.Model(inputs, [maps, layers.BatchNormalization()(maps)])
    assert folded(model) is model


def test_layers_that_rest_at_inference_rest():
    inputs = keras.Input((9, 9, 3))
    x = layers.RandomFlip()(inputs)  # by default it works outside training too
    x = layers.Dropout(0.5)(layers.BatchNormalization()(layers.Conv2D(4, 3)(x)))
    model = with_random_variables(keras.Model(inputs, x))
    assert folded(model) is not model
    assert_same(model, folded(model))
