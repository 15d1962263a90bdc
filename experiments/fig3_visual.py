"""Figure 3a, 3b: metamers of three image networks, and who recognises them.

    python experiments/fig3_visual.py                                # small preset, offline,
    minutes python experiments/fig3_visual.py --stage=figure                 # redraw from the
    tables python experiments/fig3_visual.py --preset=paper --stimuli_dir=ImageNet16
    --strategy=mirrored

For every network and layer, metamers of natural images are synthesised (paper, section 2.2),
certified (same label, correlation above the null distribution) and shown to the network itself and
to the others. A run that was interrupted continues with the same command. Writes the run folder of
`model_metamers.store`: metamers, previews, matches.csv, recognition.csv, figure.png and
figure.pdf.
"""

from shared import figure_run, presets, script
from shared.examples import example_rows, pixels
from shared.figure_run import Settings

from model_metamers.plotting.figure3 import figure3
from model_metamers.store import RunFolder

figure_run.define_flags(presets.VISUAL_RUN)


def main() -> None:
    """Make what is missing, then draw."""
    options = figure_run.settings(presets.VISUAL)
    if options.stage == "figure" or compute(options):
        draw(RunFolder(options.output_dir, create=False))


def compute(options: Settings) -> bool:
    """Run the stages from natural images to the tables; return False on workers that only help."""
    # TensorFlow is imported here, so that --stage=figure does without it.
    from shared import visual

    from model_metamers import pipeline

    generators = visual.load_generators(options)
    folder = figure_run.certified_metamers(generators, options)
    if folder is None:
        return False
    observers = [generator.network for generator in generators]
    pipeline.recognise(generators, observers, visual.TASKS, visual.as_seen_by, folder)
    figure_run.add_published(folder, ["3b"], "16-way")
    return True


def draw(folder: RunFolder) -> None:
    """Draw figure.png and figure.pdf from the tables and previews."""
    rows = example_rows(folder, list(folder.read_run_record()["config"]["layers"]), pixels)
    folder.save_figure(figure3(rows, folder.read_table("recognition"), task="16-way"))
    print(f"drew {folder.path / 'figure.png'} and figure.pdf")


if __name__ == "__main__":
    script.run(main)
