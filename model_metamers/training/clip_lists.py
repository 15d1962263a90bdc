"""The tables a training stream reads: which clips there are, and of which classes.

A dataclass is a row, its fields are the columns. Class 0 of both tasks is the null class, which no
clip has.
"""

import csv
import io
from collections.abc import Iterable
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from typing import TypeVar, get_type_hints

from model_metamers.files import atomic_file
from model_metamers.stimuli.csv_files import rows_of

SPLITS = ("train", "validation")


@dataclass(frozen=True, slots=True)
class WordClip:
    """2 s of speech around a word.

    Attributes:
        sound_path: the recording; relative paths start from the list's folder.
        midpoint_s: the word's midpoint in the recording.
        word: in lower case.
        word_index: class of the word, from 1.
        speaker: who says it.
        split: "train" or "validation".
    """

    sound_path: str
    midpoint_s: float
    word: str
    word_index: int
    speaker: str
    split: str


@dataclass(frozen=True, slots=True)
class BackgroundClip:
    """A recording without speech.

    Attributes:
        sound_path: the recording; relative paths start from the list's folder.
        labels: its AudioSet classes, from 1, separated by spaces.
        split: "train" or "validation".
    """

    sound_path: str
    labels: str
    split: str


@dataclass(frozen=True, slots=True)
class ClassLabel:
    """One class of a task.

    Attributes:
        index: position in the network's output.
        label: the word, or the AudioSet class's identifier.
        name: the AudioSet class's name; the word once more.
    """

    index: int
    label: str
    name: str


Row = TypeVar("Row", WordClip, BackgroundClip, ClassLabel)

NULL_CLASS = ClassLabel(0, "", "null class")


def write_clip_list(path: Path, rows: Iterable[Row], kind: type[Row]) -> None:
    """Write a table of one kind of rows, atomically."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(field.name for field in fields(kind))
    writer.writerows(astuple(row) for row in rows)
    with atomic_file(Path(path)) as file:
        file.write(text.getvalue().encode())


def read_clip_list(path: Path, kind: type[Row], split: str | None = None) -> list[Row]:
    """Return a table's rows.

    Args:
        path: table with the fields of `kind` among its columns.
        kind: what a row is.
        split: rows to return, "train" or "validation"; None for all.

    Returns:
        Rows with their sound's path made absolute.

    Raises:
        ValueError: missing file or column, a malformed row, or no row of the split.
    """
    path = Path(path)
    if not path.is_file():
        raise ValueError(f"there is no list of clips {path}; build_word_dataset.py writes it")
    columns = [field.name for field in fields(kind)]
    rows = [_row(values, kind, path, line) for line, values in rows_of(path, columns)]
    if split is not None:
        rows = [row for row in rows if getattr(row, "split", None) == split]
    if not rows:
        raise ValueError(f"{path} has no rows{'' if split is None else f' of the split {split}'}")
    return rows


def _row(values: dict[str, str], kind: type[Row], path: Path, number: int) -> Row:
    types = get_type_hints(kind)
    try:
        cells = {name: types[name](values[name]) for name in types}
    except ValueError as error:
        raise ValueError(f"{path}, line {number}: {error}") from error
    if "sound_path" in cells:
        cells["sound_path"] = str(path.resolve().parent / cells["sound_path"])
    if cells.get("split", SPLITS[0]) not in SPLITS:
        raise ValueError(
            f"{path}, line {number}: the split must be {' or '.join(SPLITS)}; "
            f"got {cells['split']!r}"
        )
    return kind(**cells)
