"""Figures S1 to S8: metamers of every layer, measured at every layer, against the null.

    python experiments/figs1_s8_layer_grids.py                     # the image networks
    python experiments/figs1_s8_layer_grids.py --modality=audio
    python experiments/figs1_s8_layer_grids.py --run_dir=figures/fig3_visual
    python experiments/figs1_s8_layer_grids.py --stage=figure      # redraw

The metamers are those of `--run_dir`; what it lacks is made first, as by fig3_visual.py or
fig4_audio.py. Writes layer_grid.csv and one figure per network.
"""

from shared import figure_run, presets, script
from absl import flags
from shared.figure_run import Settings

from model_metamers.plotting.figures_s1_s8 import layer_grid_figure
from model_metamers.store import RunFolder

figure_run.define_flags("runs/figs1_s8_layer_grids", presets.VISUAL_RUN)
_MODALITY = flags.DEFINE_enum("modality", "visual", ("visual", "audio"), "Which networks.")
PRESETS = {"visual": presets.VISUAL, "audio": presets.AUDIO}


def main() -> None:
    """Measure what is missing, then draw."""
    if _MODALITY.value == "audio":
        flags.FLAGS.set_default("output_dir", "runs/figs1_s8_layer_grids_audio")
        flags.FLAGS.set_default("run_dir", presets.AUDIO_RUN)
    options = figure_run.settings(PRESETS[_MODALITY.value])
    if options.stage == "figure" or compute(options):
        draw(RunFolder(options.output_dir, create=False))


def compute(options: Settings) -> bool:
    """Write layer_grid.csv; return False on workers that only help to make metamers."""
    # TensorFlow is imported here, so that --stage=figure does without it.
    from shared import audio, visual

    from model_metamers.analysis.layer_grid import layer_grid

    modality = audio if _MODALITY.value == "audio" else visual
    generators = modality.load_generators(options)
    run = figure_run.certified_metamers(generators, options)
    if run is None:
        return False
    folder = RunFolder(options.output_dir)
    figure_run.write_record(folder, options, generators)
    for generator in generators:
        rows = layer_grid(generator, run)
        folder.merge_rows("layer_grid", rows, ["network", "generated_layer", "measured_layer"])
    return True


def draw(folder: RunFolder) -> None:
    """Draw one figure per network from layer_grid.csv."""
    table = folder.read_table("layer_grid")
    for network in table.network.unique():
        folder.save_figure(layer_grid_figure(table[table.network == network]), network)
        print(f"drew {folder.path / network}.png and {network}.pdf")


if __name__ == "__main__":
    script.run(main)
