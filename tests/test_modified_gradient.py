"""The modified gradient matters: without it a deep layer matches measurably worse."""

from dataclasses import replace

import numpy as np
import pytest

import model_metamers as mm
from model_metamers.stimuli.made import objects


@pytest.mark.slow
def test_a_deep_layer_matches_worse_with_the_true_relu_gradient():
    network = mm.load_network("vgg_19_small")
    natural = objects.render_objects([0, 48], [2_000_000] * 2).astype(np.float32) / 255
    config = mm.SynthesisConfig(iterations=80, learning_rate=0.03, decay_rate=0.5, decay_steps=40)
    medians = []
    for setting in (config, replace(config, modified_gradient=False)):
        metamers = mm.synthesize(network, "fc6", natural, setting).metamers
        rho = mm.spearman(
            network.activations(metamers, ["fc6"])["fc6"],
            network.activations(natural, ["fc6"])["fc6"],
        )
        medians.append(np.median(rho))
    modified, true = medians
    assert modified > true + 0.01, medians
