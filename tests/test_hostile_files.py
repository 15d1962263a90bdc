"""Files made to do harm are refused in one line, at once and without memory (`hostile_files`)."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hostile_files import HOSTILE

TESTS = Path(__file__).resolve().parent
MOST_MB = 200
MOST_SECONDS = 5  # on a busy machine; alone all take less than one


@pytest.fixture(scope="module")
def tried(tmp_path_factory):
    """What came of each file, read in a process of its own."""
    finished = subprocess.run(
        [sys.executable, TESTS / "hostile_files.py", tmp_path_factory.mktemp("hostile")],
        capture_output=True,
        text=True,
        timeout=300,
        env=os.environ | {"PYTHONPATH": str(TESTS.parent)},
    )
    assert not finished.stderr, finished.stderr
    return {row["name"]: row for row in map(json.loads, finished.stdout.splitlines())}


@pytest.mark.parametrize("name", HOSTILE)
def test_it_is_refused_in_one_line_at_once(name, tried):
    row = tried[name]
    assert row["error"] == "ValueError", row
    assert row["text"] and "\n" not in row["text"] and "llocat" not in row["text"]
    assert row["seconds"] < MOST_SECONDS and row["mb"] < MOST_MB, row


def test_nothing_leaves_the_folder_it_is_unpacked_into(tried):
    assert not Path("/tmp/net.ckpt").exists()
