"""Time the two methods of the cochleagram on this machine, and how far apart they are.

    python experiments/benchmark_cochleagram.py           # one 2-s sound, about half a minute

A call is the loss of a white noise against another one's cochleagram, and its gradient with
respect to the waveform. The methods are called in turn; medians, and the median of the paired
ratios, are printed and written as a table, with the relative L2 error of the cochleagram and the
cosine of the gradient.
"""

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import tensorflow as tf
from shared import script
from absl import flags

from model_metamers.frontends.cochleagram import Cochleagram

_BATCHES = flags.DEFINE_list("batch_sizes", ["1"], "Batch sizes.")
_REPEATS = flags.DEFINE_integer("repeats", 61, "Timings per median.", lower_bound=5)
_OUTPUT = flags.DEFINE_string("output", "runs/benchmark_cochleagram.csv", "Where the table goes.")

NOISE_RMS = 0.1


def main() -> None:
    """Time every batch size and print the table."""
    layers = {method: Cochleagram(method=method) for method in ("exact", "multirate")}
    table = pd.DataFrame([compare(layers, int(batch)) for batch in _BATCHES.value])
    path = Path(_OUTPUT.value)
    path.parent.mkdir(parents=True, exist_ok=True)
    table.to_csv(path, index=False, float_format="%.5g")
    print(table.to_string(index=False, float_format=lambda value: f"{value:.5g}"))


def compare(layers: dict[str, Cochleagram], batch: int) -> dict[str, float]:
    """Return the medians of one batch size, and the errors of multirate."""
    shape = (2, batch, layers["exact"].config.n_samples)
    noises = tf.constant(NOISE_RMS * np.random.default_rng(0).standard_normal(shape), tf.float32)
    target = layers["exact"](noises[1])
    calls = {method: _loss_gradient(layer, target) for method, layer in layers.items()}
    seconds = {method: [] for method in layers}
    for repeat in range(_REPEATS.value + 2):
        for method, call in calls.items():
            started = time.perf_counter()
            call(noises[0]).numpy()
            if repeat > 1:  # the first rounds trace and warm up
                seconds[method].append(time.perf_counter() - started)
    exact, multirate = (np.array(seconds[method]) for method in ("exact", "multirate"))
    values = {method: layer(noises[0]).numpy() for method, layer in layers.items()}
    gradients = {method: np.float64(call(noises[0])).ravel() for method, call in calls.items()}
    norms = [np.linalg.norm(gradient) for gradient in gradients.values()]
    error = np.linalg.norm(values["multirate"] - values["exact"])
    return {
        "batch": batch,
        "exact_ms": 1e3 * np.median(exact),
        "multirate_ms": 1e3 * np.median(multirate),
        "speedup": np.median(exact / multirate),
        "relative_error": error / np.linalg.norm(values["exact"]),
        "gradient_cosine": gradients["exact"] @ gradients["multirate"] / np.prod(norms),
    }


def _loss_gradient(layer: Cochleagram, target: tf.Tensor) -> Callable[[tf.Tensor], tf.Tensor]:
    @tf.function
    def gradient(waveforms: tf.Tensor) -> tf.Tensor:
        with tf.GradientTape() as tape:
            tape.watch(waveforms)
            loss = tf.nn.l2_loss(layer(waveforms) - target)
        return tape.gradient(loss, waveforms)

    return gradient


if __name__ == "__main__":
    script.run(main)
