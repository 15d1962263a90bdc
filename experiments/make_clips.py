"""Write the spoken words that the default audio experiments use, as FLAC files in the package.

    python experiments/make_clips.py

Four clips of each of the twenty words, 2 s at 20 kHz, from voices no network was trained on; the
four of a word are of different voice families. They are committed, because another version of the
synthesiser would speak differently.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from absl import flags, logging

from shared import paths, script

if TYPE_CHECKING:
    import numpy as np

CLIPS_PER_WORD = 4

flags.DEFINE_string(
    "output_dir", None, "Where the clips go [the folder of the package that holds them]."
)


def main() -> None:
    """Speak one shard of the test split and write the first clips that fit."""
    import soundfile

    from model_metamers.files import replaced_folder
    from model_metamers.stimuli.made import speech
    from model_metamers.stimuli.shipped import CLIPS
    from model_metamers.stimuli.sounds import N_SAMPLES, SAMPLE_RATE_HZ

    folder = paths.if_given(paths.output_folder, "output_dir") or CLIPS
    check_ours(folder)
    clips = chosen(speech.speak_shard("test", 0, N_SAMPLES, SAMPLE_RATE_HZ))
    with replaced_folder(folder) as fresh:
        for name, clip in clips.items():
            path = fresh / name
            path.parent.mkdir(parents=True, exist_ok=True)
            soundfile.write(path, clip, SAMPLE_RATE_HZ, subtype="PCM_16")
    total = sum(path.stat().st_size for path in folder.rglob("*.flac"))
    logging.info("wrote %d clips, %.1f MB", len(clips), total / 1e6)


def check_ours(folder: Path) -> None:
    """Raise ValueError for a folder that holds anything but clips: it is to be replaced."""
    from model_metamers.stimuli.made.speech import CORE_WORDS

    if not folder.exists():
        return
    foreign = [
        path
        for path in (folder.rglob("*") if folder.is_dir() else [folder])
        if not (path.suffix == ".flac" and path.parent.name in CORE_WORDS)
        and not (path.is_dir() and path.name in CORE_WORDS)
    ]
    if foreign:
        raise ValueError(
            f"{folder} would be replaced, but holds what this script has not written: "
            f"{min(foreign)}; choose another --output_dir"
        )


def chosen(clips: "np.ndarray") -> "dict[str, np.ndarray]":
    """Return the first clips of every word, in voices of different families, by file name."""
    import numpy as np

    from model_metamers.stimuli.made import speech
    from model_metamers.stimuli.shipped import clip_name

    taken: dict[str, set[str]] = {word: set() for word in speech.CORE_WORDS}
    found = {}
    for index, clip in enumerate(clips):
        plan = speech.plan("test", index)
        family = speech.family_of(plan.voice)
        if len(taken[plan.word]) == CLIPS_PER_WORD or family in taken[plan.word]:
            continue
        taken[plan.word].add(family)
        found[f"{plan.word}/{clip_name(plan.voice, index)}.flac"] = np.clip(clip, -1, 1)
    return found


if __name__ == "__main__":
    script.run(main)
