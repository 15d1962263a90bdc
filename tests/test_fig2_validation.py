"""Figure 2: its tables from a run's sounds and pictures, its drawing, and the script."""

import os
import shutil

import numpy as np
import pandas as pd
import pytest
from command_line import error_of, run

import model_metamers as mm
from model_metamers import pipeline, validation
from model_metamers.analysis import fidelity
from model_metamers.networks.catalog import known_identities
from model_metamers.paper import load_table
from model_metamers.pipeline import Generator
from model_metamers.plotting.figure2 import figure2
from model_metamers.stimuli.stimulus_set import StimulusSet
from model_metamers.store import NATURAL, RunFolder
from model_metamers.synthesis import SynthesisConfig
from shared.styles import styles_for

LAYERS = ("fused", "separate", "hidden")
IDS = ("a", "b", "c", "d")


@pytest.fixture(scope="module")
def made(small_model, images, tmp_path_factory):
    """A network's metamers of two layers, made with the modified and with the true gradient."""
    network = mm.Network.from_keras(small_model, metamer_layers=[*LAYERS, "classes"])
    null_stimuli = np.random.default_rng(2).random((6, 12, 12, 3), np.float32)
    null = StimulusSet(null_stimuli, tuple("uvwxyz"), tuple("uvwxyz"))
    generator = Generator(network, ("fused", "hidden"), StimulusSet(images, IDS, IDS), null)
    folders = {}
    for gradient in (fidelity.MODIFIED, fidelity.TRUE):
        folder = folders[gradient] = RunFolder(tmp_path_factory.mktemp(gradient))
        config = SynthesisConfig(
            iterations=60, learning_rate=0.02, modified_gradient=gradient == fidelity.MODIFIED
        )
        pipeline.make_metamers([generator], config, folder)
        pipeline.certify([generator], folder)
    return generator, folders


def test_layers_that_end_in_a_relu_are_found(small_model):
    network = mm.Network.from_keras(small_model)
    assert fidelity.relu_layers(network, (*LAYERS, "average", "classes")) == LAYERS


def test_the_tables_are_those_of_the_written_pictures(made):
    generator, folders = made
    network, run_folder = generator.network, folders[fidelity.MODIFIED]
    nulls = {
        layer: pipeline.layer_null(generator, layer, run_folder) for layer in ("fused", "hidden")
    }
    matches = run_folder.read_table("matches").set_index(["layer", "stimulus_id"])
    table = fidelity.correlations(generator, nulls, run_folder)
    accepted = matches[matches.accepted]
    assert len(table) == 2 * len(accepted) > 0
    for row in table.itertuples():
        assert (row.generated_layer, row.stimulus_id) in accepted.index
        natural, metamer = (
            network.activations(run_folder.load_previews(network.name, shown, [row.stimulus_id]))
            for shown in (NATURAL, row.generated_layer)
        )
        rho = validation.spearman(natural[row.measured_layer], metamer[row.measured_layer])[0]
        assert row.spearman == pytest.approx(rho, abs=1e-5)
        assert row.null_max == nulls[row.measured_layer].maximum

    histogram = fidelity.null_histogram(network, nulls)
    assert set(histogram.groupby("layer").n.sum()) == {6 * 5 // 2}
    top = histogram[(histogram.layer == "hidden") & (histogram.n > 0)].iloc[-1]
    assert top.low <= nulls["hidden"].maximum <= top.high

    units = fidelity.activations(network, "hidden", "b", folders)
    assert len(units) == 2 * 16
    for gradient, rows in units.groupby("gradient"):
        rho = folders[gradient].read_table("matches").query("layer == 'hidden'")
        rho = rho.set_index("stimulus_id").spearman_layer["b"]
        assert rows.natural.corr(rows.metamer, "spearman") == pytest.approx(rho, abs=1e-5)


def test_fidelity_has_every_metamer_of_the_stimuli_compared(made):
    generator, folders = made
    table = fidelity.fidelity([generator], IDS[:3], folders)
    assert len(table) == 2 * 2 * 3 and set(table.stimulus_id) == set(IDS[:3])
    for gradient, folder in folders.items():
        expected = folder.read_table("matches").set_index(["layer", "stimulus_id"])
        rows = table[table.gradient == gradient].set_index(["layer", "stimulus_id"])
        assert (rows.spearman_layer == expected.spearman_layer[rows.index]).all()
    by_gradient = [rows.spearman_layer.to_numpy() for _, rows in table.groupby("gradient")]
    assert not np.allclose(*by_gradient)


NETWORKS = {"word_aliased_small": ["conv_0", "conv_4"], "word_reduced_aliasing_small": ["conv_4"]}


@pytest.fixture
def tables():
    """Return the four tables of the figure, made up."""
    draw = np.random.default_rng(0)
    first = "word_aliased_small"
    correlations = pd.DataFrame(
        [
            (first, made, measured, f"s{k}", 0.95 if made == "conv_0" else 0.4, 0.5)
            for made in ("conv_0", "conv_4")
            for measured in ("conv_0", "conv_4")
            for k in range(5)
        ],
        columns=[
            "network", "generated_layer", "measured_layer", "stimulus_id", "spearman", "null_max"
        ],
    )  # fmt: skip
    edges = np.linspace(-1, 1, fidelity.N_BINS + 1)
    histogram = pd.DataFrame(
        {"network": first, "layer": layer, "low": edges[:-1], "high": edges[1:],
         "n": np.histogram(draw.normal(0.2, 0.1, 500), edges)[0]}
        for layer in ("conv_0", "conv_4")
    ).explode(["low", "high", "n"]).astype({"low": float, "high": float, "n": int})  # fmt: skip
    units = pd.DataFrame({"network": first, "layer": "conv_4", "stimulus_id": "s0"}, range(60))
    units = units.assign(
        gradient=["modified", "true"] * 30, natural=draw.random(60), metamer=draw.random(60)
    )
    made = pd.DataFrame(
        [
            (network, layer, f"s{k}", gradient, 0.9 + 0.01 * k - 0.1 * (gradient == "true"))
            for network, layers in NETWORKS.items()
            for layer in layers
            for k in range(5)
            for gradient in ("modified", "true")
        ],
        columns=["network", "layer", "stimulus_id", "gradient", "spearman_layer"],
    )
    return correlations, histogram, units, made


def curves(axes):
    return dict(zip(*axes.get_legend_handles_labels()[::-1], strict=True))


def test_the_figure_draws_the_tables(tables):
    published = load_table("table_s4_audio")
    silent = tables[3].index[tables[3].gradient == "true"][:5]
    tables[3].loc[silent[:3], "spearman_layer"] = np.nan  # three of five of conv_0 are silent
    figure = figure2(*tables, published, styles_for(known_identities()))
    assert len(figure.axes) == 4 + 2 + 2
    counts = [axes.texts[0].get_text() for axes in figure.axes[:4]]
    assert counts == ["5/5 above the null"] * 2 + ["0/5 above the null"] * 2
    assert [axes.get_title() for axes in figure.axes[:2]] == [
        "measured at conv_0", "measured at conv_4",
    ]  # fmt: skip
    for axes, gradient in zip(figure.axes[4:6], ("modified", "true"), strict=True):
        rows = tables[2][tables[2].gradient == gradient]
        np.testing.assert_allclose(axes.collections[0].get_offsets(), rows[["natural", "metamer"]])
    lines = curves(figure.axes[6])
    np.testing.assert_allclose(lines["modified gradient"].get_ydata(), [0.92, 0.92])
    np.testing.assert_allclose(lines["true gradient"].get_ydata(), [0.0, 0.82])
    (label,) = (label for label in lines if "published" in label)
    s4 = published.set_index(["network", "layer"]).median_spearman_layer
    theirs = [s4["word_aliased", layer] for layer in ("conv_0", "conv_4")]
    np.testing.assert_allclose(lines[label].get_ydata(), theirs)
    tight, (width, height) = figure.get_tightbbox(), figure.get_size_inches()
    assert tight.x0 >= 0 and tight.y0 >= 0 and tight.x1 <= width and tight.y1 <= height


NETWORK = "random_reduced_aliasing_small"
QUICK = [f"--networks={NETWORK}", "--layers=conv_4,fc_intermediate"]


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A small finished run: its folder, and the one with the modified gradient's metamers."""
    folder = tmp_path_factory.mktemp("runs")
    result = run(
        "fig2_validation", *QUICK, "--num_stimuli=3", "--iterations=4", "--num_null_stimuli=8",
        "--num_compared=2", f"--run_dir={folder / 'fig4'}", f"--output_dir={folder / 'fig2'}",
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    return RunFolder(folder / "fig2", create=False), RunFolder(folder / "fig4", create=False)


@pytest.mark.slow
def test_the_script_makes_what_is_missing_and_only_that(finished):
    folder, shared = finished
    synthesis = [each.read_run_record()["config"]["synthesis"] for each in finished]
    assert [each["modified_gradient"] for each in synthesis] == [False, True]
    assert len(folder.read_table("matches")) == 2 * 2
    assert len(shared.read_table("matches")) == 2 * 3
    table = folder.read_table("fidelity")
    assert len(table) == 2 * 2 * 2 and set(table.gradient) == {"modified", "true"}
    before = {
        path: path.stat().st_mtime_ns for each in finished for path in each.path.rglob("*.npz")
    }
    assert len(before) > 4
    again = run(
        "fig2_validation", *QUICK, "--num_compared=2", f"--run_dir={shared.path}",
        f"--output_dir={folder.path}",
    )  # fmt: skip
    assert again.returncode == 0, again.stderr
    assert {path: path.stat().st_mtime_ns for path in before} == before


@pytest.mark.slow
def test_the_figure_is_redrawn_from_the_tables_without_tensorflow(finished, tmp_path):
    folder, copy = finished[0], tmp_path / "copy"
    tables = shutil.ignore_patterns("metamers", "previews", "nulls", "figure.*")
    shutil.copytree(folder.path, copy, ignore=tables)
    blocked = tmp_path / "blocked" / "tensorflow"
    blocked.mkdir(parents=True)
    (blocked / "__init__.py").write_text("raise ImportError('the figure stage took TensorFlow')")
    path = f"{blocked.parent}:{os.environ.get('PYTHONPATH', '')}"
    result = run(
        "fig2_validation", "--stage=figure", f"--output_dir={copy}",
        env=os.environ | {"PYTHONPATH": path},
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    assert (copy / "figure.png").read_bytes() == (folder.path / "figure.png").read_bytes()


@pytest.mark.slow
@pytest.mark.parametrize(
    "flags, message",
    [
        ([*QUICK[:1], "--layers=pool_0,logits"], "none of the layers ends in a ReLU"),
        ([*QUICK, "--num_compared=0"], "flag --num_compared=0"),
    ],
)
def test_a_user_mistake_is_one_line_and_leaves_nothing(tmp_path, flags, message):
    folders = [f"--run_dir={tmp_path / 'fig4'}", f"--output_dir={tmp_path / 'fig2'}"]
    assert message in error_of(run("fig2_validation", *flags, *folders))
    assert not list(tmp_path.iterdir())
