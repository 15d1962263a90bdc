"""Weights of the networks: read TF-Slim, TF-Hub and our own files, write our own, download.

Variables go by their TF-Slim names everywhere ("vgg_19/conv1/conv1_1/weights"); `blocks` tells
how a Keras layer's name gives its scope. Nothing is assigned unless a file fits completely.

Kernels: [height, width, in, out] for convolutions, [in, out] for fully connected layers, which
TF-Slim may store as a convolution over the whole map.
"""

import hashlib
import http.client
import json
import os
import re
import shutil
import tarfile
import tempfile
import urllib.error
import urllib.request
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Any

import keras
import numpy as np
import tensorflow as tf
from tqdm import tqdm

RECORDS = "downloads.json"

# What training leaves behind, and the auxiliary classifier: no part of inference.
_NOT_INFERENCE = re.compile(
    r"(^|/)(global_step|mean_rgb|AuxLogits|Momentum|(RMSProp|Adam|Adagrad|Adadelta|Ftrl)(_\d+)?"
    r"|ExponentialMovingAverage|beta[12]_power)(/|$)"
)
_SLIM_NAMES = {"kernel": "weights", "bias": "biases"}
_NAMES_SHOWN = 5
_CHUNK_BYTES = 1 << 20
_TIMEOUT_S = 30

# What TensorFlow, NumPy and the standard library raise on files that are cut short or damaged.
_DAMAGE = (
    tf.errors.OpError, OSError, EOFError, LookupError, RuntimeError, ValueError,
    zipfile.BadZipFile, zlib.error, tarfile.TarError,
)  # fmt: skip


@dataclass(frozen=True)
class Download:
    """A published checkpoint.

    Attributes:
        url: official address of the file.
        filename: name under which the file is kept.
        mirrors: addresses of the same file, tried in order when `url` fails.
        member: checkpoint inside the file, when that is a tar archive; None for a plain file.
    """

    url: str
    filename: str
    mirrors: tuple[str, ...] = ()
    member: str | None = None


@dataclass(frozen=True)
class _Stored:
    """An opened file of weights: shapes by variable name, a reader of one variable, its hash."""

    shapes: Mapping[str, tuple[int, ...]]
    read: Callable[[str], np.ndarray]
    sha256: str


def checkpoint_variables(model: keras.Model, scope: str) -> dict[str, keras.Variable]:
    """Return TF-Slim variable name -> variable, for every weight of a model.

    Args:
        model: functional model whose layer names follow the rule in `blocks`.
        scope: outermost variable scope ("vgg_19"), or "" for none.

    Raises:
        ValueError: two weights would have the same name.
    """
    variables = {}
    for layer in model.layers:
        layer_scope = layer.name.removesuffix(".linear").replace(".", "/")
        # `weights`, not `variables`: a dropout layer's random state is no part of a checkpoint.
        for variable in layer.weights:
            inner = f"/{variable.path}".partition(f"/{layer.name}/")[2] or variable.name
            parts = (scope, layer_scope, _SLIM_NAMES.get(inner, inner))
            name = "/".join(part for part in parts if part)
            if name in variables:
                raise ValueError(f"two weights of {model.name} share the checkpoint name {name}")
            variables[name] = variable
    return variables


def load_weights(model: keras.Model, source: str | os.PathLike, scope: str) -> str:
    """Give a model the weights of a file.

    Args:
        model: functional model whose layer names follow the rule in `blocks`.
        source: TF1 checkpoint (V1 file, V2 prefix or its .index file), a .tar.gz that holds one,
            a TF-Hub handle (https://...), the folder of a SavedModel, or our own .npz.
        scope: outermost variable scope in the file ("vgg_19"). Our own files have none, so for
            them it is ignored.

    Returns:
        SHA-256 of the file (of its files one after another, in alphabetical order, when several).

    Raises:
        ValueError: the file is missing, damaged, or of another network; missing, unexpected and
            misshapen variables are all named. The model is then unchanged.
    """
    source = os.fspath(source)
    scope = "" if source.endswith(".npz") else scope
    variables = checkpoint_variables(model, scope)
    try:
        with _opened(source, model.name) as stored:
            stored_names = _match(stored.shapes, variables, scope, source)
            with _damage_told(source):
                values = {
                    name: np.reshape(stored.read(stored_names[name]), variable.shape)
                    for name, variable in variables.items()
                }
    except OSError as error:
        raise ValueError(f"cannot read {source}: {error}") from error
    for name, variable in variables.items():
        variable.assign(values[name].astype(variable.dtype))
    return stored.sha256


def save_weights(
    model: keras.Model, path: str | os.PathLike, dtype: type[np.floating] = np.float16
) -> None:
    """Write a model's weights as a plain .npz, atomically.

    Kernels are stored in `dtype`, vectors in float32: batch-norm variances may leave float16's
    range. Reading restores float32.

    Raises:
        ValueError: `path` does not end in .npz, or a weight is not finite in its stored type.
    """
    path = Path(path)
    if path.suffix != ".npz":
        raise ValueError(f"our own weights are .npz files; got {path}")
    arrays = {}
    for name, variable in checkpoint_variables(model, "").items():
        values = keras.ops.convert_to_numpy(variable)
        with np.errstate(over="ignore"):
            arrays[name] = values.astype(dtype if values.ndim > 1 else np.float32)
        if not np.isfinite(arrays[name]).all():
            raise ValueError(f"{name} of {model.name} is not finite as {arrays[name].dtype}")
    with _atomic(path) as file:
        np.savez(file, **arrays)


def _match(
    stored_shapes: Mapping[str, tuple[int, ...]],
    variables: Mapping[str, keras.Variable],
    scope: str,
    source: str,
) -> dict[str, str]:
    """Return variable name -> name in the file, or raise ValueError naming all misfits."""
    candidates = [name for name in sorted(stored_shapes) if not _NOT_INFERENCE.search(name)]
    if scope and not any(f"/{scope}/" in f"/{name}" for name in candidates):
        scopes = sorted({name.removeprefix("module/").split("/")[0] for name in candidates})
        raise ValueError(
            f"{source} is of another network: expected variables under {scope}/, "
            f"found them under {_shortened(scopes) or 'no scope'}"
        )
    names, unexpected = {}, []
    for stored_name in candidates:
        name = _within_scope(stored_name, scope)
        if name in variables and name not in names:
            names[name] = stored_name
        else:
            unexpected.append(stored_name)
    misshapen = [
        f"{name} {list(stored_shapes[stored])} instead of {list(variables[name].shape)}"
        for name, stored in names.items()
        if not _shape_fits(stored_shapes[stored], tuple(variables[name].shape))
    ]
    missing = [name for name in variables if name not in names]
    problems = {"missing": missing, "unexpected": unexpected, "of another shape": misshapen}
    if any(problems.values()):
        listed = (f"{kind}: {_shortened(found)}" for kind, found in problems.items() if found)
        raise ValueError(f"{source} does not fit the network; {'; '.join(listed)}")
    return names


def _within_scope(stored_name: str, scope: str) -> str:
    """Drop the scopes around the network's own: TF-Hub has "module/InceptionV3/..."."""
    _, found, inner = f"/{stored_name}".rpartition(f"/{scope}/")
    return f"{scope}/{inner}" if scope and found else stored_name


def _shape_fits(stored: tuple[int, ...], expected: tuple[int, ...]) -> bool:
    if len(stored) == 4 and len(expected) == 2:
        return (int(np.prod(stored[:3])), stored[3]) == expected
    return stored == expected


def _shortened(names: list[str]) -> str:
    rest = len(names) - _NAMES_SHOWN
    return ", ".join(names[:_NAMES_SHOWN]) + (f" and {rest} more" if rest > 0 else "")


@contextmanager
def _damage_told(source: str | os.PathLike) -> Iterator[None]:
    """Turn whatever a damaged file raises into one clear line.

    Errors of the operating system (no permission, disk full) pass: the file is not to blame.
    """
    try:
        yield
    except _DAMAGE as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise ValueError(
            f"{source} is truncated, damaged or no file of weights ({reason}); "
            "delete it and download it again"
        ) from error


@contextmanager
def _opened(source: str, network_name: str) -> Iterator[_Stored]:
    """Open a file of weights according to what it is."""
    if re.match(r"\w+://", source):
        yield _open_hub(source)
    elif Path(source).is_dir():
        if not any(Path(source).glob("saved_model.pb*")):
            raise ValueError(f"{source} is a folder without a saved_model.pb; name a checkpoint")
        yield _open_hub(source)
    elif not os.path.exists(source) and not os.path.exists(f"{source}.index"):
        raise ValueError(
            f"there is no file {source}; get the published checkpoints with: "
            f"python experiments/fetch_checkpoints.py --networks={network_name}"
        )
    elif source.endswith(".npz"):
        yield _open_npz(source)
    elif source.endswith((".tar.gz", ".tgz")):
        with tempfile.TemporaryDirectory() as directory:
            with _damage_told(source):
                unpacked = _unpack(Path(source), Path(directory), lambda name: ".ckpt" in name)
            prefixes = {_checkpoint_prefix(str(path)) for path in unpacked}
            if len(prefixes) != 1:
                raise ValueError(f"{source} must hold one .ckpt; it holds {len(prefixes)}")
            stored = _open_checkpoint(prefixes.pop(), shown_as=source)
            yield _Stored(stored.shapes, stored.read, _sha256(Path(source)))
    else:
        yield _open_checkpoint(_checkpoint_prefix(source), shown_as=source)


def _open_checkpoint(prefix: str, shown_as: str) -> _Stored:
    files = [Path(prefix)]
    if os.path.exists(f"{prefix}.index"):
        folder, stem = os.path.split(prefix)
        files = [path for path in Path(folder).iterdir() if path.name.startswith(f"{stem}.")]
        files = [path for path in files if _checkpoint_prefix(path.name) == stem]
    with _damage_told(shown_as):
        reader = tf.train.load_checkpoint(prefix)
        shapes = {name: tuple(shape) for name, shape in reader.get_variable_to_shape_map().items()}
        return _Stored(shapes, reader.get_tensor, _sha256(*files))


def _checkpoint_prefix(path: str) -> str:
    return re.sub(r"\.(index|data-\d+-of-\d+)$", "", path)


def _open_npz(source: str) -> _Stored:
    with _damage_told(source), np.load(source, allow_pickle=False) as file:
        arrays = {name: file[name] for name in file.files}
        return _stored_arrays(arrays, _sha256(Path(source)))


def _open_hub(handle: str) -> _Stored:
    try:
        import tensorflow_hub
    except ModuleNotFoundError as error:
        remedy = "'setuptools<81'" if error.name == "pkg_resources" else "tensorflow_hub"
        raise ValueError(
            f"reading {handle} needs {error.name}, which is not installed: pip install {remedy}"
        ) from error
    try:
        folder = Path(tensorflow_hub.resolve(handle))
    except (OSError, RuntimeError, ValueError, tf.errors.OpError) as error:
        raise ValueError(f"cannot get the TF-Hub module {handle}: {error}") from error
    with _damage_told(handle):
        variables = _hub_variables(tensorflow_hub.load(str(folder)))
        arrays = {variable.name.partition(":")[0]: variable.numpy() for variable in variables}
        files = [*folder.glob("saved_model.pb*"), *folder.glob("variables/*")]
        return _stored_arrays(arrays, _sha256(*files))


def _hub_variables(loaded: Any) -> list[tf.Variable]:
    """Return all variables: a module's own list, or what its attributes hold where it has none."""
    if hasattr(loaded, "variables"):
        return list(loaded.variables)
    found, seen, waiting = [], set(), [loaded]
    while waiting:
        node = waiting.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        if isinstance(node, tf.Variable):
            found.append(node)
        elif hasattr(node, "_trackable_children"):
            waiting.extend(node._trackable_children().values())
    return found


def _stored_arrays(arrays: Mapping[str, np.ndarray], sha256: str) -> _Stored:
    shapes = {name: values.shape for name, values in arrays.items()}
    return _Stored(shapes, arrays.__getitem__, sha256)


def _sha256(*paths: Path) -> str:
    digest = hashlib.sha256()
    for path in sorted(paths):
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK_BYTES):
                digest.update(chunk)
    return digest.hexdigest()


@contextmanager
def _atomic(path: Path) -> Iterator[IO[bytes]]:
    """Open a temporary file that takes `path`'s place once it is written completely."""
    unfinished = path.with_name(f"{path.name}.unfinished")
    try:
        with unfinished.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def fetch(download: Download, directory: str | os.PathLike, progress: bool = True) -> Path:
    """Return a published checkpoint in `directory`, downloaded and unpacked where it is missing.

    No hashes are published, so size and SHA-256 are recorded in downloads.json at the first
    download and verified from then on. A file that is already there, however it came, is used.

    Args:
        download: what to fetch.
        directory: where the file, what it unpacks to and downloads.json are kept.
        progress: show a progress bar on stderr.

    Returns:
        Path of the checkpoint, for `load_weights`.

    Raises:
        ValueError: no address answers, the transfer breaks off (the next call resumes it), a file
            differs from its record, or the archive is damaged, unsafe or without the checkpoint.
        OSError: `directory` is not writable, or the disk is full.
    """
    directory = Path(directory)
    directory.mkdir(parents=True, exist_ok=True)
    checkpoint = directory / (download.member or download.filename)
    present = [path for path in directory.iterdir() if _is_part_of(path.name, checkpoint.name)]
    if present:
        _verify(directory, present)
        return checkpoint
    archive = directory / download.filename
    is_new = not archive.exists()
    if is_new:
        _download(download, archive, progress)
    try:
        _verify(directory, [archive], record_new=False)
        unpacked = []
        if download.member is not None:
            unpacked = _unpack(archive, directory, lambda name: _is_part_of(name, checkpoint.name))
            if not unpacked:
                raise ValueError(f"{archive} holds no {download.member}")
        _verify(directory, [archive, *unpacked])
    except ValueError:
        if is_new:
            archive.unlink()
        raise
    return checkpoint


def _is_part_of(name: str, checkpoint_name: str) -> bool:
    return _checkpoint_prefix(name) == checkpoint_name


def _verify(directory: Path, paths: list[Path], record_new: bool = True) -> None:
    """Compare files with downloads.json, and add those it does not know."""
    records_path = directory / RECORDS
    try:
        records = json.loads(records_path.read_text()) if records_path.exists() else {}
    except ValueError as error:
        raise ValueError(
            f"{records_path} is not readable ({error}); restore or delete it"
        ) from error
    known = dict(records)
    for path in paths:
        found = {"bytes": path.stat().st_size, "sha256": _sha256(path)}
        if records.setdefault(path.name, found) != found:
            raise ValueError(
                f"{path} is not the file recorded at the first download: {found} instead of "
                f"{records[path.name]}; delete it and fetch it again, or, to accept it, "
                f"delete its entry in {RECORDS}"
            )
    if record_new and records != known:
        with _atomic(records_path) as file:
            file.write(json.dumps(records, indent=2, sort_keys=True).encode() + b"\n")


def _download(download: Download, target: Path, progress: bool) -> None:
    """Transfer a file from the first address that has it; a broken transfer leaves `.part`."""
    partial = target.with_name(f"{target.name}.part")
    failures = []
    for url in (download.url, *download.mirrors):
        try:
            _transfer(url, partial, progress)
        except (OSError, ValueError, http.client.HTTPException) as error:
            failures.append(f"{url}: {getattr(error, 'reason', None) or error}")
        else:
            partial.replace(target)
            return
    raise ValueError(
        f"cannot download {target.name} ({'; '.join(failures)}); run again to resume, or put the "
        f"file into {target.parent} yourself"
    )


def _transfer(url: str, partial: Path, progress: bool) -> None:
    """Continue a partial file; start over where the server sends all of it."""
    start = partial.stat().st_size if partial.exists() else 0
    request = urllib.request.Request(url, headers={"Range": f"bytes={start}-"} if start else {})
    try:
        response = urllib.request.urlopen(request, timeout=_TIMEOUT_S)
    except urllib.error.HTTPError as error:
        if error.code != http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE or not start:
            raise
        # Nothing lies behind `start`: either the file is complete, or it is not this file.
        if error.headers.get("Content-Range", "").rpartition("/")[2] != str(start):
            partial.unlink()
            _transfer(url, partial, progress)
        return
    with response:
        resumed = response.status == http.HTTPStatus.PARTIAL_CONTENT
        content_range = response.headers.get("Content-Range", "")
        if resumed and not content_range.startswith(f"bytes {start}-"):
            raise OSError(f"asked for bytes from {start}, got {content_range!r}")
        start = start if resumed else 0
        length = response.headers.get("Content-Length")
        total = None if length is None else start + int(length)
        _receive(response, partial, start, total, progress)


def _receive(
    response: IO[bytes], partial: Path, start: int, total: int | None, progress: bool
) -> None:
    bar = tqdm(
        desc=partial.stem, initial=start, total=total, unit="B", unit_scale=True,
        disable=not progress,
    )  # fmt: skip
    with bar, partial.open("ab" if start else "wb") as file:
        while chunk := response.read(_CHUNK_BYTES):
            file.write(chunk)
            bar.update(len(chunk))
        file.flush()
        os.fsync(file.fileno())
        size = file.tell()
    # A connection that closes early ends like a complete one: `read` returns nothing.
    if total is not None and size != total:
        raise OSError(f"the transfer broke off after {size} of {total} bytes")


def _unpack(archive: Path, directory: Path, is_wanted: Callable[[str], bool]) -> list[Path]:
    """Unpack the wanted files of a tar archive into `directory`, all of them or none.

    Args:
        archive: tar file, compressed or not.
        directory: existing folder; folders inside the archive are not kept.
        is_wanted: tells by a file's name, without its folder, whether to unpack it.

    Raises:
        ValueError: damaged archive, or one with links, devices or paths that lead out of it.
    """
    with tempfile.TemporaryDirectory(dir=directory, prefix=".unpacking-") as scratch:
        with _damage_told(archive), tarfile.open(archive) as tar:
            unsafe = _extract(tar, Path(scratch), is_wanted)
        if unsafe is not None:
            raise ValueError(f"{archive} has the unsafe entry {unsafe!r}; nothing was unpacked")
        return [path.replace(directory / path.name) for path in sorted(Path(scratch).iterdir())]


def _extract(tar: tarfile.TarFile, scratch: Path, is_wanted: Callable[[str], bool]) -> str | None:
    """Return the name of the first unsafe entry, or None once all wanted files are extracted."""
    for entry in tar:
        path = PurePosixPath(entry.name)
        if path.is_absolute() or ".." in path.parts or not (entry.isreg() or entry.isdir()):
            return entry.name
        if entry.isreg() and is_wanted(path.name):
            if (scratch / path.name).exists():
                raise ValueError(f"{path.name} occurs twice")
            with (scratch / path.name).open("wb") as file:
                shutil.copyfileobj(tar.extractfile(entry), file, _CHUNK_BYTES)
                file.flush()
                os.fsync(file.fileno())
    # Compression's checksum stands at the very end, behind the last entry.
    while tar.fileobj.read(_CHUNK_BYTES):
        pass
    return None
