"""A network as the experiments see it: raw stimulus in, named layers and class readouts out.

Wraps any functional or sequential Keras model. Preprocessing belongs inside the model, so a
stimulus is an image [height, width, 3] in [0, 1] or a waveform [samples]. `response(layer)` gives
the function that synthesis differentiates: the part of the graph up to the matched layer, in
inference mode, whose last ReLU, if the matched layer is one, has the modified gradient (paper,
section 2.3).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from zlib import crc32

import keras
import numpy as np
import tensorflow as tf

from model_metamers.gradients import relu_linear_gradient
from model_metamers.networks import keras_graph

BATCH_SIZE = 16  # of `activations`, which would otherwise hold every stimulus' maps at once


@dataclass(frozen=True)
class Readout:
    """A classification the network makes.

    Attributes:
        layer: layer whose output, flattened to [batch, n_classes], are the logits.
        class_offset: index of the task's first class; 1 where a background class comes before.
        labels: one name per class, or empty where the names are known elsewhere.
    """

    layer: str
    class_offset: int = 0
    labels: tuple[str, ...] = ()


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
    ):
        self.name = name
        self.model = model
        self.metamer_layers = tuple(metamer_layers)
        self.stimulus_range = stimulus_range
        self.sample_rate_hz = sample_rate_hz
        self.readouts = dict(readouts)
        self.weights_sha256 = weights_sha256
        self.stimulus_shape = _single_input_shape(model)
        self._compiled: dict[tuple[str, ...], Callable] = {}
        for layer in self.metamer_layers:
            self.tensor(layer)

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

        Args:
            model: functional or sequential model with one input; its preprocessing must be inside
                (put `keras.layers.Rescaling`, for instance, in front). Fused activations
                (`Conv2D(..., activation="relu")`) and branches are fine.
            stimulus_range: bounds kept during synthesis, None for unbounded stimuli.
            metamer_layers: names of the layers to match; by default every layer with parameters
                and every ReLU.
            labels: class names of the model's output.
            sample_rate_hz: for models of sounds.

        Raises:
            ValueError: the model has no graph, more than one input, an unknown input size, another
                number of outputs than labels, or no layer of a given name.
        """
        if not getattr(model, "inputs", None):
            raise ValueError(
                f"from_keras needs a functional or sequential Keras model whose layers form a "
                f"graph; got {type(model).__name__}. Rebuild it with keras.Model(inputs, outputs)."
            )
        if metamer_layers is None:
            metamer_layers = keras_graph.default_layers(model)
        output_shape = model.outputs[0].shape[1:]
        if labels is not None and len(labels) != np.prod(output_shape):
            raise ValueError(
                f"{model.name} has outputs of shape {output_shape}; got {len(labels)} labels"
            )
        readout = Readout(keras_graph.final_layer(model), labels=tuple(labels or ()))
        return cls(
            model.name, model, metamer_layers, stimulus_range, {"native": readout}, sample_rate_hz
        )

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
        return Network(
            f"{self.name}.above_{layer}",
            model,
            self.metamer_layers[place + 1 :],
            stimulus_range,
            self.readouts,
            weights_sha256=self.weights_sha256,
        )

    def tensor(self, layer: str) -> keras.KerasTensor:
        """Return a layer's symbolic output; a layer of a nested model is "<model>/<layer>".

        Raises:
            ValueError: unknown name, or a layer that does not stand for one tensor.
        """
        try:
            return keras_graph.output_of(self.model, layer)
        except KeyError:
            raise ValueError(
                f"{self.name} has no layer {layer!r}; metamer layers: "
                f"{', '.join(self.metamer_layers)}"
            ) from None

    def feature_counts(self) -> dict[str, int]:
        """Return metamer layer -> number of units for one stimulus (Tables S4, S5)."""
        return {layer: int(np.prod(self.tensor(layer).shape[1:])) for layer in self.metamer_layers}

    def activations(
        self, stimuli: np.ndarray, layers: Sequence[str] | None = None
    ) -> dict[str, np.ndarray]:
        """Return layer -> activations [batch, ...] of stimuli [batch, *stimulus_shape].

        Args:
            stimuli: float array; values inside `stimulus_range`.
            layers: any layers of the model; by default the metamer layers.

        Raises:
            ValueError: stimuli of another shape, or an unknown layer.
        """
        stimuli = self.check_stimuli(stimuli)
        layers = self.metamer_layers if layers is None else tuple(layers)
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
        if task not in self.readouts:
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
            Function from a tensor [batch, *stimulus_shape] to activations [batch, ...].
        """
        output = self.tensor(layer)
        before_relu = keras_graph.before_relu_of(self.model, layer) if modified_gradient else None
        if before_relu is None:
            truncated = keras.Model(self.model.inputs[0], output)
            return lambda stimuli: truncated(stimuli, training=False)
        tensor, limit = before_relu
        truncated = keras.Model(self.model.inputs[0], tensor)
        return lambda stimuli: relu_linear_gradient(truncated(stimuli, training=False), limit)

    def check_stimuli(self, stimuli: np.ndarray) -> np.ndarray:
        """Return stimuli as float32, or raise ValueError when their shape does not fit."""
        stimuli = np.asarray(stimuli, np.float32)
        if stimuli.shape[1:] != self.stimulus_shape or len(stimuli) == 0:
            expected = ", ".join(map(str, ("batch", *self.stimulus_shape)))
            raise ValueError(
                f"{self.name} takes stimuli of shape [{expected}]; got {list(stimuli.shape)}"
            )
        return stimuli

    def _forward(self, layers: tuple[str, ...]) -> Callable:
        if layers not in self._compiled:
            outputs = [self.tensor(layer) for layer in layers]
            truncated = keras.Model(self.model.inputs[0], outputs)
            signature = [tf.TensorSpec((None, *self.stimulus_shape), tf.float32)]
            self._compiled[layers] = tf.function(
                lambda stimuli: truncated(stimuli, training=False), input_signature=signature
            )
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
