"""Synthesis: the step against a NumPy twin, and the properties a metamer must have."""

from dataclasses import replace

import keras
import numpy as np
import pytest
import tensorflow as tf

from model_metamers import synthesis
from model_metamers.networks.network import Network
from model_metamers.synthesis import SynthesisConfig, SynthesisState, synthesize
from model_metamers.synthesis.solver import Bounds

FAST = SynthesisConfig(iterations=50, learning_rate=1e-2, log_every=20)
LBFGS = replace(FAST, solver="lbfgs")
BOTH = pytest.mark.parametrize("config", [FAST, LBFGS], ids=lambda config: config.solver)


LAYERS = ("fused", "separate", "hidden", "classes")


@pytest.fixture(scope="module")
def network(small_model):
    return Network.from_keras(small_model, metamer_layers=LAYERS)


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


@BOTH
@pytest.mark.parametrize("layer", LAYERS)
def test_three_steps_lower_the_loss_of_every_stimulus(network, images, layer, config):
    result = synthesize(network, layer, images, replace(config, iterations=3))
    assert (result.losses[-1] < result.losses[0]).all()


@BOTH
def test_logged_losses_are_half_the_summed_squared_differences(network, images, config):
    result = synthesize(network, "separate", images, config)
    difference = (
        network.activations(result.metamers, ["separate"])["separate"]
        - network.activations(images, ["separate"])["separate"]
    )
    expected = 0.5 * np.sum(difference.reshape(len(images), -1) ** 2, axis=1)
    np.testing.assert_allclose(result.losses[-1], expected, rtol=1e-3)
    assert result.losses.shape == (1 + 3, len(images))  # start, steps 20, 40 and 50


@BOTH
def test_metamers_stay_in_range(network, images, config):
    natural = np.where(images > 0.5, 1.0, 0.0).astype(np.float32)
    result = synthesize(network, "fused", natural, replace(config, learning_rate=0.1))
    assert result.metamers.min() >= 0.0 and result.metamers.max() <= 1.0
    assert (result.metamers == 0.0).any() and (result.metamers == 1.0).any()


@BOTH
@pytest.mark.parametrize("layer", ["separate", "hidden"])
def test_a_metamer_is_the_same_alone_and_in_a_batch(network, images, layer, config):
    """To rounding, which grows with the steps."""
    config = replace(config, iterations=5)
    together = synthesize(network, layer, images, config).metamers
    alone = synthesize(network, layer, images[2:3], config).metamers
    np.testing.assert_allclose(together[2:3], alone, atol=1e-4)


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


@BOTH
@pytest.mark.parametrize("batch_size", [None, 3])
def test_an_interrupted_synthesis_continues_with_the_identical_result(
    network, images, config, batch_size, tmp_path
):
    states = []
    whole = synthesize(
        network, "separate", images, config, on_chunk=states.append, batch_size=batch_size
    )
    network.graphs.clear()  # another process traces the graph anew
    for state in states[:-1]:
        np.savez(tmp_path / "state.npz", **state.arrays())
        with np.load(tmp_path / "state.npz") as file:
            saved = SynthesisState.from_arrays(dict(file))
        continued = synthesize(
            network, "separate", images, config, state=saved, batch_size=batch_size
        )
        for name in ("metamers", "losses", "step", "status"):
            np.testing.assert_array_equal(getattr(whole, name), getattr(continued, name))


@BOTH
def test_two_replicas_give_the_single_device_result(small_model, network, images, config):
    config = replace(config, iterations=5)
    single = synthesize(network, "hidden", images[:3], config)
    strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
    with strategy.scope():
        copy = keras.models.clone_model(small_model)
        copy.set_weights(small_model.get_weights())
    mirrored = synthesize(Network.from_keras(copy), "hidden", images[:3], config, strategy)
    np.testing.assert_allclose(single.metamers, mirrored.metamers, atol=1e-4)
    np.testing.assert_allclose(single.losses, mirrored.losses, rtol=1e-3)


@BOTH
def test_a_diverging_stimulus_stops_alone_and_keeps_finite_values(network, images, config):
    spoiled = images.copy()
    spoiled[1, 0, 0, 0] = np.nan
    result = synthesize(network, "separate", spoiled, config, stimulus_ids=list("abcd"))
    clean = synthesize(network, "separate", images, config, stimulus_ids=list("abcd"))
    assert list(result.status) == ["finished", "diverged", "finished", "finished"]
    assert np.isfinite(result.metamers).all() and result.step[1] == 0
    np.testing.assert_allclose(result.metamers[[0, 2, 3]], clean.metamers[[0, 2, 3]], atol=1e-4)


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


def test_stimuli_of_the_wrong_shape_are_named(network):
    with pytest.raises(ValueError, match=r"\[batch, 12, 12, 3\]; got \[2, 5, 5, 3\]"):
        synthesize(network, "hidden", np.zeros((2, 5, 5, 3)))


def test_optimisation_starts_where_it_is_told(network, images):
    one_step = replace(FAST, iterations=1, learning_rate=1e-4)
    result = synthesize(network, "fused", images, one_step, initial=images[::-1])
    assert np.abs(result.metamers - images[::-1]).max() < 1.01e-4
    with pytest.raises(ValueError, match="4 initial stimuli, one per natural stimulus; got 2"):
        synthesize(network, "fused", images, one_step, initial=images[:2])


def test_a_start_that_is_not_finite_is_refused(network, images):
    spoiled = images.copy()
    spoiled[0, 0, 0, 0] = np.nan
    with pytest.raises(ValueError, match="initial stimuli must be finite"):
        synthesize(network, "fused", images, FAST, initial=spoiled)


@pytest.mark.parametrize(
    "ids", [["a", "b", "c", "a"], ["a", "b", "c", ""], ["a", "b", "c", 4], ["a"]]
)
def test_ids_are_different_texts_one_per_stimulus(network, images, ids):
    with pytest.raises(ValueError, match="stimulus_ids"):
        synthesize(network, "fused", images, FAST, stimulus_ids=ids)


@pytest.mark.parametrize("batch_size", [0, -1, 1.5, True, "2"])
def test_a_batch_size_is_a_count(network, images, batch_size):
    with pytest.raises(ValueError, match="batch_size must be a whole number from 1; got"):
        synthesize(network, "fused", images, FAST, batch_size=batch_size)


def test_the_state_of_something_else_is_refused_in_one_line(network, images):
    states = []
    synthesize(network, "fused", images, replace(FAST, iterations=1), on_chunk=states.append)
    (state,) = states
    arrays = state.arrays()
    wrong_dtype = SynthesisState.from_arrays(arrays | {"metamer": np.float64(state.metamer)})
    elsewhere = replace(state, place=np.int32([0, 1, 2, 7]))
    of_layer = replace(state, layer=np.array("separate"))
    for other, config, natural in (
        (state, FAST, images[:3]), (state, LBFGS, images), (wrong_dtype, FAST, images),
        (elsewhere, FAST, images), (of_layer, FAST, images), (state, FAST, images[::-1]),
    ):  # fmt: skip
        with pytest.raises(ValueError, match=r"^the state('s places| is of another)") as refusal:
            synthesize(network, "fused", natural, config, state=other)
        assert "\n" not in str(refusal.value)
    for wrong in ({}, arrays | {"more": 1}, {k: v for k, v in arrays.items() if k != "step"}):
        with pytest.raises(ValueError, match="expected the state of a synthesis"):
            SynthesisState.from_arrays(wrong)


@BOTH
def test_more_evaluations_need_what_the_solver_had_learnt(network, images, config):
    """A stimulus that ended, and gave its place to another one, cannot go on as if it had not."""
    states = []
    few, more = (replace(config, iterations=n, log_every=2) for n in (2, 6))
    result = synthesize(network, "fused", images, few, on_chunk=states.append, batch_size=2)
    with pytest.raises(ValueError, match="2 stimuli ended after 2 evaluations") as refusal:
        synthesize(network, "fused", images, more, state=states[-1], batch_size=2)
    assert "\n" not in str(refusal.value)
    again = synthesize(network, "fused", images, few, state=states[-1], batch_size=2)
    np.testing.assert_array_equal(again.metamers, result.metamers)
    synthesize(network, "fused", images, more, initial=states[-1].metamer, batch_size=2)


@BOTH
def test_stimuli_that_wait_for_a_place_get_the_same_metamers(network, images, config):
    """Five stimuli in two places: to rounding as if all were optimised at once."""
    natural, ids = np.concatenate([images, images[:1] ** 2]), list("abcde")
    config = replace(config, iterations=6, log_every=4)
    at_once = synthesize(network, "separate", natural, config, stimulus_ids=ids)
    states = []
    in_turn = synthesize(
        network, "separate", natural, config, stimulus_ids=ids, batch_size=2,
        on_chunk=states.append,
    )  # fmt: skip
    np.testing.assert_allclose(in_turn.metamers, at_once.metamers, atol=1e-4)
    np.testing.assert_allclose(in_turn.losses, at_once.losses, rtol=1e-3)
    assert list(in_turn.step) == [6] * 5 and in_turn.losses.shape == (3, 5)
    assert [list(state.place) for state in states[::2]] == [[0, 1], [2, 3], [4, -1]]


def test_a_stimulus_that_has_stopped_frees_its_place(network, images):
    """The first and the third start matched, and their losses stay what they are."""
    initial = np.stack([images[0], images[1][::-1], images[2], images[3][::-1]])
    states = []
    result = synthesize(
        network, "separate", images, LBFGS, initial=initial, batch_size=2, on_chunk=states.append
    )
    assert list(result.step) == [1, 50, 1, 50]
    assert [list(state.place) for state in states[:3]] == [[0, 1], [2, 1], [3, 1]]
    np.testing.assert_array_equal(result.losses[:, [0, 2]], 0)
    assert (np.diff(result.losses[:, [1, 3]], axis=0) < 0).all()


@BOTH
@pytest.mark.parametrize("low, high", [(0.0, 255.0), (-1.0, 1.0)])
def test_steps_and_noise_scale_with_the_range(network, images, config, low, high):
    """The metamer is that of the same network behind a rescaling."""
    image = keras.Input((12, 12, 3))
    width = high - low
    model = keras.Model(
        image, network.model(keras.layers.Rescaling(1 / width, -low / width)(image))
    )
    layer = f"{network.model.name}/separate"
    rescaled = Network.from_keras(model, stimulus_range=(low, high), metamer_layers=[layer])
    config = replace(config, iterations=5)
    ids = list("abcd")
    expected = synthesize(network, "separate", images, config, stimulus_ids=ids)
    stimuli = low + width * images
    result = synthesize(rescaled, layer, stimuli, config, stimulus_ids=ids)
    np.testing.assert_allclose((result.metamers - low) / width, expected.metamers, atol=2e-5)


@pytest.mark.parametrize("low, high", [(0.0, 255.0), (-128.0, 127.0), (-1.0, 1.0)])
def test_the_noise_of_sounds_is_in_the_middle_of_a_range(low, high):
    plain = synthesis.initial_noise((1, 1000), ["a"], 0)
    assert np.sqrt(np.mean(plain**2)) == pytest.approx(0.01, rel=1e-4)
    noise = synthesis.initial_noise((1, 1000), ["a"], 0, Bounds(low, high))
    np.testing.assert_allclose(noise, (low + high) / 2 + (high - low) / 2 * plain, rtol=1e-5)


@pytest.mark.parametrize("low, high", [(5.0, np.inf), (-np.inf, -2.0), (0.0, np.inf)])
@pytest.mark.parametrize("shape", [(1, 1000), (1, 8, 8, 3)])
def test_the_noise_lies_inside_a_range_that_is_open_at_one_end(low, high, shape):
    noise = synthesis.initial_noise(shape, ["a"], 0, Bounds(low, high))
    assert noise.min() > low and noise.max() < high and noise.std() > 0


def test_nothing_is_traced_twice_and_tensorflow_does_not_warn(small_model, images, caplog):
    """One trace of the network for a layer, for responses, steps and logged losses together."""
    layers = ["separate", "classes"]
    traced, network = [], Network.from_keras(small_model, metamer_layers=layers)
    matched_response = network.matched_response

    def counting(layer, modified_gradient):
        matched = matched_response(layer, modified_gradient)

        def pre_activation(stimuli):
            traced.append(layer)
            return matched.pre_activation(stimuli)

        return replace(matched, pre_activation=pre_activation)

    network.matched_response = counting
    for seed in range(3):
        for layer in layers:
            for config in (FAST, LBFGS):
                synthesize(network, layer, images, replace(config, iterations=1, seed=seed))
    assert sorted(traced) == sorted(2 * layers)
    assert "retracing" not in caplog.text


def test_weights_that_change_after_a_synthesis_count_in_the_next(model_to_change, images):
    """The kept graph computes with the network's own weights."""
    network = Network.from_keras(model_to_change, metamer_layers=["fused"])
    one = replace(FAST, iterations=1)
    synthesize(network, "fused", images, one)
    layer = network.model.get_layer("fused")
    layer.set_weights([2 * weights for weights in layer.get_weights()])
    again = synthesize(network, "fused", images, one)
    network.graphs.clear()
    np.testing.assert_array_equal(again.losses, synthesize(network, "fused", images, one).losses)


def test_losses_of_half_precision_models_are_in_float32(images):
    image = keras.Input((12, 12, 3))
    x = keras.layers.Rescaling(100.0, dtype="mixed_float16")(image)
    x = keras.layers.Conv2D(32, 3, activation="relu", name="half", dtype="mixed_float16")(x)
    network = Network.from_keras(keras.Model(image, x), metamer_layers=["half"])
    result = synthesize(network, "half", images, replace(LBFGS, iterations=10))
    assert result.losses[0].min() > 65_504  # where half precision ends
    assert np.isfinite(result.losses).all() and (result.losses[-1] < result.losses[0]).all()


def test_the_noise_of_sounds_with_an_axis_of_one_channel_is_that_of_sounds():
    sounds, channels = (synthesis.initial_noise((2, 400, *of), ["a", "b"], 0) for of in ((), (1,)))
    np.testing.assert_array_equal(channels, sounds[..., None])
