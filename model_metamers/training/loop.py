"""The training loop: AdamW or SGD under any tf.distribute strategy, resumable at any step.

The data stream is a function of the step (see `datasets`), and model, optimiser, step and the
random states of dropout are checkpointed together: a killed run goes on where its last checkpoint
stands.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import keras
import tensorflow as tf

from model_metamers.devices import distributed_batches

_REPORT_STEPS = 100
LossFunction = Callable[[tf.Tensor, tf.Tensor], tf.Tensor]


@dataclass(frozen=True)
class TrainingConfig:
    """Recipe of one training run.

    Attributes:
        steps: number of batches.
        batch_size: examples per step, over all replicas.
        learning_rate: peak; linear warm-up, then a cosine to zero.
        weight_decay: of kernels only, decoupled: each step takes this times the rate of them.
        momentum: of SGD; None for AdamW.
        warmup_steps: length of the warm-up.
        clip_norm: largest global norm of the gradient; None for any.
        seed: of the initial weights, the data order and the augmentation.
        checkpoint_seconds: least time between checkpoints; 0 saves every step.
        evaluation_steps: steps from one question whether it is enough to the next.
    """

    steps: int
    batch_size: int = 32
    learning_rate: float = 1e-3
    weight_decay: float = 1e-3
    momentum: float | None = None
    warmup_steps: int = 150
    clip_norm: float | None = 1.0
    seed: int = 0
    checkpoint_seconds: float = 60.0
    evaluation_steps: int = 100


def train(
    model: keras.Model,
    loss_function: LossFunction,
    batches: Callable[[int], tf.data.Dataset],
    config: TrainingConfig,
    directory: Path,
    strategy: tf.distribute.Strategy,
    report: Callable[[int, float], None] = lambda step, loss: None,
    is_enough: Callable[[int], bool] = lambda step: False,
    is_chief: bool = True,
) -> None:
    """Train `model` in place.

    Args:
        model: built under `strategy.scope()`.
        loss_function: (targets, outputs) -> loss of each example [batch].
        batches: first step -> endless data set of (inputs, targets), this worker's share of
            `batch_size` at a time.
        config: the recipe.
        directory: where checkpoints are kept; a run found there is resumed. Workers share it.
        strategy: device strategy; the global batch is split over its replicas.
        report: called every 100 steps, and after the last one, with the step and the mean loss
            since the last call.
        is_enough: called every `evaluation_steps`, and after the last one; training stops early
            when it returns True, which must be for all workers at once.
        is_chief: whether this worker, as one of them must, keeps the checkpoints.

    Raises:
        ValueError: the run found in `directory` is already past the recipe's last step, or the
            batch cannot be split over the replicas.
    """
    with strategy.scope():
        optimizer = _optimizer(config)
        optimizer.build(model.trainable_variables)
        step = tf.Variable(0, dtype=tf.int64)
    checkpoint = tf.train.Checkpoint(
        model=model, optimizer=optimizer, step=step, random_states=_random_states(model)
    )
    manager = tf.train.CheckpointManager(checkpoint, str(directory), max_to_keep=1)
    first = _resume(checkpoint, manager, config)
    train_step = _train_step(model, loss_function, optimizer, config, strategy)
    if first and first % config.evaluation_steps == 0 and is_enough(first):
        return  # it had stopped here
    stream = distributed_batches(strategy, lambda: batches(first), config.batch_size)
    losses, saved_at = [], time.monotonic()
    for done in range(first + 1, config.steps + 1):
        losses.append(train_step(next(stream)))
        step.assign_add(1)
        if done % _REPORT_STEPS == 0 or done == config.steps:
            report(done, float(tf.reduce_mean(tf.stack(losses))))
            losses = []
        is_due = done % config.evaluation_steps == 0 or done == config.steps
        if is_due and is_enough(done):
            break
        if is_chief and time.monotonic() - saved_at >= config.checkpoint_seconds:
            manager.save()
            saved_at = time.monotonic()
    if is_chief:
        manager.save()


def _random_states(model: keras.Model) -> list[tf.Variable]:
    """Return the states of the dropout layers, which TensorFlow does not find in the model."""
    weights = {id(weight) for weight in model.weights}
    return [variable.value for variable in model.variables if id(variable) not in weights]


def _resume(
    checkpoint: tf.train.Checkpoint, manager: tf.train.CheckpointManager, config: TrainingConfig
) -> int:
    """Restore the last checkpoint, if there is one, and return the step to go on from."""
    try:
        checkpoint.restore(manager.latest_checkpoint)
    except (tf.errors.OpError, IndexError, KeyError, RuntimeError, ValueError) as error:
        raise ValueError(
            f"the checkpoint {manager.latest_checkpoint} is damaged ({type(error).__name__}); "
            f"delete the folder {manager.directory} to start anew"
        ) from None
    first = int(checkpoint.step.numpy())
    if first > config.steps:
        raise ValueError(
            f"the run in {manager.directory} stands at step {first}, past the last of "
            f"{config.steps}; delete the folder to start anew"
        )
    return first


def _optimizer(config: TrainingConfig) -> keras.optimizers.Optimizer:
    rate, decay = config.learning_rate, config.weight_decay  # each step sets its own rate
    if config.momentum is None:
        optimizer = keras.optimizers.AdamW(rate, weight_decay=decay)
    else:
        optimizer = keras.optimizers.SGD(rate, momentum=config.momentum, weight_decay=decay)
    optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    return optimizer


def _train_step(
    model: keras.Model,
    loss_function: LossFunction,
    optimizer: keras.optimizers.Optimizer,
    config: TrainingConfig,
    strategy: tf.distribute.Strategy,
) -> Callable:
    n_replicas = strategy.num_replicas_in_sync
    # Given to the optimiser itself, a schedule would be computed anew for every variable.
    rate = keras.optimizers.schedules.CosineDecay(
        initial_learning_rate=0.0,
        decay_steps=max(config.steps - config.warmup_steps, 1),
        warmup_target=config.learning_rate,
        warmup_steps=config.warmup_steps,
    )

    def replica_step(inputs: tf.Tensor, targets: tf.Tensor) -> tf.Tensor:
        with tf.GradientTape() as tape:
            losses = loss_function(targets, model(inputs, training=True))
            loss = tf.reduce_sum(losses) / config.batch_size
        gradients = tape.gradient(loss, model.trainable_variables)
        # Clip the gradient of the whole batch: summed over replicas here, so that it is the same
        # for any number of them, and divided again because Keras' optimiser sums once more.
        replica = tf.distribute.get_replica_context()
        gradients = replica.all_reduce(tf.distribute.ReduceOp.SUM, gradients)
        if config.clip_norm is not None:
            gradients, _ = tf.clip_by_global_norm(gradients, config.clip_norm)
        gradients = [gradient / n_replicas for gradient in gradients]
        optimizer.apply(gradients, model.trainable_variables)
        if n_replicas > 1:
            _average_statistics(model, replica)
        return replica.all_reduce(tf.distribute.ReduceOp.SUM, loss)

    @tf.function(autograph=False)
    def step(batch: tuple) -> tf.Tensor:
        optimizer.learning_rate = rate(optimizer.iterations)
        return strategy.experimental_local_results(strategy.run(replica_step, args=batch))[0]

    return step


def _average_statistics(model: keras.Model, replica: tf.distribute.ReplicaContext) -> None:
    """Give all replicas the mean of batch norm's statistics; Keras leaves each its own."""
    statistics = model.non_trainable_weights
    if statistics:
        # `identity` because a worker's only replica must reduce a value that has a device.
        own = [tf.identity(variable) for variable in statistics]
        means = replica.all_reduce(tf.distribute.ReduceOp.MEAN, own)
        for variable, mean in zip(statistics, means, strict=True):
            variable.assign(mean)
