"""The convolution of one channel: Keras' own result, gradients and weights, faster."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from model_metamers.networks.one_channel import OneChannelConv2D

FILTERS = 3


def pair(kernel_size, shape):
    """Return the layer and Keras' own with the same random weights."""
    arguments = {"padding": "same", "bias_initializer": "random_normal"}
    layers = [
        kind(FILTERS, kernel_size, **arguments) for kind in (OneChannelConv2D, keras.layers.Conv2D)
    ]
    for layer in layers:
        layer.build(shape)
    layers[1].set_weights(layers[0].get_weights())
    return layers


@pytest.mark.parametrize("width", [40, 44, 30, 13])  # blocks of 8, 4, 2 and 1 columns
@pytest.mark.parametrize("kernel_size", [(7, 14), (3, 3), (4, 1), (2, 33)])
def test_results_and_gradients_are_those_of_keras(kernel_size, width):
    shape = (2, 9, width, 1)
    x = tf.constant(np.random.default_rng(0).standard_normal(shape), tf.float32)
    results = []
    for layer in pair(kernel_size, shape):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = layer(x)
            loss = tf.reduce_sum(y**3)
        results.append((y, *tape.gradient(loss, [x, layer.kernel, layer.bias])))
    for ours, theirs in zip(*results, strict=True):
        scale = np.abs(theirs).max()
        np.testing.assert_allclose(ours, theirs, atol=2e-6 * scale)


def test_it_is_saved_and_loaded_as_any_layer(tmp_path):
    model = keras.Sequential(
        [keras.Input((5, 16, 1)), OneChannelConv2D(2, (3, 4), padding="same")]
    )
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    x = np.random.default_rng(0).standard_normal((1, 5, 16, 1)).astype(np.float32)
    np.testing.assert_array_equal(loaded(x), model(x))


@pytest.mark.parametrize(
    "wrong, told",
    [
        ({"strides": 2}, r"got \(2, 2\), \(1, 1\) and 'same'"),
        ({"padding": "valid"}, "'valid'"),
        ({"dilation_rate": 2}, r"\(2, 2\)"),
    ],
)
def test_what_it_cannot_do_is_refused(wrong, told):
    with pytest.raises(ValueError, match=told):
        OneChannelConv2D(2, 3, **{"padding": "same"} | wrong)


def test_several_channels_are_refused():
    with pytest.raises(ValueError, match=r"expected \[batch, height, width, 1\]; got .*8, 3"):
        OneChannelConv2D(2, 3, padding="same").build((None, 8, 8, 3))
