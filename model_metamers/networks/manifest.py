"""The manifest of the networks we ship: what each saw in training, and what it reaches."""

import json
from pathlib import Path
from typing import Any

from model_metamers.files import atomic_file

MANIFEST = "manifest.json"


def read_manifest(directory: Path) -> dict[str, dict[str, Any]]:
    """Return network name -> its record; empty where there is no manifest yet.

    Raises:
        ValueError: a damaged manifest.
    """
    path = Path(directory) / MANIFEST
    if not path.exists():
        return {}
    try:
        manifest = json.loads(path.read_text())
        if not isinstance(manifest, dict) or not all(map(_is_record, manifest.values())):
            raise ValueError("it does not tell a record for each network")
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path} is damaged ({error}); restore it") from None
    return manifest


def _is_record(value: Any) -> bool:
    return isinstance(value, dict)


def update_manifest(directory: Path, name: str, record: dict[str, Any]) -> None:
    """Replace one network's record, atomically."""
    manifest = read_manifest(directory) | {name: record}
    with atomic_file(Path(directory) / MANIFEST) as file:
        file.write(json.dumps(manifest, indent=2, sort_keys=True).encode() + b"\n")
