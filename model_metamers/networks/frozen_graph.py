"""Weights out of a frozen graph: TensorFlow 1's GraphDef with variables turned into constants.

Freezing replaces a variable by a Const node of its name and keeps the Identity node "<name>/read"
that read it; that tells weights from other constants (shapes, epsilons). The graph is parsed and
never run. Whoever reads an array asks for one whose shape fits first: a file may claim any shape.

Source: tensorflow/python/framework/convert_to_constants.py.
"""

from pathlib import Path

import numpy as np
import tensorflow as tf

# The largest file read: parsing takes many times its size. The networks here have 2 MB.
MAX_BYTES = 16 << 20


def stored_weights(path: Path) -> dict[str, tf.compat.v1.AttrValue]:
    """Return variable name -> the constant that holds its value.

    Args:
        path: file of a serialized GraphDef.

    Raises:
        ValueError: a file too large, or without weights, or with two of one name.
        google.protobuf.message.DecodeError: no GraphDef.
    """
    n_bytes = path.stat().st_size
    if n_bytes > MAX_BYTES:
        raise ValueError(f"{n_bytes} bytes are too many for a frozen graph, {MAX_BYTES} the most")
    graph = tf.compat.v1.GraphDef.FromString(path.read_bytes())
    reads = {(node.name, *node.input) for node in graph.node if node.op == "Identity"}
    weights = {}
    for node in graph.node:
        if node.op != "Const" or (f"{node.name}/read", node.name) not in reads:
            continue
        if node.name in weights:
            raise ValueError(f"the weight {node.name} occurs twice")
        weights[node.name] = node.attr["value"]
    if not weights:
        raise ValueError("no constant in it was a variable")
    return weights


def shape_of(weight: tf.compat.v1.AttrValue) -> tuple[int, ...]:
    """Return the shape that a constant claims to have."""
    return tuple(dimension.size for dimension in weight.tensor.tensor_shape.dim)


def values_of(weight: tf.compat.v1.AttrValue) -> np.ndarray:
    """Return a constant's values, which take as much memory as its shape says.

    Raises:
        ValueError: its values are no float32, or too few or too many for its shape.
    """
    if weight.tensor.dtype != tf.float32.as_datatype_enum:
        raise ValueError("a weight is not of float32")
    return tf.make_ndarray(weight.tensor)
