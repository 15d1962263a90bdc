"""What the paper's whole experiment costs: evaluations times their measured seconds."""

import time
from typing import Any

import numpy as np

from model_metamers.networks.catalog import catalog_entry, load_network
from model_metamers.networks.network import Network
from shared import presets
from shared.options import PAPER
from shared.step_timing import synthesis_steps

BATCH_SIZE = 4
EVALUATIONS = {"adam": 15_000, "lbfgs": 5_000}
DEVICES = (1, 8, 64)
_REPEATS = 3
_SECONDS_PER_DAY = 86_400


def layers_of_the_paper() -> list[tuple[str, str, int]]:
    """Return network, layer and number of stimuli of everything that figures 3 and 4 show."""
    return [
        (name, layer, preset.num_stimuli)
        for preset in (presets.VISUAL[PAPER], presets.AUDIO[PAPER])
        for name in preset.networks
        for layer in catalog_entry(name).metamer_layers
    ]


def cost(name: str, layer: str, n_stimuli: int, seconds: dict[str, float]) -> list[dict[str, Any]]:
    """Return a row of cost.csv for each solver.

    Args:
        name: a network's.
        layer: of it.
        n_stimuli: the paper's.
        seconds: solver -> of one evaluation of one stimulus, on one device.
    """
    rows = []
    for solver, per_evaluation in seconds.items():
        evaluations = n_stimuli * EVALUATIONS[solver]
        row = {
            "network": name,
            "layer": layer,
            "solver": solver,
            "stimulus_evaluations": evaluations,
            "seconds_per_stimulus_evaluation": per_evaluation,
        }
        days = evaluations * per_evaluation / _SECONDS_PER_DAY
        rows.append(row | {f"days_on_{n}_devices": days / n for n in DEVICES})
    return rows


class Stopwatch:
    """Seconds of evaluations of full-size networks, which are built once."""

    def __init__(self) -> None:
        self._network: Network | None = None

    def seconds(self, name: str, layer: str) -> dict[str, float]:
        """Return the median seconds of one evaluation of one stimulus, for each solver."""
        if self._network is None or self._network.name != name:
            self._network = load_network(name, weights=None)
        return {solver: _seconds(self._network, layer, solver) for solver in EVALUATIONS}


def _seconds(network: Network, layer: str, solver: str) -> float:
    stimuli = np.random.default_rng(0).random((BATCH_SIZE, *network.stimulus_shape), np.float32)
    one_step, no_steps = synthesis_steps(network, layer, stimuli, 1, solver)
    one_step()
    seconds = []
    for _ in range(_REPEATS):
        started = time.perf_counter()
        one_step()
        between = time.perf_counter()
        no_steps()
        seconds.append((between - started) - (time.perf_counter() - between))
    return float(np.median(seconds)) / BATCH_SIZE
