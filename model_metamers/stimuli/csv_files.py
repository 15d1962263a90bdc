"""Tables that people bring: CSV with a header, in UTF-8 with or without its mark."""

import csv
import io
from collections.abc import Sequence
from pathlib import Path


def text_of(path: Path) -> str:
    """Return the text of a file in UTF-8.

    Raises:
        ValueError: it is in another encoding.
    """
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(
            f"{path} is no text in UTF-8 ({error.reason} at byte {error.start}); save it so, "
            f'which spreadsheets call "CSV UTF-8"'
        ) from None


def cells_of(path: Path, skip_spaces: bool = False) -> list[tuple[int, list[str]]]:
    """Return the rows of a table, each with the line that it begins on; empty ones are left out.

    Args:
        path: existing file.
        skip_spaces: after commas.

    Raises:
        ValueError: it is in another encoding, or no table, as where a quote is not closed.
    """
    text = io.StringIO(text_of(path), newline="")
    reader = csv.reader(text, strict=True, skipinitialspace=skip_spaces)
    rows: list[tuple[int, list[str]]] = []
    line = 1
    try:
        for cells in reader:
            if cells:
                rows.append((line, cells))
            line = reader.line_num + 1
    except csv.Error as error:
        raise ValueError(
            f"{path} is no table in CSV from line {line} on ({error}); close its quotes"
        ) from None
    return rows


def rows_of(path: Path, columns: Sequence[str]) -> list[tuple[int, dict[str, str]]]:
    """Return column -> cell of every row, with the line that it begins on.

    Args:
        path: existing file.
        columns: that it has to have; others are returned as well. Cells that a row lacks are
            empty.

    Raises:
        ValueError: as `cells_of`, or a column is missing.
    """
    (_, header), *rows = cells_of(path) or [(1, [])]
    if missing := [name for name in columns if name not in header]:
        needed, lacking = ", ".join(columns), ", ".join(missing)
        raise ValueError(f"{path} needs the columns {needed}; it lacks the columns {lacking}")
    empty = dict.fromkeys(header, "")
    return [(line, empty | dict(zip(header, cells, strict=False))) for line, cells in rows]
