"""The two methods of the cochleagram: their milliseconds, called in turn, and how they differ."""

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from model_metamers.frontends.cochleagram import Cochleagram

NOISE_RMS = 0.1
METHODS = ("exact", "multirate")


def compare(batch: int, n_repeats: int) -> dict[str, float]:
    """Return the medians of one batch size, and the errors of multirate."""
    layers = {method: Cochleagram(method=method) for method in METHODS}
    shape = (2, batch, layers["exact"].config.n_samples)
    noises = tf.constant(NOISE_RMS * np.random.default_rng(0).standard_normal(shape), tf.float32)
    target = layers["exact"](noises[1])
    calls = {method: _loss_gradient(layer, target) for method, layer in layers.items()}
    seconds: dict[str, list[float]] = {method: [] for method in METHODS}
    for _ in range(n_repeats + 2):
        for method, call in calls.items():
            started = time.perf_counter()
            call(noises[0]).numpy()
            seconds[method].append(time.perf_counter() - started)
    # The first rounds trace and warm up.
    exact, multirate = (np.array(seconds[method][2:]) for method in METHODS)
    row = {
        "batch": batch,
        "exact_ms": 1e3 * np.median(exact),
        "multirate_ms": 1e3 * np.median(multirate),
        "speedup": np.median(exact / multirate),
    }
    values = [layers[method](noises[0]).numpy() for method in METHODS]
    return row | _errors(*values, *(calls[method](noises[0]).numpy() for method in METHODS))


def _errors(
    exact: np.ndarray, multirate: np.ndarray, gradient: np.ndarray, multirate_gradient: np.ndarray
) -> dict[str, Any]:
    a, b = np.float64(gradient).ravel(), np.float64(multirate_gradient).ravel()
    return {
        "relative_error": np.linalg.norm(multirate - exact) / np.linalg.norm(exact),
        "gradient_cosine": a @ b / (np.linalg.norm(a) * np.linalg.norm(b)),
    }


def _loss_gradient(layer: Cochleagram, target: tf.Tensor) -> Callable[[tf.Tensor], tf.Tensor]:
    @tf.function(autograph=False)
    def gradient(waveforms: tf.Tensor) -> tf.Tensor:
        with tf.GradientTape() as tape:
            tape.watch(waveforms)
            loss = tf.nn.l2_loss(layer(waveforms) - target)
        return tape.gradient(loss, waveforms)

    return gradient
