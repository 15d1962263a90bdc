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

import figure_run
import pandas as pd
import presets
import script
from figure_run import Settings

from model_metamers.plotting.panels import ImageRow, figure3
from model_metamers.store import NATURAL, RunFolder

figure_run.define_flags(presets.VISUAL_RUN)


def main() -> None:
    """Make what is missing, then draw."""
    options = figure_run.settings(presets.VISUAL)
    if options.stage == "figure" or compute(options):
        draw(RunFolder(options.output_dir, create=False))


def compute(options: Settings) -> bool:
    """Run the stages from natural images to the tables; return False on workers that only help."""
    # TensorFlow is imported here, so that --stage=figure does without it.
    import visual
    from generators import load_generators

    from model_metamers import pipeline

    generators = load_generators(options, hears=False, stimuli_for=visual.stimuli_for)
    folder = figure_run.certified_metamers(generators, options)
    if folder is None:
        return False
    observers = [generator.network for generator in generators]
    pipeline.recognise(generators, observers, visual.TASKS, visual.as_seen_by, folder)
    visual.add_published(folder)
    return True


def draw(folder: RunFolder) -> None:
    """Draw figure.png and figure.pdf from the tables and previews."""
    layers = folder.read_run_record()["config"]["layers"]
    matches = folder.read_table("matches")
    example = _example(matches)
    rows = [_image_row(folder, matches, network, layers[network], example) for network in layers]
    figure = figure3(rows, folder.read_table("recognition"), task="16-way")
    folder.save_figure(figure)
    print(f"drew {folder.path / 'figure.png'} and figure.pdf")


def _example(matches: pd.DataFrame) -> str:
    """Return the stimulus with the most accepted metamers, the first of equals."""
    n_accepted = matches.groupby("stimulus_id", sort=False).accepted.sum()
    return str(n_accepted.idxmax())


def _image_row(
    folder: RunFolder, matches: pd.DataFrame, network: str, layers: list[str], stimulus_id: str
) -> ImageRow:
    images = [
        folder.load_previews(network, layer, [stimulus_id])[0] for layer in (NATURAL, *layers)
    ]
    of_stimulus = matches[(matches.network == network) & (matches.stimulus_id == stimulus_id)]
    accepted = of_stimulus.set_index("layer").accepted
    pixels = [(255 * image).round().astype("uint8") for image in images]
    return ImageRow(network, pixels, layers, [bool(accepted[layer]) for layer in layers])


if __name__ == "__main__":
    script.run(main)
