"""Aligned transcripts: the CSV table, and that both formats give the same words."""

import shutil

import numpy as np
import pytest
import soundfile

from model_metamers.stimuli.alignments import read_alignment_csv, read_timit_folder

HEADER = "sound_path,speaker,word,start_s,end_s\n"


@pytest.fixture
def speech(tmp_path):
    """Two sentences of one speaker, 2 s at 16 kHz, with TIMIT's alignments."""
    folder = tmp_path / "DR1" / "FABC0"
    folder.mkdir(parents=True)
    for name, text in [("SA1", "0 8000 She\n8000 16000 had\n"), ("SA2", "4000 8000 don't\n")]:
        samples = 0.1 * np.random.default_rng(0).standard_normal(32_000)
        soundfile.write(folder / f"{name}.wav", samples, 16_000)
        (folder / f"{name}.wrd").write_text(text)
    return tmp_path


def write_table(folder, rows):
    table = folder / "words.csv"
    table.write_text(HEADER + rows)
    return table


def test_both_formats_give_the_same_words(speech):
    rows = (
        "DR1/FABC0/SA1.wav,fabc0,She,0.0,0.5\n"
        "DR1/FABC0/SA1.wav,fabc0,HAD,0.5,1.0\n"
        "DR1/FABC0/SA2.wav,fabc0,don't,0.25,0.5\n"
    )
    words = read_alignment_csv(write_table(speech, rows))
    assert words == read_timit_folder(speech)
    assert [word.label for word in words] == ["she", "had", "don't"]
    assert {word.speaker for word in words} == {"fabc0"}
    assert [word.middle for word in words] == [4000, 12_000, 6000]
    assert words[0].n_recorded == 32_000 and words[0].rate_hz == 16_000


def test_sounds_may_lie_elsewhere(speech, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("tables")
    path = speech / "DR1" / "FABC0" / "SA1.wav"
    (word,) = read_alignment_csv(write_table(elsewhere, f"{path},a,she,0,0.5\n"))
    assert word.path == path


def test_a_clip_starts_half_its_length_before_the_middle(speech):
    word = read_timit_folder(speech)[1]  # its middle is at 0.75 s of 2 s
    assert word.start(8000, 8000) == 2000
    assert word.start(8000, 12_000) == 0
    assert word.start(8000, 12_002) is None


@pytest.mark.parametrize(
    "row",
    [
        "SA1.wav,a,she,0.5,0.2",
        "SA1.wav,a,she,-1,0.2",
        "SA1.wav,a,she,nan,0.2",
        "SA1.wav,a,she,0,inf",
        "SA1.wav,a,she,early,0.2",
        "SA1.wav,a,she,0",
        "SA1.wav,,she,0,0.2",
        "SA1.wav,a, ,0,0.2",
        ",a,she,0,0.2",
    ],
)
def test_malformed_rows_are_named_with_their_line(row, speech):
    rows = f"DR1/FABC0/SA1.wav,a,she,0,0.5\n{row}\n"
    with pytest.raises(ValueError, match=r"words\.csv, line 3: expected a sound, a speaker"):
        read_alignment_csv(write_table(speech, rows))


def test_what_is_missing_is_named(speech):
    with pytest.raises(ValueError, match=r"no table of aligned words .*none\.csv"):
        read_alignment_csv(speech / "none.csv")
    table = speech / "words.csv"
    table.write_text("sound_path,word,start,end_s\n")
    with pytest.raises(ValueError, match="it lacks the columns speaker, start_s"):
        read_alignment_csv(table)
    with pytest.raises(ValueError, match=r"there is no sound file .*gone\.wav"):
        read_alignment_csv(write_table(speech, "gone.wav,a,she,0,0.5\n"))


@pytest.mark.parametrize("content", [b"sound_path,w\xff\xfe", b"a" * 200_000, b'"a\nb'])
def test_what_is_no_table_is_named(content, speech):
    (speech / "words.csv").write_bytes(content)
    with pytest.raises(ValueError, match=r"words\.csv is no (text|table)") as error:
        read_alignment_csv(speech / "words.csv")
    assert "\n" not in str(error.value)


def test_what_macos_hides_beside_an_alignment_is_none(speech):
    (speech / "DR1" / "FABC0" / "._SA1.WRD").write_bytes(b"\0")
    shutil.copytree(speech / "DR1", speech / ".Trash-0" / "DR1")
    assert len(read_timit_folder(speech)) == 3
