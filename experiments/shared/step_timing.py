"""Seconds of synthesis steps, timed in turn with what they are compared with."""

import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from model_metamers.networks.network import Network
from model_metamers.synthesis import SynthesisConfig
from model_metamers.synthesis.runner import StepRunner, make_solver
from model_metamers.synthesis.solver import Bounds
from model_metamers.synthesis.state import filled, initial_state, rows_in_places, started
from shared.algorithm_2019 import network_of_2019

_MATRIX_SIDE = 2048
_WARM_UP = 12  # steps; L-BFGS takes its first ones to learn the units of pixels

Seconds = Mapping[str, np.ndarray]  # what was timed -> [repeats]


def time_layer(
    network: Network, layer: str, batch: int, n_steps: int, n_repeats: int, solver: str = "adam"
) -> dict[str, Any]:
    """Return the medians of one layer and batch size.

    Args:
        network: whose steps.
        layer: the matched layer.
        batch: stimuli optimised together.
        n_steps: steps per timing.
        n_repeats: timings per median.
        solver: that makes the steps.
    """
    functions = _timed_functions(network, layer, batch, n_steps, solver)
    seconds = _seconds_in_turn(functions, n_repeats, n_steps)
    row: dict[str, Any] = {
        "network": network.name,
        "layer": layer,
        "batch": batch,
        "solver": solver,
    }
    return row | _medians(seconds, multiply_adds(network, layer) * batch, batch)


def _timed_functions(
    network: Network, layer: str, batch: int, n_steps: int, solver: str
) -> dict[str, Callable[[], object]]:
    stimuli = np.random.default_rng(0).random((batch, *network.stimulus_shape), np.float32)
    steps, log = synthesis_steps(network, layer, stimuli, n_steps, solver)
    bare = _bare_steps(network, layer, stimuli, n_steps)
    functions = {"steps": steps, "log": log, "bare": bare, "matrices": _matrix_products(n_steps)}
    if solver != "adam":
        functions["steps_adam"], functions["log_adam"] = synthesis_steps(
            network, layer, stimuli, n_steps, "adam"
        )
    if "cochleagram" in network.metamer_layers:
        then = network_of_2019(network)
        _check_alike(network, then, layer, stimuli)
        steps_2019, log_2019 = synthesis_steps(then, layer, stimuli, n_steps, solver)
        functions |= {"steps_2019": steps_2019, "log_2019": log_2019}
    return functions


def _seconds_in_turn(
    functions: Mapping[str, Callable[[], object]], n_repeats: int, n_steps: int
) -> Seconds:
    """Return the seconds per step of every function; a first round warms up."""
    seconds: dict[str, list[float]] = {name: [] for name in functions}
    for _ in range(n_repeats + 1):
        for name, function in functions.items():
            started = time.perf_counter()
            function()
            seconds[name].append((time.perf_counter() - started) / n_steps)
    return {name: np.array(values[1:]) for name, values in seconds.items()}


def _medians(seconds: Seconds, n_multiply_adds: int, batch: int) -> dict[str, float]:
    # A chunk ends with the loss that is logged, once in 100 steps: it is not part of the step.
    steps = seconds["steps"] - seconds["log"]
    step, bare_step = np.median(steps), np.median(seconds["bare"])
    matrix_rate = 2 * _MATRIX_SIDE**3 / np.median(seconds["matrices"])
    step_rate = 4 * n_multiply_adds / step
    row = {
        "seconds_per_stimulus_step": step / batch,
        "step_gflops": step_rate / 1e9,
        "matrix_product_gflops": matrix_rate / 1e9,
        "fraction_of_matrix_product": step_rate / matrix_rate,
        "step_over_bare": np.median(steps / seconds["bare"]),
        "bare_seconds_per_stimulus_step": bare_step / batch,
    }
    if "steps_adam" in seconds:
        steps_of_adam = seconds["steps_adam"] - seconds["log_adam"]
        row["step_over_adam"] = np.median(steps / steps_of_adam)
    if "steps_2019" in seconds:
        steps_2019 = seconds["steps_2019"] - seconds["log_2019"]
        row["seconds_per_stimulus_step_2019"] = np.median(steps_2019) / batch
        row["speedup_over_2019"] = np.median(steps_2019 / steps)
    return row


def _check_alike(ours: Network, then: Network, layer: str, stimuli: np.ndarray) -> None:
    """Stop where two networks that are compared in speed do not compute the same."""
    a, b = (network.activations(stimuli, [layer])[layer] for network in (ours, then))
    error = np.linalg.norm(a - b) / np.linalg.norm(b)
    if not error < 5e-3:
        raise ValueError(f"the two computations of {ours.name} differ at {layer} by {error:.2g}")


def multiply_adds(network: Network, layer: str) -> int:
    """Return the multiply-adds of one stimulus' forward pass up to a layer."""
    truncated = keras.Model(network.model.inputs[0], network.tensor(layer))
    return sum(
        int(np.prod(part.kernel.shape) * np.prod(part.output.shape[1:-1]))
        for part in truncated.layers
        if hasattr(part, "kernel")
    )


def synthesis_steps(
    network: Network, layer: str, stimuli: np.ndarray, n_steps: int, solver: str
) -> tuple[Callable, Callable]:
    """Return functions that run a chunk of steps, and a chunk of none (which logs the loss)."""
    config = SynthesisConfig(iterations=10**6, solver=solver)
    strategy = tf.distribute.get_strategy()
    optimiser = make_solver(config, Bounds.of(network.stimulus_range))
    matched = network.matched_response(layer)
    runner = StepRunner(matched, optimiser, strategy, stimuli.shape)
    state = initial_state(stimuli[::-1], stimuli, layer, started(optimiser, stimuli))
    rows = rows_in_places(filled(state, config.iterations, optimiser))
    target = runner.responses(stimuli)
    rows = runner(target, rows, _WARM_UP, config.iterations)
    chunk, no_steps = (partial(runner, target, rows, n, config.iterations) for n in (n_steps, 0))
    return chunk, no_steps


def _bare_steps(network: Network, layer: str, stimuli: np.ndarray, n_steps: int) -> Callable:
    response = network.response(layer)
    target = response(tf.constant(stimuli))

    @tf.function(autograph=False)
    def gradient(metamer: tf.Tensor) -> tf.Tensor:
        with tf.GradientTape() as tape:
            tape.watch(metamer)
            loss = 0.5 * tf.reduce_sum(tf.square(response(metamer) - target))
        return tape.gradient(loss, metamer)

    start = tf.constant(stimuli[::-1])
    return lambda: [gradient(start).numpy() for _ in range(n_steps)]


def _matrix_products(n_steps: int) -> Callable:
    a, b = (tf.random.stateless_normal([_MATRIX_SIDE] * 2, [0, seed]) for seed in range(2))
    product = tf.function(lambda: tf.linalg.matmul(a, b))
    return lambda: [product().numpy() for _ in range(n_steps)]
