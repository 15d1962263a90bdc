"""Downloading a published checkpoint, against a server of our own on 127.0.0.1."""

import errno
import hashlib
import io
import json
import tarfile
from dataclasses import replace

import numpy as np
import pytest
from command_line import error_of, run
from local_server import Server

from model_metamers.networks import files
from model_metamers.networks.catalog_entry import Download
from model_metamers.networks.downloads import fetch

CONTENT = np.random.default_rng(0).bytes(300_000)


def tar_of(**members):
    """Return a .tar.gz of {name: bytes, or a TarInfo of another kind}."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name, content in members.items():
            if isinstance(content, tarfile.TarInfo):
                tar.addfile(content)
            else:
                entry = tarfile.TarInfo(name)
                entry.size = len(content)
                tar.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


ARCHIVE = tar_of(**{"eval.graph": b"unused", "folder/net.ckpt": CONTENT})


@pytest.fixture
def server():
    server = Server(ARCHIVE)
    yield server
    server.close()


def download_of(server, mirrors=()):
    return Download(server.url(), "net.tar.gz", mirrors=mirrors, member="net.ckpt")


def fetch_quietly(download, directory):
    return fetch(download, directory, progress=False)


def files_in(directory):
    return sorted(path.name for path in directory.iterdir())


def test_a_checkpoint_is_downloaded_unpacked_and_recorded(server, tmp_path, capfd):
    directory = tmp_path / "new" / "folder"
    path = fetch(download_of(server), directory)
    assert path == directory / "net.ckpt"
    assert path.read_bytes() == CONTENT
    assert files_in(directory) == ["downloads.json", "net.ckpt", "net.tar.gz"]
    assert json.loads((directory / "downloads.json").read_text()) == {
        name: {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
        for name, content in {"net.tar.gz": ARCHIVE, "net.ckpt": CONTENT}.items()
    }
    assert "100%" in capfd.readouterr().err
    assert fetch(download_of(server), directory) == path
    assert len(server.requests) == 1


def test_a_deleted_checkpoint_is_unpacked_again_from_the_archive(server, tmp_path):
    fetch_quietly(download_of(server), tmp_path).unlink()
    assert fetch_quietly(download_of(server), tmp_path).read_bytes() == CONTENT
    assert len(server.requests) == 1


def test_a_file_that_is_no_archive_is_kept_as_it_is(server, tmp_path):
    server.content = CONTENT
    path = fetch_quietly(Download(server.url("model.ckpt"), "model.ckpt"), tmp_path)
    assert path.read_bytes() == CONTENT
    assert files_in(tmp_path) == ["downloads.json", "model.ckpt"]


def test_a_file_put_there_by_hand_is_used(server, tmp_path):
    (tmp_path / "net.tar.gz").write_bytes(ARCHIVE)
    assert fetch_quietly(download_of(server), tmp_path).read_bytes() == CONTENT
    assert server.requests == []


def test_a_broken_transfer_is_resumed(server, tmp_path):
    server.breaks_after = 100_000
    with pytest.raises(
        ValueError, match=f"broke off after 100000 of {len(ARCHIVE)} bytes.*resume"
    ):
        fetch_quietly(download_of(server), tmp_path)
    assert files_in(tmp_path) == ["net.tar.gz.part"]
    server.breaks_after = None
    assert fetch_quietly(download_of(server), tmp_path).read_bytes() == CONTENT
    assert server.requests[-1] == ("/net.tar.gz", "bytes=100000-")


def test_a_server_that_ignores_range_starts_over(server, tmp_path):
    (tmp_path / "net.tar.gz.part").write_bytes(b"x" * 1000)
    server.honours_range = False
    assert fetch_quietly(download_of(server), tmp_path).read_bytes() == CONTENT


@pytest.mark.parametrize("partial", [ARCHIVE, ARCHIVE + b"more"], ids=["complete", "too long"])
def test_a_partial_file_that_has_nothing_left_to_resume(partial, server, tmp_path):
    (tmp_path / "net.tar.gz.part").write_bytes(partial)
    assert fetch_quietly(download_of(server), tmp_path).read_bytes() == CONTENT


def test_mirrors_are_tried_in_order(server, tmp_path):
    download = Download(
        server.url("absent"),
        "net.tar.gz",
        mirrors=("http://127.0.0.1:9/net", server.url("mirror"), server.url("never")),
        member="net.ckpt",
    )
    assert fetch_quietly(download, tmp_path).read_bytes() == CONTENT
    assert [path for path, _ in server.requests] == ["/absent", "/mirror"]


def test_unreachable_hosts_are_all_named_in_one_line(server, tmp_path):
    download = Download(
        "http://127.0.0.1:9/a", "net.tar.gz", mirrors=(server.url("absent"), "http://no.invalid/b")
    )
    with pytest.raises(ValueError, match=r"cannot download net\.tar\.gz") as error:
        fetch_quietly(download, tmp_path)
    message = str(error.value)
    assert "127.0.0.1:9/a: " in message
    assert "Connection refused" in message
    assert "absent: Not Found" in message
    assert "http://no.invalid/b" in message
    assert "\n" not in message
    assert files_in(tmp_path) == []


def test_another_file_than_the_recorded_one_is_refused(server, tmp_path):
    fetch_quietly(download_of(server), tmp_path).unlink()
    (tmp_path / "net.tar.gz").unlink()
    server.content = tar_of(**{"net.ckpt": CONTENT[::-1]})
    for _ in range(2):
        with pytest.raises(ValueError, match="not the file recorded at the first download"):
            fetch_quietly(download_of(server), tmp_path)
        assert files_in(tmp_path) == ["downloads.json"]
    server.content = ARCHIVE
    assert fetch_quietly(download_of(server), tmp_path).read_bytes() == CONTENT


KNOWN = {"size_bytes": len(ARCHIVE), "sha256": hashlib.sha256(ARCHIVE).hexdigest()}


def test_a_file_whose_hash_is_published_is_verified_at_the_first_download(server, tmp_path):
    download = replace(download_of(server), **KNOWN)
    assert fetch_quietly(download, tmp_path).read_bytes() == CONTENT
    wrong = [{"size_bytes": KNOWN["size_bytes"] - 1}, {"sha256": KNOWN["sha256"][::-1]}]
    for index, changed in enumerate(wrong):
        directory = tmp_path / str(index)
        message = r"net\.tar\.gz is not the published file: \{.* instead of \{.*fetch it again"
        with pytest.raises(ValueError, match=message) as error:
            fetch_quietly(replace(download, **changed), directory)
        assert "\n" not in str(error.value)
        assert files_in(directory) == []


def test_a_file_put_there_by_hand_must_have_the_published_hash_too(server, tmp_path):
    (tmp_path / "model.ckpt").write_bytes(b"<html>Sign in to the network</html>")
    download = Download(server.url(), "model.ckpt", **KNOWN)
    with pytest.raises(ValueError, match=r"model\.ckpt is not the published file"):
        fetch_quietly(download, tmp_path)
    assert server.requests == [] and files_in(tmp_path) == ["model.ckpt"]


def test_a_checkpoint_that_changed_on_disk_is_told(server, tmp_path):
    fetch_quietly(download_of(server), tmp_path).write_bytes(b"changed")
    with pytest.raises(ValueError, match=r"net\.ckpt is not the file recorded.*delete it"):
        fetch_quietly(download_of(server), tmp_path)


def test_unreadable_records_are_told(server, tmp_path):
    (tmp_path / "downloads.json").write_text("{")
    with pytest.raises(ValueError, match=r"downloads\.json is not readable"):
        fetch_quietly(download_of(server), tmp_path)


def special_entry(kind, name="net.ckpt", target="/etc/passwd"):
    entry = tarfile.TarInfo(name)
    entry.type, entry.linkname = kind, target
    return entry


UNSAFE = {
    "absolute": {"/tmp/net.ckpt": b"x"},
    "parent": {"../net.ckpt": b"x"},
    "hidden parent": {"a/../../net.ckpt": b"x"},
    "symbolic link": {"net.ckpt": special_entry(tarfile.SYMTYPE)},
    "hard link": {"net.ckpt": special_entry(tarfile.LNKTYPE)},
    "device": {"null": special_entry(tarfile.CHRTYPE, "null")},
    "pipe": {"pipe": special_entry(tarfile.FIFOTYPE, "pipe")},
}


@pytest.mark.parametrize("members", UNSAFE.values(), ids=UNSAFE)
def test_archives_that_reach_outside_are_refused_whole(members, server, tmp_path):
    directory = tmp_path / "checkpoints"
    server.content = tar_of(**{"good/net.ckpt": CONTENT}, **members)
    with pytest.raises(ValueError, match=r"unsafe entry .*nothing was unpacked"):
        fetch_quietly(download_of(server), directory)
    assert files_in(directory) == []
    assert files_in(tmp_path) == ["checkpoints"]


@pytest.mark.parametrize(
    "content",
    [ARCHIVE[:200_000], ARCHIVE[:-4] + b"\0\0\0\0", b"<html>Sign in to the network</html>", b" "],
    ids=["truncated", "wrong checksum", "a page", "almost empty"],
)
def test_a_damaged_archive_does_not_stay(content, server, tmp_path):
    server.content = content
    with pytest.raises(ValueError, match=r"net\.tar\.gz is (truncated, damaged|a web page)"):
        fetch_quietly(download_of(server), tmp_path)
    assert files_in(tmp_path) == []
    server.content = ARCHIVE
    assert fetch_quietly(download_of(server), tmp_path).read_bytes() == CONTENT


def test_an_archive_that_cannot_be_unpacked_for_another_reason_stays(
    server, tmp_path, monkeypatch
):
    def full_disk(*args):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(files.shutil, "copyfileobj", full_disk)
    with pytest.raises(OSError, match="No space left"):
        fetch_quietly(download_of(server), tmp_path)
    assert files_in(tmp_path) == ["net.tar.gz"]


@pytest.mark.parametrize(
    ("content", "what"),
    [(b"<!DOCTYPE html>\n<html>Sign in</html>", "a web page, not the file it was taken for; del"),
     (b"\xef\xbb\xbf\n <HTML>", "a web page"),
     (b"version https://git-lfs.github.com/spec/v1\noid sha256:00", "a pointer of Git LFS")],
)  # fmt: skip
def test_a_page_in_place_of_the_file_is_named_and_does_not_stay(content, what, server, tmp_path):
    server.content = content
    with pytest.raises(ValueError, match=rf"net\.ckpt is {what}"):
        fetch_quietly(Download(server.url("net.ckpt"), "net.ckpt"), tmp_path)
    assert files_in(tmp_path) == []


def test_what_macos_adds_to_an_archive_is_left_out(server, tmp_path):
    resource_fork = b"\x00\x05\x16\x07" + bytes(100)
    server.content = tar_of(**{"._net.ckpt": resource_fork, "a/._net.ckpt": resource_fork,
                               "a/net.ckpt": CONTENT})  # fmt: skip
    assert fetch_quietly(download_of(server), tmp_path).read_bytes() == CONTENT


def test_an_archive_without_the_checkpoint_is_told(server, tmp_path):
    server.content = tar_of(**{"other.ckpt": CONTENT})
    with pytest.raises(ValueError, match=r"net\.tar\.gz holds no net\.ckpt"):
        fetch_quietly(download_of(server), tmp_path)


def test_a_checkpoint_of_several_files_is_unpacked_as_such(server, tmp_path):
    parts = {"net.ckpt.index": b"i", "net.ckpt.data-00000-of-00001": b"d", "net.ckpt.meta": b"m"}
    server.content = tar_of(**parts)
    assert fetch_quietly(download_of(server), tmp_path) == tmp_path / "net.ckpt"
    assert files_in(tmp_path) == [
        "downloads.json", "net.ckpt.data-00000-of-00001", "net.ckpt.index", "net.tar.gz",
    ]  # fmt: skip
    lost = tmp_path / "net.ckpt.data-00000-of-00001"
    lost.unlink()
    fetch_quietly(download_of(server), tmp_path)
    assert lost.read_bytes() == b"d" and len(server.requests) == 1


def test_the_script_tells_a_users_mistake_in_one_line(tmp_path):
    flags = "--networks=vgg_99,inception_v3", f"--directory={tmp_path}"
    message = "vgg_99; choose from: vgg_19, inception_v3, resnet_v2_101"
    assert message in error_of(run("fetch_checkpoints", *flags))
    assert files_in(tmp_path) == []


def test_the_script_finds_what_is_there(tmp_path):
    (tmp_path / "vgg_19.ckpt").write_bytes(CONTENT)
    result = run("fetch_checkpoints", "--networks=vgg_19", f"--directory={tmp_path}")
    assert (result.returncode, result.stdout) == (0, f"vgg_19: {tmp_path / 'vgg_19.ckpt'}\n")
