"""Several workers on one run folder, one of them killed: is all made, and nothing twice?"""

import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import IO, Any

import numpy as np

_SCRIPT = Path(__file__).resolve().parents[1] / "fig3_visual.py"
_POLL_SECONDS = 0.05


def run_alone(folder: Path, flags: list[str]) -> float:
    """Make a run folder by one worker, and return the seconds it took."""
    started = time.perf_counter()
    _wait([_start(folder, flags, folder.with_suffix(".log").open("w"))])
    return time.perf_counter() - started


def run_with_a_kill(
    n_workers: int, alone: Path, seconds_alone: float, flags: list[str], rng: np.random.Generator
) -> dict[str, Any]:
    """Start workers at once on a new folder, kill one of them, and compare with `alone`.

    Args:
        n_workers: that are started.
        alone: the folder that one worker made with the same flags.
        seconds_alone: that it took; the kill comes at a random moment of that.
        flags: of fig3_visual.py.
        rng: chooses the moment.

    Returns:
        A row of workers.csv: how many pieces there are, how many were made, twice or not at all,
        how many are identical to those that one worker made, and files left unfinished.
    """
    with tempfile.TemporaryDirectory() as scratch:
        folder, logs = Path(scratch) / "run", [Path(scratch) / f"{i}" for i in range(n_workers)]
        moment = seconds_alone * rng.uniform(0.2, 0.8)
        started = time.perf_counter()
        workers = [_start(folder, flags, log.open("w")) for log in logs]
        while time.perf_counter() - started < moment and workers[0].poll() is None:
            time.sleep(_POLL_SECONDS)
        workers[0].kill()
        _wait(workers[1:])
        seconds = time.perf_counter() - started
        made = [name for log in logs for name in _pieces_made(log.read_text())]
        expected = sorted(path.relative_to(alone) for path in alone.glob("metamers/*/*.npz"))
        identical = [_same(alone / path, folder / path) for path in expected]
        return {
            "n_workers": n_workers,
            "killed_after_seconds": moment,
            "seconds": seconds,
            "pieces": len(expected),
            "made": len(set(made)),
            "made_twice": len(made) - len(set(made)),
            "lost": sum(not (folder / path).exists() for path in expected),
            "identical": sum(identical),
            "unfinished_files": len(list(folder.rglob(".*.tmp"))),
        }


def _start(folder: Path, flags: list[str], log: IO[str]) -> subprocess.Popen:
    command = [sys.executable, str(_SCRIPT), f"--output_dir={folder}", *flags]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=log)


def _wait(workers: list[subprocess.Popen]) -> None:
    for worker in workers:
        if worker.wait():
            raise ValueError(f"a worker failed; run {_SCRIPT.name} with the same flags to see why")


def _pieces_made(log: str) -> set[str]:
    """Return the pieces whose progress bars came to their ends."""
    return set(re.findall(r"\d+/\d+ (\S+ \S+): +100%", log))


def _same(one: Path, other: Path) -> bool:
    if not other.exists():
        return False
    with np.load(one) as a, np.load(other) as b:
        return a.files == b.files and all(np.array_equal(a[name], b[name]) for name in a.files)
