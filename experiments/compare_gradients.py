"""How well metamers match with the modified and with the true gradient of the matched ReLU.

    python experiments/compare_gradients.py --network=vgg_19_small --num_stimuli=8

Prints, and writes as a table, the Spearman correlation of metamer and natural image at every
matched ReLU layer (median, lowest) for both gradients, everything else equal (paper, section 2.3).
"""

from dataclasses import replace
from pathlib import Path

import script
import figure_run
import numpy as np
import pandas as pd
import visual
from absl import flags
from fig3_visual import PRESETS

from model_metamers.networks.catalog import load_network
from model_metamers.networks.keras_graph import before_relu_of
from model_metamers.synthesis import SynthesisConfig, synthesize
from model_metamers.validation import spearman

_NETWORK = flags.DEFINE_string("network", "vgg_19_small", "Network to make metamers for.")
_OUTPUT = flags.DEFINE_string("output", "runs/compare_gradients.csv", "Where the table goes.")


def main() -> None:
    """Compare the gradients at every matched ReLU."""
    options = figure_run.settings(PRESETS)
    network = load_network(_NETWORK.value)
    natural = visual.natural_images(options, network.stimulus_shape[0])
    modified = SynthesisConfig(seed=options.seed, **options.synthesis)
    rows = []
    for layer in options.layers or network.metamer_layers:
        if before_relu_of(network.model, layer) is None:
            continue
        for config in (modified, replace(modified, modified_gradient=False)):
            result = synthesize(network, layer, natural.stimuli, config, stimulus_ids=natural.ids)
            rho = spearman(
                network.activations(result.metamers, [layer])[layer],
                network.activations(natural.stimuli, [layer])[layer],
            )
            kind = "modified" if config.modified_gradient else "true"
            rows.append((network.name, layer, kind, len(rho), np.median(rho), np.min(rho)))
    table = pd.DataFrame(
        rows, columns=["network", "layer", "gradient", "n", "median_spearman", "lowest_spearman"]
    )
    Path(_OUTPUT.value).parent.mkdir(parents=True, exist_ok=True)
    table.to_csv(_OUTPUT.value, index=False)
    print(table.to_string(index=False, float_format="{:.4f}".format))


if __name__ == "__main__":
    script.run(main)
