"""The paper's networks with the weights of keras.applications: they compute what Keras' do."""

import sys
from dataclasses import replace
from functools import partial

import keras
import numpy as np
import pytest

from model_metamers.networks import applications, catalog, keras_weights

APPLICATIONS = {
    "vgg_19": "VGG19", "inception_v3": "InceptionV3", "resnet_v2_101": "ResNet101V2",
}  # fmt: skip
# A layer of ours and the one that Keras has in its place, besides the logits.
INNER = {
    "vgg_19": ("conv3_4", "block3_conv4"),
    "inception_v3": ("Mixed_6e", "mixed7"),
    "resnet_v2_101": ("block2", "conv3_block4_out"),
}


# Small: full-size VGG-19 takes a gigabyte. Odd where padding depends on it.
SIZES_PX = {"vgg_19": 64, "inception_v3": 97, "resnet_v2_101": 97}


@pytest.fixture
def small(monkeypatch):
    """Both networks at the sizes above; Keras wants to know VGG's before it reads the weights."""
    monkeypatch.setitem(applications._SIZES_PX, "VGG19", SIZES_PX["vgg_19"])
    for name, twin in keras_weights._TWINS.items():
        build = partial(twin.build, size_px=SIZES_PX[name])
        monkeypatch.setitem(keras_weights._TWINS, name, replace(twin, build=build))


def with_random_weights(name):
    """Return Keras' application with nothing at its default."""
    size_px = SIZES_PX[name]
    model = getattr(keras.applications, APPLICATIONS[name])(
        weights=None, input_shape=(size_px, size_px, 3), classifier_activation=None
    )
    generator = np.random.default_rng(0)
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            # A variance as small as this shows what epsilon is.
            low, high = (1e-4, 1e-3) if layer.name.startswith("conv2_block1") else (0.15, 0.45)
            layer.moving_variance.assign(generator.uniform(low, high, layer.beta.shape))
            layer.moving_mean.assign(generator.normal(0, 0.1, layer.beta.shape))
            layer.beta.assign(generator.normal(0, 0.1, layer.beta.shape))
        elif getattr(layer, "bias", None) is not None:
            layer.bias.assign(generator.normal(0, 0.02, layer.bias.shape))
    return model


def coarse_images(size_px):
    """Two images of coarse blocks of colour: deep layers tell them apart."""
    block = np.arange(size_px) * 4 // size_px
    return np.random.default_rng(1).random((2, 4, 4, 3), np.float32)[:, block][:, :, block]


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    ["vgg_19", "inception_v3", pytest.param("resnet_v2_101", marks=pytest.mark.long)],
)
def test_our_graph_with_keras_weights_computes_what_keras_does(name, small, tmp_path):
    model = with_random_weights(name)
    path = tmp_path / ("w.h5" if name == "inception_v3" else "w.weights.h5")
    model.save(path) if path.name == "w.h5" else model.save_weights(path)
    network = catalog.load_network(name, weights=path)
    path.unlink()
    ours, theirs = INNER[name]
    stages = keras.Model(model.input, [model.get_layer(theirs).output, model.output])
    images = coarse_images(network.stimulus_shape[0])
    module = sys.modules[getattr(keras.applications, APPLICATIONS[name]).__module__]
    preprocessed = module.preprocess_input(255 * images)
    expected = dict(zip((ours, "logits"), stages(preprocessed), strict=True))
    actual = network.activations(images, [ours]) | {"logits": network.logits(images, "imagenet")}
    for layer, values in expected.items():
        values = values.numpy()
        assert np.linalg.norm(values[0] - values[1]) > 0.01 * np.linalg.norm(values[0]), layer
        error = np.abs(actual[layer] - values).max() / np.abs(values).max()
        assert error <= 1e-5, (layer, error)
    assert len(network.weights_sha256) == 64
    assert network.readout("imagenet").class_offset == 0
    assert network.logits(images[:1]).shape == (1, 1000)
    assert network.metamer_layers == catalog.catalog_entry(name).metamer_layers


def test_published_weights_come_by_keras_own_downloader(monkeypatch):
    asked = []

    def application(**arguments):
        asked.append(arguments["weights"])
        raise OSError("no network here")

    application.__module__ = keras.applications.VGG19.__module__
    monkeypatch.setattr(keras.applications, "VGG19", application)
    with pytest.raises(ValueError, match="cannot make VGG19 with weights=imagenet: no network"):
        catalog.load_network("vgg_19", weights="keras")
    assert asked == ["imagenet"]


def test_other_networks_have_no_keras_weights():
    with pytest.raises(ValueError, match="no weights for vgg_19_small, but for vgg_19, incep"):
        catalog.load_network("vgg_19_small", weights="keras")


def test_a_missing_file_is_told(tmp_path):
    with pytest.raises(ValueError, match=r"no file .*absent\.h5; give the path of VGG19's"):
        catalog.load_network("vgg_19", weights=tmp_path / "absent.h5")
