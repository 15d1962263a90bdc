"""How many bytes of sound a file's header promises: more than there are if the file was cut short.

libsndfile reads a file that was cut in half without a word, and one that was written as a stream
(its length 0, or as large as can be) as if it were empty. Here the few bytes that tell the length
are found in each format:

| format        | begins with  | the length of its samples                        | in a stream   |
|---------------|--------------|--------------------------------------------------|---------------|
| WAV, RF64     | RIFF RIFX .. | chunk "data"; chunk "ds64"                       | 0, all ones   |
| AIFF          | FORM         | chunk "SSND", with 8 bytes before the samples    | 0, all ones   |
| W64           | riff         | chunk "data", with its own 24 bytes              | 24 or less    |
| CAF           | caff         | chunk "data", with 4 bytes before the samples    | -1            |
| AU            | .snd dns.    | third number                                     | 0, all ones   |
| NIST (SPHERE) | NIST_1A      | sample_count, sample_n_bytes, channel_count      | no count      |
| VOC           | Creative V.. | three bytes of each block                        |               |
| MP3           | ID3, 0xFFE.. | "Xing", "Info" or "VBRI" in the first frame      | no such tag   |
| Ogg           | OggS         | none; the last page is complete and says so      |               |
| FLAC          | fLaC         | left to the decoder, which fails where some miss |               |

Of several MP3, Ogg or FLAC files joined to one, libsndfile reads the first alone: they are
refused. Headers that fit none of this are left to the decoder.

Source: the formats' specifications (RIFF/RF64: EBU Tech 3306; AIFF: Apple 1989; CAF: Apple 2006;
SPHERE: NIST's sphere.doc; Ogg: RFC 3533; MP3 tags: Xing's and Fraunhofer's SDKs).
"""

import io
import itertools
import mmap
import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from model_metamers import limits

_HEAD_BYTES = 1 << 16  # in which the headers of all formats but the chunked ones lie
_MOST_CHUNKS = 1000
_LARGEST_OGG_PAGE = 65_307
_LARGEST_MP3_FRAME = 1_441
# From here on a length of 32 bits is a stream's: SoX writes 0x7FFFF000, ffmpeg 0xFFFFFFFF.
_STREAM_32_BITS = 0x7FFF_F000
_FIRST_OF_STREAM, _LAST_OF_STREAM = 0x02, 0x04  # flags of Ogg's pages
_ID3V1_BYTES = 128
_FLAC = re.compile(rb"fLaC[\x00\x80]\x00\x00\x22")  # its beginning, with the first block's length
_JOINED = "it is several sounds joined to one file, of which only the first would be heard"
_AFTER_EMPTY_DATA = (b"LIST", b"id3 ", b"ID3 ", b"fact", b"bext", b"cue ")


@dataclass(frozen=True)
class SoundLength:
    """Where a file's samples are, by its header.

    Attributes:
        start: position of the first byte.
        n_bytes: how many bytes are promised; None if the header leaves it open.
        field: position and `struct` format of the length, where libsndfile needs it filled in.
        n_extra: what the length counts beside the samples, in bytes.
        tolerance: bytes that may be missing: an encoder's idea of a length may differ.
    """

    start: int
    n_bytes: int | None
    field: tuple[int, str] | None = None
    n_extra: int = 0
    tolerance: int = 1


def missing_bytes(path: Path) -> tuple[int, int]:
    """Return how many bytes of sound a file's header promises, and how many of them are missing.

    Raises:
        ValueError: an Ogg file whose end is missing, or several files joined to one.
        OSError: the file cannot be read.
    """
    size = path.stat().st_size
    length = sound_length(path)
    if length is None or length.n_bytes is None:
        return 0, 0
    missing = length.start + length.n_bytes - size
    return length.n_bytes, missing if missing > length.tolerance else 0


def completed_stream(path: Path) -> bytes | None:
    """Return a stream's content with the length of its samples written where libsndfile needs it.

    Returns:
        None for all files that libsndfile reads to their end.

    Raises:
        ValueError: more than `limits.MAX_FRAMES` samples of eight bytes.
    """
    length = sound_length(path)
    if length is None or length.n_bytes is not None or length.field is None:
        return None
    if path.stat().st_size > 8 * limits.MAX_FRAMES:
        raise ValueError("it is a stream without a length, and too long")
    content = bytearray(path.read_bytes())
    position, form = length.field
    struct.pack_into(form, content, position, len(content) - length.start + length.n_extra)
    return bytes(content)


def sound_length(path: Path) -> SoundLength | None:
    """Return where a file's samples are, None where the header does not tell.

    Raises:
        ValueError: an Ogg file whose end is missing, or several files joined to one.
        OSError: the file cannot be read.
    """
    with path.open("rb") as file:
        head = file.read(_HEAD_BYTES)
    for is_format, read in _FORMATS:
        if is_format(head):
            try:
                return read(path, head)
            except (struct.error, IndexError):  # a header that ends early: for libsndfile to tell
                return None
    return None


def _riff(path: Path, head: bytes) -> SoundLength | None:
    order = ">" if head.startswith(b"RIFX") else "<"
    long_length = None
    for name, start, length in _chunks(path, 12, f"{order}4sI", pad=2):
        if name == b"ds64":
            (long_length,) = struct.unpack_from("<Q", head, start + 8)
            field = (start + 8, "<Q")
        elif name == b"data" and long_length is not None:
            is_open = long_length in (0, 2**64 - 1)
            return SoundLength(start, None if is_open else long_length, field)
        elif name == b"data":
            with path.open("rb") as file:
                file.seek(start)
                is_empty = length == 0 and file.read(4) in (b"", *_AFTER_EMPTY_DATA)
            if length == 0 and not is_empty:
                return SoundLength(start, None, (start - 4, f"{order}I"))
            return SoundLength(start, None if length >= _STREAM_32_BITS else length)
    return None


def _aiff(path: Path, head: bytes) -> SoundLength | None:
    for name, start, length in _chunks(path, 12, ">4sI", pad=2):
        if name == b"SSND":
            is_open = length == 0 or length >= _STREAM_32_BITS
            return SoundLength(start + 8, None if is_open else length - 8)
    return None


def _w64(path: Path, head: bytes) -> SoundLength | None:
    for name, start, length in _chunks(path, 40, "<16sQ", pad=8, n_counted=24):
        if name.startswith(b"data"):
            is_open = length <= 0 or length >= 2**62
            return SoundLength(start, None if is_open else length)
    return None


def _caf(path: Path, head: bytes) -> SoundLength | None:
    for name, start, length in _chunks(path, 8, ">4sq", pad=1):
        if name == b"data":
            field = (start - 8, ">q")
            return SoundLength(start + 4, None if length < 0 else length - 4, field, n_extra=4)
    return None


def _chunks(
    path: Path, position: int, form: str, pad: int, n_counted: int = 0
) -> Iterator[tuple[bytes, int, int]]:
    """Yield name, position of the content and length of the chunks of a file.

    Args:
        path: the file.
        position: of the first chunk.
        form: `struct` format of name and length.
        pad: chunks begin at multiples of it, counted from `position`.
        n_counted: bytes of the chunk's own header that its length counts.
    """
    n_header = struct.calcsize(form)
    with path.open("rb") as file:
        for _ in range(_MOST_CHUNKS):
            file.seek(position)
            header = file.read(n_header)
            if len(header) < n_header:
                return
            name, length = struct.unpack(form, header)
            length -= n_counted
            yield name, position + n_header, length
            if length < 0:
                return
            position += n_header + length + -length % pad


def _au(path: Path, head: bytes) -> SoundLength:
    order = ">" if head.startswith(b".snd") else "<"
    start, length = struct.unpack_from(f"{order}2I", head, 4)
    is_open = length == 0 or length >= _STREAM_32_BITS
    return SoundLength(start, None if is_open else length, (8, f"{order}I"))


def _nist(path: Path, head: bytes) -> SoundLength | None:
    start = re.match(rb"NIST_1A\s+(\d{1,9})\s", head)
    fields = (b"sample_count", b"sample_n_bytes", b"channel_count")
    found = [re.search(rb"\n" + name + rb" -\w+ (\d{1,18})\s", head) for name in fields]
    numbers = [int(match[1]) for match in found if match]
    # Compressed with "shorten", the samples take fewer bytes.
    if start is None or len(numbers) < len(fields) or b"embedded" in head[:1024]:
        return None
    count, n_bytes, n_channels = numbers
    return SoundLength(int(start[1]), count * n_bytes * n_channels or None)


def _voc(path: Path, head: bytes) -> SoundLength | None:
    (first,) = struct.unpack_from("<H", head, 20)
    position, size = first, path.stat().st_size
    with path.open("rb") as file:
        for _ in range(_MOST_CHUNKS):
            file.seek(position)
            header = file.read(4)
            if len(header) < 4 or header[0] == 0:
                return SoundLength(first, position - first)
            position += 4 + int.from_bytes(header[1:], "little")
            if position > size:
                return SoundLength(first, position - first)
    return None


def _mp3(path: Path, head: bytes) -> SoundLength | None:
    start = 0
    if head.startswith(b"ID3"):
        first, second, third, fourth = head[6:10]  # of seven bits each
        start = 10 + (first << 21 | second << 14 | third << 7 | fourth)
        with path.open("rb") as file:
            file.seek(start)
            head = file.read(_LARGEST_MP3_FRAME)
    is_mpeg_1, is_mono = head[1] & 0x08, head[3] >> 6 == 3
    side_information = {(8, False): 32, (8, True): 17, (0, False): 17, (0, True): 9}
    tag = 4 + side_information[is_mpeg_1, is_mono]
    if head[tag : tag + 4] in (b"Xing", b"Info"):
        (flags,) = struct.unpack_from(">I", head, tag + 4)
        has_frames, has_bytes = flags & 1, flags & 2
        if has_bytes:
            (n_bytes,) = struct.unpack_from(">I", head, tag + (12 if has_frames else 8))
            return _single_mp3(path, start, n_bytes)
    if head[36:40] == b"VBRI":
        (n_bytes,) = struct.unpack_from(">I", head, 46)
        return _single_mp3(path, start, n_bytes)
    return None


def _single_mp3(path: Path, start: int, n_bytes: int) -> SoundLength:
    """Return where the frames are, if no other file's follow."""
    with path.open("rb") as file:
        file.seek(start + n_bytes)
        behind = file.read(2 * _LARGEST_MP3_FRAME)
    if len(behind) < 2 * _LARGEST_MP3_FRAME:  # an encoder's idea of a length may differ
        behind = b""
    behind = behind[_ID3V1_BYTES if behind.startswith(b"TAG") else 0 :]
    if behind.startswith(b"ID3") or (behind[:1] == b"\xff" and behind[1:2] >= b"\xe0"):
        raise ValueError(_JOINED)
    return SoundLength(start, n_bytes, tolerance=_LARGEST_MP3_FRAME)


def _flac(path: Path, head: bytes) -> None:
    """Check that no other file follows."""
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        if _FLAC.search(content, pos=1):
            raise ValueError(_JOINED)


def _ogg(path: Path, head: bytes) -> None:
    """Check that the last page is complete and marked as the last, and that nothing is joined.

    Ogg files tell no length. Streams that are played together begin together.
    """
    if any(map(_is_first, itertools.dropwhile(_is_first, _pages(path)))):
        raise ValueError(_JOINED)
    size = path.stat().st_size
    with path.open("rb") as file:
        file.seek(max(size - 2 * _LARGEST_OGG_PAGE, 0))
        tail = file.read()
    page = tail[max(tail.rfind(b"OggS"), 0) :]
    n_segments = page[26] if len(page) > 26 else 0
    n_bytes = 27 + n_segments + sum(page[27 : 27 + n_segments])
    if len(page) < n_bytes or not page[5] & _LAST_OF_STREAM:
        raise ValueError("its last page is missing or incomplete: the file was cut short")


def _is_first(flags: int) -> bool:
    return bool(flags & _FIRST_OF_STREAM)


def _pages(path: Path) -> Iterator[int]:
    """Yield the flags of an Ogg file's pages, as far as they follow each other."""
    with path.open("rb") as file:
        while len(header := file.read(27)) == 27 and header.startswith(b"OggS"):
            yield header[5]
            file.seek(sum(file.read(header[26])), io.SEEK_CUR)


_FORMATS = (
    (lambda head: head[:4] in (b"RIFF", b"RIFX", b"RF64", b"BW64"), _riff),
    (lambda head: head.startswith(b"FORM"), _aiff),
    (lambda head: head.startswith(b"riff\x2e\x91\xcf\x11"), _w64),
    (lambda head: head.startswith(b"caff"), _caf),
    (lambda head: head[:4] in (b".snd", b"dns."), _au),
    (lambda head: head.startswith(b"NIST_1A"), _nist),
    (lambda head: head.startswith(b"Creative Voice File"), _voc),
    (lambda head: head.startswith(b"OggS"), _ogg),
    (lambda head: head.startswith(b"fLaC"), _flac),
    (lambda head: head.startswith(b"ID3") or (head[:1] == b"\xff" and head[1:2] >= b"\xe0"), _mp3),
)
