"""What every script does: answer --help, tell a mistake in one line, start quietly.

Nothing here imports TensorFlow, and scripts import it only inside their functions, so that help
and most mistakes are told at once.
"""

import errno
import gc
import math
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from absl import flags, logging

from model_metamers import start_up
from model_metamers.cluster import Share, worker_share
from model_metamers.files import atomic_file
from shared.interruption import Interrupted, ending_by_signals

if TYPE_CHECKING:
    import pandas as pd

HELP = ("--help", "-h", "-help", "--helpshort")
HELP_ON_ALL = "--helpfull"  # with the flags of absl's logging
LOGGERS = ("absl", "root", "model_metamers")  # TensorFlow's and other libraries' are left out


class Finished(Exception):
    """The script's work is done before its last stage; says why."""


def run(main: Callable[[], None]) -> None:
    """Parse the flags and run `main`; a user mistake ends with one line and exit status 2."""

    def without_arguments(rest: list[str]) -> None:
        if rest:
            raise ValueError(f"unexpected argument {rest[0]!r}; options are written --name=value")
        main()

    run_with_arguments(without_arguments)


def run_with_arguments(main: Callable[[list[str]], None]) -> None:
    """Do as `run` does for a script that takes arguments beside flags."""
    asked = sys.argv[1:]
    if HELP_ON_ALL in asked or set(HELP).intersection(asked):
        print(help_text(with_libraries=HELP_ON_ALL in asked))
        sys.exit(0)
    logging.use_absl_handler()
    logging.set_verbosity(logging.INFO)
    logging.get_absl_handler().addFilter(lambda record: record.name.startswith(LOGGERS))
    try:
        with ending_by_signals():
            rest = flags.FLAGS(sys.argv)[1:]
            check_numbers()
            main(rest)
    except Finished as finished:
        logging.info("%s", finished)
    except (flags.Error, ValueError, OSError, MemoryError) as mistake:
        if flags.FLAGS.is_parsed() and logging.vlog_is_on(1):
            raise
        print(f"error: {' '.join(_told(mistake).split())}", file=sys.stderr)
        sys.exit(2)
    except Interrupted as interrupted:
        sys.exit(interrupted.status)


def check_numbers() -> None:
    """Raise ValueError for a flag that is nan or inf, which the bounds of flags let through."""
    for name, value in flags.FLAGS.flag_values_dict().items():
        if isinstance(value, float) and not math.isfinite(value):
            raise ValueError(f"flag --{name}={value} must be a finite number")


def _told(mistake: Exception) -> str:
    """Return what is said of a mistake, a file that cannot be read or written, or the memory."""
    if isinstance(mistake, MemoryError):
        return f"{str(mistake) or 'the memory is full'}; choose fewer stimuli, or a smaller batch"
    if not isinstance(mistake, OSError) or not mistake.strerror:
        return str(mistake)
    remedy = {
        errno.ENOSPC: "make room; the same command continues where it stopped",
        errno.ENAMETOOLONG: "choose a shorter name",
    }.get(mistake.errno or 0, "choose another path, or allow what is missing")
    named = f"{mistake.filename}: " if mistake.filename else ""
    return f"{named}{mistake.strerror}; {remedy}"


def help_text(with_libraries: bool = False) -> str:
    """Return the running script's docstring and its flags."""
    parts = [(sys.modules["__main__"].__doc__ or "").strip(), "flags (--name=value):"]
    for module, defined in sorted(flags.FLAGS.flags_by_module_dict().items()):
        if with_libraries or not module.startswith("absl"):
            parts += map(_flag_help, defined)
    return "\n\n".join(parts[:2]) + "\n" + "\n".join(parts[2:])


def _flag_help(flag: flags.Flag) -> str:
    name = f"--[no]{flag.name}" if flag.boolean else f"--{flag.name}"
    default = "" if flag.default in (None, []) else f" (default: {flag.default_as_str})"
    # Names of packages, networks and files stay in one piece, to be copied.
    lines = textwrap.fill(flag.help + default, 91, break_on_hyphens=False, break_long_words=False)
    return f"    {name}\n" + textwrap.indent(lines, " " * 8)


def names(flag: str) -> tuple[str, ...] | None:
    """Return a flag's list of names; None where it is not given.

    Raises:
        ValueError: the list is empty, or has a name twice.
    """
    value: Any = flags.FLAGS[flag].value
    if value is None:
        return None
    if not value or "" in value:
        raise ValueError(f"--{flag} lacks a name; give some, or leave it out for the usual ones")
    if repeated := [name for name in value if value.count(name) > 1]:
        raise ValueError(f"--{flag} has {repeated[0]} twice; give every name once")
    return tuple(value)


def counts(flag: str, most: int = 1_000_000) -> list[int]:
    """Return a flag's list of numbers.

    Raises:
        ValueError: there are none, or one is not a whole number from 1 to `most`.
    """
    values = names(flag) or ()
    if not values or not all(v.isdecimal() and 0 < int(v) <= most for v in values):
        raise ValueError(
            f"--{flag} must be whole numbers from 1 to {most}, such as --{flag}=1,4; got "
            f"{','.join(values)!r}"
        )
    return [int(value) for value in values]


def write(path: Path, text: str) -> None:
    """Write a text file at once; a broken-off script leaves the one that was there."""
    with atomic_file(path) as file:
        file.write(text.encode())


def write_table(path: Path, kind: str, table: "pd.DataFrame", float_format: str) -> None:
    """Write a CSV file, and beside it what its columns mean.

    Args:
        path: of the file.
        kind: of the table, as model_metamers/store/columns.csv calls it.
        table: its rows.
        float_format: of its numbers, "%.5g".
    """
    from model_metamers.store.columns import write_columns

    write_columns(path, kind, list(table.columns))
    write(path, table.to_csv(index=False, float_format=float_format, lineterminator="\n"))


def working_share(strategy: str) -> Share:
    """Return this process' share of a cluster's work.

    Raises:
        ValueError: the cluster is badly described.
        Finished: the process takes no share.
    """
    share = worker_share(strategy)
    if share is None:
        raise Finished("TF_CONFIG makes this process no worker, so that it has nothing to do")
    return share


def start_tensorflow(n_threads: int | None = None) -> None:
    """Do as `start_up.start_tensorflow`; with --verbosity=1 its start-up lines are shown."""
    start_up.start_tensorflow(n_threads, quietly=not logging.vlog_is_on(1))
    gc.freeze()  # the libraries' million objects need not be looked through again
