"""Figure 6: does the word network recognise the metamers of networks trained otherwise?

    python experiments/fig6_audio_transfer.py
    python experiments/fig6_audio_transfer.py --run_dir=figures/fig4_audio
    python experiments/fig6_audio_transfer.py --stage=figure                 # redraw

The metamers are those of `--run_dir`; what it lacks is made first, as by fig4_audio.py: those of
the word network's second seed, and of the networks trained on words and backgrounds, on
backgrounds alone, and not at all. Writes recognition.csv and the figure.
"""

from shared import figure_run, presets, script
from shared.figure_run import Settings

from model_metamers.plotting.figure6 import figure6
from model_metamers.store import RunFolder

figure_run.define_flags("runs/fig6_audio_transfer", presets.AUDIO_RUN)


def main() -> None:
    """Ask the word network, then draw."""
    options = figure_run.settings(presets.FIGURE_6)
    if options.stage == "figure" or compute(options):
        draw(RunFolder(options.output_dir, create=False))


def compute(options: Settings) -> bool:
    """Write recognition.csv; return False on workers that only help to make metamers."""
    # TensorFlow is imported here, so that --stage=figure does without it.
    from shared import audio, generators

    from model_metamers import pipeline

    made = audio.load_generators(options)
    names = [presets.FIGURE_6_OBSERVER[options.preset]]
    observers = generators.load_networks(names, hears=True, strategy=options.strategy)
    run = figure_run.certified_metamers(made, options)
    if run is None:
        return False
    folder = RunFolder(options.output_dir)
    figure_run.write_record(folder, options, made, observers)
    pipeline.recognise(made, observers, audio.TASKS, audio.as_heard_by, run, output=folder)
    return True


def draw(folder: RunFolder) -> None:
    """Draw figure.png and figure.pdf from recognition.csv."""
    config = folder.read_run_record()["config"]
    observer = presets.FIGURE_6_OBSERVER[config["preset"]]
    chance = 1 / presets.N_WORDS[config["preset"]]
    table = folder.read_table("recognition")
    folder.save_figure(figure6(table, observer, config["layers"], chance))
    print(f"drew {folder.path / 'figure.png'} and figure.pdf")


if __name__ == "__main__":
    script.run(main)
