"""Words with their context, cut out of running speech with word alignments (TIMIT).

The word's midpoint stands in the middle of the clip, as in the paper, whose stimuli are 2 s of
speech each. Clips are those of `sounds`: mono, of zero mean and RMS 0.1, float32 [n_samples].

Source: paper section 3.1; TIMIT's documentation (the alignments).
"""

import logging
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from model_metamers.stimuli import folders
from model_metamers.stimuli.sounds import (
    EXTENSIONS,
    N_SAMPLES,
    SAMPLE_RATE_HZ,
    Clip,
    finish_clip,
    log_changes,
    read_recording,
    recorded_samples,
    resample,
    stimulus_set,
)
from model_metamers.stimuli.stimulus_set import StimulusSet

_log = logging.getLogger(__name__)


def load_word_clips(
    folder: Path,
    sample_rate_hz: int = SAMPLE_RATE_HZ,
    n_samples: int = N_SAMPLES,
    words: Sequence[str] | None = None,
    limit: int | None = None,
) -> StimulusSet:
    """Cut words with their context out of running speech: the word's midpoint in the middle.

    Words nearer to either end of their recording than half a clip are left out, so that no clip
    is padded; how many were is said in the log.

    Args:
        folder: holds sound files, each with a .wrd file of the same name beside it, at any depth.
            A line of it is "first_sample end_sample word", counted at the sound's own rate.
        sample_rate_hz: of the result.
        n_samples: length of a clip.
        words: words to cut, in lower case; None for all.
        limit: how many clips to cut, None for all; they are taken from the words in turn.

    Returns:
        Waveforms [n, n_samples] with the word, in lower case, as label.

    Raises:
        ValueError: missing folder, no word that fits, a malformed alignment, one without a sound,
            or a sound `load_sound` refuses.

    Source: paper section 3.1 (2 s of speech, the word at the midpoint); TIMIT's documentation.
    """
    folder = folders.existing_folder(folder, "sounds")
    spoken = [word for path in _alignments(folder) for word in _read_alignment(path)]
    fitting: dict[str, list[_Word]] = {}
    n_other, n_at_ends = 0, 0
    for word in spoken:
        if words is not None and word.label not in words:
            n_other += 1
        elif word.start(sample_rate_hz, n_samples) is None:
            n_at_ends += 1
        else:
            fitting.setdefault(word.label, []).append(word)
    _log.info("%s: left out %d of %d words too near an end of their recording for %d samples",
              folder, n_at_ends, len(spoken) - n_other, n_samples)  # fmt: skip
    if not fitting:
        raise ValueError(
            f"the folder {folder} holds no word with {n_samples / sample_rate_hz:g} s of speech "
            f"around it: it needs sound files with .wrd alignments beside them; got {len(spoken)} "
            f"aligned words, {n_other} of them not asked for, {n_at_ends} too near an end"
        )
    chosen = [word for _, word in folders.in_turn(dict(sorted(fitting.items())))[:limit]]
    clips = [_cut_word(word, sample_rate_hz, n_samples) for word in chosen]
    log_changes(clips, n_samples)
    names = [f"{w.label}_{w.path.parent.name}_{w.path.stem}" for w in chosen]
    return stimulus_set(clips, names, [word.label for word in chosen])


@dataclass(frozen=True)
class _Word:
    """One spoken word: its label, its sound file's length and rate, and its middle in samples."""

    label: str
    path: Path
    rate_hz: int
    n_recorded: int
    middle: float

    def start(self, sample_rate_hz: int, n_samples: int) -> int | None:
        """Return the first sample of the word's clip at the new rate, None where it is cut off."""
        ratio = sample_rate_hz / self.rate_hz
        start = round(self.middle * ratio - n_samples / 2)
        return start if 0 <= start <= math.ceil(self.n_recorded * ratio) - n_samples else None


def _alignments(folder: Path) -> list[Path]:
    return sorted(p for p in folder.rglob("*") if p.suffix.lower() == ".wrd" and p.is_file())


def _read_alignment(path: Path) -> list[_Word]:
    """Return the words of a .wrd file.

    Raises:
        ValueError: a malformed line, or no readable sound of the same name.
    """
    beside = [p for p in folders.files_of(path.parent, EXTENSIONS) if p.stem == path.stem]
    if not beside:
        raise ValueError(f"{path} has no sound file of the same name beside it")
    n_recorded, rate_hz = recorded_samples(beside[0])
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    words = []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        match = re.fullmatch(r"\s*(\d+)\s+(\d+)\s+(\S+)\s*", line)
        if match is None or int(match[1]) > int(match[2]):
            raise ValueError(
                f"{path}, line {number}: expected 'first_sample end_sample word', got {line!r}"
            )
        middle = (int(match[1]) + int(match[2])) / 2
        words.append(_Word(match[3].lower(), beside[0], rate_hz, n_recorded, middle))
    return words


def _cut_word(word: _Word, sample_rate_hz: int, n_samples: int) -> Clip:
    recording = read_recording(word.path)
    start = word.start(sample_rate_hz, n_samples)
    waveform = resample(recording, sample_rate_hz)
    return finish_clip(recording, waveform[start : start + n_samples], n_samples)
