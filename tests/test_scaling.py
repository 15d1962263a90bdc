"""How the work scales: the points that are measured, killed workers, and the paper's cost."""

import numpy as np
import pandas as pd
import pytest

from model_metamers.plotting.scaling import figure_of_scaling
from shared import presets, scaling_cost, scaling_points, scaling_workers
from shared.options import PAPER


def test_seconds_and_memory_of_a_point_are_measured():
    point = scaling_points.Point("features", 32, "lbfgs", evaluations=2)
    row = scaling_points._measure(point)
    assert row["layer_features"] == 32 * 32 * 16 and row["batch_size"] == row["n_stimuli"] == 4
    assert row["seconds"] > 0 and 100 < row["peak_mib"] < 10_000


def test_all_series_are_drawn_once_for_each_solver():
    points = scaling_points.points(evaluations=1)
    table = pd.DataFrame(map(vars, points)).assign(seconds=1.0, peak_mib=500.0)
    assert not table.duplicated(["varied", "value", "solver"]).any()
    axes = figure_of_scaling(table).axes
    assert [len(panel.get_lines()) for panel in axes] == [2] * 2 * len(scaling_points.SERIES)


def test_the_cost_is_that_of_all_stimuli_and_evaluations_shared_out():
    layers = scaling_cost.layers_of_the_paper()
    assert {name for name, _, _ in layers} == {
        *presets.VISUAL[PAPER].networks, *presets.AUDIO[PAPER].networks,
    }  # fmt: skip
    rows = scaling_cost.cost("vgg_19", "fc6", 100, {"adam": 0.5, "lbfgs": 0.6})
    assert [row["stimulus_evaluations"] for row in rows] == [1_500_000, 500_000]
    assert rows[0]["days_on_1_devices"] == pytest.approx(1_500_000 * 0.5 / 86_400)
    assert rows[1]["days_on_64_devices"] == pytest.approx(500_000 * 0.6 / 86_400 / 64)


# A worker without a network: it makes two pieces unless another does, and prints as tqdm does.
WORKER = """
import pathlib, sys
import numpy as np
folder = pathlib.Path(sys.argv[1].partition("=")[2]) / "metamers" / "net"
folder.mkdir(parents=True, exist_ok=True)
for layer in ("fc7", "fc8"):
    try:
        (folder / f"{layer}.lock").touch(exist_ok="--careless" in sys.argv)
    except FileExistsError:
        continue
    np.savez(folder / f"{layer}.npz", metamer=np.arange(3))
    print(f"1/2 net {layer}: 100%|", file=sys.stderr, flush=True)
"""


class Moment:
    """Chooses when the first worker is killed, in what one worker takes alone."""

    def __init__(self, share):
        self.uniform = lambda low, high: share


def test_what_workers_made_is_counted(tmp_path, monkeypatch):
    script = tmp_path / "worker.py"
    script.write_text(WORKER)
    monkeypatch.setattr(scaling_workers, "_SCRIPT", script)
    alone = tmp_path / "alone"
    seconds = scaling_workers.run_alone(alone, [])
    # Killed at once, when it has ended, and when it has ended and has made what others make.
    for share, flags, made_twice in (0, [], 0), (100, [], 0), (100, ["--careless"], 2):
        row = scaling_workers.run_with_a_kill(2, alone, seconds, flags, Moment(share))
        assert row["pieces"] == row["made"] == row["identical"] == 2 and row["lost"] == 0
        assert row["made_twice"] == made_twice
    np.savez(alone / "metamers/net/fc9.npz", metamer=np.arange(3))
    assert scaling_workers.run_with_a_kill(2, alone, seconds, [], Moment(0))["lost"] == 1
