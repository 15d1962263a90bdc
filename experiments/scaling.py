"""How time and memory grow with the work, what killed workers lose, and what the paper would cost.

    python experiments/scaling.py --output_dir=figures/scaling     # about 30 minutes on two cores
    python experiments/scaling.py --parts=points,workers
    python experiments/scaling.py --stage=figure                   # redraw

Measures, on this machine, which should have nothing else to do:

points   seconds and peak memory of a synthesis against the number of stimuli, the batch size, the
         length of a clip and the size of an image: scaling.csv, and the figure;
workers  two and four workers on one run folder, the first of them killed at a random moment:
         workers.csv says what was made twice, and what was lost;
cost     an evaluation of every network and layer of the paper's, at full size, times the paper's
         stimuli and steps, on 1, 8 and 64 devices like this one: cost.csv. L-BFGS is counted with
         5,000 evaluations for the paper's 15,000 steps of Adam (see benchmark_solvers.py).

What is measured is kept, and the same command continues after a break.
"""

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import astuple
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from absl import flags, logging

from model_metamers.networks.catalog import catalog_entry
from shared import paths, script
from shared.options import MOST_ITERATIONS, define_count

if TYPE_CHECKING:
    import pandas as pd

_PARTS = ("points", "workers", "cost")

flags.DEFINE_list("parts", list(_PARTS), "What to measure.")
define_count("evaluations", 20, "Evaluations of each stimulus at a point.", MOST_ITERATIONS)
_LAYERS = flags.DEFINE_list("layers", None, "Layers of vgg_19_small that workers make [all].")
flags.DEFINE_list("num_workers", ["2", "4"], "How many workers share a run folder.")
define_count("iterations", None, "Evaluations of the workers' metamers [200].", MOST_ITERATIONS)
flags.DEFINE_list("networks", None, "Networks whose cost is measured [the paper's].")
flags.DEFINE_string("output_dir", "runs/scaling", "Where results go.")
_STAGE = flags.DEFINE_enum("stage", "all", ("all", "figure"), "Everything, or only the figure.")


def main() -> None:
    """Measure what is missing, and draw."""
    folder, parts = paths.output_folder("output_dir"), script.names("parts") or ()
    if unknown := set(parts).difference(_PARTS):
        raise ValueError(f"unknown part {min(unknown)!r}; choose from: {', '.join(_PARTS)}")
    for name in script.names("networks") or ():
        catalog_entry(name)
    measures: dict[str, Callable[[Path], None]] = {
        "points": _measure_points,
        "workers": partial(_measure_workers, n_workers=script.counts("num_workers", most=64)),
        "cost": _measure_cost,
    }
    if _STAGE.value == "all":
        for part in parts:
            measures[part](folder)
    if (folder / "scaling.csv").exists():
        _draw(folder)


def _measure_points(folder: Path) -> None:
    import pandas as pd

    from shared import scaling_points

    path = folder / "scaling.csv"
    rows = _read(path)
    known = {(row["varied"], row["value"], row["solver"], row["evaluations"]) for row in rows}
    for point in scaling_points.points(flags.FLAGS.evaluations):
        if astuple(point) not in known:
            logging.info("%s", point)
            rows.append(scaling_points.measured(point))
            _write(path, pd.DataFrame(rows))


def _measure_workers(folder: Path, n_workers: Sequence[int]) -> None:
    import numpy as np
    import pandas as pd

    from shared import scaling_workers

    path = folder / "workers.csv"
    if path.exists():
        return
    flags_of_run = ["--networks=vgg_19_small", "--num_stimuli=4"]
    if _LAYERS.value:
        flags_of_run.append(f"--layers={','.join(_LAYERS.value)}")
    if flags.FLAGS.iterations:
        flags_of_run.append(f"--iterations={flags.FLAGS.iterations}")
    rng = np.random.default_rng()
    with tempfile.TemporaryDirectory() as scratch:
        alone = Path(scratch) / "alone"
        seconds = scaling_workers.run_alone(alone, flags_of_run)
        rows = [
            scaling_workers.run_with_a_kill(n, alone, seconds, flags_of_run, rng)
            for n in n_workers
        ]
    _write(path, pd.DataFrame(rows).assign(seconds_alone=seconds))


def _measure_cost(folder: Path) -> None:
    script.start_tensorflow()

    import pandas as pd

    from shared import scaling_cost

    path, stopwatch = folder / "cost.csv", scaling_cost.Stopwatch()
    rows = _read(path)
    known = {(row["network"], row["layer"]) for row in rows}
    for network, layer, n_stimuli in scaling_cost.layers_of_the_paper():
        is_asked = not flags.FLAGS.networks or network in flags.FLAGS.networks
        if is_asked and (network, layer) not in known:
            logging.info("%s %s", network, layer)
            seconds = stopwatch.seconds(network, layer)
            rows += scaling_cost.cost(network, layer, n_stimuli, seconds)
            _write(path, pd.DataFrame(rows))
    if rows:
        table = pd.DataFrame(rows).groupby("solver").sum(numeric_only=True)
        print(table.filter(like="days").round(1).to_string())


def _read(path: Path) -> list[dict]:
    import pandas as pd

    return pd.read_csv(path).to_dict("records") if path.exists() else []


def _write(path: Path, table: "pd.DataFrame") -> None:
    script.write_table(path, path.stem, table, "%.5g")  # scaling, workers or cost


def _draw(folder: Path) -> None:
    import pandas as pd

    from model_metamers.plotting.scaling import figure_of_scaling
    from model_metamers.store import RunFolder

    RunFolder(folder).save_figure(figure_of_scaling(pd.read_csv(folder / "scaling.csv")))


if __name__ == "__main__":
    script.run(main)
