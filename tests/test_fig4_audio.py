"""Figures 3c, 3d and 4 end to end: the scripts as a user runs them, and their errors."""

import os
import shutil

import numpy as np
import pytest
import soundfile
from command_line import PROJECT, error_of, run

import model_metamers as mm
from model_metamers.store import MATCHES_COLUMNS, RunFolder

NETWORK = "word_aliased_small"
QUICK = [f"--networks={NETWORK}", "--layers=conv_0,logits", "--num_null_stimuli=24"]
WORD_NETWORKS = {
    NETWORK, "word_reduced_aliasing_small", "word_reduced_aliasing_small_seed1",
    "word_audioset_reduced_aliasing_small",
}  # fmt: skip


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A small finished run."""
    folder = tmp_path_factory.mktemp("runs") / "fig4"
    result = run(
        "fig4_audio", *QUICK, "--num_stimuli=2", "--iterations=40", f"--output_dir={folder}"
    )
    assert result.returncode == 0, result.stderr
    return RunFolder(folder, create=False)


@pytest.mark.slow
def test_the_run_folder_holds_what_the_contract_says(finished):
    matches = finished.read_table("matches")
    assert tuple(matches.columns) == MATCHES_COLUMNS and len(matches) == 2 * 2
    assert (matches.loss_last < matches.loss_first).all()
    for layer in ("natural", "conv_0", "logits"):
        for name in set(matches.stimulus_id):
            info = soundfile.info(finished.path / "previews" / NETWORK / layer / f"{name}.wav")
            assert (info.frames, info.samplerate, info.channels) == (20_000, 20_000, 1)
            assert info.subtype == "PCM_16"
    recognition = finished.read_table("recognition")
    measured = recognition[recognition.source == "measured"]
    assert set(measured.observer) == WORD_NETWORKS and set(measured.task) == {"word"}
    published = recognition[recognition.source == "published"]
    assert set(published.generator) == {"word_aliased", "word_reduced_aliasing"}
    assert (finished.path / "figure.pdf").stat().st_size > 1000


@pytest.mark.slow
def test_certified_numbers_are_those_of_the_written_sounds(finished, shipped):
    network = shipped(NETWORK)
    matches = finished.read_table("matches").query("layer == 'conv_0'")
    ids = list(matches.stimulus_id)
    natural, metamer = (
        network.activations(finished.load_previews(NETWORK, layer, ids), ["conv_0", "logits"])
        for layer in ("natural", "conv_0")
    )
    rho = mm.spearman(metamer["conv_0"], natural["conv_0"])
    np.testing.assert_allclose(rho, matches.spearman_layer, atol=1e-6)
    labels = [str(label) for label in natural["logits"].argmax(axis=1)]
    assert labels == list(matches.label_natural)


@pytest.mark.slow
def test_the_figure_is_redrawn_from_the_tables_without_tensorflow(finished, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(finished.path, copy)
    (copy / "figure.png").unlink()
    blocked = tmp_path / "blocked" / "tensorflow"
    blocked.mkdir(parents=True)
    (blocked / "__init__.py").write_text("raise ImportError('the figure stage took TensorFlow')")
    environment = os.environ | {"PYTHONPATH": f"{blocked.parent}{os.pathsep}{PROJECT}"}
    result = run("fig4_audio", "--stage=figure", f"--output_dir={copy}", env=environment)
    assert result.returncode == 0, result.stderr
    assert (copy / "figure.png").read_bytes() == (finished.path / "figure.png").read_bytes()


@pytest.mark.slow
def test_figure_3_shows_the_same_metamers_and_makes_none(finished, tmp_path):
    before = {path: path.stat().st_mtime_ns for path in finished.path.rglob("*.npz")}
    result = run(
        "fig3_audio", *QUICK, f"--run_dir={finished.path}", f"--output_dir={tmp_path / 'fig3'}"
    )
    assert result.returncode == 0, result.stderr
    assert {path: path.stat().st_mtime_ns for path in finished.path.rglob("*.npz")} == before
    folder = RunFolder(tmp_path / "fig3", create=False)
    ours, theirs = (
        table[table.source == "measured"].reset_index(drop=True)
        for table in (folder.read_table("recognition"), finished.read_table("recognition"))
    )
    assert ours.equals(theirs) and (folder.path / "figure.png").exists()


def tone(path, seconds=1.0, rate_hz=16_000, channels=1, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    t = np.arange(round(seconds * rate_hz)) / rate_hz
    wave = 0.3 * np.sin(2 * np.pi * 440 * t) * np.exp(-((t - t.mean()) ** 2) / 0.02)
    soundfile.write(path, np.stack(channels * [wave], axis=1), rate_hz, **options)


def nan_samples(path):
    path.parent.mkdir(parents=True)
    soundfile.write(path, np.full(16_000, np.nan), 16_000, subtype="FLOAT")


def empty(path):
    path.parent.mkdir(parents=True)
    soundfile.write(path, np.zeros(0), 16_000)


def corrupted(path):
    tone(path)
    path.write_bytes(b"RIFFnothing" + path.read_bytes()[40:])


@pytest.mark.slow
@pytest.mark.parametrize(
    "make, word, message",
    [
        (empty, "yes", "empty sound, of 0 samples"),
        (corrupted, "yes", "not a readable sound"),
        (nan_samples, "yes", "not finite"),
        (tone, "perhaps", "none of the stimuli in"),
    ],
)
def test_a_bad_sound_is_told_in_one_line(tmp_path, make, word, message):
    make(tmp_path / "sounds" / word / "clip.wav")
    folder = tmp_path / "run"
    flags = [f"--stimuli_dir={tmp_path / 'sounds'}", f"--output_dir={folder}"]
    assert message in error_of(run("fig4_audio", *QUICK, *flags))
    assert not folder.exists()


@pytest.mark.slow
def test_stereo_short_and_unknown_sounds_are_used_and_it_is_said(tmp_path):
    tone(tmp_path / "sounds" / "yes" / "stereo.wav", channels=2)
    tone(tmp_path / "sounds" / "no" / "short.flac", seconds=0.6, rate_hz=44_100)
    tone(tmp_path / "sounds" / "perhaps" / "other.ogg", seconds=1.5, rate_hz=22_050)
    result = run(
        "fig4_audio", *QUICK, f"--stimuli_dir={tmp_path / 'sounds'}", "--num_stimuli=3",
        "--layers=conv_0", "--iterations=5", f"--output_dir={tmp_path / 'run'}",
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    assert "mixed the channels of 1 of 3 sounds" in result.stderr
    assert "padded 1 of 3 sounds to 20000 samples" in result.stderr
    assert (
        "1 of 3 stimuli are not scored, as their classes are not known: perhaps" in result.stderr
    )
    recognition = RunFolder(tmp_path / "run", create=False).read_table("recognition")
    natural = recognition[(recognition.layer == "natural") & (recognition.source == "measured")]
    assert (natural.n == 2).all()


@pytest.mark.parametrize(
    "flags, message",
    [
        (["--networks=vgg_19_small"], "unknown network 'vgg_19_small'; choose from: word_aliased"),
        ([f"--networks={NETWORK}", "--layers=pool_0"], "unknown layer 'pool_0'"),
        (["--preset=paper"], "--preset=paper needs natural stimuli"),
    ],
)
def test_a_user_mistake_is_one_line_and_leaves_nothing(tmp_path, flags, message):
    folder = tmp_path / "run"
    assert message in error_of(run("fig4_audio", *flags, f"--output_dir={folder}", cwd=tmp_path))
    assert not folder.exists()
