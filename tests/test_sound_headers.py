"""Sound files cut short or written as streams: the first refused, the second read to their end."""

import struct
from pathlib import Path

import numpy as np
import pytest
import soundfile

from model_metamers.stimuli.sound_files import read_recording, recorded_samples
from model_metamers.stimuli.sound_headers import missing_bytes

RATE_HZ, N_SAMPLES = 16_000, 16_000
NOISE = 0.1 * np.random.default_rng(0).standard_normal(N_SAMPLES)
CASES = Path(__file__).resolve().parents[2] / "shared" / "cases" / "sounds"

# Name -> how soundfile writes it.
UNCOMPRESSED = {
    "a.wav": {},
    "float.wav": {"subtype": "FLOAT"},
    "extensible.wav": {"format": "WAVEX", "subtype": "PCM_24"},
    "big.wav": {"endian": "BIG"},  # RIFX
    "rf64.wav": {"format": "RF64"},
    "a.aiff": {},
    "a.aifc": {"format": "AIFF", "subtype": "FLOAT"},
    "a.au": {},
    "little.au": {"endian": "LITTLE"},
    "a.w64": {},
    "a.caf": {},
    "a.sph": {"format": "NIST"},
    "timit.wav": {"format": "NIST"},
    "ulaw.sph": {"format": "NIST", "subtype": "ULAW"},
    "a.voc": {"subtype": "PCM_16"},
}
COMPRESSED = {"ms.wav": {"subtype": "MS_ADPCM"}, "a.flac": {}, "a.ogg": {}, "a.mp3": {}}
COMPRESSED["a.opus"] = {"format": "OGG", "subtype": "OPUS"}
FORMATS = UNCOMPRESSED | COMPRESSED


def save(folder, name, samples=NOISE):
    soundfile.write(folder / name, samples, RATE_HZ, **FORMATS[name])
    return folder / name


def cut(path, n_bytes):
    content = path.read_bytes()
    path.write_bytes(content[: len(content) - n_bytes])
    return path


@pytest.mark.parametrize("name", FORMATS)
def test_whole_files_are_whole(name, tmp_path):
    path = save(tmp_path, name)
    assert missing_bytes(path)[1] == 0
    assert abs(len(read_recording(path).waveform) - N_SAMPLES) < 300  # ADPCM fills its last block


@pytest.mark.parametrize("share", [0.5, 0.9])
@pytest.mark.parametrize("name", FORMATS)
def test_a_file_cut_short_is_refused_in_one_line(name, share, tmp_path):
    path = save(tmp_path, name)
    cut(path, round(share * path.stat().st_size))
    for read in (read_recording, recorded_samples):
        if read is recorded_samples and name == "a.flac":
            continue  # FLAC's header is whole; decoding shows what is missing
        with pytest.raises(ValueError, match=r"cut short|is not a readable sound") as error:
            read(path)
        assert str(path) in str(error.value) and "\n" not in str(error.value)
    if name in UNCOMPRESSED and name != "a.caf":  # of which libsndfile says that it is malformed
        assert "was cut short: its header promises" in str(error.value)


@pytest.mark.parametrize("name", UNCOMPRESSED)
def test_a_missing_last_byte_is_tolerated(name, tmp_path):
    waveform = read_recording(cut(save(tmp_path, name), 1)).waveform
    assert N_SAMPLES - 1 <= len(waveform) <= N_SAMPLES
    np.testing.assert_allclose(
        waveform[:-1], (NOISE - NOISE.mean())[: len(waveform) - 1], atol=0.02
    )


# Name -> where the length of the samples is told: what stands before it, and its form.
LENGTHS = {
    "a.wav": (b"data", "<I"),
    "big.wav": (b"data", ">I"),
    "a.aiff": (b"SSND", ">I"),
    "a.au": (b".snd\x00\x00\x00\x18", ">I"),
    "a.caf": (b"data", ">q"),
}
OPEN_LENGTHS = [0, 0x7FFF_F000, 0x7FFF_FFFF, 0xFFFF_FFFF]


@pytest.mark.parametrize("length", [*OPEN_LENGTHS, -1])
@pytest.mark.parametrize("name", LENGTHS)
def test_streams_are_read_to_their_end(name, length, tmp_path):
    before, form = LENGTHS[name]
    if (form == ">q") != (length == -1):
        pytest.skip("only CAF writes -1, and nothing else")
    path = save(tmp_path, name)
    content = bytearray(path.read_bytes())
    struct.pack_into(form, content, content.index(before) + len(before), length)
    path.write_bytes(content)
    assert recorded_samples(path) == (N_SAMPLES, RATE_HZ)
    np.testing.assert_allclose(read_recording(path).waveform, NOISE - NOISE.mean(), atol=1e-4)


@pytest.mark.parametrize("length", [0, 2**64 - 1])
def test_a_stream_of_64_bits_is_read_to_its_end(length, tmp_path):
    path = save(tmp_path, "rf64.wav")
    content = bytearray(path.read_bytes())
    struct.pack_into("<QQ", content, content.index(b"ds64") + 16, length, length)
    path.write_bytes(content)
    assert recorded_samples(path) == (N_SAMPLES, RATE_HZ)


def test_a_flac_stream_is_read_to_its_end(tmp_path):
    path = save(tmp_path, "a.flac")
    content = bytearray(path.read_bytes())
    content[21] &= 0xF0  # the 36 bits of the number of samples
    content[22:26] = bytes(4)
    path.write_bytes(content)
    assert recorded_samples(path) == (N_SAMPLES, RATE_HZ)
    np.testing.assert_allclose(read_recording(path).waveform, NOISE - NOISE.mean(), atol=1e-4)


def test_a_sphere_header_may_lack_the_count(tmp_path):
    path = save(tmp_path, "a.sph")
    path.write_bytes(path.read_bytes().replace(b"sample_count -i 16000", b"database_id -s5 TIMIT"))
    assert recorded_samples(path) == (N_SAMPLES, RATE_HZ)


def test_an_empty_wav_with_a_list_behind_is_no_stream(tmp_path):
    path = save(tmp_path, "a.wav", np.zeros(0))
    path.write_bytes(path.read_bytes() + b"LIST\x04\x00\x00\x00INFO")
    with pytest.raises(ValueError, match="is an empty sound"):
        read_recording(path)


def test_fraunhofers_tag_of_an_mp3_is_known(tmp_path):
    path = tmp_path / "a.mp3"
    frame = b"\xff\xfb\x90\x00" + bytes(32) + b"VBRI" + bytes(6) + struct.pack(">2I", 50_000, 99)
    path.write_bytes(b"ID3\x04\x00\x00\x00\x00\x01\x00" + bytes(128) + frame + bytes(9_000))
    assert missing_bytes(path) == (50_000, 50_000 - 9_000 - len(frame))


@pytest.mark.parametrize("name", ["a_half.wav", "d_half.mp3"])
def test_the_files_that_were_accepted_once(name, tmp_path):
    if not CASES.is_dir():
        pytest.skip("needs the optional folder ../shared/cases/sounds")
    with pytest.raises(ValueError, match="was cut short: its header promises"):
        read_recording(CASES / name)
    read_recording(CASES / name.replace("half", "whole"))


def test_the_channels_that_cancelled_once():
    if not CASES.is_dir():
        pytest.skip("needs the optional folder ../shared/cases/sounds")
    with pytest.raises(ValueError, match=r"2 channels of .*antiphase\.wav cancel"):
        read_recording(CASES / "antiphase.wav")


@pytest.mark.parametrize("name", ["a.flac", "a.ogg", "a.opus", "a.mp3"])
def test_sounds_joined_to_one_file_are_refused(name, tmp_path):
    """The first alone would be heard."""
    path = save(tmp_path, name)
    path.write_bytes(2 * path.read_bytes())
    with pytest.raises(ValueError, match="several sounds joined"):
        read_recording(path)
