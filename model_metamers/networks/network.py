"""A network as the experiments see it: raw stimulus in, named layers and class readouts out.

Wraps any functional or sequential Keras model. Preprocessing belongs inside the model, so a
stimulus is an image [height, width, 3] in [0, 1] or a waveform [samples]. `response(layer)` gives
the function that synthesis differentiates: the part of the graph up to the matched layer, in
inference mode. Where that layer ends in a ReLU, the ReLU has the modified gradient (paper, section
2.3): by the tests for our own networks, by a proof on probe stimuli for anybody else's.
"""

import gc
import os
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from zlib import crc32

import keras
import numpy as np
import pandas as pd
import tensorflow as tf

from model_metamers.gradients import relu_linear_gradient
from model_metamers.networks import checks, folding, inspection, keras_graph, rectifiers
from model_metamers.networks.catalog_entry import Readout
from model_metamers.networks.identity import NetworkIdentity, own_identity

BATCH_SIZE = 16  # of `activations`, which would otherwise hold every stimulus' maps at once


@dataclass(frozen=True)
class MatchedResponse:
    """The matched layer as a function of the stimuli, and where its gradient is modified.

    Attributes:
        pre_activation: stimuli [batch, *stimulus_shape] -> what goes into the layer's last ReLU,
            or else the layer's output, float32 [batch, ...]; differentiable.
        limit: largest value that the ReLU lets through, infinite where it is not clipped; None
            where there is no ReLU whose gradient is modified.
    """

    pre_activation: Callable[[tf.Tensor], tf.Tensor]
    limit: float | None


class Network:
    """A Keras model with named metamer layers.

    Attributes:
        name: the network's name in tables and run folders.
        model: the Keras model.
        metamer_layers: layers that metamers are made for, from the input upwards.
        stimulus_shape: shape of one stimulus, without the batch.
        stimulus_range: (lowest, highest) value of a stimulus, or None where it has no bounds.
        sample_rate_hz: sample rate of a sound, None for images.
        readouts: task name -> Readout; the first one is the default task.
        weights_sha256: hash of the file the weights came from, None for other weights.
        identity: what tells it from other networks; by default its name alone.
        graphs: where synthesis keeps what it traced of this network.
    """

    def __init__(
        self,
        name: str,
        model: keras.Model,
        metamer_layers: Sequence[str],
        stimulus_range: tuple[float, float] | None,
        readouts: Mapping[str, Readout],
        sample_rate_hz: int | None = None,
        weights_sha256: str | None = None,
        identity: NetworkIdentity | None = None,
    ):
        self.name = name
        self.identity = identity or own_identity(name)
        self.model = model
        self.metamer_layers = checks.layer_names(metamer_layers, "metamer_layers")
        self.stimulus_range = checks.stimulus_range(stimulus_range)
        self.sample_rate_hz = checks.sample_rate_hz(sample_rate_hz)
        self.readouts = dict(readouts)
        self.weights_sha256 = weights_sha256
        self.stimulus_shape = _single_input_shape(model)
        self._compiled: dict[tuple[str, ...], Callable] = {}
        self._pre_activations: dict[str, tuple[keras.KerasTensor, float] | None] = {}
        self._needs_proof = False
        self.graphs: dict[Hashable, Any] = {}
        self._tensors(self.metamer_layers)

    @classmethod
    def from_keras(
        cls,
        model: keras.Model,
        stimulus_range: tuple[float, float] | None = (0.0, 1.0),
        metamer_layers: Sequence[str] | None = None,
        labels: Sequence[str] | None = None,
        sample_rate_hz: int | None = None,
    ) -> "Network":
        """Wrap a Keras model of your own.

        The model answers a few stimuli of noise first: whether metamers can be made for a layer,
        and whether it ends in a ReLU, is tried rather than believed.

        Args:
            model: functional or sequential model with one input of floats; its preprocessing must
                be inside (put `keras.layers.Rescaling`, for instance, in front). Fused activations
                (`Conv2D(..., activation="relu")`), branches and sub-models are fine; a layer of a
                sub-model is "<sub-model>/<layer>".
            stimulus_range: bounds kept during synthesis, None for unbounded stimuli.
            metamer_layers: names of the layers to match; by default every layer with parameters
                and every ReLU, without those that stand for several tensors or cannot be matched.
            labels: class names of the model's output.
            sample_rate_hz: for models of sounds.

        Raises:
            ValueError: the model has no graph, more than one input, an unknown input size, inputs
                that are not floats, weights that are no numbers, another number of outputs than
                labels, no layer of a given name, state or randomness between calls, or a layer
                that metamers cannot be made for.
        """
        inspection.check_model(model)
        stimulus_range = checks.stimulus_range(stimulus_range)
        if metamer_layers is not None:
            metamer_layers = checks.layer_names(metamer_layers, "metamer_layers")
        labels = checks.labels(labels, model.outputs[0].shape[1:], model.name)
        model = keras_graph.with_named_output(model)
        findings = inspection.inspect(model, metamer_layers, stimulus_range)
        readout = Readout(keras_graph.final_layer(model), labels=labels)
        inspection.say_other_outputs(model, readout.layer)
        network = cls(
            model.name,
            model,
            tuple(findings.pre_activations),
            stimulus_range,
            {"native": readout},
            sample_rate_hz,
        )
        network._needs_proof = True
        network._pre_activations = findings.pre_activations
        inspection.say_left_out(model.name, findings.left_out)
        inspection.say_true_gradient(model, findings.pre_activations)
        return network

    @classmethod
    def from_keras_application(
        cls, name: str, weights: str | os.PathLike | None = "imagenet", **arguments: Any
    ) -> "Network":
        """Wrap a network of keras.applications, its preprocessing inside.

        Args:
            name: as in keras.applications ("MobileNetV2").
            weights: "imagenet" for the published ones, by Keras' own downloader, the path of a
                file of the application's weights (.h5), or None for Keras' random values.
            arguments: of the application's function (alpha, input_shape, include_top ...), and
                `metamer_layers`, by default the ends of its blocks, pools and logits.

        Raises:
            ValueError: unknown name, argument or layer, missing or unfit weights.
        """
        from model_metamers.networks.applications import network_of_application

        return network_of_application(name, weights, **arguments)

    def above(
        self, layer: str, stimulus_range: tuple[float, float] | None = (0.0, np.inf)
    ) -> "Network":
        """Return the network whose stimuli are what this one's `layer` responds.

        Matching it optimises a cochleagram, for instance, instead of a waveform (paper, Figure
        S9). Its stimuli may be anything the layer could not be made to respond by a stimulus.

        Args:
            layer: the layer; those after it see the stimulus through it alone.
            stimulus_range: bounds of its responses.

        Returns:
            The network "<name>.above_<layer>", with the metamer layers after `layer`.

        Raises:
            ValueError: unknown layer, or one that others bypass.
        """
        try:
            model = keras.Model(self.tensor(layer), self.model.outputs)
        except ValueError as error:
            raise ValueError(
                f"{self.name} does not depend on its stimulus through {layer!r} alone ({error})"
            ) from error
        place = self.metamer_layers.index(layer) if layer in self.metamer_layers else -1
        if place == len(self.metamer_layers) - 1:
            raise ValueError(f"{self.name} has no metamer layer after {layer!r}")
        identity = self.identity.upper_part(layer)
        network = Network(
            identity.name,
            model,
            self.metamer_layers[place + 1 :],
            stimulus_range,
            self.readouts,
            weights_sha256=self.weights_sha256,
            identity=identity,
        )
        network._needs_proof = self._needs_proof
        return network

    def tensor(self, layer: str) -> keras.KerasTensor:
        """Return a layer's symbolic output; a layer of a nested model is "<model>/<layer>".

        Raises:
            ValueError: unknown name, or a layer that does not stand for one tensor.
        """
        name = checks.layer_name(layer)
        return self._tensors([name])[name]

    def pre_activation(self, layer: str) -> tuple[keras.KerasTensor, float] | None:
        """Return what the ReLU that a layer ends in is applied to, and the ReLU's limit.

        The layer's output is min(max(tensor, 0), limit), the limit infinite but for clipped ReLUs.
        None where the layer does not end in a ReLU.

        Raises:
            ValueError: as `tensor`; a layer of a user's model that metamers cannot be made for.
        """
        if checks.layer_name(layer) not in self._pre_activations:
            self.tensor(layer)
            found: Mapping[str, tuple[keras.KerasTensor, float] | None]
            if self._needs_proof:
                findings = inspection.inspect(self.model, [layer], self.stimulus_range)
                found = findings.pre_activations
                inspection.say_true_gradient(self.model, found)
            else:
                found = rectifiers.before_relu_of(self.model, [layer])
            self._pre_activations[layer] = found.get(layer)
        return self._pre_activations[layer]

    def describe(self) -> pd.DataFrame:
        """Return the metamer layers as a table.

        Returns:
            Columns layer, shape (of one stimulus' response), features (their number) and gradient
            ("true", "modified", or "modified and clipped" for a clipped ReLU).
        """
        tensors = self._tensors(self.metamer_layers)
        rows = [
            (layer, tuple(tensor.shape[1:]), int(np.prod(tensor.shape[1:])), self._gradient(layer))
            for layer, tensor in tensors.items()
        ]
        return pd.DataFrame(rows, columns=["layer", "shape", "features", "gradient"])

    def _gradient(self, layer: str) -> str:
        rectified = self.pre_activation(layer)
        if rectified is None:
            return "true"
        return "modified" if np.isinf(rectified[1]) else "modified and clipped"

    def feature_counts(self) -> dict[str, int]:
        """Return metamer layer -> number of units for one stimulus (Tables S4, S5)."""
        tensors = self._tensors(self.metamer_layers)
        return {layer: int(np.prod(tensor.shape[1:])) for layer, tensor in tensors.items()}

    def activations(
        self, stimuli: np.ndarray, layers: Sequence[str] | None = None
    ) -> dict[str, np.ndarray]:
        """Return layer -> activations [batch, ...] of stimuli [batch, *stimulus_shape].

        Args:
            stimuli: float array; values inside `stimulus_range`.
            layers: any layers of the model; by default the metamer layers.

        Returns:
            Activations in the layers' order, float32 whatever floats the model computes with.

        Raises:
            ValueError: stimuli as in `check_stimuli`, or no, an unknown or a repeated layer.
        """
        stimuli = self.check_stimuli(stimuli)
        layers = self.metamer_layers if layers is None else checks.layer_names(layers, "layers")
        forward = self._forward(layers)
        batches = []
        for start in range(0, len(stimuli), BATCH_SIZE):
            outputs = forward(tf.constant(stimuli[start : start + BATCH_SIZE]))
            batches.append([output.numpy() for output in tf.nest.flatten(outputs)])
        joined = [np.concatenate(parts) for parts in zip(*batches, strict=True)]
        return dict(zip(layers, joined, strict=True))

    def logits(self, stimuli: np.ndarray, task: str | None = None) -> np.ndarray:
        """Return logits [batch, n_classes] for a task, by default the first readout."""
        layer = self.readout(task).layer
        values = self.activations(stimuli, [layer])[layer]
        return values.reshape(len(values), -1)

    def readout(self, task: str | None = None) -> Readout:
        """Return the readout of a task, by default the first."""
        if task is None:
            return next(iter(self.readouts.values()))
        if task not in list(self.readouts):
            raise ValueError(
                f"{self.name} has no task {task!r}; tasks: {', '.join(self.readouts)}"
            )
        return self.readouts[task]

    def response(self, layer: str, modified_gradient: bool = True) -> Callable:
        """Return the differentiable function from stimuli to the matched layer's activations.

        Args:
            layer: name of the matched layer.
            modified_gradient: pass the gradient of the matched layer's ReLU unchanged.

        Returns:
            Function from a tensor [batch, *stimulus_shape] to activations [batch, ...], float32.
        """
        matched = self.matched_response(layer, modified_gradient)
        limit = matched.limit
        if limit is None:
            return matched.pre_activation
        return lambda stimuli: relu_linear_gradient(matched.pre_activation(stimuli), limit)

    def matched_response(self, layer: str, modified_gradient: bool = True) -> MatchedResponse:
        """Return the matched layer as what goes into its last ReLU, and the ReLU.

        Args:
            layer: name of the matched layer.
            modified_gradient: whether a ReLU at the layer's end gets the modified gradient; if
                not, it is part of the function, with its true gradient.
        """
        rectified = self.pre_activation(layer) if modified_gradient else None
        tensor, limit = rectified or (self.tensor(layer), None)
        return MatchedResponse(self._up_to(tensor), limit)

    def forget_graphs(self) -> None:
        """Give back the memory of all that was traced; what is needed again is traced again.

        A layer of a full-size network takes 50 MB for its graph with the gradient.
        """
        self.graphs.clear()
        self._compiled.clear()
        gc.collect()  # graphs are full of cycles

    def check_stimuli(self, stimuli: np.ndarray) -> np.ndarray:
        """Return stimuli [batch, *stimulus_shape] as float32.

        Raises:
            ValueError: another shape, values outside `stimulus_range`, or no real numbers (whole
                numbers are taken where the range holds many, as [0, 255] does).
        """
        return checks.stimuli(stimuli, self.name, self.stimulus_shape, self.stimulus_range)

    def _tensors(self, layers: Sequence[str]) -> dict[str, keras.KerasTensor]:
        try:
            return keras_graph.outputs_of(self.model, layers)
        except KeyError as error:
            raise ValueError(
                f"{self.name} has no layer {error.args[0]!r}; metamer layers: "
                f"{', '.join(self.metamer_layers)}"
            ) from None

    def _up_to(self, tensors: keras.KerasTensor | list[keras.KerasTensor]) -> Callable:
        """Return the function from stimuli to tensors of the graph; floats become float32."""
        truncated = folding.folded(keras.Model(self.model.inputs[0], tensors))

        def respond(stimuli: tf.Tensor) -> tf.Tensor | list[tf.Tensor]:
            return tf.nest.map_structure(_as_float32, truncated(stimuli, training=False))

        return respond

    def _forward(self, layers: tuple[str, ...]) -> Callable:
        if layers not in self._compiled:
            respond = self._up_to(list(self._tensors(layers).values()))
            signature = [tf.TensorSpec((None, *self.stimulus_shape), tf.float32)]
            function = tf.function(respond, input_signature=signature, autograph=False)
            self._compiled[layers] = function.get_concrete_function()
        return self._compiled[layers]


def initialise(model: keras.Model, seed: int) -> None:
    """Give every kernel fresh He-normal values and every bias zero, from `seed` alone.

    Each layer draws from its own generator, so the values do not depend on the order of layers.
    The logits of every head start ten times smaller: full-size ones make the first steps of
    training push a deep network without batch norm (VGG) into silence, from which no ReLU returns.
    """
    heads = keras_graph.heads(model)
    for layer in model.layers:
        kernel = getattr(layer, "kernel", None)
        if kernel is None:
            continue
        # A depthwise kernel, [height, width, channels, 1], sums over no channels.
        is_depthwise = isinstance(layer, keras.layers.DepthwiseConv2D)
        fan_in = np.prod(kernel.shape[:2] if is_depthwise else kernel.shape[:-1])
        scale = np.sqrt(2.0 / fan_in) * (0.1 if layer in heads else 1.0)
        draw = np.random.default_rng([seed, crc32(layer.name.encode())])
        kernel.assign(scale * draw.standard_normal(kernel.shape, np.float32))


def _single_input_shape(model: keras.Model) -> tuple[int, ...]:
    if len(model.inputs) != 1 or None in model.inputs[0].shape[1:]:
        shapes = [tuple(tensor.shape) for tensor in model.inputs]
        raise ValueError(
            f"a network needs one input of fixed size; {model.name} has inputs {shapes}"
        )
    return tuple(model.inputs[0].shape[1:])


def _as_float32(values: tf.Tensor) -> tf.Tensor:
    return tf.cast(values, tf.float32) if values.dtype.is_floating else values
