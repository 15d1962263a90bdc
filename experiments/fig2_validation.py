"""Figure 2: do metamers match, and what does the modified ReLU gradient do for that?

    python experiments/fig2_validation.py                                # small preset
    python experiments/fig2_validation.py --run_dir=figures/fig4_audio
    python experiments/fig2_validation.py --stage=figure                 # redraw

The metamers made with the modified gradient are those of `--run_dir`; what it lacks is made first,
as by fig4_audio.py. Those made with the true gradient, of as many of its stimuli as
`--num_compared`, go to `--output_dir`, with the tables correlations.csv and null_histogram.csv
(panel a), activations.csv (b) and fidelity.csv (c).
"""

from dataclasses import replace

from shared import figure_run, presets, script
from absl import flags
from shared.figure_run import Settings

from model_metamers.paper import load_table
from model_metamers.plotting.figure2 import figure2
from model_metamers.store import RunFolder

figure_run.define_flags("runs/fig2_validation", presets.AUDIO_RUN)
_NUM_COMPARED = flags.DEFINE_integer("num_compared", 20, "Stimuli matched with both gradients.")


def main() -> None:
    """Make what is missing, then draw."""
    options = figure_run.settings(presets.FIGURE_2)
    if _NUM_COMPARED.value < 1:
        raise ValueError(f"--num_compared must be at least 1; got {_NUM_COMPARED.value}")
    if options.stage == "figure" or compute(options):
        draw(RunFolder(options.output_dir, create=False))


def compute(options: Settings) -> bool:
    """Write the tables; return False on workers that only help to make metamers."""
    # TensorFlow is imported here, so that --stage=figure does without it.
    from shared import audio

    from model_metamers.analysis.fidelity import relu_layers

    generators = [
        replace(generator, layers=relu_layers(generator.network, generator.layers))
        for generator in audio.load_generators(options)
    ]
    generators = [generator for generator in generators if generator.layers]
    if not generators:
        raise ValueError("none of the layers ends in a ReLU: both gradients are the same there")
    n_compared = min(_NUM_COMPARED.value, len(generators[0].stimuli))
    compared = [
        replace(generator, stimuli=generator.stimuli.take(range(n_compared)))
        for generator in generators
    ]
    run = figure_run.certified_metamers(generators, options)
    true_gradient = replace(
        options,
        run_dir=options.output_dir,
        num_stimuli=n_compared,
        synthesis={**options.synthesis, "modified_gradient": False},
    )
    folder = figure_run.certified_metamers(compared, true_gradient)
    if run is None or folder is None:
        return False
    write_tables(generators, compared, run, folder)
    return True


def write_tables(generators: list, compared: list, run: RunFolder, folder: RunFolder) -> None:
    """Write the tables; panels a and b are of the first network, and of its first stimulus."""
    from model_metamers import pipeline
    from model_metamers.analysis import fidelity

    folders = {fidelity.MODIFIED: run, fidelity.TRUE: folder}
    first, stimulus_ids = generators[0], compared[0].stimuli.ids
    early, *_, late = (first.layers[0], *first.layers)
    nulls = {layer: pipeline.layer_null(first, layer, folder) for layer in (early, late)}
    tables = {
        "correlations": fidelity.correlations(first, nulls, run),
        "null_histogram": fidelity.null_histogram(first.network, nulls),
        "activations": fidelity.activations(first.network, late, stimulus_ids[0], folders),
        "fidelity": fidelity.fidelity(compared, stimulus_ids, folders),
    }
    for name, table in tables.items():
        folder.write_table(name, table)


def draw(folder: RunFolder) -> None:
    """Draw figure.png and figure.pdf from the tables."""
    names = ("correlations", "null_histogram", "activations", "fidelity")
    tables = [folder.read_table(name) for name in names]
    folder.save_figure(figure2(*tables, published=load_table("table_s4_audio")))
    print(f"drew {folder.path / 'figure.png'} and figure.pdf")


if __name__ == "__main__":
    script.run(main)
