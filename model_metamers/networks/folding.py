"""Batch norms computed within the convolutions before them.

At inference a batch norm scales and shifts each channel, and so does a convolution whose kernels
are scaled and which adds a bias. Both give the same values but for rounding; the second goes over
the maps, and over their gradients, once less, which is a fifth of the work of a large network.
"""

from collections import Counter
from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

from model_metamers.networks.keras_graph import node_of

_CONVOLUTIONS = (
    keras.layers.Conv1D, keras.layers.Conv2D, keras.layers.Conv3D, keras.layers.DepthwiseConv1D,
    keras.layers.DepthwiseConv2D,
)  # fmt: skip


def folded(model: keras.Model) -> keras.Layer:
    """Return a layer that computes what a model does at inference, with batch norms folded.

    Args:
        model: a functional model. Its variables stay where they are, and may change.

    Returns:
        The model itself where there is nothing to fold.
    """
    is_plain = all(tensor.dtype == "float32" for tensor in model.inputs)
    pairs = _pairs(model) if is_plain else []
    return _FoldedModel(model, pairs) if pairs else model


class _FoldedModel(keras.layers.Layer):
    """A model whose batch norms are folded.

    Args:
        model: the model.
        pairs: (convolution, batch norm that alone takes its output).
    """

    def __init__(self, model: keras.Model, pairs: list[tuple[keras.Layer, keras.Layer]]):
        super().__init__(name=model.name, autocast=False)
        self._model = model
        self._left_out = {id(convolution) for convolution, _ in pairs}
        self._folded = {id(norm): _Folded(convolution, norm) for convolution, norm in pairs}

    def call(self, stimuli: tf.Tensor) -> Any:
        """Return the model's outputs, in their structure."""
        return self._model._run_through_graph([stimuli], operation_fn=self._in_place_of)

    def _in_place_of(self, operation: keras.Operation) -> Callable:
        if id(operation) in self._left_out:
            return _unchanged
        return self._folded.get(id(operation), _at_inference(operation))


class _Folded:
    """A convolution and its batch norm as one function of the convolution's input."""

    def __init__(self, convolution: keras.Layer, norm: keras.Layer):
        self._convolution = convolution
        self._norm = norm

    def __call__(self, inputs: tf.Tensor, **_: Any) -> tf.Tensor:
        """Return what the batch norm does; it takes a mask, which means nothing at inference."""
        layer, norm = self._convolution, self._norm
        scale = tf.math.rsqrt(norm.moving_variance + norm.epsilon)
        if norm.scale:
            scale *= norm.gamma
        mean = norm.moving_mean - layer.bias if layer.use_bias else norm.moving_mean
        shift = norm.beta - mean * scale if norm.center else -mean * scale
        if not _is_depthwise(layer):
            return tf.nn.bias_add(layer.convolution_op(inputs, layer.kernel * scale), shift)
        maps = keras.ops.depthwise_conv(
            inputs,
            layer.kernel * tf.reshape(scale, layer.kernel.shape[-2:]),
            strides=layer.strides,
            padding=layer.padding,
            dilation_rate=layer.dilation_rate,
            data_format=layer.data_format,
        )
        return tf.nn.bias_add(maps, shift)


def _pairs(model: keras.Model) -> list[tuple[keras.Layer, keras.Layer]]:
    nodes = [node for nodes in model._nodes_by_depth.values() for node in nodes]
    applications = Counter(id(node.operation) for node in nodes)
    uses = Counter(id(tensor) for node in nodes for tensor in node.input_tensors)
    uses.update(id(tensor) for tensor in model.outputs)
    found = []
    for node in nodes:
        if type(node.operation) is not keras.layers.BatchNormalization:
            continue
        maps = node.input_tensors[0]
        maker = node_of(maps)
        is_alone = uses[id(maps)] == 1 and all(
            applications[id(each.operation)] == 1 for each in (node, maker)
        )
        # Keras' convolution casts what it gets; a folded one takes it as it comes.
        is_plain = all(tensor.dtype == "float32" for tensor in maker.input_tensors)
        if is_alone and is_plain and _fit(maker.operation, node.operation):
            found.append((maker.operation, node.operation))
    return found


def _fit(operation: keras.Operation, norm: keras.layers.BatchNormalization) -> bool:
    """Return whether a convolution does nothing else, over the channels that the norm is of."""
    return (
        type(operation) in _CONVOLUTIONS
        and operation.activation is keras.activations.linear
        and operation.data_format == "channels_last"
        and operation.padding in ("same", "valid")
        and norm.axis in (-1, operation.output.ndim - 1)
        and operation.compute_dtype == norm.compute_dtype == "float32"
    )


def _is_depthwise(layer: keras.Layer) -> bool:
    return isinstance(layer, keras.layers.DepthwiseConv1D | keras.layers.DepthwiseConv2D)


def _at_inference(operation: keras.Operation) -> Callable:
    """Return the operation without what the graph may say of training."""

    def call(*arguments: Any, **options: Any) -> Any:
        if "training" in options:
            options["training"] = False
        return operation(*arguments, **options)

    return call


def _unchanged(inputs: tf.Tensor, **_: Any) -> tf.Tensor:
    return inputs
