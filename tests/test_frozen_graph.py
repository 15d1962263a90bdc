"""Weights out of frozen graphs: what is taken, and what damaged and hostile files cannot do."""

import hashlib
import re

import keras
import numpy as np
import pytest
import tensorflow as tf

from model_metamers.networks import checkpoints, frozen_graph

KERNEL = np.arange(12, dtype=np.float32).reshape(3, 4)
BIAS = np.arange(4, dtype=np.float32)


@pytest.fixture
def model():
    stimulus = keras.Input((3,))
    return keras.Model(stimulus, keras.layers.Dense(4, name="fc")(stimulus), name="small")


def add_constant(graph, name, values, was_variable=True):
    node = graph.node.add(name=name, op="Const")
    node.attr["dtype"].type = tf.as_dtype(values.dtype).as_datatype_enum
    node.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(values))
    if was_variable:
        graph.node.add(name=f"{name}/read", op="Identity", input=[name])
    return node.attr["value"].tensor


def graph_of(kernel=KERNEL, bias=BIAS):
    graph = tf.compat.v1.GraphDef()
    add_constant(graph, "fc/weights", kernel)
    add_constant(graph, "fc/biases", bias)
    return graph


def load(model, content, tmp_path):
    path = tmp_path / "frozen.pb"
    if isinstance(content, tf.compat.v1.GraphDef):
        content = content.SerializeToString()
    path.write_bytes(content)
    return checkpoints.load_weights(model, path, "")


def refuse(model, content, tmp_path, message):
    """Check that loading fails in one line that names the file, and changes nothing."""
    before = model.get_weights()
    with pytest.raises(ValueError, match=message) as error:
        load(model, content, tmp_path)
    assert re.search(r"frozen\.pb", str(error.value)) and "\n" not in str(error.value)
    for now, then in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(now, then)


def test_constants_that_were_variables_are_the_weights(model, tmp_path):
    graph = graph_of()
    add_constant(graph, "Reshape/shape", np.int32([-1, 3]), was_variable=False)
    add_constant(graph, "fc/batch_norm/Const", np.ones(4, np.float32), was_variable=False)
    graph.node.add(name="fc/MatMul", op="MatMul", input=["stimulus", "fc/weights/read"])
    sha256 = load(model, graph, tmp_path)
    assert sha256 == hashlib.sha256((tmp_path / "frozen.pb").read_bytes()).hexdigest()
    np.testing.assert_array_equal(model.get_layer("fc").kernel, KERNEL)
    np.testing.assert_array_equal(model.get_layer("fc").bias, BIAS)


def test_no_operation_of_the_graph_runs(model, tmp_path):
    """TensorFlow itself would refuse the graph: it does not know the operation."""
    graph = graph_of()
    graph.node.add(name="bomb", op="NoSuchOperation", input=["fc/weights/read"])
    load(model, graph, tmp_path)
    np.testing.assert_array_equal(model.get_layer("fc").bias, BIAS)


def test_missing_and_unexpected_weights_are_named(model, tmp_path):
    graph = graph_of()
    graph.node[0].name, graph.node[1].name = "gc/weights", "gc/weights/read"
    graph.node[1].input[0] = "gc/weights"
    refuse(model, graph, tmp_path, r"missing: fc/weights; unexpected: gc/weights$")


@pytest.mark.parametrize("kernel", [KERNEL.T, KERNEL[:2], KERNEL[..., None]])
def test_other_shapes_are_told(kernel, model, tmp_path):
    message = rf"of another shape: fc/weights {re.escape(str(list(kernel.shape)))} instead of"
    refuse(model, graph_of(kernel=np.ascontiguousarray(kernel)), tmp_path, message)


@pytest.mark.parametrize("sizes", [(1 << 40, 1 << 20), (3, -4), (3, 4, 1 << 62)])
def test_claimed_sizes_take_no_memory(sizes, model, tmp_path):
    graph = graph_of()
    tensor = graph.node[0].attr["value"].tensor
    tensor.ClearField("tensor_content")
    tensor.float_val.append(1.0)
    tensor.tensor_shape.Clear()
    for size in sizes:
        tensor.tensor_shape.dim.add(size=size)
    refuse(model, graph, tmp_path, "of another shape: fc/weights")


@pytest.mark.parametrize(
    "values", [KERNEL.astype(np.float64), KERNEL.astype(np.int32), KERNEL.astype(str)]
)
def test_other_types_are_told(values, model, tmp_path):
    refuse(model, graph_of(kernel=values), tmp_path, r"a weight is not of float32")


@pytest.mark.parametrize("n_bytes", [4, 44, 52])
def test_values_that_do_not_fill_their_shape_are_told(n_bytes, model, tmp_path):
    graph = graph_of()
    tensor = graph.node[0].attr["value"].tensor
    tensor.tensor_content = (tensor.tensor_content * 2)[:n_bytes]
    refuse(model, graph, tmp_path, "truncated, damaged or no file of weights")


def test_two_weights_of_one_name_are_told(model, tmp_path):
    graph = graph_of()
    add_constant(graph, "fc/weights", KERNEL)
    refuse(model, graph, tmp_path, "the weight fc/weights occurs twice")


@pytest.mark.parametrize(
    "content",
    [b"", b" ", b"<html>Sign in to the network</html>", b"\0" * 1000, b"\x0a\xff\xff\xff\xff\x07"],
    ids=["empty", "almost empty", "a page", "zeros", "a node of 2 GB"],
)
def test_files_that_are_no_graph_are_told(content, model, tmp_path):
    refuse(model, content, tmp_path, "truncated, damaged or no file of weights|a web page")


def test_a_graph_cut_anywhere_is_told(model, tmp_path):
    content = graph_of().SerializeToString()
    for n_bytes in range(0, len(content), 7):
        refuse(model, content[:n_bytes], tmp_path, "truncated, damaged or no file|does not fit")


def test_a_file_too_large_is_not_read(model, tmp_path):
    with (tmp_path / "frozen.pb").open("wb") as file:
        file.truncate(frozen_graph.MAX_BYTES + 1)
    with pytest.raises(ValueError, match="16777217 bytes are too many for a frozen graph"):
        checkpoints.load_weights(model, tmp_path / "frozen.pb", "")
