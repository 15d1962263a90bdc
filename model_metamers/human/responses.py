"""Response files: a row per step, checked against the design before anything is made of them.

    experiment,participant,number,phase,stimulus,response,response_ms,stimulus_ms,frame_ms,
    presentations,check

`stimulus_ms` is how long the stimulus was there, as the page measured it, and `frame_ms` the
longest frame meanwhile (of the screen: its usual frame). More than one presentation means that the
page was reloaded in the trial. `check` is the CRC-32 of the row before it: it tells rows that a
spreadsheet, or somebody, has changed since.
"""

import csv
import io
import math
import re
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from model_metamers.human.design import HEADPHONES, SCREEN, Design, Step

COLUMNS = (
    "experiment",
    "participant",
    "number",
    "phase",
    "stimulus",
    "response",
    "response_ms",
    "stimulus_ms",
    "frame_ms",
    "presentations",
    "check",
)
_REMEDY = "restore the file as it was downloaded, or leave it out"
_TENTHS = re.compile(r"\d{1,12}\.\d")


@dataclass(frozen=True)
class Response:
    """What a participant did in one step.

    Attributes:
        participant: number, from 1.
        step: what was asked.
        response: the answer; "" where there was none in time.
        response_ms: how long it took; NaN where that is not measured.
        stimulus_ms: how long the stimulus was there; NaN likewise.
        frame_ms: the longest frame meanwhile; NaN likewise.
        presentations: how often the stimulus was presented.
    """

    participant: int
    step: Step
    response: str
    response_ms: float
    stimulus_ms: float
    frame_ms: float
    presentations: int


def read_folder(folder: Path, design: Design) -> list[Response]:
    """Return the responses of all CSV files of a folder, by participant.

    Raises:
        ValueError: there are none, one is no intact response file of this experiment, or two are
            of one participant.
    """
    files = folder.iterdir() if folder.is_dir() else ()
    paths = sorted(p for p in files if p.suffix.lower() == ".csv" and not p.name.startswith("."))
    if not paths:
        raise ValueError(f"there are no response files (*.csv) in {folder}")
    by_participant: dict[int, tuple[Path, list[Response]]] = {}
    for path in paths:
        try:
            responses = parse(path.read_bytes().decode("utf-8-sig"), design)
        except OSError as error:
            raise ValueError(f"cannot read {path}: {error.strerror}") from None
        except ValueError as error:
            reason = "it is no text" if isinstance(error, UnicodeDecodeError) else error
            raise ValueError(f"{path}: {reason}; {_REMEDY}") from None
        participant = responses[0].participant
        if participant in by_participant:
            raise ValueError(
                f"{by_participant[participant][0]} and {path} are both of participant "
                f"{participant}; leave one of them out"
            )
        by_participant[participant] = (path, responses)
    return [
        response for number in sorted(by_participant) for response in by_participant[number][1]
    ]


def parse(text: str, design: Design) -> list[Response]:
    """Return the responses of one file.

    Raises:
        ValueError: it is no response file, of another experiment, not whole, or was changed.
    """
    try:
        header, *rows = csv.reader(io.StringIO(text, newline=""), strict=True)
    except (csv.Error, ValueError):
        header, rows = [], []
    if tuple(header) != COLUMNS:
        raise ValueError(f"it is no response file: expected the columns {','.join(COLUMNS)}")
    for number, row in enumerate(rows, start=1):
        _check_row(row, number, design.experiment)
    participant = int(rows[0][1]) if rows and rows[0][1].isdecimal() else 0
    if not 1 <= participant <= len(design.participants):
        raise ValueError(f"it has no participant from 1 to {len(design.participants)}")
    steps = design.participants[participant - 1]
    if len(rows) != len(steps):
        raise ValueError(f"it has {len(rows)} rows; participant {participant} has {len(steps)}")
    return [
        _response(row, participant, number, step, design)
        for number, (row, step) in enumerate(zip(rows, steps, strict=True), start=1)
    ]


def text_of(responses: Iterable[Response], experiment: str) -> str:
    """Return the file that a page writes for these responses of one participant."""
    lines = [",".join(COLUMNS)]
    for number, given in enumerate(responses, start=1):
        times = (given.response_ms, given.stimulus_ms, given.frame_ms)
        values = (
            experiment,
            given.participant,
            number,
            given.step.phase,
            given.step.stimulus,
            given.response,
            *("" if math.isnan(time) else f"{time:.1f}" for time in times),
            given.presentations,
        )
        row = ",".join(map(str, values))
        lines.append(f"{row},{check_of(row)}")
    return "\n".join([*lines, ""])


def check_of(row: str) -> str:
    """Return the check of a row without it."""
    return f"{zlib.crc32(row.encode()):08x}"


def _check_row(row: list[str], number: int, experiment: str) -> None:
    """Raise ValueError for a row that no page has written for this experiment."""
    if len(row) != len(COLUMNS) or check_of(",".join(row[:-1])) != row[-1]:
        raise ValueError(f"row {number} was changed after it was written: its check does not fit")
    if row[0] != experiment:
        raise ValueError(f"it is of another experiment, {row[0]}; this one is {experiment}")


def _response(
    row: list[str], participant: int, number: int, step: Step, design: Design
) -> Response:
    _, of, place, phase, stimulus, response, *times, presentations, _ = row
    found, expected = (
        (of, place, phase, stimulus),
        (participant, number, step.phase, step.stimulus),
    )
    if found != tuple(map(str, expected)):
        raise ValueError(f"row {number} is {','.join(found)}; participant {participant} has "
                         f"{','.join(map(str, expected))} there")  # fmt: skip
    allowed = ("1", "2", "3") if step.phase == HEADPHONES else ("", *design.choices)
    if step.phase != SCREEN and response not in allowed:
        raise ValueError(f"row {number} has the answer {response!r}, which could not be given")
    is_count = re.fullmatch(r"[1-9]\d{0,8}", presentations)
    if not is_count or not all(not t or _TENTHS.fullmatch(t) for t in times):
        raise ValueError(f"row {number} has times or counts that are no numbers")
    response_ms, stimulus_ms, frame_ms = (float(time) if time else math.nan for time in times)
    return Response(
        participant, step, response, response_ms, stimulus_ms, frame_ms, int(presentations)
    )
