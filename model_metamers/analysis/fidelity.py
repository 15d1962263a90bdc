"""How well metamers match, with the modified and with the true gradient: the tables of Figure 2.

A ReLU at the matched layer passes no gradient to units that the metamer keeps off. The modified
gradient treats it as the identity; here metamers made either way are compared at layers that end
in a ReLU, everything else equal.

Source: paper, sections 2.3 and 2.5, Figure 2.
"""

from collections.abc import Collection, Mapping, Sequence

import numpy as np
import pandas as pd

from model_metamers.analysis import layer_grid
from model_metamers.networks.network import Network
from model_metamers.pipeline import Generator, load_previews
from model_metamers.store import NATURAL, RunFolder
from model_metamers.validation import NullDistribution

MODIFIED, TRUE = "modified", "true"
N_BINS = 100  # of the histograms, from -1 to 1
MOST_UNITS = 5000  # of a layer in activations.csv


def relu_layers(network: Network, layers: Sequence[str]) -> tuple[str, ...]:
    """Return the layers that end in a ReLU; at the others both gradients are the same."""
    return tuple(layer for layer in layers if network.pre_activation(layer) is not None)


def correlations(
    generator: Generator, nulls: Mapping[str, NullDistribution], folder: RunFolder
) -> pd.DataFrame:
    """Return correlations.csv: some layers' accepted metamers, one by one, at each of the layers.

    Args:
        generator: the network.
        nulls: matched and measured layer -> its null distribution.
        folder: the run folder with the metamers.
    """
    name, matches = generator.network.name, folder.read_table("matches")
    parts = []
    for generated in nulls:
        rows = matches[(matches.network == name) & (matches.layer == generated)]
        ids = list(rows.stimulus_id[rows.accepted])
        rho = layer_grid.correlations(generator, generated, ids, folder)
        parts += [
            pd.DataFrame(
                {
                    "network": name,
                    "generated_layer": generated,
                    "measured_layer": measured,
                    "stimulus_id": ids,
                    "spearman": rho[measured],
                    "null_max": null.maximum,
                }
            )
            for measured, null in nulls.items()
        ]
    return pd.concat(parts, ignore_index=True)


def null_histogram(network: Network, nulls: Mapping[str, NullDistribution]) -> pd.DataFrame:
    """Return null_histogram.csv: how many pairs of natural stimuli correlate how much."""
    edges = np.linspace(-1, 1, N_BINS + 1)
    parts = [
        pd.DataFrame(
            {
                "network": network.name,
                "layer": layer,
                "low": edges[:-1],
                "high": edges[1:],
                "n": null.histogram.reshape(N_BINS, -1).sum(axis=1),
            }
        )
        for layer, null in nulls.items()
    ]
    return pd.concat(parts, ignore_index=True)


def activations(
    network: Network, layer: str, stimulus_id: str, folders: Mapping[str, RunFolder]
) -> pd.DataFrame:
    """Return activations.csv: units' responses to a natural stimulus and to its metamers.

    Of a layer of more than `MOST_UNITS` they are as many at most, evenly spaced.

    Args:
        network: the network.
        layer: the matched layer.
        stimulus_id: which stimulus.
        folders: gradient -> run folder with the metamers made with it.
    """
    parts = []
    for gradient, folder in folders.items():
        natural, metamer = (
            network.activations(load_previews(folder, network, shown, [stimulus_id]), [layer])
            for shown in (NATURAL, layer)
        )
        every = -(-natural[layer].size // MOST_UNITS)
        values = {
            "network": network.name,
            "layer": layer,
            "stimulus_id": stimulus_id,
            "gradient": gradient,
            "natural": natural[layer].ravel()[::every],
            "metamer": metamer[layer].ravel()[::every],
        }
        parts.append(pd.DataFrame(values))
    return pd.concat(parts, ignore_index=True)


def fidelity(
    generators: Sequence[Generator],
    stimulus_ids: Collection[str],
    folders: Mapping[str, RunFolder],
) -> pd.DataFrame:
    """Return fidelity.csv: the correlation of every metamer made with either gradient.

    Accepted or not: to leave out those that failed would favour the gradient that fails more.

    Args:
        generators: the networks, with the layers that end in a ReLU.
        stimulus_ids: the stimuli with metamers of both kinds.
        folders: gradient -> run folder with the metamers made with it.
    """
    parts = []
    for gradient, folder in folders.items():
        matches = folder.read_table("matches")
        shared = matches[matches.stimulus_id.isin(stimulus_ids)].assign(gradient=gradient)
        parts += [
            shared[(shared.network == generator.network.name) & (shared.layer == layer)]
            for generator in generators
            for layer in generator.layers
        ]
    columns = ["network", "layer", "stimulus_id", "gradient", "spearman_layer"]
    return pd.concat(parts, ignore_index=True)[columns]
