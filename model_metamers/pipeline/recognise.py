"""Ask networks what they recognise: recognition.csv."""

from collections.abc import Callable, Iterator, Sequence
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
        readouts: names of the readouts that can answer; the first of them that an observer has is
            asked.
        answer: (network, logits [n, n_classes]) -> class indices [n].
        truth: (network, labels of the natural stimuli) -> right class indices [n], -1 where
            unknown.
        relative: readouts of which the answer to the natural stimulus is right, where the class is
            unknown.
    """

    name: str
    readouts: tuple[str, ...]
    answer: Callable[[Network, np.ndarray], np.ndarray]
    truth: Callable[[Network, Sequence[str]], np.ndarray]
    relative: tuple[str, ...] = ()

    def readout_of(self, network: Network) -> str | None:
        """Return the name of the readout that is asked, None where a network has none."""
        return next((name for name in self.readouts if name in network.readouts), None)


def check_observers(observers: Sequence[Network], tasks: Sequence[Task]) -> None:
    """Raise ValueError where a network has no readout that a task can score.

    To be called when networks are loaded, long before they are asked.
    """
    for network in observers:
        if all(task.readout_of(network) is None for task in tasks):
            known = dict.fromkeys(name for task in tasks for name in task.readouts)
            raise ValueError(
                f"{network.name} cannot be scored: it has the readouts "
                f"{', '.join(network.readouts)}, and scored are those called {', '.join(known)}"
            )


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
        truths: dict[tuple[str, str], np.ndarray] = {}  # of (observer, task)
        for layer in (NATURAL, *generator.layers):
            shown = _accepted(matches, name, layer, stimuli.ids)
            previews = load_previews(folder, generator.network, layer, stimuli.ids)
            for observer in observers:
                seen = adapt(previews, generator.network, observer)
                for task, answers in _answers(observer, seen, tasks):
                    key = (observer.name, task.name)
                    if layer == NATURAL:
                        truths[key] = _truth(task, observer, stimuli.labels, answers)
                    is_known = truths[key] >= 0
                    if is_known.any():
                        right = (answers == truths[key])[shown & is_known]
                        score = (task.name, len(right), *recognition.proportion_correct(right))
                        rows.append((observer.name, name, layer, *score))
    columns = ["observer", "generator", "layer", "task", "n", "proportion_correct", "sem"]
    table = pd.DataFrame(rows, columns=columns).assign(source="measured")
    output.merge_rows("recognition", table, ["observer", "generator", "layer", "task"])
    return output.read_table("recognition")


def _answers(
    observer: Network, stimuli: np.ndarray, tasks: Sequence[Task]
) -> Iterator[tuple[Task, np.ndarray]]:
    """Yield the tasks that an observer can do, and its answers [n]."""
    logits: dict[str, np.ndarray] = {}
    for task in tasks:
        readout = task.readout_of(observer)
        if readout is None:
            continue
        if readout not in logits:
            logits[readout] = observer.logits(stimuli, readout)
        yield task, task.answer(observer, logits[readout])


def _truth(
    task: Task, observer: Network, labels: Sequence[str], natural_answers: np.ndarray
) -> np.ndarray:
    """Return the right answers [n], -1 where there is none."""
    truth = task.truth(observer, labels)
    if task.readout_of(observer) not in task.relative:
        return truth
    return np.where(truth >= 0, truth, natural_answers)


def _accepted(matches: pd.DataFrame, network: str, layer: str, ids: Sequence[str]) -> np.ndarray:
    """Return which stimuli count, bool [n]: all natural ones, and the accepted metamers."""
    if layer == NATURAL:
        return np.ones(len(ids), bool)
    rows = matches[(matches.network == network) & (matches.layer == layer) & matches.accepted]
    return np.isin(ids, rows.stimulus_id)
