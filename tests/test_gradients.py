"""Forward and backward passes of the custom gradients, each against its exact table."""

import numpy as np
import pytest
import tensorflow as tf

from model_metamers.gradients import (
    log_clipped_gradient,
    magnitude,
    power_clipped_gradient,
    relu_linear_gradient,
)


def forward_and_slope(function, values):
    x = tf.constant(values, tf.float32)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = function(x)
    return y.numpy(), tape.gradient(y, x).numpy()


def test_relu_linear_gradient_rectifies_forward_and_is_the_identity_backward():
    y, slope = forward_and_slope(
        relu_linear_gradient, [-1e30, -2.0, -1e-30, 0.0, 1e-30, 3.0, 1e30]
    )
    np.testing.assert_array_equal(y, np.float32([0, 0, 0, 0, 1e-30, 3, 1e30]))
    np.testing.assert_array_equal(slope, np.ones(7))


def test_relu_linear_gradient_with_a_limit_is_the_identity_backward_at_both_ends():
    y, slope = forward_and_slope(
        lambda x: relu_linear_gradient(x, limit=20.0), [-2.0, 0.0, 3.0, 20.0, 1e30]
    )
    np.testing.assert_array_equal(y, [0, 0, 3, 20, 20])
    np.testing.assert_array_equal(slope, np.ones(5))


def test_relu_linear_gradient_passes_the_incoming_gradient_unchanged():
    x = tf.constant([-1.0, 2.0])
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = tf.reduce_sum(relu_linear_gradient(x) * tf.constant([5.0, -7.0]))
    np.testing.assert_array_equal(tape.gradient(y, x), [5.0, -7.0])


@pytest.mark.parametrize(
    "x, expected_y, expected_slope",
    [
        (0.0, 0.0, 1.0),  # 0.3 * 0 ** -0.7 is infinite
        (1e-30, 1e-9, 1.0),
        (0.1, 0.1**0.3, 1.0),  # 0.3 * 0.1 ** -0.7 = 1.50
        (1.0, 1.0, 0.3),
        (1e4, 1e4**0.3, 0.3 * 1e4**-0.7),
        (1e30, 1e9, 0.3 * 1e-21),
    ],
)
def test_power_clipped_gradient(x, expected_y, expected_slope):
    y, slope = forward_and_slope(power_clipped_gradient, [x])
    np.testing.assert_allclose(y, [expected_y], rtol=1e-5)
    np.testing.assert_allclose(slope, [expected_slope], rtol=1e-5)


def test_power_of_a_negative_number_has_the_clipped_slope_not_nan():
    _, slope = forward_and_slope(power_clipped_gradient, [-2.0])
    np.testing.assert_array_equal(slope, [1.0])


@pytest.mark.parametrize(
    "x, expected_y, expected_slope",
    [(0.01, np.log(0.01), 1.0), (1.0, 0.0, 1.0), (4.0, np.log(4.0), 0.25), (1e30, 69.0776, 1e-30)],
)
def test_log_clipped_gradient(x, expected_y, expected_slope):
    y, slope = forward_and_slope(log_clipped_gradient, [x])
    np.testing.assert_allclose(y, [expected_y], rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(slope, [expected_slope], rtol=1e-5)


def test_log_clipped_gradient_is_finite_at_and_below_zero():
    _, slope = forward_and_slope(log_clipped_gradient, [0.0, -1e-30, -0.5, -4.0])
    np.testing.assert_allclose(slope, [1.0, -1.0, -1.0, -0.25])


def test_magnitude_has_the_slope_of_a_cone_and_none_at_its_tip():
    z = tf.constant([3 + 4j, 0, -2, 1e-30j], tf.complex64)
    with tf.GradientTape() as tape:
        tape.watch(z)
        y = magnitude(z)
    np.testing.assert_allclose(y, [5, 0, 2, 1e-30], rtol=1e-6)
    np.testing.assert_allclose(tape.gradient(y, z), [0.6 + 0.8j, 0, -1, 1j], rtol=1e-6)


@pytest.mark.parametrize("function", [power_clipped_gradient, log_clipped_gradient])
def test_the_clip_is_a_parameter(function):
    _, slope = forward_and_slope(lambda x: function(x, clip=0.125), [0.01])
    np.testing.assert_array_equal(slope, [0.125])


@pytest.mark.parametrize(
    "function", [relu_linear_gradient, power_clipped_gradient, log_clipped_gradient]
)
def test_inside_a_graph_and_with_unknown_batch(function):
    @tf.function(input_signature=[tf.TensorSpec((None,), tf.float32)])
    def slope(x):
        return tf.gradients(function(x), x)[0]

    assert np.isfinite(slope(tf.constant([0.0, 1.0]))).all()
