"""The choice of backgrounds, on files in AudioSet's own formats."""

import json

import numpy as np
import pytest
import soundfile

from model_metamers.training import audioset
from model_metamers.training.audioset import ScreeningRules
from model_metamers.training.clip_lists import BackgroundClip, read_clip_list, write_clip_list

# AudioSet's identifiers and places of the classes that matter here; the others are made up.
SPEECH = [
    "/m/09x0r", "/m/05zppz", "/m/02zsn", "/m/0ytgt", "/m/01h8n0", "/m/02qldy", "/m/0261r1",
    "/m/0brhx",
]  # fmt: skip
REAL = dict(enumerate(SPEECH)) | {15: "/m/02rtxlg", 137: "/m/04rlf", 500: "/m/028v0c"}
NAMES = {
    "/m/09x0r": "Speech", "/m/05zppz": "Male speech, man speaking", "/m/02rtxlg": "Whispering",
    "/m/04rlf": "Music", "/m/028v0c": "Silence",
}  # fmt: skip
MIDS = [REAL.get(i, f"/t/other{i}") for i in range(527)]
RAIN, GUITAR = MIDS[300], MIDS[140]
ABSTRACT = "/m/09l8g"  # "Human voice": in the tree, but no class


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """class_labels_indices.csv and ontology.json; speech lies two levels deep, in a loop."""
    folder = tmp_path_factory.mktemp("audioset")
    rows = [f'{i},{mid},"{NAMES.get(mid, mid)}"' for i, mid in enumerate(MIDS)]
    rows[1], rows[500] = rows[500], rows[1]  # the order is that of the index
    table = folder / "class_labels_indices.csv"
    table.write_text("index,mid,display_name\n" + "\n".join(rows) + "\n")
    children = {
        ABSTRACT: [SPEECH[0], REAL[15]],
        SPEECH[0]: SPEECH[1:4],
        SPEECH[3]: [*SPEECH[4:], SPEECH[0]],
    }
    nodes = [
        {"id": mid, "name": NAMES.get(mid, mid), "child_ids": children.get(mid, []),
         "restrictions": []}
        for mid in [ABSTRACT, *MIDS]
    ]  # fmt: skip
    ontology = folder / "ontology.json"
    ontology.write_text(json.dumps(nodes))
    return table, ontology


@pytest.fixture(scope="module")
def tags(files):
    return audioset.read_tags(*files)


def test_the_classes_make_the_network_s_517_outputs(tags):
    assert len(tags.classes) + 1 == 517
    assert [label.index for label in tags.classes] == list(range(1, 517))
    left_out = set(MIDS) - {label.label for label in tags.classes}
    assert left_out == set(REAL.values())
    assert tags.speech == {*SPEECH, "/m/02rtxlg"}
    assert tags.index_of[MIDS[8]] == 1 and tags.index_of[MIDS[526]] == 516


def test_other_branches_can_be_dropped(files):
    rules = ScreeningRules(speech=("Human voice",), silence=(), uninformative=())
    with pytest.raises(ValueError, match=r"ontology\.json has no sound named 'Human voice'"):
        audioset.read_tags(*files, rules)
    tags = audioset.read_tags(*files, ScreeningRules((ABSTRACT,), (), ()))  # its name here
    assert tags.speech == {ABSTRACT, *SPEECH, "/m/02rtxlg"} and len(tags.classes) == 518


SEGMENTS = """# Segments csv created Sun Mar  5 10:56:58 2017
# num_ytids=20383, num_segs=20383, num_unique_labels=527, num_positive_labels=51804
# YTID, start_seconds, end_seconds, positive_labels
"""


def write_segments(path, labels):
    path.write_text(
        SEGMENTS + "".join(f'{y}, 30.000, 40.000, "{",".join(m)}"\n' for y, m in labels.items())
    )
    return path


def test_segments_are_read_as_distributed(tmp_path):
    labels = {"--PJHxphWEs": ["/m/09x0r", "/t/dd00088"], "-0SdAVK79lg": ["/m/05zppz"]}
    segments = audioset.read_segments(write_segments(tmp_path / "segments.csv", labels))
    assert segments == {name: frozenset(own) for name, own in labels.items()}


def noise(n_zeros=0, seconds=3.0, rate_hz=8000):
    samples = np.random.default_rng(0).uniform(0.01, 0.1, round(seconds * rate_hz))
    samples[:n_zeros] = 0
    return samples


CLIPS = {
    # name of the file: (tags, samples, why it is dropped)
    "rain_______.wav": ([RAIN], noise(), None),
    "Yguitar_____.wav": ([REAL[137], GUITAR, RAIN], noise(), None),
    "few_zeros___30.000_40.000.flac": ([RAIN], noise(2400), None),
    "zeros______.wav": ([RAIN], noise(2401), "too many digital zeros"),
    "two_seconds.wav": ([RAIN], noise(seconds=2), None),
    "short______.wav": ([RAIN], noise(seconds=1.99), "shorter than a clip"),
    "speech_____.wav": ([RAIN, SPEECH[0]], noise(), "speech"),
    "deep_______.wav": ([SPEECH[7], RAIN], noise(), "speech"),
    "whispering_.wav": ([REAL[15]], noise(), "speech"),
    "silence____.wav": ([REAL[500], RAIN], noise(), "silence"),
    "music______.wav": ([REAL[137]], noise(), "no tag but music"),
    "abstract___.wav": ([ABSTRACT], noise(), "no tag that is a class"),
    "broken_____.wav": ([RAIN], None, "unreadable"),
    "inverted___.wav": ([RAIN], noise()[:, None] * [1, -1], "unreadable"),
    "offset_____.wav": ([RAIN], 0.1 + 0 * noise(), "unreadable"),
    "unlisted___.wav": (None, noise(), "not among the segments"),
    "rain_______x.wav": (None, noise(), "not among the segments"),
    "guitar_____.flac": ([REAL[137], GUITAR, RAIN], noise(), "second file of a segment"),
}


@pytest.fixture(scope="module")
def sounds(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sounds")
    (folder / "deeper").mkdir()
    for i, (name, (_, samples, _)) in enumerate(CLIPS.items()):
        path = folder / ("deeper" if i % 2 else "") / name
        if samples is None:
            path.write_bytes(b"RIFF")
        else:
            soundfile.write(path, samples, 8000)
    (folder / "rain_______.txt").write_text("not a sound")
    return folder


@pytest.fixture(scope="module")
def segments(tmp_path_factory):
    labels = {
        name.removeprefix("Y")[:11]: own for name, (own, _, _) in CLIPS.items() if own is not None
    }
    path = tmp_path_factory.mktemp("tables") / "segments.csv"
    return audioset.read_segments(write_segments(path, labels | {"deleted____": [RAIN]}))


def test_every_clip_is_kept_or_counted_with_its_reason(sounds, segments, tags, caplog, tmp_path):
    clips, removed = audioset.choose_backgrounds(sounds, segments, tags)
    kept = {clip.sound_path.rsplit("/", 1)[-1]: clip for clip in clips}
    assert set(kept) == {name for name, (_, _, reason) in CLIPS.items() if reason is None}
    expected = {}
    for _, _, reason in CLIPS.values():
        if reason is not None:
            expected[reason] = expected.get(reason, 0) + 1
    assert removed == expected | {"segment without a sound file": 1}
    assert "broken_____.wav is not a readable sound" in caplog.text
    rain, guitar = tags.index_of[RAIN], tags.index_of[GUITAR]
    assert kept["rain_______.wav"].labels == str(rain)
    assert kept["Yguitar_____.wav"].labels == f"{guitar} {rain}"  # Music is no class
    write_clip_list(tmp_path / "backgrounds.csv", clips, BackgroundClip)
    assert read_clip_list(tmp_path / "backgrounds.csv", BackgroundClip) == clips


def test_the_share_of_zeros_is_an_argument(sounds, segments, tags):
    strict, _ = audioset.choose_backgrounds(sounds, segments, tags, ScreeningRules((), (), (), 0))
    assert not any("few_zeros" in clip.sound_path for clip in strict)
    loose, removed = audioset.choose_backgrounds(
        sounds, segments, tags, ScreeningRules((), (), (), 1)
    )
    assert any("/zeros" in clip.sound_path for clip in loose)
    assert "too many digital zeros" not in removed


def test_the_split_depends_on_the_seed_and_share(sounds, segments, tags):
    def splits(**options):
        return [c.split for c in audioset.choose_backgrounds(sounds, segments, tags, **options)[0]]

    assert splits(validation_share=0.0) == ["train"] * 4
    assert splits(validation_share=1.0) == ["validation"] * 4
    assert splits(validation_share=0.5) == splits(validation_share=0.5)


@pytest.mark.parametrize(
    ("stem", "expected"),
    [
        ("Yabcdefghij", "Yabcdefghij"), ("YYabcdefghij", "Yabcdefghij"), ("abcdefghij_", None),
        ("Yabcdefghij_30.000_40.000", "Yabcdefghij"), ("Yabcdefghij_30000-40000", "Yabcdefghij"),
        ("Yabcdefghij-30", "Yabcdefghij"), ("Yabcdefghijk", None), ("Yabcdefghij_b", None),
        ("", None),
    ],
)  # fmt: skip
def test_files_are_found_by_the_names_downloaders_give(stem, expected, tmp_path):
    assert audioset.youtube_id(tmp_path / f"{stem}.wav", {"Yabcdefghij"}) == expected


def test_mistakes_are_told(files, sounds, segments, tags, tmp_path):
    table, ontology = files
    bad = tmp_path / "bad"
    bad.write_text('{"a": 1}')
    with pytest.raises(ValueError, match=r"bad is not AudioSet's ontology\.json"):
        audioset.read_tags(table, bad)
    with pytest.raises(ValueError, match="bad needs the columns index, mid, display_name"):
        audioset.read_tags(bad, ontology)
    with pytest.raises(ValueError, match=r"no file .*none; it comes from"):
        audioset.read_tags(table, tmp_path / "none")
    bad.write_text(SEGMENTS + "--PJHxphWEs, 30.000, 40.000\n")
    with pytest.raises(ValueError, match="bad, line 4: expected 'YTID, start, end"):
        audioset.read_segments(bad)
    bad.write_text(SEGMENTS + '--PJHxphWEs, 30.000, 40.000, "/m/06mb1\n' + SEGMENTS)
    with pytest.raises(ValueError, match="bad is no table in CSV from line 4 on"):
        audioset.read_segments(bad)
    with pytest.raises(ValueError, match="tags that the ontology lacks: /m/new"):
        audioset.choose_backgrounds(sounds, segments | {"x": frozenset(["/m/new"])}, tags)
    with pytest.raises(ValueError, match=r"no background of .* left out: segment without .* 1"):
        audioset.choose_backgrounds(tmp_path, {"deleted____": frozenset([RAIN])}, tags)
    with pytest.raises(ValueError, match=r"max_zero_share must be in \[0, 1\]; got 2"):
        ScreeningRules(max_zero_share=2)
