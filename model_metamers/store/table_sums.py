"""Which table is whole: run.json has the number of rows and the SHA-256 of each.

A table that is cut between two rows reads as a smaller one. While a table is being written its
record has the old sum and the new one, so that a kill at any moment leaves a table that is known.
"""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

RECORD = "tables"  # its place in run.json


def sum_of(text: str) -> dict[str, Any]:
    """Return number of rows and SHA-256 of a table, whatever its line ends are."""
    text = text.replace("\r\n", "\n")
    sha256 = hashlib.sha256(text.encode()).hexdigest()
    return {"rows": text.count("\n") - 1, "sha256": sha256}


def recorded_sums(record: Any, name: str) -> list[dict[str, Any]]:
    """Return the sums that run.json admits for a table; none where it does not know it."""
    tables = record.get(RECORD) if isinstance(record, Mapping) else None
    sums = tables.get(name) if isinstance(tables, Mapping) else None
    return [each for each in sums if isinstance(each, dict)] if isinstance(sums, list) else []


def difference(found: Mapping[str, Any], sums: Sequence[Mapping[str, Any]]) -> str:
    """Return in words how a table differs from what was written; "" where it does not."""
    if not sums or found in sums:
        return ""
    rows = sums[-1].get("rows")
    if found["rows"] != rows:
        return f"it has {found['rows']} rows, and was written with {rows}"
    return "its content is another one than was written"
