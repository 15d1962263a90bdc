"""VGGish against TF-Slim's graph, on checkpoints and TF-Hub modules that the tests write."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import model_metamers as mm
from model_metamers.frontends.log_mel import LogMelConfig
from model_metamers.networks import catalog, checkpoints, slim_reference, vggish
from model_metamers.networks.catalog_entry import Readout
from model_metamers.networks.network import Network, initialise

v1 = tf.compat.v1
TOLERANCE = 1e-4  # relative L2; measured below 2e-6, the rounding of float32
N_SAMPLES = 32_000
WIDTHS = 1 / 8
# Channels and units at that width.
CHANNELS = {"conv1": 8, "conv2": 16, "conv3": 32, "conv4": 64}
UNITS = 512

pytestmark = pytest.mark.filterwarnings("ignore:`layer.apply` is deprecated")


def as_network(model):
    readouts = {"embedding": Readout("embedding")}
    return Network("vggish", model, vggish.METAMER_LAYERS, None, readouts, 16_000)


@pytest.fixture
def small():
    model = vggish.vggish(widths=WIDTHS)
    initialise(model, seed=0)
    return as_network(model)


@pytest.fixture
def waveforms():
    """Two voices of different pitch with a noise floor, RMS 0.1."""
    t = np.arange(N_SAMPLES) / 16_000
    floor = 1e-3 * np.random.default_rng(0).standard_normal((2, N_SAMPLES))
    voices = [
        sum(np.cos(2 * np.pi * pitch_hz * k * t) / k for k in range(1, 30)) * np.sin(rate * t)
        for pitch_hz, rate in ((120, 7), (210, 11))
    ]
    sounds = np.array(voices) + floor
    return (0.1 * sounds / sounds.std(axis=1, keepdims=True)).astype(np.float32)


def test_the_catalogs_network_has_the_layers_of_facts_section_6():
    network = mm.load_network("vggish", weights=None)
    assert network.feature_counts() == {
        "conv1": 2 * 96 * 64 * 64,
        "conv2": 2 * 48 * 32 * 128,
        "conv3_1": 2 * 24 * 16 * 256,
        "conv3_2": 2 * 24 * 16 * 256,
        "conv4_1": 2 * 12 * 8 * 512,
        "conv4_2": 2 * 12 * 8 * 512,
        "fc1_1": 2 * 4096,
        "fc1_2": 2 * 4096,
        "embedding": 2 * 128,
    }
    assert network.stimulus_shape == (N_SAMPLES,) and network.sample_rate_hz == 16_000
    entry = catalog.catalog_entry("vggish")
    assert entry.learning_rates == {"embedding": 1e-2}
    assert catalog.default_weights("vggish").name == "vggish_model.ckpt"


@pytest.mark.slow
def test_every_metamer_layer_agrees_with_tf_slim_at_full_size(waveforms, tmp_path):
    path = tmp_path / "vggish_model.ckpt"  # one V1 file, as published
    slim_reference.write_random_checkpoint("vggish", path, seed=0, format="V1")
    network = mm.load_network("vggish", weights=path)
    errors = slim_reference.compare(network, path, waveforms)
    assert tuple(errors) == network.metamer_layers
    assert max(errors.values()) <= TOLERANCE, errors
    for layer, (first, second) in network.activations(waveforms).items():
        assert 0.1 < first.std() < 1000, layer
        assert np.linalg.norm(first - second) > 0.01 * np.linalg.norm(first), layer


def slim_vggish(waveform, keep_every_layer):
    """TF-Slim's graph at an eighth of the width, on TensorFlow's own log-mel spectrogram."""
    slim_reference._alias_legacy_layers()
    import tf_slim

    spectrum = abs(tf.signal.stft(waveform, 400, 160, 512))
    mel = spectrum @ tf.signal.linear_to_mel_weight_matrix(64, 257, 16_000, 125.0, 7500.0)
    patches = tf.signal.frame(tf.math.log(mel + 0.01), 96, 96, axis=0)
    with v1.variable_scope("vggish"):
        x = patches[..., None]
        for block, channels in CHANNELS.items():
            n_convolutions = 1 if block in ("conv1", "conv2") else 2
            for index in range(1, n_convolutions + 1):
                name = block if n_convolutions == 1 else f"{block}_{index}"
                scope = block if n_convolutions == 1 else f"{block}/{name}"
                x = keep_every_layer[name] = tf_slim.conv2d(x, channels, 3, scope=scope)
            x = tf_slim.max_pool2d(x, 2)
        x = tf_slim.flatten(x)
        for name in ("fc1_1", "fc1_2"):
            x = keep_every_layer[name] = tf_slim.fully_connected(x, UNITS, scope=f"fc1/{name}")
        x = tf_slim.fully_connected(x, 128, activation_fn=None, scope="fc2")
    keep_every_layer["embedding"] = x
    return keep_every_layer


class HubModule(tf.Module):
    """A TF2 module around a TF1 graph, as google/vggish/1 is exported."""

    def __init__(self, seed):
        super().__init__()
        self._variables = []
        generator = np.random.default_rng(seed)

        def create(next_creator, **kwargs):
            shape = kwargs["initial_value"]().shape
            scale = np.sqrt(2 / np.prod(shape[:-1])) if len(shape) > 1 else 0.3
            value = scale * generator.standard_normal(shape)
            variable = next_creator(**kwargs | {"initial_value": np.float32(value)})
            self._variables.append(variable)
            return variable

        def layers_of(waveform):
            with tf.variable_creator_scope(create):
                return slim_vggish(waveform, {})

        self._layers = v1.wrap_function(layers_of, [tf.TensorSpec([None], tf.float32)])

    @tf.function(input_signature=[tf.TensorSpec([None], tf.float32)])
    def __call__(self, waveform):
        return self._layers(waveform)


def test_a_tf_hub_module_is_read_and_every_layer_agrees_with_it(waveforms, tmp_path):
    module = HubModule(seed=0)
    tf.saved_model.save(module, str(tmp_path))
    network = as_network(vggish.vggish(widths=WIDTHS))
    checkpoints.load_weights(network.model, tmp_path, vggish.SLIM_SCOPE)
    ours = network.activations(waveforms)
    for index, waveform in enumerate(waveforms):
        for layer, expected in module(waveform).items():
            actual = ours[layer][index]
            assert actual.shape == tuple(expected.shape)
            error = np.linalg.norm(actual - expected) / np.linalg.norm(expected)
            assert error <= TOLERANCE, (layer, error)


def test_a_checkpoint_of_another_network_is_told(tmp_path, small):
    slim = {"vgg_19/conv1/conv1_1/weights": np.zeros((3, 3, 3, 64), np.float32)}
    with tf.Graph().as_default(), v1.Session() as session:
        variables = [v1.get_variable(name, initializer=value) for name, value in slim.items()]
        session.run([variable.initializer for variable in variables])
        v1.train.Saver().save(session, str(tmp_path / "other.ckpt"))
    with pytest.raises(ValueError, match=r"expected variables under vggish/.* under vgg_19"):
        checkpoints.load_weights(small.model, tmp_path / "other.ckpt", vggish.SLIM_SCOPE)


def test_own_files_keep_the_weights(tmp_path, small, waveforms):
    checkpoints.save_weights(small.model, tmp_path / "small.npz", np.float32)
    again = as_network(vggish.vggish(widths=WIDTHS))
    checkpoints.load_weights(again.model, tmp_path / "small.npz", vggish.SLIM_SCOPE)
    np.testing.assert_array_equal(again.logits(waveforms), small.logits(waveforms))


def test_a_patch_does_not_see_the_other(small, waveforms):
    changed = waveforms.copy()
    changed[:, 17_000:] *= -0.5  # the second patch begins at sample 96 * 160 = 15,360
    before, after = small.activations(waveforms), small.activations(changed)
    for layer in small.metamer_layers:
        np.testing.assert_array_equal(before[layer][:, 0], after[layer][:, 0], layer)
        assert np.any(before[layer][:, 1] != after[layer][:, 1]), layer


def test_all_layers_but_the_embedding_are_relus(small):
    for layer in vggish.METAMER_LAYERS:
        is_relu = isinstance(small.model.get_layer(layer), keras.layers.ReLU)
        assert is_relu == (layer != "embedding"), layer


def test_the_waveform_may_be_longer_but_not_shorter_than_one_patch():
    model = vggish.vggish(WIDTHS, LogMelConfig(n_samples=48_000))
    assert model.output_shape == (None, 3, 128)
    with pytest.raises(ValueError, match=r"at least 96 frames; 15000 samples .* give 92"):
        vggish.vggish(WIDTHS, LogMelConfig(n_samples=15_000))


@pytest.mark.parametrize(
    "layer, least_fall, least_rho",
    [
        ("conv1", 10, 0.95),
        pytest.param("conv4_2", 30, 0.95, marks=pytest.mark.long),
        ("embedding", 1000, 0.99),
    ],
)
def test_metamers_of_random_weights_match(small, waveforms, layer, least_fall, least_rho):
    config = mm.SynthesisConfig(iterations=200, learning_rate=1e-2, decay_rate=0.5, decay_steps=40)
    result = mm.synthesize(small, layer, waveforms, config)
    metamer = small.activations(result.metamers, [layer])[layer]
    natural = small.activations(waveforms, [layer])[layer]
    rho = mm.spearman(metamer, natural)
    assert (result.losses[0] > least_fall * result.losses[-1]).all(), result.losses[[0, -1]]
    assert rho.min() > max(least_rho, mm.spearman(natural[:1], natural[1:]).max()), rho
