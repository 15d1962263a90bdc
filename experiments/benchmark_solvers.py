r"""Compare L-BFGS with Adam: evaluations until it has what Adam has at the end.

    python experiments/benchmark_solvers.py                # about two hours on two cores
    python experiments/benchmark_solvers.py --networks=vgg_19_small --layers=fc7
    python experiments/benchmark_solvers.py --stage=figure
    python experiments/benchmark_solvers.py --networks=vgg_19_small --layers=conv3_4 \
        --paper_steps=15000 --output_dir=runs/benchmark_solvers_paper

For every network and layer, metamers of the same stimuli from the same noise: by L-BFGS, and by
Adam at four rates, which fall in the course of the run as they did in the small presets. Adam is
represented by the rate with the highest median Spearman correlation at the end. With
`--paper_steps`, Adam has the paper's schedule instead, and L-BFGS a third of its evaluations.

Curves of a network and layer are kept in curves/ as soon as they are there, all in curves.csv at
the end, and the same command continues after a break. Beside the folder goes a table of its name
with a row for every network and layer (seconds are of processor time, without tracing), into it
curves.csv, figure.png and figure.pdf.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from absl import flags, logging

from model_metamers.networks.catalog import catalog_entry, list_networks
from shared import paths, script
from shared.options import MOST_ITERATIONS, define_count

if TYPE_CHECKING:
    import pandas as pd

    from model_metamers.networks.network import Network

_IMAGES = ("vgg_19_small", "inception_v3_small", "resnet_v2_101_small")
_SOUNDS = ("word_aliased_small", "word_reduced_aliasing_small")

flags.DEFINE_list("networks", [*_IMAGES, *_SOUNDS], "Networks to compare on.")
flags.DEFINE_list("layers", None, "Layers, of those the networks have [all].")
_STIMULI = flags.DEFINE_integer(
    "num_stimuli", 8, "Natural stimuli.", lower_bound=1, upper_bound=16
)
define_count("iterations", None, "Evaluations [600 for images, 500 for sounds].", MOST_ITERATIONS)
define_count(
    "paper_steps", None, "Steps of Adam with the paper's schedule [not used].", MOST_ITERATIONS
)
flags.DEFINE_string(
    "output_dir", "runs/benchmark_solvers", "Where results go; the table goes beside it."
)
_STAGE = flags.DEFINE_enum("stage", "all", ("all", "figure"), "Everything, or only the figure.")


def main() -> None:
    """Make the curves that are missing, and the table and the figure of all."""
    folder = paths.output_folder("output_dir")
    networks, layers = script.names("networks") or (), script.names("layers")
    for name in networks:
        catalog_entry(name)
    if _STAGE.value == "all":
        _make_curves(folder, networks, layers)
    curves = _read_curves(folder)
    _write_table(folder, curves)
    _draw(folder, curves)


def _make_curves(folder: Path, networks: Sequence[str], layers: Sequence[str] | None) -> None:
    script.start_tensorflow()

    from model_metamers.networks.catalog import load_network

    made = set(_made(folder))
    for name in networks:
        network = load_network(name)
        unknown = set(layers or ()).difference(network.metamer_layers)
        if unknown:
            raise ValueError(
                f"{name} has no layer {sorted(unknown)[0]!r}; it has: "
                f"{', '.join(network.metamer_layers)}"
            )
        for layer in layers or network.metamer_layers:
            path = folder / "curves" / f"{name}.{layer}.csv"
            if (name, layer) not in made and not path.exists():  # made by another process
                logging.info("%s %s", name, layer)
                script.write(path, _curves(network, layer).to_csv(index=False))


def _curves(network: "Network", layer: str) -> "pd.DataFrame":
    from shared import solver_curves

    iterations = flags.FLAGS.iterations or (600 if network.sample_rate_hz is None else 500)
    if flags.FLAGS.paper_steps is None:
        configs = solver_curves.contestants(network, iterations)
    else:
        steps = flags.FLAGS.paper_steps
        configs = solver_curves.against_the_paper(steps, max(steps // 3, 1))
    natural = solver_curves.natural_stimuli(network, _STIMULI.value)
    return solver_curves.curves(network, layer, natural, configs)


def _made(folder: Path) -> "dict[tuple[str, str], pd.DataFrame]":
    """Return (network, layer) -> curves, of curves/ and of an earlier curves.csv."""
    import pandas as pd

    files = [folder / "curves.csv", *(folder / "curves").glob("*.csv")]
    return {
        names: table
        for file in files
        if file.exists()
        for names, table in pd.read_csv(file).groupby(["network", "layer"], sort=False)
    }


def _read_curves(folder: Path) -> "pd.DataFrame":
    import pandas as pd

    tables = list(_made(folder).values())
    if not tables:
        raise ValueError(f"{folder / 'curves'} holds no curves yet; run without --stage=figure")
    # In the catalogue's order, whatever was made first; that of the layers is Keras' to tell.
    script.start_tensorflow()
    places = {
        (name, layer): (place, catalog_entry(name).metamer_layers.index(layer))
        for place, name in enumerate(list_networks())
        for layer in catalog_entry(name).metamer_layers
    }
    tables.sort(key=lambda table: places[table.network.iloc[0], table.layer.iloc[0]])
    return pd.concat(tables, ignore_index=True)


def _write_table(folder: Path, curves: "pd.DataFrame") -> None:
    import pandas as pd

    from shared import solver_curves

    groups = curves.groupby(["network", "layer"], sort=False)
    table = pd.DataFrame([solver_curves.summary(group) for _, group in groups])
    beside = folder.with_name(f"{folder.name}.csv")
    script.write_table(beside, "benchmark_solvers", table, "%.5g")
    script.write_table(folder / "curves.csv", "solver_curves", curves, "%.5g")
    print(table.to_string(index=False, float_format=lambda value: f"{value:.4g}"))


def _draw(folder: Path, curves: "pd.DataFrame") -> None:
    from model_metamers.networks.catalog import known_identities
    from model_metamers.plotting.solvers import figure_of_solvers
    from model_metamers.store import RunFolder
    from shared.styles import styles_for

    RunFolder(folder).save_figure(figure_of_solvers(curves, styles_for(known_identities())))


if __name__ == "__main__":
    script.run(main)
