"""L-BFGS: a NumPy twin, and what its state machine does with trials that fail."""

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from model_metamers.synthesis import SynthesisConfig, lbfgs, synthesize
from model_metamers.synthesis.objective import evaluation
from model_metamers.synthesis.solver import Bounds
from shared.options import PAPER
from shared.presets import AUDIO, VISUAL

LBFGS = SynthesisConfig(iterations=60, solver="lbfgs", log_every=20)


@dataclass
class Function:
    """A network that is a function of [batch, 4, 4, 3] stimuli, with a ReLU behind it or not."""

    pre_activation: Any
    limit: float | None = None
    stimulus_range: tuple[float, float] | None = (0.0, 1.0)
    graphs: dict = field(default_factory=dict)

    def matched_response(self, layer, modified_gradient):
        return self

    def check_stimuli(self, stimuli):
        return np.asarray(stimuli, np.float32)


@pytest.fixture
def natural():
    return np.random.default_rng(0).random((3, 4, 4, 3), np.float32)


@pytest.fixture
def mixture():
    """A badly conditioned linear layer of 48 units."""
    draw = np.random.default_rng(1)
    matrix = draw.standard_normal((48, 48)) * np.logspace(0, 1.2, 48)
    return tf.constant(matrix, tf.float32)


def mixed(matrix):
    return lambda stimuli: tf.matmul(tf.reshape(stimuli, [-1, 48]), matrix)


class Twin:
    """The algorithm for one stimulus, with the two-loop recursion, in float64."""

    def __init__(self, function, x, low, high, memory):
        self.function, self.low, self.high, self.memory = function, low, high, memory
        self.x, self.pairs, self.length = x, [], 1.0
        f, self.g = function(x)
        self.recent, self.n_evaluations = [f] * lbfgs.RECENT, 1
        self.power, self.unit = self.g**2, np.ones_like(x)
        self.scale = lbfgs.FIRST_STEP * (high - low) / np.sqrt(np.mean(self.g**2))

    def trial(self):
        frozen = ((self.x <= self.low) & (self.g > 0)) | ((self.x >= self.high) & (self.g < 0))
        q, weights = np.where(frozen, 0.0, self.g * self.unit), []
        for s, y in reversed(self.pairs):
            weights.append(s @ q / (s @ y))
            q = q - weights[-1] * y
        q = self.scale * q
        for (s, y), weight in zip(self.pairs, reversed(weights), strict=True):
            q = q + s * (weight - y @ q / (s @ y))
        step = np.where(frozen, 0.0, -self.length * q * self.unit)
        return np.clip(self.x + step, self.low, self.high)

    def step(self):
        trial = self.trial()
        f, g = self.function(trial)
        falls = f < max(self.recent)
        old_x, old_g = self.x, self.g
        if falls:
            self.recent = [*self.recent[1:], f]
            self.x, self.g, self.length = trial, g, min(1.0, 2 * self.length)
        else:
            self.length /= 2
        if self.n_evaluations <= lbfgs.SCALING:
            self.power = self.power + self.g**2
        if self.n_evaluations == lbfgs.SCALING:
            unit = (self.power / self.power.mean() + lbfgs.LEAST_POWER) ** -0.25
            self.unit, self.pairs = unit / np.sqrt(np.mean(unit**2)), []
        s, y = (self.x - old_x) / self.unit, (self.g - old_g) * self.unit
        if s @ y > lbfgs.LEAST_CURVATURE * self.scale * (y @ y):
            self.pairs = [*self.pairs, (s, y)][-self.memory :]
            self.scale = s @ y / (y @ y)
        self.n_evaluations += 1


@pytest.mark.parametrize(
    ("limit", "largest"), [(None, lbfgs.LARGE), (float("inf"), lbfgs.LARGE), (None, 0)]
)
def test_steps_are_those_of_the_two_loop_recursion(natural, mixture, limit, largest, monkeypatch):
    """More steps than pairs fit into the memory, with bounds, halved steps and rejected pairs."""
    monkeypatch.setattr(lbfgs, "LARGE", largest)
    memory = lbfgs.MEMORY if largest else lbfgs.MEMORY_OF_LARGE
    matrix = mixture.numpy().astype(np.float64)
    function = Function(mixed(mixture), limit)
    evaluate, solver = evaluation(function), lbfgs.LBFGS(Bounds(0.0, 1.0), in_place=largest > 0)
    start = np.full_like(natural, 0.55)
    target = evaluate(tf.constant(natural), tf.constant(0.0)).response
    metamer, rows = tf.constant(start), solver.start(tf.constant(start))

    def objective(t):
        def at(x):
            z = x @ matrix
            r = z if limit is None else np.maximum(z, 0)
            return np.sum(0.5 * (r - t) ** 2 + (r - t) * (z - r)), matrix @ (r - t)

        return at

    targets = target.numpy().astype(np.float64)
    twins = [
        Twin(objective(t), x.ravel().astype(float), 0, 1, memory)
        for t, x in zip(targets, start, strict=True)
    ]
    at_bound = 0
    for step in range(28):
        found = evaluate(solver.point(metamer, rows), target)
        metamer, rows, *_ = solver.advance(metamer, rows, tf.fill([3], step), found)
        if step:
            for twin in twins:
                twin.step()
        expected = np.stack([twin.x for twin in twins])
        np.testing.assert_allclose(metamer.numpy().reshape(3, -1), expected, atol=1e-2)
        at_bound += np.sum((expected == 0) | (expected == 1))
    assert at_bound and len(twins[0].pairs) == memory


def test_a_badly_conditioned_layer_is_matched_inside_the_range(natural, mixture):
    result = synthesize(Function(mixed(mixture)), "", natural, LBFGS)
    assert (result.losses[-1] < 1e-3 * result.losses[0]).all()
    assert result.metamers.min() >= 0 and result.metamers.max() <= 1


def test_a_trial_that_is_not_finite_is_taken_back(natural):
    """Below zero the layer is NaN, and its curvature makes the first full steps lead there."""
    function = Function(tf.sqrt, stimulus_range=None)
    halved = []
    result = synthesize(
        function, "", 0.05 + natural, replace(LBFGS, log_every=1), initial=2 + natural,
        on_chunk=lambda state: halved.append(state.solver["halvings"]),
    )  # fmt: skip
    assert np.any(halved, axis=0).all()
    assert list(result.status) == ["finished"] * 3
    assert (result.losses[-1] < 0.01 * result.losses[0]).all()


def test_where_every_trial_fails_a_stimulus_diverges_and_the_others_do_not_notice(natural):
    """The second of three is finite only where it starts, and where it should get to."""
    start = np.full_like(natural, 0.5)

    def spoiled(x):
        is_known = tf.reduce_all((x == start) | (x == natural), axis=(1, 2, 3))
        finite = is_known | tf.constant([True, False, True])
        return tf.where(finite[:, None, None, None], x, np.float32(np.nan))

    clean, result = (
        synthesize(Function(function), "", natural, LBFGS, initial=start)
        for function in (tf.identity, spoiled)
    )
    assert list(result.status) == ["finished", "diverged", "finished"]
    np.testing.assert_array_equal(result.metamers[1], start[1])
    np.testing.assert_array_equal(result.metamers[[0, 2]], clean.metamers[[0, 2]])
    assert np.isfinite(result.losses).all() and result.step[1] < LBFGS.iterations


def test_a_matched_stimulus_stops_by_itself(natural, mixture):
    start = np.stack([natural[0], np.full_like(natural[1], 0.5), natural[2]])
    result = synthesize(Function(mixed(mixture)), "", natural, LBFGS, initial=start)
    assert list(result.step) == [1, result.step[1], 1] and result.step[1] > 20
    np.testing.assert_array_equal(result.losses[:, [0, 2]], 0)
    np.testing.assert_array_equal(result.metamers[[0, 2]], natural[[0, 2]])
    assert list(result.status) == ["finished"] * 3


def test_a_stuck_stimulus_stops_by_itself(natural):
    """Where every way leads up, halving a step does not help."""
    function = Function(lambda x: 1.0 + tf.abs(x - 0.5), stimulus_range=(0.0, 1.0))
    start = np.full_like(natural, 0.5)
    config = SynthesisConfig(iterations=500, solver="lbfgs")
    result = synthesize(function, "", natural, config, initial=start)
    assert (result.step < 100).all() and list(result.status) == ["finished"] * 3


def test_a_stimulus_that_gets_no_further_stops_by_itself(natural):
    """The layer's ripples have a local minimum at every place."""
    function = Function(lambda x: tf.concat([x, tf.sin(40 * x)], axis=-1))
    config = SynthesisConfig(iterations=1000, solver="lbfgs")
    result = synthesize(function, "", natural, config)
    assert (result.step < 500).all() and (result.losses[-1] > 1e-4 * result.losses[0]).all()
    assert list(result.status) == ["finished"] * 3


@pytest.mark.parametrize("presets", [VISUAL, AUDIO])
def test_every_preset_but_the_papers_uses_it(presets):
    for name, preset in presets.items():
        config = SynthesisConfig(preset.iterations, **preset.synthesis(preset.iterations))
        if name == PAPER:
            assert config == SynthesisConfig(iterations=15_000)
        else:
            assert config.solver == "lbfgs" and config.iterations <= 300


def test_the_last_loss_is_the_metamers_where_it_ends_inside_a_chunk(natural):
    """The other places' evaluations go on until the chunk ends, and its own with them."""
    draw = np.random.default_rng(1)
    first, second = (
        tf.constant(draw.standard_normal(shape), tf.float32) for shape in ((48, 30), (30, 20))
    )

    def layer(stimuli):
        return tf.tanh(mixed(first)(stimuli)) @ second

    config = SynthesisConfig(iterations=1000, solver="lbfgs", log_every=1000)
    result = synthesize(Function(layer), "", natural, config)
    assert result.step.min() < result.step.max()
    losses = 0.5 * np.sum(np.square(layer(result.metamers) - layer(natural)), axis=1)
    np.testing.assert_allclose(result.losses[-1], losses, rtol=1e-4)
