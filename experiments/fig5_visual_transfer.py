"""Figure 5: are the metamers of one image network recognised by others, and by its second seed?

    python experiments/fig5_visual_transfer.py                                # small preset
    python experiments/fig5_visual_transfer.py --preset=imagenet              # real networks
    python experiments/fig5_visual_transfer.py --run_dir=runs/fig3_visual
    python experiments/fig5_visual_transfer.py --stage=figure                 # redraw

The metamers are those of `--run_dir`; what it lacks is made first, as by fig3_visual.py. Each
network's are shown to itself, to the other networks, and to its own architecture trained from
another initialisation, where there is one. The native class of a render is, to a network of
ImageNet, its own answer to the natural image. Writes recognition.csv and the figure.
"""

from typing import TYPE_CHECKING

from shared import figure, presets
from shared.options import IMAGENET, PAPER, SMALL, Options, define_flags

if TYPE_CHECKING:
    from shared.figure import Figures, RunFolder

define_flags("runs/fig5_visual_transfer", presets.VISUAL, shows_run=True)

N_CLASSES = {SMALL: 64, IMAGENET: 1000, PAPER: 1000}  # of the networks themselves


def compute(options: Options) -> None:
    """Make and certify what the run lacks, and show it to all networks and the second seeds."""
    from model_metamers import pipeline
    from model_metamers.store import RunFolder
    from shared import stages, visual

    generators = visual.load(options)
    visual.check_classes(generators, options)
    networks = visual.observers_among(generators)
    reseeded = visual.load_second_seeds(networks, options)
    run = stages.make(generators, options)
    stages.certify(generators, run, options)
    folder = RunFolder(options.output_dir)
    stages.write_record(folder, options, generators, list(reseeded.values()))
    for generator in generators:
        name = generator.network.name
        observers = [*networks, *([reseeded[name]] if name in reseeded else [])]
        pipeline.recognise(
            [generator], observers, visual.TASKS, visual.as_seen_by, run, output=folder
        )
    stages.add_published(folder, ["3b"], "16-way")


def draw(folder: "RunFolder", options: Options) -> "Figures":
    """Draw from recognition.csv."""
    from model_metamers.plotting.figure5 import figure5
    from shared.examples import recognised_layers
    from shared.styles import styles_of

    config = folder.read_run_record()["config"]
    n_classes, of_renders = N_CLASSES[config["preset"]], config.get("stimuli_dir") is None
    is_relative = of_renders and config["preset"] == IMAGENET
    native = "answer as to the natural image" if is_relative else "native class"
    tasks = {
        "16-way": ("16-way", 1 / 16),
        "native": (f"{n_classes}-way ({native})", 1 / n_classes),
    }
    table, layers = folder.read_table("recognition"), recognised_layers(folder)
    return {"figure": figure5(table, layers, tasks, styles_of(folder))}


if __name__ == "__main__":
    figure.main(presets.VISUAL, compute, draw)
