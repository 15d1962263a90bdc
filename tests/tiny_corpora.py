"""Corpora of a few seconds in the real formats: TIMIT's, a table of aligned words, AudioSet's."""

import csv
import json

import numpy as np
import soundfile

RATE_HZ = 20_000
WORDS = ("about", "right", "other")
SPEAKERS = tuple(f"s{i}" for i in range(6))
TAGS = {"/m/09x0r": "Speech", "/m/02rtxlg": "Whispering", "/m/04rlf": "Music",
        "/m/028v0c": "Silence", "/m/06mb1": "Rain", "/m/03m9d0z": "Wind"}  # fmt: skip


def save_noise(path, seconds, seed):
    path.parent.mkdir(parents=True, exist_ok=True)
    samples = 0.05 * np.random.default_rng(seed).standard_normal(round(seconds * RATE_HZ))
    soundfile.write(path, samples, RATE_HZ)


def write_speech(folder):
    """Write six speakers who say each word once; half of them TIMIT's way."""
    rows = [("sound_path", "speaker", "word", "start_s", "end_s")]
    starts_s = [1.1 + 0.2 * i for i in range(len(WORDS))]
    for i, speaker in enumerate(SPEAKERS):
        if i % 2:
            save_noise(folder / "wsj" / f"{speaker}.flac", 3, i)
            rows += [
                (f"{speaker}.flac", speaker, word, start, start + 0.2)
                for word, start in zip(WORDS, starts_s, strict=True)
            ]
            continue
        sound = folder / "timit" / speaker / "sa1.wav"
        save_noise(sound, 3, i)
        lines = [
            f"{round(start * RATE_HZ)} {round((start + 0.2) * RATE_HZ)} {word}\n"
            for word, start in zip(WORDS, starts_s, strict=True)
        ]
        sound.with_suffix(".wrd").write_text("".join(lines))
    with (folder / "wsj" / "words.csv").open("w", newline="") as file:
        csv.writer(file).writerows(rows)


def write_audioset(folder):
    """Write eight clips, of rain and wind in turn, and AudioSet's three tables."""
    lines = ["# YTID, start_seconds, end_seconds, positive_labels\n"]
    for i in range(8):
        name = f"clip_{i}_____"
        save_noise(folder / "audioset" / f"{name}.wav", 2.5, 100 + i)
        lines.append(f'{name}, 0.000, 10.000, "{("/m/06mb1", "/m/03m9d0z")[i % 2]}"\n')
    (folder / "segments.csv").write_text("".join(lines))
    classes = [f'{i},{tag},"{name}"\n' for i, (tag, name) in enumerate(TAGS.items())]
    (folder / "classes.csv").write_text("index,mid,display_name\n" + "".join(classes))
    ontology = [{"id": tag, "name": name, "child_ids": []} for tag, name in TAGS.items()]
    (folder / "ontology.json").write_text(json.dumps(ontology))


def build_flags(folder, output_dir):
    """Return the flags of build_word_dataset.py for these corpora."""
    files = {
        "timit_dirs": "timit", "alignments": "wsj/words.csv", "audioset_dir": "audioset",
        "audioset_segments": "segments.csv", "class_labels": "classes.csv",
        "ontology": "ontology.json",
    }  # fmt: skip
    return [
        *(f"--{flag}={folder / name}" for flag, name in files.items()),
        f"--output_dir={output_dir}", "--vocabulary=paper", "--validation_share=0.4",
        "--min_partners=2", "--min_utterances=2", "--max_partner_share=0.5",
    ]  # fmt: skip
