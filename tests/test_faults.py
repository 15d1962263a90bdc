"""Runs that are killed, run out of room or lose their folder go on as if nothing had happened."""

import contextlib
import hashlib
import os
import random
import shutil
import subprocess
import time
from pathlib import Path

import command_line
import pytest
from command_line import error_of

import model_metamers as mm
from model_metamers import files, pipeline
from model_metamers.pipeline import make
from model_metamers.stimuli.stimulus_set import StimulusSet
from model_metamers.store import RunFolder

N_KILLS, SOLVERS = 25, ("lbfgs", "adam")
IDS = ("a", "b", "c")


def flags_of(folder, solver, *others):
    return [
        "--networks=vgg_19_small", "--layers=conv5_4,fc8", "--num_stimuli=3", "--batch_size=2",
        "--num_null_stimuli=4", "--iterations=24", f"--solver={solver}", f"--output_dir={folder}",
        *others,
    ]  # fmt: skip


def contents(folder, *suffixes):
    """Return a hash of every file that a run leaves, by its relative path.

    Pytest would take minutes to show where the contents differ.
    """
    found = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in found
        if not suffixes or path.suffix in suffixes
    }


def finished_pieces(folder):
    """Return what tells whether a finished piece, or one of its parts, was written again."""
    pieces = [p for p in folder.glob("metamers/*/*.npz") if not p.name.endswith(".state.npz")]
    stats = {path: path.stat() for path in pieces}
    return {path: (stat.st_ino, stat.st_mtime_ns) for path, stat in stats.items()}


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """Return a function that gives, for a solver, a run without faults and the seconds it took."""
    made = {}

    def of(solver):
        if solver not in made:
            folder = tmp_path_factory.mktemp("runs") / solver
            begun = time.monotonic()
            result = command_line.run("fig3_visual", *flags_of(folder, solver))
            assert result.returncode == 0, result.stderr
            made[solver] = (contents(folder), time.monotonic() - begun)
        return made[solver]

    return of


@pytest.mark.long
@pytest.mark.parametrize("solver", SOLVERS)
def test_runs_killed_at_random_moments_go_on_to_the_identical_result(solver, whole, tmp_path):
    """Kill a run, start it again, kill it again ... and begin anew when it has come to its end."""
    expected, seconds = whole(solver)
    draw, folder, n_kills, n_ends = random.Random(0), tmp_path / "run", 0, 0
    while n_kills < N_KILLS or folder.exists():
        before = finished_pieces(folder)
        process = command_line.start("fig3_visual", *flags_of(folder, solver))
        if n_kills < N_KILLS:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(draw.uniform(0, seconds))
            process.kill()
        process.wait(600)
        n_kills += process.returncode == -9
        check_kept(before, finished_pieces(folder))
        if process.returncode == 0:
            assert contents(folder) == expected
            shutil.rmtree(folder)
            n_ends += 1
        else:
            assert process.returncode == -9
    assert n_ends


def check_kept(before, after):
    """Check that no finished piece was made again; parts may have been joined."""
    assert all(after[path] == before[path] for path in before.keys() & after.keys())
    for part in before.keys() - after.keys():
        assert part.with_name(f"{part.name.split('.')[0]}.npz") in after


class Killed(BaseException):
    """Stands for a kill."""


@pytest.mark.parametrize(
    ("solver", "stride"),
    [("lbfgs", 19), ("adam", 19), *(pytest.param(s, 1, marks=pytest.mark.long) for s in SOLVERS)],
)
def test_a_kill_at_any_write_loses_nothing(
    solver, stride, small_model, images, tmp_path, monkeypatch
):
    """Of a run that writes all kinds of files; every write is the last one before a kill."""
    network = mm.Network.from_keras(small_model, metamer_layers=["fused", "hidden"])
    stimuli = StimulusSet(images[:3], IDS, IDS)
    generator = pipeline.Generator(network, ("fused", "hidden"), stimuli, stimuli)
    config = mm.SynthesisConfig(iterations=4, log_every=2, solver=solver)
    replace, left = os.replace, [10**9]

    def run(path):
        folder = RunFolder(path)
        folder.write_run_record({}, seed=0, versions={}, device="", checkpoint_sha256={})
        pipeline.make_metamers([generator], config, folder, batch_size=2)
        pipeline.certify([generator], folder)

    def replace_until_killed(source, target):
        if not left[0]:
            shutil.copy(source, f"{source}.tmp")  # which a killed process would have left
            raise Killed
        left[0] -= 1
        replace(source, target)

    monkeypatch.setattr(make, "BATCHES_OF_A_PIECE", 1)
    # Each run would trace the same graphs again, as test_synthesis.py shows to the same bits.
    monkeypatch.setattr(network, "forget_graphs", lambda: None)
    monkeypatch.setattr(files.os, "replace", replace_until_killed)
    run(tmp_path / "whole")
    expected, n_writes = contents(tmp_path / "whole"), 10**9 - left[0]
    assert {Path(name).suffix for name in expected} == {".json", ".npz", ".png", ".csv"}
    for n_before in range(0, n_writes, stride):
        folder, left[0] = tmp_path / str(n_before), n_before
        with pytest.raises(Killed):
            run(folder)
        left[0], before = 10**9, finished_pieces(folder)
        run(folder)
        check_kept(before, finished_pieces(folder))
        assert contents(folder) == expected


@pytest.fixture
def small_disk(tmp_path):
    """A disk of 1.8 MB, which two layers do not fit on, and a function to enlarge it."""
    disk = tmp_path / "disk"
    disk.mkdir()
    if not mounted("-t", "tmpfs", "-o", "size=1800k", "none", disk):
        pytest.skip("needs the right to mount a small file system")
    yield disk, lambda: mounted("-o", "remount,size=100m", disk)
    subprocess.run(["umount", disk], check=True)


def mounted(*arguments):
    try:
        return subprocess.run(["mount", *arguments], capture_output=True).returncode == 0
    except OSError:
        return False


@contextlib.contextmanager
def read_only(folder):
    """Make a folder read-only, also for the superuser, to whom permissions mean nothing."""
    if os.geteuid() == 0:
        if not mounted("--bind", folder, folder):
            pytest.skip("needs the right to mount a folder read-only")
        assert mounted("-o", "remount,bind,ro", folder)
        yield
        subprocess.run(["umount", folder], check=True)
        return
    folders = [folder, *(path for path in folder.rglob("*") if path.is_dir())]
    for each in folders:
        each.chmod(0o555)
    yield
    for each in folders:
        each.chmod(0o755)


@pytest.mark.slow
def test_a_full_disk_is_told_in_one_line_and_the_run_goes_on_when_there_is_room(small_disk, whole):
    expected, _ = whole("adam")
    disk, enlarge = small_disk
    folder = disk / "run"
    error = error_of(command_line.run("fig3_visual", *flags_of(folder, "adam")))
    assert "No space left on device; make room; the same command continues" in error
    for name, content in contents(folder, ".npz", ".png", ".csv").items():
        assert ".state" in name or ".stimuli" in name or content == expected[name]
    before = finished_pieces(folder)
    assert before and enlarge()
    result = command_line.run("fig3_visual", *flags_of(folder, "adam"))
    assert result.returncode == 0, result.stderr
    check_kept(before, finished_pieces(folder))
    assert contents(folder) == expected


@pytest.mark.slow
def test_a_folder_made_read_only_during_a_run_is_told_and_the_run_goes_on(whole, tmp_path):
    expected, _ = whole("adam")
    folder = tmp_path / "run"
    process = command_line.start("fig3_visual", *flags_of(folder, "adam"))
    while not list(folder.glob("metamers/*/*.npz")) and process.poll() is None:
        time.sleep(0.02)
    with read_only(folder):
        stdout, stderr = process.communicate(timeout=300)
    result = subprocess.CompletedProcess([], process.returncode, stdout, stderr)
    error = error_of(result)
    assert "Read-only file system" in error or "Permission denied" in error
    before = finished_pieces(folder)
    result = command_line.run("fig3_visual", *flags_of(folder, "adam"))
    assert result.returncode == 0, result.stderr
    check_kept(before, finished_pieces(folder))
    assert contents(folder) == expected
