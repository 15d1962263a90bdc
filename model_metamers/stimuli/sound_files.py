"""Reading sound files: whole or in part, mixed to one channel, checked before memory is taken.

Every format that libsndfile reads is welcome, at any usual rate and with any number of channels up
to `limits.MAX_CHANNELS`. Samples are read in blocks, so that a header's claims cost nothing.
"""

import io
import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import scipy.signal
import soundfile

from model_metamers import limits
from model_metamers.stimuli import sound_headers

_BLOCK_VALUES = 1 << 22  # 32 MB
_UNKNOWN_FRAMES = 1 << 62  # libsndfile reports at least so many for a stream of unknown length
_LARGEST_VALUE = 1e9  # of full scale; files of floats in another unit stay below
# A decoder may drop the first and the last frame of an MP3 file.
_MP3_TOLERANCE = 2 * 1152
# How much of the power of channels that have nothing in common remains when they are mixed: 1; of
# equal ones, more. Wide stereo keeps a tenth, a channel and its negative rounding errors.
_LEAST_MIXED_POWER = 1 / 400
# `resample_poly` filters with 20 times as many taps.
_LARGEST_FACTOR = 1 << 16


class ChannelsCancelError(ValueError):
    """Channels that are each other's negative, of which mixing leaves nothing."""


@dataclass(frozen=True)
class Recording:
    """A sound file as it was read.

    Attributes:
        path: the file.
        waveform: float64 [samples] at the file's own rate, channels mixed, of zero mean.
        rate_hz: the file's sample rate.
        n_channels: how many there were.
    """

    path: Path
    waveform: np.ndarray
    rate_hz: int
    n_channels: int


def read_recording(path: Path) -> Recording:
    """Read and check a file.

    Raises:
        ValueError: missing, unreadable, truncated, empty or overlong file, channels that cancel,
            or samples that are not finite.
    """
    with _opened(path) as file:
        # Resampling would turn an offset into a click at either end.
        return Recording(path, _mixed(path, file), file.samplerate, file.channels)


def read_excerpt(path: Path, start: int, n_samples: int, sample_rate_hz: int) -> np.ndarray:
    """Return a part of a recording, resampled, without reading the rest.

    Up to a constant it is what `resample` makes of the whole recording: enough of the neighbouring
    samples is read for the resampling filter.

    Args:
        path: sound file.
        start: first sample of the part, counted at the new rate.
        n_samples: length of the part; it ends within the recording.
        sample_rate_hz: the new rate.

    Returns:
        float64 [n_samples], channels mixed, not normalised.

    Raises:
        ValueError: as `read_recording`, or the part is not within the recording.
    """
    n_recorded, rate_hz = recorded_samples(path)
    up, down = _factors(path, rate_hz, sample_rate_hz)
    if not 0 <= start <= math.ceil(n_recorded * up / down) - n_samples:
        raise ValueError(
            f"{path} lasts {n_recorded / rate_hz:g} s, which does not hold {n_samples} samples at "
            f"{sample_rate_hz} Hz from {start / sample_rate_hz:g} s on"
        )
    margin = 10 * max(up, down) // up + 1  # half the length of resample_poly's filter
    # A multiple of `down`, where samples of both rates coincide.
    first = max(start * down // up - margin, 0) // down * down
    last = min(math.ceil((start + n_samples) * down / up) + margin, n_recorded)
    with _opened(path) as file:
        waveform = _mixed(path, file, first, last)
    skipped = start - first // down * up
    return scipy.signal.resample_poly(waveform, up, down)[skipped : skipped + n_samples]


def recorded_samples(path: Path) -> tuple[int, int]:
    """Return how many samples a sound file has, and its rate in Hz.

    They are read only where they have to be counted: in a stream.

    Raises:
        ValueError: not a readable sound.
    """
    with _opened(path) as file:
        n_samples = file.frames
        if n_samples >= _UNKNOWN_FRAMES:
            n_samples = sum(map(len, _blocks(path, file, 0, n_samples)))
        return n_samples, file.samplerate


def zero_share(path: Path) -> float:
    """Return the share of a file's samples that are digital zeros in every channel.

    Raises:
        ValueError: as `read_recording`.
    """
    with _opened(path) as file:
        n_zero, n_samples = 0, 0
        for block in _blocks(path, file, 0, file.frames):
            n_zero += int(np.count_nonzero(~block.any(axis=1)))
            n_samples += len(block)
    return n_zero / n_samples


def resample(recording: Recording, sample_rate_hz: int) -> np.ndarray:
    """Return a recording's waveform at another rate, float64 [samples].

    Raises:
        ValueError: the result would be overlong, or the rates have no useful common factor.
    """
    up, down = _factors(recording.path, recording.rate_hz, sample_rate_hz)
    n_resampled = len(recording.waveform) * up // down
    if n_resampled > limits.MAX_FRAMES:
        raise _too_long(recording.path, n_resampled / sample_rate_hz)
    return scipy.signal.resample_poly(recording.waveform, up, down)


def _factors(path: Path, rate_hz: int, sample_rate_hz: int) -> tuple[int, int]:
    """Return by which numbers samples are multiplied and divided to come to another rate."""
    common = math.gcd(rate_hz, sample_rate_hz)
    up, down = sample_rate_hz // common, rate_hz // common
    if max(up, down) > _LARGEST_FACTOR:
        raise ValueError(
            f"{path} is sampled at {rate_hz} Hz, which has no useful factor in common with "
            f"{sample_rate_hz} Hz; check its header, or resample it to a usual rate"
        )
    return up, down


class _Forward(soundfile.SoundFile):
    """A sound file that is read from front to back.

    soundfile seeks to its place after every block, which FLAC streams without a length refuse.
    """

    def seekable(self) -> bool:
        """Return that blocks follow one another by themselves."""
        return False


@contextmanager
def _opened(path: Path) -> Iterator[soundfile.SoundFile]:
    """Open a sound file whose header is sound.

    Raises:
        ValueError: missing, unreadable or truncated file, or an absurd rate or number of channels.
    """
    path = Path(path)
    if not path.is_file():
        raise ValueError(f"there is no sound file {path}")
    try:
        n_bytes, n_missing = sound_headers.missing_bytes(path)
        stream = sound_headers.completed_stream(path)
        file = None if n_missing else _Forward(io.BytesIO(stream) if stream else path)
    except Exception as error:  # libsndfile and soundfile raise many kinds
        raise _unreadable(path, error) from error
    if file is None:
        raise ValueError(
            f"{path} was cut short: its header promises {n_bytes} bytes of sound, of which the "
            f"last {n_missing} are missing; replace or remove the file"
        )
    with file:
        _check_header(path, file)
        yield file


def _check_header(path: Path, file: soundfile.SoundFile) -> None:
    if not limits.MIN_RATE_HZ <= file.samplerate <= limits.MAX_RATE_HZ:
        raise ValueError(
            f"{path} claims a sample rate of {file.samplerate} Hz; expected {limits.MIN_RATE_HZ} "
            f"to {limits.MAX_RATE_HZ}; correct its header or remove the file"
        )
    if not 1 <= file.channels <= limits.MAX_CHANNELS:
        raise ValueError(
            f"{path} claims {file.channels} channels; expected at most {limits.MAX_CHANNELS}; "
            "correct its header or remove the file"
        )


def _mixed(
    path: Path, file: soundfile.SoundFile, start: int = 0, stop: int | None = None
) -> np.ndarray:
    """Return samples of an open file, mean over the channels, of zero mean, float64 [samples].

    Raises:
        ValueError: unreadable, truncated, empty or overlong, or channels that cancel.
    """
    parts: list[np.ndarray] = []
    totals, squares = np.zeros(file.channels), np.zeros(file.channels)
    for block in _blocks(path, file, start, file.frames if stop is None else stop):
        parts.append(block.mean(axis=1))
        totals += block.sum(axis=0)
        squares += np.einsum("ij,ij->j", block, block)
    waveform = np.concatenate(parts)
    waveform -= waveform.mean()
    if file.channels > 1:
        power = np.sum(squares / len(waveform) - (totals / len(waveform)) ** 2)
        mixed_power = file.channels**2 * np.mean(waveform**2)
        if mixed_power < _LEAST_MIXED_POWER * power:
            raise ChannelsCancelError(
                f"the {file.channels} channels of {path} cancel when they are mixed (one is the "
                "other's negative); save one of them as a file of its own, or remove the file"
            )
    return waveform


def _blocks(path: Path, file: soundfile.SoundFile, start: int, stop: int) -> Iterator[np.ndarray]:
    """Yield the samples of an open file in blocks, float64 [samples, channels], finite.

    Raises:
        ValueError: unreadable, truncated, empty or overlong.
    """
    is_stream = stop >= _UNKNOWN_FRAMES
    if stop - start > limits.MAX_FRAMES and not is_stream:
        raise _too_long(path, (stop - start) / file.samplerate)
    n_read, n_block = 0, _BLOCK_VALUES // file.channels
    while n_read < stop - start:
        # The place in a file is not asked for, which some encodings, read front to back, refuse.
        n_skipped = 0 if n_read else start
        block = _read(path, file, n_skipped, min(n_block, stop - start - n_read))
        if not len(block):
            break
        n_read += len(block)
        if n_read > limits.MAX_FRAMES:
            raise _too_long(path, n_read / file.samplerate)
        _check_finite(path, block)
        yield block
    if not n_read:
        raise ValueError(f"{path} is an empty sound, of 0 samples; replace or remove the file")
    tolerance = _MP3_TOLERANCE if file.format == "MP3" else 0
    if not is_stream and n_read + tolerance < stop - start:
        raise ValueError(
            f"{path} was cut short: its header promises {stop - start} samples, of which "
            f"{n_read} are there; replace or remove the file"
        )


def _read(path: Path, file: soundfile.SoundFile, n_skipped: int, n_samples: int) -> np.ndarray:
    try:
        if n_skipped:
            file.seek(n_skipped)
        return file.read(n_samples, "float64", always_2d=True)
    except Exception as error:  # libsndfile and soundfile raise many kinds
        raise _unreadable(path, error) from error


def _check_finite(path: Path, block: np.ndarray) -> None:
    n_bad = np.count_nonzero(~(np.abs(block) < _LARGEST_VALUE))
    if n_bad:
        raise ValueError(
            f"{path} has {n_bad} samples that are not finite (NaN, Inf, or beyond "
            f"{_LARGEST_VALUE:g}) of {block.size}; replace or remove the file"
        )


def _unreadable(path: Path, error: Exception) -> ValueError:
    reason = (str(error) or type(error).__name__).splitlines()[0]
    return ValueError(f"{path} is not a readable sound ({reason}); replace or remove the file")


def _too_long(path: Path, duration_s: float) -> ValueError:
    return ValueError(
        f"{path} lasts {duration_s:.0f} s, more than can be read at once "
        f"({limits.MAX_FRAMES} samples); cut it into shorter files"
    )
