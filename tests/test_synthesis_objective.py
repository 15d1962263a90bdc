"""What is minimised: its value, its minimum and its gradient."""

from collections.abc import Callable
from dataclasses import dataclass

import keras
import numpy as np
import pytest
import tensorflow as tf

from model_metamers.networks.network import Network
from model_metamers.synthesis.objective import evaluation

LIMITS = (None, float("inf"), 6.0)


@dataclass
class Layer:
    """A layer that is its pre-activation itself."""

    limit: float | None
    pre_activation: Callable[[tf.Tensor], tf.Tensor] = lambda stimuli: 2.0 * stimuli


def rectified(z, limit):
    return z if limit is None else np.clip(z, 0, limit)


def integral_of_the_response(z, limit):
    if limit is None:
        return 0.5 * z**2
    return 0.5 * rectified(z, limit) ** 2 + np.where(z > limit, limit * (z - limit), 0.0)


def stimuli_and_target(limit, seed=0):
    """Pre-activations below, between and above the bounds, and what a natural stimulus gives."""
    draw = np.random.default_rng(seed)
    x = draw.uniform(-5, 5, (3, 40)).astype(np.float32)
    target = rectified(draw.uniform(-5, 9, (3, 40)), limit).astype(np.float32)
    return x, target


@pytest.mark.parametrize("limit", LIMITS)
def test_the_objective_is_psi_above_its_minimum(limit):
    x, target = stimuli_and_target(limit)
    z = 2.0 * x.astype(np.float64)
    psi = np.sum(integral_of_the_response(z, limit) - target * z, axis=1)
    found = evaluation(Layer(limit))(tf.constant(x), tf.constant(target))
    expected = psi + 0.5 * np.sum(target.astype(np.float64) ** 2, axis=1)
    np.testing.assert_allclose(found.objective, expected, rtol=1e-5)


@pytest.mark.parametrize("limit", LIMITS)
def test_the_gradient_is_that_of_the_objective(limit):
    x, target = stimuli_and_target(limit)
    evaluate = evaluation(Layer(limit))
    gradient = evaluate(tf.constant(x), tf.constant(target)).gradient.numpy()
    direction = np.random.default_rng(1).standard_normal(x.shape).astype(np.float32)
    ahead, behind = (
        evaluate(tf.constant(x + h * direction), tf.constant(target)).objective.numpy()
        for h in (1e-2, -1e-2)
    )
    np.testing.assert_allclose(
        (ahead - behind) / 2e-2, np.sum(gradient * direction, axis=1), rtol=1e-3
    )


@pytest.mark.parametrize("limit", LIMITS)
def test_the_objective_is_smallest_and_zero_where_the_responses_are_equal(limit):
    x, target = stimuli_and_target(limit)
    evaluate = evaluation(Layer(limit))
    at_match = evaluate(tf.constant(0.5 * target), tf.constant(target))
    np.testing.assert_array_equal(at_match.objective, np.zeros(3))
    np.testing.assert_array_equal(at_match.gradient, np.zeros_like(x))
    assert np.min(evaluate(tf.constant(x), tf.constant(target)).objective) > 0
    if limit is not None:
        # Units that are off for the natural stimulus may be as far below zero as they like.
        off = np.where(target == 0, -3.0, 0.5 * target).astype(np.float32)
        np.testing.assert_array_equal(
            evaluate(tf.constant(off), tf.constant(target)).objective, np.zeros(3)
        )


@pytest.mark.parametrize("limit", LIMITS)
def test_the_loss_is_half_the_summed_squared_difference_of_responses(limit):
    x, target = stimuli_and_target(limit)
    found = evaluation(Layer(limit))(tf.constant(x), tf.constant(target))
    expected = 0.5 * np.sum((rectified(2.0 * x, limit) - target) ** 2, axis=1)
    np.testing.assert_allclose(found.loss, expected, rtol=1e-5)
    np.testing.assert_allclose(found.response, rectified(2.0 * x, limit))


@pytest.mark.parametrize("activation", ["relu", "relu6", "linear"])
def test_the_gradient_is_the_modified_one(activation):
    keras.utils.set_random_seed(0)
    image = keras.Input((6, 6, 3))
    x = keras.layers.Conv2D(4, 3, activation="relu")(image)
    x = keras.layers.Conv2D(8, 3, activation=activation, name="matched")(
        keras.layers.Rescaling(10.0)(x)
    )
    network = Network.from_keras(keras.Model(image, x))
    natural, stimuli = tf.unstack(tf.random.stateless_uniform([2, 3, 6, 6, 3], [0, 1]))
    response = network.response("matched", modified_gradient=True)
    target = response(natural)
    with tf.GradientTape() as tape:
        tape.watch(stimuli)
        loss = 0.5 * tf.reduce_sum(tf.square(response(stimuli) - target))
    modified = tape.gradient(loss, stimuli).numpy()
    found = evaluation(network.matched_response("matched", True))(stimuli, target)
    np.testing.assert_allclose(found.gradient, modified, rtol=1e-5, atol=1e-6 * modified.max())


def test_losses_of_half_precision_responses_are_in_float32():
    half = Layer(None, lambda stimuli: tf.cast(300.0 * stimuli, tf.float16))
    found = evaluation(half)(tf.ones([2, 50]), tf.zeros([2, 50]))
    np.testing.assert_allclose(found.loss, [0.5 * 50 * 300**2] * 2)  # half ends at 65,504
    assert found.gradient.dtype == tf.float32 and np.isfinite(found.gradient).all()
