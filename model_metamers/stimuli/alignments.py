"""Time-aligned transcripts of speech: which word is spoken where, and by whom.

Two formats: TIMIT's .wrd files beside the sounds, and one CSV table for any other corpus (Wall
Street Journal, Spoken Wikipedia). Only the headers of the sounds are read.

Source: TIMIT's documentation; supplement S1.1.
"""

import functools
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from model_metamers.stimuli import folders
from model_metamers.stimuli.csv_files import rows_of
from model_metamers.stimuli.sound_files import recorded_samples
from model_metamers.stimuli.sounds import EXTENSIONS

CSV_COLUMNS = ("sound_path", "speaker", "word", "start_s", "end_s")


@dataclass(frozen=True, slots=True)
class AlignedWord:
    """One spoken word.

    Attributes:
        label: the word, in lower case.
        speaker: who says it.
        path: the sound file.
        rate_hz: the file's sample rate.
        n_recorded: the file's length, in samples.
        middle: the word's midpoint, in samples.
    """

    label: str
    speaker: str
    path: Path
    rate_hz: int
    n_recorded: int
    middle: float

    def start(self, sample_rate_hz: int, n_samples: int) -> int | None:
        """Return the first sample of the word's clip at the new rate, None where it is cut off."""
        ratio = sample_rate_hz / self.rate_hz
        start = round(self.middle * ratio - n_samples / 2)
        return start if 0 <= start <= math.ceil(self.n_recorded * ratio) - n_samples else None


def read_timit_folder(folder: Path) -> list[AlignedWord]:
    """Return the words of a folder of sounds with .wrd files of the same names beside them.

    A line of such a file is "first_sample end_sample word", counted at the sound's own rate; the
    speaker is the folder it lies in.

    Args:
        folder: holds them at any depth.

    Raises:
        ValueError: missing folder, a malformed line, an alignment without a readable sound.
    """
    folder = folders.existing_folder(folder, "sounds")
    return [word for path in sorted(alignment_files(folder)) for word in _read_wrd(path)]


def alignment_files(folder: Path) -> Iterator[Path]:
    """Find the .wrd files below a folder, without what other programs hide there."""
    for path in folder.rglob("[!.]*.[wW][rR][dD]"):
        is_hidden = any(name.startswith(".") for name in path.relative_to(folder).parts)
        if not is_hidden and path.is_file():
            yield path


def _read_wrd(path: Path) -> list[AlignedWord]:
    beside = [p for p in folders.files_of(path.parent, EXTENSIONS) if p.stem == path.stem]
    if not beside:
        raise ValueError(f"{path} has no sound file of the same name beside it")
    n_recorded, rate_hz = recorded_samples(beside[0])
    speaker = path.parent.name.lower()
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    words = []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        match = re.fullmatch(r"\s*(\d{1,18})\s+(\d{1,18})\s+(\S+)\s*", line)
        if match is None or int(match[1]) > int(match[2]):
            raise ValueError(
                f"{path}, line {number}: expected 'first_sample end_sample word', got {line!r}"
            )
        middle = (int(match[1]) + int(match[2])) / 2
        words.append(
            AlignedWord(match[3].lower(), speaker, beside[0], rate_hz, n_recorded, middle)
        )
    return words


def read_alignment_csv(path: Path) -> list[AlignedWord]:
    """Return the words of a table with the columns sound_path, speaker, word, start_s, end_s.

    Args:
        path: the table. Sound paths are relative to its folder, or absolute. Every row is a word:
            leave out silences and noises.

    Raises:
        ValueError: missing table or column, a malformed row, no readable sound.
    """
    path = Path(path)
    if not path.is_file():
        raise ValueError(f"there is no table of aligned words {path}")
    header = functools.cache(recorded_samples)  # a sound has many words
    words = []
    for number, row in rows_of(path, CSV_COLUMNS):
        sound_path, speaker, word, middle_s = _checked_row(row, path, number)
        n_recorded, rate_hz = header(path.parent / sound_path)
        words.append(
            AlignedWord(
                word.lower(), speaker, path.parent / sound_path, rate_hz, n_recorded,
                middle_s * rate_hz,
            )
        )  # fmt: skip
    return words


def _checked_row(row: dict[str, str], path: Path, number: int) -> tuple[str, str, str, float]:
    """Return a row's sound path, speaker, word and midpoint in seconds."""
    sound_path, speaker, word = (row[name].strip() for name in ("sound_path", "speaker", "word"))
    try:
        start_s, end_s = float(row["start_s"]), float(row["end_s"])
    except ValueError:
        start_s, end_s = math.nan, math.nan
    if not (sound_path and speaker and word and 0 <= start_s <= end_s < math.inf):
        raise ValueError(
            f"{path}, line {number}: expected a sound, a speaker, a word and 0 <= start_s <= "
            f"end_s; got {', '.join(f'{c}={row[c]!r}' for c in CSV_COLUMNS)}"
        )
    return sound_path, speaker, word, (start_s + end_s) / 2
