"""What a user's model responds to a few stimuli of noise, and what that shows.

Called twice, once directly and once in the form that synthesis differentiates and beside another
stimulus, a model has to respond the same and stay as it is. A gradient of each layer has to reach
the stimulus.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from functools import partial

import keras
import numpy as np
import tensorflow as tf

from model_metamers.networks import keras_graph
from model_metamers.networks.checks import first_line, listed

N_PROBES = 3  # in a batch
# Of two calls of one function, whose sums may be taken in another order.
_REPEAT, _REPEAT_BFLOAT16 = 1e-3, 5e-2  # the latter's neighbouring numbers differ by up to 8e-3

_RANDOM = {
    "Multinomial", "ParameterizedTruncatedNormal", "RandomGamma", "RandomPoissonV2",
    "RandomShuffle", "RandomStandardNormal", "RandomUniform", "RandomUniformInt",
    "StatefulRandomBinomial", "TruncatedNormal",
}  # fmt: skip

Tensors = Mapping[str, keras.KerasTensor]  # layer -> symbolic tensor
Responses = dict[str, tf.Tensor]  # layer -> response to the probe stimuli


def probe_stimuli(
    shape: tuple[int, ...], stimulus_range: tuple[float, float] | None
) -> tuple[tf.Tensor, tf.Tensor]:
    """Return two batches of noise [N_PROBES, *shape] inside the range, always the same.

    The last stimulus of each is another, near one end of the range and of low contrast, and of
    high contrast near the other, so that the batches differ in mean, variance, minimum and
    maximum. The rest are those of both.
    """
    rng = np.random.default_rng(0)
    ends = [(0.25, 0.75)] * (N_PROBES - 1) + [(0.0, 0.05), (0.5, 0.9)]
    shares = np.stack([rng.uniform(*of_probe, shape) for of_probe in ends])
    low, high = stimulus_range or (-np.inf, np.inf)
    if np.isfinite(low):
        probes = low + (high - low if np.isfinite(high) else 3.0) * shares
    elif np.isfinite(high):
        probes = high - 3 * shares
    else:
        probes = 6 * shares - 3
    return tuple(tf.constant(np.delete(probes, n, 0), tf.float32) for n in (-1, -2))


def check_weights(model: keras.Model) -> None:
    """Raise ValueError where a model has weights that are no numbers, as after failed training."""
    bad = [
        variable
        for variable in model.weights
        if tf.as_dtype(variable.dtype).is_floating
        and not np.isfinite(tf.cast(variable.value, tf.float32)).all()
    ]
    if bad:
        raise ValueError(
            f"{model.name} has weights that are infinite or not a number in "
            f"{_owners(model, bad)}; train or load it again"
        )


def stateless_responses(
    model: keras.Model, probes: tf.Tensor, *groups: Tensors
) -> list[Responses]:
    """Return the values of tensors of a model at inference, group by group.

    Args:
        model: the model.
        probes: the stimuli.
        *groups: tensors by layer.

    Raises:
        ValueError: the model fails at the stimuli, is in training, or changes its state.
    """
    part = keras.Model(model.inputs[0], [t for group in groups for t in group.values()])
    if forced := keras_graph.forced_into_training(part):
        raise ValueError(
            f"{model.name} calls {listed(forced)} with training=True, so that its responses are "
            f"random or depend on the batch; rebuild it without"
        )
    variables = model.non_trainable_variables
    states = [tf.convert_to_tensor(variable) for variable in variables]
    with _failures_told(model, probes):
        found = _in_groups(groups, part(probes, training=False))
    changed = []
    for variable, state in zip(variables, states, strict=True):
        if not np.array_equal(tf.convert_to_tensor(variable), state):
            changed.append(variable)
            variable.assign(state)
    if changed:
        raise ValueError(
            f"{model.name} changes its state from call to call in {_owners(model, changed)}; "
            f"rebuild it without random layers and counters"
        )
    return found


def check_repeated(model: keras.Model, first: Responses, second: Responses) -> None:
    """Raise ValueError where responses to the two batches differ by more than rounding."""
    both = slice(N_PROBES - 1)
    layers = [layer for layer in model._flatten_layers() if not isinstance(layer, keras.Model)]
    is_coarse = any(layer.compute_dtype == "bfloat16" for layer in layers)
    tolerance = _REPEAT_BFLOAT16 if is_coarse else _REPEAT
    different = [n for n in second if not are_close(first[n][both], second[n][both], tolerance)]
    if different:
        raise ValueError(
            f"{model.name} responds to the same stimuli differently at a second call, beside "
            f"another one, at {listed(different)}; rebuild it without randomness at inference and "
            f"layers that couple the stimuli of a batch (axis=0)"
        )


def without_gradient(
    model: keras.Model,
    probes: tf.Tensor,
    outputs: Tensors,
    differentiated: Tensors,
    others: Tensors,
) -> tuple[Responses, dict[str, str], list[str]]:
    """Return responses at inference, why some send no gradient to the stimulus, and random draws.

    Those are operations that draw, however rarely it shows. The gradient is that of a sum with
    random weights. A layer that sends one to an earlier layer which has been reached is reached as
    well, so that no operation is differentiated twice where TensorFlow can differentiate in parts.

    Args:
        model: the model.
        probes: the stimuli.
        outputs: layer -> its output.
        differentiated: layer -> what synthesis differentiates there.
        others: further tensors whose responses are returned.

    Raises:
        ValueError: the model fails at the stimuli.
    """
    groups = (outputs, differentiated, others)
    part = keras.Model(model.inputs[0], [t for group in groups for t in group.values()])
    why: dict[str, str] = {}

    def respond(stimuli: tf.Tensor, in_parts: bool) -> tuple[Responses, Responses]:
        with nullcontext() if in_parts else tf.GradientTape(persistent=True) as tape:
            if tape is not None:
                tape.watch(stimuli)
            values = part(stimuli, training=False)
        own, targets, further = _in_groups(groups, values)
        is_flat, reached = {}, [stimuli]
        why.clear()
        for layer, target in targets.items():
            try:
                gradients = _gradients(target, reached, tape)
            except LookupError as error:  # an operation without a gradient
                why[layer] = f"sends no gradient to the stimulus ({first_line(error)})"
                continue
            if gradients:
                is_flat[layer] = _is_flat(target, gradients)
                if in_parts:
                    reached.append(own[layer])
            else:
                why[layer] = (
                    "sends no gradient to the stimulus (a cast to integers, argmax, embedding or "
                    "the like is between)"
                )
        return own | further, is_flat

    def traced(in_parts: bool) -> tuple[tf.Graph, Responses, Responses]:
        graph = tf.function(partial(respond, in_parts=in_parts), autograph=False)
        function = graph.get_concrete_function(tf.TensorSpec(probes.shape, tf.float32))
        return function.graph, *function(probes)

    with _failures_told(model, probes):
        try:
            graph, own, is_flat = traced(in_parts=True)
        except tf.errors.OpError:
            # Functions that XLA compiles, as of grouped convolutions on CPUs, allow no parts.
            graph, own, is_flat = traced(in_parts=False)
    drawn = _operations(graph) & _RANDOM
    for layer in is_flat:
        if is_flat[layer]:
            why[layer] = "changes with the stimulus, but its gradient is zero everywhere"
    return own, why, sorted(drawn)


def are_close(first: tf.Tensor, second: tf.Tensor, tolerance: float) -> bool:
    """Return whether two responses differ by less than a part of the largest value."""
    a, b = (tf.cast(response, tf.float64).numpy() for response in (first, second))
    largest = np.max(np.abs(a), initial=0, where=np.isfinite(a))
    return np.allclose(a, b, rtol=0, atol=tolerance * largest, equal_nan=True)


def _operations(graph: tf.Graph) -> set[str]:
    """Return the kinds of operations of a graph, those in loops and branches included."""
    definition = graph.as_graph_def()
    bodies = [definition.node, *(body.node_def for body in definition.library.function)]
    return {node.op for nodes in bodies for node in nodes}


def _gradients(
    target: tf.Tensor, sources: list[tf.Tensor], tape: tf.GradientTape | None
) -> list[tf.Tensor]:
    """Return the gradients at the sources that are reached, on the tape or as far as any other."""
    weights = tf.cast(tf.random.stateless_normal(tf.shape(target), (0, 0)), target.dtype)
    if tape is not None:
        gradients = tape.gradient(target, sources, weights)
    else:
        gradients = tf.gradients(target, sources, weights, stop_gradients=sources)
    return [tf.convert_to_tensor(gradient) for gradient in gradients if gradient is not None]


def _is_flat(response: tf.Tensor, gradients: list[tf.Tensor]) -> tf.Tensor:
    """Return whether a response differs between stimuli, although no gradient says so."""
    any_gradient = tf.reduce_any([tf.reduce_any(gradient != 0) for gradient in gradients])
    return tf.reduce_any(response != response[:1]) & ~any_gradient


def _in_groups(groups: Sequence[Tensors], values: object) -> list[Responses]:
    remaining = iter(keras.tree.flatten(values))
    return [{layer: next(remaining) for layer in group} for group in groups]


@contextmanager
def _failures_told(model: keras.Model, probes: tf.Tensor) -> Iterator[None]:
    try:
        yield
    except Exception as error:  # anything that a user's layers raise
        raise ValueError(
            f"{model.name} fails at stimuli {list(probes.shape)} inside its stimulus_range: "
            f"{first_line(error)}"
        ) from error


def _owners(model: keras.Model, variables: Sequence[keras.Variable]) -> str:
    """Return the names of the layers that variables belong to."""
    ids = {id(variable) for variable in variables}
    owners = [
        name
        for name, node, _ in keras_graph.named_nodes(model)
        if ids & {id(variable) for variable in getattr(node.operation, "variables", ())}
    ]
    return listed(owners or [variable.path for variable in variables])
