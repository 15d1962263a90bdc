"""One run's results on disk: record, pieces, states, previews, tables and figure."""

import json
import logging
import os
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from matplotlib.figure import Figure

from model_metamers.files import atomic_file, locked, remove_unfinished
from model_metamers.store.formats import (
    image_bytes,
    pcm_16,
    read_image,
    read_npz,
    read_sound,
    write_image,
    write_npz,
    write_sound,
)
from model_metamers.store.layer_order import NATURAL
from model_metamers.store.null_shards import NullShards
from model_metamers.store.records import continued_record, run_record
from model_metamers.store.tables import REMEDY, Tables

PIECE_ARRAYS = ("natural", "metamer", "stimulus_id", "loss", "step", "status")

# A leading dot marks temporary files; ".state" at the end, the unfinished piece.
_LONGEST_LAYER = 150  # of the 255 that file systems allow, as pieces have longer names
_SAFE_NAME = re.compile(r"(?!.*\.state$)[A-Za-z0-9_-][A-Za-z0-9_.-]*")
_log = logging.getLogger(__name__)


class RunFolder(Tables):
    """One run's results on disk.

    Attributes:
        path: the folder.
        flag: the flag of a script that names it, for messages.

    Raises:
        ValueError: the folder cannot be made or written, or (`create=False`) is not there.
    """

    def __init__(self, path: str | Path, create: bool = True, flag: str = "--output_dir"):
        self.path = Path(path)
        self.flag = flag
        self._is_locked = False
        try:
            if create:
                self.path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ValueError(f"cannot make the run folder {path}: {error.strerror}") from None
        if not self.path.is_dir():
            raise ValueError(f"there is no run folder {path}; check {flag}")
        if create and not os.access(self.path, os.W_OK | os.X_OK):
            raise ValueError(f"cannot write into the run folder {path}; choose another one")

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the lock of what processes share: run.json, tables, figures, natural previews.

        Whoever reads, changes and writes a table holds it from the first to the last; it may be
        taken again inside. Whatever writes one of these files does so by itself.
        """
        if self._is_locked:
            yield
            return
        with locked(self.path / "run.json"):
            self._is_locked = True
            try:
                for folder in (self.path, *self.path.glob(f"previews/*/{NATURAL}")):
                    remove_unfinished(folder)
                yield
            finally:
                self._is_locked = False

    @contextmanager
    def locked_piece(self, network: str, layer: str, wait: bool = True) -> Iterator[bool]:
        """Hold the lock of a piece, its state and its previews; see `files.locked`."""
        path = self._piece_path(network, layer)
        with locked(path, wait) as is_held:
            if is_held:
                for name in (path.name, self._piece_path(network, layer, ".state.npz").name):
                    remove_unfinished(path.parent, name)
                remove_unfinished(self._preview_folder(network, layer))
            yield is_held

    @contextmanager
    def locked_null(self, network: str, layer: str) -> Iterator[None]:
        """Hold the lock of a layer's null distribution."""
        path = self._null_path(network, layer)
        with locked(path):
            remove_unfinished(path.parent, path.name)
            yield

    def write_run_record(
        self,
        config: Mapping[str, Any],
        *,
        seed: int,
        versions: Mapping[str, str],
        device: str,
        checkpoint_sha256: Mapping[str, str | None],
        networks: Mapping[str, Mapping[str, Any]] | None = None,
        layer_order: Mapping[str, Sequence[str]] | None = None,
        fixed_keys: Collection[str] = (),
    ) -> None:
        """Write run.json; if there is one, check that it is the same run and add to it.

        A record that already covers the run is left as it is: it tells what made the results.
        Lists and dictionaries grow (more networks, more layers); other values of `config` that are
        not fixed take the new value. To be called before any piece is written.

        Args:
            config: the run's settings, of JSON types.
            seed: of the initial noise.
            versions: package -> version.
            device: what it runs on.
            checkpoint_sha256: network -> hash of its weights' file, None for fresh weights.
            networks: network -> what tells it from others: architecture, scale, seed, label ...
            layer_order: network -> all layers it can be matched at, from the input upwards;
                recorded layers and rows of tables follow it.
            fixed_keys: keys of `config` that change results.

        Raises:
            ValueError: a fixed key, the seed or a network's checkpoint differs from the folder's,
                or there are results and no record of what made them.
        """
        record = run_record(
            config, seed, versions, device, checkpoint_sha256, networks or {}, layer_order or {}
        )
        with self.locked():
            if (self.path / "run.json").exists():
                old = self.read_run_record()
                record = self._continued(old, record, fixed_keys)
                if all(record[key] == old[key] for key in ("config", "checkpoint_sha256")):
                    return
            elif any(self.path.glob("metamers/*/*.npz")) or self.has_table("matches"):
                raise ValueError(
                    f"{self.path} holds metamers, but no run.json that tells their settings; put "
                    f"it back, or choose another {self.flag}"
                )
            self._write_record(record)

    def _continued(
        self, old: dict[str, Any], new: dict[str, Any], fixed_keys: Collection[str]
    ) -> dict[str, Any]:
        try:
            return continued_record(old, new, fixed_keys)
        except ValueError as difference:
            raise ValueError(
                f"{self.path} holds a run with {difference}; choose another {self.flag}, or the "
                f"old value to continue"
            ) from None

    def read_run_record(self) -> dict[str, Any]:
        """Return run.json.

        Raises:
            ValueError: it is missing or damaged, or no record of a run.
        """
        return read_run_json(self.path / "run.json", self.flag)

    def save_piece(
        self,
        network: str,
        layer: str,
        natural: np.ndarray,
        metamer: np.ndarray,
        stimulus_id: Sequence[str] | np.ndarray,
        loss: np.ndarray,
        step: np.ndarray,
        status: Sequence[str] | np.ndarray,
    ) -> None:
        """Write the finished metamers of one layer.

        Args:
            network: name of the generating network.
            layer: the matched layer.
            natural: stimuli [n, ...].
            metamer: metamers of the same shape.
            stimulus_id: n names.
            loss: [n_logged, n].
            step: steps taken, [n].
            status: how each ended, [n].

        Raises:
            ValueError: names unsafe for files, or arrays that do not fit together.
        """
        values = (natural, metamer, _text(stimulus_id), loss, step, _text(status))
        arrays = dict(zip(PIECE_ARRAYS, map(np.asarray, values), strict=True))
        _check_ids(arrays["stimulus_id"], len(arrays["natural"]))
        n_rows = {len(arrays[name]) for name in PIECE_ARRAYS if name != "loss"}
        same_shape = arrays["natural"].shape == arrays["metamer"].shape
        if not same_shape or arrays["loss"].shape[1:] != arrays["step"].shape or len(n_rows) > 1:
            shapes = {name: list(array.shape) for name, array in arrays.items()}
            raise ValueError(f"expected one row per stimulus (loss: one column); got {shapes}")
        write_npz(self._piece_path(network, layer), arrays)

    def has_piece(self, network: str, layer: str) -> bool:
        """Return whether the layer is finished."""
        return self._piece_path(network, layer).is_file()

    def has_pieces(self) -> bool:
        """Return whether the folder has any piece or state, or only what became of them."""
        return any(self.path.glob("metamers/*/*.npz"))

    def load_piece(self, network: str, layer: str) -> dict[str, np.ndarray]:
        """Return a finished piece's arrays, named as in `save_piece`.

        Raises:
            ValueError: the piece is missing, damaged or of another format.
        """
        path = self._piece_path(network, layer)
        arrays = read_npz(path)
        if set(arrays) != set(PIECE_ARRAYS):
            raise ValueError(f"{path} has arrays {sorted(arrays)}; expected {list(PIECE_ARRAYS)}")
        if not len(arrays["loss"]):
            raise ValueError(f"{path} has no losses; delete it to have its metamers made again")
        return arrays

    def save_state(self, network: str, layer: str, arrays: Mapping[str, np.ndarray]) -> None:
        """Write what an unfinished piece continues from."""
        write_npz(self._piece_path(network, layer, ".state.npz"), arrays)

    def load_state(self, network: str, layer: str) -> dict[str, np.ndarray] | None:
        """Return an unfinished piece's state; None (start anew) if missing or damaged."""
        return _read_if_whole(self._piece_path(network, layer, ".state.npz"))

    def progress(self) -> frozenset[tuple[str, int]]:
        """Return the pieces and states and when they were saved: it differs after every saving."""
        saved = set()
        for path in self.path.glob("metamers/*/*.npz"):
            with suppress(FileNotFoundError):  # another process has joined or finished it
                saved.add((str(path), path.stat().st_mtime_ns))
        return frozenset(saved)

    def clear_state(self, network: str, layer: str) -> None:
        """Remove the state of a piece, if there is one."""
        self._piece_path(network, layer, ".state.npz").unlink(missing_ok=True)

    def join_pieces(self, network: str, parts: Sequence[str], layer: str) -> None:
        """Make one piece of parts saved under names of their own, and remove the parts.

        Args:
            network: name of the generating network.
            parts: the parts' names, in the order of their stimuli.
            layer: the matched layer; if another worker has joined it meanwhile, nothing is done.

        Raises:
            ValueError: a part is missing or damaged.
        """
        try:
            arrays = [self.load_piece(network, part) for part in parts]
        except ValueError:
            if self.has_piece(network, layer):
                return
            raise
        joined = {
            name: np.concatenate([part[name] for part in arrays])
            for name in PIECE_ARRAYS
            if name != "loss"
        }
        self.save_piece(network, layer, loss=_join_losses([p["loss"] for p in arrays]), **joined)
        for part in parts:
            self._piece_path(network, part).unlink(missing_ok=True)

    def save_null(self, network: str, layer: str, arrays: Mapping[str, np.ndarray]) -> None:
        """Write a layer's null distribution (`NullDistribution.to_arrays`)."""
        write_npz(self._null_path(network, layer), arrays)

    def load_null(self, network: str, layer: str) -> dict[str, np.ndarray] | None:
        """Return a layer's null distribution; None (compute it) if missing or damaged."""
        return _read_if_whole(self._null_path(network, layer))

    def null_shards(self, network: str, layer: str, n_shards: int) -> NullShards:
        """Return the shards of a layer's null distribution that is made in `n_shards`."""
        return NullShards(self._null_path(network, layer), n_shards)

    def _null_path(self, network: str, layer: str) -> Path:
        return self.path / "nulls" / _safe(network) / f"{_of_layer(layer)}.npz"

    def _piece_path(self, network: str, layer: str, suffix: str = ".npz") -> Path:
        check_layer_name(layer)
        return self.path / "metamers" / _safe(network) / f"{_of_layer(layer)}{suffix}"

    def save_previews(
        self,
        network: str,
        layer: str,
        stimulus_ids: Sequence[str],
        stimuli: np.ndarray,
        sample_rate_hz: int | None = None,
        stimulus_range: tuple[float, float] = (0.0, 1.0),
    ) -> None:
        """Write stimuli as files for people: 8-bit PNG images, or 16-bit mono WAV sounds.

        Cochleagrams, which are optimised for Figure S9, become 16-bit grey PNG images.

        Args:
            network: name of the network they are (made) for.
            layer: the matched layer, or `NATURAL` for the natural stimuli.
            stimulus_ids: n file names.
            stimuli: images [n, height, width, 1 or 3] or cochleagrams [n, bands, frames] in
                `stimulus_range`, or sounds [n, samples]; samples beyond +-1 are clipped, with a
                warning.
            sample_rate_hz: of sounds; None for images.
            stimulus_range: values of an image's black and white.

        Raises:
            ValueError: names unsafe for files, or stimuli of another shape or range.
        """
        folder = self._preview_folder(network, layer)
        _check_ids(stimulus_ids, len(stimuli))
        if sample_rate_hz is None:
            for name, image in zip(
                stimulus_ids, image_bytes(stimuli, stimulus_range), strict=True
            ):
                write_image(folder / f"{name}.png", image)
        else:
            for name, sound in zip(stimulus_ids, pcm_16(stimuli), strict=True):
                write_sound(folder / f"{name}.wav", sound, sample_rate_hz)

    def has_previews(self, network: str, layer: str, stimulus_ids: Sequence[str]) -> bool:
        """Return whether every stimulus' preview is there."""
        folder = self._preview_folder(network, layer)
        present = {path.stem for path in folder.glob("*.*")} if folder.is_dir() else set()
        return present >= set(stimulus_ids)

    def preview_path(self, network: str, layer: str, stimulus_id: str) -> Path | None:
        """Return a stimulus' preview file; None if there is none."""
        stem = self._preview_folder(network, layer) / _safe(stimulus_id)
        paths = (stem.with_name(f"{stem.name}{suffix}") for suffix in (".png", ".wav"))
        return next((path for path in paths if path.is_file()), None)

    def load_previews(
        self,
        network: str,
        layer: str,
        stimulus_ids: Sequence[str],
        stimulus_range: tuple[float, float] = (0.0, 1.0),
    ) -> np.ndarray:
        """Return previews as stimuli, float32 [n, ...]: what people get is what is certified.

        Raises:
            ValueError: a preview is missing or damaged.
        """
        folder = self._preview_folder(network, layer)
        previews = []
        for name in map(_safe, stimulus_ids):
            path = self.preview_path(network, layer, name)
            if path is None:
                raise ValueError(
                    f"there is no preview {name} in {folder}; run the command that made the run "
                    f"again, or name a folder with all previews (figures/ has samples only)"
                )
            try:
                is_sound = path.suffix == ".wav"
                previews.append(read_sound(path) if is_sound else read_image(path, stimulus_range))
            except ValueError as error:
                raise ValueError(f"{error}; {REMEDY}") from None
            if previews[-1].shape != previews[0].shape:
                raise ValueError(
                    f"the preview {name} in {folder} is of another shape than the first: "
                    f"{list(previews[-1].shape)} instead of {list(previews[0].shape)}; {REMEDY}"
                )
        return np.stack(previews)

    def _preview_folder(self, network: str, layer: str) -> Path:
        return self.path / "previews" / _safe(network) / _of_layer(layer)

    def save_figure(self, figure: Figure, name: str = "figure") -> None:
        """Write a matplotlib Figure as <name>.png (300 dpi) and <name>.pdf."""
        for suffix in ("png", "pdf"):
            # Without a date, the same figure is the same file.
            metadata = {"CreationDate": None} if suffix == "pdf" else None
            # Type 42 keeps the text of the PDF text, as journals ask.
            with (
                matplotlib.rc_context({"pdf.fonttype": 42}),
                self.locked(),
                atomic_file(self.path / f"{_safe(name)}.{suffix}") as file,
            ):
                figure.savefig(file, format=suffix, dpi=300, metadata=metadata)


def read_run_json(path: Path, flag: str) -> dict[str, Any]:
    """Return the record of a run.

    Args:
        path: of run.json.
        flag: the flag of a script that names it or its folder, for messages.

    Raises:
        ValueError: it is missing or damaged, or no record of a run.
    """
    try:
        record = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise ValueError(
            f"cannot read {path}: {error}; restore it, or choose another {flag}"
        ) from None
    fields = record if isinstance(record, dict) else {}
    for name in ("config", "checkpoint_sha256"):
        if not isinstance(fields.get(name), dict):
            raise ValueError(
                f"{path} is no record of a run: it has no {name!r} with names and values; "
                f"restore it, or choose another {flag}"
            )
    return record


def made_layers(record: dict[str, Any], path: Path) -> dict[str, list[str]]:
    """Return network -> matched layers of a run, after a look at what else readers rely on.

    Args:
        record: of `read_run_json`.
        path: of run.json, for messages.

    Raises:
        ValueError: layers, labels or hashes of stimuli or settings are of another kind.
    """
    config = record["config"]
    layers = config.get("layers", {})
    of_lists = isinstance(layers, dict) and all(
        isinstance(names, list) and all(isinstance(name, str) for name in names)
        for names in layers.values()
    )
    are_right = {"layers": of_lists, "synthesis": isinstance(config.get("synthesis", {}), dict)}
    for name in ("stimulus_labels", "stimulus_sha256"):
        texts = config.get(name, {})
        are_right[name] = isinstance(texts, dict) and all(
            isinstance(text, str) for text in texts.values()
        )
    for name, is_right in are_right.items():
        if not is_right:
            told = repr(config[name])[:60]
            raise ValueError(f"{path} has {name} = {told}; restore it, or make the run anew")
    return layers


def _safe(name: str) -> str:
    if not _SAFE_NAME.fullmatch(str(name)):
        raise ValueError(
            f"{name!r} cannot be part of a file name; use letters, digits, '_', '-' and '.', with "
            "no '.' in front and no '.state' at the end"
        )
    return str(name)


def _of_layer(name: str) -> str:
    """Return a layer's name as part of a file's: a layer of a sub-model, "inner/c", is inner+c."""
    return "+".join(map(_safe, str(name).split("/")))


def check_layer_name(name: str) -> None:
    """Raise ValueError where a run folder cannot hold metamers of a layer, for its name."""
    if name == NATURAL:
        raise ValueError(f"a matched layer cannot be called {NATURAL!r}; rename it")
    if len(_of_layer(name)) > _LONGEST_LAYER:
        raise ValueError(
            f"the layer {name[:20]}... has a name of {len(name)} letters; rename it, a run folder "
            f"has room for {_LONGEST_LAYER}"
        )


def _check_ids(stimulus_ids: Sequence[str] | np.ndarray, n_stimuli: int) -> None:
    names = [_safe(name) for name in stimulus_ids]
    if len(names) != n_stimuli or len(set(names)) != n_stimuli:
        raise ValueError(
            f"expected {n_stimuli} different stimulus ids, one per stimulus; got {len(names)}, "
            f"{len(set(names))} of them different"
        )


def _read_if_whole(path: Path) -> dict[str, np.ndarray] | None:
    if not path.exists():
        return None
    try:
        return read_npz(path)
    except ValueError as error:
        _log.warning("%s; starting from the beginning", error)
        return None


def _join_losses(losses: Sequence[np.ndarray]) -> np.ndarray:
    """Return [n_logged, n] losses side by side.

    A part whose stimuli all diverged stopped early; their losses stay what they were at the end.
    """
    n_logged = max(map(len, losses))
    padded = [np.pad(x, [(0, n_logged - len(x)), (0, 0)], mode="edge") for x in losses]
    return np.concatenate(padded, axis=1)


def _text(values: Sequence[str] | np.ndarray) -> np.ndarray:
    """Return fixed-width text, which npz files hold without pickling."""
    return np.array([str(value) for value in values], np.str_)
