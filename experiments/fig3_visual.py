"""Figure 3a, 3b: metamers of three image networks, and who recognises them.

    python experiments/fig3_visual.py                      # small preset, offline, minutes
    python experiments/fig3_visual.py --stage=figure       # redraw from the tables
    python experiments/fig3_visual.py --preset=imagenet    # real networks, offline
    python experiments/fig3_visual.py --preset=paper --stimuli_dir=ImageNet16 --strategy=mirrored

For every network and layer, metamers of natural images are synthesised (paper, section 2.1),
certified (same label, correlation above the null distribution) and shown to the network itself and
to the others. A run that was interrupted continues with the same command. Writes the run folder of
`model_metamers.store`: metamers, previews, matches.csv, recognition.csv, figure.png and
figure.pdf.
"""

from typing import TYPE_CHECKING

from shared import figure, presets
from shared.options import Options, define_flags, define_recognition

if TYPE_CHECKING:
    from shared.figure import Figures, RunFolder

define_flags(presets.VISUAL_RUN, presets.VISUAL)
define_recognition()


def compute(options: Options) -> None:
    """Make metamers, certify them, and ask every network about those of all."""
    from model_metamers import pipeline
    from shared import stages, visual

    generators = visual.load(options)
    networks = visual.observers_among(generators)
    if options.recognition:
        visual.check_classes(generators, options)
    run = stages.make(generators, options)
    stages.certify(generators, run, options)
    if not options.recognition:
        return
    pipeline.recognise(generators, networks, visual.TASKS, visual.as_seen_by, run)
    stages.add_published(run, ["3b"], "16-way")


def draw(folder: "RunFolder", options: Options) -> "Figures":
    """Draw from the tables and previews."""
    from model_metamers.plotting.figure3 import figure3
    from shared.examples import (
        example_rows,
        examples_alone,
        figure_and_curves,
        pixels,
        recognised_layers,
    )
    from shared.styles import styles_of

    if not folder.has_table("recognition"):
        return examples_alone(folder, pixels)
    rows = example_rows(folder, recognised_layers(folder), pixels)
    table = folder.read_table("recognition")
    return figure_and_curves(
        folder, rows, lambda rows: figure3(rows, table, styles_of(folder), task="16-way"),
        "16-way", "16-way", 1 / 16,
    )  # fmt: skip


if __name__ == "__main__":
    figure.main(presets.VISUAL, compute, draw)
