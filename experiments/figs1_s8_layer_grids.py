"""Figures S1 to S8: metamers of every layer, measured at every layer, against the null.

    python experiments/figs1_s8_layer_grids.py                     # the image networks
    python experiments/figs1_s8_layer_grids.py --modality=audio
    python experiments/figs1_s8_layer_grids.py --run_dir=runs/fig3_visual
    python experiments/figs1_s8_layer_grids.py --stage=figure      # redraw

The metamers are those of `--run_dir`; what it lacks is made first, as by fig3_visual.py or
fig4_audio.py. Writes layer_grid.csv and one figure per network.
"""

from typing import TYPE_CHECKING

from absl import flags

from shared import figure, presets, script
from shared.options import Options, define_flags

if TYPE_CHECKING:
    from shared.figure import Figures, RunFolder

PRESETS = {"visual": presets.VISUAL, "audio": presets.AUDIO}

define_flags("runs/figs1_s8_layer_grids", presets.AUDIO | presets.VISUAL, shows_run=True)
_MODALITY = flags.DEFINE_enum("modality", "visual", tuple(PRESETS), "Which networks.")


def main() -> None:
    """Run the stages for the networks of one modality."""
    if _MODALITY.value == "audio":
        flags.FLAGS.set_default("output_dir", "runs/figs1_s8_layer_grids_audio")
        flags.FLAGS.set_default("run_dir", presets.AUDIO_RUN)
    figure.run_stages(PRESETS[_MODALITY.value], compute, draw)


def compute(options: Options) -> None:
    """Make and certify what the run lacks, and measure it at every layer."""
    from model_metamers.analysis.layer_grid import layer_grid
    from model_metamers.store import RunFolder
    from shared import audio, stages, visual

    generators = (audio if _MODALITY.value == "audio" else visual).load(options)
    run = stages.make(generators, options)
    stages.certify(generators, run, options)
    folder = RunFolder(options.output_dir)
    stages.write_record(folder, options, generators)
    for generator in generators:
        rows = layer_grid(generator, run)
        folder.merge_rows("layer_grid", rows, ["network", "generated_layer", "measured_layer"])


def draw(folder: "RunFolder", options: Options) -> "Figures":
    """Draw one figure per network from layer_grid.csv."""
    from model_metamers.plotting.figures_s1_s8 import layer_grid_figure
    from model_metamers.plotting.style import style_of
    from shared.styles import styles_of

    table, styles = folder.read_table("layer_grid"), styles_of(folder)
    return {
        network: layer_grid_figure(table[table.network == network], style_of(network, styles))
        for network in table.network.unique()
    }


if __name__ == "__main__":
    script.run(main)
