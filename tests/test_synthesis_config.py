"""Settings of a synthesis: what is refused, in one line that names the field."""

import json
from dataclasses import asdict

import numpy as np
import pytest
from command_line import error_of, run

from model_metamers.commands.arguments import parser
from model_metamers.synthesis import SOLVERS, SynthesisConfig
from model_metamers.synthesis.runner import make_solver
from model_metamers.synthesis.solver import Bounds

NAN, INF = float("nan"), float("inf")
COUNTS = ("iterations", "decay_steps", "log_every")
RATES = ("learning_rate", "decay_rate", "epsilon")
NO_NUMBERS = (True, False, np.True_, None, "1", b"1", [1], np.ones(2), 1j)
REFUSED = (
    [(name, value) for name in COUNTS for value in (*NO_NUMBERS, 0, -1, 1.5, 2.0, NAN, INF)]
    + [(name, value) for name in COUNTS for value in (3_000_000_000, 3e9, 10**30)]
    + [("seed", value) for value in (*NO_NUMBERS, -1, 0.5, 1.0, NAN, 2**32, 10**30)]
    + [(name, value) for name in RATES for value in (*NO_NUMBERS, 0, -1e-3, NAN, INF, -INF)]
    + [(name, value) for name in RATES for value in (1e-60, 1e60, np.float32(NAN))]
    + [("decay_rate", 1.01)]
    + [(name, value) for name in ("beta_1", "beta_2") for value in (*NO_NUMBERS, -0.1, 1, 2, NAN)]
    + [("beta_2", 1 - 1e-12)]  # 1 in float32
    + [("solver", value) for value in ("LBFGS", "sgd", "", None, 1)]
    + [("modified_gradient", value) for value in (1, 0, "yes", None)]
)


@pytest.mark.parametrize(("field", "value"), REFUSED)
def test_a_wrong_value_is_refused_in_a_line_that_names_its_field(field, value):
    with pytest.raises(ValueError, match=f"^{field} must be .*; got ") as refusal:
        SynthesisConfig(**{field: value})
    assert "\n" not in str(refusal.value)


def test_numbers_of_numpy_become_those_of_python():
    config = SynthesisConfig(
        iterations=np.int64(20), learning_rate=np.float32(0.25), seed=np.uint32(3), beta_1=0,
        modified_gradient=np.True_, log_every=np.int8(5), decay_rate=1,
    )  # fmt: skip
    assert config == SynthesisConfig(
        iterations=20, learning_rate=0.25, seed=3, beta_1=0.0, log_every=5, decay_rate=1.0
    )
    assert SynthesisConfig(**json.loads(json.dumps(asdict(config)))) == config


def test_the_defaults_are_those_of_2019():
    config = SynthesisConfig()
    assert (config.solver, config.iterations, config.learning_rate) == ("adam", 15_000, 1e-3)
    assert (config.decay_rate, config.decay_steps) == (0.95, 1000)
    assert (config.beta_1, config.beta_2, config.epsilon) == (0.9, 0.999, 1e-8)


def test_every_flag_offers_the_solvers_there_are():
    """The flags are defined before TensorFlow is loaded, and name the solvers themselves."""
    for script in ("fig3_visual", "benchmark"):
        assert f"<{'|'.join(SOLVERS)}>" in error_of(run(script, "--solver=sgd"))
    (commands,) = (action for action in parser()._actions if action.choices)
    (solver,) = (a for a in commands.choices["make"]._actions if a.dest == "solver")
    assert set(solver.choices) == set(SOLVERS)
    for name in SOLVERS:
        assert make_solver(SynthesisConfig(solver=name), Bounds()).start
