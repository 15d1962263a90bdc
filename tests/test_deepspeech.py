"""DeepSpeech against a TensorFlow 1 graph with the LSTM kernel of its release."""

import tarfile
from dataclasses import replace
from functools import partial

import keras
import numpy as np
import pytest
import tensorflow as tf

import model_metamers as mm
from model_metamers.frontends.mfcc import MfccConfig
from model_metamers.networks import catalog, checkpoints, deepspeech
from model_metamers.networks.catalog_entry import Readout
from model_metamers.networks.network import Network, initialise

v1 = tf.compat.v1
TOLERANCE = 1e-5  # relative L2: float32 over five layers and 25 steps
SHORT = MfccConfig(n_samples=8000)  # 25 frames
NAMING = checkpoints.renamed(deepspeech.CHECKPOINT_NAMES)
UNITS = {"layer_1": 40, "layer_2": 48, "layer_3": 24, "lstm": 32, "layer_5": 16}
WIDTHS = [units / 2048 for units in UNITS.values()]
CLIPPED = ("layer_1", "layer_2", "layer_3", "layer_5")


def short_network(widths=WIDTHS):
    model = deepspeech.deepspeech(widths, SHORT)
    readouts = {"characters": Readout("logits")}
    return Network("deepspeech", model, deepspeech.METAMER_LAYERS, None, readouts, 16_000)


@pytest.fixture
def waveforms():
    """Two voices of different pitch with a noise floor, RMS 0.1."""
    t = np.arange(SHORT.n_samples) / 16_000
    floor = 1e-3 * np.random.default_rng(0).standard_normal((2, SHORT.n_samples))
    voices = [
        sum(np.cos(2 * np.pi * pitch_hz * k * t) / k for k in range(1, 30)) * np.sin(rate * t)
        for pitch_hz, rate in ((120, 17), (210, 31))
    ]
    sounds = np.array(voices) + floor
    return (0.1 * sounds / sounds.std(axis=1, keepdims=True)).astype(np.float32)


def release_shapes(units, n_coefficients=26, n_characters=29):
    """Shapes of the variables of the release's checkpoint."""
    n1, n2, n3, cell, n5 = units
    return {
        "h1": (19 * n_coefficients, n1), "b1": (n1,),
        "h2": (n1, n2), "b2": (n2,),
        "h3": (n2, n3), "b3": (n3,),
        "lstm_fused_cell/kernel": (n3 + cell, 4 * cell), "lstm_fused_cell/bias": (4 * cell,),
        "h5": (cell, n5), "b5": (n5,),
        "h6": (n5, n_characters), "b6": (n_characters,),
    }  # fmt: skip


def random_values(shapes):
    """Weights with which units are off, between and at the limit of 20."""
    generator = np.random.default_rng(0)
    gains = {"h1": 2.0, "h5": 25.0}
    return {
        name: np.float32(
            gains.get(name, 1.0) / np.sqrt(shape[0] if len(shape) > 1 else 4)
        ) * generator.standard_normal(shape, np.float32)
        for name, shape in shapes.items()
    }  # fmt: skip


def write_release(folder, values):
    """Write the release's archive: a V2 checkpoint of the weights and Adam's slots."""
    leftovers = {f"{name}/{slot}": value for name, value in values.items()
                 for slot in ("Adam", "Adam_1")}  # fmt: skip
    leftovers |= {"beta1_power": np.float32(0.5), "beta2_power": np.float32(0.9)}
    prefix = folder / "model.v0.4.1"
    with tf.Graph().as_default(), v1.Session() as session:
        v1.train.create_global_step()
        for name, value in (values | leftovers).items():
            v1.get_variable(name, initializer=tf.constant(value))
        session.run(v1.global_variables_initializer())
        v1.train.Saver().save(session, str(prefix))
    archive = folder / "deepspeech-0.4.1-checkpoint.tar.gz"
    with tarfile.open(archive, "w:gz") as tar:
        for path in folder.glob("model.v0.4.1.*"):
            tar.add(path, f"deepspeech-0.4.1-checkpoint/{path.name}")
    return prefix, archive


def release_activations(checkpoint, mfccs):
    """Return every layer's activations of a TensorFlow 1 graph with the release's variables."""
    n_stimuli, n_frames, n_coefficients = mfccs.shape
    empty = np.zeros((n_stimuli, 9, n_coefficients), np.float32)
    padded = np.concatenate([empty, mfccs, empty], axis=1)
    windows = np.stack([padded[:, t : t + 19].reshape(n_stimuli, -1) for t in range(n_frames)])
    with tf.Graph().as_default(), v1.Session() as session:
        w = {
            name: v1.get_variable(name, shape)
            for name, shape in release_shapes(UNITS.values()).items()
        }

        def clipped(x, index):
            return tf.minimum(tf.nn.relu(tf.matmul(x, w[f"h{index}"]) + w[f"b{index}"]), 20.0)

        layers = {}
        x = tf.constant(windows)  # time first
        for index in (1, 2, 3):
            x = layers[f"layer_{index}"] = clipped(x, index)
        cell, empty_gate = UNITS["lstm"], tf.zeros(UNITS["lstm"])
        x = layers["lstm"] = tf.raw_ops.BlockLSTM(
            seq_len_max=tf.constant(n_frames, tf.int64), x=x,
            cs_prev=tf.zeros((n_stimuli, cell)), h_prev=tf.zeros((n_stimuli, cell)),
            w=w["lstm_fused_cell/kernel"], b=w["lstm_fused_cell/bias"],
            wci=empty_gate, wcf=empty_gate, wco=empty_gate,
            forget_bias=1.0, cell_clip=-1.0, use_peephole=False,
        ).h  # fmt: skip
        x = layers["layer_5"] = clipped(x, 5)
        layers["logits"] = tf.matmul(x, w["h6"]) + w["b6"]
        v1.train.Saver().restore(session, str(checkpoint))
        values = session.run(layers)
    return {layer: value.swapaxes(0, 1) for layer, value in values.items()}


def test_the_catalogs_network_has_the_layers_and_variables_of_the_release():
    network = mm.load_network("deepspeech", weights=None)
    counts = dict.fromkeys(deepspeech.METAMER_LAYERS, 100 * 2048) | {"logits": 100 * 29}
    assert network.feature_counts() == counts
    assert network.stimulus_shape == (32_000,) and network.sample_rate_hz == 16_000
    sizes = {name: np.prod(shape) for name, shape in release_shapes([2048] * 5).items()}
    assert network.model.count_params() == sum(sizes.values())
    entry = catalog.catalog_entry("deepspeech")
    variables = entry.blueprint.naming(network.model, {})
    assert {name: v.numpy().size for name, v in variables.items()} == sizes
    assert entry.learning_rates == dict.fromkeys(network.metamer_layers, 1e-4)


@pytest.mark.parametrize("kind", ["prefix", "archive"])
def test_every_metamer_layer_agrees_with_the_releases_graph(kind, waveforms, tmp_path):
    prefix, archive = write_release(tmp_path, random_values(release_shapes(UNITS.values())))
    network = short_network()
    source = {"prefix": prefix, "archive": archive}[kind]
    checkpoints.load_weights(network.model, source, "", NAMING)
    mfccs = network.activations(waveforms, ["mfcc"])["mfcc"]
    ours = network.activations(waveforms)
    for layer, expected in release_activations(prefix, mfccs).items():
        assert ours[layer].shape == expected.shape
        error = np.linalg.norm(ours[layer] - expected) / np.linalg.norm(expected)
        assert error <= TOLERANCE, (layer, error)
    for layer in ("layer_1", "layer_5"):  # otherwise the limit would not have been compared
        for value in (0.0, 20.0):
            assert 0.02 < np.mean(ours[layer] == value) < 0.98, (layer, value)


def test_the_download_is_found_where_it_is_unpacked(checkpoints_folder, monkeypatch):
    entry = catalog.catalog_entry("deepspeech")
    small = replace(entry.blueprint, build=partial(deepspeech.deepspeech, WIDTHS, SHORT))
    entry = replace(entry, load=lambda: small)
    monkeypatch.setitem(catalog.CATALOG, "deepspeech", entry)
    with pytest.raises(ValueError, match=r"model\.v0\.4\.1; .* fetch deepspeech"):
        mm.load_network("deepspeech")
    values = random_values(release_shapes(UNITS.values()))
    write_release(checkpoints_folder, values)
    network = mm.load_network("deepspeech")
    np.testing.assert_array_equal(network.model.get_layer("logits").kernel, values["h6"])
    assert network.weights_sha256 is not None


def test_a_release_of_another_layout_is_told_with_its_names(tmp_path):
    """Releases before 0.2 had two directions, each with a cell of its own."""
    values = random_values(release_shapes(UNITS.values()))
    kernel = values.pop("lstm_fused_cell/kernel")
    values["bidirectional_rnn/fw/basic_lstm_cell/kernel"] = kernel
    values["h5"] = np.concatenate([values["h5"]] * 2)
    prefix, _ = write_release(tmp_path, values)
    network = short_network()
    with pytest.raises(ValueError) as error:
        checkpoints.load_weights(network.model, prefix, "", NAMING)
    assert "missing: lstm_fused_cell/kernel;" in str(error.value)
    assert "unexpected: bidirectional_rnn/fw/basic_lstm_cell/kernel;" in str(error.value)
    assert "of another shape: h5 [64, 16] instead of [32, 16]" in str(error.value)
    assert not network.model.get_layer("logits").kernel.numpy().any()


def test_own_files_keep_the_weights(tmp_path, waveforms):
    first, again = short_network(), short_network()
    initialise(first.model, seed=0)
    checkpoints.save_weights(first.model, tmp_path / "w.npz", np.float32)
    checkpoints.load_weights(again.model, tmp_path / "w.npz", "", NAMING)
    np.testing.assert_array_equal(again.logits(waveforms), first.logits(waveforms))


def test_a_frame_sees_nine_on_either_side_and_the_lstm_the_past_alone(waveforms):
    network = short_network()
    initialise(network.model, seed=0)
    changed = waveforms.copy()
    changed[:, 15 * 320 + 512 :] = 0  # frames 16 and later
    before, after = network.activations(waveforms), network.activations(changed)

    def first_change(layer):
        differs = np.any(before[layer] != after[layer], axis=(0, 2))
        return int(np.flatnonzero(differs)[0])

    assert first_change("layer_1") == first_change("lstm") == 16 - 9
    assert first_change("logits") == 16 - 9


@pytest.mark.parametrize("layer", deepspeech.METAMER_LAYERS)
def test_clipped_relus_are_matched_with_the_modified_gradient(layer, waveforms, tmp_path):
    """Units that are off, and units at the limit, pass a gradient only if it is modified."""
    prefix, _ = write_release(tmp_path, random_values(release_shapes(UNITS.values())))
    network = short_network()
    checkpoints.load_weights(network.model, prefix, "", NAMING)
    stimuli = tf.constant(waveforms)
    expected = network.activations(waveforms, [layer])[layer]
    for low, high in ((-np.inf, 0.0), (20.0, np.inf)):
        gradients = []
        for modified in (True, False):
            with tf.GradientTape() as tape:
                tape.watch(stimuli)
                response = network.response(layer, modified)(stimuli)
                blocked = (response <= high) & (response >= low)
                total = tf.reduce_sum(response * tf.cast(blocked, tf.float32))
            np.testing.assert_allclose(response, expected, rtol=1e-4, atol=1e-4)
            gradients.append(tape.gradient(total, stimuli).numpy())
        is_clipped = isinstance(network.model.get_layer(layer), keras.layers.ReLU)
        assert is_clipped == (layer in CLIPPED)
        assert np.any(gradients[0] != gradients[1]) == is_clipped
        assert np.isfinite(gradients).all()


def test_widths_scale_every_layer_for_itself():
    network = short_network()
    assert {layer: network.tensor(layer).shape[-1] for layer in UNITS} == UNITS
    with pytest.raises(ValueError, match="one positive number or 5"):
        deepspeech.deepspeech((1.0, 0.5))


def test_the_model_can_be_saved_and_loaded(tmp_path, waveforms):
    network = short_network()
    initialise(network.model, seed=0)
    network.model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(again(waveforms), network.model(waveforms), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    "layer, least_rho",
    [("layer_1", 0.9), pytest.param("lstm", 0.98, marks=pytest.mark.long), ("logits", 0.98)],
)
def test_metamers_of_random_weights_match(waveforms, layer, least_rho):
    network = short_network(1 / 64)
    initialise(network.model, seed=0)
    # He's rule expects inputs of order one; MFCCs are of order ten, and would drive many units to
    # their limit, where the true gradient of the layers below the matched one ends.
    kernel = network.model.get_layer("layer_1.linear").kernel
    kernel.assign(0.05 * kernel)
    config = mm.SynthesisConfig(
        iterations=500, learning_rate=1e-3, decay_rate=0.5, decay_steps=100
    )
    result = mm.synthesize(network, layer, waveforms, config)
    metamer = network.activations(result.metamers, [layer])[layer]
    natural = network.activations(waveforms, [layer])[layer]
    rho = mm.spearman(metamer, natural)
    assert (result.losses[0] > 30 * result.losses[-1]).all(), result.losses[[0, -1]]
    assert rho.min() > max(least_rho, mm.spearman(natural[:1], natural[1:]).max()), rho
