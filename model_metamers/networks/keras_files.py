"""Keras models from files that may be anybody's: a file can name code, which is never run.

Reads .keras (a zip archive with config.json) and .h5 (an HDF5 file with the attribute
model_config), as `model.save` writes them.
"""

import json
import os
import zipfile
from collections.abc import Iterator
from pathlib import Path

import h5py
import keras

from model_metamers.networks.checks import first_line

_CODE = ("Lambda", "__lambda__", "TFSMLayer", "TorchModuleWrapper")  # parts that run a file's code
_MAX_CONFIG_BYTES = 64 * 2**20  # of a model's description; EfficientNet-B7's has 0.5 MB


def load_keras_model(path: str | os.PathLike) -> keras.Model:
    """Return the model in a file.

    Only layers of Keras' own are made, and those that were registered with
    `keras.saving.register_keras_serializable` in this process.

    Args:
        path: a .keras or .h5 file that `model.save` wrote.

    Raises:
        ValueError: no such file, another kind of file, a damaged one, one with a Lambda layer or
            with code that is not known here.
    """
    path = Path(path)
    if not path.is_file():
        kind = "a folder" if path.is_dir() else "not there"
        raise ValueError(f"{path} is {kind}; give a file that model.save('name.keras') wrote")
    if path.suffix not in (".keras", ".h5", ".hdf5"):
        raise ValueError(
            f"{path} does not end in .keras or .h5; save the model with model.save('name.keras')"
        )
    try:
        config = _config(path)
    except (OSError, KeyError, RuntimeError, ValueError, zipfile.BadZipFile) as error:
        raise ValueError(
            f"{path} holds no Keras model, or is damaged ({first_line(error)}); save the whole "
            f"model again with model.save('name.keras')"
        ) from None
    _refuse_code(path, config)
    try:
        model = keras.saving.load_model(path, compile=False, safe_mode=True)
    except Exception as error:  # whatever the building of the layers raises
        raise ValueError(f"{path} cannot be built by Keras 3: {first_line(error)}") from error
    return model


def _config(path: Path) -> object:
    """Return the description of the model, without building anything."""
    if path.suffix == ".keras":
        with zipfile.ZipFile(path) as archive:
            if archive.getinfo("config.json").file_size > _MAX_CONFIG_BYTES:
                raise ValueError("config.json is too large")
            return json.loads(archive.read("config.json"))
    with h5py.File(path) as file:
        return json.loads(file.attrs["model_config"])


def _refuse_code(path: Path, config: object) -> None:
    for part in _parts(config):
        kind, module = part.get("class_name"), part.get("module")
        if kind in _CODE:
            raise ValueError(
                f"{path} has a {kind} layer, whose code is not run from a file; build the model "
                f"in Python and give it to Network.from_keras, or replace the layer by one of "
                f"keras.layers or keras.ops"
            )
        registered = keras.saving.get_registered_object(str(part.get("registered_name")))
        known = module is None or module == "builtins" or str(module).split(".")[0] == "keras"
        if not known and registered is None:
            raise ValueError(
                f"{path} needs {kind!r} of {module}, which is not part of Keras; import what "
                f"registers it in Python, load the model there and give it to Network.from_keras"
            )


def _parts(config: object) -> Iterator[dict]:
    """Yield every dictionary inside a description."""
    waiting = [config]
    while waiting:
        part = waiting.pop()
        if isinstance(part, dict):
            yield part
            waiting.extend(part.values())
        elif isinstance(part, list):
            waiting.extend(part)
