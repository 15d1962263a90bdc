"""The tables of a run folder: written whole, read only if they are what was written."""

import json
import logging
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pandas as pd

from model_metamers.files import atomic_file
from model_metamers.store.columns import write_columns
from model_metamers.store.layer_order import rows_in_order
from model_metamers.store.records import TABLES, conformed, parsed, table_dtypes
from model_metamers.store.table_sums import RECORD, difference, recorded_sums, sum_of

REMEDY = "delete it to have it made again"
_REMEDIES = {"curves": "restore it, or delete it: curves are of the making, which is not repeated"}
_READINGS = 3  # of a table that differs from its sum
_log = logging.getLogger(__name__)


class Tables:
    """The part of a `RunFolder` that concerns its tables.

    Attributes:
        path: the folder.
    """

    path: Path

    def locked(self) -> AbstractContextManager[None]:
        """Hold the lock of what processes share."""
        raise NotImplementedError

    def write_table(self, name: str, table: pd.DataFrame) -> None:
        """Write <name>.csv and what its columns mean; `name` is one of `records.TABLES`.

        Raises:
            ValueError: unknown name, or columns other than the table's.
        """
        text = conformed(name, table).to_csv(index=False, lineterminator="\n")
        path = self.path / f"{name}.csv"
        with self.locked():
            # First, because a table that a killed process has written is not written again.
            write_columns(path, name, list(table_dtypes(name)))
            self._record_sums(name, [*self._recorded_sums(name), sum_of(text)])
            with atomic_file(path) as file:
                file.write(text.encode())
            self._record_sums(name, [sum_of(text)])

    def has_table(self, name: str) -> bool:
        """Return whether <name>.csv is there."""
        return (self.path / f"{name}.csv").exists()

    def read_table(self, name: str) -> pd.DataFrame:
        """Return <name>.csv; names and labels are text, also where they look like numbers.

        Raises:
            ValueError: unknown name, missing or damaged file, or columns other than the table's.
        """
        table_dtypes(name)
        path = self.path / f"{name}.csv"
        try:
            # Another process may write the table, and its sum, between the two readings.
            for _ in range(_READINGS):
                text = path.read_bytes().decode()  # line ends as they are
                table = parsed(name, text)
                if not (told := difference(sum_of(text), self._recorded_sums(name))):
                    return table
            raise ValueError(told)
        except OSError as error:
            raise ValueError(f"cannot read {path}: {error}") from None
        except ValueError as error:
            remedy = _REMEDIES.get(name, REMEDY)
            raise ValueError(f"{path} is damaged: {error}; {remedy}") from None

    def drop_damaged_tables(self) -> None:
        """Remove the tables that are not as they were written, so that they are made again."""
        with self.locked():
            for name in filter(self.has_table, TABLES):
                try:
                    self.read_table(name)
                except ValueError as error:
                    _log.warning("%s; it is made again", str(error).removesuffix(f"; {REMEDY}"))
                    (self.path / f"{name}.csv").unlink()

    def _recorded_sums(self, name: str) -> list[dict[str, Any]]:
        """Return the sums of a table that run.json admits."""
        return recorded_sums(self._record(), name)

    def _record_sums(self, name: str, sums: list[dict[str, Any]]) -> None:
        """Write the sums of a table into run.json, where there is one."""
        record = self._record()
        if record and sums != recorded_sums(record, name):
            tables = record.get(RECORD)
            known = tables if isinstance(tables, dict) else {}
            self._write_record({**record, RECORD: {**known, name: sums}})

    def _record(self) -> dict[str, Any]:
        """Return run.json; nothing where it is missing or damaged, which others have to tell."""
        try:
            record = json.loads((self.path / "run.json").read_bytes())
        except (OSError, ValueError, RecursionError):
            return {}
        return record if isinstance(record, dict) else {}

    def merge_rows(self, name: str, rows: pd.DataFrame, key_columns: Sequence[str]) -> None:
        """Add rows to <name>.csv, in place of all rows with the same key; layers keep their order.

        Args:
            name: as `write_table`.
            rows: the new rows.
            key_columns: a rerun of a piece, for instance, replaces rows of its network and layer.

        Raises:
            ValueError: as `write_table`.
        """
        rows = conformed(name, rows)
        with self.locked():
            if self.has_table(name):
                old, key = self.read_table(name), list(key_columns)
                replaced = old.set_index(key).index.isin(rows.set_index(key).index)
                kept = old[~replaced]
                rows = pd.concat([kept, rows]) if len(kept) else rows
            self.write_table(name, rows_in_order(rows, self._record()))

    def _write_record(self, record: Mapping[str, Any]) -> None:
        with atomic_file(self.path / "run.json") as file:
            file.write(json.dumps(record, indent=2).encode() + b"\n")
