"""Opens files of weights, whatever they are: names, shapes, and values one by one.

| file                                                    | read as                            |
|---------------------------------------------------------|------------------------------------|
| V1 checkpoint; V2 prefix, .index, .data or .meta        | TensorFlow checkpoint              |
| the text file "checkpoint", or its folder               | the latest checkpoint it names     |
| folder of a SavedModel, saved_model.pb, TF-Hub handle   | the checkpoint in its variables/   |
| tar archive, compressed or not, under any name          | the one checkpoint in it           |
| .npz                                                    | our own                            |
| .pb                                                     | frozen graph                       |
| .pth, .pt                                               | state dict of PyTorch              |

Nothing in a file is run: of a SavedModel the graph is not even read.
"""

import os
import re
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from tensorflow.core.protobuf import trackable_object_graph_pb2

from model_metamers import npz
from model_metamers.files import sha256_of
from model_metamers.networks import file_kinds, frozen_graph, torch_state
from model_metamers.networks.files import checkpoint_prefix, damage_told, unpack

_OBJECT_GRAPH = "_CHECKPOINTABLE_OBJECT_GRAPH"
_SAVED_MODEL = "saved_model.pb"
_STATE_FILE = "checkpoint"


@dataclass(frozen=True)
class StoredWeights:
    """An opened file of weights.

    Attributes:
        shapes: variable name -> shape.
        read: returns the values of one variable.
        sha256: of the file, or of its files one after another, in alphabetical order.
        is_ours: whether the names are those of `checkpoints.save_weights`, without a scope.
    """

    shapes: Mapping[str, tuple[int, ...]]
    read: Callable[[str], np.ndarray]
    sha256: str
    is_ours: bool = False


@contextmanager
def opened(source: str, network_name: str) -> Iterator[StoredWeights]:
    """Open a file of weights according to what it is.

    Args:
        source: see the table above.
        network_name: whose weights they are, for the command that gets a missing file.

    Raises:
        ValueError: a missing or damaged file, or one of another kind.
        OSError: a file that cannot be read.
    """
    if re.match(r"\w+://", source):
        yield _open_checkpoint(_variables_of(_hub_folder(source)), shown_as=source)
        return
    path = _checkpoint_path(Path(source))
    if Path(f"{path}.index").is_file():
        yield _open_checkpoint(str(path), shown_as=source)
        return
    if not path.is_file():
        raise ValueError(
            f"there is no file {source}; get the published checkpoints with: "
            f"python -m model_metamers fetch {network_name}"
        )
    kind = file_kinds.kind_of(path)
    if kind == file_kinds.ARCHIVE:
        with _unpacked(path) as prefix:
            stored = _open_checkpoint(prefix, shown_as=source)
            yield StoredWeights(stored.shapes, stored.read, sha256_of(path))
    elif kind == file_kinds.NPZ or (kind is None and path.suffix == ".npz"):
        with damage_told(source):
            arrays = npz.read_arrays(path)
        yield _stored_arrays(arrays, path, is_ours=True)
    elif kind == file_kinds.TORCH or (kind is None and path.suffix in torch_state.SUFFIXES):
        yield _open_torch(path)
    elif kind is None and path.suffix == ".pb":
        yield _open_frozen_graph(path)
    else:
        yield _open_checkpoint(str(path), shown_as=source)


def _checkpoint_path(path: Path) -> Path:
    """Return the checkpoint (V1 file, V2 prefix) that a file or folder stands for, if it does.

    Raises:
        ValueError: a folder, or a file that should have others beside it, without a checkpoint.
    """
    if path.is_dir():
        return _checkpoint_in(path)
    if path.name == _SAVED_MODEL:
        return Path(_variables_of(path.parent))
    if path.name == _STATE_FILE and path.is_file():
        return _latest_checkpoint(path)
    prefix = Path(re.sub(r"\.meta$", "", checkpoint_prefix(str(path))))
    if Path(f"{prefix}.index").is_file():
        return prefix
    if path != prefix and path.is_file() and path.suffix != ".meta":
        raise ValueError(f"{path} is a part of a checkpoint; put its .index file beside it")
    return path


def _checkpoint_in(folder: Path) -> Path:
    if any(folder.glob("saved_model.pb*")) or (folder / "variables").is_dir():
        return Path(_variables_of(folder))
    if (folder / _STATE_FILE).is_file():
        return _latest_checkpoint(folder / _STATE_FILE)
    prefixes = [checkpoint_prefix(str(path)) for path in folder.glob("[!.]*.index")]
    if len(prefixes) == 1:
        return Path(prefixes[0])
    raise ValueError(
        f"{folder} is a folder without a saved_model.pb, and with {len(prefixes)} checkpoints; "
        "name a checkpoint"
    )


def _variables_of(folder: Path) -> str:
    if not (folder / "variables" / "variables.index").is_file():
        raise ValueError(f"{folder} holds no variables/variables.index; it is no whole SavedModel")
    return str(folder / "variables" / "variables")


def _latest_checkpoint(state: Path) -> Path:
    """Return the checkpoint that TensorFlow's text file "checkpoint" names, in its own folder."""
    named = re.search(r'^model_checkpoint_path: "(.+)"', state.read_text(errors="replace"), re.M)
    if named is None:
        raise ValueError(f"{state} names no checkpoint; give the checkpoint's own file")
    path = state.parent / Path(named[1]).name
    if not (path.is_file() or Path(f"{path}.index").is_file()):
        raise ValueError(f"{state} names the checkpoint {path.name}, which is not beside it")
    return path


@contextmanager
def _unpacked(archive: Path) -> Iterator[str]:
    """Unpack the one checkpoint of an archive into a temporary folder."""
    with tempfile.TemporaryDirectory() as directory:
        files = unpack(archive, Path(directory), _is_of_checkpoint)
        prefixes = {checkpoint_prefix(str(path)) for path in files}
        if len(prefixes) != 1:
            raise ValueError(f"{archive} must hold one checkpoint; it holds {len(prefixes)}")
        yield prefixes.pop()


def _is_of_checkpoint(filename: str) -> bool:
    is_part = ".ckpt" in filename or checkpoint_prefix(filename) != filename
    return is_part and not filename.endswith(".meta")


def _open_checkpoint(prefix: str, shown_as: str) -> StoredWeights:
    files = [Path(prefix)]
    if os.path.exists(f"{prefix}.index"):
        folder, stem = os.path.split(prefix)
        files = [path for path in Path(folder).iterdir() if path.name.startswith(f"{stem}.")]
        files = [path for path in files if checkpoint_prefix(path.name) == stem]
    with damage_told(shown_as):
        reader = tf.train.load_checkpoint(prefix)
        keys = _keys_by_name(reader)
        stored_shapes = reader.get_variable_to_shape_map()
        shapes = {name: tuple(stored_shapes[key]) for name, key in keys.items()}
        return StoredWeights(shapes, lambda name: reader.get_tensor(keys[name]), sha256_of(*files))


def _keys_by_name(reader: Any) -> dict[str, str]:
    """Return variable name -> its key in a checkpoint.

    TensorFlow 1's checkpoints have the names as keys. Those of TensorFlow 2, also in SavedModels,
    have paths through Python objects, and the names in a message of their own.
    """
    keys = dict.fromkeys(reader.get_variable_to_shape_map())
    if _OBJECT_GRAPH not in keys:
        return {key: key for key in keys}
    graph = trackable_object_graph_pb2.TrackableObjectGraph.FromString(
        reader.get_tensor(_OBJECT_GRAPH)
    )
    return {
        attribute.full_name or attribute.checkpoint_key: attribute.checkpoint_key
        for node in graph.nodes
        for attribute in node.attributes
        if attribute.checkpoint_key in keys
    }


def _open_frozen_graph(path: Path) -> StoredWeights:
    with damage_told(path):
        weights = frozen_graph.stored_weights(path)
        shapes = {name: frozen_graph.shape_of(weight) for name, weight in weights.items()}
        return StoredWeights(
            shapes, lambda name: frozen_graph.values_of(weights[name]), sha256_of(path)
        )


def _open_torch(path: Path) -> StoredWeights:
    """Open a state dict of PyTorch, whose kernels have the outputs first: turn them to Keras'."""
    arrays = {
        name: np.transpose(values, (2, 3, 1, 0) if values.ndim == 4 else None)
        for name, values in torch_state.read_state_dict(path).items()
    }
    return _stored_arrays(arrays, path)


def _stored_arrays(
    arrays: Mapping[str, np.ndarray], path: Path, is_ours: bool = False
) -> StoredWeights:
    shapes = {name: values.shape for name, values in arrays.items()}
    return StoredWeights(shapes, arrays.__getitem__, sha256_of(path), is_ours)


def _hub_folder(handle: str) -> Path:
    """Return the folder of a TF-Hub module, downloaded if need be."""
    try:
        import tensorflow_hub
    except ModuleNotFoundError as error:
        remedy = "'setuptools<81'" if error.name == "pkg_resources" else "tensorflow_hub"
        raise ValueError(
            f"reading {handle} needs {error.name}, which is not installed: pip install {remedy}"
        ) from error
    try:
        return Path(tensorflow_hub.resolve(handle))
    except (OSError, RuntimeError, ValueError, tf.errors.OpError) as error:
        raise ValueError(f"cannot get the TF-Hub module {handle}: {error}") from error
