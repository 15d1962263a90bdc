"""Running the experiments' scripts as a user does."""

import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]


def run(script, *flags, **options):
    """Run experiments/<script>.py and return the finished process."""
    command = [sys.executable, str(PROJECT / "experiments" / f"{script}.py"), *map(str, flags)]
    return subprocess.run(command, capture_output=True, text=True, timeout=600, **options)


def error_of(result):
    """Return the one line a user mistake prints (TensorFlow prints start-up lines of its own)."""
    assert result.returncode == 2, result.stderr
    assert "Traceback" not in result.stderr
    lines = [line for line in result.stderr.splitlines() if line.startswith("error: ")]
    assert len(lines) == 1, result.stderr
    return lines[0]
