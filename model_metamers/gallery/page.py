"""The gallery: one HTML page with metamers beside their natural stimuli, to be opened from disk.

The page holds everything it shows: small pictures, sounds, numbers. Only the links to the files of
full size lead into the run folders, and to sounds where these are too many for a page. Pictures
and sounds are base64 text in <script> elements, which a browser does not decode before they are
asked for, so that thousands of them open at once; each is there once, however many metamers it
belongs to.
"""

import base64
import json
import logging
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import Any
from urllib.parse import quote

import numpy as np

from model_metamers.files import atomic_file
from model_metamers.gallery.exhibits import Exhibit, exhibits_of
from model_metamers.gallery.media import Medium, medium_of
from model_metamers.store import RunFolder

FILENAME = "gallery.html"
MOST_SOUND_BYTES = 120_000_000  # in a page: 1500 sounds of two seconds at 20 kHz
_DIGITS = 5  # of numbers

_log = logging.getLogger(__name__)


def write_gallery(folders: Sequence[RunFolder], output: Path) -> int:
    """Write the page of one or more run folders, and return how many metamers it shows.

    Raises:
        ValueError: a folder without metamers to show, or with damaged files.
    """
    exhibits = [exhibit for folder in folders for exhibit in exhibits_of(folder)]
    media = _Media([path for each in exhibits for path in (each.natural, each.metamer)])
    title = ", ".join(folder.path.resolve().name for folder in folders)
    data = {
        "settings": [_settings(folder) for folder in folders],
        "items": [_item(each, media, output.parent) for each in exhibits],
    }
    parts = {name: _part(f"gallery.{name}") for name in ("css", "js")}
    page = Template(_part("gallery.html")).substitute(
        parts, title=_escaped(title), data=_json(data), media=media.elements()
    )
    own = [folder for folder in folders if folder.path.resolve() == output.parent.resolve()]
    # Whoever locks a run folder removes what he takes for the remains of killed processes.
    with own[0].locked() if own else nullcontext(), atomic_file(output) as file:
        file.write(page.encode(errors="replace"))  # names of folders may be no text
    return len(exhibits)


class _Media:
    """The pictures and sounds of a page: equal ones are kept once."""

    def __init__(self, paths: Sequence[Path]):
        self._texts: dict[str, int] = {}
        distinct = list(dict.fromkeys(paths))
        n_bytes = sum(path.stat().st_size for path in distinct if path.suffix == ".wav")
        self._holds_sounds = n_bytes <= MOST_SOUND_BYTES
        if not self._holds_sounds:
            _log.warning(
                "the sounds have %.0f MB, too many for a page: it plays the files of the run "
                "folder, and works beside it alone", n_bytes / 1e6,
            )  # fmt: skip
        with ThreadPoolExecutor() as threads:
            made = threads.map(medium_of, distinct)
            self._entries = {
                path: self._entry(medium) for path, medium in zip(distinct, made, strict=True)
            }

    def entry(self, path: Path) -> dict[str, Any]:
        """Return what the page's data tell of a preview."""
        return self._entries[path]

    def elements(self) -> str:
        """Return the elements that hold the files."""
        return "\n".join(
            f'<script type="text/plain" id="m{number}">{text}</script>'
            for text, number in self._texts.items()
        )

    def _entry(self, medium: Medium) -> dict[str, Any]:
        entry = {"picture": self._number(medium.picture), "size": medium.size_px}
        if not medium.sound:
            return entry
        return entry | {"sound": self._number(medium.sound) if self._holds_sounds else None}

    def _number(self, content: bytes) -> int:
        return self._texts.setdefault(base64.b64encode(content).decode(), len(self._texts))


def _item(exhibit: Exhibit, media: _Media, origin: Path) -> dict[str, Any]:
    def shown(path: Path) -> dict[str, Any]:
        return media.entry(path) | {"file": quote(os.path.relpath(path, origin))}

    return {
        "run": exhibit.run,
        "network": exhibit.network,
        "layer": exhibit.layer,
        "stimulus": exhibit.stimulus,
        "kind": exhibit.kind,
        "labelled": exhibit.is_labelled,
        "accepted": exhibit.accepted,
        "reason": exhibit.reason,
        "natural": shown(exhibit.natural),
        "metamer": shown(exhibit.metamer),
        "numbers": {name: _rounded(value) for name, value in exhibit.numbers.items()},
        "curve": [[_rounded(value) for value in values] for values in exhibit.curve],
    }


def _settings(folder: RunFolder) -> dict[str, Any]:
    """Return what the page tells of how a run was made."""
    record = folder.read_run_record()
    synthesis = record["config"].get("synthesis", {})
    recorded = record.get("versions")
    versions = recorded.items() if isinstance(recorded, dict) else ()
    told = {
        "iterations": synthesis.get("iterations"),
        "solver": synthesis.get("solver"),
        "seed": record.get("seed"),
        "versions": ", ".join(f"{name} {version}" for name, version in versions),
        "revision": record.get("git_revision"),
    }
    run = {"run": folder.path.resolve().name}
    return run | {name: value for name, value in told.items() if value not in (None, "")}


def _rounded(value: float) -> float | None:
    """Return a number with few digits; None for NaN, which JSON does not know."""
    return float(f"{value:.{_DIGITS}g}") if np.isfinite(value) else None


def _json(data: dict[str, Any]) -> str:
    """Return JSON that cannot end the element it stands in."""
    return json.dumps(data, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;")


def _part(name: str) -> str:
    return files(__package__).joinpath(name).read_text(encoding="utf-8")
