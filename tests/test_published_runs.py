"""What the repository may show of runs with somebody's photographs or recordings: numbers.

Such runs keep their tables and the curves of their figures under figures/; the stimuli, their
metamers and figures that show them stay with whoever ran them.
"""

import json
import shutil
import subprocess
from pathlib import Path

import command_line
import kept_previews
import pytest

PROJECT = Path(__file__).resolve().parents[1]
WITH_EXAMPLES = ("fig1", "fig3", "fig4")  # scripts whose figure.png shows stimuli
SHOWING = {".npz", ".wav", ".flac", ".jpg", ".jpeg"}


def forbidden(folder: str, config: dict, files: list[str]) -> list[str]:
    """Return which files of a run folder, by their paths in it, must not be published."""
    if not config.get("stimuli_dir"):
        return []
    return [
        file
        for file in files
        if file.startswith(("previews/", "metamers/"))
        or file == "responses.csv"  # maps of a layer, nearly pictures
        or Path(file).suffix in SHOWING
        or (folder.startswith(WITH_EXAMPLES) and file.startswith("figure."))
    ]


def git(*arguments: str, **options) -> subprocess.CompletedProcess:
    if not (PROJECT / ".git").exists():
        pytest.skip("needs the git repository: this is a copy without one")
    return subprocess.run(
        ["git", "-C", str(PROJECT), *arguments], capture_output=True, text=True, **options
    )


def test_no_stimulus_of_others_is_in_the_repository():
    tracked = git("ls-files", "figures", check=True).stdout.splitlines()
    records = [PROJECT / name for name in tracked if name.endswith("/run.json")]
    assert records
    for record in records:
        folder = record.parent.relative_to(PROJECT).as_posix()
        files = [
            name.removeprefix(f"{folder}/") for name in tracked if name.startswith(f"{folder}/")
        ]
        config = json.loads(record.read_text())["config"]
        assert not forbidden(record.parent.name, config, files)


def test_what_must_not_be_published():
    files = ["run.json", "matches.csv", "figure.png", "recognition.pdf", "previews/a/b/c.png",
             "metamers/a/b.npz", "nulls/a/b.npz", "previews/a/b/c.wav",
             "responses.csv"]  # fmt: skip
    of_others = {"stimuli_dir": "photographs"}
    assert forbidden("fig3_visual", {"stimuli_dir": None}, files) == []
    assert set(files) - set(forbidden("fig3_visual_imagenet_photographs", of_others, files)) == {
        "run.json", "matches.csv", "recognition.pdf",
    }  # fmt: skip
    assert "figure.png" not in forbidden("fig5_visual_transfer_commands", of_others, files)


@pytest.mark.parametrize("path", [
    "fig3_visual_imagenet_photographs/previews/efficientnet_lite0/natural/dog_1.png",
    "fig3_visual_imagenet_photographs/figure.png",
    "fig3_visual_imagenet_photographs/metamers/efficientnet_lite0/stem.npz",
    "fig4_audio_commands/previews/ds_cnn_l/natural/yes_1.wav",
    "fig4_audio_commands/figure.pdf",
    "fig3_audio_commands/figure.png",
])  # fmt: skip
def test_git_overlooks_it(path):
    assert git("check-ignore", "--no-index", f"figures/{path}").returncode == 0


@pytest.mark.parametrize("path", [
    "fig3_visual_imagenet_photographs/recognition.png",
    "fig3_visual_imagenet_photographs/matches.csv",
    "fig3_visual_imagenet/previews/efficientnet_lite0/natural/dog_1.png",
    "fig3_visual_imagenet/figure.png",
    "fig6_audio_transfer_commands/figure.png",
    "fig2_validation_commands/figure.png",
])  # fmt: skip
def test_git_sees_the_rest(path):
    assert git("check-ignore", "--no-index", f"figures/{path}").returncode == 1


@pytest.mark.artefact
@pytest.mark.parametrize("run", kept_previews.KEPT)
def test_the_repository_keeps_only_previews_that_tests_read(run):
    assert not kept_previews.surplus(run), "run: python tests/kept_previews.py"


@pytest.mark.artefact
@pytest.mark.parametrize(
    ("script", "run"),
    [
        ("fig3_visual", "fig3_visual_imagenet_photographs"),
        ("fig4_audio", "fig4_audio_commands"),
        ("fig4_audio", "fig4_audio"),
    ],
)
def test_what_has_tables_and_no_pictures_is_drawn_again_without(script, run, tmp_path):
    for path in (PROJECT / "figures" / run).iterdir():
        if path.suffix in (".csv", ".json"):
            shutil.copy(path, tmp_path)
    drawn = command_line.run(script, "--stage=figure", f"--output_dir={tmp_path}")
    assert drawn.returncode == 0 and "the curves are drawn without pictures" in drawn.stderr
    assert (tmp_path / "recognition.png").is_file() and not (tmp_path / "figure.png").exists()
