"""Devices: which tf.distribute strategy a run uses, and which pieces of work a machine takes.

Synthesis is independent for every stimulus, so machines share out pieces of work and never talk to
each other; inside a machine a strategy splits the batch over its devices. In training all machines
take every step together, each with its share of the batch.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

import tensorflow as tf

STRATEGIES = ("none", "mirrored", "cluster")
TRAINING_STRATEGIES = ("none", "mirrored", "multiworker")

Piece = TypeVar("Piece")


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


def make_training_strategy(name: str) -> tf.distribute.Strategy:
    """Return the strategy that spreads every step of training; call it before any operation runs.

    Args:
        name: "none" or "mirrored", as for `make_strategy`, or "multiworker" (all devices of the
            machines in TF_CONFIG).

    Raises:
        ValueError: unknown name, or "multiworker" without TF_CONFIG.
    """
    if name != "multiworker":
        return make_strategy(name)
    if "TF_CONFIG" not in os.environ:
        raise ValueError(
            "--strategy=multiworker needs the cluster in TF_CONFIG, which is not set. On one "
            "machine use --strategy=mirrored."
        )
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

    # Of a stream that TensorFlow does not know to be endless, workers would ask each other at
    # every step whether it goes on: hence `repeat`.
    def replica_batches(_: tf.distribute.InputContext) -> tf.data.Dataset:
        return share().repeat().rebatch(n, drop_remainder=True).prefetch(4)

    return iter(strategy.distribute_datasets_from_function(replica_batches))


def wait_for_all(strategy: tf.distribute.Strategy) -> None:
    """Return when every worker of a training strategy has called this."""

    @tf.function
    def meet() -> tf.Tensor:
        replica = tf.distribute.get_replica_context()
        return replica.all_reduce(tf.distribute.ReduceOp.SUM, tf.ones([]))

    strategy.run(meet)


def worker_share(strategy: str) -> tuple[int, int]:
    """Return (this worker's index, number of workers); (0, 1) for a strategy of one machine.

    The cluster is described by TF_CONFIG or by Slurm's environment.

    Raises:
        ValueError: "cluster" or "multiworker" without either description.
    """
    if strategy in ("none", "mirrored"):
        return 0, 1
    if "TF_CONFIG" in os.environ:
        resolver = tf.distribute.cluster_resolver.TFConfigClusterResolver()
        n_workers = sum(
            len(tasks)
            for job, tasks in resolver.cluster_spec().as_dict().items()
            if job in ("chief", "worker")
        )
        offset = (
            1 if resolver.task_type == "worker" and "chief" in resolver.cluster_spec().jobs else 0
        )
        return int(resolver.task_id) + offset, n_workers
    if "SLURM_PROCID" in os.environ:
        return int(os.environ["SLURM_PROCID"]), int(os.environ["SLURM_NTASKS"])
    raise ValueError(
        "--strategy=cluster needs the cluster in TF_CONFIG or a Slurm job (SLURM_PROCID, "
        "SLURM_NTASKS); neither is set. On one machine use --strategy=mirrored."
    )


def my_pieces(pieces: Sequence[Piece], index: int, n_workers: int) -> list[Piece]:
    """Return every n-th piece, so that the costly late layers are spread over the workers."""
    return list(pieces[index::n_workers])
