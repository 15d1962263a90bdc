"""Ask networks what they recognise: recognition.csv."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from model_metamers import recognition
from model_metamers.networks.network import Network
from model_metamers.pipeline.generator import Generator, load_previews
from model_metamers.store import NATURAL, RunFolder


@dataclass(frozen=True)
class Task:
    """A question put to an observer.

    Attributes:
        name: its name in recognition.csv.
        answer: (network, logits [n, n_classes]) -> class indices [n].
        truth: (network, labels of the natural stimuli) -> right class indices [n], -1 where
            unknown.
    """

    name: str
    answer: Callable[[Network, np.ndarray], np.ndarray]
    truth: Callable[[Network, Sequence[str]], np.ndarray]


def recognise(
    generators: Sequence[Generator],
    observers: Sequence[Network],
    tasks: Sequence[Task],
    adapt: Callable[[np.ndarray, Network, Network], np.ndarray],
    folder: RunFolder,
    output: RunFolder | None = None,
) -> pd.DataFrame:
    """Ask every observer about every network's natural stimuli and accepted metamers.

    Args:
        generators: whose metamers are shown; matches.csv tells which are accepted.
        observers: networks that answer.
        tasks: the questions.
        adapt: (stimuli, generator, observer) -> the generator's stimuli as the observer takes
            them, such as in another size.
        folder: the run folder with the metamers.
        output: where recognition.csv goes; by default the same folder.

    Returns:
        recognition.csv, also written.
    """
    output = output or folder
    matches = folder.read_table("matches")
    rows = []
    for generator in generators:
        name, stimuli = generator.network.name, generator.stimuli
        for layer in (NATURAL, *generator.layers):
            shown = _accepted(matches, name, layer, stimuli.ids)
            previews = load_previews(folder, generator.network, layer, stimuli.ids)
            for observer in observers:
                logits = observer.logits(adapt(previews, generator.network, observer))
                for task in tasks:
                    truth = task.truth(observer, stimuli.labels)
                    if not (truth >= 0).any():
                        continue
                    judged = shown & (truth >= 0)
                    right = (task.answer(observer, logits) == truth)[judged]
                    mean, sem = recognition.proportion_correct(right)
                    rows.append((observer.name, name, layer, task.name, len(right), mean, sem))
    columns = ["observer", "generator", "layer", "task", "n", "proportion_correct", "sem"]
    table = pd.DataFrame(rows, columns=columns).assign(source="measured")
    output.merge_rows("recognition", table, ["observer", "generator", "layer", "task"])
    return output.read_table("recognition")


def _accepted(matches: pd.DataFrame, network: str, layer: str, ids: Sequence[str]) -> np.ndarray:
    """Return which stimuli count, bool [n]: all natural ones, and the accepted metamers."""
    if layer == NATURAL:
        return np.ones(len(ids), bool)
    rows = matches[(matches.network == network) & (matches.layer == layer) & matches.accepted]
    return np.isin(ids, rows.stimulus_id)
