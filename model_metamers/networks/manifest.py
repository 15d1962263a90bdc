"""The manifest of the networks we ship: what each saw in training, and what it reaches."""

import json
from pathlib import Path
from typing import Any

from model_metamers.files import atomic_file

MANIFEST = "manifest.json"


def read_manifest(directory: Path) -> dict[str, dict[str, Any]]:
    """Return network name -> its record; empty where there is no manifest yet."""
    path = Path(directory) / MANIFEST
    return json.loads(path.read_text()) if path.exists() else {}


def update_manifest(directory: Path, name: str, record: dict[str, Any]) -> None:
    """Replace one network's record, atomically."""
    manifest = read_manifest(directory) | {name: record}
    with atomic_file(Path(directory) / MANIFEST) as file:
        file.write(json.dumps(manifest, indent=2, sort_keys=True).encode() + b"\n")
