"""How a metamer is optimised: every setting, checked where it enters."""

import math
import numbers
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

SOLVERS = ("adam", "lbfgs")
LARGEST_COUNT = 10**9
LARGEST_SEED = 2**32 - 1


@dataclass(frozen=True)
class SynthesisConfig:
    """How a metamer is optimised. The defaults are those of the 2019 code.

    Attributes:
        iterations: evaluations of the objective and its gradient, the same work for every solver.
        solver: "adam", as in the paper, or "lbfgs", which needs a fraction of the evaluations
            and none of the rates below.
        learning_rate: of Adam, at step 0; for stimuli in a finite range, a share of its width.
        decay_rate, decay_steps: the rate falls continuously by `decay_rate` every `decay_steps`.
        seed: of the initial noise.
        beta_1, beta_2, epsilon: Adam's constants (Keras' own epsilon would be 1e-7).
        log_every: evaluations between logged losses; also the length of a chunk inside the graph.
        modified_gradient: differentiate the matched layer's ReLU as the identity.

    Raises:
        ValueError: a value of another kind than its field needs, or outside its bounds.
    """

    iterations: int = 15_000
    solver: str = "adam"
    learning_rate: float = 1e-3
    decay_rate: float = 0.95
    decay_steps: int = 1000
    seed: int = 0
    beta_1: float = 0.9
    beta_2: float = 0.999
    epsilon: float = 1e-8
    log_every: int = 100
    modified_gradient: bool = True

    def __post_init__(self) -> None:
        for field in fields(self):
            value = _CHECKS[field.name](field.name, getattr(self, field.name))
            object.__setattr__(self, field.name, value)


def _count(name: str, value: Any) -> int:
    return _whole(name, value, 1, LARGEST_COUNT)


def _seed(name: str, value: Any) -> int:
    return _whole(name, value, 0, LARGEST_SEED)


def _whole(name: str, value: Any, least: int, most: int) -> int:
    """Return a whole number of any integer type as Python's."""
    is_whole = isinstance(value, numbers.Integral) and not isinstance(value, bool)
    if not is_whole or not least <= value <= most:
        raise ValueError(f"{name} must be a whole number from {least} to {most}; got {value!r}")
    return int(value)


def _real(name: str, value: Any) -> float:
    is_real = isinstance(value, numbers.Real) and not isinstance(value, bool | np.bool_)
    if not is_real or not math.isfinite(value):
        raise ValueError(f"{name} must be a finite number; got {value!r}")
    return float(value)


def _positive(name: str, value: Any) -> float:
    number = _real(name, value)
    # Steps are computed in float32, where 1e-50 is zero and 1e50 infinite.
    smallest, largest = (float(each) for each in (np.finfo("f4").tiny, np.finfo("f4").max))
    if not smallest <= number <= largest:
        raise ValueError(f"{name} must be positive, and normal as a float32; got {value!r}")
    return number


def _decay(name: str, value: Any) -> float:
    number = _positive(name, value)
    if number > 1:
        raise ValueError(f"{name} must be above 0 and at most 1; got {value!r}")
    return number


def _beta(name: str, value: Any) -> float:
    number = _real(name, value)
    # A value that rounds to 1 in float32 would divide by zero in the first step.
    if not number >= 0 or not np.float32(number) < 1:
        raise ValueError(f"{name} must be at least 0 and below 1; got {value!r}")
    return number


def _flag(name: str, value: Any) -> bool:
    if not isinstance(value, bool | np.bool_):
        raise ValueError(f"{name} must be True or False; got {value!r}")
    return bool(value)


def _solver(name: str, value: Any) -> str:
    if not isinstance(value, str) or value not in SOLVERS:
        raise ValueError(f"{name} must be one of: {', '.join(SOLVERS)}; got {value!r}")
    return value


_CHECKS = {
    "iterations": _count,
    "solver": _solver,
    "learning_rate": _positive,
    "decay_rate": _decay,
    "decay_steps": _count,
    "seed": _seed,
    "beta_1": _beta,
    "beta_2": _beta,
    "epsilon": _positive,
    "log_every": _count,
    "modified_gradient": _flag,
}
