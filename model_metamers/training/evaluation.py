"""Scores on held-out examples, found by all replicas together."""

from collections.abc import Callable, Mapping

import keras
import numpy as np
import tensorflow as tf

from model_metamers.devices import distributed_batches

# (targets, outputs) -> float values [batch, ...] by name.
Judgement = Callable[[tf.Tensor, tf.Tensor], Mapping[str, tf.Tensor]]


def judge(
    model: keras.Model,
    judgement: Judgement,
    batches: Callable[[], tf.data.Dataset],
    n_examples: int,
    batch_size: int,
    strategy: tf.distribute.Strategy,
) -> dict[str, np.ndarray]:
    """Judge the outputs of the first examples of a stream, in inference mode.

    Args:
        model: the network.
        judgement: what to keep of an example.
        batches: returns endless batches of (inputs, targets), this worker's share of them.
        n_examples: how many to judge.
        batch_size: examples per batch, over all workers.
        strategy: device strategy; all its workers must call this, and all get the result.

    Returns:
        Values [n_examples, ...] by name, in the stream's order.
    """

    def replica_judgement(inputs: tf.Tensor, targets: tf.Tensor) -> Mapping[str, tf.Tensor]:
        found = judgement(targets, model(inputs, training=False))
        own = {name: tf.identity(values) for name, values in found.items()}
        return tf.distribute.get_replica_context().all_gather(own, axis=0)

    @tf.function(autograph=False)
    def judged(batch: tuple) -> Mapping[str, tf.Tensor]:
        gathered = strategy.run(replica_judgement, args=batch)
        return {
            name: strategy.experimental_local_results(values)[0]
            for name, values in gathered.items()
        }

    stream = distributed_batches(strategy, batches, batch_size)
    parts = [judged(next(stream)) for _ in range(-(-n_examples // batch_size))]
    return {
        name: np.concatenate([part[name].numpy() for part in parts])[:n_examples]
        for name in parts[0]
    }
