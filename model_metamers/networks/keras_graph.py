"""Tensors of a Keras graph by layer name, and the one in front of a layer's ReLU.

A layer inside a nested model is named with its path, "backbone/conv5" (Keras allows no slash in a
name). All tensors are symbolic and belong to the outer model's graph, so
`keras.Model(model.inputs, tensor)` cuts the model off there.
"""

from collections.abc import Callable, Iterator
from typing import Any

import keras

Node = Any  # Keras' record of one application of an operation; its class is not public

_FUSED_RELU_LIMITS = {keras.activations.relu: float("inf"), keras.activations.relu6: 6.0}


def default_layers(model: keras.Model) -> list[str]:
    """Return the layers with parameters and the ReLUs, from the input upwards."""
    return [
        name
        for name, operation in _walk(model)
        if getattr(operation, "weights", None) or _relu_limit(operation) is not None
    ]


def output_of(model: keras.Model, name: str) -> keras.KerasTensor:
    """Return a layer's output.

    Raises:
        KeyError: there is no such layer.
        ValueError: the layer is applied more than once or has several outputs, so that its name
            does not stand for one tensor.
    """
    node, lift = _locate(model, name)
    return lift(node.outputs[0])


def before_relu_of(model: keras.Model, name: str) -> tuple[keras.KerasTensor, float] | None:
    """Return the input of a layer's ReLU and the largest value that the ReLU lets through.

    The value is infinite but for clipped ReLUs, min(max(x, 0), limit). None where the layer does
    not end in a ReLU.

    Raises:
        KeyError: there is no such layer.
        ValueError: as `output_of`.
    """
    node, lift = _locate(model, name)
    found = _before_relu(node)
    return None if found is None else (lift(found[0]), found[1])


def final_layer(model: keras.Model) -> str:
    """Return the name of the layer that makes the model's (first) output."""
    return model.outputs[0]._keras_history.operation.name


def heads(model: keras.Model) -> list[keras.Operation]:
    """Return the last layer with a kernel before each output, where there is one.

    Layers without a kernel (softmax, reshaping) may follow it.
    """
    found = [_last_with_kernel(output) for output in model.outputs]
    return [operation for operation in found if operation is not None]


def _last_with_kernel(tensor: keras.KerasTensor) -> keras.Operation | None:
    node = _node_of(tensor)
    while getattr(node.operation, "kernel", None) is None:
        if not node.input_tensors:
            return None
        node = _node_of(node.input_tensors[0])
    return node.operation


def _walk(model: keras.Model, prefix: str = "") -> Iterator[tuple[str, keras.Operation]]:
    for operation in getattr(model, "operations", model.layers):
        if isinstance(operation, keras.Model):
            yield from _walk(operation, f"{prefix}{operation.name}/")
        else:
            yield prefix + operation.name, operation


def _locate(model: keras.Model, name: str) -> tuple[Node, Callable]:
    """Return a layer's node, and the function that carries its tensors into the outer graph."""
    head, _, rest = name.partition("/")
    node = _only_node(model, head)
    if not rest:
        return node, lambda tensor: tensor
    inner_node, lift = _locate(node.operation, rest)
    inner_input, outer_input = node.operation.inputs[0], node.input_tensors[0]
    return inner_node, lambda tensor: keras.Model(inner_input, lift(tensor))(outer_input)


def _only_node(model: keras.Model, name: str) -> Node:
    """Return the one application of a layer in this model; other models may share the layer."""
    graph = getattr(model, "_functional", model)  # a Sequential model keeps its graph inside
    nodes = [
        node
        for nodes_at_depth in graph._nodes_by_depth.values()
        for node in nodes_at_depth
        if node.operation.name == name
    ]
    if not nodes:
        raise KeyError(name)
    if len(nodes) > 1:
        raise ValueError(f"layer {name!r} is applied more than once; match a layer after it")
    if len(nodes[0].outputs) > 1:
        raise ValueError(f"layer {name!r} has several outputs; match a layer with one")
    return nodes[0]


def _relu_limit(operation: keras.Operation) -> float | None:
    """Return the largest value that a ReLU lets through, or None for other operations."""
    if isinstance(operation, keras.layers.ReLU):
        if operation.negative_slope or operation.threshold:
            return None
        return float("inf") if operation.max_value is None else float(operation.max_value)
    return _FUSED_RELU_LIMITS.get(getattr(operation, "activation", None))


def _before_relu(node: Node) -> tuple[keras.KerasTensor, float] | None:
    """Return the tensor in front of the node's ReLU, in the graph the node is in, and its limit.

    A fused ReLU has no such tensor, so the layer is applied once more, without its activation. A
    concatenation of ReLUs is the ReLU of a concatenation.
    """
    operation = node.operation
    if isinstance(operation, keras.layers.Concatenate):
        branches = [_before_relu(_node_of(tensor)) for tensor in node.input_tensors]
        limits = {branch and branch[1] for branch in branches}
        if len(limits) > 1 or None in limits:
            return None
        tensors = [tensor for tensor, _ in branches]
        return keras.layers.Concatenate(axis=operation.axis)(tensors), limits.pop()
    limit = _relu_limit(operation)
    if limit is None:
        return None
    if isinstance(operation, keras.layers.ReLU):
        return node.input_tensors[0], limit
    config = operation.get_config() | {"activation": "linear", "name": f"{operation.name}.linear"}
    linear = type(operation).from_config(config)
    tensor = linear(node.input_tensors[0])
    linear.set_weights(operation.get_weights())
    return tensor, limit


def _node_of(tensor: keras.KerasTensor) -> Node:
    operation, node_index, _ = tensor._keras_history
    return operation._inbound_nodes[node_index]
