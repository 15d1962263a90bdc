"""Synthesis: noise is optimised until one layer responds to it as to the natural stimulus.

For every stimulus, on its own, a solver minimises how far the layer's response is from that to the
natural stimulus (`objective`). A batch only shares the arithmetic: nothing couples its stimuli, so
in exact arithmetic a metamer does not depend on its batch mates, the batch size or the number of
devices. In float32 rounding differs with batch size, devices and threads, and grows with steps and
depth. Alone or in a batch of four, metamers of small networks differ by at most 1e-4 of the range
after 5 evaluations; after 50, by up to .8 of it at single pixels and .02 in correlation, at late
layers (`tests/test_numerical_health.py` holds them to 1e-4 and .05). With one batch size, other
batch mates change no bit. All state is explicit (`SynthesisState`); a chunk of evaluations runs
inside one graph, and the host logs and saves in between.

Source: paper section 2.1.
"""

import hashlib
from collections.abc import Callable, Hashable, MutableMapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
import tensorflow as tf

from model_metamers.synthesis.config import SynthesisConfig
from model_metamers.synthesis.objective import MatchedResponse
from model_metamers.synthesis.runner import StepRunner, make_solver
from model_metamers.synthesis.solver import Bounds, Solver
from model_metamers.synthesis.state import (
    FREE,
    SynthesisState,
    filled,
    initial_noise,
    initial_state,
    logged,
    rows_in_places,
    started,
)

MOST_GRAPHS = 8  # kept for a network; with one for every layer of ours, none is traced twice


class MatchedNetwork(Protocol):
    """What synthesis needs to know of a network (`networks.Network` has it).

    Attributes:
        stimulus_range: bounds of a stimulus' values; None for none.
        graphs: where synthesis keeps what it traced.
    """

    stimulus_range: tuple[float, float] | None
    graphs: dict[Hashable, Any]

    def matched_response(self, layer: str, modified_gradient: bool) -> MatchedResponse:
        """Return the differentiable function from stimuli to the layer's activations."""

    def check_stimuli(self, stimuli: np.ndarray) -> np.ndarray:
        """Return stimuli as float32, or raise ValueError."""


@dataclass(frozen=True)
class SynthesisResult:
    """What became of n stimuli.

    Attributes:
        metamers: [n, ...].
        losses: [n_logged, n]; see `SynthesisState`.
        status: "finished" or "diverged", [n].
        step: evaluations each stimulus took, [n].
    """

    metamers: np.ndarray
    losses: np.ndarray
    status: np.ndarray
    step: np.ndarray


def synthesize(
    network: MatchedNetwork,
    layer: str,
    natural: np.ndarray,
    config: SynthesisConfig = SynthesisConfig(),
    strategy: tf.distribute.Strategy | None = None,
    stimulus_ids: Sequence[str] | None = None,
    state: SynthesisState | None = None,
    on_chunk: Callable[[SynthesisState], None] = lambda state: None,
    initial: np.ndarray | None = None,
    batch_size: int | None = None,
) -> SynthesisResult:
    """Make metamers of `natural` for one layer.

    Args:
        network: see `MatchedNetwork`.
        layer: the matched layer.
        natural: stimuli [n, *stimulus_shape].
        config: the optimisation.
        strategy: splits the batch over its replicas; None for one device.
        stimulus_ids: n different names that, with the seed, determine the initial noise; by
            default a hash of each stimulus.
        state: an earlier call's last state, to continue from. To more evaluations than that call
            was to take only where all stimuli still have their places (see `batch_size`).
        on_chunk: receives the state after every `log_every` evaluations (to save it, to show
            progress).
        initial: stimuli to start from instead of noise, like `natural`.
        batch_size: stimuli that are optimised at a time, by default all; each that ends gives its
            place to the next one, at the end of a chunk.

    Returns:
        The metamers; a stimulus that met a NaN or Inf keeps its last finite values.

    Raises:
        ValueError: stimuli of the wrong shape, an unknown layer, or a state of something else.
    """
    _check_kinds(network, layer, config, strategy, state)
    natural = network.check_stimuli(natural)
    ids = _checked_ids(natural, stimulus_ids)
    strategy = strategy or tf.distribute.get_strategy()
    bounds = Bounds.of(network.stimulus_range)
    places = _n_places(len(natural), batch_size, strategy.num_replicas_in_sync)
    if initial is None:
        start = initial_noise(natural.shape, ids, config.seed, bounds)
    else:
        start = _checked_initial(network, initial, natural.shape)
    settings = replace(config, iterations=1, seed=0, log_every=1)
    solver = make_solver(settings, bounds)
    fresh = initial_state(start, natural, layer, started(solver, start[[0] * places]))
    if state is None:
        # A NaN would pass unseen through a ReLU, which some kernels turn into zero.
        features = tuple(range(1, natural.ndim))
        state = replace(fresh, diverged=~np.isfinite(natural).all(axis=features))
    else:
        state.check_like(fresh)
        state.check_can_go_on(config.iterations)

    def runner() -> StepRunner:
        with strategy.scope():
            matched = network.matched_response(layer, config.modified_gradient)
        return StepRunner(matched, solver, strategy, (places, *natural.shape[1:]))

    key = (layer, settings, bounds, places, strategy)
    run_steps = _kept(network.graphs, key, runner)
    state = _run(state, natural, config, solver, run_steps, on_chunk)
    status = np.where(state.diverged, "diverged", "finished")
    return SynthesisResult(state.metamer, state.loss, status, state.step)


def _run(
    state: SynthesisState,
    natural: np.ndarray,
    config: SynthesisConfig,
    solver: Solver,
    run_steps: StepRunner,
    on_chunk: Callable[[SynthesisState], None],
) -> SynthesisState:
    """Fill the places, take chunks of evaluations and log, until every stimulus has ended."""
    target, held = None, np.array([FREE])
    while True:
        state = filled(state, config.iterations, solver)
        if (state.place == FREE).all():
            return state
        if not np.array_equal(state.place, held):
            target, held = run_steps.responses(natural[state.place]), state.place
        rows = run_steps(target, rows_in_places(state), config.log_every, config.iterations)
        state = logged(state, rows, config.log_every)
        on_chunk(state)


def _check_kinds(network: Any, layer: Any, config: Any, strategy: Any, state: Any) -> None:
    """Raise ValueError for an argument of another kind than `synthesize` takes."""
    if not hasattr(network, "matched_response"):
        raise ValueError(
            f"synthesize needs a Network; got {type(network).__name__}: load_network(name) and "
            f"Network.from_keras(model) make one"
        )
    if not isinstance(layer, str):
        raise ValueError(f"layer must be the name of one layer; got {layer!r}")
    kinds = {"config": (config, SynthesisConfig), "state": (state, SynthesisState),
             "strategy": (strategy, tf.distribute.Strategy)}  # fmt: skip
    for name, (value, kind) in kinds.items():
        if not isinstance(value, kind) and (value is not None or name == "config"):
            raise ValueError(
                f"{name} must be a {kind.__name__}; got {type(value).__name__} {value!r:.40}"
            )


def _n_places(n_stimuli: int, batch_size: int | None, n_replicas: int) -> int:
    """Return how many stimuli are optimised at a time, a multiple of the number of replicas."""
    if batch_size is not None and (
        isinstance(batch_size, bool)
        or not isinstance(batch_size, int | np.integer)
        or batch_size < 1
    ):
        raise ValueError(f"batch_size must be a whole number from 1; got {batch_size!r}")
    n_places = n_stimuli if batch_size is None else min(n_stimuli, int(batch_size))
    return -(-n_places // n_replicas) * n_replicas


def _kept(graphs: MutableMapping[Hashable, Any], key: Hashable, make: Callable[[], Any]) -> Any:
    """Return what `make` made for `key`; the last few are kept."""
    graphs[key] = graphs.pop(key, None) or make()
    while len(graphs) > MOST_GRAPHS:
        del graphs[next(iter(graphs))]
    return graphs[key]


def _checked_ids(natural: np.ndarray, stimulus_ids: Sequence[str] | None) -> list[str]:
    if stimulus_ids is None:
        return [_content_id(stimulus) for stimulus in natural]
    if isinstance(stimulus_ids, str) or not np.iterable(stimulus_ids):
        raise ValueError(f"stimulus_ids must be a list of names; got {stimulus_ids!r}")
    ids = list(stimulus_ids)
    if len(ids) != len(natural):
        raise ValueError(f"expected {len(natural)} stimulus_ids, one per stimulus; got {len(ids)}")
    for name in ids:
        if not isinstance(name, str) or not name or ids.count(name) > 1:
            raise ValueError(f"stimulus_ids must be different, non-empty text; got {name!r}")
    return ids


def _checked_initial(
    network: MatchedNetwork, initial: np.ndarray, shape: Sequence[int]
) -> np.ndarray:
    initial = network.check_stimuli(initial)
    if initial.shape != tuple(shape):
        raise ValueError(
            f"expected {shape[0]} initial stimuli, one per natural stimulus; got {len(initial)}"
        )
    if not np.isfinite(initial).all():
        raise ValueError("initial stimuli must be finite; some have NaN or Inf")
    return initial


def _content_id(stimulus: np.ndarray) -> str:
    return hashlib.sha256(np.ascontiguousarray(stimulus).tobytes()).hexdigest()[:16]
