"""Figure 3c, 3d: metamers of the word network, and who recognises them.

    python experiments/fig3_audio.py
    python experiments/fig3_audio.py --run_dir=figures/fig4_audio
    python experiments/fig3_audio.py --stage=figure                  # redraw

The metamers are those of `--run_dir`; what it lacks is made first, as by fig4_audio.py. They are
played to the network itself and to the other word networks. Writes recognition.csv, the pictures
and the figure.
"""

from shared import figure_run, presets, script
from shared.examples import example_rows, sound_picture
from shared.figure_run import Settings

from model_metamers.plotting.figure3 import figure3
from model_metamers.store import RunFolder

figure_run.define_flags("runs/fig3_audio", presets.AUDIO_RUN)


def main() -> None:
    """Ask the observers, then draw."""
    options = figure_run.settings(presets.FIGURE_3_AUDIO)
    if options.stage == "figure" or compute(options):
        draw(RunFolder(options.output_dir, create=False), RunFolder(options.run_dir, create=False))


def compute(options: Settings) -> bool:
    """Write recognition.csv; return False on workers that only help to make metamers."""
    # TensorFlow is imported here, so that --stage=figure does without it.
    from shared import audio

    from model_metamers import pipeline

    generators = audio.load_generators(options)
    observers = audio.load_observers(options)
    run = figure_run.certified_metamers(generators, options)
    if run is None:
        return False
    folder = RunFolder(options.output_dir)
    figure_run.write_record(folder, options, generators, observers)
    pipeline.recognise(generators, observers, audio.TASKS, audio.as_heard_by, run, output=folder)
    figure_run.add_published(folder, ["3d", "4"], "word")
    return True


def draw(folder: RunFolder, run: RunFolder) -> None:
    """Draw figure.png and figure.pdf from recognition.csv and the run's previews."""
    config = folder.read_run_record()["config"]
    rows = example_rows(run, list(config["layers"]), sound_picture)
    chance = 1 / presets.N_WORDS[config["preset"]]
    folder.save_figure(figure3(rows, folder.read_table("recognition"), "word", chance))
    print(f"drew {folder.path / 'figure.png'} and figure.pdf")


if __name__ == "__main__":
    script.run(main)
