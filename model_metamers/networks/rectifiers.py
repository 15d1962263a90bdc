"""The ReLU that a layer of a Keras graph ends in, however it is spelt.

relu, relu6, `tf.nn.relu`, `keras.ops.relu`, a ReLU layer, a lambda: what counts is what a function
does. It is a ReLU if it is min(max(z, 0), limit) at values of every sign and size. The limit is
infinite but for clipped ReLUs.
"""

import warnings
from collections.abc import Callable, Iterable
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from model_metamers.networks.keras_graph import (
    Node,
    applied_as,
    graph_of,
    lifted,
    node_named,
    node_of,
)

# At inference these only move values or join them, so that they may as well come before a ReLU.
# Layers and operations of the same name do the same.
_MOVES_VALUES = frozenset(
    (
        "ActivityRegularization", "AlphaDropout", "Concatenate", "Dropout", "Flatten",
        "GaussianDropout", "GaussianNoise", "Identity", "Permute", "Reshape", "SpatialDropout1D",
        "SpatialDropout2D", "SpatialDropout3D", "Transpose",
    )
)  # fmt: skip
_MOST_BEHIND = 12  # tensors behind an operation that are tried as the argument of a ReLU
_SIZES = (1e-6, 1e-4, 1e-3, 1e-2, 0.1, 0.5, 1.0, 2.0, 3.0, 5.0, 10.0, 100.0, 1e3)


def before_relu_of(
    model: keras.Model, layers: Iterable[str]
) -> dict[str, tuple[keras.KerasTensor, float]]:
    """Return what ReLUs are applied to, and their limits, as far as the graph shows them.

    Args:
        model: a model with a graph.
        layers: names of layers.

    Returns:
        Every layer that ends in a ReLU -> (tensor in the model's graph, limit), with output =
        min(max(tensor, 0), limit).
    """
    candidates = {layer: before_relu(node_named(model, layer)) for layer in layers}
    found = {layer: candidate for layer, candidate in candidates.items() if candidate is not None}
    tensors = lifted(model, {layer: tensor for layer, (tensor, _) in found.items()})
    return {layer: (tensors[layer], limit) for layer, (_, limit) in found.items()}


def before_relu(node: Node) -> tuple[keras.KerasTensor, float] | None:
    """Return what the ReLU that a layer ends in is applied to, and the ReLU's limit.

    Args:
        node: the layer's application.

    Returns:
        As for `before_relu_of`, but in the graph the node is in; None where the layer ends in
        something else.
    """
    if len(node.outputs) != 1 or not node.input_tensors:
        return None
    if graph_of(node.operation) is not None:
        return _at_the_end_of_a_model(node)
    if _only_moves_values(node.operation):
        return _before_moving(node)
    limit = _limit_of_operation(node)
    if limit is not None:
        return _through_a_relu(node.input_tensors[0], limit)
    return _before_fused_relu(node) or _before_operations(node)


def _through_a_relu(tensor: keras.KerasTensor, limit: float) -> tuple[keras.KerasTensor, float]:
    """Return what the first of two ReLUs in turn is applied to, if a tensor ends in one itself."""
    first = before_relu(node_of(tensor))
    return (tensor, limit) if first is None else (first[0], min(first[1], limit))


def is_relu(node: Node) -> bool:
    """Return whether a layer or operation is nothing but a ReLU."""
    return _limit_of_operation(node) is not None


def has_relu(operation: keras.Operation) -> bool:
    """Return whether a ReLU can be seen among a layer's parts, wherever its place may be."""
    parts = operation._flatten_layers() if isinstance(operation, keras.Layer) else []
    functions = [
        part if isinstance(part, keras.layers.ReLU) else getattr(part, "activation", None)
        for part in parts
    ]
    return any(
        callable(function) and relu_limit(function, (3,), "float32") is not None
        for function in functions
    )


def relu_limit(function: Callable, shape: tuple[int, ...], dtype: str) -> float | None:
    """Return the limit of a function that is a ReLU, None for other functions.

    Args:
        function: of a tensor.
        shape: of its argument, without the batch.
        dtype: of its argument.

    Returns:
        The largest value that the ReLU lets through.
    """
    huge = float(tf.as_dtype(dtype).max) / 4
    values = np.array([*_SIZES, huge])
    values = np.concatenate([values, -values])
    # Every unit meets every value, beside units with others: one that looks at its neighbours, or
    # has a slope of its own, is found out.
    n_units = int(np.prod(shape))
    places = (np.arange(len(values))[:, None] + 5 * np.arange(n_units)) % len(values)
    argument = tf.cast(values[places].reshape(-1, *shape), dtype)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            result = tf.convert_to_tensor(function(argument))
    except Exception:  # what a user's function raises at values it was not made for
        return None
    if result.shape != argument.shape or not result.dtype.is_floating:
        return None
    result, argument = (tf.cast(values, tf.float64).numpy() for values in (result, argument))
    limit = float(result[argument == argument.max()].max())
    if not limit > 0 or not np.allclose(result, np.clip(argument, 0, limit), rtol=1e-5, atol=0):
        return None
    return float("inf") if limit >= 0.99 * huge else limit


def _limit_of_operation(node: Node) -> float | None:
    """Return the limit where an operation as a whole is a ReLU."""
    if getattr(node.operation, "weights", None) or len(node.input_tensors) != 1:
        return None
    return _limit_between(node.input_tensors[0], node.outputs[0])


def _limit_between(start: keras.KerasTensor, end: keras.KerasTensor) -> float | None:
    """Return the limit where one tensor of the graph is the ReLU of an earlier one."""
    if start.shape != end.shape or not tf.as_dtype(start.dtype).is_floating:
        return None

    def computed(values: tf.Tensor) -> tf.Tensor:
        return _computed(end, {id(start): values})

    return relu_limit(computed, _small_shape(start), start.dtype)


def _before_operations(node: Node) -> tuple[keras.KerasTensor, float] | None:
    """Return what operations are applied to that make a ReLU together, as x * (x > 0)."""
    behind = list(node.input_tensors)
    for tensor in behind:  # grows: the nearest come first
        limit = _limit_between(tensor, node.outputs[0])
        if limit is not None:
            return tensor, limit
        earlier = node_of(tensor)
        if len(behind) < _MOST_BEHIND and not getattr(earlier.operation, "weights", None):
            behind += [t for t in earlier.input_tensors if not any(t is seen for seen in behind)]
    return None


def _computed(tensor: keras.KerasTensor, known: dict[int, tf.Tensor]) -> tf.Tensor:
    """Return the values of a tensor of the graph.

    Args:
        tensor: the tensor.
        known: id of an earlier tensor -> its values; those of all between are added.

    Raises:
        ValueError: not by operations without weights alone, or not from what is known alone.
    """
    if id(tensor) not in known:
        node = node_of(tensor)
        if getattr(node.operation, "weights", None) or not node.input_tensors:
            raise ValueError(f"{tensor.name} is no function of what is known alone")
        arguments, options = node.arguments.fill_in(
            {id(each): _computed(each, known) for each in node.input_tensors}
        )
        known[id(tensor)] = node.operation(*arguments, **options)
    return known[id(tensor)]


def _small_shape(tensor: keras.KerasTensor) -> tuple[int, ...]:
    """Return the shape of one stimulus' values, with few places but every channel."""
    sizes = [1 if size is None else size for size in tensor.shape[1:]]
    return (*(min(size, 3) for size in sizes[:-1]), *sizes[-1:])


def _before_fused_relu(node: Node) -> tuple[keras.KerasTensor, float] | None:
    """Return what a layer's own `activation` is applied to, where it is a ReLU and comes last.

    Such a tensor is not in the graph: the layer is applied once more, without its activation.
    """
    layer, output = node.operation, node.outputs[0]
    holder = layer
    while isinstance(holder, keras.layers.Wrapper) and _is_keras_own(holder):
        holder = holder.layer
    activation = getattr(holder, "__dict__", {}).get("activation")
    if not callable(activation) or (holder is not layer and not _is_keras_own(holder)):
        return None
    limit = relu_limit(activation, _small_shape(output), output.dtype)
    if limit is None or _keeps_traces(holder):
        return None
    without_relu = _WithoutActivation(node, holder)
    try:
        tensor = without_relu(node.input_tensors)
    except Exception:  # a layer of one's own may ask more of its activation than its values
        return None
    # A block of one's own may rectify at several places, or go on after it.
    return (tensor, limit) if without_relu.was_last or holder is not layer else None


def _keeps_traces(layer: keras.layers.Layer) -> bool:
    """Return whether a method is a `tf.function`, which would go on without the activation."""
    members = [vars(layer), *map(vars, type(layer).__mro__)]
    compiled = tf.types.experimental.PolymorphicFunction
    return any(isinstance(member, compiled) for of in members for member in of.values())


class _Applied(keras.layers.Layer):
    """An operation as it is applied in a graph, to other tensors; it keeps its weights.

    Applied symbolically once more, the operation itself would get a second place in the graph.

    Args:
        node: its application.
    """

    def __init__(self, node: Node):
        super().__init__(autocast=False)
        self._node = node
        self.supports_masking = True

    def compute_output_spec(self, inputs: list[keras.KerasTensor]) -> keras.KerasTensor:
        """Return the symbolic output; Keras calls a number's product sparse, which it is not."""
        return super().compute_output_spec([keras.KerasTensor(x.shape, x.dtype) for x in inputs])

    def call(self, inputs: list[tf.Tensor]) -> tf.Tensor:
        """Return the output for tensors in the place of the node's input tensors."""
        places = map(id, self._node.input_tensors)
        arguments, options = self._node.arguments.fill_in(dict(zip(places, inputs, strict=True)))
        # Names that begin with "_" or "-" are only allowed inside another's scope.
        with tf.name_scope("applied"):
            return self._node.operation(*arguments, **options)


class _WithoutActivation(_Applied):
    """A layer as it is applied in a graph, but for its activation.

    Args:
        node: its application.
        holder: the part of it whose `activation` is left out: itself, or what it wraps.
    """

    def __init__(self, node: Node, holder: keras.layers.Layer):
        super().__init__(node)
        self._holder = holder
        self.was_last = False

    def call(self, inputs: list[tf.Tensor]) -> tf.Tensor:
        """Return the output without the activation; see whether that is the activation's input."""
        inputs_of_activation = []

        def identity(values: tf.Tensor) -> tf.Tensor:
            inputs_of_activation.append(values)
            return values

        # Not by setattr, with which Keras looks for new parts of a layer.
        own = vars(self._holder)["activation"]
        vars(self._holder)["activation"] = identity
        try:
            outputs = super().call(inputs)
        finally:
            vars(self._holder)["activation"] = own
        self.was_last = len(inputs_of_activation) == 1 and outputs is inputs_of_activation[0]
        return outputs


def _at_the_end_of_a_model(node: Node) -> tuple[keras.KerasTensor, float] | None:
    graph: Any = graph_of(node.operation)
    found = before_relu(node_of(graph.outputs[0]))
    return None if found is None else (applied_as(node, [found[0]])[0], found[1])


def _before_moving(node: Node) -> tuple[keras.KerasTensor, float] | None:
    """Return the moved arguments of ReLUs of one limit; a concatenation of ReLUs is a ReLU."""
    branches = [before_relu(node_of(tensor)) for tensor in node.input_tensors]
    rectified = [branch for branch in branches if branch is not None]
    limits = {limit for _, limit in rectified}
    if len(rectified) < len(branches) or len(limits) > 1:
        return None
    return _Applied(node)([tensor for tensor, _ in rectified]), limits.pop()


def _only_moves_values(operation: keras.Operation) -> bool:
    if isinstance(operation, keras.layers.Activation):  # the usual end of half precision
        return operation.activation is keras.activations.linear
    return type(operation).__name__ in _MOVES_VALUES and _is_keras_own(operation)


def _is_keras_own(operation: keras.Operation) -> bool:
    return type(operation).__module__.startswith("keras.")
