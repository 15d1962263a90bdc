"""What has to be known of somebody's own model before metamers are made for it.

A catalogued network is known to be right, because tests show it. A model that a user brings is
asked, on a few stimuli: does the same stimulus give the same response twice, does a gradient of
the layer reach the stimulus, and is the layer what its ReLU makes of what comes before it?
"""

import logging
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from model_metamers.networks import keras_graph, probing, rectifiers
from model_metamers.networks.checks import listed
from model_metamers.networks.probing import Responses, Tensors

_PROOF = 1e-5  # difference of two computations of a response, relative to its largest value

_NAME = re.compile(r"[A-Za-z0-9_./>-]+")  # a scope of TensorFlow, with operations inside

_log = logging.getLogger(__name__)

Rectified = tuple[keras.KerasTensor, float]  # what a ReLU is applied to, and the ReLU's limit


@dataclass(frozen=True)
class Findings:
    """What was found of a model.

    Attributes:
        pre_activations: every layer that metamers can be made for -> what its ReLU is applied to
            and the ReLU's limit, or None where it is not proven to end in a ReLU.
        left_out: layer -> why metamers cannot be made for it.
    """

    pre_activations: dict[str, Rectified | None]
    left_out: dict[str, str]


def check_model(model: Any) -> None:
    """Raise ValueError in one line where a model is not one that can be cut at its layers."""
    if not isinstance(model, keras.Model):
        modules = [base.__module__ for base in type(model).__mro__]
        if any(module.startswith(("tf_keras.", "tensorflow.python.keras.")) for module in modules):
            raise ValueError(
                f"{model.name} is a model of tf_keras (Keras 2); rebuild it with Keras 3 "
                f"(import keras) and copy its weights: new.set_weights(old.get_weights())"
            )
        raise ValueError(
            f"from_keras needs a Keras model; got {type(model).__name__}. A file is read with "
            f"keras.saving.load_model(path)"
        )
    is_sequential = isinstance(model, keras.Sequential)
    if is_sequential and not getattr(model, "_functional", None):
        raise ValueError(
            f"{model.name} is a Sequential model that does not know its input yet; begin it with "
            f"keras.Input(shape)"
        )
    if keras_graph.graph_of(model) is None:
        raise ValueError(
            f"from_keras needs a functional or sequential Keras model, which its layers' graph "
            f"computes and no call() of its own; got {type(model).__name__}. Rebuild it with "
            f"keras.Model(inputs, outputs)"
        )
    _check_input(model)
    layers = list(model._flatten_layers())
    parts = [layer for layer in layers if layer is not model]  # whose own name is nobody's scope
    odd = [layer.name for layer in parts if not _NAME.fullmatch(layer.name)]
    if odd:
        raise ValueError(
            f"{model.name} has a layer called {odd[0]!r}, which TensorFlow cannot trace; rename "
            f"it, with letters, digits, '_', '-' and '.' only"
        )
    stateful = [layer.name for layer in layers if getattr(layer, "stateful", None) is True]
    if stateful:
        raise ValueError(
            f"{model.name} keeps state between calls in {listed(stateful)}; rebuild it with "
            f"stateful=False"
        )


def _check_input(model: keras.Model) -> None:
    shapes = [tuple(tensor.shape) for tensor in model.inputs]
    if len(shapes) != 1 or None in shapes[0][1:]:
        raise ValueError(
            f"a network needs one input of fixed size; {model.name} has inputs {shapes}. Rebuild "
            f"it on one keras.Input(shape) whose shape has no None"
        )
    if math.prod(shapes[0][1:]) < 2:
        raise ValueError(
            f"{model.name} takes a single number, for which there is no noise to draw"
        )
    dtype = model.inputs[0].dtype
    if not tf.as_dtype(dtype).is_floating:
        raise ValueError(
            f"{model.name} takes stimuli of {dtype}, which synthesis cannot change little by "
            f"little; rebuild it on keras.Input(shape, dtype='float32')"
        )


def inspect(
    model: keras.Model,
    layers: Sequence[str] | None,
    stimulus_range: tuple[float, float] | None,
) -> Findings:
    """Find out for which layers of a user's model metamers can be made, and how.

    Args:
        model: one that `check_model` lets pass.
        layers: the layers asked for; None for those with parameters and the ReLUs, of which any
            that cannot be matched are left out, and named in a log.
        stimulus_range: bounds of a stimulus.

    Raises:
        ValueError: a layer that was asked for cannot be matched, no layer is left, or the model
            fails at stimuli in its range or answers them differently from call to call.
    """
    names, left_out = _default_layers(model) if layers is None else (layers, {})
    outputs: Tensors = _outputs(model, names)
    left_out |= _not_matchable(outputs)
    outputs = _matchable(model, outputs, left_out, layers)
    candidates = rectifiers.before_relu_of(model, outputs)
    before = {layer: tensor for layer, (tensor, _) in candidates.items()}
    probing.check_weights(model)
    probes, others = probing.probe_stimuli(tuple(model.inputs[0].shape[1:]), stimulus_range)
    end = _comparable_end(model)
    responses, before_relu, at_end = probing.stateless_responses(
        model, probes, outputs, before, end
    )
    left_out |= _not_matchable(responses) | _not_by_stimulus(responses) | _not_numbers(responses)
    outputs = _matchable(model, outputs, left_out, layers)
    proven = _proven(candidates, responses, before_relu)
    differentiated = {n: before[n] if n in proven else outputs[n] for n in outputs}
    again, unreached, drawn = probing.without_gradient(model, others, outputs, differentiated, end)
    probing.check_repeated(model, responses | at_end, again)
    if drawn:
        raise ValueError(
            f"{model.name} draws random numbers at inference ({listed(drawn)}); rebuild it without"
        )
    left_out |= unreached
    outputs = _matchable(model, outputs, left_out, layers)
    return Findings({layer: proven.get(layer) for layer in outputs}, left_out)


def _comparable_end(model: keras.Model) -> Tensors:
    """Return the model's output, from which labels come, where it has numbers of each stimulus."""
    output = model.outputs[0]
    dtype = tf.as_dtype(output.dtype)
    if not output.shape or not (dtype.is_floating or dtype.is_integer or dtype.is_bool):
        return {}
    return {f"its output ({keras_graph.final_layer(model)})": output}


def say_left_out(network: str, left_out: Mapping[str, str]) -> None:
    """Log which layers the default leaves out."""
    if left_out:
        _log.warning(
            "%s: the metamer layers leave out %s. Name others with metamer_layers=",
            network,
            _reasons(left_out),
        )


def say_other_outputs(model: keras.Model, used: str) -> None:
    """Log which of a model's outputs stands for its answer."""
    if len(model.outputs) > 1:
        _log.warning(
            "%s has %d outputs: the first, %s, gives its labels; for another rebuild it with "
            "keras.Model(model.inputs, that_output)",
            model.name, len(model.outputs), used,
        )  # fmt: skip


def say_true_gradient(model: keras.Model, pre_activations: Mapping[str, Rectified | None]) -> None:
    """Log the layers with a ReLU inside that keep the true gradient."""
    layers = [
        layer
        for layer, rectified in pre_activations.items()
        if rectified is None and _has_inner_relu(keras_graph.node_named(model, layer).operation)
    ]
    if layers:
        _log.warning(
            "%s: true gradient at %s, where a ReLU is inside but not shown to come last",
            model.name,
            listed(layers),
        )


def _has_inner_relu(operation: keras.Operation) -> bool:
    return keras_graph.graph_of(operation) is None and rectifiers.has_relu(operation)


def _default_layers(model: keras.Model) -> tuple[list[str], dict[str, str]]:
    """Return the layers with parameters and the ReLUs, and those without a tensor of their own."""
    names, left_out = [], {}
    for name, node, ambiguity in keras_graph.named_nodes(model):
        if getattr(node.operation, "weights", None) or rectifiers.is_relu(node):
            if ambiguity:
                left_out[name] = ambiguity
            else:
                names.append(name)
    return names, left_out


def _outputs(model: keras.Model, names: Iterable[str]) -> dict[str, keras.KerasTensor]:
    try:
        return keras_graph.outputs_of(model, names)
    except KeyError as error:
        known = [name for name, _, ambiguity in keras_graph.named_nodes(model) if not ambiguity]
        raise ValueError(
            f"{model.name} has no layer {error.args[0]!r}; its layers: {', '.join(known)}"
        ) from None
    except ValueError as error:
        raise ValueError(f"{model.name}: {error}") from None


def _not_matchable(values: Tensors | Responses) -> dict[str, str]:
    """Return the layers that respond with something else than floats of a fixed shape, and why."""
    found = {}
    for layer, tensor in values.items():
        dtype = tf.as_dtype(tensor.dtype)
        if not dtype.is_floating:
            found[layer] = f"responds with {dtype.name}, not floats"
        elif None in tensor.shape[1:]:
            found[layer] = f"has no fixed shape but {tuple(tensor.shape)}"
    return found


def _not_by_stimulus(responses: Responses) -> dict[str, str]:
    """Return the layers whose first axis is not that of the stimuli, and why."""
    n_rows = {layer: len(r) if r.shape.rank else 0 for layer, r in responses.items()}
    return {
        layer: f"has {n} rows for {probing.N_PROBES} stimuli, whose axis has to come first"
        for layer, n in n_rows.items()
        if n != probing.N_PROBES
    }


def _not_numbers(responses: Responses) -> dict[str, str]:
    """Return the layers that respond to some of the probe stimuli with NaN."""
    return {
        layer: "responds with NaN to noise inside the range"
        for layer, response in responses.items()
        if response.dtype.is_floating and np.isnan(tf.cast(response, tf.float32)).any()
    }


def _matchable(
    model: keras.Model, outputs: Tensors, left_out: Mapping[str, str], asked: Sequence[str] | None
) -> Tensors:
    """Return the outputs that are not left out.

    Raises:
        ValueError: a layer is left out that was asked for, or none is left.
    """
    if asked is not None and left_out:
        raise ValueError(f"{model.name}: {_reasons(left_out)}; match another layer")
    found = {layer: tensor for layer, tensor in outputs.items() if layer not in left_out}
    if not found:
        why = _reasons(left_out) or "no layer has parameters, and there is no ReLU"
        raise ValueError(f"{model.name}: {why}; name layers to match with metamer_layers=")
    return found


def _proven(
    candidates: Mapping[str, Rectified], responses: Responses, before_relu: Responses
) -> dict[str, Rectified]:
    """Return the candidates that give the layer's own response when they are rectified."""
    found = {}
    for layer, (tensor, limit) in candidates.items():
        rectified = tf.clip_by_value(before_relu[layer], 0, limit)
        if probing.are_close(responses[layer], rectified, _PROOF):
            found[layer] = (tensor, limit)
    return found


def _reasons(left_out: Mapping[str, str]) -> str:
    by_reason: dict[str, list[str]] = {}
    for layer, reason in left_out.items():
        by_reason.setdefault(reason, []).append(layer)
    return ", ".join(f"{listed(layers)}: {reason}" for reason, layers in by_reason.items())
