"""Time synthesis steps on this machine, beside the machine's own matrix-product rate.

    python experiments/benchmark.py                      # VGG-19 at full size, about 4 minutes
    python experiments/benchmark.py --network=word_aliased --layers=conv_4 --batch_sizes=4

For every matched layer and batch size: the step as `synthesize` runs it; a bare `tf.function` of
the same graph (forward to the layer, squared difference, gradient with respect to the stimuli);
and a float32 product of two 2048 x 2048 matrices. All are timed in turn in the same run; medians
are printed and written as a table. A step's arithmetic is counted as 2 operations per multiply-add
of the convolutions and matrix products, forward and for the input's gradient.

For a network with a cochleagram, the step of the 2019 algorithm (`algorithm_2019`) is timed in the
same turns; both are first checked to respond alike.
"""

import time
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import tensorflow as tf
from shared import script
from absl import flags
from shared.algorithm_2019 import network_of_2019

from model_metamers.networks.catalog import load_network
from model_metamers.networks.network import Network
from model_metamers.synthesis import StepRunner, SynthesisConfig, initial_state

_NETWORK = flags.DEFINE_string("network", "vgg_19", "Network to time, with random weights.")
_LAYERS = flags.DEFINE_list("layers", ["conv1_2", "conv3_4", "conv5_4"], "Matched layers.")
_BATCHES = flags.DEFINE_list("batch_sizes", ["1", "4"], "Batch sizes.")
_REPEATS = flags.DEFINE_integer("repeats", 7, "Timings per median.", lower_bound=5)
_STEPS = flags.DEFINE_integer("steps", 5, "Steps per timing.", lower_bound=1)
_OUTPUT = flags.DEFINE_string("output", "runs/benchmark.csv", "Where the table goes.")

_MATRIX_SIDE = 2048


def main() -> None:
    """Time every layer and batch size and print the table."""
    network = load_network(_NETWORK.value, weights=None)
    rows = [
        time_layer(network, layer, int(batch))
        for layer in _LAYERS.value
        for batch in _BATCHES.value
    ]
    table = pd.DataFrame(rows)
    path = Path(_OUTPUT.value)
    path.parent.mkdir(parents=True, exist_ok=True)
    table.to_csv(path, index=False, float_format="%.5g")
    print(table.to_string(index=False, float_format=lambda value: f"{value:.4g}"))


def time_layer(network: Network, layer: str, batch: int) -> dict[str, float]:
    """Return the medians of one layer and batch size."""
    stimuli = np.random.default_rng(0).random((batch, *network.stimulus_shape), np.float32)
    n_steps = _STEPS.value
    steps, log = _synthesis_steps(network, layer, stimuli, n_steps)
    bare = _bare_steps(network, layer, stimuli, n_steps)
    matrices = _matrix_products(n_steps)
    timed = {"steps": steps, "log": log, "bare": bare, "matrices": matrices}
    if "cochleagram" in network.metamer_layers:
        then = network_of_2019(network)
        _check_alike(network, then, layer, stimuli)
        timed["steps_2019"], timed["log_2019"] = _synthesis_steps(then, layer, stimuli, n_steps)
    seconds = {name: [] for name in timed}
    for repeat in range(_REPEATS.value + 1):
        for name, function in timed.items():
            started = time.perf_counter()
            function()
            if repeat:  # the first round warms up
                seconds[name].append((time.perf_counter() - started) / n_steps)
    # A chunk ends with the loss that is logged, once in 100 steps: it is not part of the step.
    steps_alone = np.subtract(seconds["steps"], seconds["log"])
    step, bare_step = np.median(steps_alone), np.median(seconds["bare"])
    product = np.median(seconds["matrices"])
    matrix_rate = 2 * _MATRIX_SIDE**3 / product
    step_rate = 4 * multiply_adds(network, layer) * batch / step
    row = {
        "network": network.name,
        "layer": layer,
        "batch": batch,
        "seconds_per_stimulus_step": step / batch,
        "step_gflops": step_rate / 1e9,
        "matrix_product_gflops": matrix_rate / 1e9,
        "fraction_of_matrix_product": step_rate / matrix_rate,
        "step_over_bare": np.median(steps_alone / seconds["bare"]),
        "bare_seconds_per_stimulus_step": bare_step / batch,
    }
    if "steps_2019" in seconds:
        steps_2019 = np.subtract(seconds["steps_2019"], seconds["log_2019"])
        row["seconds_per_stimulus_step_2019"] = np.median(steps_2019) / batch
        row["speedup_over_2019"] = np.median(steps_2019 / steps_alone)
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


def _synthesis_steps(
    network: Network, layer: str, stimuli: np.ndarray, n_steps: int
) -> tuple[Callable, Callable]:
    """Return functions that run a chunk of steps, and a chunk of none (which logs the loss)."""
    strategy = tf.distribute.get_strategy()
    runner = StepRunner(network, layer, stimuli, SynthesisConfig(), strategy)
    ids = [str(index) for index in range(len(stimuli))]
    state = initial_state(stimuli.shape, ids, seed=0)
    return lambda: runner(state, n_steps), lambda: runner(state, 0)


def _bare_steps(network: Network, layer: str, stimuli: np.ndarray, n_steps: int) -> Callable:
    response = network.response(layer)
    target = response(tf.constant(stimuli))

    @tf.function
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


if __name__ == "__main__":
    script.run(main)
