"""Seconds and peak memory of one synthesis, each in a process of its own."""

import multiprocessing
import resource
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from model_metamers.networks.network import Network

SAMPLE_RATE_HZ = 20_000
_SMALL = "vgg_19_small", "conv3_4"


@dataclass(frozen=True)
class Point:
    """What is measured.

    Attributes:
        varied: "stimuli", "batch", "clip" or "features": what the series varies.
        value: of it: stimuli; stimuli, all optimised together; seconds; pixels along an image's
            side.
        solver: whose evaluations.
        evaluations: of each stimulus.
    """

    varied: str
    value: float
    solver: str
    evaluations: int


SERIES: dict[str, Sequence[float]] = {
    "stimuli": (4, 8, 16, 32, 64),
    "batch": (1, 2, 4, 8, 16),
    "clip": (0.5, 1, 2, 4),
    "features": (32, 64, 128, 256),
}


def points(evaluations: int) -> list[Point]:
    """Return all points of both solvers."""
    return [
        Point(varied, value, solver, evaluations)
        for varied, values in SERIES.items()
        for value in values
        for solver in ("adam", "lbfgs")
    ]


def measured(point: Point) -> dict[str, Any]:
    """Return a row of scaling.csv: the point, and what a new process measured of it."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return asdict(point) | pool.apply(_measure, (point,))


def _measure(point: Point) -> dict[str, Any]:
    import numpy as np

    import model_metamers as mm

    network, layer, n_stimuli, batch_size = _set_up(point)
    natural = np.random.default_rng(0).random((n_stimuli, *network.stimulus_shape), np.float32)

    def synthesize(evaluations: int) -> float:
        config = mm.SynthesisConfig(
            iterations=evaluations, solver=point.solver, log_every=point.evaluations
        )
        started = time.perf_counter()
        mm.synthesize(network, layer, natural, config, batch_size=batch_size)
        return time.perf_counter() - started

    synthesize(1)  # traces the graph
    return {
        "layer_features": network.feature_counts()[layer],
        "n_stimuli": n_stimuli,
        "batch_size": batch_size,
        "seconds": synthesize(point.evaluations),
        "peak_mib": peak_mib(),
    }


def _set_up(point: Point) -> tuple["Network", str, int, int]:
    """Return network, layer, number of stimuli and batch size."""
    import model_metamers as mm

    if point.varied in ("stimuli", "batch"):
        network, layer = mm.load_network(_SMALL[0]), _SMALL[1]
        n_stimuli = int(point.value)
        return network, layer, n_stimuli, 4 if point.varied == "stimuli" else n_stimuli
    make = _cochleagram_of if point.varied == "clip" else _convolution_of
    return make(point.value), "matched", 4, 4


def _cochleagram_of(seconds: float) -> "Network":
    import keras

    import model_metamers as mm
    from model_metamers.frontends.erb import CochleagramConfig

    config = CochleagramConfig(SAMPLE_RATE_HZ, round(seconds * SAMPLE_RATE_HZ))
    cochleagram = mm.Cochleagram(config, name="matched")
    model = keras.Sequential([keras.Input([config.n_samples]), cochleagram])
    return mm.Network.from_keras(model, stimulus_range=None, metamer_layers=["matched"])


def _convolution_of(side_px: float) -> "Network":
    import keras

    import model_metamers as mm

    convolutions = [
        keras.layers.Conv2D(16, 3, padding="same", activation="relu", name=name)
        for name in ("first", "matched")
    ]
    model = keras.Sequential([keras.Input([int(side_px)] * 2 + [3]), *convolutions])
    return mm.Network.from_keras(model, stimulus_range=(0, 1), metamer_layers=["matched"])


def peak_mib() -> float:
    """Return the most memory that this process has held."""
    unit = 2**20 if sys.platform == "darwin" else 2**10  # bytes there, kibibytes here
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit
