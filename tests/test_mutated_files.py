"""Damaged files through the loaders (`mutated_files`): a few here, thousands on demand.

All of them: MUTATED_FILES=2000 python -m pytest tests/test_mutated_files.py
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parent
N_FILES = int(os.environ.get("MUTATED_FILES", "100"))


@pytest.mark.parametrize("kind", ["images", "sounds", "records"])
def test_damaged_files_are_read_or_refused_in_one_line(kind):
    """In a process of its own, which a crash would end and a hang keep."""
    finished = subprocess.run(
        [sys.executable, TESTS / "mutated_files.py", kind, str(N_FILES)],
        capture_output=True,
        timeout=120 + N_FILES,
        env=os.environ | {"PYTHONPATH": str(TESTS.parent)},
    )
    summary = json.loads(finished.stdout or "{}")
    assert summary and not summary["wrong"], finished.stderr.decode(errors="replace")[-2000:]
    assert summary["read"] + summary["refused"] == N_FILES
    assert (
        summary["read"] > N_FILES / 20
    )  # some damages do no harm; all refused would show nothing
