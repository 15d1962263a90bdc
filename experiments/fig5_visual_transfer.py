"""Figure 5: are the metamers of one image network recognised by others, and by its second seed?

    python experiments/fig5_visual_transfer.py                                # small preset
    python experiments/fig5_visual_transfer.py --run_dir=figures/fig3_visual
    python experiments/fig5_visual_transfer.py --stage=figure                 # redraw

The metamers are those of `--run_dir`; what it lacks is made first, as by fig3_visual.py. Each
network's are shown to itself, to the other architectures, and to its own architecture trained from
another initialisation. Writes recognition.csv and the figure.
"""

from shared import figure_run, presets, script
from shared.figure_run import Settings

from model_metamers.plotting.figure5 import figure5
from model_metamers.stimuli.made.objects import FINE_CLASSES
from model_metamers.store import RunFolder

figure_run.define_flags("runs/fig5_visual_transfer", presets.VISUAL_RUN)

SECOND_SEED = "_seed1"
N_FINE_CLASSES = {figure_run.SMALL: len(FINE_CLASSES), figure_run.PAPER: 1000}


def main() -> None:
    """Ask the observers, then draw."""
    options = figure_run.settings(presets.VISUAL)
    if options.stage == "figure" or compute(options):
        draw(RunFolder(options.output_dir, create=False))


def compute(options: Settings) -> bool:
    """Write recognition.csv; return False on workers that only help to make metamers."""
    # TensorFlow is imported here, so that --stage=figure does without it.
    from shared import visual

    from model_metamers import pipeline
    from model_metamers.networks.catalog import load_network

    generators = visual.load_generators(options)
    networks = [generator.network for generator in generators]
    reseeded = {network.name: load_network(network.name + SECOND_SEED) for network in networks}
    run = figure_run.certified_metamers(generators, options)
    if run is None:
        return False
    folder = RunFolder(options.output_dir)
    figure_run.write_record(folder, options, generators, list(reseeded.values()))
    for generator in generators:
        observers = [*networks, reseeded[generator.network.name]]
        pipeline.recognise(
            [generator], observers, visual.TASKS, visual.as_seen_by, run, output=folder
        )
    figure_run.add_published(folder, ["3b"], "16-way")
    return True


def draw(folder: RunFolder) -> None:
    """Draw figure.png and figure.pdf from recognition.csv."""
    config = folder.read_run_record()["config"]
    n_classes = N_FINE_CLASSES[config["preset"]]
    tasks = {
        "16-way": ("16-way", 1 / 16),
        "native": (f"{n_classes}-way (native class)", 1 / n_classes),
    }
    folder.save_figure(figure5(folder.read_table("recognition"), config["layers"], tasks))
    print(f"drew {folder.path / 'figure.png'} and figure.pdf")


if __name__ == "__main__":
    script.run(main)
