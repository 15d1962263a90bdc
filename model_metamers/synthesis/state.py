"""Where a synthesis stands: explicit, one row per stimulus, and enough to continue from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
import tensorflow as tf

from model_metamers.stimuli.noise import image_noise, pink_noise
from model_metamers.synthesis.solver import Bounds, Solver

FREE = -1  # a place without a stimulus
_SOLVER = "solver."  # in front of the names of the solver's arrays in storage
_OF_STIMULI = ("metamer", "step", "stopped", "diverged")


class UnfitStateError(ValueError):
    """A state that this synthesis cannot go on from."""


@dataclass(frozen=True)
class SynthesisState:
    """Everything the next evaluation depends on.

    At most `len(place)` of the n stimuli are optimised at a time, each in a place of the graph,
    which has a fixed shape; the others wait for one, or are through.

    Attributes:
        metamer: stimuli, float32 [n, ...]; the initial noise of those that wait.
        step: evaluations each stimulus took, int32 [n].
        stopped: whether more would not have helped, bool [n].
        diverged: whether it ended at a NaN or Inf, bool [n].
        loss: logged losses, float32 [n_logged, n], one row for every `log_every` evaluations of a
            stimulus, whenever it took them; the first row is that of the noise. The last loss of
            a stimulus fills its rows up. NaN for those that wait.
        place: which stimulus each place holds, int32 [places]; FREE for none.
        layer: the matched layer's name.
        natural: lengths of the four quarters of each natural stimulus, float32 [n, 4], which with
            the layer tell whose state it is.
        solver: the solver's state of every place, name -> [places, ...].
    """

    metamer: np.ndarray
    step: np.ndarray
    stopped: np.ndarray
    diverged: np.ndarray
    loss: np.ndarray
    place: np.ndarray
    layer: np.ndarray
    natural: np.ndarray
    solver: Mapping[str, np.ndarray]

    def arrays(self) -> dict[str, np.ndarray]:
        """Return all arrays by name, for storage."""
        own = {f.name: getattr(self, f.name) for f in fields(self) if f.name != "solver"}
        return own | {_SOLVER + name: array for name, array in self.solver.items()}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray]) -> "SynthesisState":
        """Return the state that `arrays` described.

        Raises:
            UnfitStateError: arrays of something else.
        """
        own = {f.name: arrays[f.name] for f in fields(cls) if f.name in arrays}
        solver = {
            name.removeprefix(_SOLVER): array
            for name, array in arrays.items()
            if name.startswith(_SOLVER)
        }
        names = {f.name for f in fields(cls)} - {"solver"}
        if set(own) != names or len(own) + len(solver) != len(arrays):
            raise UnfitStateError(
                f"expected the state of a synthesis, with {', '.join(sorted(names))} and the "
                f"solver's arrays; got {', '.join(sorted(arrays)) or 'nothing'}"
            )
        return cls(**own, solver=solver)

    def check_like(self, expected: "SynthesisState") -> None:
        """Check that this state could follow another one.

        Raises:
            UnfitStateError: it is of another layer, other stimuli, another solver or another
                number of places.
        """
        if str(self.layer) != str(expected.layer):
            raise UnfitStateError(
                f"the state is of another synthesis: expected the layer {expected.layer}; got "
                f"{self.layer}"
            )
        ours, theirs = self.arrays(), expected.arrays()
        if set(ours) != set(theirs):
            raise UnfitStateError(
                f"the state is of another solver; expected arrays {', '.join(theirs)}; got "
                f"{', '.join(ours)}"
            )
        for name, array in ours.items():
            shape, dtype = np.shape(array), getattr(array, "dtype", None)
            wanted = theirs[name].shape
            if name == "loss":  # grows
                shape, wanted = shape[1:], wanted[1:]
            if shape != wanted or dtype != theirs[name].dtype:
                raise UnfitStateError(
                    f"the state is of another synthesis: expected {name} of shape "
                    f"{list(wanted)}, {theirs[name].dtype}; got {list(shape)}, {dtype}"
                )
        if not np.isin(self.place, range(FREE, len(self.step))).all():
            raise UnfitStateError(
                f"the state's places hold unknown stimuli: {self.place.tolist()}"
            )
        if not np.allclose(self.natural, expected.natural, rtol=1e-3, equal_nan=True):
            raise UnfitStateError("the state is of another synthesis, of other natural stimuli")

    def ended(self, iterations: int) -> np.ndarray:
        """Return which stimuli take no more evaluations, bool [n]."""
        return self.stopped | self.diverged | (self.step >= iterations)

    def check_can_go_on(self, iterations: int) -> None:
        """Check that the solver's state is known of all stimuli that are to be optimised further.

        Raises:
            UnfitStateError: some ended after fewer evaluations, and gave their places to others.
        """
        has_place = np.isin(np.arange(len(self.step)), self.place)
        lost = ~self.ended(iterations) & (self.step > 0) & ~has_place
        if lost.any():
            raise UnfitStateError(
                f"{lost.sum()} stimuli ended after {self.step[lost].max()} evaluations and gave "
                f"their places to others, so that {iterations} cannot be reached as if without a "
                f"break; start anew from their metamers, with initial=state.metamer"
            )


def initial_noise(
    shape: Sequence[int], stimulus_ids: Sequence[str], seed: int, bounds: Bounds = Bounds()
) -> np.ndarray:
    """Return what metamers start from: uniform noise for images, pink noise for sounds.

    Args:
        shape: of the stimuli, [n, ...]; a sound's is [n, samples] or [n, samples, 1].
        stimulus_ids: n names, which with the seed determine the noise.
        seed: of the noise.
        bounds: a finite range scales the noise: images as if it were [0, 1], sounds [-1, 1].

    Returns:
        float32 of `shape`.
    """
    stimulus_shape = tuple(shape[1:])
    if stimulus_shape[1:] in ((), (1,)):
        noise = np.stack([pink_noise(stimulus_shape[0], seed, name) for name in stimulus_ids])
        noise = noise.reshape(shape)
        unit = bounds.width / 2 if bounds.is_finite else 1.0
        origin = bounds.origin(0.5 if bounds.is_finite else 1.0)
    else:
        noise = np.stack([image_noise(stimulus_shape, seed, name) for name in stimulus_ids])
        unit, origin = bounds.width, bounds.origin(0.0)
    return (np.float32(origin) + np.float32(unit) * noise).astype(np.float32)


def initial_state(
    metamer: np.ndarray, natural: np.ndarray, layer: str, solver: Mapping[str, np.ndarray]
) -> SynthesisState:
    """Return the state before the first evaluation, with every place free.

    Args:
        metamer: what the metamers start from, [n, ...].
        natural: what they are to match, likewise.
        layer: where.
        solver: the solver's state of all places, of any values.
    """
    n_stimuli, n_places = len(metamer), len(next(iter(solver.values())))
    quarters = np.array_split(natural.reshape(n_stimuli, -1), 4, axis=1)
    return SynthesisState(
        metamer=metamer,
        step=np.zeros(n_stimuli, np.int32),
        stopped=np.zeros(n_stimuli, bool),
        diverged=np.zeros(n_stimuli, bool),
        loss=np.full((1, n_stimuli), np.nan, np.float32),
        place=np.full(n_places, FREE, np.int32),
        layer=np.array(layer),
        natural=np.stack([np.linalg.norm(part, axis=1) for part in quarters], 1).astype("f4"),
        solver=dict(solver),
    )


def filled(state: SynthesisState, iterations: int, solver: Solver) -> SynthesisState:
    """Give the places of stimuli that have ended to those that wait, in their order.

    A place rounds in its own way. So stimuli begin in the places of their numbers, whether others
    have diverged before the first step or not.
    """
    ended = state.ended(iterations)
    place = np.where(ended[state.place], FREE, state.place)
    waiting = np.setdiff1d(np.flatnonzero(~ended), place)
    free = np.flatnonzero(place == FREE)
    own = np.intersect1d(waiting, free)
    others, left = np.setdiff1d(waiting, own), np.setdiff1d(free, own)
    place[own] = own
    place[left[: len(others)]] = others[: len(left)]
    free = free[place[free] != FREE]
    if not len(free):
        return replace(state, place=place)
    fresh = started(solver, state.metamer[place])
    rows = {name: array.copy() for name, array in state.solver.items()}
    for name, array in fresh.items():
        rows[name][free] = array[free]
    return replace(state, place=place, solver=rows)


def rows_in_places(state: SynthesisState) -> dict[str, np.ndarray]:
    """Return what the graph needs of the stimuli in the places, as `StepRunner` takes it."""
    place = state.place  # a free one copies the last stimulus, which is not optimised there
    return {
        "metamer": state.metamer[place],
        "step": state.step[place],
        "stopped": state.stopped[place] | (place == FREE),
        "diverged": state.diverged[place],
        "first_loss": state.loss[0, place],
        "loss": state.loss[-1, place],
        **state.solver,
    }


def logged(state: SynthesisState, rows: dict[str, np.ndarray], log_every: int) -> SynthesisState:
    """Return the state after a chunk, with its losses in the rows of each stimulus' own step."""
    used = state.place != FREE
    place = state.place[used]
    changed = {name: getattr(state, name).copy() for name in _OF_STIMULI}
    for name, values in changed.items():
        values[place] = rows[name][used]
    logged_row = -(-rows["step"] // log_every)
    missing = max(0, int(logged_row[used].max()) + 1 - len(state.loss))
    loss = np.pad(state.loss, [(0, missing), (0, 0)], mode="edge")
    for index in np.flatnonzero(used):
        stimulus = state.place[index]
        if state.step[stimulus] == 0:
            loss[:, stimulus] = rows["first_loss"][index]
        if rows["step"][index] > 0:
            loss[logged_row[index] :, stimulus] = rows["loss"][index]
    solver = {name: rows[name] for name in state.solver}
    return replace(state, **changed, loss=loss, solver=solver)


def started(solver: Solver, metamer: np.ndarray) -> dict[str, np.ndarray]:
    """Return the solver's state of places that start with these metamers."""
    return {name: rows.numpy() for name, rows in solver.start(tf.constant(metamer)).items()}
