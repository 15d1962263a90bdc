"""Our image networks against TF-Slim's own graphs, on checkpoints that TF-Slim writes.

Random weights and batch-norm statistics leave nothing at its default, so a wrong name, stride,
padding or epsilon shows. Measured errors are below 2e-6: float32 rounding over some 100 layers.
"""

import numpy as np
import pytest

from model_metamers.networks import checkpoints, inception, resnet, slim_reference, vgg
from model_metamers.networks.catalog_entry import Readout
from model_metamers.networks.network import Network

TOLERANCE = 1e-4
MODULES = {"vgg_19": vgg, "inception_v3": inception, "resnet_v2_101": resnet}
CHECKPOINT_FORMATS = {"vgg_19": "V2", "inception_v3": "V1", "resnet_v2_101": "V2"}

pytestmark = pytest.mark.filterwarnings("ignore:`layer.apply` is deprecated")


@pytest.fixture(scope="module")
def checkpoint(request, tmp_path_factory):
    """A network's name and a checkpoint TF-Slim wrote; up to 0.6 GB, so removed at once."""
    name = request.param
    directory = tmp_path_factory.mktemp(name)
    path = directory / f"{name}.ckpt"
    slim_reference.write_random_checkpoint(name, path, seed=0, format=CHECKPOINT_FORMATS[name])
    yield name, path
    for file in directory.iterdir():
        file.unlink()


@pytest.fixture(scope="module", autouse=True)
def each_graph_of_tf_slim_is_built_once():
    """What it answers depends on nothing but these arguments, and building takes seconds."""
    answers, compute = {}, slim_reference.reference_activations

    def kept(name, path, stimuli):
        key = (name, path, stimuli.tobytes())
        if key not in answers:
            answers[key] = compute(name, path, stimuli)
        return answers[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(slim_reference, "reference_activations", kept)
        yield


def loaded_network(name, path, **size):
    module = MODULES[name]
    model = getattr(module, name)(**size)
    checkpoints.load_weights(model, path, module.SLIM_SCOPE)
    readouts = {"imagenet": Readout(module.METAMER_LAYERS[-1])}
    return Network(name, model, module.METAMER_LAYERS, (0.0, 1.0), readouts)


def random_images(network):
    """Two images of coarse blocks of colour under fine noise: different at every scale."""
    size_px = network.stimulus_shape[0]
    generator = np.random.default_rng(1)
    block = np.arange(size_px) * 4 // size_px
    coarse = generator.random((2, 4, 4, 3), np.float32)[:, block][:, :, block]
    return 0.7 * coarse + 0.3 * generator.random(coarse.shape, np.float32)


@pytest.mark.slow
@pytest.mark.parametrize("checkpoint", MODULES, indirect=True)
def test_every_metamer_layer_agrees_at_full_size(checkpoint):
    name, path = checkpoint
    network = loaded_network(name, path)
    images = random_images(network)
    errors = slim_reference.compare(network, path, images)
    assert tuple(errors) == network.metamer_layers
    assert max(errors.values()) <= TOLERANCE, errors
    # Agreement would say little about activations that are dead, huge or the same for every image.
    for layer, (first, second) in network.activations(images).items():
        assert 0.1 < first.std() < 1000, layer
        assert np.linalg.norm(first - second) > 0.01 * np.linalg.norm(first), layer


# TF-Slim's VGG-19 takes 224 px only: its fc6 is a 7x7 convolution.
@pytest.mark.long
@pytest.mark.parametrize("checkpoint", ["inception_v3", "resnet_v2_101"], indirect=True)
def test_every_metamer_layer_agrees_at_the_small_networks_size(checkpoint):
    # 299 is odd at every stride and 96 is even: they are padded differently.
    name, path = checkpoint
    network = loaded_network(name, path, size_px=96)
    errors = slim_reference.compare(network, path, random_images(network))
    assert max(errors.values()) <= TOLERANCE, errors


@pytest.mark.slow
@pytest.mark.parametrize("checkpoint", ["inception_v3"], indirect=True)
def test_two_interchanged_vectors_do_not_pass(checkpoint):
    name, path = checkpoint
    network = loaded_network(name, path, size_px=96)
    variables = checkpoints.checkpoint_variables(network.model, inception.SLIM_SCOPE)
    branch = "InceptionV3/Mixed_7c/Branch_1"
    first = variables[f"{branch}/Conv2d_0b_1x3/BatchNorm/beta"]
    second = variables[f"{branch}/Conv2d_0c_3x1/BatchNorm/beta"]
    values = first.numpy()
    first.assign(second.numpy())
    second.assign(values)
    errors = slim_reference.compare(network, path, random_images(network))
    assert errors["Mixed_6e"] <= TOLERANCE
    assert errors["Mixed_7c"] > 100 * TOLERANCE


def test_unknown_names_list_the_valid_ones(tmp_path):
    with pytest.raises(ValueError, match=r"vgg_99.*vgg_19, inception_v3, resnet_v2_101"):
        slim_reference.write_random_checkpoint("vgg_99", tmp_path / "x", seed=0)
    with pytest.raises(ValueError, match=r"'V1' or 'V2'; got 'V3'"):
        slim_reference.write_random_checkpoint("vgg_19", tmp_path / "x", seed=0, format="V3")
