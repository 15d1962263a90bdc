"""Folders of stimuli: which files count, in which order, and under which ids.

What photographs and sounds have in common.
"""

import hashlib
import itertools
import logging
import re
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

Item = TypeVar("Item")
LONGEST_ID = 200  # characters; file systems allow 255 for a name
# Pictures and sounds that are not read; other files beside stimuli are nobody's stimuli.
_OTHER_KINDS = frozenset(
    (
        ".aac", ".amr", ".avif", ".cr2", ".dng", ".heic", ".heif", ".jp2", ".jxl", ".m4a", ".mov",
        ".mp4", ".nef", ".psd", ".svg", ".webm", ".wma",
    )
)  # fmt: skip

_log = logging.getLogger(__name__)


def existing_folder(folder: Path, content: str) -> Path:
    """Return a folder's path.

    Args:
        folder: where the stimuli are.
        content: what it should hold, "images" or "sounds", for the error message.

    Raises:
        ValueError: there is no such folder.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise ValueError(
            f"the stimulus folder {folder} does not exist; give a folder of {content}"
        )
    return folder


def visible(folder: Path) -> list[Path]:
    """Return what a folder holds, sorted, without what other programs hide there (._photo.jpg)."""
    return sorted(path for path in folder.iterdir() if not path.name.startswith("."))


def files_of(folder: Path, extensions: Collection[str]) -> list[Path]:
    """Return a folder's visible files with one of some lower-case extensions (".png"), sorted."""
    return [p for p in visible(folder) if p.suffix.lower() in extensions and p.is_file()]


def files_by_class(
    folder: Path, extensions: Collection[str], not_classes: Collection[str] = ()
) -> dict[str, list[Path]]:
    """Return sub-folder -> its files, or "" -> the folder's own where no sub-folder has any.

    A class may keep its files one folder deeper, as Tiny-ImageNet does (n01443537/images). What
    lies beside the sub-folders that count, or deeper, is left out, and it is said.

    Args:
        folder: existing folder.
        extensions: of the files, in lower case, with the dot.
        not_classes: names of sub-folders to leave out.

    Raises:
        ValueError: beside classes there is a sub-folder with files in several of its own.
    """
    own = files_of(folder, extensions)
    by_class: dict[str, list[Path]] = {}
    ambiguous: dict[Path, dict[str, list[Path]]] = {}
    for sub in visible(folder):
        if not sub.is_dir() or sub.name in not_classes:
            continue
        files, below = files_of(sub, extensions), _by_sub_folder(sub, extensions)
        if files:
            _say_left_out(sub, [path for deeper in below.values() for path in deeper])
            by_class[sub.name] = files
        elif len(below) == 1:
            (by_class[sub.name],) = below.values()
        elif below:
            ambiguous[sub] = below
    for sub, below in ambiguous.items() if by_class else ():
        raise ValueError(
            f"{sub} has files in several sub-folders ({', '.join(list(below)[:5])}): if they are "
            f"the classes, give that folder; if it is the class, move the files up"
        )
    if by_class:
        _say_left_out(folder, own)
    found = by_class or {"": own}
    _say_unread({path.parent for files in found.values() for path in files})
    return found


def _by_sub_folder(folder: Path, extensions: Collection[str]) -> dict[str, list[Path]]:
    """Return sub-folder -> its files, of those that have some."""
    found = {sub.name: files_of(sub, extensions) for sub in visible(folder) if sub.is_dir()}
    return {name: files for name, files in found.items() if files}


def _say_left_out(folder: Path, files: Sequence[Path]) -> None:
    if files:
        _log.warning(
            "%d files are left out, as %s has its stimuli elsewhere (%s)",
            len(files), folder, files[0],
        )  # fmt: skip


def _say_unread(with_stimuli: Collection[Path]) -> None:
    unread = [path for folder in sorted(with_stimuli) for path in files_of(folder, _OTHER_KINDS)]
    if unread:
        _log.warning(
            "%d files are left out, as %s files are not read; save them in another format (%s)",
            len(unread), ", ".join(sorted({path.suffix.lower() for path in unread})), unread[0],
        )  # fmt: skip


def nothing_found(folder: Path, content: str, extensions: Collection[str]) -> ValueError:
    """Return the error of a folder that holds no stimuli, with the folders below that hold some.

    Args:
        folder: existing folder.
        content: what it should hold, "images" or "sounds".
        extensions: of the files.
    """
    message = (
        f"the stimulus folder {folder} holds no {content} ({', '.join(sorted(extensions))}), "
        f"neither itself nor in sub-folders"
    )
    better = [
        sub.name
        for sub in visible(folder)
        if sub.is_dir() and (files_of(sub, extensions) or _by_sub_folder(sub, extensions))
    ]
    return ValueError(
        f"{message}; give one of its folders: {', '.join(better)}" if better else message
    )


def in_turn(by_class: Mapping[str, Sequence[Item]]) -> list[tuple[str, Item]]:
    """Return (class, item) with the classes in turn: the first of each, the second of each, ...

    However many are taken from the front, every class is represented as evenly as can be.
    """
    longest = max((len(items) for items in by_class.values()), default=0)
    return [
        (label, items[rank])
        for rank in range(longest)
        for label, items in by_class.items()
        if rank < len(items)
    ]


def unique_ids(names: Sequence[str]) -> tuple[str, ...]:
    """Return names fit for files, the later of two equal ones numbered.

    Upper and lower case count as equal, as they do to the file systems of macOS and Windows. Of a
    name that is too long the end is a hash.
    """
    ids, taken = [], set()
    for name in names:
        safe = re.sub(r"[^A-Za-z0-9_-]", "_", name)
        if len(safe) > LONGEST_ID:
            safe = f"{safe[: LONGEST_ID - 17]}_{hashlib.sha256(name.encode()).hexdigest()[:16]}"
        numbered = (f"{safe}-{number}" for number in itertools.count(2))
        unique = next(x for x in itertools.chain([safe], numbered) if x.lower() not in taken)
        taken.add(unique.lower())
        ids.append(unique)
    return tuple(ids)
