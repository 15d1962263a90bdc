"""Published checkpoints: downloaded, resumed after a break, verified and unpacked.

Size and SHA-256 are those in the catalogue where they are known; where not, downloads.json records
those of what came first.
"""

import http.client
import json
import os
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import IO

from tqdm import tqdm

from model_metamers.files import CHUNK_BYTES, atomic_file, sha256_of
from model_metamers.networks.catalog_entry import Download
from model_metamers.networks.file_kinds import check_download
from model_metamers.networks.files import (
    checkpoint_prefix,
    unpack,
)

RECORDS = "downloads.json"
_TIMEOUT_S = 30


def fetch(download: Download, directory: str | os.PathLike, progress: bool = True) -> Path:
    """Return a published checkpoint in `directory`, downloaded and unpacked where it is missing.

    Size and SHA-256 must be the known ones, where `download` has them. They are recorded in
    downloads.json at the first download and verified from then on. A file that is already there,
    however it came, is used.

    Args:
        download: what to fetch.
        directory: where the file, what it unpacks to and downloads.json are kept.
        progress: show a progress bar on stderr.

    Returns:
        Path of the checkpoint, for `checkpoints.load_weights`.

    Raises:
        ValueError: no address answers, the transfer breaks off (the next call resumes it), a file
            differs from its record or from what is known of it, the server sent a web page, or
            the archive is damaged, unsafe or without the checkpoint.
        OSError: `directory` is not writable, or the disk is full.
    """
    directory = Path(directory)
    directory.mkdir(parents=True, exist_ok=True)
    checkpoint = directory / (download.member or download.filename)
    present = [path for path in directory.iterdir() if _is_part_of(path.name, checkpoint.name)]
    recorded = {name for name in _records(directory) if _is_part_of(name, checkpoint.name)}
    # Of a checkpoint of several files some may have been lost: they are unpacked again.
    if present and recorded <= {path.name for path in present}:
        _verify(download, directory, present)
        return checkpoint
    archive = directory / download.filename
    is_new = not archive.exists()
    if is_new:
        _download(download, archive, progress)
    try:
        check_download(archive)
        _verify(download, directory, [archive], record_new=False)
        unpacked = []
        if download.member is not None:
            unpacked = unpack(archive, directory, lambda name: _is_part_of(name, checkpoint.name))
            if not unpacked:
                raise ValueError(f"{archive} holds no {download.member}")
        _verify(download, directory, [archive, *unpacked])
    except ValueError:
        if is_new:
            archive.unlink()
        raise
    return checkpoint


def _is_part_of(name: str, checkpoint_name: str) -> bool:
    return checkpoint_prefix(name) == checkpoint_name


def _verify(
    download: Download, directory: Path, paths: list[Path], record_new: bool = True
) -> None:
    """Compare files with what is known of them and with downloads.json, and add new ones to it."""
    records = _records(directory)
    known = dict(records)
    for path in paths:
        found = {"bytes": path.stat().st_size, "sha256": sha256_of(path)}
        if path.name == download.filename:
            _verify_known(download, path, found)
        if records.setdefault(path.name, found) != found:
            raise ValueError(
                f"{path} is not the file recorded at the first download: {found} instead of "
                f"{records[path.name]}; delete it and fetch it again, or, to accept it, "
                f"delete its entry in {RECORDS}"
            )
    if record_new and records != known:
        with atomic_file(directory / RECORDS) as file:
            file.write(json.dumps(records, indent=2, sort_keys=True).encode() + b"\n")


def _records(directory: Path) -> dict[str, object]:
    """Return file -> bytes and sha256, as downloads.json of a folder has them."""
    path = directory / RECORDS
    try:
        records = json.loads(path.read_text()) if path.exists() else {}
        if not isinstance(records, dict):
            raise ValueError("it is no table of files")
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path} is not readable ({error}); restore or delete it") from error
    return records


def _verify_known(download: Download, path: Path, found: Mapping[str, object]) -> None:
    """Raise ValueError where a file is not the one that the catalogue describes."""
    known = {"bytes": download.size_bytes, "sha256": download.sha256}
    known = {name: value for name, value in known.items() if value is not None}
    if known != {name: found[name] for name in known}:
        raise ValueError(
            f"{path} is not the published file: {found} instead of {known}; "
            f"delete it and fetch it again"
        )


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
        while chunk := response.read(CHUNK_BYTES):
            file.write(chunk)
            bar.update(len(chunk))
        file.flush()
        os.fsync(file.fileno())
        size = file.tell()
    # A connection that closes early ends like a complete one: `read` returns nothing.
    if total is not None and size != total:
        raise OSError(f"the transfer broke off after {size} of {total} bytes")
