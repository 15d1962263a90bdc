"""Files made to do harm, and what reading each costs: python tests/hostile_files.py FOLDER.

Prints a line of JSON for each: its name, the kind of error and its text, and what it took.
"""

import codecs
import gzip
import io
import json
import os
import pickle
import struct
import sys
import tarfile
import time
import zipfile
import zlib
from pathlib import Path

import numpy as np
import soundfile
from memory import peak_mb

from model_metamers.networks.files import unpack
from model_metamers.npz import read_arrays
from model_metamers.stimuli.images import load_image
from model_metamers.stimuli.sounds import load_sound
from model_metamers.store import load_foreign_pickle, read_npz
from model_metamers.store.formats import read_image, read_sound

GIGABYTE = 1 << 30
FIVE_GB = struct.pack("<Q", 5 * 10**9)  # as pickles write a length


def zeros_gzipped(n_bytes):
    """Return as many zeros, compressed a thousandfold; gzip members may follow one another."""
    return gzip.compress(bytes(16 << 20)) * (n_bytes >> 24)


def entry(name="net.ckpt", size=0, **attributes):
    info = tarfile.TarInfo(name)
    info.size = size
    for attribute, value in attributes.items():
        setattr(info, attribute, value)
    return info.tobuf(tarfile.GNU_FORMAT)


def sparse_tar(path):
    """A file of 1.5 GB that is one hole, as GNU tar writes it: in a header alone."""
    header = bytearray(entry(size=0, type=tarfile.GNUTYPE_SPARSE))
    header[483:495] = b"%011o\0" % (3 * GIGABYTE // 2)
    header[148:156] = b"        "
    header[148:156] = b"%06o\0 " % sum(header)
    path.write_bytes(bytes(header) + bytes(1024))


def tar_of(*headers):
    return lambda path: path.write_bytes(b"".join(headers) + bytes(1024))


def gzipped_tar_of(header, n_bytes):
    """Write a tar whose entry has so many zeros."""
    return lambda path: path.write_bytes(gzip.compress(header) + zeros_gzipped(n_bytes))


def npy(shape, descr="<f4", content=b""):
    file = io.BytesIO()
    header = {"descr": descr, "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(file, header)
    return file.getvalue() + content


def npz(content, flag_bits=0, method=zipfile.ZIP_STORED, claimed=None):
    """Write an npz of one member; its flags and its size may lie."""

    def write(path):
        with zipfile.ZipFile(path, "w", method) as archive:
            archive.writestr("metamer.npy", content)
        raw = bytearray(path.read_bytes())
        local, central = raw.index(b"PK\x03\x04"), raw.index(b"PK\x01\x02")
        raw[local + 6] |= flag_bits
        raw[central + 8] |= flag_bits
        if claimed is not None:
            struct.pack_into("<I", raw, local + 22, claimed)
            struct.pack_into("<I", raw, central + 24, claimed)
        path.write_bytes(raw)

    return write


def npz_of_objects(path):
    with path.open("wb") as file:
        np.savez(file, a=np.array([{}], object))


def png(width, height, depth=8, colour=2, rows=None):
    """Write a PNG of black rows, all or some of them."""

    def write(path):
        n_channels = {0: 1, 2: 3, 6: 4}[colour]
        length = 1 + width * n_channels * depth // 8
        compressor = zlib.compressobj(9)
        n_rows = height if rows is None else rows
        data = b"".join(compressor.compress(bytes(length)) for _ in range(n_rows))
        header = struct.pack(">2I5B", width, height, depth, colour, 0, 0, 0)
        chunks = [(b"IHDR", header), (b"IDAT", data + compressor.flush()), (b"IEND", b"")]
        content = [
            struct.pack(">I", len(d)) + name + d + struct.pack(">I", zlib.crc32(name + d))
            for name, d in chunks
        ]
        path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(content))

    return write


def bmp(width, height):
    header = struct.pack("<2sIHHI", b"BM", 54, 0, 0, 54)
    header += struct.pack("<IiiHHIIiiII", 40, width, height, 1, 24, 0, 0, 0, 0, 0, 0)
    return lambda path: path.write_bytes(header)


def gif(width, height):
    content = b"GIF89a" + struct.pack("<2H", width, height) + b"\x80\0\0" + bytes(6)
    content += b"," + struct.pack("<4HB", 0, 0, width, height, 0) + b"\x02\x02\x44\x01\0;"
    return lambda path: path.write_bytes(content)


def wav(rate_hz=16_000, n_channels=1, n_bytes=32_000, claimed=None):
    def write(path):
        fmt = struct.pack(
            "<HHIIHH", 1, n_channels, rate_hz, rate_hz * 2 % 2**32, 2 * n_channels % 2**16, 16
        )
        content = (np.arange(n_bytes // 2) % 251).astype("<i2").tobytes()
        data = struct.pack("<I", len(content) if claimed is None else claimed) + content
        body = b"WAVEfmt " + struct.pack("<I", 16) + fmt + b"data" + data
        path.write_bytes(b"RIFF" + struct.pack("<I", len(body)) + body)

    return write


def flac(rate_hz=16_000, n_samples=16_000):
    """Write a FLAC file of a second that claims another rate or number of samples."""

    def write(path):
        soundfile.write(path, np.zeros(16_000, np.int16), 16_000, format="FLAC")
        content = bytearray(path.read_bytes())
        # 20 bits of rate, 8 of channels and depth, 36 of the number of samples.
        depth = int.from_bytes(content[18:26], "big") & (0xFF << 36)
        packed = (rate_hz << 44) | depth | n_samples
        content[18:26] = packed.to_bytes(8, "big")
        path.write_bytes(content)

    return write


def aiff(n_frames):
    def write(path):
        soundfile.write(path, np.zeros(100, np.int16), 16_000, format="AIFF")
        content = bytearray(path.read_bytes())
        struct.pack_into(">I", content, content.index(b"COMM") + 10, n_frames)
        struct.pack_into(">I", content, content.index(b"SSND") + 4, 2 * n_frames)
        path.write_bytes(content)

    return write


class Call:
    """Pickles as a call of a function."""

    def __init__(self, *call):
        self.call = call

    def __reduce__(self):
        return self.call


def pickled(content):
    return lambda path: path.write_bytes(
        content if isinstance(content, bytes) else pickle.dumps(content, 2)
    )


def unpacked(path):
    (path.parent / "unpacked").mkdir(exist_ok=True)
    return unpack(path, path.parent / "unpacked", lambda name: name == "net.ckpt")


def image(path):
    return load_image(path, 32)


LINK = {"type": tarfile.SYMTYPE, "linkname": "/etc/passwd"}
LONG_TEXT = "x" * 5_000_000
BIG = GIGABYTE * 3 // 2
HOSTILE = {
    # name -> (how it is written, how it is read)
    "tar: absolute path": (tar_of(entry("/tmp/net.ckpt")), unpacked),
    "tar: parent": (tar_of(entry("a/../../net.ckpt")), unpacked),
    "tar: symbolic link": (tar_of(entry(**LINK)), unpacked),
    "tar: hard link": (tar_of(entry(**LINK | {"type": tarfile.LNKTYPE})), unpacked),
    "tar: device": (tar_of(entry(type=tarfile.CHRTYPE)), unpacked),
    "tar: pipe": (tar_of(entry(type=tarfile.FIFOTYPE)), unpacked),
    "tar: sparse giant": (sparse_tar, unpacked),
    "tar: claims 8 GB": (tar_of(entry(size=8 * GIGABYTE - 1)), unpacked),
    "tar: gzip bomb": (gzipped_tar_of(entry(size=BIG), BIG), unpacked),
    "tar: bomb nobody wants": (gzipped_tar_of(entry("a", size=BIG), BIG), unpacked),
    "tar: name of gigabytes": (gzipped_tar_of(entry(size=BIG, type=b"L"), BIG), unpacked),
    "tar: gigabytes of properties": (gzipped_tar_of(entry(size=BIG, type=b"x"), BIG), unpacked),
    "tar: gigabytes behind the end": (gzipped_tar_of(entry(size=0) + bytes(1024), BIG), unpacked),
    "tar: 100,000 entries": (tar_of(entry("a") * 100_000), unpacked),
    "npz: objects": (npz_of_objects, read_npz),
    "npz: 1e10 elements": (npz(npy((10**10,))), read_npz),
    "npz: 1e13 elements": (npz(npy((10**13,))), read_npz),
    "npz: 1e20 elements": (npz(npy((10**10, 10**10))), read_npz),
    "npz: gigantic text": (npz(npy((1,), "<U2000000000")), read_npz),
    "npz: negative shape": (npz(npy((-1, -4), content=bytes(16))), read_npz),
    "npz: encrypted": (npz(npy((1,), content=bytes(4)), flag_bits=1), read_npz),
    "npz: 3.2 GB": (npz(npy((800_000_000,)), claimed=3_200_000_000), read_npz),
    "npz: 3.2 GB, as weights": (npz(npy((800_000_000,)), claimed=3_200_000_000), read_arrays),
    "npz: member larger than it says": (
        npz(npy((50 << 20,), content=bytes(200 << 20)), method=zipfile.ZIP_DEFLATED, claimed=1000),
        read_npz,
    ),
    "npz: bzip2": (npz(npy((1,), content=bytes(4)), method=zipfile.ZIP_BZIP2), read_npz),
    "npz: header of brackets": (npz(b"\x93NUMPY\x01\0\x88\x13" + b"(" * 5000), read_npz),
    "npz: a pickle": (pickled({"a": 1}), read_npz),
    "pickle: call": (pickled(Call(os.system, ("true",))), load_foreign_pickle),
    "pickle: bytearray of 5 GB": (pickled(Call(bytearray, (5 * 10**9,))), load_foreign_pickle),
    "pickle: bytes of 5 GB": (pickled(Call(bytes, (5 * 10**9,))), load_foreign_pickle),
    "pickle: one text copied 1000 times": (
        pickled([Call(codecs.encode, (LONG_TEXT, "latin1")) for _ in range(1000)]),
        load_foreign_pickle,
    ),
    "pickle: place 2**28": (pickled(b"Nr\0\0\0\x10"), load_foreign_pickle),
    "pickle: bytes it lacks": (pickled(b"\x8e" + FIVE_GB), load_foreign_pickle),
    "pickle: bytearray it lacks": (
        pickled(b"\x80\x05\x96" + FIVE_GB), load_foreign_pickle,
    ),
    "pickle: frame it lacks": (
        pickled(b"\x80\x04\x95" + FIVE_GB), load_foreign_pickle,
    ),
    "image: 13,000 px": (png(13_000, 13_000, colour=0), image),
    "image: 13,000 px of colour": (png(13_000, 13_000, rows=1), image),
    "image: 13,000 px of 16 bits": (png(13_000, 13_000, depth=16, colour=0, rows=1), image),
    "image: 60,000 px": (png(60_000, 60_000, rows=1), image),
    "image: 2**31 px": (png(2**31 - 1, 2**31 - 1, rows=0), image),
    "image: bitmap of 60,000 px": (bmp(60_000, 60_000), image),
    "image: GIF of 65,535 px": (gif(65_535, 65_535), image),
    "preview: 13,000 px": (png(13_000, 13_000, rows=1), read_image),
    "preview: 60,000 px": (png(60_000, 60_000, rows=1), read_image),
    "sound: 1 Hz": (wav(rate_hz=1), load_sound),
    "sound: 1 MHz": (wav(rate_hz=10**6), load_sound),
    "sound: 16,777,259 Hz": (wav(rate_hz=16_777_259), load_sound),
    "sound: 2,147,483,647 Hz": (wav(rate_hz=2**31 - 1), load_sound),
    "sound: 4,294,967,295 Hz": (wav(rate_hz=2**32 - 1), load_sound),
    "sound: 1,000 channels": (wav(n_channels=1000), load_sound),
    "sound: 65,535 channels": (wav(n_channels=65_535), load_sound),
    "sound: 2 GB it lacks": (wav(claimed=2**31 - 2**20), load_sound),
    "sound: AIFF of 1e9 samples": (aiff(10**9), load_sound),
    "sound: FLAC of 6e10 samples": (flac(n_samples=2**36 - 1), load_sound),
    "sound: FLAC of 1 Hz": (flac(rate_hz=1), load_sound),
    "preview: 2 GB it lacks": (wav(claimed=2**31 - 2**20), read_sound),
    "preview: 65,535 channels": (wav(n_channels=65_535), read_sound),
    "preview: 0 channels": (wav(n_channels=0), read_sound),
}  # fmt: skip


def try_one(name, folder):
    """Write a file, read it in this process, and return what came of it."""
    write, read = HOSTILE[name]
    path = folder / f"{len(os.listdir(folder))}.file"
    write(path)
    before, start = peak_mb(), time.monotonic()
    try:
        read(path)
    except Exception as error:
        kind, text = type(error).__name__, str(error)
    else:
        kind, text = None, ""
    return {
        "name": name, "bytes": path.stat().st_size, "error": kind, "text": text,
        "seconds": round(time.monotonic() - start, 3), "mb": round(peak_mb() - before),
    }  # fmt: skip


if __name__ == "__main__":
    # Each in a process of its own, of which the peak of memory is that of reading.
    for hostile_name in HOSTILE:
        sys.stdout.flush()
        child = os.fork()
        if not child:
            print(json.dumps(try_one(hostile_name, Path(sys.argv[1]))), flush=True)
            os._exit(0)
        os.waitpid(child, 0)
