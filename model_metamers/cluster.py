"""Which share of the work this process of a cluster takes, as TF_CONFIG or Slurm says.

Chief, master and workers share the work; evaluators and parameter servers take none.
"""

import json
import os
from collections.abc import Sequence
from typing import Any, NamedTuple, TypeVar

Piece = TypeVar("Piece")

STRATEGIES = ("none", "mirrored", "cluster")  # what a flag may name; see `devices`
WORKING_JOBS = ("chief", "master", "worker")  # in the order in which they are numbered
OTHER_JOBS = ("evaluator", "ps")
_EXAMPLE = '{"cluster": {"worker": ["host:port"]}, "task": {"type": "worker", "index": 0}}'


class Share(NamedTuple):
    """Every `n_workers`-th piece of the work, from piece `worker` on."""

    worker: int = 0
    n_workers: int = 1

    @property
    def is_first(self) -> bool:
        """Whether this is the worker that does what is done once."""
        return self.worker == 0

    def of(self, pieces: Sequence[Piece]) -> list[Piece]:
        """Return this share's pieces; costly late layers are spread over the workers."""
        return list(pieces[self.worker :: self.n_workers])


def worker_share(strategy: str) -> Share | None:
    """Return this process' share of the work; None for a task that takes none.

    Args:
        strategy: "none" or "mirrored", of one machine; "multiworker", whose machines TF_CONFIG
            names; "cluster", whose machines TF_CONFIG or Slurm's environment names.

    Raises:
        ValueError: no cluster is described, or badly.
    """
    if strategy in ("none", "mirrored"):
        return Share()
    if os.environ.get("TF_CONFIG"):
        return _tf_config_share(os.environ["TF_CONFIG"])
    one_machine = "On one machine use --strategy=mirrored."
    if strategy == "multiworker":
        raise ValueError(
            "--strategy=multiworker needs the cluster in TF_CONFIG, which is not set. "
            f"{one_machine}"
        )
    if "SLURM_PROCID" in os.environ:
        return _slurm_share()
    raise ValueError(
        f"--strategy={strategy} needs the cluster in TF_CONFIG or a Slurm job (SLURM_PROCID, "
        f"SLURM_NTASKS); neither is set. {one_machine}"
    )


def _tf_config_share(text: str) -> Share | None:
    jobs, job, index = _jobs_and_task(text)
    if job in OTHER_JOBS:
        return None
    workers = [(working, i) for working in WORKING_JOBS for i in jobs.get(working, [])]
    return Share(workers.index((job, index)), len(workers))


def _jobs_and_task(text: str) -> tuple[dict[str, list[int]], str, int]:
    """Return the indices of every job's tasks, and this task's job and index.

    Raises:
        ValueError: something else.
    """
    try:
        described = json.loads(text)
        cluster, task = described["cluster"], described["task"]
        job, index = task["type"], _index(task["index"])
        jobs = {name: _indices(name, hosts) for name, hosts in cluster.items()}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError(f"TF_CONFIG is not of the form {_EXAMPLE} ({_named(error)})") from None
    if job not in (*WORKING_JOBS, *OTHER_JOBS):
        jobs_we_know = ", ".join((*WORKING_JOBS, *OTHER_JOBS))
        raise ValueError(f"TF_CONFIG: unknown task type {job!r}; expected one of: {jobs_we_know}")
    # Estimators' evaluators are not part of the cluster.
    if job in WORKING_JOBS and index not in jobs.get(job, []):
        n_tasks = len(jobs.get(job, []))
        raise ValueError(f"TF_CONFIG: there is no {job} {index} among the cluster's {n_tasks}")
    return jobs, job, index


def _index(value: Any) -> int:
    is_whole = isinstance(value, int) and not isinstance(value, bool)
    if not is_whole and not (isinstance(value, str) and value.isdecimal() and len(value) < 10):
        raise ValueError(f"the index {value!r} is no whole number")
    return int(value)


def _indices(job: str, hosts: Any) -> list[int]:
    """Return the indices of one job's addresses: a list of them, or a sparse dictionary by index.

    Raises:
        ValueError: something else.
    """
    addresses = list(hosts.values()) if isinstance(hosts, dict) else hosts
    if not isinstance(addresses, list) or not all(isinstance(a, str) and a for a in addresses):
        raise ValueError(f"the hosts of {job} are no list of addresses")
    if isinstance(hosts, dict):
        return sorted({_index(index) for index in hosts})
    return list(range(len(addresses)))


def _named(error: Exception) -> str:
    return f"there is no {error}" if isinstance(error, KeyError) else str(error)


def _slurm_share() -> Share:
    index, n_workers = _slurm_number("SLURM_PROCID"), _slurm_number("SLURM_NTASKS")
    if not index < n_workers:
        raise ValueError(
            f"SLURM_PROCID is {index} and SLURM_NTASKS {n_workers}: expected a process from 0 to "
            f"{n_workers - 1}"
        )
    return Share(index, n_workers)


def _slurm_number(name: str) -> int:
    text: Any = os.environ.get(name, "")
    if not text.isdecimal() or len(text) > 9:
        raise ValueError(
            f"{name} must be a number beside SLURM_PROCID and SLURM_NTASKS of a Slurm job; "
            f"got {text[:40]!r}"
        )
    return int(text)
