"""Does a metamer count? Its label, its correlation, and why it does not.

Source: paper section 2.5.
"""

from collections import Counter
from collections.abc import Sequence

import numpy as np
import pandas as pd

from model_metamers.validation.ranks import comparable


def accept(
    status: Sequence[str],
    spearman_layer: np.ndarray,
    null_max: float | np.ndarray,
    label_natural: Sequence,
    label_metamer: Sequence,
) -> tuple[np.ndarray, np.ndarray]:
    """Decide which metamers count.

    Args:
        status: how synthesis ended, [n]; only "finished" metamers can be accepted.
        spearman_layer: correlation of metamer and natural stimulus at the matched layer, [n].
        null_max: maximum of the layer's null distribution, a number or [n].
        label_natural: the network's own label of the natural stimulus, [n].
        label_metamer: its label of the metamer, [n].

    Returns:
        accepted: bool [n].
        reason: str [n]: "accepted", or the first test that failed: a status such as "diverged",
            "no_rank_correlation", "no_null_distribution", "below_null", "label_changed".

    Raises:
        ValueError: arguments of different lengths, or labels of different types.

    A correlation that equals the maximum in float32, in which it is kept, does not exceed it.

    Source: paper section 2.5; the label is the predicted one, not the true one (BUILD_NOTES.md,
    ledger row 11).
    """
    ended, rho = np.asarray(status, np.str_), np.asarray(spearman_layer, np.float64)
    natural, metamer = map(_typed, (label_natural, label_metamer))
    bar = np.asarray(null_max, np.float64)
    of_all = (ended, rho, natural, metamer, *([bar] if bar.ndim else []))
    if any(values.shape != rho.shape for values in of_all):
        raise ValueError(
            "expected one status, correlation and two labels per metamer, and one maximum for all "
            f"or for each; got shapes {[list(values.shape) for values in of_all]}"
        )
    if (natural.dtype.kind in "US") != (metamer.dtype.kind in "US") and natural.size:
        raise ValueError(
            "expected the labels of natural stimuli and of metamers both as text or both as "
            f"numbers; got {natural.dtype} and {metamer.dtype}"
        )
    reason = np.select(
        [
            ended != "finished",
            np.isnan(rho),
            np.broadcast_to(np.isnan(bar), rho.shape),
            ~is_above(rho, bar),
            natural != metamer,
        ],
        [ended, "no_rank_correlation", "no_null_distribution", "below_null", "label_changed"],
        "accepted",
    )
    return reason == "accepted", reason


def _typed(labels: Sequence) -> np.ndarray:
    """Return labels as an array, a column of objects with the type of what is in it."""
    return np.asarray(np.asarray(labels).tolist())


def is_above(rho: np.ndarray, null_max: float | np.ndarray) -> np.ndarray:
    """Return whether correlations exceed the maximum of a null distribution."""
    return comparable(rho) > comparable(null_max)


def reasons(matches: pd.DataFrame) -> np.ndarray:
    """Return why each row of a matches.csv table counts or does not, str [n]; see `accept`."""
    _, found = accept(
        matches.status.tolist(),
        matches.spearman_layer,
        matches.null_max,
        matches.label_natural,
        matches.label_metamer,
    )
    return found


def count_exclusions(reason: Sequence[str]) -> dict[str, int]:
    """Return reason -> number of metamers it excluded, the most frequent first."""
    counts = Counter(str(name) for name in reason)
    return {name: n for name, n in counts.most_common() if name != "accepted"}
