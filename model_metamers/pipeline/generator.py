"""A network that metamers are made for, and its stimuli as a run folder keeps them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from model_metamers.networks.network import Network
from model_metamers.stimuli.stimulus_set import StimulusSet
from model_metamers.store import RunFolder
from model_metamers.synthesis import SynthesisConfig

COMPARED_TOGETHER = 8  # stimuli whose activations are in memory at once


@dataclass(frozen=True)
class Generator:
    """A network that metamers are made for, its natural stimuli, and what its null is drawn from.

    Attributes:
        network: the network.
        layers: the layers to match, in the network's order.
        stimuli: the natural stimuli, in the network's size.
        null_stimuli: natural stimuli whose pairs make the null distribution.
        null_groups: see `validation.null_distribution`; by default the labels of `null_stimuli`.
        initial: what the metamers start from, like the stimuli; noise by default.
        learning_rates: layer -> learning rate, where it is not that of all layers.
        iterations: layer -> evaluations, where they are not those of all layers.
    """

    network: Network
    layers: tuple[str, ...]
    stimuli: StimulusSet
    null_stimuli: StimulusSet
    null_groups: Sequence | None = None
    initial: np.ndarray | None = None
    learning_rates: Mapping[str, float] = field(default_factory=dict)
    iterations: Mapping[str, int] = field(default_factory=dict)

    def config_of(self, layer: str, config: SynthesisConfig) -> SynthesisConfig:
        """Return a layer's settings: those of all layers with its own rate and evaluations.

        A rate that falls in the course of a run falls as far in that of the layer.
        """
        iterations = self.iterations.get(layer, config.iterations)
        return replace(
            config,
            learning_rate=self.learning_rates.get(layer, config.learning_rate),
            iterations=iterations,
            decay_steps=max(config.decay_steps * iterations // config.iterations, 1),
        )


def save_previews(
    folder: RunFolder, network: Network, layer: str, ids: Sequence[str], stimuli: np.ndarray
) -> None:
    """Write the stimuli that people get, and that are certified."""
    folder.save_previews(
        network.name, layer, ids, stimuli, network.sample_rate_hz, *_value_range(network)
    )


def load_previews(
    folder: RunFolder, network: Network, layer: str, ids: Sequence[str]
) -> np.ndarray:
    """Return the stimuli that people get, as the network takes them.

    Raises:
        ValueError: one is missing or damaged, or they are of another shape.
    """
    stimuli = folder.load_previews(network.name, layer, ids, *_value_range(network))
    if stimuli.shape[1:] != network.stimulus_shape:
        raise ValueError(
            f"the previews of {network.name} {layer} in {folder.path} are of shape "
            f"{list(stimuli.shape[1:])}, and the network takes {list(network.stimulus_shape)}; "
            f"put back those of the run, or make it anew in another folder"
        )
    return stimuli


def _value_range(network: Network) -> tuple:
    return () if network.stimulus_range is None else (network.stimulus_range,)
