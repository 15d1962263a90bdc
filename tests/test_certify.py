"""The certificate of a run: what its files show, and what has changed in them since."""

import json
import shutil

import command_line
import keras
import numpy as np
import pytest

import model_metamers as mm
from model_metamers import pipeline
from model_metamers.pipeline.certificate import certificate
from model_metamers.pipeline.certify import NO_LABEL, labels_of
from model_metamers.stimuli.stimulus_set import StimulusSet
from model_metamers.store import RunFolder
from model_metamers.store.certificate import check_unchanged, file_hashes, write_certificate

IDS, LAYERS = ("a", "b", "c"), ("first", "classes")


def tiny_network(seed=0):
    keras.utils.set_random_seed(seed)
    layers = [
        keras.Input((8, 8, 3)),
        keras.layers.Conv2D(4, 3, activation="relu", name="first"),
        keras.layers.Flatten(),
        keras.layers.Dense(6, name="classes"),
    ]
    return mm.Network.from_keras(keras.Sequential(layers, name="tiny"), metamer_layers=LAYERS)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A network, and a finished run of it with run.json, metamers, previews, nulls and tables."""
    network = tiny_network()
    random = np.random.default_rng(0)
    natural, others = (random.random((n, 8, 8, 3), np.float32) for n in (3, 12))
    names = tuple(map(str, range(12)))
    generator = pipeline.Generator(
        network, LAYERS, StimulusSet(natural, IDS, IDS), StimulusSet(others, names, names)
    )
    folder = RunFolder(tmp_path_factory.mktemp("runs") / "run")
    folder.write_run_record(
        {"layers": {"tiny": LAYERS}}, seed=0, versions={}, device="CPU",
        checkpoint_sha256={"tiny": network.weights_sha256},
    )  # fmt: skip
    pipeline.make_metamers([generator], mm.SynthesisConfig(iterations=60), folder)
    pipeline.certify([generator], folder)
    return network, folder


@pytest.fixture
def run(finished, tmp_path):
    """A copy of it, to be damaged."""
    shutil.copytree(finished[1].path, tmp_path / "run")
    return finished[0], RunFolder(tmp_path / "run")


def certified(network, folder):
    return certificate(folder, {"tiny": network}.__getitem__, file_hashes(folder))


def test_the_certificate_says_what_the_files_show(finished):
    network, folder = finished
    content, matches = certified(network, folder), folder.read_table("matches")
    assert content["n"] == content["n_reproduced"] == 6 and content["differ"] == []
    assert content["n_certified"] == matches.accepted.sum() > 0
    metamers = content["metamers"]
    assert [row["accepted"] for row in metamers] == matches.accepted.tolist()
    for row, expected in zip(metamers, matches.itertuples(), strict=True):
        assert row["spearman_layer"] == pytest.approx(expected.spearman_layer, abs=1e-6)
        assert row["margin"] == pytest.approx(row["spearman_layer"] - expected.null_max, abs=1e-6)
    assert set(content["files"]) == {
        path.relative_to(folder.path).as_posix() for path in folder.path.rglob("*.*")
    }
    assert content["versions"]["numpy"] == np.__version__
    assert json.loads(json.dumps(content, allow_nan=False)) == content


def test_the_cost_of_eight_bits_is_that_of_the_written_pictures(finished):
    network, folder = finished
    summary = certified(network, folder)["layers"][0]
    piece = folder.load_piece("tiny", "first")
    shown = [folder.load_previews("tiny", layer, IDS) for layer in ("first", "natural")]
    before, after = (
        mm.spearman(*(network.activations(x, ["first"])["first"] for x in pair))
        for pair in ((piece["metamer"], piece["natural"]), shown)
    )
    assert np.abs(before - after).max() > 0 and summary["bits"] == 8
    assert summary["quantisation_cost_maximum"] == pytest.approx((before - after).max(), abs=1e-6)
    assert summary["margin_minimum"] == pytest.approx(
        (after - folder.read_table("nulls").maximum[0]).min(), abs=1e-6
    )


def test_a_folder_of_tables_and_previews_alone_is_certified(run):
    network, folder = run
    expected = certified(network, folder)
    for name in ("metamers", "nulls"):
        shutil.rmtree(folder.path / name)
    content = certified(network, folder)
    assert content["n_certified"] == expected["n_certified"]
    assert content["layers"][0]["quantisation_cost_median"] is None


def test_a_byte_that_changes_in_any_file_is_reported(run):
    folder = run[1]
    assert not check_unchanged(folder)
    write_certificate(folder, {"files": file_hashes(folder)})
    assert check_unchanged(folder)
    files = [path for path in folder.path.rglob("*.*") if path.name != "certificate.json"]
    assert {path.suffix for path in files} == {".json", ".npz", ".png", ".csv"}
    for path in files:
        name, content = path.relative_to(folder.path).as_posix(), path.read_bytes()
        for place in (0, len(content) // 2, len(content) - 1):
            changed = bytearray(content)
            changed[place] ^= 1
            path.write_bytes(changed)
            with pytest.raises(ValueError, match=rf"certifies: {name} changed; .* --renew"):
                check_unchanged(folder)
        path.unlink()
        with pytest.raises(ValueError, match=rf"certifies: {name} missing; "):
            check_unchanged(folder)
        path.write_bytes(content)
    (folder.path / "notes.txt").write_text("new")
    with pytest.raises(ValueError, match=r"certifies: notes\.txt new; "):
        check_unchanged(folder)


def test_unfinished_pieces_and_locks_are_no_part_of_a_run(run):
    folder = run[1]
    before = file_hashes(folder)
    for name in ("metamers/tiny/first.state.npz", ".run.json.lock", "metamers/tiny/.a.npz.1f.tmp"):
        (folder.path / name).write_text("passing")
    assert file_hashes(folder) == before


def test_a_table_that_says_something_else_than_the_files_is_noticed(run):
    network, folder = run
    matches = folder.read_table("matches")
    for column, value in (("spearman_layer", 0.5), ("label_metamer", "9"), ("accepted", False)):
        changed = matches.copy()
        changed.loc[0, column] = value
        folder.write_table("matches", changed)
        content = certified(network, folder)
        assert content["differ"] == ["tiny first a"] and content["n_reproduced"] == 5


def test_what_cannot_be_certified_is_refused(run):
    network, folder = run
    other = tiny_network()
    other.weights_sha256 = "ab"
    with pytest.raises(ValueError, match=r"made with weights of tiny whose SHA-256 is .*, and"):
        certified(other, folder)
    matches = folder.read_table("matches")
    folder.write_table("matches", matches[matches.layer == "first"])
    with pytest.raises(ValueError, match=r"no row of tiny classes in matches\.csv; run its"):
        certified(network, folder)


def test_a_run_of_a_model_of_ones_own_is_for_make_to_certify(run):
    told = command_line.error_of(command_line.run("certify", run[1].path))
    assert "is a run of a model of one's own, tiny, which `model_metamers make`" in told


@pytest.mark.slow
def test_a_shipped_run_is_what_its_files_show(tmp_path):
    """Of cochleagrams, whose network is a part of another."""
    folder = tmp_path / "run"
    shutil.copytree(command_line.PROJECT / "figures" / "figs9_cochleagram_metamers", folder)
    # Of most layers the repository keeps every fifth metamer.
    kept = {path.stem for path in folder.glob("previews/*/logits/*")}
    matches = RunFolder(folder).read_table("matches")
    RunFolder(folder).write_table("matches", matches[matches.stimulus_id.isin(kept)])
    result = command_line.run("certify", folder)
    assert result.returncode == 0, result.stderr
    content = json.loads((folder / "certificate.json").read_text())
    accepted = RunFolder(folder).read_table("matches").accepted
    assert content["n"] == content["n_reproduced"] == len(accepted)
    assert f"certified {accepted.sum()} of {len(accepted)} metamers" in result.stdout
    before = (folder / "certificate.json").read_bytes()
    assert command_line.run("certify", f"--run_dir={folder}", "--renew").returncode == 0
    assert (folder / "certificate.json").read_bytes() == before
    (folder / "figure.pdf").write_bytes((folder / "figure.pdf").read_bytes() + b" ")
    message = command_line.error_of(command_line.run("certify", folder))
    assert "certifies: figure.pdf changed; " in message


def test_logits_with_nan_are_no_label():
    logits = np.array([[0.0, 1.0], [np.nan, 0.0], [2.0, 0.0]])
    assert labels_of(logits).tolist() == [1, NO_LABEL, 0]
