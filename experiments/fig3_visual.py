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
import script
from figure_run import PAPER, SMALL, Preset, Settings

from model_metamers.paper import load_table
from model_metamers.plotting.panels import ImageRow, figure3
from model_metamers.store import NATURAL, RunFolder

ARCHITECTURES = ("vgg_19", "inception_v3", "resnet_v2_101")
PRESETS = {
    SMALL: Preset(
        networks=tuple(f"{name}_small" for name in ARCHITECTURES),
        num_stimuli=4,
        num_null_stimuli=64,
        iterations=300,
        # At the paper's rate a pixel moves by at most 0.001 a step: a short run needs a higher
        # one, and has to bring it down sooner.
        synthesis=lambda iterations: {
            "learning_rate": 0.03,
            "decay_rate": 0.5,
            "decay_steps": max(iterations // 4, 1),
        },
    ),
    PAPER: Preset(
        networks=ARCHITECTURES,
        num_stimuli=256,
        num_null_stimuli=1415,
        iterations=15_000,
        synthesis=lambda iterations: {},
    ),
}

figure_run.define_flags("runs/fig3_visual")


def main() -> None:
    """Make what is missing, then draw."""
    options = figure_run.settings(PRESETS)
    if options.stage == "figure" or compute(options):
        draw(RunFolder(options.output_dir, create=False))


def compute(options: Settings) -> bool:
    """Run the stages from natural images to the tables; return False on workers that only help."""
    # TensorFlow is imported here, so that --stage=figure does without it.
    import visual
    from generators import load_generators

    from model_metamers import distribution, pipeline
    from model_metamers.synthesis import SynthesisConfig

    first_worker = distribution.worker_share(options.strategy)[0] == 0
    config = SynthesisConfig(seed=options.seed, **options.synthesis)
    generators = load_generators(options, hears=False, stimuli_for=visual.stimuli_for)
    folder = RunFolder(options.output_dir)
    if first_worker:
        figure_run.write_record(folder, options, config, generators)
    pipeline.make_metamers(generators, config, folder, options.strategy, options.batch_size)
    if not first_worker:
        return False
    pipeline.validate(generators, folder)
    observers = [generator.network for generator in generators]
    pipeline.recognise(generators, observers, visual.TASKS, visual.as_seen_by, folder)
    add_published(folder)
    return True


def add_published(folder: RunFolder) -> None:
    """Add the paper's human scores to recognition.csv, marked as published."""
    human = load_table("fig3_fig4_human_recognition_digitised")
    human = human[(human.figure == "3b") & human.network.isin(ARCHITECTURES)]
    rows = pd.DataFrame(
        {
            "observer": "human",
            "generator": human.network,
            "layer": human.layer,
            "task": "16-way",
            "n": human.n_participants * human.trials_per_participant,
            "proportion_correct": human.proportion_correct,
            "sem": human["sem"],
            "source": "published",
        }
    )
    folder.merge_rows("recognition", rows, ["observer", "generator", "layer", "task"])


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
