"""keras.applications as networks: the same function of an image, with layers to match."""

import sys

import keras
import numpy as np
import pandas as pd
import pytest
from PIL import Image

import model_metamers as mm
from model_metamers.networks import applications

MOBILENET = {"alpha": 0.25, "input_shape": (64, 64, 3)}

# The layers, before the logits, of those that are used most.
TABLES = {
    "VGG16": "block1_conv2 block2_conv2 block3_conv3 block4_conv3 block5_conv3 fc1 fc2",
    "VGG19": "block1_conv2 block2_conv2 block3_conv4 block4_conv4 block5_conv4 fc1 fc2",
    "InceptionV3": "activation activation_2 activation_3 activation_4 mixed2 mixed7 mixed10 "
    "avg_pool",
    "ResNet50": "conv1_relu conv2_block3_out conv3_block4_out conv4_block6_out conv5_block3_out "
    "avg_pool",
    "ResNet101V2": "conv1_conv conv2_block3_out conv3_block4_out conv4_block23_out "
    "conv5_block3_out post_relu avg_pool",
    "MobileNet": "conv1_relu conv_pw_1_relu conv_pw_3_relu conv_pw_5_relu conv_pw_11_relu "
    "conv_pw_13_relu global_average_pooling2d",
    "MobileNetV2": "Conv1_relu expanded_conv_project_BN block_2_add block_5_add block_12_add "
    "block_15_add out_relu global_average_pooling2d",
    "EfficientNetB0": "stem_activation block1a_project_bn block2b_add block3b_add block4c_add "
    "block5c_add block6d_add block7a_project_bn top_activation avg_pool",
    "DenseNet121": "conv1_relu conv2_block6_concat conv3_block12_concat conv4_block24_concat "
    "conv5_block16_concat relu avg_pool",
    "ConvNeXtTiny": "convnext_tiny_stem add_2 add_5 add_14 add_17 convnext_tiny_head_gap",
}
OTHERS = sorted(set(applications.list_applications()) - set(TABLES))


def wrapped(name, size_px=96):
    return mm.Network.from_keras_application(name, weights=None, input_shape=(size_px, size_px, 3))


@pytest.fixture(scope="module", params=[".weights.h5", ".h5"])
def mobilenet_file(tmp_path_factory, request):
    """Random weights of a narrow MobileNet, batch norms included, and the model they are of."""
    model = keras.applications.MobileNet(weights=None, classifier_activation=None, **MOBILENET)
    generator = np.random.default_rng(0)
    for variable in model.weights:
        if variable.name.endswith(("gamma", "variance")):
            variable.assign(generator.uniform(0.5, 1.5, variable.shape))
        elif variable.name in ("beta", "moving_mean"):
            variable.assign(generator.normal(0, 0.1, variable.shape))
    path = tmp_path_factory.mktemp("keras") / f"mobilenet{request.param}"
    model.save(path) if request.param == ".h5" else model.save_weights(path)
    return model, path


def as_keras_sees(name, images):
    module = sys.modules[getattr(keras.applications, name).__module__]
    return module.preprocess_input(255 * images.astype(np.float32))


def modules():
    return {getattr(keras.applications, n).__module__: n for n in applications.list_applications()}


@pytest.mark.parametrize("name", modules().values())
def test_the_preprocessing_is_that_of_keras(name):
    image = keras.Input((3, 4, 3))
    preprocessed = applications._preprocessed(image, getattr(keras.applications, name))
    images = np.random.default_rng(0).random((2, 3, 4, 3), np.float32)
    np.testing.assert_allclose(
        keras.Model(image, preprocessed)(images), as_keras_sees(name, images), atol=1e-4
    )


def test_a_network_computes_what_the_application_does(mobilenet_file):
    model, path = mobilenet_file
    network = mm.Network.from_keras_application("MobileNet", weights=path, **MOBILENET)
    assert network.name == "MobileNet" and network.stimulus_range == (0.0, 1.0)
    assert network.readout().layer == "predictions" and list(network.readouts) == ["imagenet"]
    assert len(network.weights_sha256) == 64
    images = np.random.default_rng(0).random((2, *network.stimulus_shape), np.float32)
    expected = model(as_keras_sees("MobileNet", images)).numpy()
    assert expected.std() > 1e-3
    np.testing.assert_allclose(
        network.logits(images), expected, atol=1e-5 * np.abs(expected).max()
    )


@pytest.mark.slow
def test_weights_with_a_preprocessing_of_their_own_are_read(tmp_path):
    arguments = {"input_shape": (32, 32, 3), "classes": 7}
    model = keras.applications.EfficientNetB0(
        weights=None, classifier_activation=None, **arguments
    )
    path = tmp_path / "efficientnet.weights.h5"
    model.save_weights(path)
    network = mm.Network.from_keras_application("EfficientNetB0", weights=path, **arguments)
    images = np.random.default_rng(0).random((2, 32, 32, 3), np.float32)
    expected = model(255 * images).numpy()
    np.testing.assert_allclose(network.logits(images, "native"), expected, rtol=1e-3, atol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("name", TABLES)
def test_the_default_layers_are_those_of_the_table(name):
    network = wrapped(name)
    output = network.model.layers[-1].name
    assert network.metamer_layers == (*TABLES[name].split(), output)
    match_a_few_steps(network)


@pytest.mark.long
@pytest.mark.parametrize("name", OTHERS)
def test_every_other_application_is_matched_at_the_ends_of_its_blocks(name):
    network = wrapped(name)
    counts = list(network.feature_counts().values())
    assert len(counts) >= 5 and counts[-1] == 1000
    maps = [network.tensor(layer).shape for layer in network.metamer_layers]
    sides = [shape[1] for shape in maps if len(shape) == 4]
    assert sides == sorted(sides, reverse=True)
    match_a_few_steps(network)


def match_a_few_steps(network):
    layer = network.metamer_layers[0]
    images = np.random.default_rng(0).random((1, *network.stimulus_shape), np.float32)
    result = mm.synthesize(network, layer, images, mm.SynthesisConfig(iterations=3))
    assert list(result.status) == ["finished"]
    assert (result.losses[-1] > 0).all() and (result.losses[-1] < result.losses[0]).all()


def test_names_do_not_depend_on_what_was_made_before():
    first, second = (
        mm.Network.from_keras_application("MobileNetV3Small", None, input_shape=(64, 64, 3))
        for _ in range(2)
    )
    names = [[operation.name for operation in n.model.operations] for n in (first, second)]
    assert names[0] == names[1] and "activation_1" in names[0] and "activation" in names[0]
    assert first.model.get_layer("activation") is not None


def test_parts_and_other_layers_can_be_chosen():
    network = mm.Network.from_keras_application("MobileNet", None, include_top=False, **MOBILENET)
    assert network.metamer_layers[-1] == "conv_pw_13_relu" and list(network.readouts) == ["native"]
    network = mm.Network.from_keras_application(
        "MobileNet", None, metamer_layers=["conv_dw_2"], **MOBILENET
    )
    assert network.metamer_layers == ("conv_dw_2",)


@pytest.mark.filterwarnings("ignore:Skipping nested container")
def test_mistakes_are_told_in_one_line(mobilenet_file, tmp_path, monkeypatch):
    def refused(reason, *arguments, **named):
        with pytest.raises(ValueError, match=reason) as error:
            mm.Network.from_keras_application(*arguments, **named)
        assert "\n" not in str(error.value)

    _, path = mobilenet_file
    refused(r"no 'MobileNetV9'; choose from: .*MobileNetV2", "MobileNetV9")
    refused(r"no 'Sequential'; choose from", "Sequential")
    refused(r"cannot make MobileNet .* argument 'size'", "MobileNet", None, size=3)
    refused("takes no input_tensor", "MobileNet", None, input_tensor=1)
    refused("takes no include_preprocessing", "ConvNeXtTiny", None, include_preprocessing=False)
    refused(r"no file .*absent\.h5; give the path", "MobileNet", tmp_path / "absent.h5")
    for weights in (5, False, b"imagenet", [np.zeros(3)], np.zeros(3)):
        refused("weights must be 'imagenet', the path of a file, or None", "MobileNet", weights)
    for shape in (64, "abc", (64, 64), (64.0, 64.0, 3), (-64, 64, 3), (None, None, 3)):
        refused("input_shape must be three whole numbers", "MobileNet", None, input_shape=shape)
    refused(
        "no layer 'x'; of its layers, usual ones are: conv1_relu, ", "MobileNet", None,
        metamer_layers=["x"], **MOBILENET,
    )  # fmt: skip
    wider = MOBILENET | {"alpha": 0.5}
    refused("cannot make MobileNet with weights", "MobileNet", path, **wider)
    (tmp_path / "damaged.h5").write_bytes(path.read_bytes()[:1000])
    refused(
        "cannot make MobileNet with weights", "MobileNet", tmp_path / "damaged.h5", **MOBILENET
    )

    def unreachable(*_, **__):
        raise Exception("URL fetch failure on https://somewhere: None -- [Errno -2] unknown")

    monkeypatch.setattr(keras.utils, "get_file", unreachable)
    monkeypatch.setattr("keras.src.utils.file_utils.get_file", unreachable)
    refused(r"URL fetch failure .*; or pass the path of a file", "MobileNet", alpha=0.25)


def centre_square(file, size_px):
    """Resize bicubically, as these weights were tried: bilinearly they recognise .58."""
    with Image.open(file) as photograph:
        side = min(photograph.size)
        left, top = (photograph.width - side) // 2, (photograph.height - side) // 2
        square = photograph.convert("RGB").crop((left, top, left + side, top + side))
    resized = square.resize((size_px, size_px), Image.Resampling.BICUBIC)
    return np.asarray(resized, np.float32) / 255


@pytest.mark.slow
def test_photographs_are_recognised_with_published_weights(shared_data):
    path = shared_data.parent / "published" / "mobilenet_v1_0.25_224.h5"
    if not path.exists():
        pytest.skip("needs the optional file ../shared/published/mobilenet_v1_0.25_224.h5")
    network = mm.Network.from_keras_application("MobileNet", weights=path, alpha=0.25)
    table = pd.read_csv(shared_data / "images16.csv").dropna(subset="index0")
    photographs = np.stack([centre_square(shared_data / file, 224) for file in table.file])
    correct = network.logits(photographs, "imagenet").argmax(axis=1) == table.index0
    assert len(correct) == 155 and correct.mean() >= 0.60
