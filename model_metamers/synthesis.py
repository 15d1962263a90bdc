"""Synthesis: noise is optimised until one layer responds to it as to the natural stimulus.

For every stimulus, on its own, TF1's Adam minimises

    loss = 1/2 sum_j (response_j(metamer) - response_j(natural))^2

where j runs over the units of the matched layer. A batch only shares the arithmetic: its loss is
the sum of the stimuli's losses and Adam works element by element, so a metamer does not depend on
its batch mates, the batch size or the number of devices. All state is explicit (`SynthesisState`);
a chunk of steps runs inside one graph, and the host logs and saves in between.

Source: paper section 2.1; FACTS section 3.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from typing import Protocol

import numpy as np
import tensorflow as tf

from model_metamers.stimuli.noise import image_noise, pink_noise


class MatchedNetwork(Protocol):
    """What synthesis needs to know of a network (`networks.Network` has it)."""

    stimulus_range: tuple[float, float] | None

    def response(self, layer: str, modified_gradient: bool) -> Callable[[tf.Tensor], tf.Tensor]:
        """Return the differentiable function from stimuli to the layer's activations."""

    def check_stimuli(self, stimuli: np.ndarray) -> np.ndarray:
        """Return stimuli as float32, or raise ValueError."""


@dataclass(frozen=True)
class SynthesisConfig:
    """How a metamer is optimised. The defaults are those of the 2019 code.

    Attributes:
        iterations: optimisation steps.
        learning_rate: of Adam, at step 0.
        decay_rate, decay_steps: the rate falls continuously by `decay_rate` every `decay_steps`.
        seed: of the initial noise.
        beta_1, beta_2, epsilon: Adam's constants (Keras' own epsilon would be 1e-7).
        log_every: steps between logged losses; also the length of a chunk inside the graph.
        modified_gradient: differentiate the matched layer's ReLU as the identity.

    Raises:
        ValueError: a count or rate that is not positive.
    """

    iterations: int = 15_000
    learning_rate: float = 1e-3
    decay_rate: float = 0.95
    decay_steps: int = 1000
    seed: int = 0
    beta_1: float = 0.9
    beta_2: float = 0.999
    epsilon: float = 1e-8
    log_every: int = 100
    modified_gradient: bool = True

    def __post_init__(self):
        for name in ("iterations", "learning_rate", "decay_rate", "decay_steps", "log_every"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} must be positive; got {getattr(self, name)}")


@dataclass(frozen=True)
class SynthesisState:
    """Everything the next step depends on; one row per stimulus.

    Attributes:
        metamer, m, v: stimuli and Adam's moments, float32 [batch, ...].
        step: steps taken, int32 [batch].
        diverged: whether the stimulus stopped at a NaN or Inf, bool [batch].
        loss: logged losses, float32 [n_logged, batch]; the first row is that of the noise.
    """

    metamer: np.ndarray
    m: np.ndarray
    v: np.ndarray
    step: np.ndarray
    diverged: np.ndarray
    loss: np.ndarray

    def arrays(self) -> dict[str, np.ndarray]:
        """Return the fields by name, for storage."""
        return {field.name: getattr(self, field.name) for field in fields(self)}


@dataclass(frozen=True)
class SynthesisResult:
    """Metamers [batch, ...], losses [n_logged, batch], status ("finished", "diverged") [batch]."""

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
) -> SynthesisResult:
    """Make metamers of `natural` for one layer.

    Args:
        network: see `MatchedNetwork`.
        layer: the matched layer.
        natural: stimuli [batch, *stimulus_shape].
        config: the optimisation.
        strategy: splits the batch over its replicas; None for one device.
        stimulus_ids: names that, with the seed, determine the initial noise; by default a hash of
            each stimulus.
        state: an earlier call's last state, to continue from.
        on_chunk: receives the state after every `log_every` steps (to save it, to show progress).
        initial: stimuli to start from instead of noise, like `natural`.

    Returns:
        The metamers; a stimulus that met a NaN or Inf keeps its last finite values.

    Raises:
        ValueError: stimuli of the wrong shape, or an unknown layer.
    """
    natural = network.check_stimuli(natural)
    ids = [_content_id(s) for s in natural] if stimulus_ids is None else list(stimulus_ids)
    if len(ids) != len(natural):
        raise ValueError(f"expected {len(natural)} stimulus_ids, one per stimulus; got {len(ids)}")
    if state is None:
        state = initial_state(natural.shape, ids, config.seed)
        if initial is not None:
            state = replace(state, metamer=_checked_initial(network, initial, natural.shape))
        # A NaN would pass unseen through a ReLU, which some kernels turn into zero.
        state = replace(state, diverged=~np.isfinite(natural).all(axis=_feature_axes(natural)))
    strategy = strategy or tf.distribute.get_strategy()
    run_steps = StepRunner(network, layer, natural, config, strategy)

    if not len(state.loss):
        state = run_steps(state, 0)
    while (steps_left := _steps_left(state, config)) > 0:
        state = run_steps(state, min(config.log_every, steps_left))
        on_chunk(state)
    status = np.where(state.diverged, "diverged", "finished")
    return SynthesisResult(state.metamer, state.loss, status, state.step)


def _checked_initial(network: MatchedNetwork, initial: np.ndarray, shape: Sequence[int]):
    initial = network.check_stimuli(initial)
    if initial.shape != tuple(shape):
        raise ValueError(
            f"expected {shape[0]} initial stimuli, one per natural stimulus; got {len(initial)}"
        )
    return initial


def initial_state(shape: Sequence[int], stimulus_ids: Sequence[str], seed: int) -> SynthesisState:
    """Return the state before the first step: uniform noise for images, pink noise for sounds."""
    n_stimuli, *stimulus_shape = shape
    if len(stimulus_shape) == 1:
        noise = np.stack([pink_noise(stimulus_shape[0], seed, name) for name in stimulus_ids])
    else:
        noise = np.stack([image_noise(stimulus_shape, seed, name) for name in stimulus_ids])
    return SynthesisState(
        metamer=noise,
        m=np.zeros_like(noise),
        v=np.zeros_like(noise),
        step=np.zeros(n_stimuli, np.int32),
        diverged=np.zeros(n_stimuli, bool),
        loss=np.zeros((0, n_stimuli), np.float32),
    )


def _steps_left(state: SynthesisState, config: SynthesisConfig) -> int:
    """Return how many steps the running stimuli, which are all equally far, still have to go."""
    return config.iterations - int(state.step[~state.diverged].min(initial=config.iterations))


def _content_id(stimulus: np.ndarray) -> str:
    return hashlib.sha256(np.ascontiguousarray(stimulus).tobytes()).hexdigest()[:16]


class StepRunner:
    """Runs chunks of steps on the strategy's replicas, each on its part of the batch.

    Args:
        network: see `MatchedNetwork`.
        layer: the matched layer.
        natural: stimuli [batch, *stimulus_shape], whose responses are the target.
        config: the optimisation.
        strategy: the devices.
    """

    def __init__(
        self,
        network: MatchedNetwork,
        layer: str,
        natural: np.ndarray,
        config: SynthesisConfig,
        strategy: tf.distribute.Strategy,
    ):
        with strategy.scope():  # a fused ReLU's layer is made anew without it
            response = network.response(layer, config.modified_gradient)
        steps = _step_function(response, network.stimulus_range, config)
        # XLA speeds a step up on GPUs and slows it down on CPUs.
        compiled = tf.function(steps, jit_compile=bool(tf.config.list_logical_devices("GPU")))

        def replica_steps(*arguments: tf.Tensor) -> tuple[tf.Tensor, ...]:
            # Given a compiled function itself, a strategy of CPUs compiles all replicas as one.
            return compiled(*arguments)

        self._run = tf.function(lambda *arguments: strategy.run(replica_steps, arguments))
        self._strategy = strategy
        respond = tf.function(lambda stimuli: strategy.run(response, (stimuli,)))
        self._target = respond(self._split(natural))

    def __call__(self, state: SynthesisState, n_steps: int) -> SynthesisState:
        """Advance `state` by `n_steps` and log the loss; 0 steps log the loss of the start."""
        rows = (state.metamer, state.m, state.v, state.step, state.diverged)
        outputs = self._run(self._target, *map(self._split, rows), tf.constant(n_steps))
        *rows, loss = (self._join(output, len(state.step)) for output in outputs)
        return SynthesisState(*rows, loss=np.concatenate([state.loss, loss[np.newaxis]]))

    def _split(self, rows: np.ndarray) -> tf.Tensor | tf.distribute.DistributedValues:
        """Give every replica an equal part; copies of the last row fill up until `_join`."""
        n_replicas = self._strategy.num_replicas_in_sync
        if n_replicas == 1:
            return tf.constant(rows)
        per_replica = -(-len(rows) // n_replicas)
        filled = rows[np.minimum(np.arange(per_replica * n_replicas), len(rows) - 1)]
        parts = np.split(filled, n_replicas)
        return self._strategy.experimental_distribute_values_from_function(
            lambda context: tf.constant(parts[context.replica_id_in_sync_group])
        )

    def _join(
        self, values: tf.Tensor | tf.distribute.DistributedValues, n_rows: int
    ) -> np.ndarray:
        parts = self._strategy.experimental_local_results(values)
        return np.concatenate([part.numpy() for part in parts])[:n_rows]


def _step_function(response: Callable, stimulus_range, config: SynthesisConfig) -> Callable:
    """Return steps(target, metamer, m, v, step, diverged, n_steps) -> the rows and their loss."""

    def losses_between(metamer, target):
        return 0.5 * _sum_over_features(tf.square(response(metamer) - target))

    def one_step(metamer, m, v, step, diverged, target):
        with tf.GradientTape() as tape:
            tape.watch(metamer)
            loss = tf.nn.l2_loss(response(metamer) - target)  # of the batch: a sum over stimuli
        gradient = tape.gradient(loss, metamer)
        new_metamer, new_m, new_v = adam_step(metamer, m, v, step, gradient, config)
        if stimulus_range is not None:
            new_metamer = tf.clip_by_value(new_metamer, *stimulus_range)
        # A NaN or Inf anywhere on the way to the gradient, or a gradient that overflows when it is
        # squared, shows in the second moment of that stimulus.
        finite = tf.math.is_finite(_sum_over_features(new_v))
        diverged = diverged | ~finite
        keep = _per_stimulus(diverged, metamer)
        return (
            tf.where(keep, metamer, new_metamer),
            tf.where(keep, m, new_m),
            tf.where(keep, v, new_v),
            step + tf.cast(~diverged, tf.int32),
            diverged,
        )

    def steps(target, metamer, m, v, step, diverged, n_steps):
        for _ in tf.range(n_steps):
            metamer, m, v, step, diverged = one_step(metamer, m, v, step, diverged, target)
        return metamer, m, v, step, diverged, losses_between(metamer, target)

    return steps


def adam_step(
    x: tf.Tensor,
    m: tf.Tensor,
    v: tf.Tensor,
    step: tf.Tensor,
    gradient: tf.Tensor,
    config: SynthesisConfig,
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Take one step of TF1's Adam with a continuously decaying rate, for each stimulus on its own.

    Args:
        x: metamers [batch, ...], float.
        m: first moments, like `x`.
        v: second moments, like `x`.
        step: steps taken before this one, int32 [batch].
        gradient: of the loss, like `x`.
        config: rates and constants.

    Returns:
        New x, m, v.

    Source: tf.compat.v1.train.AdamOptimizer and exponential_decay; FACTS section 3.
    """
    t = tf.cast(step, tf.float32)
    rate = config.learning_rate * config.decay_rate ** (t / config.decay_steps)
    rate *= tf.sqrt(1 - config.beta_2 ** (t + 1)) / (1 - config.beta_1 ** (t + 1))
    rate = _per_stimulus(rate, x)
    m = config.beta_1 * m + (1 - config.beta_1) * gradient
    v = config.beta_2 * v + (1 - config.beta_2) * gradient**2
    return x - rate * m / (tf.sqrt(v) + config.epsilon), m, v


def _sum_over_features(values: tf.Tensor) -> tf.Tensor:
    return tf.reduce_sum(values, axis=_feature_axes(values))


def _feature_axes(values: tf.Tensor | np.ndarray) -> tuple[int, ...]:
    return tuple(range(1, len(values.shape)))


def _per_stimulus(values: tf.Tensor, like: tf.Tensor) -> tf.Tensor:
    """Reshape [batch] to broadcast against [batch, ...]."""
    return tf.reshape(values, [-1] + [1] * (like.shape.rank - 1))
