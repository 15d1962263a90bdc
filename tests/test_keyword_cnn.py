"""The networks of spoken commands against frozen graphs: the tests' own and the published ones."""

import csv
import hashlib
from dataclasses import replace
from pathlib import Path

import keras
import keyword_graphs
import numpy as np
import pytest
import soundfile
import tensorflow as tf
from local_server import Server

import model_metamers as mm
from model_metamers.networks import catalog, checkpoints, keyword_cnn
from model_metamers.networks.downloads import fetch

NETWORKS = ("ds_cnn_l", "cnn_l")
PUBLISHED = Path(__file__).resolve().parents[2] / "shared" / "published"
TOLERANCE = 1e-5  # of a probability: float32 over up to twelve layers; measured below 1e-6
every_network = pytest.mark.parametrize("name", NETWORKS)


@pytest.fixture(scope="module", params=NETWORKS)
def frozen(request, tmp_path_factory):
    """A frozen graph of random weights and the network that has them."""
    path = tmp_path_factory.mktemp("frozen") / f"{request.param}.pb"
    keyword_graphs.write(request.param, path)
    return path, mm.load_network(request.param, weights=path)


@pytest.fixture(scope="module")
def waveforms():
    """Noise, a rising tone and a voice with pauses on a noise floor, [3, 16000]."""
    rng = np.random.default_rng(0)
    t = np.arange(16_000) / 16_000
    noise, floor = rng.standard_normal((2, 16_000)) * [[0.1], [1e-3]]
    voice = sum(np.cos(2 * np.pi * 130 * k * t) / k for k in range(1, 25))
    rising = np.sin(2 * np.pi * 300 * t * (1 + t))
    return np.float32([noise, 0.1 * rising + floor, 0.1 * voice * np.sin(9 * t) ** 2 + floor])


def published_weights(name):
    path = PUBLISHED / catalog.catalog_entry(name).download.filename
    if not path.exists():
        pytest.skip(f"needs the optional file ../shared/published/{path.name} (published weights)")
    return path


def probabilities(network, waveforms):
    return tf.nn.softmax(network.logits(waveforms)).numpy()


def test_the_layers_are_those_of_the_published_graphs():
    counts = {name: mm.load_network(name, weights=None).feature_counts() for name in NETWORKS}
    blocks = {f"conv_ds_{index}": 13 * 5 * 276 for index in range(1, 6)}
    assert counts == {
        "ds_cnn_l": {"mfcc": 490, "conv_1": 25 * 10 * 276, **blocks, "avg_pool": 276}
        | {"logits": 12},
        "cnn_l": {"mfcc": 490, "conv_1": 40 * 7 * 60, "conv_2": 16 * 4 * 76, "linear": 58}
        | {"fc": 128, "logits": 12},
    }


@every_network
def test_the_catalogue_names_the_words_and_the_published_file(name):
    entry = catalog.catalog_entry(name)
    readout = entry.readouts["word"]
    assert len(set(readout.labels)) == len(readout.labels) == keyword_cnn.N_CLASSES
    network = mm.load_network(name, weights=None)
    assert (network.stimulus_shape, network.sample_rate_hz) == ((16_000,), 16_000)
    for layer in network.metamer_layers:
        is_relu = isinstance(network.model.get_layer(layer), keras.layers.ReLU)
        assert is_relu == (layer.startswith("conv") or layer == "fc"), layer
    assert catalog.default_weights(name).name == entry.download.filename
    with pytest.raises(ValueError, match=rf"python -m model_metamers fetch {name}"):
        mm.load_network(name, weights=f"nowhere/{entry.download.filename}")


def test_probabilities_are_those_of_the_frozen_graph(frozen, waveforms):
    path, network = frozen
    expected = keyword_graphs.probabilities(path, waveforms)
    assert expected.max() < 0.99 and abs(expected[0] - expected[1]).max() > 0.01
    np.testing.assert_allclose(probabilities(network, waveforms), expected, atol=TOLERANCE)


def test_every_weight_of_the_graph_is_used_once(frozen):
    path, network = frozen
    stored = [
        tf.make_ndarray(node.attr["value"].tensor)
        for node in tf.compat.v1.GraphDef.FromString(path.read_bytes()).node
        if node.op == "Const" and not node.name.endswith(("Const", "shape", "/y"))
    ]
    stored = [values for values in stored if values.ndim and values.dtype == np.float32]
    ours = [weight.numpy() for weight in network.model.weights]
    assert len(ours) == len(stored)
    assert sorted(w.tobytes() for w in ours) == sorted(w.tobytes() for w in stored)


def test_a_network_is_fetched_verified_and_loaded(frozen, waveforms, tmp_path, monkeypatch):
    path, network = frozen
    monkeypatch.setenv("MODEL_METAMERS_CHECKPOINTS", str(tmp_path))
    entry, content = catalog.catalog_entry(network.name), path.read_bytes()
    server = Server(content)
    url, sha256 = server.url(entry.download.filename), hashlib.sha256(content).hexdigest()
    served = replace(entry.download, url=url, size_bytes=len(content))
    with pytest.raises(ValueError, match="not the published file") as error:
        fetch(served, tmp_path, progress=False)  # the published file's hash is another
    assert entry.download.sha256 in str(error.value) and "\n" not in str(error.value)
    assert list(tmp_path.iterdir()) == []
    fetch(replace(served, sha256=sha256), tmp_path, progress=False)
    server.close()
    fetched = mm.load_network(network.name)
    assert fetched.weights_sha256 == sha256
    np.testing.assert_array_equal(fetched.logits(waveforms), network.logits(waveforms))


def test_the_graph_of_the_other_network_is_told(frozen):
    path, network = frozen
    (other,) = set(NETWORKS) - {network.name}
    with pytest.raises(ValueError, match=r"of another network|does not fit") as error:
        mm.load_network(other, weights=path)
    assert "\n" not in str(error.value)


def test_own_files_keep_the_weights(frozen, waveforms, tmp_path):
    _, network = frozen
    path = tmp_path / f"{network.name}.npz"
    checkpoints.save_weights(network.model, path, np.float32)
    again = mm.load_network(network.name, weights=path)
    np.testing.assert_array_equal(again.logits(waveforms), network.logits(waveforms))


@every_network
def test_fresh_weights_neither_vanish_nor_explode(name, waveforms):
    network = mm.load_network(name, weights=None)
    for layer, values in network.activations(waveforms).items():
        assert 0.1 < values.std() < 100, layer


def test_gradients_are_finite_in_silence_too(frozen, waveforms):
    _, network = frozen
    stimuli = tf.constant(np.concatenate([waveforms, np.zeros_like(waveforms[:1])]))
    for layer in network.metamer_layers:
        with tf.GradientTape() as tape:
            tape.watch(stimuli)
            loss = tf.nn.l2_loss(network.response(layer)(stimuli) - 1.0)
        gradient = tape.gradient(loss, stimuli).numpy()
        assert np.isfinite(gradient).all(), layer
        assert gradient[:3].any(axis=1).all() and not gradient[3].any(), layer


def test_a_few_steps_bring_a_metamer_nearer(frozen, waveforms):
    _, network = frozen
    config = mm.SynthesisConfig(iterations=40, learning_rate=1e-2, decay_rate=0.5, decay_steps=10)
    result = mm.synthesize(network, network.metamer_layers[2], waveforms[1:], config)
    assert (result.losses[-1] < 0.3 * result.losses[0]).all(), result.losses


@every_network
def test_the_published_networks_answer_as_their_frozen_graphs(name, waveforms):
    path = published_weights(name)
    network = mm.load_network(name, weights=path)
    download = catalog.catalog_entry(name).download
    assert network.weights_sha256 == download.sha256
    assert path.stat().st_size == download.size_bytes
    expected = keyword_graphs.probabilities(path, waveforms)
    np.testing.assert_allclose(probabilities(network, waveforms), expected, atol=TOLERANCE)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "least"), [("ds_cnn_l", 0.925), ("cnn_l", 0.89)])
def test_the_published_networks_recognise_speech_commands(name, least, shared_data):
    folder = shared_data / "speech_commands_v2_test"
    network = mm.load_network(name, weights=published_weights(name))
    with (folder / "index.csv").open() as file:
        rows = list(csv.DictReader(file))
    clips = np.zeros((len(rows), 16_000), np.float32)
    for clip, row in zip(clips, rows, strict=True):
        samples, rate_hz = soundfile.read(folder / row["file"], dtype="float32")
        assert rate_hz == network.sample_rate_hz
        clip[: len(samples)] = samples[: len(clip)]
    answers = np.array(network.readout().labels)[network.logits(clips).argmax(axis=1)]
    assert np.mean(answers == [row["word"] for row in rows]) >= least
