"""Figure 5 and the sharing of run folders: whose metamers are shown; none is made twice."""

import shutil

import command_line
import numpy as np
import pandas as pd
import pytest
from command_line import PROJECT

from model_metamers.plotting.axes import HUMAN_LABEL
from model_metamers.plotting.figure5 import figure5
from model_metamers.stimuli.made import objects
from model_metamers.store import RunFolder
from shared.styles import styles_of

FIG3, FIG5 = (PROJECT / "figures" / name for name in ("fig3_visual", "fig5_visual_transfer"))
KEYS = ["observer", "generator", "layer", "task"]
TASKS = {"16-way": ("16-way", 1 / 16), "native": ("64-way", 1 / 64)}


def run(script, *flags):
    result = command_line.run(script, *flags)
    assert result.returncode == 0, result.stderr


@pytest.fixture(scope="module")
def folder():
    return RunFolder(FIG5, create=False)


@pytest.fixture(scope="module")
def measured(folder):
    table = folder.read_table("recognition")
    return table[table.source == "measured"]


@pytest.mark.artefact
def test_observers_are_the_network_the_other_architectures_and_its_second_seed(folder, measured):
    layers = folder.read_run_record()["config"]["layers"]
    for generator, names in layers.items():
        rows = measured[measured.generator == generator]
        assert set(rows.observer) == {*layers, f"{generator}_seed1"}
        assert list(rows.layer.unique()) == ["natural", *names]
        assert set(rows.task) == {"16-way", "native"}


@pytest.mark.artefact
def test_scores_shared_with_figure_3_are_the_same(measured):
    """The same pictures and networks: equal to the last digit, or nearly so on another machine."""
    fig3 = RunFolder(FIG3, create=False).read_table("recognition").set_index(KEYS)
    both = measured.set_index(KEYS).join(fig3, how="inner", rsuffix="_3")
    assert len(both) == (9 + 9 + 8) * 3 * 2
    assert (both.n == both.n_3).all()
    assert (abs(both.proportion_correct - both.proportion_correct_3) <= 1 / 29 + 1e-9).all()


@pytest.mark.artefact
def test_late_metamers_are_their_own_networks_alone_where_there_is_batch_norm(folder, measured):
    """VGG-19, without batch norm, is the exception at small scale."""
    layers = folder.read_run_record()["config"]["layers"]
    table = (
        measured[measured.task == "16-way"]
        .set_index(["generator", "layer", "observer"])
        .sort_index()
    )
    for generator, names in layers.items():
        late = [table.loc[(generator, layer)].proportion_correct for layer in names[-3:]]
        own = np.mean([scores[generator] for scores in late])
        reseeded = np.mean([scores[f"{generator}_seed1"] for scores in late])
        others = np.mean([scores.drop([generator, f"{generator}_seed1"]) for scores in late])
        assert own >= 0.9 and others <= 0.3  # 192 answers about 96 metamers
        assert (0.4 <= reseeded <= 0.8) if "vgg" in generator else (reseeded <= 0.4)


@pytest.mark.slow
def test_the_second_seeds_scores_are_those_of_the_committed_pictures(measured, shipped):
    """One of the stimuli may tip over on another machine."""
    source = RunFolder(FIG3, create=False)
    ids, matches = (
        source.read_run_record()["config"]["stimulus_ids"],
        source.read_table("matches").set_index(["network", "layer", "stimulus_id"]),
    )
    truth = np.array([objects.CATEGORIES.index(name.split("_")[0]) for name in ids])
    scores = measured[measured.task == "16-way"].set_index(KEYS[:3]).proportion_correct
    generator, observer = "vgg_19_small", shipped("vgg_19_small_seed1")
    for layer in ("conv3_4", "fc8"):
        accepted = matches.loc[[(generator, layer, name) for name in ids]].accepted.to_numpy()
        answer = observer.logits(source.load_previews(generator, layer, ids)).argmax(1) // 4
        score = np.mean((answer == truth)[accepted])
        assert abs(score - scores[observer.name, generator, layer]) <= 1 / 29 + 1e-9


@pytest.mark.slow
def test_the_figure_is_made_from_committed_previews_alone(measured, tmp_path):
    """No metamers/, no nulls/: what matches.csv certifies is shown as it stands."""
    source = tmp_path / "fig3"
    names = (
        "run.json",
        "matches.csv",
        "exclusions.csv",
        "nulls.csv",
        "previews/vgg_19_small/natural",
        "previews/vgg_19_small/fc8",
    )
    for name in names:
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        copy = shutil.copytree if (FIG3 / name).is_dir() else shutil.copy
        copy(FIG3 / name, source / name)
    before = sorted(source.rglob("*"))
    record = (source / "run.json").read_bytes()
    run(
        "fig5_visual_transfer", "--networks=vgg_19_small", "--layers=fc8",
        f"--run_dir={source}", f"--output_dir={tmp_path / 'fig5'}",
    )  # fmt: skip
    assert sorted(source.rglob("*")) == before and (source / "run.json").read_bytes() == record
    made = RunFolder(tmp_path / "fig5").read_table("recognition")
    made = made[made.source == "measured"].set_index(KEYS)
    assert set(made.index.get_level_values("observer")) == {"vgg_19_small", "vgg_19_small_seed1"}
    committed = measured.set_index(KEYS).loc[made.index]
    assert (abs(made.proportion_correct - committed.proportion_correct) <= 1 / 29 + 1e-9).all()
    assert (tmp_path / "fig5" / "figure.png").exists()


@pytest.mark.slow
def test_a_missing_run_is_made_once_and_its_settings_are_those_of_every_figure(tmp_path):
    source = tmp_path / "run"
    which = ["--networks=vgg_19_small", "--layers=fc8", f"--run_dir={source}"]
    run(
        "fig5_visual_transfer", *which, f"--output_dir={tmp_path / 'fig5'}",
        "--num_stimuli=2", "--iterations=20", "--num_null_stimuli=8",
    )  # fmt: skip
    piece = source / "metamers" / "vgg_19_small" / "fc8.npz"
    made = piece.stat().st_mtime_ns
    run("figs1_s8_layer_grids", *which, f"--output_dir={tmp_path / 'grid'}")
    assert piece.stat().st_mtime_ns == made
    config = RunFolder(tmp_path / "grid").read_run_record()["config"]
    assert config["num_stimuli"] == 2 and config["synthesis"]["iterations"] == 20
    grid = RunFolder(tmp_path / "grid").read_table("layer_grid")
    assert len(grid) == 8 and set(grid.null_n_pairs) == {8 * 7 // 2}
    assert (tmp_path / "grid" / "vgg_19_small.pdf").exists()


def test_the_figure_has_a_panel_per_task_and_people_only_where_they_were_asked(folder):
    table, config = folder.read_table("recognition"), folder.read_run_record()["config"]
    figure = figure5(table, config["layers"], TASKS, styles_of(folder))
    assert len(figure.axes) == 6
    labels = [axes.get_legend_handles_labels()[1] for axes in figure.axes]
    assert all(HUMAN_LABEL in names for names in labels[:3])
    assert not any(HUMAN_LABEL in names for names in labels[3:])
    tight, (width, height) = figure.get_tightbbox(), figure.get_size_inches()
    assert tight.x0 >= 0 and tight.y0 >= 0 and tight.x1 <= width and tight.y1 <= height
    with pytest.raises(ValueError, match="needs the layers"):
        figure5(pd.DataFrame(), {}, TASKS, {})
