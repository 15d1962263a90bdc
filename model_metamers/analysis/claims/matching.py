"""Claims 1 to 3: where metamers match, and what the modified gradient does for that.

A metamer matches at a layer if it correlates with its natural stimulus more than any two different
natural stimuli do there. "Late" are a network's last three layers, "early" its first half. Where
metamers do not match, it is nearly all those of a layer: layers, or pairs of them, are drawn anew.
Second seeds, which the experiments on transfer add to a run, are left out.

Source: paper, sections 2.3 and 2.5, Figures 2, S1 to S8.
"""

from collections.abc import Hashable

import numpy as np
import pandas as pd

from model_metamers.analysis.claims.finding import Finding, NotMeasured
from model_metamers.analysis.claims.resampling import LEVEL, Estimate, bootstrap
from model_metamers.analysis.claims.roles import of_first_seeds
from model_metamers.validation.acceptance import is_above

N_LATE = 3
MATCHING, NOT_MATCHING = 0.95, 0.05  # of metamers, for "they match" and "they do not"
HARM = 0.01  # of a median correlation; less is not called harm


def at_their_layer(matches: pd.DataFrame) -> Finding:
    """Rule: of all metamers, accepted or not, more than 95 % match at their own layer."""
    first_seeds = matches[of_first_seeds(matches.network)]
    first_seeds = first_seeds[first_seeds.null_max.notna()]
    # One without a correlation compares as False.
    match = first_seeds.assign(match=is_above(first_seeds.spearman_layer, first_seeds.null_max))
    counts = match.groupby(["network", "layer"], sort=False).match.agg(["sum", "size"])
    if counts.empty:
        raise NotMeasured("there are no metamers of networks' first seeds with a null")
    proportions = counts["sum"] / counts["size"]
    return Finding(
        "proportion of metamers that match at their layer",
        bootstrap(counts, _pooled, len(match), "layers"),
        MATCHING,
        above=True,
        detail=f"lowest at {_named(proportions.idxmin())}: {proportions.min():.2f}",
    )


def after_their_layer(layer_grid: pd.DataFrame) -> Finding:
    """Rule: of the accepted metamers, more than 95 % match at every later layer."""
    cells = _with_depths(layer_grid)
    statistic = "proportion of accepted metamers that match, over all later layers"
    return _per_cell(statistic, cells[cells.measured > cells.generated], MATCHING, above=True)


def late_ones_at_early_layers(layer_grid: pd.DataFrame) -> Finding:
    """Rule: of the metamers of late layers, less than 5 % match at an early one."""
    cells = _with_depths(layer_grid)
    late = cells.generated >= cells.n_layers - N_LATE
    early = cells.measured < cells.n_layers // 2
    statistic = "proportion of late layers' metamers that match, over all early layers"
    return _per_cell(statistic, cells[late & early], NOT_MATCHING, above=False)


def late_ones_at_any_earlier_layer(layer_grid: pd.DataFrame, apart: int = 1) -> Finding:
    """Rule: of the metamers of late layers, less than 5 % match at any earlier one.

    Args:
        layer_grid: the table.
        apart: layers between the two at least, the later one counted.
    """
    cells = _with_depths(layer_grid)
    late = cells.generated >= cells.n_layers - N_LATE
    statistic = "proportion of late layers' metamers that match, over all earlier layers"
    if apart > 1:
        statistic += f", {apart} or more before"
    earlier = cells[late & (cells.generated - cells.measured >= apart)]
    return _per_cell(statistic, earlier, NOT_MATCHING, above=False)


def modified_gradient_helps(fidelity: pd.DataFrame) -> Finding:
    """Rule: at one layer at least, metamers match better with the modified gradient.

    The interval is the layer's with the strongest evidence, at a level that holds for all layers
    together (Bonferroni).
    """
    gains = _gains(fidelity)
    place = max(gains, key=lambda place: gains[place].low)
    return Finding(_gain(place), gains[place], 0.0, above=True)


def modified_gradient_does_no_harm(fidelity: pd.DataFrame) -> Finding:
    """Rule: at no layer do metamers match worse by more than 0.01.

    As above, of the layer where they may match worst.
    """
    gains = _gains(fidelity)
    place = min(gains, key=lambda place: gains[place].low)
    return Finding(_gain(place), gains[place], -HARM, above=True)


def _per_cell(statistic: str, cells: pd.DataFrame, limit: float, above: bool) -> Finding:
    """Judge a proportion of matches in cells of a layer grid."""
    cells = cells[cells.n > 0]
    if cells.empty:
        raise NotMeasured("no such pair of layers")
    counts = cells[["n_above_null_maximum", "n"]]
    estimate = bootstrap(counts, _pooled, cells.n.sum(), "pairs of layers")
    proportions = cells.n_above_null_maximum / cells.n
    worst = cells.loc[proportions.idxmin() if above else proportions.idxmax()]
    neighbours = cells[cells.generated - cells.measured == 1].n_above_null_maximum.sum()
    detail = (
        f"{worst.network} {worst.generated_layer} at {worst.measured_layer}: "
        f"{worst.n_above_null_maximum} of {worst.n}"
    )
    if not above:
        n_matches = cells.n_above_null_maximum.sum()
        detail += f"; {neighbours} of {n_matches} matches are one layer before the metamer's own"
    return Finding(statistic, estimate, limit, above, detail)


def _with_depths(layer_grid: pd.DataFrame) -> pd.DataFrame:
    """Return first seeds' grid with the places of both layers, and how many the network has."""
    parts = []
    first_seeds = layer_grid[of_first_seeds(layer_grid.network)]
    if first_seeds.empty:
        raise NotMeasured("there are no metamers of networks' first seeds")
    for _, cells in first_seeds.groupby("network", sort=False):
        order = list(dict.fromkeys(cells.measured_layer))
        parts.append(
            cells.assign(
                generated=cells.generated_layer.map(order.index),
                measured=cells.measured_layer.map(order.index),
                n_layers=len(order),
            )
        )
    return pd.concat(parts, ignore_index=True)


def _gains(fidelity: pd.DataFrame) -> dict[tuple[Hashable, str], Estimate]:
    """Return (network, layer) -> the median over stimuli of what the modified gradient adds.

    A metamer that leaves its layer silent has no correlation; it counts as 0.
    """
    paired = fidelity.assign(spearman_layer=fidelity.spearman_layer.fillna(0)).pivot(
        index=["network", "layer", "stimulus_id"], columns="gradient", values="spearman_layer"
    )
    if not {"modified", "true"} <= set(paired.columns):
        raise NotMeasured("there are no metamers made with both gradients")
    groups = (paired.modified - paired.true).dropna().groupby(["network", "layer"], sort=False)
    if not groups.ngroups:
        raise NotMeasured("no stimulus has metamers made with both gradients")
    level = 1 - (1 - LEVEL) / groups.ngroups
    return {
        place: bootstrap(gains, _median, len(gains), "stimuli", level) for place, gains in groups
    }


def _gain(place: tuple[Hashable, str]) -> str:
    return f"median gain in correlation by the modified gradient at {_named(place)}"


def _named(place: tuple[Hashable, str]) -> str:
    network, layer = place
    return f"{network} {layer}"


def _median(samples: np.ndarray) -> np.ndarray:
    return np.median(samples, axis=-1)


def _pooled(samples: np.ndarray) -> np.ndarray:
    """Return the proportion over rows of (hits, all)."""
    hits, total = np.moveaxis(samples.sum(axis=-2), -1, 0)
    return hits / total
