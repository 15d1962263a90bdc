"""What run.json and the tables of a run folder contain: contents only, no files."""

import csv
import io
import json
import platform
import subprocess
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from model_metamers.store.layer_order import ORDER, config_in_order, joined_orders

# Column -> dtype, in the order of the files.
MATCHES_DTYPES = {
    "network": "str",
    "layer": "str",
    "stimulus_id": "str",
    "steps": "int64",
    "loss_first": "float64",
    "loss_last": "float64",
    "spearman_layer": "float64",
    "spearman_logits": "float64",
    "null_max": "float64",
    "p_null": "float64",
    "label_natural": "str",
    "label_metamer": "str",
    "status": "str",
    "accepted": "bool",
}
RECOGNITION_DTYPES = {
    "observer": "str",
    "generator": "str",
    "layer": "str",
    "task": "str",
    "n": "int64",
    "proportion_correct": "float64",
    "sem": "float64",
    "source": "str",
}
# Observers that are people: those of an experiment of the user's, and simulated ones.
PEOPLE = ("human (yours)", "human (simulated)")
MATCHES_COLUMNS = tuple(MATCHES_DTYPES)
RECOGNITION_COLUMNS = tuple(RECOGNITION_DTYPES)
EXCLUSIONS_DTYPES = {"network": "str", "layer": "str", "reason": "str", "n": "int64"}
NULLS_DTYPES = {
    "network": "str",
    "layer": "str",
    "n_stimuli": "int64",
    "n_pairs": "int64",
    "n_excluded_pairs": "int64",
    "minimum": "float64",
    "q05": "float64",
    "median": "float64",
    "q95": "float64",
    "maximum": "float64",
}
CURVES_DTYPES = {
    "network": "str",
    "layer": "str",
    "stimulus_id": "str",
    "evaluations": "int64",
    "loss": "float64",
    "spearman": "float64",
}
LAYER_GRID_DTYPES = {
    "network": "str",
    "generated_layer": "str",
    "measured_layer": "str",
    "n": "int64",
    "n_above_null_maximum": "int64",
    "minimum": "float64",
    "q05": "float64",
    "median": "float64",
    "q95": "float64",
    "maximum": "float64",
    "null_n_pairs": "int64",
    "null_minimum": "float64",
    "null_q05": "float64",
    "null_median": "float64",
    "null_q95": "float64",
    "null_maximum": "float64",
}
CORRELATIONS_DTYPES = {
    "network": "str",
    "generated_layer": "str",
    "measured_layer": "str",
    "stimulus_id": "str",
    "spearman": "float64",
    "null_max": "float64",
}
NULL_HISTOGRAM_DTYPES = {
    "network": "str",
    "layer": "str",
    "low": "float64",
    "high": "float64",
    "n": "int64",
}
ACTIVATIONS_DTYPES = {
    "network": "str",
    "layer": "str",
    "stimulus_id": "str",
    "gradient": "str",
    "natural": "float64",
    "metamer": "float64",
}
FIDELITY_DTYPES = {
    "network": "str",
    "layer": "str",
    "stimulus_id": "str",
    "gradient": "str",
    "spearman_layer": "float64",
}
LOSSES_DTYPES = {
    "network": "str",
    "layer": "str",
    "stimulus_id": "str",
    "evaluations": "int64",
    "loss": "float64",
}
PROGRESS_DTYPES = {
    "network": "str",
    "layer": "str",
    "stimulus_id": "str",
    "evaluations": "int64",
    "measured_layer": "str",
    "spearman": "float64",
    "null_max": "float64",
}
RESPONSES_DTYPES = {
    "network": "str",
    "layer": "str",
    "stimulus_id": "str",
    "unit": "int64",
    "row": "int64",
    "column": "int64",
    "response": "float64",
}
TABLES = {
    "matches": MATCHES_DTYPES,
    "recognition": RECOGNITION_DTYPES,
    "exclusions": EXCLUSIONS_DTYPES,
    "nulls": NULLS_DTYPES,
    "curves": CURVES_DTYPES,
    "layer_grid": LAYER_GRID_DTYPES,
    "correlations": CORRELATIONS_DTYPES,
    "null_histogram": NULL_HISTOGRAM_DTYPES,
    "activations": ACTIVATIONS_DTYPES,
    "fidelity": FIDELITY_DTYPES,
    "losses": LOSSES_DTYPES,
    "progress": PROGRESS_DTYPES,
    "responses": RESPONSES_DTYPES,
}


def table_dtypes(name: str) -> dict[str, str]:
    """Return column -> dtype of one of `TABLES`.

    Raises:
        ValueError: another name.
    """
    if name not in TABLES:
        raise ValueError(f"no table {name!r}; expected one of: {', '.join(TABLES)}")
    return TABLES[name]


def conformed(name: str, table: pd.DataFrame) -> pd.DataFrame:
    """Return the table with its columns in order and of their types.

    Raises:
        ValueError: unknown name, or columns other than the table's.
    """
    return _in_order(name, table).astype(table_dtypes(name))


def parsed(name: str, text: str) -> pd.DataFrame:
    """Return the table that a CSV file holds, with its columns of their types.

    pandas would take a label "null" or "007" for something else, and rounds numbers; it would also
    take the rest of a row that was cut off, and of a file that was.

    Raises:
        ValueError: as `conformed`, or the file is not what `conformed` tables are written as.
    """
    if not text.endswith("\n"):
        raise ValueError("its last row is cut off")
    try:
        header, *rows = csv.reader(io.StringIO(text, newline=""), strict=True)
    except csv.Error as error:
        raise ValueError(str(error)) from None
    for number, row in enumerate(rows, start=2):
        if len(row) != len(header):
            raise ValueError(f"row {number} has {len(row)} of {len(header)} values")
    columns = _in_order(name, pd.DataFrame(rows, columns=header, dtype="str"))
    for column, dtype in table_dtypes(name).items():
        if dtype == "bool":
            columns[column] = _truth_values(columns[column])
        elif dtype == "float64":
            columns[column] = columns[column].replace("", "nan")
    try:
        return conformed(name, columns)
    except OverflowError as error:
        raise ValueError(str(error)) from None


def _truth_values(column: pd.Series) -> pd.Series:
    if strange := set(column) - {"True", "False"}:
        raise ValueError(f"{column.name} is True or False; got {min(strange)!r}")
    return column == "True"


def run_record(
    config: Mapping[str, Any],
    seed: int,
    versions: Mapping[str, str],
    device: str,
    checkpoint_sha256: Mapping[str, str | None],
    networks: Mapping[str, Mapping[str, Any]],
    layer_order: Mapping[str, Sequence[str]],
) -> dict[str, Any]:
    """Return the content of run.json, as JSON gives it back (tuples as lists, paths as text)."""
    record = {
        "config": dict(config),
        "seed": seed,
        "versions": {"python": platform.python_version(), **versions},
        "device": device,
        "checkpoint_sha256": dict(checkpoint_sha256),
        "networks": dict(networks),
        ORDER: dict(layer_order),
        "git_revision": git_revision(),
    }
    plain = json.dumps(record, default=lambda x: x.tolist() if hasattr(x, "tolist") else str(x))
    return json.loads(plain)


def continued_record(
    old: dict[str, Any], new: dict[str, Any], fixed_keys: Collection[str]
) -> dict[str, Any]:
    """Return the record of a run that continues in the folder of an earlier one.

    Lists and dictionaries grow (more networks, more layers, these in their network's order); other
    values are the new ones.

    Raises:
        ValueError: a fixed key of config, the seed or a network's checkpoint has changed.
    """
    hashes = new["checkpoint_sha256"]
    _check_same(old["config"], new["config"], fixed_keys, "")
    _check_same(old, new, ["seed"], "")
    _check_same(old["checkpoint_sha256"], hashes, hashes, "checkpoint of ")
    record = _grown(old, new) | {ORDER: joined_orders(old, new)}
    return record | {"config": config_in_order(record)}


def git_revision() -> str | None:
    """Return the commit of the source tree (with "-dirty" if changed), None without git."""
    project = Path(__file__).resolve().parents[2]
    # An installed copy has no .git, but may lie inside somebody else's repository.
    if not (project / ".git").exists():
        return None
    command = ["git", "-C", str(project), "describe", "--always", "--dirty", "--abbrev=40"]
    try:
        result = subprocess.run(
            [*command, "--exclude=*"], capture_output=True, text=True, timeout=10, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return result.stdout.strip()


_FOLLOWING = ("decay_steps",)  # from the number of iterations


def _check_same(old: Mapping, new: Mapping, keys: Collection[str], what: str) -> None:
    """Raise ValueError, "<key> = <old>, and this run has <new>", for the first that differs."""
    for key in keys:
        if key not in old or key not in new or old[key] == new[key]:
            continue
        if not (isinstance(old[key], dict) and isinstance(new[key], dict)):
            raise ValueError(
                f"{what}{key} = {_short(old[key])}, and this run has {_short(new[key])}"
            )
        # The user's own setting before those that follow from it.
        names = sorted(old[key], key=lambda name: (name in _FOLLOWING, name))
        _check_same(old[key], new[key], names, f"{what}{key} ")


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def _grown(old: Any, new: Any) -> Any:
    if isinstance(old, dict) and isinstance(new, dict):
        return old | {key: _grown(old.get(key), value) for key, value in new.items()}
    if isinstance(old, list) and isinstance(new, list):
        return old + [item for item in new if item not in old]
    return new


def _in_order(name: str, table: pd.DataFrame) -> pd.DataFrame:
    columns = list(table_dtypes(name))
    if sorted(map(str, table.columns)) != sorted(columns):
        raise ValueError(
            f"expected the columns of {name}.csv, {', '.join(columns)}; got "
            f"{', '.join(map(str, table.columns))}"
        )
    return table[columns].reset_index(drop=True)


def logged_evaluations(n_evaluations: int, log_every: int, n_logged: int) -> np.ndarray:
    """Return the evaluations at which the losses of a stimulus were logged, [n].

    Args:
        n_evaluations: that the stimulus took; its last loss may come sooner than the next row.
        log_every: evaluations between two rows.
        n_logged: rows there are; those behind a stimulus' own repeat its last loss.
    """
    n_rows = min(-(-n_evaluations // log_every) + 1, n_logged)
    return np.minimum(np.arange(n_rows) * log_every, n_evaluations)
