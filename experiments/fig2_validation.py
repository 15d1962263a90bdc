"""Figure 2: do metamers match, and what does the modified ReLU gradient do for that?

    python experiments/fig2_validation.py                                # small preset
    python experiments/fig2_validation.py --preset=imagenet              # real networks
    python experiments/fig2_validation.py --run_dir=runs/fig4_audio
    python experiments/fig2_validation.py --stage=figure                 # redraw

The metamers made with the modified gradient are those of `--run_dir`; what it lacks is made first,
as by fig4_audio.py, or fig3_visual.py for the ImageNet networks. Those made with the true
gradient, of as many of its stimuli as `--num_compared`, go to `--output_dir`, with the tables
correlations.csv and null_histogram.csv (panel a), activations.csv (b) and fidelity.csv (c).
"""

from dataclasses import replace
from typing import TYPE_CHECKING

from absl import flags

from shared import figure, presets
from shared.options import IMAGENET, Options, define_flags

if TYPE_CHECKING:
    from model_metamers.pipeline import Generator
    from shared.figure import Figures, RunFolder

define_flags("runs/fig2_validation", presets.FIGURE_2, shows_run=True)
_NUM_COMPARED = flags.DEFINE_integer(
    "num_compared", 20, "Stimuli matched with both gradients.", lower_bound=1
)

TABLES = ("correlations", "null_histogram", "activations", "fidelity")


def compute(options: Options) -> None:
    """Make and certify metamers with both gradients, and compare them."""
    from shared import audio, stages, visual

    modality = visual if options.preset == IMAGENET else audio
    generators = ending_in_relu(modality.load(options))
    n_compared = min(_NUM_COMPARED.value, len(generators[0].stimuli))
    compared = [
        replace(generator, stimuli=generator.stimuli.take(range(n_compared)))
        for generator in generators
    ]
    run = stages.make(generators, options)
    true_gradient = replace(
        options,
        run_dir=options.output_dir,
        num_stimuli=n_compared,
        synthesis={**options.synthesis, "modified_gradient": False},
    )
    folder = stages.make(compared, true_gradient)
    stages.certify(generators, run, options)
    stages.certify(compared, folder, options)
    write_tables(generators, compared, run, folder)


def ending_in_relu(generators: "list[Generator]") -> "list[Generator]":
    """Return the generators with those of their layers that end in a ReLU."""
    from model_metamers.analysis.fidelity import relu_layers

    generators = [replace(g, layers=relu_layers(g.network, g.layers)) for g in generators]
    generators = [generator for generator in generators if generator.layers]
    if not generators:
        raise ValueError("none of the layers ends in a ReLU: both gradients are the same there")
    return generators


def write_tables(
    generators: "list[Generator]",
    compared: "list[Generator]",
    run: "RunFolder",
    folder: "RunFolder",
) -> None:
    """Write the tables; panels a and b are of the first network, and of its first stimulus."""
    from model_metamers import pipeline
    from model_metamers.analysis import fidelity

    folders = {fidelity.MODIFIED: run, fidelity.TRUE: folder}
    first, stimulus_ids = generators[0], compared[0].stimuli.ids
    early, *_, late = (first.layers[0], *first.layers)
    nulls = {layer: pipeline.layer_null(first, layer, folder) for layer in (early, late)}
    tables = (
        fidelity.correlations(first, nulls, run),
        fidelity.null_histogram(first.network, nulls),
        fidelity.activations(first.network, late, stimulus_ids[0], folders),
        fidelity.fidelity(compared, stimulus_ids, folders),
    )
    for name, table in zip(TABLES, tables, strict=True):
        folder.write_table(name, table)


def draw(folder: "RunFolder", options: Options) -> "Figures":
    """Draw from the tables."""
    from model_metamers.paper import load_table
    from model_metamers.plotting.figure2 import figure2
    from shared.styles import styles_of

    tables = {name: folder.read_table(name) for name in TABLES}
    published = load_table("table_s4_audio")
    return {"figure": figure2(**tables, published=published, styles=styles_of(folder))}


if __name__ == "__main__":
    figure.main(presets.FIGURE_2, compute, draw)
