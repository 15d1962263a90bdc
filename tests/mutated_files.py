"""Damaged files through their loaders: python tests/mutated_files.py KIND NUMBER [SEED].

KIND is images, sounds or records (what a run folder holds, and pickles of others). Each file is a
small valid one of some format, in which bytes are changed, cut, repeated or put in. The loader
must return something valid or raise ValueError, within 5 s and 1 GB. What breaks this is printed,
and a line of JSON at the end.
"""

import json
import os
import pickle
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import soundfile
from memory import peak_mb
from PIL import Image

from model_metamers.stimuli.images import load_image
from model_metamers.stimuli.sounds import load_sound
from model_metamers.store import load_foreign_pickle, read_npz, write_npz
from model_metamers.store.formats import read_image, read_sound, write_image, write_sound

MOST_SECONDS, MOST_MB = 5, 1024
SIZE_PX, RATE_HZ, N_SAMPLES = 32, 20_000, 10_000

# Extension -> how PIL, or soundfile, writes it.
IMAGES = {
    "png": [{}, {"optimize": True}], "jpg": [{}, {"progressive": True}], "gif": [{}],
    "tif": [{}, {"compression": "tiff_lzw"}, {"compression": "jpeg"}],
    "webp": [{}, {"lossless": True}], "bmp": [{}],
}  # fmt: skip
SOUNDS = {
    "wav": [{}, {"subtype": "FLOAT"}, {"subtype": "IMA_ADPCM"}], "flac": [{}],
    "ogg": [{}, {"format": "OGG", "subtype": "OPUS"}], "aiff": [{}, {"subtype": "FLOAT"}],
    "mp3": [{}],
}  # fmt: skip


def valid_images(folder):
    """Return valid image files by extension: small, grey or colour, turned by EXIF data."""
    rng, exif = np.random.default_rng(0), Image.Exif()
    exif[0x112] = 6
    pixels = rng.integers(0, 256, (12, 10, 3), np.uint8)
    files = {}
    for extension, variants in IMAGES.items():
        for number, options in enumerate(variants):
            for name, array in (("colour", pixels), ("grey", pixels[..., 0])):
                path = folder / f"{name}{number}.{extension}"
                Image.fromarray(array).save(path, exif=exif, **options)
                files.setdefault(extension, []).append(path.read_bytes())
    return files


def valid_sounds(folder):
    """Return valid sound files by extension, of one and two channels."""
    rng = np.random.default_rng(0)
    files = {}
    for extension, variants in SOUNDS.items():
        for number, options in enumerate(variants):
            for n_channels in (1, 2):
                path = folder / f"{n_channels}{number}.{extension}"
                samples = 0.1 * rng.standard_normal((4000, n_channels))
                soundfile.write(path, samples, 16_000, **options)
                files.setdefault(extension, []).append(path.read_bytes())
    return files


def valid_records(folder):
    """Return files of a run folder by extension: a piece, previews, and a pickle of arrays."""
    rng = np.random.default_rng(0)
    arrays = {"natural": rng.random((2, 5), np.float32), "stimulus_id": np.array(["a", "b"])}
    write_npz(folder / "a.npz", arrays)
    np.savez_compressed(folder / "b.npz", **arrays)
    for name, n_channels in (("a", 3), ("b", 1)):
        write_image(folder / f"{name}.png", rng.integers(0, 256, (9, 9, n_channels), np.uint8))
    write_image(folder / "c.png", rng.integers(0, 65536, (9, 9), np.uint16))
    write_sound(folder / "a.wav", rng.integers(-999, 999, 400, np.int16), RATE_HZ)
    for protocol in range(6):
        content = pickle.dumps({"rho": arrays, "n": [1, "two", 3.0]}, protocol)
        (folder / f"{protocol}.pkl").write_bytes(content)
    files = {}
    for path in sorted(folder.iterdir()):
        files.setdefault(path.suffix[1:], []).append(path.read_bytes())
    return files


def mutated(content, rng):
    """Return a file with one to four damages."""
    content = bytearray(content)
    for _ in range(rng.integers(1, 5)):
        # Two in three in the header, which tells how much memory to take.
        end = len(content) if rng.random() < 1 / 3 else min(len(content), 128)
        place = int(rng.integers(0, max(end, 1)))
        match rng.integers(0, 6):
            case 0:
                content[place : place + 1] = rng.bytes(1)
            case 1:
                content[place : place + 4] = rng.choice(
                    [b"\0\0\0\0", b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\xff\xff\xff\x7f"]
                )
            case 2:
                del content[place:]
            case 3:
                content[place:place] = rng.bytes(int(rng.integers(1, 9)))
            case 4:
                content[place:place] = content[place : place + int(rng.integers(1, 65))]
            case 5 if place < len(content):
                content[place] ^= 1 << int(rng.integers(0, 8))
    return bytes(content)


def is_image(stimulus):
    """Return whether a loaded image is what the networks expect."""
    in_range = stimulus.min() >= 0 and stimulus.max() <= 1
    return stimulus.shape == (SIZE_PX, SIZE_PX, 3) and bool(in_range)


def is_sound(stimulus):
    """Return whether a loaded sound is what the networks expect."""
    rms = np.sqrt(np.mean(np.square(stimulus, dtype=np.float64)))
    return stimulus.shape == (N_SAMPLES,) and abs(rms - 0.1) < 1e-4


def outcome(path, read, is_valid):
    """Return "read" or "refused", or what is wrong."""
    try:
        content = read(path)
    except ValueError as error:
        return "refused" if "\n" not in str(error) else f"several lines: {error}"
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return "read" if is_valid(content) else "not valid"


RECORDS = {"npz": read_npz, "png": read_image, "wav": read_sound, "pkl": load_foreign_pickle}
# Kind -> valid files, what reads one, and whether what it returns is valid.
KINDS = {
    "images": (valid_images, lambda path: load_image(path, SIZE_PX), is_image),
    "sounds": (valid_sounds, lambda path: load_sound(path, RATE_HZ, N_SAMPLES), is_sound),
    "records": (valid_records, lambda path: RECORDS[path.suffix[1:]](path), lambda content: True),
}


def main(kind, number, seed):
    """Try mutated files of all formats in turn, and print what came of them."""
    valid, read, is_valid = KINDS[kind]
    rng = np.random.default_rng(seed)
    counts, slowest, wrong = {"read": 0, "refused": 0}, 0.0, 0
    with tempfile.TemporaryDirectory() as directory:
        folder = Path(directory)
        files = list(valid(folder).items())
        for index in range(number):
            extension, contents = files[index % len(files)]
            content = mutated(contents[rng.integers(len(contents))], rng)
            path = folder / f"mutated.{extension}"
            path.write_bytes(content)
            before, start = peak_mb(), time.monotonic()
            result = outcome(path, read, is_valid)
            seconds, grown = time.monotonic() - start, peak_mb() - before
            if result in counts and seconds < MOST_SECONDS and peak_mb() < MOST_MB:
                counts[result] += 1
            else:
                wrong += 1
                kept = Path(tempfile.gettempdir()) / f"mutated_{seed}_{index}.{extension}"
                kept.write_bytes(content)
                print(f"{kept}: {result}, {seconds:.1f} s, {grown:.0f} MB more", file=sys.stderr)
            slowest = max(slowest, seconds)
    summary = {"tried": number, "wrong": wrong, "slowest_s": round(slowest, 2)}
    print(json.dumps(summary | counts | {"peak_mb": round(peak_mb())}))


if __name__ == "__main__":
    # libsndfile's MP3 decoder writes remarks of its own to the standard error.
    os.environ.setdefault("PYTHONWARNINGS", "ignore")
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]) if len(sys.argv) > 3 else 0)
