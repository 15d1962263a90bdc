"""Running the experiments' scripts as a user does.

Importing TensorFlow takes a process five seconds of work, and there are a hundred scripts to run.
On Linux they are therefore forked from a process that has imported the libraries, and has done
nothing with them: `multiprocessing`'s fork server, of which every worker of pytest has its own.
A script that is given an environment starts from nothing, as everywhere else.
"""

import atexit
import gc
import json
import multiprocessing
import os
import runpy
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import tensorflow as tf

PROJECT = Path(__file__).resolve().parents[1]
EXPERIMENTS = PROJECT / "experiments"
LIBRARIES = ["tensorflow", "keras", "pandas", "scipy.signal", "scipy.stats", "soundfile", "numba",
             "matplotlib.figure", "matplotlib.backends.backend_pdf", "PIL.Image"]  # fmt: skip
CAN_FORK = sys.platform == "linux"  # Apple's frameworks do not survive it

if CAN_FORK:
    _SERVER = multiprocessing.get_context("forkserver")
    _SERVER.set_forkserver_preload(LIBRARIES)


def leave_graphs_as_they_are() -> None:
    """Have TensorFlow in this process not optimise graphs before it runs them.

    Tests trace thousands of graphs and run each a few times: that took a quarter of their time.
    Notebooks, installations and scripts that are given an environment run as they do for users.
    """
    tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})


class ForkedScript:
    """A script under way, with what the tests need of `subprocess.Popen`."""

    def __init__(self, command: list[str], environment: Mapping[str, str], cwd: Path):
        self.args = command
        self._folder = tempfile.TemporaryDirectory()
        self._outputs = [Path(self._folder.name) / name for name in ("stdout", "stderr")]
        for output in self._outputs:
            output.touch()
        arguments = (command[1:], dict(environment), cwd, self._outputs)
        self._process = _SERVER.Process(target=_run_as_main, args=arguments)
        self._process.start()

    @property
    def pid(self) -> int | None:
        """The number of the process."""
        return self._process.pid

    @property
    def returncode(self) -> int | None:
        """The exit status, negative for a signal, or None."""
        return self._process.exitcode

    def poll(self) -> int | None:
        """Return the exit status of a script that has ended."""
        return self._process.exitcode

    def kill(self) -> None:
        """Send SIGKILL to a script that has not ended."""
        self._process.kill()

    def wait(self, timeout: float | None = None) -> int | None:
        """Return the exit status of a script when it has ended."""
        self._process.join(timeout)
        if self._process.exitcode is None:
            raise subprocess.TimeoutExpired(self.args, timeout or 0)
        return self._process.exitcode

    def communicate(self, timeout: float | None = None) -> tuple[str, str]:
        """Return what a script has printed when it has ended."""
        self.wait(timeout)
        stdout, stderr = (output.read_text() for output in self._outputs)
        self._folder.cleanup()
        return stdout, stderr


def _run_as_main(
    command: list[str], environment: dict[str, str], cwd: Path, outputs: list[Path]
) -> None:
    """Do in a forked process what `python SCRIPT FLAGS` does in a new one."""
    gc.freeze()  # the libraries' million objects need not be looked through again
    for descriptor, path in enumerate(outputs, start=1):
        os.dup2(os.open(path, os.O_WRONLY), descriptor)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(cwd)
    sys.argv = command
    of_pytest = {str(EXPERIMENTS), str(Path(__file__).parent)}
    sys.path[:] = [str(EXPERIMENTS), *(path for path in sys.path if path not in of_pytest)]
    leave_graphs_as_they_are()
    try:
        runpy.run_path(command[0], run_name="__main__")
    finally:
        atexit._run_exitfuncs()  # multiprocessing ends processes without


def start(
    script: str, *flags: Any, env: Mapping[str, str] | None = None, cwd: Path | None = None
) -> subprocess.Popen | ForkedScript:
    """Start experiments/<script>.py."""
    command = [sys.executable, str(EXPERIMENTS / f"{script}.py"), *map(str, flags)]
    if CAN_FORK and env is None:
        return ForkedScript(command, os.environ, cwd or Path.cwd())
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env, cwd=cwd
    )


def run(
    script: str, *flags: Any, env: Mapping[str, str] | None = None, cwd: Path | None = None
) -> subprocess.CompletedProcess:
    """Run experiments/<script>.py and return the finished process."""
    process = start(script, *flags, env=env, cwd=cwd)
    try:
        stdout, stderr = process.communicate(timeout=600)
    finally:
        process.kill()
    return subprocess.CompletedProcess(process.args, process.returncode, stdout, stderr)


def run_two_workers(script: str, *flags: Any) -> list[str]:
    """Run experiments/<script>.py in two processes that are a cluster; return what they print."""
    cluster = {"worker": [f"localhost:{port}" for port in _free_ports(2)]}
    workers = []
    try:
        for index in range(2):
            task = {"cluster": cluster, "task": {"type": "worker", "index": index}}
            with pytest.MonkeyPatch.context() as patch:
                patch.setenv("TF_CONFIG", json.dumps(task))
                workers.append(start(script, *flags))
        errors = [worker.communicate(timeout=400)[1] for worker in workers]
    finally:
        for worker in workers:
            worker.kill()
    assert [worker.returncode for worker in workers] == [0, 0], errors
    return errors


def _free_ports(n: int) -> list[int]:
    sockets = [socket.create_server(("localhost", 0)) for _ in range(n)]
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def error_of(result: subprocess.CompletedProcess) -> str:
    """Return the one line a user mistake prints (TensorFlow prints start-up lines of its own)."""
    assert result.returncode == 2, result.stderr
    assert "Traceback" not in result.stderr
    lines = [line for line in result.stderr.splitlines() if line.startswith("error: ")]
    assert len(lines) == 1, result.stderr
    return lines[0]
