"""Devices: which tf.distribute strategy a run uses, and which pieces of work a machine takes.

Synthesis is independent for every stimulus, so machines share out pieces of work and never talk to
each other; inside a machine a strategy splits the batch over its devices.
"""

import os
from collections.abc import Sequence
from typing import TypeVar

import tensorflow as tf

STRATEGIES = ("none", "mirrored", "cluster")

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


def worker_share(strategy: str) -> tuple[int, int]:
    """Return (this worker's index, number of workers); (0, 1) unless the strategy is "cluster".

    The cluster is described by TF_CONFIG or by Slurm's environment.

    Raises:
        ValueError: "cluster" without either description.
    """
    if strategy != "cluster":
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
