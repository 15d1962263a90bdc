"""The certificate of a run: everything that makes a metamer count, computed again from its files.

What people get, the PNG and WAV files, goes through the networks once more; correlations, labels
and null tests are compared with those of matches.csv. Beside that stands what writing the stimuli
in 8 or 16 bits has cost: the correlation of the arrays as they were optimised minus that of the
files. A few stimuli are in memory at a time.

Source: paper section 2.5.
"""

from collections.abc import Callable, Mapping, Sequence
from importlib import metadata
from typing import Any

import numpy as np
import pandas as pd

from model_metamers import validation
from model_metamers.networks.network import Network
from model_metamers.pipeline.certify import compared_with_natural, saved_null
from model_metamers.pipeline.generator import COMPARED_TOGETHER
from model_metamers.store import RunFolder
from model_metamers.store.run_folder import made_layers

# Other machines and batches round differently; a correlation that is further off is another one.
TOLERANCE = 1e-3
PACKAGES = ("model_metamers", "tensorflow", "keras", "numpy", "scipy", "pandas", "pillow")


def certificate(
    folder: RunFolder, load: Callable[[str], Network], file_hashes: dict[str, str]
) -> dict[str, Any]:
    """Return the content of certificate.json.

    Args:
        folder: the run.
        load: name -> network.
        file_hashes: of the run's files.

    Returns:
        `n` metamers, of which `n_certified` are accepted, now as in matches.csv; `n_reproduced`
        rows of which matches.csv says what the files show, and the names of those that
        `differ`; the layers and metamers one by one; hashes and versions.

    Raises:
        ValueError: an unfinished run, damaged files, or another checkpoint than the run's.
    """
    record, matches = folder.read_run_record(), folder.read_table("matches")
    _check_finished(folder, made_layers(record, folder.path / "run.json"), matches)
    found, layers = [], []
    for name, of_network in matches.groupby("network", sort=False):
        network = load(str(name))
        _check_checkpoint(folder, network, record["checkpoint_sha256"])
        computed = of_network.layer.unique().tolist()
        for layer, rows in of_network.groupby("layer", sort=False):
            table = _metamers(network, str(layer), rows, folder, computed)
            found.append(table)
            layers.append(_layer_summary(network, str(layer), table, folder))
        network.forget_graphs()
    metamers = pd.concat(found, ignore_index=True)
    return {
        "n": len(metamers),
        "n_certified": int((metamers.accepted & metamers.reproduced).sum()),
        "n_reproduced": int(metamers.reproduced.sum()),
        "differ": [_named(row) for row in metamers[~metamers.reproduced].itertuples()],
        "layers": layers,
        "metamers": _plain(metamers),
        "checkpoint_sha256": record["checkpoint_sha256"],
        "versions": {package: _version(package) for package in PACKAGES},
        "files": file_hashes,
    }


def check_reproduced(folder: RunFolder, content: Mapping[str, Any]) -> None:
    """Raise ValueError where matches.csv does not say what the files show.

    Args:
        folder: the run.
        content: of its `certificate`.
    """
    if content["differ"]:
        raise ValueError(
            f"matches.csv of {folder.path} does not say what its files show of "
            f"{len(content['differ'])} of {content['n']} metamers, {content['differ'][0]} the "
            f"first; delete matches.csv to have it made again"
        )


def _check_finished(
    folder: RunFolder, layers: dict[str, list[str]], matches: pd.DataFrame
) -> None:
    if unfinished := _without_rows(layers, matches):
        raise ValueError(
            f"{folder.path} has no row of {unfinished[0]} in matches.csv; run its experiment to "
            f"the end first"
        )


def unfinished_layers(folder: RunFolder) -> list[str]:
    """Return "network layer" of those that run.json has and matches.csv lacks."""
    layers = made_layers(folder.read_run_record(), folder.path / "run.json")
    return _without_rows(layers, folder.read_table("matches"))


def _without_rows(layers: dict[str, list[str]], matches: pd.DataFrame) -> list[str]:
    matched = set(zip(matches.network, matches.layer, strict=True))
    return [
        f"{network} {layer}"
        for network, names in layers.items()
        for layer in names
        if (network, layer) not in matched
    ]


def _check_checkpoint(folder: RunFolder, network: Network, recorded: dict[str, Any]) -> None:
    if recorded.get(network.name) != network.weights_sha256:
        raise ValueError(
            f"{folder.path} was made with weights of {network.name} whose SHA-256 is "
            f"{recorded.get(network.name)}, and those here have {network.weights_sha256}; put the "
            f"run's in their place"
        )


def _metamers(
    network: Network, layer: str, rows: pd.DataFrame, folder: RunFolder, computed: Sequence[str]
) -> pd.DataFrame:
    """Return a layer's metamers as their files show them, beside what matches.csv says."""
    table = compared_with_natural(network, layer, folder, rows.stimulus_id.tolist(), computed)
    null_max = _null_maximum(network.name, layer, folder)
    accepted, reason = validation.accept(
        rows.status.tolist(), table.spearman_layer, null_max, table.label_natural,
        table.label_metamer,
    )  # fmt: skip
    table = table.assign(
        network=network.name,
        layer=layer,
        null_max=null_max,
        margin=table.spearman_layer - null_max,
        accepted=accepted,
        reason=reason,
    )
    return table.assign(reproduced=_agree(table, rows))


def _agree(found: pd.DataFrame, recorded: pd.DataFrame) -> np.ndarray:
    """Return which rows of matches.csv say what was found, bool [n]."""
    same = found.accepted.to_numpy() == recorded.accepted.to_numpy()
    for column in ("label_natural", "label_metamer"):
        same &= found[column].astype(str).to_numpy() == recorded[column].to_numpy()
    for column in ("spearman_layer", "null_max"):
        same &= np.isclose(found[column], recorded[column], 0, TOLERANCE, equal_nan=True)
    return same


def _null_maximum(network: str, layer: str, folder: RunFolder) -> float:
    """Return the largest correlation of a layer's null distribution, or of its row of nulls.csv.

    Raises:
        ValueError: there is neither.
    """
    null = saved_null(network, layer, folder)
    if null is not None:
        return null.maximum
    nulls = folder.read_table("nulls")
    row = nulls[(nulls.network == network) & (nulls.layer == layer)]
    if len(row) != 1:
        raise ValueError(
            f"{folder.path} has no null distribution of {network} {layer}; run its experiment to "
            f"the end first"
        )
    return float(row.maximum.iloc[0])


def _layer_summary(
    network: Network, layer: str, table: pd.DataFrame, folder: RunFolder
) -> dict[str, Any]:
    is_picture = network.sample_rate_hz is None and len(network.stimulus_shape) == 3
    summary = {
        "network": network.name,
        "layer": layer,
        "n": len(table),
        "n_certified": int((table.accepted & table.reproduced).sum()),
        "margin_minimum": _number(table.margin.min()),
        "margin_median": _number(table.margin.median()),
        "bits": 8 if is_picture else 16,
    }
    if not folder.has_piece(network.name, layer):  # a folder of previews and tables alone
        return summary | {"quantisation_cost_median": None, "quantisation_cost_maximum": None}
    cost = _spearman_of_arrays(network, layer, table.stimulus_id, folder) - table.spearman_layer
    return summary | {
        "quantisation_cost_median": _number(cost.median()),
        "quantisation_cost_maximum": _number(cost.max()),
    }


def _spearman_of_arrays(
    network: Network, layer: str, ids: pd.Series, folder: RunFolder
) -> np.ndarray:
    """Return the correlations before the stimuli were written in 8 or 16 bits, [n]."""
    piece = folder.load_piece(network.name, layer)
    place_of = {name: place for place, name in enumerate(piece["stimulus_id"].tolist())}
    if missing := [name for name in ids if name not in place_of]:
        raise ValueError(
            f"the metamers of {network.name} {layer} in {folder.path} are of other stimuli than "
            f"matches.csv: there is no {missing[0]}; put back those of the run"
        )
    places = [place_of[name] for name in ids]
    correlations = []
    for start in range(0, len(places), COMPARED_TOGETHER):
        part = places[start : start + COMPARED_TOGETHER]
        metamer, natural = (
            network.activations(piece[name][part], [layer])[layer]
            for name in ("metamer", "natural")
        )
        correlations.append(validation.spearman(metamer, natural))
    return np.concatenate(correlations)


def _number(value: float) -> float | None:
    """Return what JSON has for a number; it has no NaN."""
    return None if np.isnan(value) else float(value)


def _named(row: Any) -> str:
    return f"{row.network} {row.layer} {row.stimulus_id}"


def _plain(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Return a table's rows as dictionaries of values that JSON has."""
    rows = table.astype(object)
    return rows.where(rows.notna(), None).to_dict("records")


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None
