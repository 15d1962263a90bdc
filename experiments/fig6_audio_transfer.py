"""Figure 6: does the word network recognise the metamers of networks trained otherwise?

    python experiments/fig6_audio_transfer.py
    python experiments/fig6_audio_transfer.py --preset=commands --stimuli_dir=SPEECH_COMMANDS
    python experiments/fig6_audio_transfer.py --run_dir=runs/fig4_audio
    python experiments/fig6_audio_transfer.py --stage=figure                 # redraw

The metamers are those of `--run_dir`; what it lacks is made first, as by fig4_audio.py: those of
the word network's second seed, and of the networks trained on words and backgrounds, on
backgrounds alone, and not at all; with --preset=commands, of networks that others trained. Writes
recognition.csv and the figure.
"""

from typing import TYPE_CHECKING

from shared import figure, presets
from shared.options import Options, define_flags

if TYPE_CHECKING:
    from shared.figure import Figures, RunFolder

define_flags("runs/fig6_audio_transfer", presets.FIGURE_6, shows_run=True)


def compute(options: Options) -> None:
    """Make and certify what the run lacks, and play it to the word network."""
    from model_metamers import pipeline
    from model_metamers.store import RunFolder
    from shared import audio, stages

    generators = audio.load(options)
    audio.check_classes(generators, options)
    observers = audio.load_observers(options, [presets.FIGURE_6_OBSERVER[options.preset]])
    run = stages.make(generators, options)
    stages.certify(generators, run, options)
    folder = RunFolder(options.output_dir)
    stages.write_record(folder, options, generators, observers)
    pipeline.recognise(generators, observers, audio.TASKS, audio.as_heard_by, run, output=folder)


def draw(folder: "RunFolder", options: Options) -> "Figures":
    """Draw from recognition.csv."""
    from model_metamers.plotting.figure6 import figure6
    from shared.examples import recognised_layers
    from shared.styles import styles_of

    preset, table = folder.read_run_record()["config"]["preset"], folder.read_table("recognition")
    observer, chance = presets.FIGURE_6_OBSERVER[preset], 1 / presets.N_WORDS[preset]
    layers = recognised_layers(folder)
    return {"figure": figure6(table, observer, layers, styles_of(folder), chance)}


if __name__ == "__main__":
    figure.main(presets.FIGURE_6, compute, draw)
