"""Processes that work in one folder: locks, and figure runs that are started at once or killed."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import command_line
import pytest
from command_line import PROJECT

from model_metamers import pipeline
from model_metamers.files import atomic_file, locked, remove_unfinished, replaced_folder
from model_metamers.store import RunFolder

HOLD = """
import sys, time
from model_metamers import pipeline
from model_metamers.files import locked
with locked(sys.argv[1]):
    print("held", flush=True)
    time.sleep(600)
"""


@pytest.fixture
def holder(tmp_path):
    """Another process that holds the lock of a file."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, tmp_path / "table.csv"], stdout=subprocess.PIPE, text=True,
        env=os.environ | {"PYTHONPATH": str(PROJECT)},
    )  # fmt: skip
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.wait()


def test_a_lock_is_held_by_one_and_a_killed_process_holds_none(holder, tmp_path):
    with locked(tmp_path / "table.csv", wait=False) as is_held:
        assert not is_held
    with locked(tmp_path / "other.csv", wait=False) as is_held:
        assert is_held
    holder.kill()
    with locked(tmp_path / "table.csv") as is_held:
        assert is_held
    assert list(tmp_path.iterdir()) == []


def test_names_that_begin_alike_have_locks_of_their_own(tmp_path):
    alike = [tmp_path / f"{'a' * 90}_{end}.npz" for end in "bc"]
    with locked(alike[0]), locked(alike[1], wait=False) as is_held:
        assert is_held
    with atomic_file(alike[0]) as file:
        file.write(b"whole")
        remove_unfinished(tmp_path, alike[1].name)
    assert alike[0].read_bytes() == b"whole"


def test_a_folder_that_cannot_be_replaced_stays(tmp_path, monkeypatch):
    page, rename = tmp_path / "page", Path.rename
    page.mkdir()
    (page / "old").touch()

    def fail_with_the_new_one(path, target):
        if (path / "new").exists():
            raise OSError("no such luck")
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", fail_with_the_new_one)
    with pytest.raises(OSError, match="no such luck"), replaced_folder(page) as fresh:
        (fresh / "new").touch()
    assert [path.name for path in tmp_path.rglob("*")] == ["page", "old"]


def test_whoever_holds_a_lock_removes_what_killed_processes_were_writing(tmp_path):
    folder = RunFolder(tmp_path)
    left = [".run.json.1f.tmp", ".matches.csv.2f.tmp", "metamers/net/.fc8.state.npz.3f.tmp",
            "previews/net/fc8/.a.png.4f.tmp", "nulls/net/.fc8.npz.5f.tmp"]  # fmt: skip
    of_others = "metamers/net/.fc8.stimuli0to1of2.npz.6f.tmp"
    for name in (*left, of_others):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    with folder.locked(), folder.locked_piece("net", "fc8"), folder.locked_null("net", "fc8"):
        pass
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [tmp_path / of_others]


NETWORKS = {"vgg_19_small", "vgg_19_small_seed1"}


def flags_of(folder, network, *others):
    return [
        f"--networks={network}", "--layers=fc8", "--num_stimuli=5", "--batch_size=1",
        "--num_null_stimuli=4", "--iterations=30", f"--output_dir={folder}", *others,
    ]  # fmt: skip


def run_at_once(*commands):
    """Run fig3_visual.py several times at once; return what each prints to standard error."""
    runs = [command_line.start("fig3_visual", *flags) for flags in commands]
    try:
        errors = [run.communicate(timeout=500)[1] for run in runs]
    finally:
        for run in runs:
            run.kill()
    assert [run.returncode for run in runs] == [0] * len(runs), errors
    return errors


def unfinished(folder):
    return list(folder.rglob(".*"))


@pytest.mark.slow
def test_two_that_are_started_alike_make_every_piece_once(tmp_path):
    folder = tmp_path / "run"
    flags = flags_of(folder, "vgg_19_small")
    errors = run_at_once(flags, flags)
    made = [re.findall(r"(\S+): +100%", error) for error in errors]
    made = [piece for pieces in made for piece in set(pieces)]
    assert sorted(made) == ["fc8.stimuli0to3of5", "fc8.stimuli4to4of5"]
    assert len(RunFolder(folder).read_table("matches")) == 5
    assert len(list(folder.glob("metamers/*/*.npz"))) == 1 and not unfinished(folder)


@pytest.mark.slow
def test_two_with_different_networks_both_complete(tmp_path):
    folder = tmp_path / "run"
    run_at_once(*(flags_of(folder, network) for network in NETWORKS))
    run = RunFolder(folder)
    assert set(run.read_run_record()["config"]["layers"]) == NETWORKS
    for table in ("matches", "nulls"):
        assert set(run.read_table(table).network) == NETWORKS, table
    expected = pipeline.exclusions(run.read_table("matches"))
    assert run.read_table("exclusions").to_dict("list") == expected.to_dict("list")
    measured = run.read_table("recognition").query("source == 'measured'")
    assert set(measured.generator) == NETWORKS
    assert (folder / "figure.png").exists() and not unfinished(folder)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "run"
    result = command_line.run("fig3_visual", *flags_of(folder, "vgg_19_small"))
    assert result.returncode == 0, result.stderr
    return folder


@pytest.mark.slow
def test_tables_that_a_killed_run_did_not_come_to_are_added(finished, tmp_path):
    folder = tmp_path / "run"
    shutil.copytree(finished, folder)
    tables = {name: (folder / f"{name}.csv").read_bytes() for name in ("exclusions", "nulls")}
    for name in tables:
        (folder / f"{name}.csv").unlink()
    result = command_line.run("fig3_visual", *flags_of(folder, "vgg_19_small"))
    assert result.returncode == 0, result.stderr
    assert tables == {name: (folder / f"{name}.csv").read_bytes() for name in tables}
    assert "100%" not in result.stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    ("number", "status"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)], ids=["SIGTERM", "Ctrl-C"]
)
def test_a_run_that_is_told_to_end_keeps_its_state(number, status, tmp_path):
    folder = tmp_path / "run"
    flags = flags_of(folder, "vgg_19_small", "--iterations=2000")
    process = command_line.start("fig3_visual", *flags)
    state = folder / "metamers" / "vgg_19_small" / "fc8.stimuli0to3of5.state.npz"
    while not state.exists() and process.poll() is None:
        time.sleep(0.05)
    os.kill(process.pid, number)
    told = time.monotonic()
    _, error = process.communicate(timeout=100)
    assert time.monotonic() - told < 5
    assert process.returncode == status
    assert error.splitlines()[-1].endswith("the same command continues where it stopped")
    assert "Traceback" not in error and state.exists()
    assert not list(folder.rglob("*.tmp"))


@pytest.mark.slow
def test_ctrl_c_while_tensorflow_is_imported_is_one_line(tmp_path):
    process = subprocess.Popen(
        [sys.executable, PROJECT / "experiments" / "fig3_visual.py", "--output_dir=run"],
        stderr=subprocess.PIPE, text=True, cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(PROJECT)},
    )  # fmt: skip
    maps = Path(f"/proc/{process.pid}/maps")
    while "tensorflow" not in maps.read_text():
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, error = process.communicate(timeout=100)
    assert process.returncode == 130
    assert error == "interrupted; the same command continues where it stopped\n"
    assert list(tmp_path.iterdir()) == []
