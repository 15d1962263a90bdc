"""Synthesis: the step against a NumPy twin, and the properties a metamer must have."""

from dataclasses import replace

import keras
import numpy as np
import pytest
import tensorflow as tf

from model_metamers import synthesis
from model_metamers.networks.network import Network
from model_metamers.synthesis import SynthesisConfig, synthesize

FAST = SynthesisConfig(iterations=50, learning_rate=1e-2, log_every=20)


@pytest.fixture
def network(small_model):
    return Network.from_keras(
        small_model, metamer_layers=["fused", "separate", "hidden", "classes"]
    )


def test_adam_step_is_that_of_tf1_with_a_decaying_rate():
    config = SynthesisConfig(learning_rate=0.1, decay_rate=0.5, decay_steps=10)
    x = m = v = np.zeros(3)
    twin_x, twin_m, twin_v = x.copy(), m.copy(), v.copy()
    for step in range(25):
        gradient = np.array([1.0, -3.0, 1e-9]) * (1 + step)
        x, m, v = synthesis.adam_step(
            tf.constant(x[None], tf.float32), tf.constant(m[None], tf.float32),
            tf.constant(v[None], tf.float32), tf.constant([step]),
            tf.constant(gradient[None], tf.float32), config,
        )  # fmt: skip
        x, m, v = (value.numpy()[0] for value in (x, m, v))
        twin_m = 0.9 * twin_m + 0.1 * gradient
        twin_v = 0.999 * twin_v + 0.001 * gradient**2
        t = step + 1
        rate = 0.1 * 0.5 ** (step / 10) * np.sqrt(1 - 0.999**t) / (1 - 0.9**t)
        twin_x = twin_x - rate * twin_m / (np.sqrt(twin_v) + 1e-8)
    np.testing.assert_allclose(x, twin_x, rtol=1e-4)  # float32 powers of 0.999


@pytest.mark.parametrize("layer", ["fused", "separate", "hidden", "classes"])
def test_three_steps_lower_the_loss_of_every_stimulus(network, images, layer):
    result = synthesize(network, layer, images, replace(FAST, iterations=3))
    assert (result.losses[-1] < result.losses[0]).all()


def test_logged_losses_are_half_the_summed_squared_differences(network, images):
    result = synthesize(network, "separate", images, FAST)
    difference = (
        network.activations(result.metamers, ["separate"])["separate"]
        - network.activations(images, ["separate"])["separate"]
    )
    expected = 0.5 * np.sum(difference.reshape(len(images), -1) ** 2, axis=1)
    np.testing.assert_allclose(result.losses[-1], expected, rtol=1e-3)
    assert result.losses.shape == (1 + 3, len(images))  # start, steps 20, 40 and 50


def test_metamers_stay_in_range(network, images):
    natural = np.where(images > 0.5, 1.0, 0.0).astype(np.float32)
    result = synthesize(network, "fused", natural, replace(FAST, learning_rate=0.1))
    assert result.metamers.min() >= 0.0 and result.metamers.max() <= 1.0
    assert (result.metamers == 0.0).any() and (result.metamers == 1.0).any()


def test_a_metamer_is_the_same_alone_and_in_a_batch(network, images):
    together = synthesize(network, "hidden", images, FAST).metamers
    alone = synthesize(network, "hidden", images[2:3], FAST).metamers
    np.testing.assert_allclose(together[2:3], alone, atol=1e-5)


def test_the_same_seed_repeats_and_another_seed_differs(network, images):
    first, again, other = (
        synthesize(network, "hidden", images, replace(FAST, seed=seed)).metamers
        for seed in (3, 3, 4)
    )
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - other).max() > 1e-3


def test_the_noise_belongs_to_seed_and_stimulus_not_to_the_layer(network, images):
    ids = ["a", "b", "c", "d"]
    noise = synthesis.initial_noise(images.shape, ids, seed=0)
    reordered = synthesis.initial_noise(images.shape, ids[::-1], seed=0)
    np.testing.assert_array_equal(noise, reordered[::-1])
    assert noise.min() >= 0.5 and noise.max() < 0.6
    assert abs(noise.mean() - 0.55) < 1e-3


def test_an_interrupted_synthesis_continues_with_the_identical_result(network, images):
    states = []
    whole = synthesize(network, "separate", images, FAST, on_chunk=states.append)
    continued = synthesize(network, "separate", images, FAST, state=states[0])
    np.testing.assert_array_equal(whole.metamers, continued.metamers)
    np.testing.assert_array_equal(whole.losses, continued.losses)


def test_two_replicas_give_the_single_device_result(small_model, network, images):
    single = synthesize(network, "hidden", images[:3], FAST)
    strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
    with strategy.scope():
        copy = keras.models.clone_model(small_model)
        copy.set_weights(small_model.get_weights())
    mirrored = synthesize(Network.from_keras(copy), "hidden", images[:3], FAST, strategy)
    np.testing.assert_allclose(single.metamers, mirrored.metamers, atol=1e-5)
    np.testing.assert_allclose(single.losses, mirrored.losses, rtol=1e-3)


def test_a_diverging_stimulus_stops_alone_and_keeps_finite_values(network, images):
    spoiled = images.copy()
    spoiled[1, 0, 0, 0] = np.nan
    result = synthesize(network, "separate", spoiled, FAST, stimulus_ids=list("abcd"))
    clean = synthesize(network, "separate", images, FAST, stimulus_ids=list("abcd"))
    assert list(result.status) == ["finished", "diverged", "finished", "finished"]
    assert np.isfinite(result.metamers).all() and result.step[1] == 0
    np.testing.assert_allclose(result.metamers[[0, 2, 3]], clean.metamers[[0, 2, 3]], atol=1e-5)


def test_an_overflow_on_the_way_keeps_the_last_finite_metamer(images):
    image = keras.Input((12, 12, 3))
    # exp overflows float32 above 88: the first steps are finite, a later one is not.
    exploding = keras.Model(image, keras.layers.Activation("exponential", name="exp")(image * 80))
    network = Network.from_keras(exploding, stimulus_range=None, metamer_layers=["exp"])
    natural = np.full_like(images, 1.08)
    result = synthesize(network, "exp", natural, replace(FAST, learning_rate=0.2))
    assert (result.status == "diverged").all()
    assert np.isfinite(result.metamers).all()


def test_another_image_that_the_layer_cannot_tell_apart_is_a_metamer_of_all_later_layers():
    """The layer sees red minus green; both are one half brighter, in exact arithmetic."""
    image = keras.Input((4, 4, 3))
    x = keras.layers.Conv2D(1, 1, activation="relu", name="difference")(image)
    x = keras.layers.Conv2D(4, 3, activation="relu", name="later")(x)
    model = keras.Model(image, keras.layers.Dense(2, name="classes")(keras.layers.Flatten()(x)))
    model.get_layer("difference").kernel.assign(np.float32([[[[1], [-1], [0]]]]))
    layers = ["difference", "later", "classes"]
    network = Network.from_keras(model, metamer_layers=layers)
    natural = np.random.default_rng(0).integers(0, 128, (1, 4, 4, 3)).astype(np.float32) / 256
    metamer = natural + np.float32([0.5, 0.5, 0])
    result = synthesize(network, "difference", natural, FAST, initial=metamer)
    assert (result.losses == 0).all()
    np.testing.assert_array_equal(result.metamers, metamer)
    of_natural, of_metamer = (network.activations(x) for x in (natural, result.metamers))
    for layer in layers:
        assert of_natural[layer].any()
        np.testing.assert_array_equal(of_metamer[layer], of_natural[layer])


def test_the_modified_gradient_revives_units_that_are_off():
    """With all pre-activations negative the true gradient is zero, the modified one is not."""
    image = keras.Input((4, 4, 3))
    model = keras.Model(image, keras.layers.Dense(2, activation="relu", name="off")(image))
    model.layers[-1].set_weights([np.ones((3, 2), np.float32), np.float32([-2.0, -2.0])])
    network = Network.from_keras(model, metamer_layers=["off"])
    natural = np.ones((1, 4, 4, 3), np.float32)
    modified = synthesize(network, "off", natural, FAST)
    true = synthesize(network, "off", natural, replace(FAST, modified_gradient=False))
    assert true.losses[-1] == true.losses[0]
    assert modified.losses[-1] < 0.1 * modified.losses[0]


@pytest.mark.parametrize("field", ["iterations", "learning_rate", "log_every"])
def test_counts_and_rates_must_be_positive(field):
    with pytest.raises(ValueError, match=f"{field} must be positive; got 0"):
        SynthesisConfig(**{field: 0})


def test_stimuli_of_the_wrong_shape_are_named(network):
    with pytest.raises(ValueError, match=r"\[batch, 12, 12, 3\]; got \[2, 5, 5, 3\]"):
        synthesize(network, "hidden", np.zeros((2, 5, 5, 3)))


def test_optimisation_starts_where_it_is_told(network, images):
    one_step = replace(FAST, iterations=1, learning_rate=1e-4)
    result = synthesize(network, "fused", images, one_step, initial=images[::-1])
    assert np.abs(result.metamers - images[::-1]).max() < 1.01e-4
    with pytest.raises(ValueError, match="4 initial stimuli, one per natural stimulus; got 2"):
        synthesize(network, "fused", images, one_step, initial=images[:2])
