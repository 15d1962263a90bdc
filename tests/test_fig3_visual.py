"""Figure 3 end to end: the script as a user runs it, its errors, and how a killed run goes on."""

import json
import os
import shutil
import time

import command_line
import numpy as np
import pandas as pd
import pytest
from command_line import PROJECT, error_of
from PIL import Image

from model_metamers.store import MATCHES_COLUMNS, RECOGNITION_COLUMNS, RunFolder

QUICK = ["--networks=vgg_19_small", "--layers=conv1_2,fc8", "--num_null_stimuli=4"]


def run(*flags, **options):
    return command_line.run("fig3_visual", *flags, **options)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A small finished run."""
    folder = tmp_path_factory.mktemp("runs") / "fig3"
    result = run(*QUICK, "--num_stimuli=3", "--iterations=40", f"--output_dir={folder}")
    assert result.returncode == 0, result.stderr
    return folder


@pytest.mark.slow
def test_the_run_folder_holds_what_the_contract_says(finished):
    record = json.loads((finished / "run.json").read_text())
    assert {"config", "seed", "versions", "device", "checkpoint_sha256"} <= set(record)
    assert len(record["checkpoint_sha256"]["vgg_19_small"]) == 64
    with np.load(finished / "metamers/vgg_19_small/fc8.npz") as piece:
        assert set(piece) == {"natural", "metamer", "stimulus_id", "loss", "step", "status"}
        assert piece["metamer"].shape == (3, 96, 96, 3) and piece["loss"].shape[1] == 3
        ids = [str(name) for name in piece["stimulus_id"]]
    for layer in ("natural", "conv1_2", "fc8"):
        previews = finished / "previews" / "vgg_19_small" / layer
        assert sorted(path.stem for path in previews.glob("*.png")) == sorted(ids)
    matches = RunFolder(finished).read_table("matches")
    assert tuple(matches.columns) == MATCHES_COLUMNS and len(matches) == 2 * 3
    assert (matches.loss_last < matches.loss_first).all() and (matches.steps == 40).all()
    recognition = RunFolder(finished).read_table("recognition")
    assert tuple(recognition.columns) == RECOGNITION_COLUMNS
    assert set(recognition.source) == {"measured", "published"}
    natural = recognition[(recognition.layer == "natural") & (recognition.source == "measured")]
    assert set(natural.task) == {"16-way", "native"} and (natural.n == 3).all()
    assert (finished / "figure.pdf").stat().st_size > 1000
    assert Image.open(finished / "figure.png").width > 1000


@pytest.mark.slow
def test_certified_numbers_are_those_of_the_written_pictures(finished, shipped):
    import model_metamers as mm

    folder, network = RunFolder(finished), shipped("vgg_19_small")
    matches = folder.read_table("matches").query("layer == 'fc8'")
    ids = list(matches.stimulus_id)
    natural, metamer = (
        network.logits(folder.load_previews("vgg_19_small", layer, ids))
        for layer in ("natural", "fc8")
    )
    np.testing.assert_allclose(mm.spearman(metamer, natural), matches.spearman_layer, atol=1e-6)
    assert list(natural.argmax(1)) == [int(label) for label in matches.label_natural]


@pytest.mark.slow
def test_finished_work_is_not_done_again_and_layers_can_be_added(finished):
    piece = finished / "metamers/vgg_19_small/fc8.npz"
    before = piece.stat().st_mtime_ns
    flags = ["--num_stimuli=3", "--iterations=40", f"--output_dir={finished}"]
    result = run(*QUICK[:1], "--layers=fc7,fc8", *QUICK[2:], *flags)
    assert result.returncode == 0, result.stderr
    assert piece.stat().st_mtime_ns == before
    assert (finished / "metamers/vgg_19_small/fc7.npz").exists()
    layers = set(pd.read_csv(finished / "matches.csv").layer)
    assert layers == {"conv1_2", "fc7", "fc8"}


@pytest.mark.slow
def test_another_setting_in_the_same_folder_is_refused_and_nothing_is_lost(finished):
    tables = (finished / "matches.csv").read_bytes()
    result = run(*QUICK, "--num_stimuli=2", "--iterations=40", f"--output_dir={finished}")
    assert "--output_dir" in error_of(result) and "num_stimuli = 3" in error_of(result)
    assert (finished / "matches.csv").read_bytes() == tables


@pytest.mark.slow
def test_the_figure_is_redrawn_from_the_tables_without_tensorflow(finished, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(finished, copy)
    (copy / "figure.png").unlink()
    blocked = tmp_path / "blocked" / "tensorflow"
    blocked.mkdir(parents=True)
    (blocked / "__init__.py").write_text("raise ImportError('the figure stage took TensorFlow')")
    environment = os.environ | {"PYTHONPATH": f"{blocked.parent}{os.pathsep}{PROJECT}"}
    result = run("--stage=figure", f"--output_dir={copy}", env=environment)
    assert result.returncode == 0, result.stderr
    assert (copy / "figure.png").read_bytes() == (finished / "figure.png").read_bytes()


@pytest.mark.slow
def test_a_killed_run_continues_with_the_identical_result(tmp_path):
    """Kill the script when it has saved a state, start it again, compare with an unbroken run."""
    flags = [*QUICK[:1], "--layers=conv3_4", *QUICK[2:], "--num_stimuli=2", "--iterations=100"]
    folders = [tmp_path / name for name in ("unbroken", "killed")]
    assert run(*flags, f"--output_dir={folders[0]}").returncode == 0
    process = command_line.start("fig3_visual", *flags, f"--output_dir={folders[1]}")
    state = folders[1] / "metamers/vgg_19_small/conv3_4.state.npz"
    while not state.exists() and process.poll() is None:
        time.sleep(0.02)
    process.kill()
    process.communicate()
    assert state.exists() and not (folders[1] / "matches.csv").exists()
    assert run(*flags, f"--output_dir={folders[1]}").returncode == 0
    pieces = [np.load(folder / "metamers/vgg_19_small/conv3_4.npz") for folder in folders]
    for name in pieces[0].files:
        np.testing.assert_array_equal(pieces[0][name], pieces[1][name])
    assert not state.exists()


@pytest.mark.slow
def test_two_workers_share_the_pieces_of_one_run_folder(tmp_path):
    flags = [*QUICK, "--num_stimuli=5", "--batch_size=1", "--iterations=20", "--strategy=cluster"]
    folder = tmp_path / "shared"
    errors = command_line.run_two_workers("fig3_visual", *flags, f"--output_dir={folder}")
    assert len(RunFolder(folder).read_table("matches")) == 2 * 5
    # Two layers in two pieces each: every worker made two of the four.
    made = [sum("step" in line and "100%" in line for line in err.splitlines()) for err in errors]
    assert all(made), errors
    assert (folder / "figure.png").exists()


@pytest.mark.slow
def test_a_worker_may_be_there_before_the_first_one(tmp_path, monkeypatch):
    folder = tmp_path / "shared"
    monkeypatch.setenv("SLURM_PROCID", "1")
    monkeypatch.setenv("SLURM_NTASKS", "2")
    result = run(*QUICK, "--iterations=5", "--strategy=cluster", f"--output_dir={folder}")
    assert result.returncode == 0, result.stderr
    # Metamers without a record of their settings would be refused by every worker that follows.
    config = RunFolder(folder).read_run_record()["config"]
    assert config["synthesis"]["iterations"] == 5 and config["made_with"]


@pytest.mark.slow
def test_photographs_of_a_folder(shared_data, tmp_path):
    """Real photographs, one sub-folder per category, keep their labels and get metamers."""
    for file in sorted((shared_data / "images16").glob("*"))[::100]:
        category = file.name.split("__")[0]
        (tmp_path / "photographs" / category).mkdir(parents=True, exist_ok=True)
        shutil.copy(file, tmp_path / "photographs" / category)
    folder = tmp_path / "run"
    result = run(
        *QUICK, f"--stimuli_dir={tmp_path / 'photographs'}", f"--output_dir={folder}",
        "--num_stimuli=2", "--iterations=20",
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    recognition = RunFolder(folder).read_table("recognition").query("source == 'measured'")
    assert set(recognition.task) == {"16-way"}  # no native class is known for a photograph


@pytest.mark.slow
def test_stimuli_without_classes_are_drawn_without_recognition(finished, tmp_path):
    flat, folder = tmp_path / "flat", tmp_path / "run"
    shutil.copytree(finished / "previews/vgg_19_small/natural", flat)
    flags = [*QUICK, f"--stimuli_dir={flat}", f"--output_dir={folder}", "--iterations=5"]
    assert "or make metamers without recognition (--norecognition)" in error_of(run(*flags))
    assert not folder.exists()
    result = run(*flags, "--norecognition")
    assert result.returncode == 0, result.stderr
    assert len(RunFolder(folder).read_table("matches")) == 2 * 3
    assert not (folder / "recognition.csv").exists()
    # Another picture under the name of one that metamers were made of would be mixed with it.
    replaced = next(flat.glob("*.png"))
    Image.new("RGB", (96, 96), "green").save(replaced)
    told = error_of(run(*flags, "--norecognition"))
    assert f"holds a run with stimulus_sha256 {replaced.stem} = " in told
    with Image.open(folder / "figure.png") as drawn, Image.open(finished / "figure.png") as whole:
        assert drawn.width == whole.width and drawn.height < 0.6 * whole.height


@pytest.mark.parametrize(
    "flags, message",
    [
        (["--networks=vgg_20"], "unknown network 'vgg_20'"),
        (["--networks=vgg_19_small", "--layers=conv9_9"], "unknown layer 'conv9_9'"),
        (["--num_stimuli=0"], "num_stimuli"),
        (["--iterations=-5"], "iterations"),
        (["--batch_size=0"], "batch_size"),
        (["--num_null_stimuli=1"], "num_null_stimuli"),
        (["--num_stimuli=many"], "num_stimuli"),
        (["--preset=huge"], "preset"),
        (["--no_such_flag"], "no_such_flag"),
        (["stray"], "stray"),
        ([*QUICK, "--stimuli_dir=nowhere"], "nowhere"),
        (["--stage=figure"], "run folder"),
        (["--networks=vgg_19"], "model_metamers fetch vgg_19"),
        (["--strategy=cluster", *QUICK], "TF_CONFIG"),
    ],
)
def test_a_user_mistake_is_one_line_and_leaves_nothing(tmp_path, flags, message):
    folder = tmp_path / "run"
    assert message in error_of(run(*flags, f"--output_dir={folder}", cwd=tmp_path))
    assert not folder.exists()


def test_an_output_folder_that_cannot_be_made_is_one_line(tmp_path):
    (tmp_path / "file").write_text("in the way")
    result = run(*QUICK, "--num_stimuli=1", f"--output_dir={tmp_path / 'file' / 'run'}")
    assert "cannot be written to (Not a directory)" in error_of(result)


def test_an_unreadable_image_is_named_and_nothing_is_written(tmp_path):
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "broken.png").write_bytes(b"not a picture")
    folder = tmp_path / "run"
    result = run(*QUICK, f"--stimuli_dir={tmp_path / 'images'}", f"--output_dir={folder}")
    assert "broken.png" in error_of(result)
    assert not folder.exists()
