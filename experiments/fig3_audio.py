"""Figure 3c, 3d: metamers of the word network, and who recognises them.

    python experiments/fig3_audio.py
    python experiments/fig3_audio.py --preset=commands --stimuli_dir=SPEECH_COMMANDS
    python experiments/fig3_audio.py --run_dir=runs/fig4_audio
    python experiments/fig3_audio.py --stage=figure                  # redraw

The metamers are those of `--run_dir`; what it lacks is made first, as by fig4_audio.py. They are
played to the network itself and to the other word networks. Writes recognition.csv, the pictures
and the figure.
"""

from typing import TYPE_CHECKING

from shared import figure, presets
from shared.options import Options, define_flags

if TYPE_CHECKING:
    from shared.figure import Figures, RunFolder

define_flags("runs/fig3_audio", presets.FIGURE_3_AUDIO, shows_run=True)


def compute(options: Options) -> None:
    """Make and certify what the run lacks, and play it to the word networks."""
    from model_metamers import pipeline
    from model_metamers.store import RunFolder
    from shared import audio, stages

    generators, observers = audio.load(options), audio.load_observers(options)
    audio.check_classes(generators, options)
    run = stages.make(generators, options)
    stages.certify(generators, run, options)
    folder = RunFolder(options.output_dir)
    stages.write_record(folder, options, generators, observers)
    pipeline.recognise(generators, observers, audio.TASKS, audio.as_heard_by, run, output=folder)
    stages.add_published(folder, ["3d", "4"], "word")


def draw(folder: "RunFolder", options: Options) -> "Figures":
    """Draw from recognition.csv and the run's previews."""
    from model_metamers.plotting.figure3 import figure3
    from model_metamers.store import RunFolder
    from shared.examples import example_rows, figure_and_curves, recognised_layers, sound_picture
    from shared.styles import styles_of

    run = RunFolder(options.run_dir, create=False, flag="--run_dir")
    rows = example_rows(run, recognised_layers(folder), sound_picture)
    chance = 1 / presets.N_WORDS[folder.read_run_record()["config"]["preset"]]
    table = folder.read_table("recognition")
    return figure_and_curves(
        folder, rows, lambda rows: figure3(rows, table, styles_of(folder), "word", chance),
        "word", "Word", chance,
    )  # fmt: skip


if __name__ == "__main__":
    figure.main(presets.FIGURE_3_AUDIO, compute, draw)
