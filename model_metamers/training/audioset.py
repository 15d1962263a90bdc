"""The choice of AudioSet clips as backgrounds: no speech, no silence, and something to name.

Reads AudioSet's own three files: the segments with their tags (CSV), the 527 classes in order
(class_labels_indices.csv) and the tree they belong to (ontology.json). Sounds lie in one folder,
named by their YouTube identifier as the usual downloaders do: <YTID>.wav, Y<YTID>.wav or
<YTID>_30.000_40.000.flac.

Source: supplement S1.1; research.google.com/audioset (the formats).
"""

import json
import logging
import re
from collections import Counter
from collections.abc import Container, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path

from model_metamers.stimuli import folders
from model_metamers.stimuli.csv_files import cells_of, rows_of, text_of
from model_metamers.stimuli.sound_files import recorded_samples, zero_share
from model_metamers.stimuli.sounds import EXTENSIONS, N_SAMPLES, SAMPLE_RATE_HZ, load_sound
from model_metamers.training.clip_lists import BackgroundClip, ClassLabel
from model_metamers.training.corpus import split_of

_YTID_LENGTH = 11
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ScreeningRules:
    """What makes an AudioSet clip unfit as a background. Names are those of the ontology.

    Attributes:
        speech: a clip with one of these tags, or of anything below them, is dropped.
        silence: a clip with one of these tags is dropped.
        uninformative: a clip with no other tag than these is dropped, and they are no classes.
            The paper drops bare music; that Music is no class either is inferred: 527 classes
            less eight of speech, whispering, silence and music are 516, and the network has 517
            outputs with the null class.
        max_zero_share: a clip with a larger share of digital zeros is dropped.
    """

    speech: tuple[str, ...] = ("Speech", "Whispering")
    silence: tuple[str, ...] = ("Silence",)
    uninformative: tuple[str, ...] = ("Music",)
    max_zero_share: float = 0.1

    def __post_init__(self) -> None:
        if not 0 <= self.max_zero_share <= 1:
            raise ValueError(f"max_zero_share must be in [0, 1]; got {self.max_zero_share}")


@dataclass(frozen=True)
class AudioSetTags:
    """Tags (identifiers such as /m/09x0r) sorted by what they mean for a clip.

    Attributes:
        classes: the classes of the task, from 1, in AudioSet's order.
        speech: tags of speech.
        silence: tags of silence.
        uninformative: tags that say too little.
        known: all tags of the ontology.
    """

    classes: tuple[ClassLabel, ...]
    speech: frozenset[str]
    silence: frozenset[str]
    uninformative: frozenset[str]
    known: frozenset[str]

    @cached_property
    def index_of(self) -> dict[str, int]:
        """Return tag -> class, for tags that are one."""
        return {label.label: label.index for label in self.classes}


def read_tags(
    class_table: Path, ontology: Path, rules: ScreeningRules = ScreeningRules()
) -> AudioSetTags:
    """Sort AudioSet's tags.

    Args:
        class_table: class_labels_indices.csv, with the columns index, mid, display_name.
        ontology: ontology.json.
        rules: which tags mean what.

    Raises:
        ValueError: missing or malformed file, or a name of the rules that is not in the ontology.
    """
    tree = _read_ontology(ontology)
    by_name = {node["name"]: mid for mid, node in tree.items()}

    def tagged(names: Sequence[str]) -> frozenset[str]:
        unknown = [name for name in names if name not in by_name]
        if unknown:
            raise ValueError(f"{ontology} has no sound named {', '.join(map(repr, unknown))}")
        return frozenset(by_name[name] for name in names)

    speech = frozenset().union(*(_branch(mid, tree) for mid in tagged(rules.speech)))
    silence, uninformative = tagged(rules.silence), tagged(rules.uninformative)
    kept = [
        (mid, name)
        for mid, name in _read_class_table(class_table)
        if mid not in speech | silence | uninformative
    ]
    classes = tuple(ClassLabel(1 + i, mid, name) for i, (mid, name) in enumerate(kept))
    return AudioSetTags(classes, speech, silence, uninformative, frozenset(tree))


def _read_ontology(path: Path) -> dict[str, dict]:
    """Return tag -> its node."""
    try:
        return {node["id"]: node for node in json.loads(text_of(_existing(path))) if node["name"]}
    except (KeyError, TypeError, json.JSONDecodeError) as error:
        raise ValueError(
            f"{path} is not AudioSet's ontology.json: a list of sounds with id, name and child_ids"
        ) from error


def _branch(mid: str, tree: Mapping[str, dict]) -> set[str]:
    """Return a tag and all below it."""
    found, waiting = set(), [mid]
    while waiting:
        tag = waiting.pop()
        if tag not in found:
            found.add(tag)
            waiting += tree.get(tag, {}).get("child_ids", ())
    return found


def _read_class_table(path: Path) -> list[tuple[str, str]]:
    """Return (tag, name) of the classes, by index."""
    rows = rows_of(_existing(path), ("index", "mid", "display_name"))
    try:
        ordered = sorted((int(row["index"]), row["mid"], row["display_name"]) for _, row in rows)
    except ValueError:
        ordered = []
    if not ordered:
        raise ValueError(f"{path} needs one row a class, with its number as index")
    return [(mid, name) for _, mid, name in ordered]


def read_segments(path: Path) -> dict[str, frozenset[str]]:
    """Return YouTube identifier -> tags, out of one of AudioSet's tables of segments.

    Lines are `YTID, start, end, "tag,tag"`, comments start with "#".

    Raises:
        ValueError: missing file or malformed line.
    """
    segments = {}
    for line, cells in cells_of(_existing(path), skip_spaces=True):
        if cells[0].startswith("#"):
            continue
        if len(cells) != 4 or len(cells[0]) != _YTID_LENGTH or not cells[3]:
            raise ValueError(
                f"{path}, line {line}: expected 'YTID, start, end, \"tag,tag\"', "
                f"got {', '.join(cells)!r}"
            )
        segments[cells[0]] = frozenset(tag.strip() for tag in cells[3].split(","))
    return segments


def _existing(path: Path) -> Path:
    path = Path(path)
    if not path.is_file():
        raise ValueError(f"there is no file {path}; it comes from research.google.com/audioset")
    return path


def choose_backgrounds(
    folder: Path,
    segments: Mapping[str, frozenset[str]],
    tags: AudioSetTags,
    rules: ScreeningRules = ScreeningRules(),
    validation_share: float = 0.15,
    seed: int = 0,
) -> tuple[list[BackgroundClip], dict[str, int]]:
    """Choose the clips that can be backgrounds.

    Args:
        folder: holds the sounds, at any depth.
        segments: YouTube identifier -> tags.
        tags: from `read_tags`.
        rules: thresholds.
        validation_share: of the clips, set aside for validation.
        seed: of the split.

    Returns:
        The chosen clips by path, and reason -> how many were left out for it.

    Raises:
        ValueError: missing folder, a tag that is not in the ontology, or nothing is left.
    """
    folder = folders.existing_folder(folder, "sounds")
    unknown = sorted(frozenset().union(*segments.values()) - tags.known)
    if unknown:
        raise ValueError(f"the segments have tags that the ontology lacks: {', '.join(unknown)}")
    paths = sorted(p for p in folder.rglob("*") if p.suffix.lower() in EXTENSIONS)
    ids = [youtube_id(path, segments) for path in paths]
    own_tags = [segments[name] if name else None for name in ids]
    with ThreadPoolExecutor() as pool:  # reading takes most of the time
        reasons = list(pool.map(partial(_unfit, tags=tags, rules=rules), paths, own_tags))
    # In another format or folder, a segment would be in both splits.
    taken: set[str | None] = set()
    for place, name in enumerate(ids):
        if reasons[place] is None and name in taken:
            reasons[place] = "second file of a segment"
        elif reasons[place] is None:
            taken.add(name)
    clips = [
        BackgroundClip(
            str(path.resolve()),
            " ".join(str(index) for index in _classes(own or frozenset(), tags)),
            split_of(path, validation_share, seed),
        )
        for path, own, reason in zip(paths, own_tags, reasons, strict=True)
        if reason is None
    ]
    removed = Counter(reason for reason in reasons if reason is not None)
    removed["segment without a sound file"] = len(segments.keys() - set(ids))
    if not clips:
        counts = ", ".join(f"{reason} {n}" for reason, n in removed.items() if n)
        raise ValueError(f"no background of {folder} is left; left out: {counts or 'no sounds'}")
    return clips, dict(removed)


def youtube_id(path: Path, segments: Container[str]) -> str | None:
    """Return which of the segments a sound file is, None if it is none of them."""
    for name in (path.stem, path.stem.removeprefix("Y")):
        rest = name[_YTID_LENGTH:]
        if name[:_YTID_LENGTH] in segments and re.fullmatch(r"([_-][\d._-]+)?", rest):
            return name[:_YTID_LENGTH]
    return None


def _unfit(
    path: Path, own: frozenset[str] | None, tags: AudioSetTags, rules: ScreeningRules
) -> str | None:
    """Return why a sound cannot be a background; its own tags are looked at first."""
    if own is None:
        return "not among the segments"
    if own & tags.speech:
        return "speech"
    if own & tags.silence:
        return "silence"
    if own <= tags.uninformative:
        return "no tag but music"
    if not _classes(own, tags):
        return "no tag that is a class"
    try:
        n_recorded, rate_hz = recorded_samples(path)
        if n_recorded / rate_hz < N_SAMPLES / SAMPLE_RATE_HZ:
            return "shorter than a clip"
        if zero_share(path) > rules.max_zero_share:
            return "too many digital zeros"
        load_sound(path)  # neither silent nor of channels that cancel
    except ValueError as error:
        _log.warning("%s", error)
        return "unreadable"
    return None


def _classes(own: frozenset[str], tags: AudioSetTags) -> list[int]:
    return sorted(tags.index_of[tag] for tag in own if tag in tags.index_of)
