"""What `Network.from_keras` and a network's methods refuse, each in one line with its remedy."""

import logging

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers, ops

from model_metamers.networks.keras_files import load_keras_model
from model_metamers.networks.network import Network

SHAPE = (6,)


def model_of(*parts, shape=SHAPE, dtype=None, name="mine", **options):
    return keras.Sequential([keras.Input(shape, dtype=dtype, **options), *parts], name=name)


def functional(build, shape=SHAPE, dtype=None):
    stimulus = keras.Input(shape, dtype=dtype)
    return keras.Model(stimulus, build(stimulus), name="mine")


def refusal(function, *arguments, **options):
    """Return the one line that a call is refused with."""
    with pytest.raises(ValueError) as error:
        function(*arguments, **options)
    assert "\n" not in str(error.value) and len(str(error.value)) < 500
    return str(error.value)


def refusal_of(model, *arguments, **options):
    return refusal(Network.from_keras, model, *arguments, **options)


def codes(x):
    return ops.cast(ops.argmax(x, axis=-1), "float32")


class WithoutGraph(keras.Model):
    """Computes in `call`."""

    def call(self, x):
        return x


class OverridesCall(keras.Model):
    """Has a graph, and computes something else."""

    def call(self, x):
        return super().call(x / 255)


class Counter(layers.Layer):
    """Responds differently at every call."""

    def build(self, _):
        self.calls = self.add_weight(name="calls", trainable=False, initializer="zeros")

    def call(self, x):
        self.calls.assign_add(1.0)
        return x * self.calls


class Noise(layers.Layer):
    """Adds noise that no layer of Keras' knows of."""

    def call(self, x):
        return x + tf.random.normal(tf.shape(x))


class Sampled(layers.Layer):
    """Adds noise as Keras' own layers do, but always."""

    def __init__(self, **options):
        super().__init__(**options)
        self.generator = keras.random.SeedGenerator(0)

    def call(self, x):
        return x + keras.random.normal(ops.shape(x), seed=self.generator)


class Sign(layers.Layer):
    """Has a gradient, which is zero."""

    def call(self, x):
        return tf.sign(x)


class Fails(layers.Layer):
    """Raises several lines when it gets values."""

    def call(self, x):
        tf.debugging.assert_less(x, 0.0, message="must be negative")
        return x


def test_a_stimulus_times_a_number_is_not_sparse():
    image = keras.Input((4, 4, 3))
    scaled = 10 * image  # for Keras, a sparse tensor
    hidden = keras.layers.Dense(5, activation="relu", name="hidden")(scaled)
    network = Network.from_keras(keras.Model(image, hidden), metamer_layers=["hidden"])
    assert network.describe().gradient.tolist() == ["modified"]


@pytest.mark.parametrize("dtype", ["uint8", "int32", "string", "bool"])
def test_inputs_that_are_not_floats_are_refused(dtype):
    message = refusal_of(keras.Model(*(2 * [keras.Input(SHAPE, dtype=dtype)])))
    assert f"stimuli of {dtype}" in message and "dtype='float32'" in message


def test_models_that_cannot_be_cut_are_refused():
    assert "functional or sequential" in refusal_of(WithoutGraph())
    stimulus = keras.Input(SHAPE)
    assert "no call() of its own" in refusal_of(OverridesCall(stimulus, layers.Dense(2)(stimulus)))
    assert "keras.Input(shape)" in refusal_of(keras.Sequential([layers.Dense(3)]))
    for other in ("my.keras", None, layers.Dense(2)):
        assert "needs a Keras model" in refusal_of(other)
    assert "one input" in refusal_of(keras.Model([stimulus, keras.Input((6,))], stimulus))
    assert "no None" in refusal_of(model_of(layers.Dense(3), shape=(None, 3)))


def test_models_of_tf_keras_are_named_as_such():
    tf_keras = pytest.importorskip("tf_keras")
    old = tf_keras.Sequential([tf_keras.layers.InputLayer((6,)), tf_keras.layers.Dense(2)])
    message = refusal_of(old)
    assert "tf_keras (Keras 2)" in message and "get_weights" in message


@pytest.mark.parametrize(
    "build, remedy",
    [
        (lambda x: layers.Dense(3, name="seen")(layers.Reshape((1,))(codes(x))), "argmax"),
        (
            lambda x: layers.Flatten(name="seen")(layers.Embedding(9, 2)(ops.cast(x, "int32"))),
            "embedding",
        ),
        (lambda x: layers.Dense(2, name="seen")(ops.round(9 * x)), "no gradient"),
        (lambda x: layers.Dense(2, name="seen")(ops.stop_gradient(x)), "no gradient"),
        (lambda x: layers.Dense(2, name="seen")(Sign()(x - 0.5)), "gradient is zero"),
        (lambda x: layers.Discretization([0.2, 0.5], name="seen")(x), "not floats"),
        (lambda x: layers.Lambda(lambda y: y > 0, name="seen")(x), "responds with bool"),
    ],
)  # fmt: skip
def test_a_layer_that_a_gradient_does_not_reach_is_refused(build, remedy):
    message = refusal_of(functional(build), metamer_layers=["seen"])
    assert remedy in message and "seen" in message and "match another layer" in message


def test_the_default_leaves_out_what_a_gradient_does_not_reach(caplog):
    def build(x):
        x = layers.Dense(4, name="first")(x)
        return layers.Dense(2, name="last")(layers.Embedding(9, 2, name="codes")(codes(x)))

    assert Network.from_keras(functional(build)).metamer_layers == ("first",)
    assert "codes, last: sends no gradient" in caplog.text
    none = functional(lambda x: layers.Dense(4, name="codes")(ops.round(x)))
    assert "metamer_layers=" in refusal_of(none)
    assert "no layer has parameters" in refusal_of(model_of(layers.Activation("tanh")))


@pytest.mark.parametrize(
    "build, message",
    [
        (lambda x: layers.Dropout(0.5, name="mc")(x, training=True), "mc with training=True"),
        (lambda x: layers.GaussianNoise(0.1, name="mc")(x, training=True), "mc with"),
        (lambda x: layers.BatchNormalization(name="bn")(x, training=True), "bn with"),
        (lambda x: model_of(layers.Dropout(0.5))(x, training=True), "mine with training=True"),
        (
            lambda x: keras.Model(x, layers.Dropout(0.5, name="on")(x, training=True), name="in")(
                x
            ),
            "in/on with",
        ),
        (Sampled(name="draw"), "state.*in draw"),
        (Counter(name="counter"), "state.*in counter"),
        (Noise(), "differently at a second call.*at dense"),
    ],
)
def test_models_that_answer_differently_from_call_to_call_are_refused(build, message):
    model = functional(lambda x: layers.Dense(3, name="dense")(build(x)))
    before = model.get_weights()
    refused = refusal_of(model)
    assert pytest.approx(before[0]) == model.get_weights()[0]
    assert all(part in refused for part in message.split(".*"))
    assert "rebuild it" in refused


def test_randomness_and_counters_behind_the_matched_layer_are_refused():
    for last, message in ((Noise(), "at a second call"), (Counter(name="counter"), "counter")):
        model = functional(
            lambda x, last=last: layers.Dense(2)(last(layers.Dense(4, name="a")(x)))
        )
        assert message in refusal_of(model, metamer_layers=["a"])


@pytest.mark.parametrize("value", [np.nan, -np.inf])
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_weights_that_are_no_numbers_are_refused(value, dtype):
    model = model_of(layers.Dense(4), layers.Dense(3, dtype=dtype, name="diverged"))
    model.layers[-1].bias.assign([0.0, value, 0.0])
    assert "infinite or not a number in diverged; train or load it again" in refusal_of(model)


@pytest.mark.parametrize("end", [ops.mean, lambda x: ops.argmax(x, axis=-1)])
def test_an_output_without_logits_does_not_keep_its_layers_from_being_matched(end):
    model = functional(lambda x: end(layers.Dense(3, name="dense")(x)))
    assert Network.from_keras(model, metamer_layers=["dense"]).metamer_layers == ("dense",)


def test_rare_randomness_is_refused():
    def rarely(x):
        return x * tf.cast(tf.random.uniform((tf.shape(x)[0], 1)) > 1e-9, tf.float32)

    def in_a_loop(x):
        return tf.while_loop(lambda n, _: n < 2, lambda n, x: (n + 1, rarely(x)), (0, x))[1]

    for draws in (rarely, in_a_loop):
        drawn = layers.Lambda(draws, output_shape=SHAPE)
        model = functional(lambda x, drawn=drawn: layers.Dense(3)(drawn(x)))
        assert "draws random numbers at inference (RandomUniform)" in refusal_of(model)


@pytest.mark.parametrize(
    "couple",
    [
        layers.UnitNormalization(axis=0),
        layers.Softmax(axis=0),
        lambda x: x - ops.mean(x, axis=0, keepdims=True),
        lambda x: x - ops.mean(x),
        lambda x: x / ops.std(x),
        lambda x: x / ops.max(ops.abs(x)),
        lambda x: x - ops.min(x),
    ],
)
@pytest.mark.parametrize("bounds", [(0.0, 1.0), (-1.0, np.inf), (-np.inf, 0.0), None])
@pytest.mark.parametrize("shape", [SHAPE, (3000,)])
def test_stimuli_that_a_model_couples_are_refused(couple, bounds, shape):
    model = functional(lambda x: layers.Dense(3, name="dense")(couple(x)), shape)
    message = refusal_of(model, bounds)
    assert "beside another one, at dense" in message and "(axis=0)" in message


def test_a_layer_that_responds_with_nan_is_left_out(caplog):
    def build(x):
        logarithm = layers.Lambda(lambda x: tf.math.log(x - 100.0), output_shape=(4,))
        return layers.Dense(2, name="last")(logarithm(layers.Dense(4, name="first")(x)))

    model = functional(build)
    assert Network.from_keras(model).metamer_layers == ("first",)
    assert "last: responds with NaN" in caplog.text
    assert "match another layer" in refusal_of(model, metamer_layers=["last"])


def test_the_output_that_labels_come_from_is_said(caplog):
    stimulus = keras.Input(SHAPE)
    outputs = [layers.Dense(n, name=name)(stimulus) for n, name in ((2, "aux"), (5, "classes"))]
    network = Network.from_keras(keras.Model(stimulus, outputs))
    assert network.readout().layer == "aux"
    assert "has 2 outputs: the first, aux, gives its labels" in caplog.text


def test_layers_whose_first_axis_is_not_the_stimuli_are_left_out(caplog):
    def folded(x):
        windows = layers.Dense(4, activation="relu", name="windows")(ops.reshape(x, (-1, 2)))
        return layers.Dense(2, name="last")(ops.reshape(windows, (-1, 12)))

    model = functional(folded)
    assert Network.from_keras(model).metamer_layers == ("last",)
    assert "windows: has 9 rows for 3 stimuli" in caplog.text
    assert "match another layer" in refusal_of(model, metamer_layers=["windows"])
    scalar = functional(lambda x: layers.Dense(2, name="d")(x) + 0 * ops.sum(x))
    assert "couple" in refusal_of(functional(lambda x: layers.Dense(2)(x) + ops.sum(x)))
    assert Network.from_keras(scalar, metamer_layers=["d"]).metamer_layers == ("d",)


def test_layers_that_were_not_asked_for_are_inspected_when_they_are():
    def build(x):
        first = layers.Dense(4, name="first")(x)
        return layers.Dense(2, name="last")(layers.Embedding(9, 2, name="codes")(codes(first)))

    network = Network.from_keras(functional(build), metamer_layers=["first"])
    assert "sends no gradient" in refusal(network.response, "last")


def test_a_name_that_tensorflow_has_no_scope_for_is_refused():
    assert "'my conv'" in refusal_of(model_of(layers.Dense(2, name="my conv")))


def test_a_model_class_that_overrides_its_calls_is_refused():
    class Scaled(keras.Model):
        def __call__(self, x, **options):
            return super().__call__(x / 255, **options)

    x = keras.Input(SHAPE)
    assert "no call() of its own" in refusal_of(Scaled(x, layers.Dense(2)(x)))


def test_the_name_of_an_added_output_is_free():
    shared, x = layers.Dense(6, name="twice"), keras.Input(SHAPE)
    model = keras.Model(x, shared(shared(layers.Dense(6, name="output")(x))))
    assert Network.from_keras(model).metamer_layers == ("output",)


class Block(layers.Layer):
    """Rectifies with what may be more than a function of its values."""

    def __init__(self, activation, apply, **options):
        super().__init__(**options)
        self.activation, self.apply, self.dense = activation, apply, layers.Dense(5)

    def build(self, shape):
        self.dense.build(shape)

    def call(self, x):
        return self.apply(self.activation, self.dense(x))


class CompiledBlock(Block):
    """Keeps what was traced."""

    @tf.function
    def call(self, x):
        return self.activation(self.dense(x))

    def compute_output_shape(self, shape):
        return (*shape[:-1], 5)


@pytest.mark.parametrize(
    "apply",
    [
        lambda relu, z: relu(z, training=False),
        lambda relu, z: relu(z) * (relu.name != ""),
        lambda relu, z: relu.call(z),
    ],
)
def test_a_layer_that_asks_more_of_its_activation_has_the_true_gradient(apply, caplog):
    block = Block(layers.ReLU(), apply, name="block")
    network = Network.from_keras(functional(lambda x: layers.Dense(2)(block(x))))
    assert network.describe().set_index("layer").gradient["block"] == "true"


def test_a_compiled_layer_keeps_its_activation():
    block = CompiledBlock(keras.activations.relu, None, name="block")
    model = functional(lambda x: layers.Dense(3)(block(x)))
    network = Network.from_keras(model, (-1, 1), metamer_layers=["block"])
    stimuli = np.random.default_rng(0).uniform(-1, 1, (40, *SHAPE)).astype(np.float32)
    assert network.describe().gradient[0] == "true"
    assert network.activations(stimuli)["block"].min() == 0


@pytest.mark.parametrize("bounds", [(-3e38, 3e38), (0, 1e300), (1, 1 + 1e-12), (0, 10**400)])
def test_ranges_that_single_precision_cannot_hold_are_refused(bounds):
    assert "stimulus_range" in refusal_of(model_of(layers.Dense(2)), bounds)


def test_augmentation_rests_at_inference():
    augmented = model_of(
        layers.RandomFlip(), layers.RandomRotation(0.1), layers.Conv2D(2, 3, activation="relu"),
        layers.Dropout(0.5), layers.GaussianNoise(0.1), shape=(5, 5, 3),
    )  # fmt: skip
    network = Network.from_keras(augmented)
    images = np.random.default_rng(0).random((2, 5, 5, 3), np.float32)
    expected = augmented.predict(images, verbose=0)
    np.testing.assert_allclose(network.logits(images), expected.reshape(2, -1), atol=1e-6)


@pytest.mark.parametrize("wrap", [lambda layer: layer, layers.Bidirectional])
def test_recurrent_layers_with_state_are_refused(wrap):
    layer = wrap(layers.LSTM(3, stateful=True, name="memory"))
    message = refusal_of(model_of(layer, shape=(5, 2), batch_size=2))
    assert "keeps state between calls" in message and "stateful=False" in message


def test_a_model_that_fails_at_stimuli_in_its_range_is_refused_in_its_own_words():
    message = refusal_of(model_of(Fails(), layers.Dense(3)))
    assert "fails at stimuli [3, 6] inside its stimulus_range" in message
    assert "must be negative" in message


@pytest.mark.parametrize(
    "options, expected",
    [
        ({"stimulus_range": bounds}, "lowest, highest")
        for bounds in [
            (1, 0), (0.5, 0.5), (), (0, 0.5, 1), (float("nan"), 1), ("0", "1"), "01", 1, (None, 1),
            (False, True), (0j, 1),
        ]
    ]
    + [
        ({"metamer_layers": []}, "empty"),
        ({"metamer_layers": "one"}, "list of names"),
        ({"metamer_layers": ["one", "one"]}, "one more than once"),
        ({"metamer_layers": [1]}, "as text; got 1"),
        ({"metamer_layers": 1}, "as text; got 1"),
        ({"metamer_layers": ["one", "three"]}, "no layer 'three'; its layers: .*one, two"),
        ({"metamer_layers": ["one/inner"]}, "no layer 'one/inner'"),
        ({"labels": ["a"]}, "shape (3,); got 1 labels"),
        ({"labels": ["a", "b", 3]}, "as text; got 3"),
        ({"labels": "abc"}, "list of names"),
    ]
    + [
        ({"sample_rate_hz": rate}, "positive whole number")
        for rate in [0, -1, True, "16000", 0.5, float("nan"), float("inf")]
    ],
)  # fmt: skip
def test_arguments_are_checked(options, expected):
    message = refusal_of(
        model_of(layers.Dense(4, name="one"), layers.Dense(3, name="two")), **options
    )
    assert all(part in message for part in expected.split(".*"))


def test_arguments_may_be_of_numpy_and_ranges_half_open():
    model = model_of(layers.Dense(4, name="one"))
    network = Network.from_keras(
        model, np.float32([0, np.inf]), np.array(["one"]), np.array(list("abcd")), np.int64(8000)
    )
    assert network.stimulus_range == (0.0, np.inf) and network.metamer_layers == ("one",)
    assert network.sample_rate_hz == 8000 and network.readout().labels == tuple("abcd")
    for bounds in (None, (-np.inf, 0), (-np.inf, np.inf)):
        Network.from_keras(model, bounds)


def network_of(stimulus_range, shape=SHAPE):
    return Network.from_keras(model_of(layers.Dense(3, name="one"), shape=shape), stimulus_range)


@pytest.mark.parametrize(
    "stimulus_range, values, expected",
    [
        ((0, 1), np.full(6, 255.0), "from 255 to 255. Divide by 255"),
        ((-1, 1), np.full(6, 255.0), "Divide by 127.5 and subtract 1"),
        ((0, 1), np.full(6, -0.1), "in [0, 1]; got values from -0.1"),
        ((0, 1), np.full(6, np.inf), "to inf"),
        ((0, np.inf), np.full(6, -1.0), "in [0, inf]"),
        ((0, 1), np.ones(6, np.uint8), "whole numbers (uint8).*astype('float32') / 255"),
        (None, np.ones(6, np.int16), "of any size; got whole numbers (int16).*/ 32768"),
        ((0, 255), np.full(6, 300), "from 300 to 300"),
        ((0, 1), np.ones(6, complex), "real numbers in [0, 1]; got an array of complex128"),
        ((0, 1), np.ones(6, object), "an array of object"),
        ((0, 1), np.array(["a"] * 6), "an array of <U1"),
        ((0, 1), np.ones(6, bool), "an array of bool"),
        ((0, 1), np.ones(5), "shape [batch, 6]; got [1, 5]"),
        ((0, 1), np.ma.masked_less(np.linspace(0, 1, 6), 0.5), "masked values; fill them"),
    ],
)
def test_stimuli_are_checked(stimulus_range, values, expected):
    message = refusal(network_of(stimulus_range).activations, values[None])
    assert all(part in message for part in expected.split(".*"))


def test_stimuli_without_a_batch_and_ragged_ones_are_refused():
    network = network_of((0, 1))
    assert "stimulus[np.newaxis]" in refusal(network.check_stimuli, np.ones(6))
    assert "got [0, 6]" in refusal(network.check_stimuli, np.ones((0, 6)))
    assert "one array" in refusal(network.check_stimuli, [[1.0], [1.0, 2.0]])
    assert "got []" in refusal(network.check_stimuli, 1.0)
    assert "got [2]" in refusal(network_of((0, 1), (2,)).check_stimuli, np.ones(2))


def test_stimuli_at_the_edge_of_the_range_pass():
    network = network_of((0, 1))
    rounded = network.check_stimuli(np.array([[0, 1, -5e-7, 1 + 5e-7, np.nan, 0.5]]))
    np.testing.assert_array_equal(rounded, np.float32([[0, 1, 0, 1, np.nan, 0.5]]))
    assert network_of((0, 255)).check_stimuli(np.full((1, 6), 255, np.uint8)).dtype == np.float32
    for same in (tf.zeros((1, 6), tf.bfloat16), [[0.0] * 6], np.zeros((1, 6), np.float16)):
        np.testing.assert_array_equal(network.check_stimuli(same), np.zeros((1, 6), np.float32))
    assert np.isinf(network_of(None).check_stimuli(np.full((1, 6), np.inf))).all()
    assert np.isnan(network_of((0, np.inf)).check_stimuli(np.full((1, 6), np.nan))).all()


def test_layers_and_tasks_of_calls_are_checked():
    network, stimuli = network_of((0, 1)), np.zeros((1, 6))
    for named, expected in (
        ([], "layers is empty"), (["one", "one"], "more than once"), ("one", "list of names"),
        (["two"], "no layer 'two'"), ([None], "as text; got None"),
    ):  # fmt: skip
        assert expected in refusal(network.activations, stimuli, named)
    for task in (["native"], 0, "words"):
        assert "tasks: native" in refusal(network.logits, stimuli, task)
    for layer in (3, "two", "", "/", "one/", None):
        told = "no layer" if isinstance(layer, str) else "the name of one layer"
        assert told in refusal(network.response, layer)


def test_ambiguous_layers_are_left_out_and_named(caplog):
    relu, backbone = layers.ReLU(name="reused"), model_of(layers.Dense(6), name="backbone")
    memory = layers.LSTM(4, return_state=True, name="memory")

    def build(x):
        x = relu(layers.Dense(6, name="a")(relu(x)))
        x = backbone(backbone(x))
        return layers.Dense(2, name="b")(memory(layers.Reshape((3, 2))(x))[0])

    with caplog.at_level(logging.WARNING):
        network = Network.from_keras(functional(build))
    assert network.metamer_layers == ("a", "b")
    (line,) = caplog.messages
    for part in (
        "reused",
        "backbone",
        "more than once",
        "memory",
        "several outputs",
        "metamer_layers=",
    ):
        assert part in line
    assert "is applied more than once" in refusal(network.response, "reused")


def test_a_model_that_ends_in_an_ambiguous_layer_still_answers():
    relu = layers.ReLU(name="reused")
    model = functional(lambda x: relu(layers.Dense(4, name="a")(relu(x))))
    network = Network.from_keras(model, (-1, 1), labels=list("abcd"))
    stimuli = np.linspace(-1, 1, 12, dtype=np.float32).reshape(2, 6)
    np.testing.assert_allclose(network.logits(stimuli), model(stimuli), atol=1e-6)


def test_the_true_gradient_is_said_once(caplog):
    recurrent = model_of(layers.LSTM(3, activation="relu", name="memory"), shape=(5, 2))
    network = Network.from_keras(recurrent)
    network.response("memory"), network.response("memory"), network.describe()
    assert [m for m in caplog.messages if "true gradient at memory" in m] == caplog.messages
    assert len(caplog.messages) == 1


def test_the_table_of_layers():
    model = model_of(
        layers.Conv2D(3, 2, activation="relu", name="a"), layers.ReLU(6, name="b"),
        layers.GlobalAveragePooling2D(), layers.Dense(2, name="c"), shape=(4, 4, 1),
    )  # fmt: skip
    table = Network.from_keras(model).describe()
    assert list(table.columns) == ["layer", "shape", "features", "gradient"]
    assert table.values.tolist() == [
        ["a", (3, 3, 3), 27, "modified"], ["b", (3, 3, 3), 27, "modified and clipped"],
        ["c", (2,), 2, "true"],
    ]  # fmt: skip


def test_inspection_leaves_the_model_as_it_was():
    dense = layers.Dense(3, activation="relu", name="a")
    model = functional(lambda x: layers.Dropout(0.5)(dense(x)))
    Network.from_keras(model).response("a")
    assert dense.activation is keras.activations.relu
    assert dense.output.shape == (None, 3)  # one place in one graph


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
def test_a_model_from_a_file_is_the_model(tmp_path, suffix):
    model = model_of(
        layers.Dense(5, activation=tf.nn.relu6, name="a"), layers.Dense(4, activation=tf.nn.relu),
        layers.TimeDistributed(layers.Dense(3, activation="relu"), name="b"), layers.ReLU(),
        layers.Activation(tf.nn.relu), shape=(2, 6),
    )  # fmt: skip
    model.save(tmp_path / f"mine{suffix}")
    original = Network.from_keras(model)
    loaded = Network.from_keras(load_keras_model(tmp_path / f"mine{suffix}"))
    assert loaded.describe().equals(original.describe())
    stimuli = np.random.default_rng(0).random((2, 2, 6), np.float32)
    for layer, expected in original.activations(stimuli).items():
        np.testing.assert_allclose(loaded.activations(stimuli)[layer], expected, atol=1e-6)
        np.testing.assert_allclose(loaded.response(layer)(stimuli), expected, atol=1e-6)


def test_free_standing_relus_survive_a_file(tmp_path):
    model = functional(lambda x: keras.activations.relu(ops.relu(x - 0.5) + 1, max_value=2))
    model.save(tmp_path / "mine.keras")
    loaded = Network.from_keras(load_keras_model(tmp_path / "mine.keras"))
    assert list(loaded.describe().gradient) == ["modified", "modified and clipped"]


@keras.saving.register_keras_serializable("model_metamers_tests", "Known")
class Known(layers.Dense):
    """A registered layer."""


class Unknown(layers.Dense):
    """A layer that is not registered."""


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
def test_files_with_code_are_refused(tmp_path, suffix):
    ran = []
    model_of(layers.Lambda(lambda x: ran.append(1) or x)).save(tmp_path / f"code{suffix}")
    ran.clear()
    assert "Lambda layer" in refusal(load_keras_model, tmp_path / f"code{suffix}")
    assert not ran
    model_of(Unknown(3)).save(tmp_path / f"unknown{suffix}")
    assert "Unknown" in refusal(load_keras_model, tmp_path / f"unknown{suffix}")
    model_of(Known(3)).save(tmp_path / f"known{suffix}")
    assert isinstance(load_keras_model(tmp_path / f"known{suffix}").layers[0], Known)


def test_files_that_are_no_models_are_refused(tmp_path):
    model = model_of(layers.Dense(3))
    model.save(tmp_path / "whole.keras")
    whole = (tmp_path / "whole.keras").read_bytes()
    (tmp_path / "cut.keras").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "page.h5").write_text("<html>")
    (tmp_path / "other.pth").write_text("")
    model.save_weights(tmp_path / "only.weights.h5")
    for name, expected in (
        ("cut.keras", "damaged"), ("page.h5", "damaged"), ("only.weights.h5", "no Keras model"),
        ("other.pth", "does not end in"), ("nothing.keras", "not there"), (".", "a folder"),
    ):  # fmt: skip
        message = refusal(load_keras_model, tmp_path / name)
        assert expected in message and "model.save('name.keras')" in message


def test_a_deep_model_of_coarse_numbers_is_no_random_one():
    keras.utils.set_random_seed(1)
    noisy = keras.initializers.RandomNormal(stddev=0.2)
    parts = [
        layers.Conv2D(16, 3, padding="same", activation="relu", bias_initializer=noisy,
                      dtype="mixed_bfloat16", name=f"c{n}")
        for n in range(6)
    ]  # fmt: skip
    model = model_of(*parts, layers.Flatten(), layers.Dense(5, name="d"), shape=(12, 12, 3))
    assert Network.from_keras(model, metamer_layers=["c5", "d"]).metamer_layers == ("c5", "d")


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16", "float64", "float16"])
def test_activations_are_float32_whatever_a_model_computes_with(policy):
    parts = [
        layers.Dense(5, dtype=policy, activation="relu", name="a"),
        layers.Dense(4, dtype=policy, name="linear"),
        layers.ReLU(3.0, dtype=policy, name="b"),
        layers.Dense(2, dtype=policy, name="c"),
    ]
    network = Network.from_keras(model_of(*parts), (-1, 1))
    assert list(network.describe().gradient) == [
        "modified",
        "true",
        "modified and clipped",
        "true",
    ]
    stimuli = np.random.default_rng(0).uniform(-1, 1, (3, 6)).astype(np.float32)
    for layer, values in network.activations(stimuli).items():
        response = network.response(layer)(stimuli)
        assert values.dtype == np.float32 and response.dtype == tf.float32
        np.testing.assert_allclose(response, values, rtol=0, atol=1e-2 * np.abs(values).max())
