"""Steps compiled with XLA, as they are where there is a GPU. XLA compiles for CPUs as well."""

from collections.abc import Callable

import keras
import numpy as np
import pytest
import tensorflow as tf

from model_metamers.frontends.cochleagram import Cochleagram
from model_metamers.frontends.erb import CochleagramConfig
from model_metamers.frontends.log_mel import LogMelConfig
from model_metamers.frontends.mfcc import MfccConfig
from model_metamers.networks import deepspeech, vggish, word_cnn
from model_metamers.networks.network import Network, initialise
from model_metamers.synthesis import SynthesisConfig, synthesize
from model_metamers.synthesis.config import SOLVERS

COCHLEAGRAM = CochleagramConfig(
    sample_rate_hz=8000, n_samples=8000, envelope_rate_hz=100,
    high_hz=3600.0, n_filters=6, sample_factor=1,
)  # fmt: skip
# Small versions, one of each front end.
BUILDERS: dict[str, Callable] = {
    "word_reduced_aliasing": lambda: word_cnn.word_reduced_aliasing(
        {"word": 5}, 1 / 16, COCHLEAGRAM
    ),
    "vggish": lambda: vggish.vggish(1 / 16, LogMelConfig(n_samples=16_000)),
    "deepspeech": lambda: deepspeech.deepspeech(1 / 64, MfccConfig(n_samples=16_000)),
}


@pytest.fixture
def a_gpu_in_sight(monkeypatch):
    """What asks for GPUs is told of one; what is computed stays on the CPU."""
    count = tf.config.list_logical_devices
    monkeypatch.setattr(
        tf.config,
        "list_logical_devices",
        lambda kind=None: ["a GPU"] if kind == "GPU" else count(kind),
    )


@pytest.mark.parametrize(
    "name",
    [
        "vggish",
        pytest.param("word_reduced_aliasing", marks=pytest.mark.long),
        pytest.param("deepspeech", marks=pytest.mark.long),
    ],
)
def test_compiled_steps_take_the_way_of_the_others(name, request):
    def synthesized():
        model = BUILDERS[name]()
        initialise(model, seed=0)
        last_layer = model.layers[-1].name
        network = Network.from_keras(model, None, metamer_layers=[last_layer])
        sound = 0.1 * np.random.default_rng(0).standard_normal((1, *network.stimulus_shape))
        config = SynthesisConfig(iterations=2, learning_rate=1e-2)
        return synthesize(network, last_layer, sound.astype(np.float32), config)

    expected = synthesized()
    request.getfixturevalue("a_gpu_in_sight")
    compiled = synthesized()
    assert list(compiled.status) == ["finished"]
    np.testing.assert_allclose(compiled.losses, expected.losses, rtol=1e-3)
    assert compiled.losses[-1] != compiled.losses[0]


def test_bands_that_are_not_divided_have_the_same_envelopes(request):
    """On CPUs neighbouring bands are divided among threads; where there is a GPU they are not."""
    noise = np.random.default_rng(0).standard_normal((1, 40_000)).astype(np.float32)
    divided = Cochleagram()(noise)
    request.getfixturevalue("a_gpu_in_sight")
    np.testing.assert_allclose(Cochleagram()(noise), divided, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("solver", SOLVERS)
def test_every_replica_compiles_its_own_steps(solver, small_model, images, two_replicas, request):
    config = SynthesisConfig(iterations=3, learning_rate=1e-2, solver=solver)
    expected = synthesize(Network.from_keras(small_model), "hidden", images[:3], config)
    request.getfixturevalue("a_gpu_in_sight")
    with two_replicas.scope():
        copy = keras.models.clone_model(small_model)
        copy.set_weights(small_model.get_weights())
        network = Network.from_keras(copy)
    compiled = synthesize(network, "hidden", images[:3], config, two_replicas)
    np.testing.assert_allclose(compiled.metamers, expected.metamers, atol=1e-5)
