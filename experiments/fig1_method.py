"""Figure 1: the method, drawn from a real run.

    python experiments/fig1_method.py                        # a small network, offline, seconds
    python experiments/fig1_method.py --preset=imagenet      # EfficientNet-Lite0
    python experiments/fig1_method.py --layers=conv4_4,fc8   # other layers to match
    python experiments/fig1_method.py --stage=figure         # redraw

Noise is optimised until a layer responds to it as to a natural image. The figure shows the image,
the noise and what it becomes after 10, 30, 100 ... evaluations of loss and gradient; the layer's
responses; the loss; and how well every layer of the network is matched. Writes the pictures and
the tables losses.csv, progress.csv, responses.csv and nulls.csv.
"""

from dataclasses import replace
from typing import TYPE_CHECKING

from shared import figure, presets
from shared.options import Options, define_flags

if TYPE_CHECKING:
    from shared.figure import Figures, RunFolder

define_flags("runs/fig1_method", presets.FIGURE_1)

MOST_LAYERS = 4


def compute(options: Options) -> None:
    """Make a metamer for each layer, keep its way there, and measure it."""
    if len(options.networks) > 1:
        raise ValueError("--networks: Figure 1 is of one network; give every one its own folder")
    if len(options.layers) > MOST_LAYERS:
        raise ValueError(f"--layers: Figure 1 has room for {MOST_LAYERS} layers")

    from model_metamers import pipeline
    from model_metamers.store import RunFolder
    from shared import generators, snapshots, stages, visual

    (generator,) = visual.load(replace(options, layers=()))
    base, layers = generator.network.identity.base, generator.layers
    usual = presets.FIGURE_1_LAYERS.get(base, (layers[0], layers[len(layers) // 2], layers[-1]))
    matched = options.layers or usual
    generators.check_layers(matched, [generator.network])
    folder, config, shown = RunFolder(options.output_dir), stages.synthesis_config(options), {}
    stages.write_record(folder, options, [replace(generator, layers=tuple(matched))])
    for layer in matched:
        settings = generator.config_of(layer, config)
        shown[layer] = snapshots.shown_evaluations(settings.iterations)
        snapshots.make_snapshots(generator, layer, settings, folder)
    keys = ["network", "layer", "stimulus_id", "evaluations", "measured_layer"]
    folder.merge_rows("progress", snapshots.measure(generator, shown, folder), keys)
    pictured = matched[len(matched) // 2]
    table = snapshots.responses(generator, pictured, shown[pictured], folder)
    folder.write_table("responses", table)
    pipeline.null_table([generator], folder)


def draw(folder: "RunFolder", options: Options) -> "Figures":
    """Draw from the tables and pictures."""
    from model_metamers.plotting.figure1 import Making, figure1
    from model_metamers.plotting.style import style_of
    from model_metamers.store import NATURAL
    from shared.examples import pixels, snapshot_id
    from shared.styles import styles_of

    progress = folder.read_table("progress")
    network, stimulus_id = progress.network.iloc[0], progress.stimulus_id.iloc[0]
    natural = folder.load_previews(network, NATURAL, [stimulus_id])[0]
    makings = []
    for layer, rows in progress.groupby("layer", sort=False):
        shown = list(dict.fromkeys(rows.evaluations))
        names = [snapshot_id(stimulus_id, evaluations) for evaluations in shown]
        images = [
            pixels(each, network) for each in folder.load_previews(network, str(layer), names)
        ]
        makings.append(Making(str(layer), shown, images))
    losses, responses = folder.read_table("losses"), folder.read_table("responses")
    label = style_of(network, styles_of(folder)).label
    found = figure1(pixels(natural, network), makings, losses, progress, responses, label)
    return {"figure": found}


if __name__ == "__main__":
    figure.main(presets.FIGURE_1, compute, draw)
