"""A metamer in the making: what it looks like, and how it matches, after so many evaluations.

The pictures of Figure 1 are previews like those of other runs, <stimulus>-after<evaluations>.png;
matches are measured on them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

import model_metamers as mm
from model_metamers.networks.network import Network
from model_metamers.pipeline import Generator, layer_null, load_previews, save_previews
from model_metamers.store import NATURAL, RunFolder
from model_metamers.store.records import logged_evaluations
from model_metamers.synthesis import SynthesisConfig, SynthesisState, initial_noise
from model_metamers.synthesis.solver import Bounds
from shared.examples import snapshot_id

LOGGED_EVERY = 10  # evaluations
N_MAPS = 4  # of a layer's channels, for the figure's picture of a response
MAP_SIDE = 16  # of responses without places


def shown_evaluations(iterations: int) -> list[int]:
    """Return 0, 10, 30, 100, 300, ... below the last evaluation, and that."""
    steps = (factor * 10**power for power in range(1, 9) for factor in (1, 3))
    return [0, *(step for step in steps if step < iterations), iterations]


def make_snapshots(
    generator: Generator, layer: str, config: SynthesisConfig, folder: RunFolder
) -> None:
    """Make one metamer of the first stimulus, keep it at some evaluations, and log its loss.

    Writes previews and rows of losses.csv; does nothing where they are there.
    """
    network, stimuli = generator.network, generator.stimuli.take([0])
    (stimulus_id,), shown = stimuli.ids, shown_evaluations(config.iterations)
    names = [snapshot_id(stimulus_id, evaluations) for evaluations in shown]
    if folder.has_previews(network.name, layer, names):
        return
    config = replace(config, log_every=min(LOGGED_EVERY, config.iterations))
    bounds = Bounds.of(network.stimulus_range)
    kept = {0: initial_noise(stimuli.stimuli[:].shape, stimuli.ids, config.seed, bounds)}

    def keep(state: SynthesisState) -> None:
        kept[int(state.step.max())] = state.metamer

    result = mm.synthesize(
        network, layer, stimuli.stimuli[:], config, stimulus_ids=stimuli.ids, on_chunk=keep
    )
    # One that is matched, or stuck, ends early, and stays as it is.
    pictures = [kept[max(step for step in kept if step <= n)] for n in shown]
    losses = pd.DataFrame({"loss": result.losses[:, 0]})
    losses["evaluations"] = logged_evaluations(int(result.step[0]), config.log_every, len(losses))
    losses = losses.assign(network=network.name, layer=layer, stimulus_id=stimulus_id)
    folder.merge_rows("losses", losses, ["network", "layer", "stimulus_id", "evaluations"])
    save_previews(folder, network, NATURAL, stimuli.ids, stimuli.stimuli[:])
    save_previews(folder, network, layer, names, np.concatenate(pictures))


def measure(
    generator: Generator, shown: Mapping[str, Sequence[int]], folder: RunFolder
) -> pd.DataFrame:
    """Return progress.csv: how snapshots correlate with the natural stimulus at every layer.

    Args:
        generator: its layers are those where it is measured.
        shown: matched layer -> evaluations of its snapshots.
        folder: where the previews are; nulls go there.
    """
    network, stimulus_id = generator.network, generator.stimuli.ids[0]
    layers = list(generator.layers)
    null_max = [layer_null(generator, layer, folder).maximum for layer in layers]
    natural = network.activations(load_previews(folder, network, NATURAL, [stimulus_id]), layers)
    rows = []
    for matched, steps in shown.items():
        names = [snapshot_id(stimulus_id, evaluations) for evaluations in steps]
        made = network.activations(load_previews(folder, network, matched, names), layers)
        for row, evaluations in enumerate(steps):
            spearman = [mm.spearman(made[x][row : row + 1], natural[x])[0] for x in layers]
            rows.append(
                pd.DataFrame(
                    {
                        "network": network.name,
                        "layer": matched,
                        "stimulus_id": stimulus_id,
                        "evaluations": evaluations,
                        "measured_layer": layers,
                        "spearman": spearman,
                        "null_max": null_max,
                    }
                )
            )
    return pd.concat(rows, ignore_index=True)


def responses(
    generator: Generator, layer: str, steps: Sequence[int], folder: RunFolder
) -> pd.DataFrame:
    """Return responses.csv: some of a layer's responses to the natural stimulus and to snapshots.

    Args:
        generator: whose network.
        layer: the matched layer.
        steps: evaluations of the snapshots.
        folder: where the previews are.
    """
    network, stimulus_id = generator.network, generator.stimuli.ids[0]
    names = [snapshot_id(stimulus_id, evaluations) for evaluations in steps]
    natural = _response(network, load_previews(folder, network, NATURAL, [stimulus_id]), layer)
    made = _response(network, load_previews(folder, network, layer, names), layer)
    strongest = np.argsort(natural[0].var(axis=(0, 1)), kind="stable")[::-1][:N_MAPS]
    parts = []
    for stimulus, maps in zip([NATURAL, *names], [*natural, *made], strict=True):
        values = maps[..., strongest]
        row, column, number = (axis.ravel() for axis in np.indices(values.shape))
        parts.append(
            pd.DataFrame(
                {
                    "network": network.name,
                    "layer": layer,
                    "stimulus_id": stimulus,
                    "unit": strongest[number],
                    "row": row,
                    "column": column,
                    "response": values.ravel(),
                }
            )
        )
    return pd.concat(parts, ignore_index=True)


def _response(network: Network, stimuli: np.ndarray, layer: str) -> np.ndarray:
    """Return responses as maps [n, rows, columns, channels]; vectors become a square of units."""
    values = network.activations(stimuli, [layer])[layer]
    if values.ndim == 4:
        return values
    flat = values.reshape(len(values), -1)
    side = min(MAP_SIDE, int(np.sqrt(flat.shape[1])))
    return flat[:, : side * side].reshape(len(values), side, side, 1)
