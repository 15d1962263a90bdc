"""certificate.json: what the files of a run folder are, and what was found in them.

The certificate holds the SHA-256 of every file of the run, so that a byte that changes later is
noticed and its file named. Unfinished pieces, locks and temporary files are not part of a run.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from model_metamers.files import atomic_file, sha256_of
from model_metamers.store.run_folder import RunFolder

NAME = "certificate.json"
_SHOWN = 5  # files named in a message
_KEPT = ("metamers", "previews")  # folders of what does not change once it is made


def file_hashes(folder: RunFolder) -> dict[str, str]:
    """Return path -> SHA-256 of the files of a run, paths relative to its folder and sorted."""
    return {
        path.relative_to(folder.path).as_posix(): sha256_of(path)
        for path in sorted(_files_of(folder.path))
    }


def check_unchanged(folder: RunFolder) -> bool:
    """Check that the files of a folder are those of its certificate; return if it has one.

    Raises:
        ValueError: a file has changed, is missing or is new, or the certificate is damaged.
    """
    path = folder.path / NAME
    if not path.exists():
        return False
    recorded, present = _recorded_hashes(path), file_hashes(folder)
    differences = {
        "changed": [
            name for name in recorded if present.get(name, "") not in ("", recorded[name])
        ],
        "missing": [name for name in recorded if name not in present],
        "new": [name for name in present if name not in recorded],
    }
    told = [f"{_named(names)} {what}" for what, names in differences.items() if names]
    if told:
        raise ValueError(
            f"{folder.path} is not what its {NAME} certifies: {'; '.join(told)}; put the files "
            f"back, or give --renew to certify the folder as it is"
        )
    return True


def check_kept(folder: RunFolder) -> None:
    """Check that the stimuli that a folder's certificate names are the same.

    Files that are missing, which can be made again, and tables, which grow, may differ. A damaged
    certificate tells nothing.

    Raises:
        ValueError: a file has changed.
    """
    try:
        recorded = _recorded_hashes(folder.path / NAME)
    except ValueError:
        return
    kept = [name for name in recorded if name.split("/")[0] in _KEPT]
    present = [name for name in kept if (folder.path / name).is_file()]
    changed = [name for name in present if sha256_of(folder.path / name) != recorded[name]]
    if changed:
        raise ValueError(
            f"{folder.path} is not what its {NAME} certifies: {_named(changed)} changed; put the "
            f"files back, or delete them to have them made again"
        )


def write_certificate(folder: RunFolder, content: Mapping[str, Any]) -> None:
    """Write certificate.json."""
    with folder.locked(), atomic_file(folder.path / NAME) as file:
        file.write(json.dumps(content, indent=2).encode() + b"\n")


def _files_of(path: Path) -> Iterator[Path]:
    for file in path.rglob("*"):
        is_part = not any(part.startswith(".") for part in file.relative_to(path).parts)
        if is_part and file.is_file() and file.name != NAME and not _is_unfinished(file):
            yield file


def _is_unfinished(file: Path) -> bool:
    return file.name.endswith(".state.npz")


def _recorded_hashes(path: Path) -> dict[str, str]:
    try:
        files = json.loads(path.read_bytes())["files"]
        return {str(name): str(sha256) for name, sha256 in files.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError(
            f"{path} is damaged ({type(error).__name__}: {error}); put it back, or give --renew "
            f"to certify the folder as it is"
        ) from None


def _named(names: list[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return f"{', '.join(names[:_SHOWN])}{more}"
