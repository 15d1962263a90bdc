"""Words with their context, cut out of running speech with word alignments (TIMIT).

The word's midpoint stands in the middle of the clip, as in the paper, whose stimuli are 2 s of
speech each. Clips are those of `sounds`: mono, of zero mean and RMS 0.1, float32 [n_samples].

Source: paper section 3.1; TIMIT's documentation (the alignments).
"""

import logging
from collections.abc import Sequence
from pathlib import Path

from model_metamers.stimuli import folders
from model_metamers.stimuli.alignments import AlignedWord, read_timit_folder
from model_metamers.stimuli.sound_files import read_recording, resample
from model_metamers.stimuli.sounds import (
    N_SAMPLES,
    SAMPLE_RATE_HZ,
    Clip,
    finish_clip,
    log_changes,
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
        folder: holds sound files, each with a .wrd file of the same name beside it, at any depth
            (`alignments`).
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
    spoken = read_timit_folder(folder)
    fitting: dict[str, list[AlignedWord]] = {}
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


def _cut_word(word: AlignedWord, sample_rate_hz: int, n_samples: int) -> Clip:
    recording = read_recording(word.path)
    start = word.start(sample_rate_hz, n_samples)
    assert start is not None  # words too near an end are left out before
    waveform = resample(recording, sample_rate_hz)
    return finish_clip(recording, waveform[start : start + n_samples], n_samples)
