"""Where files of weights are: in a folder of the user's, shipped with the package, or downloaded.

Read in this order:

1. $MODEL_METAMERS_CHECKPOINTS, if it is set;
2. the shipped folder: `checkpoints` of a checkout, which an installation has inside the package;
3. the platform's cache folder, ~/.cache/model_metamers on Linux.

What is downloaded goes to the first of 1 and 3, what is trained to the first of 1, a checkout's
folder and 3: an installed package is not written to.
"""

import os
from pathlib import Path

import platformdirs

VARIABLE = "MODEL_METAMERS_CHECKPOINTS"
_PACKAGE = Path(__file__).resolve().parents[1]


def shipped() -> Path:
    """Return the folder of the weights that come with the package."""
    installed = _PACKAGE / "checkpoints"
    return installed if installed.is_dir() else _checkout()


def downloads() -> Path:
    """Return where downloaded weights go."""
    return _of_user() or _cache()


def trained() -> Path:
    """Return where weights of one's own training go."""
    return _of_user() or (_checkout() if shipped() == _checkout() else _cache())


def find(filename: str) -> Path | None:
    """Return the path of a file of weights, or of the checkpoint that is split into files.

    Returns:
        None where no folder has it.
    """
    for folder in (_of_user(), shipped(), _cache()):
        if folder and ((folder / filename).exists() or (folder / f"{filename}.index").exists()):
            return folder / filename
    return None


def _of_user() -> Path | None:
    value = os.environ.get(VARIABLE)
    return Path(value) if value else None


def _checkout() -> Path:
    return _PACKAGE.parent / "checkpoints"


def _cache() -> Path:
    return Path(platformdirs.user_cache_dir("model_metamers"))
