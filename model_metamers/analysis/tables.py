"""The tables of the supplement from ours: numbers of a run beside those that were published.

Tables in, tables out. A column "paper_x" holds the published value of column "x".

Source: paper, Tables S1, S4, S5, S6.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd

KEYS = ["network", "layer"]
COUNTS = ("n_metamers", "n_features")
MEDIANS = ("median_spearman_layer", "median_spearman_null", "median_spearman_logits")
SCORES = ("top1_percent", "top5_percent")

# A cell's difference is within the first of these that it does not exceed: absolute for
# correlations, relative to the published value for counts.
TOLERANCES = (0.0, 0.001, 0.01, 0.05, 0.1)
_ROUNDING = 5e-7  # of the six published decimals

# Cells where the published number is not that of the layer it is printed beside.
KNOWN_DIFFERENCES = {
    ("inception_v3", "Conv2d_2b_3x3", "n_features"): "the published number is Conv2d_2a_3x3's",
    ("inception_v3", "Mixed_7c", "n_features"): "the published number has branches twice",
}


def metamer_table(
    matches: pd.DataFrame, nulls: pd.DataFrame, n_features: Mapping[str, Mapping[str, int]]
) -> pd.DataFrame:
    """Return one row per network and layer, as in Tables S4 to S6.

    Args:
        matches: matches.csv of a run.
        nulls: its nulls.csv.
        n_features: network -> layer -> number of units.

    Returns:
        The columns of the published tables, over accepted metamers, and how many were generated.
    """
    null_median = nulls.set_index(KEYS)["median"]
    rows = []
    for (network, layer), group in matches.groupby(KEYS, sort=False):
        accepted = group[group.accepted]
        medians = (
            accepted.spearman_layer.median(),
            null_median[network, layer],
            accepted.spearman_logits.median(),
        )
        counts = (len(group), len(accepted), n_features[network][layer])
        rows.append((network, layer, *counts, *medians))
    return pd.DataFrame(rows, columns=[*KEYS, "n_generated", *COUNTS, *MEDIANS])


def beside_paper(
    ours: pd.DataFrame, published: pd.DataFrame, published_name: Callable[[str], str]
) -> pd.DataFrame:
    """Return our table with every published column after the one it belongs to.

    Args:
        ours: of `metamer_table`.
        published: Table S4, S5 or S6.
        published_name: network -> the published one it stands for. The cochleagram, the same layer
            of all audio networks, was published as a network of its own.
    """
    networks = [
        "cochleagram" if layer == "cochleagram" else published_name(network)
        for network, layer in ours[KEYS].itertuples(index=False)
    ]
    keys = pd.MultiIndex.from_arrays([networks, ours.layer])
    paper = published.set_index(KEYS)[[*COUNTS, *MEDIANS]].reindex(keys)
    table = ours[[*KEYS, "n_generated"]].copy()
    for column in (*COUNTS, *MEDIANS):
        table[column] = ours[column]
        table[f"paper_{column}"] = paper[column].to_numpy()
    return table.astype({f"paper_{column}": "Int64" for column in COUNTS})


def compare_with_paper(ours: pd.DataFrame, published: pd.DataFrame) -> pd.DataFrame:
    """Compare a full-size run with a published table, cell by cell.

    Args:
        ours: of `metamer_table`, networks named as published.
        published: Table S4, S5 or S6.

    Returns:
        network, layer, quantity, paper, ours, difference, within (the first of `TOLERANCES`, empty
        beyond the last or where we have nothing), note. One row per published cell.
    """
    audio = ours.assign(network=ours.network.where(ours.layer != "cochleagram", "cochleagram"))
    mine = audio.drop_duplicates(KEYS).set_index(KEYS)
    rows = []
    for _, paper_row in published.iterrows():
        key = (paper_row.network, paper_row.layer)
        for quantity in (*COUNTS, *MEDIANS):
            paper = paper_row[quantity]
            if pd.isna(paper):
                continue
            value = float(mine.loc[key, quantity]) if key in mine.index else np.nan
            difference = (value - paper) / (paper if quantity in COUNTS else 1)
            note = KNOWN_DIFFERENCES.get((*key, quantity), "")
            rows.append((*key, quantity, paper, value, difference, _within(difference), note))
    columns = [*KEYS, "quantity", "paper", "ours", "difference", "within", "note"]
    return pd.DataFrame(rows, columns=columns)


def _within(difference: float) -> float:
    fitting = [tolerance for tolerance in TOLERANCES if abs(difference) <= tolerance + _ROUNDING]
    return fitting[0] if fitting else np.nan


def compare_architecture(ours: pd.DataFrame, published: pd.DataFrame) -> pd.DataFrame:
    """Compare an architecture with Table S2 or S3 cell by cell.

    Args:
        ours: `networks.layer_table.published_form` of a model.
        published: the table.

    Returns:
        Columns layer, column, published, ours, agrees: a row for every cell of either table.
    """
    cells = [
        table.astype({"filters": "Int64"}).astype("string").melt("layer", var_name="column")
        for table in (published, ours)
    ]
    compared = cells[0].merge(cells[1], "outer", ["layer", "column"], suffixes=("_paper", "_ours"))
    compared.columns = ["layer", "column", "published", "ours"]
    compared = compared.fillna("")
    order = compared.layer.astype(int)
    compared = compared.iloc[order.argsort(kind="stable")].reset_index(drop=True)
    return compared.assign(agrees=compared.published == compared.ours)


def training_row(network: str, log: pd.DataFrame, record: Mapping[str, Any]) -> dict[str, Any]:
    """Return a network's row of Table S1.

    Args:
        network: its name.
        log: the training log: step, loss and seconds since the process started, and, where
            training was evaluated on the way, rows with top1_percent and top5_percent instead of a
            loss.
        record: its entry of the manifest, or nothing.

    Returns:
        steps, minutes, last loss, and the scores: the log's last evaluation or the manifest's.
    """
    trained = log.dropna(subset="loss")
    row = {
        "network": network,
        "steps": int(trained.step.iloc[-1]),
        "minutes": round(_total_seconds(log.seconds) / 60, 1),
        "last_loss": trained.loss.iloc[-1],
    }
    if set(SCORES) <= set(log.columns):
        evaluated = log.dropna(subset=list(SCORES))
        scores = dict(evaluated[list(SCORES)].iloc[-1]) if len(evaluated) else {}
    else:
        scores = {"top1_percent": 100 * record["fine_accuracy"]} if record else {}
    sixteen_way = 100 * record["category_accuracy"] if "category_accuracy" in record else np.nan
    return row | dict.fromkeys(SCORES, np.nan) | scores | {"sixteen_way_percent": sixteen_way}


def _total_seconds(seconds: pd.Series) -> float:
    """Return the time of all processes of a run that was resumed; each counts from zero."""
    ends = seconds[seconds.diff(-1).gt(0)]
    return float(ends.sum() + seconds.iloc[-1])
