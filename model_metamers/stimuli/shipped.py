"""The spoken words that come with the package: eighty clips in voices unknown to our networks.

`experiments/make_clips.py` makes them: <word>/<accent>_<voice>_<number>.flac, 2 s at 20 kHz.
"""

from pathlib import Path

import numpy as np

from model_metamers.stimuli.made.speech import family_of
from model_metamers.stimuli.sounds import RMS, SAMPLE_RATE_HZ, load_sound_folder
from model_metamers.stimuli.stimulus_set import StimulusSet

CLIPS = Path(__file__).with_name("clips")
CLIP_S = 2.0


def clip_name(voice: str, index: int) -> str:
    """Return the name of a clip's file, without its ending."""
    return f"{voice.replace('+', '_')}_{index}"


def spoken_words(n_samples: int, sample_rate_hz: int = SAMPLE_RATE_HZ) -> StimulusSet:
    """Return the shipped clips, the words in turn.

    Args:
        n_samples: the middle of the clip, at most 2 s of it.
        sample_rate_hz: of the result.

    Returns:
        Waveforms [n, n_samples] of zero mean and RMS 0.1, with the word as label.
    """
    clips = load_sound_folder(CLIPS, sample_rate_hz, round(CLIP_S * sample_rate_hz))
    return StimulusSet(middle(clips.stimuli[:], n_samples), clips.ids, clips.labels)


def middle(waveforms: np.ndarray, n_samples: int) -> np.ndarray:
    """Return the middle `n_samples` of waveforms [n, samples], of zero mean and RMS 0.1.

    Raises:
        ValueError: the waveforms are shorter.
    """
    start = (waveforms.shape[1] - n_samples) // 2
    if start < 0:
        raise ValueError(f"the clips have {waveforms.shape[1]} samples; {n_samples} are needed")
    cut = waveforms[:, start : start + n_samples]
    cut = cut - cut.mean(axis=1, keepdims=True)
    return (cut * RMS / cut.std(axis=1, keepdims=True)).astype(np.float32)


def voice_family(stimulus_id: str) -> str:
    """Return the family of like voices that a shipped clip's voice belongs to."""
    return family_of(stimulus_id.split("_")[-2])
