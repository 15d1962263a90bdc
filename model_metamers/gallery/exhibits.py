"""What a gallery shows of a run folder: its metamers, each with its natural stimulus."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from model_metamers import validation
from model_metamers.analysis.class_names import class_name, class_names
from model_metamers.analysis.identities import identities_of
from model_metamers.networks.identity import NetworkIdentity, identity_of
from model_metamers.store import NATURAL, RunFolder
from model_metamers.store.records import logged_evaluations
from model_metamers.store.run_folder import made_layers

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Exhibit:
    """One metamer and its natural stimulus.

    Attributes:
        run: name of its run folder.
        network: what the network is called.
        layer: the matched layer.
        stimulus: the natural stimulus' id.
        kind: class of the natural stimulus, as its folder was called or else as the network says.
        is_labelled: whether its folder tells the class.
        accepted: whether it counts.
        reason: why, or why not, in words.
        natural: file of the natural stimulus.
        metamer: file of the metamer.
        numbers: of matches.csv, by their columns.
        curve: evaluations, losses and correlations while it was made, lists of one length; those
            that are not known are empty.
    """

    run: str
    network: str
    layer: str
    stimulus: str
    kind: str
    is_labelled: bool
    accepted: bool
    reason: str
    natural: Path
    metamer: Path
    numbers: Mapping[str, float]
    curve: tuple[list[float], list[float], list[float]]


def exhibits_of(folder: RunFolder) -> list[Exhibit]:
    """Return what there is to show of a run folder, by network and layer.

    Raises:
        ValueError: a folder without metamers that are certified and have their previews.
    """
    matches, record = folder.read_table("matches"), folder.read_run_record()
    matches = _in_order(matches, made_layers(record, folder.path / "run.json"))
    config = record["config"]
    known, curves = identities_of(folder), _Curves(folder, config)
    reasons = validation.reasons(matches)
    labels, exhibits = config.get("stimulus_labels", {}), []
    for row, reason in zip(matches.to_dict("records"), reasons.tolist(), strict=True):
        natural, metamer = (
            folder.preview_path(row["network"], layer, row["stimulus_id"])
            for layer in (NATURAL, row["layer"])
        )
        if natural is None or metamer is None:
            continue
        names = class_names(row["network"], known)
        exhibits.append(
            Exhibit(
                folder.path.resolve().name,
                label_of(row["network"], known),
                row["layer"],
                row["stimulus_id"],
                labels.get(row["stimulus_id"]) or class_name(row["label_natural"], names),
                bool(labels.get(row["stimulus_id"])),
                row["accepted"],
                reason_told(reason, row, names),
                natural,
                metamer,
                {name: row[name] for name in NUMBERS},
                curves.of(row["network"], row["layer"], row["stimulus_id"]),
            )
        )
    if not exhibits:
        raise ValueError(f"{folder.path} has no metamers to show; give the folder of another run")
    if missing := len(matches) - len(exhibits):
        _log.warning("%s lacks the previews of %d metamers", folder.path, missing)
    return exhibits


NUMBERS = (
    "steps", "loss_first", "loss_last", "spearman_layer", "spearman_logits", "null_max", "p_null",
)  # fmt: skip


def label_of(network: str, known: Mapping[str, NetworkIdentity]) -> str:
    """Return what people call a network, with its scale and seed."""
    identity = identity_of(network, known)
    details = [identity.scale] if identity.scale == "small" else []
    details += [f"seed {identity.seed}"] if identity.seed else []
    return f"{identity.label} ({', '.join(details)})" if details else identity.label


def reason_told(reason: str, row: Mapping[str, Any], names: Sequence[str]) -> str:
    """Return in words why a metamer counts or does not.

    Args:
        reason: of `validation.accept`.
        row: its row of matches.csv.
        names: of the network's classes.
    """
    rho, bar = row["spearman_layer"], row["null_max"]
    natural, metamer = (
        class_name(row[label], names) for label in ("label_natural", "label_metamer")
    )
    told = {
        "accepted": f"correlation {rho:.3f} is above the null’s {bar:.3f}; the network calls "
        f"both {natural}",
        "below_null": f"correlation {rho:.3f} is not above the null’s {bar:.3f}",
        "label_changed": f"the network calls it {metamer}, and the natural one {natural}",
        "no_rank_correlation": "a response is constant, which has no rank correlation",
        "no_null_distribution": "there were too few natural stimuli for a null distribution",
        "diverged": "the optimisation met a number that is not finite",
    }
    return told.get(reason, reason)


def _in_order(matches: pd.DataFrame, layers: Mapping[str, Sequence[str]]) -> pd.DataFrame:
    """Return the rows by network and layer, as the run has them; then as they are."""
    places = {
        (network, layer): (i, j)
        for i, (network, names) in enumerate(layers.items())
        for j, layer in enumerate(names)
    }
    last = (len(layers), 0)
    pairs = list(zip(matches.network, matches.layer, strict=True))
    order = sorted(range(len(matches)), key=lambda index: places.get(pairs[index], last))
    return matches.iloc[order].reset_index(drop=True)


class _Curves:
    """Losses and correlations of a run while it was made, from curves.csv or the pieces."""

    def __init__(self, folder: RunFolder, config: Mapping[str, Any]):
        self._folder = folder
        self._log_every = config.get("synthesis", {}).get("log_every", 1)
        table = folder.read_table("curves") if folder.has_table("curves") else pd.DataFrame()
        self._rows = dict(tuple(table.groupby(["network", "layer"]))) if len(table) else {}
        self._pieces: dict[tuple[str, str], pd.DataFrame] = {}

    def of(
        self, network: str, layer: str, stimulus: str
    ) -> tuple[list[float], list[float], list[float]]:
        """Return evaluations, losses and correlations; empty lists where they are not known."""
        if (network, layer) not in self._rows:
            self._rows[network, layer] = self._from_piece(network, layer)
        rows = self._rows[network, layer]
        rows = rows[rows.stimulus_id == stimulus]
        spearman = [] if rows.spearman.isna().all() else rows.spearman.tolist()
        return rows.evaluations.tolist(), rows.loss.tolist(), spearman

    def _from_piece(self, network: str, layer: str) -> pd.DataFrame:
        columns = ["stimulus_id", "evaluations", "loss", "spearman"]
        if not self._folder.has_piece(network, layer):
            return pd.DataFrame(columns=columns)
        piece = self._folder.load_piece(network, layer)
        rows = []
        for index, name in enumerate(piece["stimulus_id"].tolist()):
            n_evaluations, n_logged = int(piece["step"][index]), len(piece["loss"])
            steps = logged_evaluations(n_evaluations, self._log_every, n_logged)
            losses = piece["loss"][: len(steps), index].astype(float)
            rows += [(name, *pair, np.nan) for pair in zip(steps, losses, strict=True)]
        return pd.DataFrame(rows, columns=columns)
