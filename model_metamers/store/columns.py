"""What the columns of our tables mean: a dictionary beside every CSV file, from one source.

`columns.csv` in this package has a row for every column of every kind of table. Beside a table
x.csv lies x.columns.csv, the part of it that the table needs.
"""

import csv
import functools
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

import pandas as pd

from model_metamers.files import atomic_file

SUFFIX = ".columns.csv"


@functools.cache
def all_columns() -> pd.DataFrame:
    """Return the source: columns table (its kind), column, unit and meaning, all of them text."""
    text = files(__package__).joinpath("columns.csv").read_text(encoding="utf-8")
    header, *rows = csv.reader(text.splitlines(), strict=True)
    return pd.DataFrame(rows, columns=header, dtype="str")


def columns_of(kind: str, names: Sequence[str]) -> pd.DataFrame:
    """Return the dictionary of a table: column, unit, meaning, a row for each of its columns.

    Args:
        kind: of the table, as columns.csv calls it.
        names: its columns.

    Raises:
        ValueError: a column that columns.csv does not have.
    """
    source = all_columns()
    known = source[source.table == kind].set_index("column")
    for name in names:
        if name not in known.index:
            raise ValueError(
                f"columns.csv does not say what {name!r} of a table {kind!r} means; add a row"
            )
    return known.loc[list(names), ["unit", "meaning"]].reset_index()


def write_columns(table: Path, kind: str, names: Sequence[str]) -> None:
    """Write the dictionary of a table beside it, unless it is there.

    Args:
        table: the CSV file.
        kind: as `columns_of`.
        names: as `columns_of`.
    """
    path = table.with_suffix(SUFFIX)
    text = columns_of(kind, names).to_csv(index=False, lineterminator="\n").encode()
    if not path.is_file() or path.read_bytes() != text:
        with atomic_file(path) as file:
            file.write(text)
