"""An experiment on record: design.json tells who gets which file, and what the answers mean.

<experiment>/design.json      this record; not for participants, since it has the answers
<experiment>/page/            what a browser shows
<experiment>/responses/       the files that come back
<experiment>/earlier_*/       designs of experiments that this one replaced
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from model_metamers.files import atomic_file

FORMAT = 1
HEADPHONES, SCREEN = "headphones", "screen"


@dataclass(frozen=True)
class Step:
    """One row of a response file: a trial, a headphone check, or a note of the screen.

    Attributes:
        phase: "screen", "headphones", "practice", "catch" or "test".
        stimulus: name of a file in the page's folder "stimuli"; "" for the screen.
        network: whose metamer it is; "" for natural stimuli.
        layer: the matched layer, or "natural"; "" where nothing is recognised.
        source: id of the natural stimulus; "" likewise.
        label: the right answer; "" for the screen.
    """

    phase: str
    stimulus: str = ""
    network: str = ""
    layer: str = ""
    source: str = ""
    label: str = ""


@dataclass(frozen=True)
class Design:
    """One experiment.

    Attributes:
        task: "image" or "word".
        choices: the answers people choose from.
        settings: times, sizes, seed.
        runs: the run folders that the stimuli come from.
        conditions: what the plan came to, a row per condition.
        participants: the steps of each, in order; number 1 first.
    """

    task: str
    choices: tuple[str, ...]
    settings: Mapping[str, Any]
    runs: tuple[str, ...]
    conditions: tuple[Mapping[str, Any], ...]
    participants: tuple[tuple[Step, ...], ...]

    @property
    def experiment(self) -> str:
        """The name that tells this experiment from any other: a hash of all but the folders."""
        content = self._content()
        del content["runs"]
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:12]

    def steps(self) -> Iterator[tuple[int, int, Step]]:
        """Yield (participant, number, step) of everybody, both counted from 1."""
        for participant, steps in enumerate(self.participants, start=1):
            for number, step in enumerate(steps, start=1):
                yield participant, number, step

    def write(self, folder: Path) -> None:
        """Write design.json."""
        record = {"format": FORMAT, "experiment": self.experiment, **self._content()}
        with atomic_file(folder / "design.json") as file:
            file.write(json.dumps(record, indent=1, ensure_ascii=False).encode() + b"\n")

    def _content(self) -> dict[str, Any]:
        # Through JSON, so that what was read back is equal.
        return json.loads(json.dumps(asdict(self)))


def read_design(folder: Path) -> Design:
    """Return the design of an experiment's folder.

    Raises:
        ValueError: there is none, or it is damaged or was changed.
    """
    path = folder / "design.json"
    remedy = "name a folder that human_experiment.py has made, or make it again"
    try:
        record = json.loads(path.read_bytes())
        steps = [tuple(Step(**step) for step in steps) for steps in record["participants"]]
        design = Design(
            task=record["task"],
            choices=tuple(record["choices"]),
            settings=record["settings"],
            runs=tuple(record["runs"]),
            conditions=tuple(record["conditions"]),
            participants=tuple(steps),
        )
        same = record["format"] == FORMAT and record["experiment"] == design.experiment
    except OSError as error:
        raise ValueError(f"cannot read {path}: {error.strerror}; {remedy}") from None
    except (ValueError, KeyError, TypeError, RecursionError):
        raise ValueError(f"{path} is no design of an experiment; {remedy}") from None
    if not same:
        raise ValueError(f"{path} was changed after it was written; {remedy}")
    return design
