"""The most memory that a process has used."""

import resource
from pathlib import Path


def peak_mb() -> float:
    """Return it for this process, without what its parent had used before it."""
    status = Path("/proc/self/status")
    if status.exists():  # Linux, where getrusage counts the parent
        (line,) = (x for x in status.read_text().splitlines() if x.startswith("VmHWM"))
        return int(line.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
