"""Running the experiments' scripts as a user does."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]


def run(script, *flags, **options):
    """Run experiments/<script>.py and return the finished process."""
    command = [sys.executable, str(PROJECT / "experiments" / f"{script}.py"), *map(str, flags)]
    return subprocess.run(command, capture_output=True, text=True, timeout=600, **options)


def run_two_workers(script, *flags):
    """Run experiments/<script>.py in two processes that are a cluster; return what they print."""
    cluster = {"worker": [f"localhost:{port}" for port in _free_ports(2)]}
    command = [sys.executable, str(PROJECT / "experiments" / f"{script}.py"), *map(str, flags)]
    workers = []
    for index in range(2):
        config = {"cluster": cluster, "task": {"type": "worker", "index": index}}
        environment = os.environ | {"TF_CONFIG": json.dumps(config)}
        workers.append(
            subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment)
        )
    errors = [worker.communicate(timeout=400)[1] for worker in workers]
    assert [worker.returncode for worker in workers] == [0, 0], errors
    return errors


def _free_ports(n):
    sockets = [socket.create_server(("localhost", 0)) for _ in range(n)]
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def error_of(result):
    """Return the one line a user mistake prints (TensorFlow prints start-up lines of its own)."""
    assert result.returncode == 2, result.stderr
    assert "Traceback" not in result.stderr
    lines = [line for line in result.stderr.splitlines() if line.startswith("error: ")]
    assert len(lines) == 1, result.stderr
    return lines[0]
