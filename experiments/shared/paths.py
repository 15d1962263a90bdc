"""The flags that name files and folders, checked before any work."""

import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from absl import flags


def output_folder(flag: str) -> Path:
    """Return the folder that a flag names, there or not.

    Raises:
        ValueError: it is no folder and cannot be made, or is not to be written to.
    """
    folder = _named(flag)
    if os.path.exists(folder) and not os.path.isdir(folder):
        raise ValueError(f"--{flag}={_short(folder)} is a file; name a folder")
    _check_writable(flag, folder)
    return folder


def output_file(flag: str) -> Path:
    """Return the file that a flag names, there or not.

    Raises:
        ValueError: it is a folder, or its folder cannot be made or written to.
    """
    file = _named(flag)
    if os.path.isdir(file):
        raise ValueError(f"--{flag}={_short(file)} is a folder; name a file in it")
    _check_writable(flag, file.parent)
    return file


def input_folder(flag: str, remedy: str = "name a folder that is") -> Path:
    """Return the folder that a flag names.

    Raises:
        ValueError: there is none.
    """
    folder = _named(flag)
    if not os.path.isdir(folder):  # where Path.is_dir may raise an OSError
        what = "is a file" if os.path.exists(folder) else "is not there"
        raise ValueError(f"--{flag}={_short(folder)} {what}; {remedy}")
    return folder


def input_file(flag: str) -> Path:
    """Return the file that a flag names.

    Raises:
        ValueError: there is none.
    """
    file = _named(flag)
    if not os.path.isfile(file):
        what = "is a folder" if os.path.exists(file) else "is not there"
        raise ValueError(f"--{flag}={_short(file)} {what}; name a file that is")
    return file


def if_given(check: Callable[[str], Path], flag: str) -> Path | None:
    """Return what one of the above says of a flag; None where it has neither value nor default."""
    return None if flags.FLAGS[flag].value is None else check(flag)


def given_folder(flag: str) -> Path | None:
    """Return `input_folder`, or None where the flag is not given and its default is not there."""
    value: Any = flags.FLAGS[flag].value
    return input_folder(flag) if flags.FLAGS[flag].present or os.path.isdir(value) else None


def given_file(flag: str) -> Path | None:
    """Return `input_file`, or None where the flag is not given and its default is not there."""
    value: Any = flags.FLAGS[flag].value
    return input_file(flag) if flags.FLAGS[flag].present or os.path.isfile(value) else None


def set_default_of_preset(flag: str, preset: str) -> None:
    """Let a folder end in the preset's name, where the flag does not name any."""
    if not flags.FLAGS[flag].present:
        flags.FLAGS.set_default(flag, f"{flags.FLAGS[flag].default}_{preset}")


def _named(flag: str) -> Path:
    value: Any = flags.FLAGS[flag].value
    if not value.strip() or "\0" in value:
        raise ValueError(f"--{flag} is empty; give a path, or leave it out for the usual one")
    return Path(value)


def _check_writable(flag: str, folder: Path) -> None:
    """Raise ValueError where a folder can neither be made nor written to; leave nothing."""
    try:
        there = folder
        while not there.exists():
            there = there.parent
        with tempfile.TemporaryDirectory(dir=there) as trial:
            # As long as the rest, as folders can be too deep and names too long.
            Path(trial, *folder.parts[len(there.parts) :]).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ValueError(
            f"--{flag}={_short(folder)} cannot be written to ({error.strerror}); choose another"
        ) from None


def _short(folder: Path) -> str:
    text = str(folder)
    return text if len(text) <= 200 else f"{text[:197]}..."
