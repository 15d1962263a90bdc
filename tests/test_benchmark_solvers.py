"""The comparison of solvers: its curves, its table, its figure, and going on after a break."""

import command_line
import numpy as np
import pandas as pd
import pytest

from model_metamers.plotting.solvers import figure_of_solvers
from shared import solver_curves


def course(solver, spearman, layer="conv1_2"):
    """Curves logged every ten evaluations, a second each."""
    n = len(spearman)
    steps = 10 * np.arange(1, n + 1)
    return pd.DataFrame(
        {
            "network": "vgg_19_small", "layer": layer, "solver": solver, "evaluations": steps,
            "seconds": steps * 1.0, "loss": 1 - np.array(spearman), "spearman": spearman,
        }
    )  # fmt: skip


def test_the_table_tells_when_lbfgs_has_what_the_best_other_has_at_the_end():
    curves = pd.concat(
        [
            course("lbfgs", [0.5, 0.8, 0.95, 0.99]),
            course("adam, 0.03", [0.7, 0.95, 0.92, 0.90]),
            course("adam, 0.01", [0.2, 0.4, 0.8, 0.94]),
        ]
    )
    row = solver_curves.summary(curves)
    assert (row["other"], row["other_spearman"]) == ("adam, 0.01", 0.94)
    assert (row["lbfgs_evaluations"], row["share_of_evaluations"]) == (30, 0.75)
    assert row["share_of_seconds"] == 0.75 and row["lbfgs_spearman"] == 0.99
    late = pd.concat([course("lbfgs", [0.5, 0.95]), course("adam, 0.01", [0.5, 0.6, 0.9, 0.9])])
    row = solver_curves.summary(late)  # Adam had it after three quarters of its run
    assert row["share_of_evaluations"] == 0.5
    assert row["other_reached_evaluations"] == 30
    assert row["share_of_reached_evaluations"] == row["share_of_reached_seconds"] == 20 / 30
    never = pd.concat([course("lbfgs", [0.5, 0.6]), course("adam, 0.01", [0.5, 0.7])])
    assert solver_curves.summary(never)["share_of_evaluations"] == np.inf
    perfect = pd.concat([course("lbfgs", [0.99991]), course("adam, 0.01", [0.99999])])
    assert solver_curves.summary(perfect)["share_of_evaluations"] == 1


def test_adam_has_four_falling_rates_and_the_same_evaluations():
    class Network:
        sample_rate_hz = None

    configs = solver_curves.contestants(Network, 600)
    assert {c.iterations for c in configs.values()} == {600}
    adams = [config for config in configs.values() if config.solver == "adam"]
    assert [config.learning_rate for config in adams] == [0.03, 0.01, 0.003, 0.001]
    assert all((c.decay_rate, c.decay_steps) == (0.5, 150) for c in adams)  # halved four times
    paper = solver_curves.against_the_paper(15_000, 5_000)["adam, paper"]
    assert (paper.iterations, paper.learning_rate) == (15_000, 1e-3)
    assert (paper.decay_rate, paper.decay_steps) == (0.95, 1000)


def test_the_figure_has_two_panels_for_every_layer():
    curves = pd.concat(
        [course(s, [0.5, 0.9], layer) for layer in "ab" for s in ("adam, 0.01", "lbfgs")]
    )
    figure = figure_of_solvers(curves, styles={})
    assert len(figure.axes) == 4
    assert {axes.get_title() for axes in figure.axes} == {"a", "b", ""}
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == ["lbfgs", "adam, 0.01"]


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("results") / "solvers"
    flags = ("--networks=vgg_19_small", "--layers=conv1_2", "--num_stimuli=2", "--iterations=4")
    result = command_line.run("benchmark_solvers", *flags, f"--output_dir={folder}")
    assert result.returncode == 0, result.stderr
    return folder, flags


@pytest.mark.slow
def test_every_solver_is_followed_from_the_same_noise(finished):
    folder, _ = finished
    curves = pd.read_csv(folder / "curves.csv")
    assert list(curves.groupby("solver").evaluations.max()) == [4] * 5
    assert curves.solver.nunique() == 5 and curves.spearman.between(-1, 1).all()
    assert (curves.groupby("solver").seconds.diff().dropna() > 0).all()
    (row,) = pd.read_csv(folder.parent / "solvers.csv").to_dict("records")
    assert (row["network"], row["layer"], row["other_evaluations"]) == (
        "vgg_19_small",
        "conv1_2",
        4,
    )
    assert (folder / "figure.png").stat().st_size > 10_000


@pytest.mark.slow
def test_what_is_there_is_kept_and_the_figure_is_drawn_from_it(finished):
    folder, flags = finished
    kept = (folder / "curves" / "vgg_19_small.conv1_2.csv").read_bytes()
    changed = kept.replace(b"adam, 0.03", b"adam, 0.04")
    (folder / "curves" / "vgg_19_small.conv1_2.csv").write_bytes(changed)
    for stage in ("all", "figure"):
        arguments = (*flags, f"--output_dir={folder}", f"--stage={stage}")
        assert command_line.run("benchmark_solvers", *arguments).returncode == 0
        assert "adam, 0.04" in (folder / "curves.csv").read_text()


def test_mistakes_are_told_in_a_line(tmp_path):
    layer = command_line.run("benchmark_solvers", "--layers=nope", f"--output_dir={tmp_path}")
    assert "vgg_19_small has no layer 'nope'; it has: conv1_2" in command_line.error_of(layer)
    nothing = command_line.run("benchmark_solvers", "--stage=figure", f"--output_dir={tmp_path}")
    assert "holds no curves yet" in command_line.error_of(nothing)
