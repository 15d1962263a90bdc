"""Tensors of a Keras graph by layer name.

A layer inside a sub-model is named with its path, "backbone/conv5" (Keras allows no slash in a
name). All tensors are symbolic and belong to the outer model's graph, so
`keras.Model(model.inputs, tensor)` cuts the model off there.
"""

import inspect
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import keras

Node = Any  # Keras' record of one application of an operation; its class is not public


def graph_of(operation: keras.Operation) -> keras.Model | None:
    """Return the graph that a functional or sequential model runs; None for anything else.

    A model that computes by a `call` of its own has none, whatever it was made from.
    """
    if not isinstance(operation, keras.Model):
        return None
    graph = getattr(operation, "_functional", operation)  # of a Sequential model, inside it
    of_class = (getattr(type(operation), name) for name in ("call", "__call__"))
    runs_graph = all(getattr(each, "__module__", "").startswith("keras.") for each in of_class)
    return graph if runs_graph and hasattr(graph, "_nodes_by_depth") else None


def named_nodes(model: keras.Model, prefix: str = "") -> Iterator[tuple[str, Node, str]]:
    """Yield every layer and operation, those of sub-models included, from the input upwards.

    Args:
        model: a model with a graph.
        prefix: path of the model inside an outer one.

    Yields:
        (name, its (first) application, why the name does not stand for one tensor; "" where it
        does). A sub-model that is applied several times stands for its layers.
    """
    graph: Any = graph_of(model)
    nodes = _nodes_by_name(graph)
    for operation in graph.operations:
        applied = nodes[operation.name]
        if graph_of(operation) is not None and len(applied) == 1:
            yield from named_nodes(operation, f"{prefix}{operation.name}/")
        else:
            yield prefix + operation.name, applied[0], _ambiguity(applied)


def node_named(model: keras.Model, name: str) -> Node:
    """Return the one application of a layer, in the graph of the (sub-)model it is in.

    Raises:
        KeyError: there is no such layer.
        ValueError: the name does not stand for one tensor.
    """
    node = _node_named(model, str(name))
    if node is None:
        raise KeyError(name)
    return node


def _node_named(model: keras.Model, name: str) -> Node | None:
    head, slash, rest = name.partition("/")
    graph = graph_of(model)
    nodes = [] if graph is None else _nodes_by_name(graph).get(head, [])
    if slash and len(nodes) == 1:
        return _node_named(nodes[0].operation, rest)
    if nodes and (ambiguity := _ambiguity(nodes)):
        raise ValueError(f"layer {head!r} {ambiguity}; match a layer before or after it")
    return nodes[0] if nodes else None


def outputs_of(model: keras.Model, names: Iterable[str]) -> dict[str, keras.KerasTensor]:
    """Return layer -> its output.

    Raises:
        KeyError: there is no such layer.
        ValueError: a name does not stand for one tensor.
    """
    return lifted(model, {name: node_named(model, name).outputs[0] for name in names})


def lifted(
    model: keras.Model, tensors: Mapping[str, keras.KerasTensor]
) -> dict[str, keras.KerasTensor]:
    """Carry tensors of sub-models' graphs into the model's own.

    Args:
        model: the outer model.
        tensors: layer -> a tensor in the graph the layer is in. A sub-model is run once for all
            of its layers.

    Returns:
        Layer -> the same value in the graph of `model`.
    """
    found = {}
    inside: dict[str, dict[str, keras.KerasTensor]] = {}
    for name, tensor in tensors.items():
        head, slash, rest = name.partition("/")
        if slash:
            inside.setdefault(head, {})[rest] = tensor
        else:
            found[name] = tensor
    for head, inner in inside.items():
        (node,) = _nodes_by_name(graph_of(model))[head]
        inner = lifted(node.operation, inner)
        outer = applied_as(node, list(inner.values()))
        found |= {f"{head}/{rest}": tensor for rest, tensor in zip(inner, outer, strict=True)}
    return {name: found[name] for name in tensors}


def applied_as(node: Node, tensors: list[keras.KerasTensor]) -> list[keras.KerasTensor]:
    """Return tensors inside a sub-model as they are where `node` applies it."""
    graph: Any = graph_of(node.operation)
    part = keras.Model(graph.input, tensors)
    return keras.tree.flatten(part(*node.arguments.args, **node.arguments.kwargs))


def node_of(tensor: keras.KerasTensor) -> Node:
    """Return the application of an operation that makes a tensor."""
    operation, node_index, _ = tensor._keras_history
    return operation._inbound_nodes[node_index]


def forced_into_training(model: keras.Model, prefix: str = "") -> list[str]:
    """Return the layers called with training=True although inference is their default.

    Keras calls whole models with training=False, which then overrides what a layer was given.
    Augmentation layers, which train by default, just rest at inference.
    """
    graph: Any = graph_of(model)
    found = []
    for operation in graph.operations:
        for node in _nodes_by_name(graph)[operation.name]:
            default = inspect.signature(operation.call).parameters.get("training")
            if node.arguments.kwargs.get("training") is True and default is not None:
                found += [prefix + operation.name] if default.default is not True else []
        if graph_of(operation) is not None:
            found += forced_into_training(operation, f"{prefix}{operation.name}/")
    return found


def final_layer(model: keras.Model) -> str:
    """Return the name of the layer that makes the model's (first) output."""
    return model.outputs[0]._keras_history.operation.name


def with_named_output(model: keras.Model) -> keras.Model:
    """Return a model whose (first) output is that of a layer which stands for one tensor.

    It is the model itself, unless a layer that is applied several times, or has several outputs,
    comes last.
    """
    output = model.outputs[0]
    if not _ambiguity(_nodes_by_name(graph_of(model))[final_layer(model)]):
        return model
    taken, name = _nodes_by_name(graph_of(model)), "output"
    while name in taken:
        name += "_"
    named = keras.layers.Identity(name=name)(output)
    return keras.Model(model.inputs, named, name=model.name)


def heads(model: keras.Model) -> list[keras.Operation]:
    """Return the last layer with a kernel before each output, where there is one.

    Layers without a kernel (softmax, reshaping) may follow it.
    """
    found = [_last_with_kernel(output) for output in model.outputs]
    return [operation for operation in found if operation is not None]


def _last_with_kernel(tensor: keras.KerasTensor) -> keras.Operation | None:
    node = node_of(tensor)
    while getattr(node.operation, "kernel", None) is None:
        if not node.input_tensors:
            return None
        node = node_of(node.input_tensors[0])
    return node.operation


def _nodes_by_name(graph: keras.Model) -> dict[str, list[Node]]:
    """Return operation -> its applications in this graph; other models may share it."""
    found: dict[str, list[Node]] = {}
    for nodes_at_depth in graph._nodes_by_depth.values():
        for node in nodes_at_depth:
            found.setdefault(node.operation.name, []).append(node)
    return found


def _ambiguity(nodes: list[Node]) -> str:
    if len(nodes) > 1:
        return "is applied more than once"
    return "has several outputs" if len(nodes[0].outputs) > 1 else ""
