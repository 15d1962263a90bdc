"""What every script shares: one line per user mistake, exit status 2, quiet start, fast kernels.

TensorFlow reads its environment when it is imported, so scripts import this module first.
"""

import csv
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from absl import app, flags, logging

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
# By itself TensorFlow takes oneDNN's kernels only on processors with AVX-512's VNNI or better.
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")

LOGGERS = ("absl", "root", "model_metamers")  # TensorFlow's and other libraries' are left out


def run(main: Callable[[], None]) -> None:
    """Parse the flags and run `main`; a user mistake ends with one line and exit status 2."""
    try:
        arguments = flags.FLAGS(sys.argv)
        if len(arguments) > 1:
            raise ValueError(
                f"unexpected argument {arguments[1]!r}; options are written --name=value"
            )
    except (flags.Error, ValueError) as mistake:
        _end(mistake)
    app.run(lambda _: _guarded(main))


def _guarded(main: Callable[[], None]) -> None:
    logging.set_verbosity(logging.INFO)
    logging.get_absl_handler().addFilter(lambda record: record.name.startswith(LOGGERS))
    try:
        main()
    except ValueError as mistake:
        if flags.FLAGS.is_parsed() and logging.vlog_is_on(1):
            raise
        _end(mistake)
    except KeyboardInterrupt:
        print("interrupted; the same command continues where it stopped", file=sys.stderr)
        sys.exit(130)


def _end(mistake: Exception) -> None:
    print(f"error: {' '.join(str(mistake).split())}", file=sys.stderr)
    sys.exit(2)


class CsvLog:
    """A CSV table that grows by a row at a time."""

    def __init__(self, path: Path, columns: tuple[str, ...]):
        self._path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            self.write(*columns)

    def write(self, *values: Any) -> None:
        """Append one row."""
        with self._path.open("a", newline="") as file:
            csv.writer(file).writerow(values)
