"""Write the spoken words that the default audio experiments use, as FLAC files in the package.

    python experiments/make_clips.py

Four clips of each of the twenty words, 2 s at 20 kHz, from voices no network was trained on; the
four of a word are of different voice families. They are committed, because another version of the
synthesiser would speak differently.
"""

import shutil
from pathlib import Path

import numpy as np
import soundfile
from shared import script
from absl import flags, logging

from model_metamers.stimuli.made import speech
from model_metamers.stimuli.shipped import CLIPS, clip_name
from model_metamers.stimuli.sounds import N_SAMPLES, SAMPLE_RATE_HZ

CLIPS_PER_WORD = 4

_OUTPUT_DIR = flags.DEFINE_string("output_dir", str(CLIPS), "Where the clips go.")


def main() -> None:
    """Speak one shard of the test split and write the first clips that fit."""
    folder = Path(_OUTPUT_DIR.value)
    shutil.rmtree(folder, ignore_errors=True)
    clips = speech.speak_shard("test", 0, N_SAMPLES, SAMPLE_RATE_HZ)
    taken = {word: set() for word in speech.CORE_WORDS}
    for index, clip in enumerate(clips):
        plan = speech.plan("test", index)
        family = speech.family_of(plan.voice)
        if len(taken[plan.word]) == CLIPS_PER_WORD or family in taken[plan.word]:
            continue
        taken[plan.word].add(family)
        path = folder / plan.word / f"{clip_name(plan.voice, index)}.flac"
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, np.clip(clip, -1, 1), SAMPLE_RATE_HZ, subtype="PCM_16")
    total = sum(path.stat().st_size for path in folder.rglob("*.flac"))
    logging.info("wrote %d clips, %.1f MB", sum(map(len, taken.values())), total / 1e6)


if __name__ == "__main__":
    script.run(main)
