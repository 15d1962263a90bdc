"""The audio networks against Table S4, and their variants, heads and gradients."""

from dataclasses import replace
from functools import partial

import keras
import numpy as np
import pytest
import tensorflow as tf

import model_metamers as mm
from model_metamers.frontends.erb import CochleagramConfig
from model_metamers.networks import catalog, word_cnn
from model_metamers.networks.catalog_entry import Blueprint, CatalogEntry, Readout
from model_metamers.networks.identity import FULL, own_identity
from model_metamers.networks.network import Network, initialise
from model_metamers.networks.pooling import HanningPooling2D
from model_metamers.paper import load_table

SMALL_COCHLEAGRAM = CochleagramConfig(
    sample_rate_hz=8000, n_samples=8000, envelope_rate_hz=100,
    high_hz=3600.0, n_filters=12, sample_factor=2,
)  # fmt: skip
BOTH = {
    "word_aliased": (word_cnn.word_aliased, word_cnn.ALIASED_LAYERS),
    "word_reduced_aliasing": (word_cnn.word_reduced_aliasing, word_cnn.REDUCED_ALIASING_LAYERS),
}
WORD_AUDIOSET = word_cnn.WORD_HEAD | word_cnn.AUDIOSET_HEAD
# The networks of Table S4: task -> classes.
PUBLISHED = {
    "word_aliased": {"word": 794},
    "word_reduced_aliasing": {"word": 794},
    "random_reduced_aliasing": {"word": 794},
    "audioset_reduced_aliasing": {"audioset": 517},
    "word_audioset_reduced_aliasing": {"word": 794, "audioset": 517},
}


def as_network(model, metamer_layers):
    return Network(
        model.name, model, metamer_layers, None, {"word": Readout("logits")}, sample_rate_hz=20_000
    )


def small_network(name, **options):
    build, metamer_layers = BOTH[name]
    model = build(**{"heads": {"word": 5}, "widths": 1 / 8,
                     "cochleagram": SMALL_COCHLEAGRAM} | options)  # fmt: skip
    initialise(model, seed=0)
    return as_network(model, metamer_layers)


@pytest.fixture
def waveforms():
    return 0.1 * np.random.default_rng(0).standard_normal((2, 8000)).astype(np.float32)


@pytest.mark.parametrize("name", PUBLISHED)
def test_the_catalogs_networks_are_those_of_table_s4(name, architecture):
    network = architecture(name)
    table = load_table("table_s4_audio")
    published = table[table.network.isin(["cochleagram", name])].set_index("layer").n_features
    assert network.feature_counts() == published.to_dict()
    assert list(network.metamer_layers) == list(published.index)
    assert network.stimulus_shape == (40_000,) and network.sample_rate_hz == 20_000
    assert network.stimulus_range is None and network.weights_sha256 is None
    heads = {task: network.tensor(r.layer).shape[1] for task, r in network.readouts.items()}
    assert heads == PUBLISHED[name]
    assert {readout.class_offset for readout in network.readouts.values()} == {0}


@pytest.mark.parametrize("name", PUBLISHED)
def test_fresh_heads_of_the_catalogs_networks_start_ten_times_smaller(name, monkeypatch):
    """Of an eighth of the width: 512 units before the heads, whose variance by He is 2 / 512."""
    entry = catalog.catalog_entry(name)
    build = partial(entry.build, widths=1 / 8, cochleagram=SMALL_COCHLEAGRAM)
    narrow = replace(entry.blueprint, build=build)
    monkeypatch.setitem(catalog.CATALOG, name, replace(entry, load=lambda: narrow))
    network = mm.load_network(name, weights=None)
    assert len(network.model.outputs) == len(PUBLISHED[name])
    for output in network.model.outputs:
        kernel = network.model.get_layer(output._keras_history.operation.name).kernel.numpy()
        np.testing.assert_allclose(kernel.std(), 0.1 * np.sqrt(2 / 512), rtol=0.01)


def test_table_s4_has_no_other_network_than_the_catalog():
    audio = [n for n in mm.list_networks() if catalog.catalog_entry(n).sample_rate_hz == 20_000]
    identities = [catalog.catalog_entry(name).identity for name in audio]
    once = [network.name for network in identities if network.scale == FULL and network.seed == 0]
    assert once == list(PUBLISHED)
    assert list(load_table("table_s4_audio").network.unique()) == ["cochleagram", *PUBLISHED]


def test_the_first_word_is_the_null_class():
    labels = load_table("word_labels")
    assert len(labels) == PUBLISHED["word_aliased"]["word"]
    assert list(labels.word_index) == list(range(794)) and labels.word[0] == "__nullSignal__"


def small_reduced_aliasing(always_random):
    build = partial(word_cnn.word_reduced_aliasing, widths=1 / 8, cochleagram=SMALL_COCHLEAGRAM)
    return CatalogEntry(
        own_identity("small"),
        lambda: Blueprint(build, word_cnn.REDUCED_ALIASING_LAYERS),
        readouts={"word": Readout("logits")},
        always_random=always_random,
    )


def test_the_random_network_needs_no_file_whatever_lies_there(checkpoints_folder, monkeypatch):
    name = "random_reduced_aliasing"
    assert [n for n in PUBLISHED if catalog.catalog_entry(n).always_random] == [name]
    monkeypatch.setitem(catalog.CATALOG, name, small_reduced_aliasing(always_random=True))
    (checkpoints_folder / f"{name}.npz").write_text("no weights")
    default, explicit, other = (
        mm.load_network(name, **options).model.get_weights()
        for options in ({"seed": 3}, {"seed": 3, "weights": None}, {"seed": 4})
    )
    assert all(np.array_equal(a, b) for a, b in zip(default, explicit, strict=True))
    assert not all(np.array_equal(a, b) for a, b in zip(default, other, strict=True))


@pytest.mark.parametrize("name", ["audioset_reduced_aliasing", "word_audioset_reduced_aliasing"])
def test_missing_weights_say_how_to_train_them(name, checkpoints_folder, monkeypatch):
    load = small_reduced_aliasing(False).load  # refusing needs no large network
    entry = replace(catalog.catalog_entry(name), load=load)
    monkeypatch.setitem(catalog.CATALOG, name, entry)
    message = rf"{name}\.npz, and .*: python experiments/train_word_cnn.py --networks={name}, or"
    with pytest.raises(ValueError, match=message):
        mm.load_network(name)


@pytest.mark.parametrize("name", BOTH)
def test_shapes_between_the_metamer_layers(name):
    model = BOTH[name][0]()
    shapes = {
        "conv_0": (71, 134, 96) if name == "word_aliased" else (211, 400, 96),
        "conv_1.normalised": (36, 67, 96),
        "conv_1": (18, 34, 256) if name == "word_aliased" else (36, 67, 256),
        "conv_2.normalised": (9, 17, 256),
        "pool_4": (5, 9, 512),
        "pool_4.flat": (23_040,),
    }
    for layer, shape in shapes.items():
        assert model.get_layer(layer).output.shape[1:] == shape, layer


def test_the_variants_differ_only_in_how_they_downsample():
    aliased, reduced = (build() for build, _ in BOTH.values())
    shapes = [[tuple(w.shape) for w in model.weights] for model in (aliased, reduced)]
    assert shapes[0] == shapes[1] and [w.path for w in aliased.weights] == [
        w.path for w in reduced.weights
    ]
    hanning = [layer for layer in reduced.layers if isinstance(layer, HanningPooling2D)]
    assert [(layer.stride, layer.pool_size) for layer in hanning] == [
        (3, 12), (2, 8), (2, 8), (2, 8)
    ]  # fmt: skip
    assert {
        layer.strides for layer in reduced.layers if isinstance(layer, keras.layers.Conv2D)
    } == {(1, 1)}


def test_heads_are_named_logits_then_after_their_task():
    model = word_cnn.word_reduced_aliasing(WORD_AUDIOSET, widths=1 / 8)
    assert [output.shape for output in model.outputs] == [(None, 794), (None, 517)]
    assert model.get_layer("logits").output.shape == (None, 794)
    assert model.get_layer("logits_audioset").output.shape == (None, 517)
    assert word_cnn.word_aliased({"birds": 3}, widths=1 / 8).output_shape == (None, 3)
    with pytest.raises(ValueError, match="at least one head"):
        word_cnn.word_aliased({}, widths=1 / 8)


@pytest.mark.parametrize("name", BOTH)
def test_relus_are_matched_with_the_modified_gradient_and_pools_with_the_true_one(name, waveforms):
    network = small_network(name)
    stimuli = tf.constant(waveforms)
    for layer in (*network.metamer_layers, "pool_0", "pool_1"):
        gradients = []
        for modified in (True, False):
            with tf.GradientTape() as tape:
                tape.watch(stimuli)
                response = network.response(layer, modified)(stimuli)
                total = tf.reduce_sum(response * tf.cast(response <= 0, tf.float32))
            gradients.append(tape.gradient(total, stimuli).numpy())
        is_relu = layer.startswith(("conv_", "fc_"))
        assert isinstance(network.model.get_layer(layer), keras.layers.ReLU) == is_relu
        assert np.any(gradients[0] != gradients[1]) == is_relu, layer


@pytest.mark.parametrize("name", BOTH)
def test_every_layer_of_a_scaled_network_responds_and_passes_a_finite_gradient(name, waveforms):
    network = small_network(name)
    activations = network.activations(waveforms)
    assert list(activations) == list(network.metamer_layers)
    assert activations["cochleagram"].shape == (2, 29, 100)
    for layer, values in activations.items():
        assert np.isfinite(values).all() and values.std() > 0, layer
    stimuli = tf.constant(waveforms)
    with tf.GradientTape() as tape:
        tape.watch(stimuli)
        loss = tf.nn.l2_loss(network.response("logits")(stimuli) - 1.0)
    gradient = tape.gradient(loss, stimuli).numpy()
    assert np.isfinite(gradient).all() and gradient.any(axis=1).all()
    assert network.logits(waveforms).shape == (2, 5)


def test_widths_scale_every_layer_for_itself():
    widths = (1.0, 0.5, 0.25, 0.125, 0.0625, 0.03125)
    network = small_network("word_aliased", widths=widths)
    channels = [network.tensor(f"conv_{k}").shape[-1] for k in range(5)]
    assert channels == [96, 128, 128, 128, 32]
    assert network.tensor("fc_intermediate").shape[-1] == 128
    with pytest.raises(ValueError, match="one positive number or 6"):
        word_cnn.word_aliased(widths=(1.0, 0.5))


def test_the_front_ends_method_changes_next_to_nothing(waveforms):
    exact, multirate = (
        small_network("word_reduced_aliasing", method=method).logits(waveforms)
        for method in ("exact", "multirate")
    )
    np.testing.assert_allclose(exact, multirate, rtol=1e-2, atol=1e-3)
    assert np.any(exact != multirate)


@pytest.mark.parametrize("name", BOTH)
def test_the_network_above_its_cochleagram_computes_the_same(name, waveforms):
    network = small_network(name)
    above = network.above("cochleagram")
    assert above.metamer_layers == network.metamer_layers[1:]
    layers = ["conv_2", "logits"]
    whole = network.activations(waveforms, ["cochleagram", *layers])
    upper = above.activations(whole["cochleagram"], layers)
    for layer in layers:
        np.testing.assert_allclose(upper[layer], whole[layer], rtol=1e-4, atol=1e-5)
    assert above.stimulus_range[0] == 0 and above.sample_rate_hz is None


def test_a_cochleagram_can_be_optimised_itself(waveforms):
    network = small_network("word_reduced_aliasing")
    natural = network.activations(waveforms, ["cochleagram"])["cochleagram"]
    config = mm.SynthesisConfig(iterations=60, learning_rate=0.03, log_every=60)
    result = mm.synthesize(network.above("cochleagram"), "conv_2", natural, config)
    assert (result.losses[-1] < 0.05 * result.losses[0]).all()
    assert result.metamers.min() >= 0 and result.metamers.shape == natural.shape


def test_a_layer_that_others_bypass_has_no_network_above(small_model):
    network = mm.Network.from_keras(small_model)
    with pytest.raises(ValueError, match="does not depend on its stimulus through 'left' alone"):
        network.above("left")


@pytest.mark.parametrize(
    "name",
    ["word_aliased", pytest.param("word_reduced_aliasing", marks=pytest.mark.long)],
)
def test_degenerate_sounds_end_with_a_clear_status_and_no_nan(name):
    """Silence, a click, an offset, a full-scale square wave, and a NaN sample."""
    network = small_network(name)
    t = np.arange(8000)
    sounds = np.stack(
        [0 * t, t == 4000, 1 + 0 * t, np.sign(np.sin(t / 7)), np.where(t == 9, np.nan, 0.1)]
    ).astype(np.float32)
    config = mm.SynthesisConfig(iterations=10, learning_rate=3e-3, log_every=5)
    for layer in (network.metamer_layers[0], "conv_2", "logits"):
        result = mm.synthesize(network, layer, sounds, config)
        assert list(result.status) == 4 * ["finished"] + ["diverged"]
        assert np.isfinite(result.metamers).all() and np.isfinite(result.losses[:, :4]).all()


def test_silence_is_not_accepted_for_want_of_ranks():
    """A cochleagram that is zero everywhere has no rank correlation with anything."""
    network = small_network("word_aliased")
    silence, noise = np.zeros((1, 8000)), 0.1 * np.random.default_rng(0).standard_normal((1, 8000))
    responses = [network.activations(x, ["cochleagram"])["cochleagram"] for x in (silence, noise)]
    rho = mm.spearman(*responses)
    accepted, reason = mm.accept(["finished"], rho, 0.5, [0], [0])
    assert not accepted[0] and reason[0] == "no_rank_correlation"
