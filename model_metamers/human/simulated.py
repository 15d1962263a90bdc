"""Participants of known ability, to try an experiment and to test its analysis.

The deeper the matched layer, the less they recognise, along a logistic psychometric function.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from model_metamers.human.design import HEADPHONES, SCREEN, Design, Step
from model_metamers.human.responses import Response
from model_metamers.human.trials import NATURAL


@dataclass(frozen=True)
class Psychometric:
    """The probability of a right answer by depth: 0 for the first layer, 1 for the last.

    Attributes:
        midpoint: depth at which half of what is between lapses and chance is left.
        slope: depth by which the log odds fall by 1.
        lapse: probability of an error where everything is recognised.
    """

    midpoint: float = 0.5
    slope: float = 0.1
    lapse: float = 0.08

    def probability(self, depth: float, chance: float) -> float:
        """Return the probability correct; `depth` is -inf for natural stimuli."""
        recognised = 1 / (1 + math.exp((depth - self.midpoint) / self.slope))
        return chance + (1 - self.lapse - chance) * recognised


def depths(layers: Mapping[str, Sequence[str]]) -> dict[tuple[str, str], float]:
    """Return (network, layer) -> depth, -inf for natural stimuli."""
    found = {(NATURAL.network, NATURAL.layer): -math.inf}
    for network, names in layers.items():
        for place, layer in enumerate(names):
            found[network, layer] = place / max(len(names) - 1, 1)
    return found


def simulate(
    design: Design,
    participant: int,
    layers: Mapping[str, Sequence[str]],
    ability: Psychometric = Psychometric(),
    seed: int = 0,
) -> list[Response]:
    """Return the responses of a participant who gets every headphone check right.

    Args:
        design: the experiment.
        participant: number, from 1.
        layers: network -> its layers, from the input upwards.
        ability: how much is recognised.
        seed: with the number, of the answers.
    """
    random = np.random.default_rng([seed, participant])
    depth = depths(layers)
    return [
        Response(
            participant,
            step,
            _answer(step, design, ability, depth, random),
            response_ms=math.nan,
            stimulus_ms=math.nan,
            frame_ms=math.nan,
            presentations=1,
        )
        for step in design.participants[participant - 1]
    ]


def _answer(
    step: Step,
    design: Design,
    ability: Psychometric,
    depth: Mapping[tuple[str, str], float],
    random: np.random.Generator,
) -> str:
    if step.phase == SCREEN:
        return "simulated"
    if step.phase == HEADPHONES:
        return step.label
    right = ability.probability(depth[step.network, step.layer], 1 / len(design.choices))
    if random.random() < right:
        return step.label
    return str(random.choice([choice for choice in design.choices if choice != step.label]))
