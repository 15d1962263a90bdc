"""--from_run: what a run's record tells is enough to make it again, to the last bit."""

import json
import os
import shutil

import command_line
import pytest
from command_line import error_of

from model_metamers import devices
from model_metamers.store import RunFolder

SETTINGS = [
    "--networks=vgg_19_small", "--layers=conv1_2,fc8", "--num_stimuli=3", "--batch_size=2",
    "--num_null_stimuli=4", "--iterations=12", "--seed=3", "--solver=adam",
]  # fmt: skip


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    """A finished run with settings of its own."""
    folder = tmp_path_factory.mktemp("runs") / "original"
    result = command_line.run("fig3_visual", *SETTINGS, f"--output_dir={folder}")
    assert result.returncode == 0, result.stderr
    return folder


def repeated(run_json, folder, *flags):
    return command_line.run(
        "fig3_visual", f"--from_run={run_json}", f"--output_dir={folder}", *flags
    )


@pytest.mark.slow
def test_a_run_is_repeated_to_the_last_bit(original, tmp_path, monkeypatch):
    (made_with,) = json.loads((original / "run.json").read_text())["config"]["made_with"]
    assert made_with["batch_size"] == 2
    # Another number of threads, if it were not recorded.
    monkeypatch.setenv("TF_NUM_INTRAOP_THREADS", str(3 - made_with["threads"]))
    result = repeated(original / "run.json", tmp_path / "again", "--seed=3")
    assert result.returncode == 0, result.stderr
    files = [path.relative_to(original) for path in original.rglob("*.*")]
    assert len([file for file in files if file.suffix == ".npz"]) == 4
    for file in files:
        assert (tmp_path / "again" / file).read_bytes() == (original / file).read_bytes(), file


@pytest.mark.slow
def test_a_run_of_other_weights_or_stimuli_is_not_repeated(original, tmp_path):
    record = json.loads((original / "run.json").read_text())
    for change, message in (
        ({"checkpoint_sha256": {"vgg_19_small": "ab"}}, "checkpoint of vgg_19_small = 'ab'"),
        ({"config": record["config"] | {"stimulus_ids": ["a"]}}, "stimulus_ids = ['a']"),
    ):
        (tmp_path / "old.json").write_text(json.dumps(record | change))
        error = error_of(repeated(tmp_path / "old.json", tmp_path / "again"))
        assert f"old.json cannot be repeated: it has {message}" in error
    assert not list((tmp_path / "again").glob("*"))


@pytest.mark.slow
def test_damaged_tables_of_a_finished_run_are_made_again_and_nothing_else(original, tmp_path):
    """Every table is cut between two rows, and then every table in a row."""
    folder = tmp_path / "run"
    shutil.copytree(original, folder)
    tables = {
        path.name: path.read_bytes()
        for path in folder.glob("*.csv")
        if not path.name.endswith(".columns.csv")
    }
    assert set(tables) == {f"{t}.csv" for t in ("matches", "exclusions", "nulls", "recognition")}
    pieces = {path: path.stat().st_mtime_ns for path in folder.rglob("*.npz")}
    for n_bytes_more in (0, 5):
        damaged = []
        for name, content in tables.items():
            end = content.index(b"\n") + 1 + n_bytes_more
            if end < len(content):
                (folder / name).write_bytes(content[:end])
                damaged.append(name)
        for name in damaged:
            with pytest.raises(ValueError, match=rf"{name} is damaged: .*; delete it to have it"):
                RunFolder(folder).read_table(name.removesuffix(".csv"))
        result = command_line.run("fig3_visual", *SETTINGS, f"--output_dir={folder}")
        assert result.returncode == 0, result.stderr
        assert all(f"{name} is damaged" in result.stderr for name in damaged) and damaged
        assert {name: (folder / name).read_bytes() for name in tables} == tables
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*.npz")} == pieces


def test_threads_are_those_of_the_cores_that_a_process_may_use(monkeypatch):
    monkeypatch.delenv("TF_NUM_INTRAOP_THREADS", raising=False)
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: {3}, raising=False)
    assert devices.n_threads() == 1


@pytest.mark.long
def test_a_run_of_sounds_is_repeated_without_onednns_kernels(tmp_path):
    """By processes that start from nothing: TensorFlow reads the variable when it is imported."""
    environment = os.environ | {
        "TF_ENABLE_ONEDNN_OPTS": "0", "PYTHONPATH": str(command_line.PROJECT),
    }  # fmt: skip
    flags = [
        "--networks=word_aliased_small", "--layers=conv_4", "--num_stimuli=2", "--iterations=8",
        "--num_null_stimuli=4",
    ]  # fmt: skip
    first, again = tmp_path / "first", tmp_path / "again"
    result = command_line.run("fig4_audio", *flags, f"--output_dir={first}", env=environment)
    assert result.returncode == 0, result.stderr
    del environment["TF_ENABLE_ONEDNN_OPTS"]  # recorded
    result = command_line.run(
        "fig4_audio", f"--from_run={first / 'run.json'}", f"--output_dir={again}", env=environment
    )
    assert result.returncode == 0, result.stderr
    pieces = [piece.relative_to(first) for piece in first.rglob("*.npz")]
    assert pieces
    assert not [p for p in pieces if (first / p).read_bytes() != (again / p).read_bytes()]
