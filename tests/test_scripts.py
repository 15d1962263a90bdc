"""Every script by itself: its help, its usage, and the scripts that no other test runs."""

import ast
import errno
import os
import re

import command_line
import numpy as np
import pytest
from PIL import Image

from model_metamers import start_up
from model_metamers.store import RunFolder
from shared import script

FIGURES = command_line.PROJECT / "figures"
PAGES = ("README.md", "experiments/README.md", "model_metamers/README.md", "BUILD_NOTES.md",
         "checkpoints/README.md", ".github/CONTRIBUTING.md")  # fmt: skip
SCRIPTS = sorted((command_line.PROJECT / "experiments").glob("*.py"))


def flags_in_pages(script):
    """Return the flags that the pages, the notes and the scripts' usage give a script."""
    pages = [command_line.PROJECT / name for name in PAGES]
    text = "\n".join(page.read_text() for page in (*pages, *SCRIPTS)).replace("\\\n", " ")
    # A command ends with its line, or its backtick.
    commands = re.findall(rf"python experiments/{re.escape(script)}([^`#|\n]*)", text)
    return {flag for command in commands for flag in re.findall(r"--(\w+)", command)}


@pytest.fixture(scope="module")
def without_tensorflow(tmp_path_factory):
    """An environment where importing TensorFlow or Keras is an error."""
    folder = tmp_path_factory.mktemp("blocked")
    for package in ("tensorflow", "keras"):
        (folder / f"{package}.py").write_text("raise ImportError('help does not need it')")
    return environment_with(folder)


def environment_with(folder):
    """Return an environment whose Python finds packages in a folder first, then this project."""
    return os.environ | {"PYTHONPATH": f"{folder}{os.pathsep}{command_line.PROJECT}"}


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.stem)
def test_help_tells_the_usage_and_all_flags_without_tensorflow(path, without_tensorflow):
    result = command_line.run(path.stem, "--help", env=without_tensorflow)
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.startswith(ast.get_docstring(ast.parse(path.read_text())))
    own_flags = re.findall(r"DEFINE_\w+\(\s*\"(\w+)\"", path.read_text())
    told = set(re.findall(r"^ +--(?:\[no\])?(\w+)$", result.stdout, re.MULTILINE))
    assert told >= set(own_flags)
    used = flags_in_pages(path.name)
    assert not [name for name in used if name.removeprefix("no") not in told and name not in told]
    assert "--verbosity" not in result.stdout  # of absl's logging


@pytest.mark.parametrize("flag", ["-h", "--helpfull"])
def test_help_by_its_other_names(flag, without_tensorflow):
    result = command_line.run("fig3_visual", flag, env=without_tensorflow)
    assert result.returncode == 0 and "--num_stimuli" in result.stdout
    assert ("--verbosity" in result.stdout) == (flag == "--helpfull")


@pytest.mark.parametrize(
    ("name", "flags", "message"),
    [
        ("fig3_visual", ["--networks=vgg_20"], "unknown network 'vgg_20'"),
        ("fig5_visual_transfer", [f"--run_dir={FIGURES / 'fig4_audio'}"], "a run of sounds"),
        ("fig4_audio", ["--preset=paper"], "--preset=paper needs natural stimuli"),
        ("null_distributions", ["--shard=2/2"], "there is no shard 2 of 2"),
        ("train_small", ["--data_dir="], "--data_dir is empty"),
        ("check_renders", ["--categories=tiger"], "unknown category 'tiger'"),
        ("claims", ["--fig3_visual_dir=missing"], "--fig3_visual_dir=missing is not there"),
    ],
)
def test_mistakes_are_told_without_tensorflow(name, flags, message, without_tensorflow, tmp_path):
    result = command_line.run(name, *flags, env=without_tensorflow, cwd=tmp_path)
    assert result.returncode == 2
    (line,) = result.stderr.splitlines()
    assert line.startswith("error: ") and message in line
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.stem)
def test_usage_stands_in_an_indented_block_with_a_command_on_each_line(path):
    """A tool that fills paragraphs would join the lines of a block that is not indented."""
    lines = ast.get_docstring(ast.parse(path.read_text())).splitlines()
    commands = [number for number, line in enumerate(lines) if "python experiments/" in line]
    assert any(f"python experiments/{path.name}" in lines[number] for number in commands)
    for number in commands:
        assert re.match(r"    python experiments/\w+\.py\b", lines[number]), lines[number]
        assert not re.search(r"\S   +-", lines[number]), f"joined with the next: {lines[number]}"
        follows = lines[number + 1] if number + 1 < len(lines) else ""
        continued = lines[number].endswith("\\")
        assert re.match("        " if continued else "    python|$", follows), follows


def test_start_up_lines_are_left_out_and_errors_are_not(capfd):
    with start_up.without_start_up_lines():
        for line in (
            "WARNING: All log messages before absl::InitializeLog() is called are written to",
            "I0000 00:00:1795675267.174681   15577 port.cc:153] oneDNN custom operations are on",
            "E0000 00:00:1795675274.3   15577 cuda_platform.cc:52] failed call to cuInit: (303)",
            "E0000 00:00:1795675274.3   15577 gpu.cc:1] out of memory",
            "Illegal instruction",
        ):
            os.write(2, f"{line}\n".encode())
    assert capfd.readouterr().err.splitlines() == [
        "E0000 00:00:1795675274.3   15577 gpu.cc:1] out of memory", "Illegal instruction",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (OSError(errno.ENOSPC, "No space left on device", "a.npz"),
         "a.npz: No space left on device; make room; the same command continues"),
        (PermissionError(errno.EACCES, "Permission denied", "/root/a"),
         "/root/a: Permission denied; choose another path"),
        (OSError("cannot identify image file"), "cannot identify image file"),
        (MemoryError("Unable to allocate 258. GiB"), "Unable to allocate 258. GiB; choose fewer"),
        (MemoryError(), "the memory is full; choose fewer stimuli"),
    ],
)  # fmt: skip
def test_an_error_of_the_system_is_a_line_that_helps(error, told, capsys, monkeypatch):
    def main():
        raise error

    monkeypatch.setattr("sys.argv", ["script.py"])
    with pytest.raises(SystemExit) as end:
        script.run(main)
    assert end.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"error: {told}")


def run_quickly(name, folder, *flags):
    """Run a figure script with settings of no use but to see it through."""
    result = command_line.run(
        name, "--num_stimuli=2", "--num_null_stimuli=3", "--iterations=2", *flags,
        f"--output_dir={folder / name}", f"--run_dir={folder / 'run'}",
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    assert (folder / name / "figure.pdf").stat().st_size > 1000
    return RunFolder(folder / name, create=False)


@pytest.mark.slow
def test_figure_6_plays_metamers_to_the_word_network(tmp_path):
    networks = ["word_reduced_aliasing_small_seed1", "random_reduced_aliasing_small"]
    flags = [f"--networks={','.join(networks)}", "--layers=conv_4"]
    table = run_quickly("fig6_audio_transfer", tmp_path, *flags).read_table("recognition")
    assert set(table.observer) == {"word_reduced_aliasing_small"}
    assert list(table.generator.unique()) == networks
    assert table[table.layer == "natural"].n.tolist() == [2, 2]


@pytest.mark.slow
def test_figure_s9_compares_waveforms_with_cochleagrams(tmp_path):
    folder = run_quickly("figs9_cochleagram_metamers", tmp_path, "--layers=conv_4")
    network = "word_reduced_aliasing_small"
    above = f"{network}.above_cochleagram"
    table = folder.read_table("recognition")
    assert set(table.generator) == {network, above}
    assert set(table.observer) == {
        network, f"{network}_seed1", above, f"{network}_seed1.above_cochleagram",
    }  # fmt: skip
    matches = folder.read_table("matches")
    assert set(matches.network) == {above} and set(matches.layer) == {"conv_4"}
    cochleagrams = folder.load_piece(above, "conv_4")["metamer"]
    assert cochleagrams.ndim == 3 and cochleagrams.min() >= 0


@pytest.mark.slow
def test_the_contact_sheet_shows_every_class(tmp_path):
    output = tmp_path / "new" / "sheet.png"
    result = command_line.run("objects_contact_sheet", "--size_px=8", f"--output={output}")
    assert result.returncode == 0, result.stderr
    sheet = np.asarray(Image.open(output))
    assert sheet.shape == (64, 64, 3)
    tiles = sheet.reshape(8, 8, 8, 8, 3).swapaxes(1, 2).reshape(64, -1)
    assert len(np.unique(tiles, axis=0)) == 64
    assert [path.name for path in output.parent.iterdir()] == ["sheet.png"]


@pytest.mark.slow
def test_clips_are_made_as_they_are_shipped(tmp_path):
    pytest.importorskip("espeakng_loader", reason="needs the package espeakng-loader")
    from model_metamers.stimuli.shipped import CLIPS

    output = tmp_path / "clips"
    result = command_line.run("make_clips", f"--output_dir={output}")
    assert result.returncode == 0, result.stderr
    made, shipped = (
        sorted(path.relative_to(folder) for path in folder.rglob("*.flac"))
        for folder in (output, CLIPS)
    )
    assert made == shipped and len(made) == 80
    assert [path.name for path in tmp_path.iterdir()] == ["clips"]


def test_clips_do_not_take_the_place_of_a_users_folder(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    message = command_line.error_of(command_line.run("make_clips", f"--output_dir={tmp_path}"))
    assert "notes.txt" in message and "--output_dir" in message
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_clips_stay_where_they_are_when_none_can_be_made(tmp_path):
    """Without the synthesiser, which an empty package stands for."""
    clip = tmp_path / "clips" / "yes" / "en-us_rob_1.flac"
    clip.parent.mkdir(parents=True)
    clip.write_bytes(b"a clip")
    blocked = tmp_path / "blocked"
    blocked.mkdir()
    (blocked / "espeakng_loader.py").write_text("raise ImportError")
    result = command_line.run(
        "make_clips", f"--output_dir={tmp_path / 'clips'}",
        env=environment_with(blocked),
    )  # fmt: skip
    assert "espeakng-loader" in command_line.error_of(result)
    assert clip.read_bytes() == b"a clip"
