"""experiments/build_word_dataset.py as a user runs it, on tiny corpora in the real formats."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
from command_line import error_of, run

RATE_HZ = 8000

pytestmark = pytest.mark.slow


def rows(path):
    with path.open(newline="") as lines:
        return list(csv.DictReader(lines))


def save_noise(path, seconds):
    path.parent.mkdir(parents=True, exist_ok=True)
    samples = np.random.default_rng(0).uniform(0.01, 0.1, round(seconds * RATE_HZ))
    soundfile.write(path, samples, RATE_HZ)


@pytest.fixture(scope="module")
def corpora(tmp_path_factory):
    """A TIMIT-like folder, a table of aligned words, and AudioSet."""
    folder = tmp_path_factory.mktemp("corpora")
    for speaker in ("fabc0", "mxyz0"):
        sound = folder / "timit" / speaker / "sa1.wav"
        save_noise(sound, 4)
        sound.with_suffix(".wrd").write_text(
            "15000 17000 xyzzy\n15000 17000 about\n17000 18000 right\n"
        )
    save_noise(folder / "wsj" / "a.flac", 4)
    (folder / "wsj" / "words.csv").write_text(
        "sound_path,speaker,word,start_s,end_s\n"
        "a.flac,s1,ABOUT,1.9,2.1\na.flac,s1,right,2.1,2.3\na.flac,s1,other,2.3,2.5\n"
    )
    tags = {"/m/09x0r": "Speech", "/m/02rtxlg": "Whispering", "/m/04rlf": "Music",
            "/m/028v0c": "Silence", "/m/06mb1": "Rain"}  # fmt: skip
    classes = [f'{i},{mid},"{name}"\n' for i, (mid, name) in enumerate(tags.items())]
    (folder / "classes.csv").write_text("index,mid,display_name\n" + "".join(classes))
    ontology = [{"id": mid, "name": name, "child_ids": []} for mid, name in tags.items()]
    (folder / "ontology.json").write_text(json.dumps(ontology))
    (folder / "segments.csv").write_text(
        "# YTID, start_seconds, end_seconds, positive_labels\n"
        'rain_______, 0.000, 10.000, "/m/06mb1"\n'
        'speech_____, 0.000, 10.000, "/m/09x0r,/m/06mb1"\n'
    )
    for name in ("rain_______", "speech_____"):
        save_noise(folder / "audioset" / f"{name}.wav", 3)
    return folder


RULES = ("--min_partners=2", "--min_utterances=2", "--max_partner_share=0.5")


def test_speech_and_backgrounds_are_chosen_together(corpora, tmp_path):
    files = {
        "timit_dirs": "timit", "alignments": "wsj/words.csv", "audioset_dir": "audioset",
        "audioset_segments": "segments.csv", "class_labels": "classes.csv",
        "ontology": "ontology.json",
    }  # fmt: skip
    flags = [f"--{flag}={corpora / name}" for flag, name in files.items()]
    flags += [f"--output_dir={tmp_path}", "--vocabulary=paper", *RULES]
    result = run("build_word_dataset", *flags)
    assert result.returncode == 0, result.stderr
    words = rows(tmp_path / "words.csv")
    labels = {row["label"]: row["index"] for row in rows(tmp_path / "word_labels.csv")}
    assert len(labels) == 794 and labels["ability"] == "1" and labels[""] == "0"
    assert sorted({(row["word"], row["speaker"]) for row in words}) == [
        (word, speaker) for word in ("about", "right") for speaker in ("fabc0", "mxyz0", "s1")
    ]
    assert all(row["word_index"] == labels[row["word"]] for row in words)
    assert words[0]["midpoint_s"] == "2.0" and Path(words[0]["sound_path"]).is_file()
    (background,) = rows(tmp_path / "backgrounds.csv")
    assert Path(background["sound_path"]).name == "rain_______.wav"
    assert background["labels"] == "1"
    names = [row["name"] for row in rows(tmp_path / "audioset_labels.csv")]
    assert names == ["null class", "Rain"]
    summary = json.loads((tmp_path / "words.json").read_text())
    assert summary["found"] == 9 and summary["train"] + summary["validation"] == 6
    assert summary["left_out"]["word not in the vocabulary"] == 2  # xyzzy, twice
    assert summary["left_out"]["word with too few partners"] == 1  # other
    assert sum(summary["left_out"].values()) + len(words) == 9
    assert json.loads((tmp_path / "backgrounds.json").read_text())["left_out"]["speech"] == 1


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ((), "give speech (--timit_dirs, --alignments), --audioset_dir, or both"),
        (("--timit_dirs=timit",), "no word is left to train on; left out: word with too few"),
        (("--timit_dirs=timit,",), "--timit_dirs lacks a name"),
        (
            ("--timit_dirs=timit,{corpora}/timit/../timit", "--min_utterances=2"),
            "left out: word with too few partners 6",  # each once
        ),
    ],
)
def test_a_mistake_is_told_in_one_line(flags, message, corpora, tmp_path):
    flags = [flag.replace("dirs=", f"dirs={corpora}/").format(corpora=corpora) for flag in flags]
    result = run("build_word_dataset", *flags, f"--output_dir={tmp_path / 'none'}")
    assert message in error_of(result)
    assert not (tmp_path / "none").exists()


def test_timit_with_thresholds_scaled_to_it(shared_data, tmp_path):
    result = run(
        "build_word_dataset", f"--output_dir={tmp_path}",
        f"--timit_dirs={shared_data / 'timit_nltk_sample'}",
        "--min_partners=5", "--min_utterances=5", "--utterance_limit=20", "--min_letters=1",
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    summary = json.loads((tmp_path / "words.json").read_text())
    words = rows(tmp_path / "words.csv")
    assert summary["found"] == 1394
    assert summary["left_out"]["too near an end of its recording"] == 855
    assert (summary["words"], summary["speakers"], len(words)) == (17, 16, 190)
    assert summary["train"] > summary["validation"] > 0
