"""Devices: which tf.distribute strategy a run uses.

Synthesis is independent for every stimulus, so machines share out pieces of work (`cluster`) and
never talk to each other; inside a machine a strategy splits the batch over its devices. In
training all machines take every step together, each with its share of the batch.
"""

import os
from collections.abc import Callable, Iterator

import tensorflow as tf

from model_metamers import cluster
from model_metamers.cluster import STRATEGIES


def make_strategy(name: str) -> tf.distribute.Strategy:
    """Return the strategy that spreads a batch over this machine's devices.

    Args:
        name: "none" (one device), "mirrored" or "cluster" (all GPUs of this machine; without
            GPUs, all logical CPU devices).

    Raises:
        ValueError: unknown name.
    """
    if name not in STRATEGIES:
        raise ValueError(f"unknown strategy {name!r}; choose one of: {', '.join(STRATEGIES)}")
    if name == "none":
        return tf.distribute.get_strategy()
    kind = "GPU" if tf.config.list_logical_devices("GPU") else "CPU"
    devices = [device.name for device in tf.config.list_logical_devices(kind)]
    if len(devices) == 1:
        return tf.distribute.get_strategy()
    return tf.distribute.MirroredStrategy(devices)


def n_threads() -> int:
    """Return how many threads an operation on CPUs takes at most."""
    chosen = tf.config.threading.get_intra_op_parallelism_threads()
    chosen = chosen or int(os.environ.get("TF_NUM_INTRAOP_THREADS") or 0)
    if not chosen and hasattr(os, "sched_getaffinity"):  # `taskset` and Slurm give it a part
        chosen = len(os.sched_getaffinity(0))
    return chosen or os.cpu_count() or 1


def make_training_strategy(name: str) -> tf.distribute.Strategy:
    """Return the strategy that spreads every step of training; call it before any operation runs.

    Args:
        name: "none" or "mirrored", as for `make_strategy`, or "multiworker" (all devices of the
            machines in TF_CONFIG).

    Raises:
        ValueError: unknown name, or "multiworker" without a cluster in TF_CONFIG.
    """
    if name != "multiworker":
        return make_strategy(name)
    cluster.worker_share(name)  # what TensorFlow says of a bad TF_CONFIG helps nobody
    return tf.distribute.MultiWorkerMirroredStrategy()


def distributed_batches(
    strategy: tf.distribute.Strategy, share: Callable[[], tf.data.Dataset], batch_size: int
) -> Iterator:
    """Return an iterator of what `strategy.run` takes.

    Args:
        strategy: its replicas, those of all workers, split each batch.
        share: returns this worker's share of endless batches.
        batch_size: examples per batch, over all replicas.

    Raises:
        ValueError: the batch cannot be split evenly.
    """
    n, rest = divmod(batch_size, strategy.num_replicas_in_sync)
    if rest:
        raise ValueError(
            f"a batch of {batch_size} cannot be split over {strategy.num_replicas_in_sync} "
            f"replicas"
        )

    # A thread that tunes buffers sleeps for longer and longer, up to a minute, and the end of an
    # iterator waits for it (TensorFlow 2.21). Those of `distribute_datasets_from_function` have it
    # whatever the options say.
    options = tf.data.Options()
    options.autotune.enabled = False
    parts = iter(share().rebatch(n, drop_remainder=True).prefetch(4).with_options(options))

    def values() -> Iterator:
        while True:
            yield strategy.experimental_distribute_values_from_function(lambda _: next(parts))

    return values()


def wait_for_all(strategy: tf.distribute.Strategy) -> None:
    """Return when every worker of a training strategy has called this."""

    @tf.function
    def meet() -> tf.Tensor:
        replica = tf.distribute.get_replica_context()
        return replica.all_reduce(tf.distribute.ReduceOp.SUM, tf.ones([]))

    strategy.run(meet)
