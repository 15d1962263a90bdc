"""Recordings as stimuli: mono waveforms at one rate, of zero mean and RMS 0.1, float32.

Every file format that libsndfile reads is welcome, at any rate and with any number of channels
(`sound_files`). Folders have one sub-folder per class (Speech Commands), which may be numbered
(ESC-10), or a table of classes (ESC-50). Words out of running speech are the matter of `words`,
which shares the parts from `Clip` to `stimulus_set`.

What is done to a file beyond its resampling (mixing channels, padding) is said in the log.

Source: paper section 3.1; Audio_Network_Metamers.ipynb of
github.com/jenellefeather/model_metamers (20 kHz, 2 s, RMS 0.1).
"""

import hashlib
import logging
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from model_metamers.files import sha256_of
from model_metamers.stimuli import folders
from model_metamers.stimuli.noise import SOUND_NOISE_RMS, pink_noise
from model_metamers.stimuli.sound_files import Recording, read_recording, resample
from model_metamers.stimuli.stimulus_set import StimulusSet

SAMPLE_RATE_HZ = 20_000
N_SAMPLES = 40_000
RMS = 0.1

# What surrounds a recording shorter than its clip: noise 60 dB below it. Digital silence has no
# ranks to correlate, only rounding errors.
PADDING_RMS = 1e-4

SILENT_RMS = 1e-9  # of full scale: rounding errors, which nobody should hear amplified

EXTENSIONS = {
    ".aif", ".aifc", ".aiff", ".au", ".caf", ".flac", ".mp3", ".oga", ".ogg", ".opus", ".rf64",
    ".snd", ".sph", ".voc", ".w64", ".wav",
}  # fmt: skip

# Folders of recordings that belong to no class. Source: Speech Commands v2.
NOT_CLASSES = {"_background_noise_"}

_log = logging.getLogger(__name__)


def load_sound(
    path: Path, sample_rate_hz: int = SAMPLE_RATE_HZ, n_samples: int = N_SAMPLES
) -> np.ndarray:
    """Read one clip: the loudest stretch of a longer recording, or a padded shorter one.

    Args:
        path: sound file.
        sample_rate_hz: of the result.
        n_samples: length of the result.

    Returns:
        float32 [n_samples], of zero mean and RMS 0.1.

    Raises:
        ValueError: a file that `read_recording` refuses (missing, unreadable, cut short, ...), or
            a silent one.
    """
    clip = _load(Path(path), sample_rate_hz, n_samples)
    log_changes([clip], n_samples)
    return clip.waveform


def load_sound_folder(
    folder: Path,
    sample_rate_hz: int = SAMPLE_RATE_HZ,
    n_samples: int = N_SAMPLES,
    limit: int | None = None,
    classes: Collection[str] | None = None,
) -> StimulusSet:
    """Read a folder with one sub-folder per word or class, or a flat folder without labels.

    With a limit, sounds are taken from the classes in turn, so that every class is represented.

    Args:
        folder: the folder; what it holds beside sounds is ignored.
        sample_rate_hz: of the result.
        n_samples: length of a clip.
        limit: how many sounds to read, None for all.
        classes: sub-folders to read, None for all.

    Returns:
        Waveforms [n, n_samples] with the sub-folder's name as label ("" in a flat folder).

    Raises:
        ValueError: missing folder, no sounds, none of the classes, or a sound `load_sound`
            refuses.
    """
    return load_sounds(sound_files(folder, limit, classes), sample_rate_hz, n_samples)


def sound_files(
    folder: Path, limit: int | None = None, classes: Collection[str] | None = None
) -> list[tuple[str, Path]]:
    """Return (label, file) of the sounds that `load_sound_folder` reads, without reading them.

    Raises:
        ValueError: missing folder, no sounds, or none of the classes.
    """
    folder = folders.existing_folder(folder, "sounds")
    by_class = folders.files_by_class(folder, EXTENSIONS, NOT_CLASSES)
    if classes is not None:
        there = ", ".join(list(filter(None, by_class))[:5])
        has_any = any(by_class.values())
        by_class = {name: files for name, files in by_class.items() if name in classes}
        if has_any and not by_class:
            raise ValueError(
                f"the stimulus folder {folder} has none of the sub-folders {', '.join(classes)}; "
                f"it has: {there or 'none'}"
            )
    files = folders.in_turn(by_class)[:limit]
    if not files:
        raise folders.nothing_found(folder, "sounds", EXTENSIONS)
    return files


def load_sounds(
    files: Sequence[tuple[str, Path]], sample_rate_hz: int, n_samples: int
) -> StimulusSet:
    """Read sounds, each as `load_sound` does.

    Args:
        files: (label, file).
        sample_rate_hz: of the result.
        n_samples: length of a clip.

    Raises:
        ValueError: a sound `load_sound` refuses.
    """
    clips = [_load(path, sample_rate_hz, n_samples) for _, path in files]
    log_changes(clips, n_samples)
    names = [f"{label}_{path.stem}" if label else path.stem for label, path in files]
    return stimulus_set(clips, names, [label for label, _ in files])


@dataclass(frozen=True)
class Clip:
    """A finished stimulus and what it took.

    Attributes:
        path: the file it comes from.
        waveform: float32 [n_samples], of zero mean and RMS 0.1.
        n_channels: of the file, mixed down to one.
        n_padded: samples that had to be added.
    """

    path: Path
    waveform: np.ndarray
    n_channels: int
    n_padded: int


def _load(path: Path, sample_rate_hz: int, n_samples: int) -> Clip:
    recording = read_recording(path)
    waveform = resample(recording, sample_rate_hz)
    start = _loudest_start(waveform, n_samples)
    return finish_clip(recording, waveform[start : start + n_samples], n_samples)


def _loudest_start(waveform: np.ndarray, n_samples: int) -> int:
    """Return where the n_samples of most energy start; the first of equal ones."""
    if len(waveform) <= n_samples:
        return 0
    energy = np.zeros(len(waveform) + 1)
    np.cumsum((waveform - waveform.mean()) ** 2, out=energy[1:])
    return int(np.argmax(energy[n_samples:] - energy[:-n_samples]))


def finish_clip(recording: Recording, waveform: np.ndarray, n_samples: int) -> Clip:
    """Remove the mean, scale to the RMS and pad on both sides.

    Args:
        recording: where the waveform comes from.
        waveform: [samples], at most `n_samples` of them.
        n_samples: length of the clip.

    Raises:
        ValueError: the waveform is silent.
    """
    waveform = waveform - waveform.mean()
    rms = np.sqrt(np.mean(waveform**2))
    if rms <= SILENT_RMS:
        raise ValueError(
            f"{recording.path} is silent: its samples do not differ; replace or remove the file"
        )
    n_padded = n_samples - len(waveform)
    if n_padded > 0:
        before = n_padded // 2
        # Noise that belongs to the sound, not to its name: a copy stays a copy.
        name = hashlib.sha256(waveform.tobytes()).hexdigest()
        padded = pink_noise(n_samples, 0, name) * (PADDING_RMS / SOUND_NOISE_RMS)
        padded[before : before + len(waveform)] = waveform * (RMS / rms)
        waveform = padded - padded.mean()
        rms = np.sqrt(np.mean(waveform**2))
    waveform = (waveform * (RMS / rms)).astype(np.float32)
    return Clip(recording.path, waveform, recording.n_channels, max(n_padded, 0))


def log_changes(clips: Sequence[Clip], n_samples: int) -> None:
    """Say in the log which channels were mixed and what was padded."""
    mixed = [clip for clip in clips if clip.n_channels > 1]
    padded = [clip for clip in clips if clip.n_padded]
    if mixed:
        _log.info("mixed the channels of %d of %d sounds down to one (%s has %d)",
                  len(mixed), len(clips), mixed[0].path, mixed[0].n_channels)  # fmt: skip
    if padded:
        _log.warning("padded %d of %d sounds to %d samples with faint noise (%s by %d)",
                     len(padded), len(clips), n_samples, padded[0].path,
                     padded[0].n_padded)  # fmt: skip


def stimulus_set(
    clips: Sequence[Clip], names: Sequence[str], labels: Sequence[str]
) -> StimulusSet:
    """Return clips as stimuli with ids made of their names, and with their labels."""
    waveforms = np.stack([clip.waveform for clip in clips])
    hashes = {path: sha256_of(path) for path in {clip.path for clip in clips}}
    sha256 = tuple(hashes[clip.path] for clip in clips)
    return StimulusSet(waveforms, folders.unique_ids(names), tuple(labels), sha256)
