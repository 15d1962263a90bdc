"""What every script does: answer --help, tell a mistake in one line, start quietly.

Nothing here imports TensorFlow, and scripts import it only inside their functions, so that help
and most mistakes are told at once.
"""

import os
import re
import sys
import tempfile
import textwrap
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from absl import flags, logging

from model_metamers.cluster import Share, worker_share
from model_metamers.files import atomic_file

HELP = ("--help", "-h", "-help", "--helpshort")
HELP_ON_ALL = "--helpfull"  # with the flags of absl's logging
LOGGERS = ("absl", "root", "model_metamers")  # TensorFlow's and other libraries' are left out

# TensorFlow's C++ code writes these before it reads any setting. The error is that of a machine
# without a GPU.
_START_UP_LINE = re.compile(
    rb"WARNING: All log messages before absl::InitializeLog|[IW]\d{4} \d\d:\d\d:\d\d"
    rb"|E\d{4} .* failed call to cuInit: .*\(303\)"
)


class Finished(Exception):
    """The script's work is done before its last stage; says why."""


def run(main: Callable[[], None]) -> None:
    """Parse the flags and run `main`; a user mistake ends with one line and exit status 2."""
    asked = sys.argv[1:]
    if HELP_ON_ALL in asked or set(HELP).intersection(asked):
        print(help_text(with_libraries=HELP_ON_ALL in asked))
        sys.exit(0)
    logging.use_absl_handler()
    logging.set_verbosity(logging.INFO)
    logging.get_absl_handler().addFilter(lambda record: record.name.startswith(LOGGERS))
    try:
        _parse(sys.argv)
        main()
    except Finished as finished:
        logging.info("%s", finished)
    except (flags.Error, ValueError) as mistake:
        if flags.FLAGS.is_parsed() and logging.vlog_is_on(1):
            raise
        print(f"error: {' '.join(str(mistake).split())}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        print("interrupted; the same command continues where it stopped", file=sys.stderr)
        sys.exit(130)


def _parse(arguments: list[str]) -> None:
    rest = flags.FLAGS(arguments)[1:]
    if rest:
        raise ValueError(f"unexpected argument {rest[0]!r}; options are written --name=value")


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
    return f"    {name}\n" + textwrap.indent(textwrap.fill(flag.help + default, 91), " " * 8)


def counts(flag: str, values: Sequence[str]) -> list[int]:
    """Return a flag's list of numbers.

    Raises:
        ValueError: there are none, or one is not a whole number from 1.
    """
    if not values or not all(value.isdecimal() and int(value) > 0 for value in values):
        given = ",".join(values)
        raise ValueError(
            f"--{flag} must be whole numbers from 1, such as --{flag}=1,4; got {given!r}"
        )
    return [int(value) for value in values]


def write(path: str, text: str) -> None:
    """Write a text file at once; a broken-off script leaves the one that was there."""
    with atomic_file(path) as file:
        file.write(text.encode())


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


def start_tensorflow() -> None:
    """Import TensorFlow and find its devices, without its start-up lines."""
    with _without_start_up_lines():
        import keras  # noqa: F401
        import tensorflow as tf

        tf.config.list_physical_devices()


@contextmanager
def _without_start_up_lines() -> Iterator[None]:
    """Keep back what is written to standard error, and pass on all but start-up lines."""
    sys.stderr.flush()
    with tempfile.TemporaryFile() as kept:
        standard_error = os.dup(2)
        os.dup2(kept.fileno(), 2)
        try:
            yield
        finally:
            sys.stderr.flush()
            os.dup2(standard_error, 2)
            os.close(standard_error)
            kept.seek(0)
            for line in kept:
                if not _START_UP_LINE.match(line):
                    os.write(2, line)
