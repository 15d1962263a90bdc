"""How losses fall and correlations grow while metamers are made: curves.csv.

The size of a loss tells little by itself; the correlation at the matched layer tells whoever
watches how near the match is.
"""

import numpy as np
import pandas as pd

from model_metamers import validation
from model_metamers.networks.network import Network
from model_metamers.pipeline.generator import COMPARED_TOGETHER
from model_metamers.store.records import logged_evaluations
from model_metamers.synthesis import SynthesisState

MOST_UNITS = 20_000  # of a layer, drawn at random; their correlation is within .01 of that of all


class SpearmanCurves:
    """Correlations of stimuli with their metamers, in rows like those of the logged losses.

    Attributes:
        spearman: float32 [n_logged, n]; NaN where a metamer is still noise or waits. The last
            value of a stimulus fills its rows up.

    Args:
        network: that the metamers are made for.
        layer: the matched layer.
        natural: the natural stimuli [n, ...].
        log_every: evaluations between two rows.
        stored: `spearman` of a synthesis that was interrupted; what does not fit is not taken.
    """

    def __init__(
        self,
        network: Network,
        layer: str,
        natural: np.ndarray,
        log_every: int,
        stored: np.ndarray | None = None,
    ):
        self._network, self._layer, self._log_every = network, layer, log_every
        n_units = int(np.prod(network.tensor(layer).shape[1:]))
        self._units = np.sort(np.random.default_rng(0).permutation(n_units)[:MOST_UNITS])
        self._natural = self._responses(natural)
        self.spearman = np.full((1, len(natural)), np.nan, np.float32)
        if stored is not None and stored.shape[1:] == (len(natural),):
            self.spearman = stored

    def add(self, state: SynthesisState) -> None:
        """Measure the stimuli that have just been optimised."""
        shown = state.place[state.place >= 0]
        rho = validation.spearman(self._responses(state.metamer[shown]), self._natural[shown])
        rows = -(-state.step // self._log_every)
        self.spearman = self.filled_up(len(state.loss))
        for stimulus, value in zip(shown, rho, strict=True):
            self.spearman[rows[stimulus] :, stimulus] = value

    def filled_up(self, n_logged: int) -> np.ndarray:
        """Return `spearman` with as many rows as there are logged losses, or more."""
        missing = max(0, n_logged - len(self.spearman))
        return np.pad(self.spearman, [(0, missing), (0, 0)], mode="edge")

    def _responses(self, stimuli: np.ndarray) -> np.ndarray:
        """Return what the chosen units respond, [n, units]; a few stimuli at a time."""
        parts = []
        for start in range(0, len(stimuli), COMPARED_TOGETHER):
            batch = stimuli[start : start + COMPARED_TOGETHER]
            values = self._network.activations(batch, [self._layer])[self._layer]
            parts.append(values.reshape(len(batch), -1)[:, self._units])
        return np.concatenate(parts)


def curve_rows(
    network: str,
    layer: str,
    stimulus_ids: tuple[str, ...],
    losses: np.ndarray,
    spearman: np.ndarray,
    steps: np.ndarray,
    log_every: int,
) -> pd.DataFrame:
    """Return the rows of curves.csv of some stimuli.

    Args:
        network: name of the network.
        layer: the matched layer.
        stimulus_ids: n names.
        losses: logged losses [n_logged, n].
        spearman: logged correlations [n_logged, n].
        steps: evaluations that each took, [n].
        log_every: evaluations between two rows; the last one of a stimulus may come sooner.
    """
    parts = []
    for index, name in enumerate(stimulus_ids):
        evaluations = logged_evaluations(int(steps[index]), log_every, len(losses))
        n_rows = len(evaluations)
        parts.append(
            pd.DataFrame(
                {
                    "network": network,
                    "layer": layer,
                    "stimulus_id": name,
                    "evaluations": evaluations,
                    "loss": losses[:n_rows, index],
                    "spearman": spearman[:n_rows, index],
                }
            )
        )
    return pd.concat(parts, ignore_index=True)
