"""The authors' TF1 checkpoints, written here by tf.layers as their code does, against ours."""

import warnings
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import tensorflow as tf
from tf_keras.src.legacy_tf_layers import convolutional, core, normalization, pooling

import model_metamers as mm
from model_metamers.frontends.erb import CochleagramConfig
from model_metamers.networks import catalog
from model_metamers.networks.word_cnn_checkpoint import variables_by_name

v1 = tf.compat.v1
WIDTH = 1 / 8
COCHLEAGRAM = CochleagramConfig(
    sample_rate_hz=8000, n_samples=8000, envelope_rate_hz=100,
    high_hz=3600.0, n_filters=12, sample_factor=2,
)  # fmt: skip
SHAPE = (COCHLEAGRAM.n_bands, COCHLEAGRAM.n_frames, 1)
CHANNELS = [16, 32, 64, 128, 64]  # the full ones times WIDTH, as multiples of 8
KERNELS = [(7, 14), (4, 8), (2, 5), (2, 5), (2, 5)]
TASKS = {
    "word_aliased": {"word": 794},
    "word_reduced_aliasing": {"word": 794},
    # The heads are numbered in the order of the tasks' paths, here the reverse of ours.
    "word_audioset_reduced_aliasing": {"audioset": 517, "word": 794},
}
BATCH_NORMS = ("batch_norm_coch", "batch_norm_0", "batch_norm_1")


def dense_hanning(x, stride):
    """Hanning pooling as released: a convolution whose C x C kernel is nearly all zeros."""
    window = np.hanning(4 * stride)
    window = np.outer(window, window) / window.sum() ** 2
    kernel = np.einsum("hw,cd->hwcd", window, np.eye(x.shape[-1]))
    return tf.nn.conv2d(x, kernel.astype(np.float32), stride, "SAME")


def released_graph(name):
    """Return (input, end points) of a word network, built as the released code builds it."""
    aliased = name == "word_aliased"
    x = cochleagram = v1.placeholder(tf.float32, (None, *SHAPE))
    ends = {}
    with v1.variable_scope("brain_network"):
        for k, (channels, kernel) in enumerate(zip(CHANNELS, KERNELS, strict=True)):
            stride = (3, 2, 1, 1, 1)[k]
            if k < 3:
                x = normalization.batch_normalization(x, name=BATCH_NORMS[k], training=False)
            x = convolutional.conv2d(
                x, channels, kernel, stride if aliased else 1, "same", name=f"conv_{k}"
            )
            x = ends[f"conv_{k}"] = tf.nn.relu(x)
            if k < 2 and not aliased:
                x = ends[f"pool_{k}"] = dense_hanning(x, stride)
            if k == 4:
                x = pooling.average_pooling2d(x, (2, 5), 2, padding="same")
            elif k < 2:
                max_pool = partial(pooling.max_pooling2d, pool_size=(2, 5), strides=2)
                x = max_pool(x, padding="same") if aliased else dense_hanning(x, 2)
        x = core.dense(core.flatten(x), 512, name="fc_intermediate")
        x = ends["fc_intermediate"] = tf.nn.relu(x)
        for number, (task, n_classes) in enumerate(TASKS[name].items()):
            ends[task] = core.dense(x, n_classes, name=f"fc_top_{number}")
    return cochleagram, ends


def random_value(name, shape, generator):
    """Return values that keep activations of order one; positive variances and scales."""
    if name.endswith(("moving_variance", "gamma")):
        return generator.uniform(0.5, 2, shape)
    return generator.standard_normal(shape) / np.sqrt(max(np.prod(shape[:-1]), 1))


def write_checkpoint(path, name, cochleagrams, version="V2", change=lambda variables: variables):
    """Write what training leaves behind, with random values; return the graph's activations.

    `change` turns name -> variable, as the released code saves them, into what is saved instead.
    """
    generator = np.random.default_rng(0)
    with warnings.catch_warnings(), tf.Graph().as_default(), v1.Session() as session:
        warnings.simplefilter("ignore", UserWarning)  # tf.layers is deprecated
        cochleagram, ends = released_graph(name)
        v1.get_variable("cochlear_network/filters", (3,))
        step = v1.train.get_or_create_global_step()
        v1.train.AdamOptimizer().minimize(tf.add_n(list(map(tf.nn.l2_loss, ends.values()))), step)
        session.run(v1.global_variables_initializer())
        variables = {variable.op.name: variable for variable in v1.global_variables()}
        assignments = [
            variable.assign(random_value(variable_name, tuple(variable.shape), generator))
            for variable_name, variable in variables.items()
            if variable_name.startswith("brain_network/")
        ]
        session.run(assignments)
        saver = v1.train.Saver(
            change(variables), write_version=getattr(v1.train.SaverDef, version)
        )
        saver.save(session, str(path), write_meta_graph=False, write_state=False)
        return session.run(ends, {cochleagram: cochleagrams})


@pytest.fixture(autouse=True)
def small_networks(monkeypatch):
    """Make the catalogue's networks small; their code and the names in it stay as they are."""
    for name in TASKS:
        entry = catalog.catalog_entry(name)
        build = partial(entry.build, widths=WIDTH, cochleagram=COCHLEAGRAM)
        small = replace(entry.blueprint, build=build)
        monkeypatch.setitem(catalog.CATALOG, name, replace(entry, load=lambda small=small: small))


@pytest.fixture
def waveforms():
    return 0.1 * np.random.default_rng(1).standard_normal((2, 8000)).astype(np.float32)


@pytest.fixture
def cochleagrams(waveforms):
    network = mm.load_network("word_aliased", weights=None)
    return network.activations(waveforms, ["cochleagram"])["cochleagram"][..., np.newaxis]


@pytest.mark.parametrize(
    ("name", "version"),
    [
        ("word_aliased", "V1"),
        pytest.param("word_aliased", "V2", marks=pytest.mark.long),
        ("word_reduced_aliasing", "V2"),
        ("word_audioset_reduced_aliasing", "V2"),
    ],
)
def test_every_layer_is_that_of_the_released_graph(
    name, version, waveforms, cochleagrams, tmp_path
):
    path = tmp_path / "model.ckpt-350000"
    expected = write_checkpoint(path, name, cochleagrams, version)
    assert path.exists() == (version == "V1")  # V2 is a prefix of several files
    network = mm.load_network(name, weights=path)
    assert len(network.weights_sha256) == 64
    activations = network.activations(waveforms, network.metamer_layers[1:-1])
    assert len(activations) == 6
    activations |= {task: network.logits(waveforms, task) for task in TASKS[name]}
    for layer, values in activations.items():
        error = np.linalg.norm(values - expected[layer]) / np.linalg.norm(expected[layer])
        assert error < 1e-5, (layer, error)  # float32, and a depthwise for a dense convolution


def test_the_names_are_those_of_the_released_code():
    model = catalog.catalog_entry("word_audioset_reduced_aliasing").build()
    shapes = {
        "brain_network/first/moving_mean": (1,),
        "brain_network/second/moving_mean": (16,),
        "brain_network/third/moving_mean": (32,),
        "brain_network/fc_top_0/bias": (517,),
        "brain_network/fc_top_1/bias": (794,),
    }
    names = {
        name.removeprefix("brain_network/"): variable.path
        for name, variable in variables_by_name(model, shapes).items()
    }
    assert names["second/gamma"] == "conv_1.normalised/gamma"
    assert names["fc_top_0/kernel"] == "logits_audioset/kernel"
    assert names["fc_top_1/kernel"] == "logits/kernel"
    convolutions = {f"conv_{k}/{part}" for k in range(5) for part in ("kernel", "bias")}
    batch_norms = {
        f"{name}/{part}"
        for name in ("first", "second", "third")
        for part in ("gamma", "beta", "moving_mean", "moving_variance")
    }
    dense = {
        f"{name}/{part}"
        for name in ("fc_intermediate", "fc_top_0", "fc_top_1")
        for part in ("kernel", "bias")
    }
    assert set(names) == convolutions | batch_norms | dense


def test_a_misfit_shows_every_name_found_and_expected(cochleagrams, tmp_path):
    def in_other_words(variables):
        return {name.replace("conv_", "convolution"): v for name, v in variables.items()}

    path = tmp_path / "model.ckpt-1"
    write_checkpoint(path, "word_aliased", cochleagrams, change=in_other_words)
    with pytest.raises(ValueError, match="does not fit") as error:
        mm.load_network("word_aliased", weights=path)
    for k in range(5):
        for part in ("kernel", "bias"):
            assert f"brain_network/conv_{k}/{part}" in str(error.value)
            assert f"brain_network/convolution{k}/{part}" in str(error.value)
    assert "more" not in str(error.value) and "\n" not in str(error.value)
    assert "Adam" not in str(error.value) and "cochlear" not in str(error.value)


def test_a_batch_norm_that_cannot_be_told_is_named(cochleagrams, tmp_path):
    def without_one(variables):
        return {name: v for name, v in variables.items() if f"/{BATCH_NORMS[1]}/" not in name}

    path = tmp_path / "model.ckpt-1"
    write_checkpoint(path, "word_aliased", cochleagrams, change=without_one)
    with pytest.raises(
        ValueError, match=r"missing: brain_network/\(a batch norm of 16 channels\)/"
    ):
        mm.load_network("word_aliased", weights=path)


def test_another_number_of_tasks_is_a_misfit(cochleagrams, tmp_path):
    path = tmp_path / "model.ckpt-1"
    write_checkpoint(path, "word_audioset_reduced_aliasing", cochleagrams)
    with pytest.raises(ValueError, match="unexpected: brain_network/fc_top_0/bias, "):
        mm.load_network("word_reduced_aliasing", weights=path)


@pytest.mark.parametrize("name", ["word_aliased", "word_reduced_aliasing"])
def test_the_published_checkpoint_is_the_default(name, checkpoints_folder):
    command = f"python -m model_metamers fetch {name}"
    with pytest.raises(ValueError, match=rf"no file .*{name}\.ckpt; .*{command}"):
        mm.load_network(name)
