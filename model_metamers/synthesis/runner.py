"""Evaluations on the devices: one graph per network, layer and solver, with explicit state.

The graph that evaluates the objective is traced once, and serves the responses to the natural
stimuli, the solver's steps and the losses that are logged. Stimuli fill the places of a batch of
fixed size, which is split over the strategy's replicas.
"""

from collections.abc import Callable, Sequence
from functools import lru_cache, partial
from typing import Any

import numpy as np
import tensorflow as tf

from model_metamers.synthesis.adam import Adam
from model_metamers.synthesis.config import SynthesisConfig
from model_metamers.synthesis.lbfgs import LBFGS
from model_metamers.synthesis.objective import MatchedResponse, chosen, evaluation
from model_metamers.synthesis.solver import Bounds, Rows, Solver


def make_solver(config: SynthesisConfig, bounds: Bounds) -> Solver:
    """Return the solver that a configuration names; those are equal that make equal steps."""
    lbfgs = LBFGS(bounds, in_place=not _compiles())
    solvers: dict[str, Solver] = {"adam": Adam(config, bounds), "lbfgs": lbfgs}
    return solvers[config.solver]


def _compiles() -> bool:
    """Return whether XLA compiles the steps: it speeds them up on GPUs, and slows CPUs down."""
    return bool(tf.config.list_logical_devices("GPU"))


class StepRunner:
    """Runs evaluations on the strategy's replicas, each on its part of the places.

    All arrays and tensors it takes and returns have one row per place; the number of places is a
    multiple of the number of replicas, and the same in every call.

    Args:
        matched: the matched layer.
        solver: makes the steps.
        strategy: the devices.
        shape: of the stimuli in all places, [places, ...].
    """

    def __init__(
        self,
        matched: MatchedResponse,
        solver: Solver,
        strategy: tf.distribute.Strategy,
        shape: Sequence[int],
    ) -> None:
        places = shape[0] // strategy.num_replicas_in_sync
        # Responses to natural stimuli are evaluated against no target, the scalar zero.
        signature = tf.TensorSpec([places, *shape[1:]]), tf.TensorSpec(None)
        evaluate = _graph(evaluation(matched), input_signature=signature)
        # Loops in the network compile only if XLA is to compile the function that is the first to
        # trace them.
        compiles = _compiles()
        respond = _graph(lambda stimuli: evaluate(stimuli, 0.0).response, jit_compile=compiles)
        steps = _graph(_steps(evaluate, solver), jit_compile=compiles)

        # Given a compiled function itself, a strategy of CPUs compiles all replicas as one.
        self._respond = _Graph(lambda stimuli: strategy.run(lambda x: respond(x), (stimuli,)))
        self._run = _Graph(lambda *arguments: strategy.run(lambda *a: steps(*a), arguments))
        self._strategy = strategy

    def responses(self, stimuli: np.ndarray) -> Any:
        """Return the layer's responses, split over the replicas as `__call__` takes them."""
        return self._respond(self._split(stimuli))

    def __call__(
        self, target: Any, rows: dict[str, np.ndarray], n_evaluations: int, iterations: int
    ) -> dict[str, np.ndarray]:
        """Take evaluations, and return the rows after them.

        Args:
            target: what `responses` returned.
            rows: "metamer", "step", "stopped", "diverged" (see `SynthesisState`), "first_loss" and
                "loss" (at the first and the present metamers, float32 [places]), and the solver's.
            n_evaluations: of each place; fewer where its stimulus ends before.
            iterations: at which the step of a stimulus ends.
        """
        counts = tf.constant(n_evaluations), tf.constant(iterations)
        rows = {name: self._split(values) for name, values in rows.items()}
        return {name: self._join(each) for name, each in self._run(target, rows, *counts).items()}

    def _split(self, values: np.ndarray) -> tf.Tensor | tf.distribute.DistributedValues:
        n_replicas = self._strategy.num_replicas_in_sync
        if n_replicas == 1:
            return tf.constant(values)
        parts = np.split(values, n_replicas)
        return self._strategy.experimental_distribute_values_from_function(
            lambda context: tf.constant(parts[context.replica_id_in_sync_group])
        )

    def _join(self, values: tf.Tensor | tf.distribute.DistributedValues) -> np.ndarray:
        parts = self._strategy.experimental_local_results(values)
        return np.concatenate([p.numpy() for p in parts]) if len(parts) > 1 else parts[0].numpy()


# Translating Python's ifs and loops on tensors, of which there are none, would take 2 seconds.
_graph = partial(tf.function, autograph=False)


@lru_cache(maxsize=16)
def _advance(solver: Solver) -> Callable:
    """Return the solver's step as a graph that all layers share, for stimuli of one shape."""
    return _graph(lambda *arguments: solver.advance(*arguments))


class _Graph:
    """A function that is traced once, for the shapes of its first call."""

    def __init__(self, function: Callable):
        self._function = _graph(function)
        self._traced: Callable | None = None

    def __call__(self, *arguments: Any) -> Any:
        # TensorFlow would warn of a tf.function for every network and layer, each called once.
        if self._traced is None:
            self._traced = self._function.get_concrete_function(*arguments)
        return self._traced(*arguments)


def _steps(evaluate: Callable, solver: Solver) -> Callable:
    """Return steps(target, rows, n_evaluations, iterations) -> rows; see `StepRunner.__call__`."""
    advance = _advance(solver)

    def is_running(rows: Rows, iterations: tf.Tensor) -> tf.Tensor:
        return ~rows["stopped"] & ~rows["diverged"] & (rows["step"] < iterations)

    def one_evaluation(rows: Rows, target: tf.Tensor, iterations: tf.Tensor) -> Rows:
        running = is_running(rows, iterations)
        metamer, step = rows["metamer"], rows["step"]
        found = evaluate(solver.point(metamer, rows), target)
        # The response, which is of no use to a solver, would make the graph that of one layer.
        new = advance(metamer, rows, step, found._replace(response=None))
        going_on = running & ~new.diverged
        loss = solver.loss(new.rows)
        # What else the solver keeps of a stimulus that has ended is of no consequence any more.
        return (
            rows
            | new.rows
            | {
                "metamer": chosen(going_on, new.metamer, metamer),
                "step": step + tf.cast(going_on, tf.int32),
                "stopped": rows["stopped"] | (going_on & new.stopped),
                "diverged": rows["diverged"] | (running & new.diverged),
                "first_loss": tf.where(running & (step == 0), found.loss, rows["first_loss"]),
                "loss": rows["loss"] if loss is None else tf.where(going_on, loss, rows["loss"]),
            }
        )

    def steps(
        target: tf.Tensor, rows: Rows, n_evaluations: tf.Tensor, iterations: tf.Tensor
    ) -> Rows:
        _, rows = tf.while_loop(
            lambda i, rows: (i < n_evaluations) & tf.reduce_any(is_running(rows, iterations)),
            lambda i, rows: (i + 1, one_evaluation(rows, target, iterations)),
            (tf.constant(0), rows),
        )
        loss = solver.loss(rows)
        if loss is None:
            loss = evaluate(rows["metamer"], target).loss
        return rows | {"loss": loss}

    return steps
