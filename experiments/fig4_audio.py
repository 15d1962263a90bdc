"""Figure 4: metamers of audio networks that differ in architecture, training or task.

    python experiments/fig4_audio.py                      # small preset, offline, minutes
    python experiments/fig4_audio.py --stage=figure       # redraw from the tables
    python experiments/fig4_audio.py --preset=paper --stimuli_dir=TIMIT --strategy=mirrored

For every network and layer, metamers of spoken words are synthesised, certified (same label,
correlation above the null distribution) and played to the other word networks. A run that was
interrupted continues with the same command. Writes the run folder of `model_metamers.store`.
"""

from shared import figure_run, presets, script
from shared.examples import example_rows, sound_picture
from shared.figure_run import Settings

from model_metamers.plotting.figure4 import figure4
from model_metamers.store import RunFolder

figure_run.define_flags(presets.AUDIO_RUN)


def main() -> None:
    """Make what is missing, then draw."""
    options = figure_run.settings(presets.AUDIO)
    if options.stage == "figure" or compute(options):
        draw(RunFolder(options.output_dir, create=False))


def compute(options: Settings) -> bool:
    """Run the stages from natural sounds to the tables; return False on workers that only help."""
    # TensorFlow is imported here, so that --stage=figure does without it.
    from shared import audio

    from model_metamers import pipeline

    generators = audio.load_generators(options)
    observers = audio.load_observers(options)
    folder = figure_run.certified_metamers(generators, options, observers)
    if folder is None:
        return False
    pipeline.recognise(generators, observers, audio.TASKS, audio.as_heard_by, folder)
    figure_run.add_published(folder, ["3d", "4"], "word")
    return True


def draw(folder: RunFolder) -> None:
    """Draw figure.png and figure.pdf from the tables and previews."""
    config = folder.read_run_record()["config"]
    ending = "_small" if config["preset"] == figure_run.SMALL else ""
    made = {name.removesuffix(ending): name for name in config["layers"]}
    panels = {
        title: [made[name] for name in names if name in made]
        for title, names in presets.FIGURE_4_PANELS.items()
    }
    # A panel compares; where a run has nothing to compare, it shows what there is.
    comparing = {title: names for title, names in panels.items() if len(names) > 1}
    panels = comparing or {title: names for title, names in panels.items() if names}
    shown = list(dict.fromkeys(name for names in panels.values() for name in names))
    rows = example_rows(folder, shown, sound_picture)
    chance = 1 / presets.N_WORDS[config["preset"]]
    folder.save_figure(figure4(rows, folder.read_table("recognition"), panels, chance))
    print(f"drew {folder.path / 'figure.png'} and figure.pdf")


if __name__ == "__main__":
    script.run(main)
