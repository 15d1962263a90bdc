"""Networks: architecture against the published feature counts, and the wrapper's behaviour."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from model_metamers.networks import catalog, identity, resnet
from model_metamers.networks.network import Network, initialise
from model_metamers.paper import load_table
from model_metamers.stimuli.images import load_image

FULL_SIZE = ("vgg_19", "inception_v3", "resnet_v2_101")
IMAGES = tuple(
    name for name in catalog.list_networks() if catalog.catalog_entry(name).sample_rate_hz is None
)
SMALL = tuple(
    name for name in IMAGES if catalog.catalog_entry(name).identity.scale == identity.SMALL
)

# The two counts of Table S5 that do not follow from the architecture (ledger rows 3 and 4).
EXPLAINED = {
    ("inception_v3", "Mixed_7c"): 8 * 8 * 2048,
    ("inception_v3", "Conv2d_2b_3x3"): 147 * 147 * 64,
}


@pytest.fixture(scope="module", params=FULL_SIZE)
def full_size(request, architecture):
    return architecture(request.param)


def test_feature_counts_are_those_of_table_s5(full_size):
    table = load_table("table_s5_visual")
    published = table[table.network == full_size.name].set_index("layer").n_features
    assert list(full_size.metamer_layers) == list(published.index)
    for layer, count in full_size.feature_counts().items():
        assert count == EXPLAINED.get((full_size.name, layer), published[layer]), layer


def test_the_published_mixed_7c_count_appends_the_nested_branches_twice():
    table = load_table("table_s5_visual").set_index(["network", "layer"]).n_features
    branches = [320, 384 + 768, 384 + 768, 192]
    assert table["inception_v3", "Mixed_7c"] == 8 * 8 * sum(branches)


def test_the_published_conv2d_2b_count_is_that_of_conv2d_2a(architecture):
    network = architecture("inception_v3")
    conv2d_2a = int(np.prod(network.tensor("Conv2d_2a_3x3").shape[1:]))
    table = load_table("table_s5_visual").set_index(["network", "layer"]).n_features
    assert table["inception_v3", "Conv2d_2b_3x3"] == conv2d_2a == 147 * 147 * 32


def test_parameter_counts_are_those_of_keras_own_networks(full_size):
    """keras.applications documents them for 1000 classes; two of ours have a background class."""
    published = {"vgg_19": 143_667_240, "inception_v3": 23_851_784, "resnet_v2_101": 44_675_560}
    background = 0 if full_size.name == "vgg_19" else 2048 + 1
    assert full_size.model.count_params() == published[full_size.name] + background


def test_resnet_sums_have_no_relu_and_conv_layers_have(full_size):
    without = {
        "vgg_19": {"fc8"},
        "inception_v3": {"Logits"},
        "resnet_v2_101": set(resnet.METAMER_LAYERS),
    }
    for layer in full_size.metamer_layers:
        is_relu = isinstance(full_size.model.get_layer(layer), keras.layers.ReLU)
        assert is_relu == (layer not in without[full_size.name]), layer


@pytest.mark.parametrize("name", SMALL)
def test_small_networks_have_the_same_layers_and_fewer_units_per_pixel_with_depth(
    name, architecture
):
    entry, network = catalog.catalog_entry(name), architecture(name)
    original = entry.identity.base
    assert entry.metamer_layers == catalog.catalog_entry(original).metamer_layers
    counts, n_values = list(network.feature_counts().values()), np.prod(network.stimulus_shape)
    assert 80 <= network.stimulus_shape[0] <= 128
    assert counts[0] > 2 * n_values and counts[-2] < 0.1 * n_values


@pytest.mark.parametrize("name", catalog.list_networks())
def test_every_catalogued_network_builds_with_its_layers_and_readouts(name, architecture):
    entry, network = catalog.catalog_entry(name), architecture(name)
    assert list(network.feature_counts()) == list(entry.metamer_layers)
    logits = [network.tensor(readout.layer).shape for readout in entry.readouts.values()]
    assert [tuple(output.shape) for output in network.model.outputs] == [
        (None, *shape[1:]) for shape in logits
    ]
    assert len(network.stimulus_shape) == (3 if name in IMAGES else 1)
    assert network.stimulus_range == ((0.0, 1.0) if name in IMAGES else None)


def test_unknown_names_list_the_valid_ones(small_model):
    with pytest.raises(ValueError, match=r"unknown network 'vgg_20'; choose from: vgg_19, "):
        catalog.load_network("vgg_20")
    with pytest.raises(ValueError, match=r"no layer 'fc9'; metamer layers: .*hidden"):
        Network.from_keras(small_model).activations(np.zeros((1, 12, 12, 3)), ["fc9"])
    with pytest.raises(ValueError, match="tasks: native"):
        Network.from_keras(small_model).logits(np.zeros((1, 12, 12, 3)), task="words")


def test_missing_weights_say_how_to_get_them(checkpoints_folder):
    with pytest.raises(ValueError, match=r"vgg_19\.ckpt.*python -m model_metamers fetch vgg_19"):
        catalog.load_network("vgg_19")
    command = r"train_small\.py --networks=inception_v3_small_seed1,"
    with pytest.raises(ValueError, match=rf"inception_v3_small_seed1\.npz.*{command}"):
        catalog.load_network("inception_v3_small_seed1")


def test_fresh_weights_depend_on_the_seed_alone():
    first, again, other = (
        catalog.load_network("vgg_19_small", weights=None, seed=seed).model.get_weights()
        for seed in (0, 0, 1)
    )
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert not np.array_equal(first[0], other[0])
    assert abs(first[0].std() - np.sqrt(2 / 27)) < 0.02  # He: 3 x 3 x 3 inputs per unit


def test_fresh_logits_of_every_head_start_ten_times_smaller(model_to_change):
    x = model_to_change.get_layer("hidden").output
    second = keras.layers.Dense(7, name="second")(x)
    model = keras.Model(
        model_to_change.input, [model_to_change.output, keras.layers.Softmax()(second)]
    )
    initialise(model, 0)
    for name, scale in (("hidden", 1.0), ("classes", 0.1), ("second", 0.1)):
        relative = model.get_layer(name).kernel.numpy().std() / (scale * np.sqrt(2 / 16))
        assert 0.75 < relative < 1.25, name  # 16 inputs; 80 draws or more


def test_from_keras_activations_are_those_of_the_model(small_model, images):
    network = Network.from_keras(small_model)
    expected = keras.Model(small_model.input, small_model.get_layer("joined").output)(images)
    actual = network.activations(images, ["joined"])["joined"]
    np.testing.assert_allclose(actual, expected, rtol=1e-6)
    np.testing.assert_allclose(network.logits(images), small_model(images), rtol=1e-5, atol=1e-6)
    assert network.stimulus_shape == (12, 12, 3) and network.stimulus_range == (0.0, 1.0)


def test_activations_do_not_depend_on_the_number_of_stimuli(small_model, images):
    network = Network.from_keras(small_model)
    many = np.concatenate([images] * 10)  # more than one batch
    whole = network.activations(many, ["hidden"])["hidden"]
    np.testing.assert_allclose(whole[-4:], network.activations(images)["hidden"], atol=1e-6)


@pytest.mark.parametrize(
    "layer, expected",
    [("fused", True), ("separate", True), ("hidden", True), ("joined", False), ("classes", False)],
)
def test_the_gradient_is_modified_where_the_matched_layer_is_a_relu(
    small_model, images, layer, expected
):
    """Units that are off pass a gradient only through the modified ReLU."""
    network = Network.from_keras(small_model)
    stimuli = tf.constant(images)

    def gradient(modified):
        with tf.GradientTape() as tape:
            tape.watch(stimuli)
            response = network.response(layer, modified)(stimuli)
            off = tf.cast(response <= 0, tf.float32)
            value = tf.reduce_sum(response * off)
        return tape.gradient(value, stimuli).numpy()

    np.testing.assert_allclose(
        network.response(layer, True)(stimuli), network.response(layer, False)(stimuli), atol=1e-6
    )
    assert np.any(gradient(True) != gradient(False)) == expected


def test_a_relu_below_the_matched_layer_keeps_its_true_gradient():
    image = keras.Input((2, 2, 1))
    below = keras.layers.ReLU(name="below")(image - 1.0)  # off for every image
    model = keras.Model(image, keras.layers.ReLU(name="matched")(below + 1.0))
    stimuli = tf.fill((1, 2, 2, 1), 0.5)
    with tf.GradientTape() as tape:
        tape.watch(stimuli)
        response = Network.from_keras(model).response("matched")(stimuli)
    assert np.all(tape.gradient(response, stimuli).numpy() == 0)


@pytest.mark.parametrize("kind", ["separate", "fused", "concatenation"])
def test_a_clipped_relu_is_a_relu_with_a_limit(kind):
    image = keras.Input((2, 2, 3))
    scale = {"kernel_initializer": "ones", "bias_initializer": keras.initializers.Constant(-3.0)}
    if kind == "fused":
        x = keras.layers.Dense(4, activation="relu6", name="clipped", **scale)(image)
    else:
        x = keras.layers.Dense(4, **scale)(image)
        name = "clipped" if kind == "separate" else None
        x = keras.layers.ReLU(6, name=name)(x)
    if kind == "concatenation":
        x = keras.layers.Concatenate(name="clipped")([x, x])
    network = Network.from_keras(keras.Model(image, x))
    assert ("clipped" in network.metamer_layers) == (kind != "concatenation")
    stimuli = tf.stack([tf.fill((2, 2, 3), value) for value in (0.5, 2.0, 9.0)])
    slopes = []
    for modified in (True, False):
        with tf.GradientTape() as tape:
            tape.watch(stimuli)
            response = network.response("clipped", modified)(stimuli)
        np.testing.assert_allclose(response[:, 0, 0, 0], [0, 3, 6])
        slopes.append(tape.gradient(response, stimuli)[:, 0, 0, 0].numpy())
    units = response.shape[-1]
    np.testing.assert_array_equal(slopes, [[units] * 3, [0, units, 0]])


def test_relus_of_different_limits_are_not_treated_as_one():
    image = keras.Input((2, 2, 3))
    branches = [keras.layers.ReLU(limit)(image) for limit in (None, 6)]
    model = keras.Model(image, keras.layers.Concatenate(name="joined")(branches))
    stimuli = tf.fill((1, 2, 2, 3), -1.0)
    with tf.GradientTape() as tape:
        tape.watch(stimuli)
        network = Network.from_keras(model, metamer_layers=["joined"])
        response = network.response("joined")(stimuli)
    assert not tape.gradient(response, stimuli).numpy().any()


def test_sequential_models_work(images):
    model = keras.Sequential(
        [keras.Input((12, 12, 3)), keras.layers.Conv2D(4, 3, activation="relu", name="c"),
         keras.layers.Flatten(), keras.layers.Dense(3, name="d")]
    )  # fmt: skip
    network = Network.from_keras(model)
    assert network.metamer_layers == ("c", "d")
    assert network.activations(images)["c"].shape == (4, 10, 10, 4)


def test_layers_of_a_nested_model_are_named_by_path(small_model, images):
    outer = keras.Sequential([keras.Input((12, 12, 3)), keras.layers.Rescaling(0.5), small_model])
    network = Network.from_keras(outer)
    assert "small_model/separate" in network.metamer_layers
    for layer in ("fused", "separate", "joined"):
        inner = Network.from_keras(small_model).activations(images / 2, [layer])[layer]
        name = f"small_model/{layer}"
        np.testing.assert_allclose(network.activations(images, [name])[name], inner, atol=1e-6)
        np.testing.assert_allclose(network.response(name)(images), inner, atol=1e-6)


def test_a_shared_layer_is_refused():
    image = keras.Input((4, 4, 3))
    shared = keras.layers.Conv2D(3, 1, name="shared")
    model = keras.Model(image, shared(shared(image)))
    with pytest.raises(ValueError, match="'shared' is applied more than once"):
        Network.from_keras(model, metamer_layers=["shared"])


def test_labels_must_fit_the_output(small_model):
    assert Network.from_keras(small_model, labels=list("abcde")).readout().labels == tuple("abcde")
    with pytest.raises(ValueError, match=r"shape \(5,\); got 2 labels"):
        Network.from_keras(small_model, labels=["a", "b"])


def test_models_without_a_graph_or_with_several_inputs_are_refused():
    class Subclassed(keras.Model):
        def call(self, x):
            return x

    with pytest.raises(ValueError, match="functional or sequential"):
        Network.from_keras(Subclassed())
    two = [keras.Input((3,)), keras.Input((3,))]
    with pytest.raises(ValueError, match="one input"):
        Network.from_keras(keras.Model(two, keras.layers.Add()(two)))
    anysize = keras.Input((None, None, 3))
    with pytest.raises(ValueError, match="fixed size"):
        Network.from_keras(keras.Model(anysize, keras.layers.ReLU()(anysize)))


def test_only_the_part_up_to_the_matched_layer_runs(model_to_change, images):
    initialise(model_to_change, 0)
    response = Network.from_keras(model_to_change).response("hidden")
    model_to_change.get_layer("classes").kernel.assign(np.full((16, 5), np.nan, np.float32))
    assert np.isfinite(response(tf.constant(images)).numpy()).all()


def test_a_concatenation_of_relus_is_treated_as_one_relu():
    """relu(concat) = concat(relu): branches with fused ReLUs, as in SqueezeNet's fire modules."""
    image = keras.Input((2, 2, 3))
    branches = [keras.layers.Conv2D(4, 1, activation="relu", name=name)(image) for name in "ab"]
    model = keras.Model(image, keras.layers.Concatenate(name="fire")(branches))
    for layer in model.layers[1:3]:
        layer.set_weights([np.ones((1, 1, 3, 4), np.float32), np.full(4, -10.0, np.float32)])
    stimuli = tf.fill((1, 2, 2, 3), 0.5)
    for modified, expected in ((True, 8.0), (False, 0.0)):
        with tf.GradientTape() as tape:
            tape.watch(stimuli)
            response = Network.from_keras(model).response("fire", modified)(stimuli)
        assert np.all(response.numpy() == 0)
        assert np.all(tape.gradient(response, stimuli).numpy() == expected)


@keras.saving.register_keras_serializable("model_metamers_tests")
class RgbToCaffe(keras.layers.Layer):
    """RGB in [0, 1] to BGR in 0..255 minus ImageNet's mean, which SqueezeNet's weights expect."""

    def call(self, rgb):
        return rgb[..., ::-1] * 255.0 - tf.constant([103.939, 116.779, 123.68])


def squeezenet(weights, size_px=128):
    """SqueezeNet 1.1 up to its last fire module, with published ImageNet weights (Keras, HDF5)."""

    def convolution(x, name, channels, side, stride=1, padding="same"):
        layer = keras.layers.Conv2D(
            channels, side, stride, padding, activation="relu", name=name.replace("/", "_")
        )
        y = layer(x)
        arrays = [weights[name][w] for w in weights[name].attrs["weight_names"]]
        layer.set_weights([np.array(array) for array in arrays])
        return y

    image = keras.Input((size_px, size_px, 3))
    x = convolution(RgbToCaffe()(image), "conv1", 64, 3, 2, "valid")
    x = keras.layers.MaxPooling2D(3, 2)(x)
    for index, squeezed in enumerate([16, 16, 32, 32, 48, 48, 64, 64], start=2):
        x = convolution(x, f"fire{index}/squeeze1x1", squeezed, 1)
        expanded = [
            convolution(x, f"fire{index}/expand{side}x{side}", 4 * squeezed, side)
            for side in (1, 3)
        ]
        x = keras.layers.Concatenate(name=f"fire{index}")(expanded)
        if index in (3, 5):
            x = keras.layers.MaxPooling2D(3, 2)(x)
    return keras.Model(image, x, name="squeezenet")


@pytest.mark.slow
def test_metamers_of_squeezenet_with_imagenet_weights_on_photographs(shared_data):
    """A real pretrained network with fused ReLUs and branches, through the public interface."""
    import h5py

    import model_metamers as mm

    with h5py.File(shared_data / "weights" / "squeezenet_1_1_imagenet_notop.h5") as weights:
        model = squeezenet(weights)
    network = mm.Network.from_keras(model, metamer_layers=["conv1", "fire4", "fire9"])
    files = sorted((shared_data / "images16").glob("*"))[:60:20]
    photographs = np.stack([load_image(file, 128) for file in files])
    config = mm.SynthesisConfig(iterations=200, learning_rate=0.02, decay_rate=0.5, decay_steps=50)
    for layer, least in (("conv1", 0.9), ("fire4", 0.8)):
        result = mm.synthesize(network, layer, photographs, config)
        rho = mm.spearman(
            network.activations(result.metamers, [layer])[layer],
            network.activations(photographs, [layer])[layer],
        )
        null = mm.null_distribution(network, layer, photographs)
        assert rho.min() > max(least, null.maximum), (layer, rho, null.maximum)


def test_settings_of_keras_do_not_reach_networks_of_the_catalogue():
    image = np.random.default_rng(0).random((1, 96, 96, 3), np.float32)
    expected = catalog.load_network("vgg_19_small").activations(image, ["fc7"])["fc7"]
    keras.config.set_dtype_policy("mixed_float16")
    keras.config.set_image_data_format("channels_first")
    try:
        network = catalog.load_network("vgg_19_small")
        assert keras.config.dtype_policy().name == "mixed_float16"
        assert keras.config.image_data_format() == "channels_first"
        np.testing.assert_array_equal(network.activations(image, ["fc7"])["fc7"], expected)
    finally:
        keras.config.set_dtype_policy("float32")
        keras.config.set_image_data_format("channels_last")
