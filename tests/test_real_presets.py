"""The presets of real networks: stimuli, how answers are judged, and both from end to end."""

import shutil
from collections import Counter
from dataclasses import replace
from types import SimpleNamespace

import keyword_graphs
import numpy as np
import pandas as pd
import pytest
import soundfile
from command_line import run

import model_metamers as mm
from model_metamers import pipeline
from model_metamers.networks.locations import VARIABLE
from model_metamers.pipeline import Task
from model_metamers.stimuli.made import objects
from model_metamers.stimuli.sounds import load_sound_folder
from model_metamers.stimuli.speakers import speaker_of
from model_metamers.stimuli.stimulus_set import StimulusSet
from model_metamers.store import MATCHES_COLUMNS, NATURAL, RunFolder
from shared import audio, generators, presets, recognised_renders, visual
from shared.options import COMMANDS, IMAGENET, PAPER, SMALL

FIRST_SEED = 500


@pytest.fixture
def tried(monkeypatch):
    """The (fine class, seed) of every render that is asked for; renders are one pixel."""
    asked = []

    def rendered(fine_class, seed):
        asked.append((fine_class, seed))
        return np.full((1, 1, 3), seed - FIRST_SEED, np.float32)

    monkeypatch.setattr(recognised_renders, "rendered", rendered)
    return asked


def every_other(pictures, names):
    """Recognise the candidates 1, 3, 5 ..., but of cats only the sixth."""
    attempt = pictures[:, 0, 0, 0].astype(int)
    is_cat = np.array([name.startswith("cat/") for name in names])
    return np.where(is_cat, attempt == 5, attempt % 2 == 1)


def test_renders_are_tried_in_order_and_every_category_has_its_turn(tried):
    found = recognised_renders.recognised_renders(18, FIRST_SEED, every_other)
    categories = [name.split("/")[0] for name in found.labels]
    assert categories[:16] == list(objects.CATEGORIES) and categories[16:] == categories[:2]
    attempts = found.stimuli[:, 0, 0, 0]
    assert list(attempts[:16]) == [5 if name == "cat" else 1 for name in categories[:16]]
    assert list(attempts[16:]) == [3, 3]
    assert found.ids[0] == f"{found.labels[0].replace('/', '_')}_{FIRST_SEED + 1}"
    first = [fine_class for fine_class, _ in tried[:4]]
    assert sorted(first) == [0, 1, 2, 3]  # all kinds of the first category


def test_a_category_that_is_not_recognised_is_told_in_one_line(tried):
    with pytest.raises(ValueError, match="recognise 0 of the first 10 renders of 'cat', and"):
        recognised_renders.recognised_renders(
            16, FIRST_SEED, lambda pictures, names: [not n.startswith("cat/") for n in names], 10
        )
    assert sum(fine_class // 4 == objects.CATEGORIES.index("cat") for fine_class, _ in tried) == 10


def test_the_null_has_one_render_for_all_sizes(monkeypatch):
    asked = []
    monkeypatch.setattr(
        visual, "rendered", lambda *which: asked.append(which) or np.zeros((8, 8, 3), np.float32)
    )
    options = SimpleNamespace(preset=IMAGENET, stimuli_dir=None, num_null_stimuli=3, seed=0)
    shapes = [visual.null_images(options, size).stimuli[:].shape for size in (8, 10)]
    assert shapes == [(3, 8, 8, 3), (3, 10, 10, 3)] and sorted(asked[:3]) == sorted(asked[3:])
    options.num_null_stimuli = presets.VISUAL[IMAGENET].num_null_stimuli
    labels = visual.null_images(options, 8).labels
    counts = Counter(label.split("/")[0] for label in labels)
    assert set(counts) == set(objects.CATEGORIES) and set(counts.values()) == {len(labels) // 16}
    assert len(set(labels)) == len(labels)


class Observer:
    """Answers with the class of an image's grey value, 0 to 9, of `n_classes`."""

    stimulus_range, stimulus_shape = (0.0, 1.0), (8, 8, 3)

    def __init__(self, name, readout):
        self.name, self.readouts = name, {readout: None}

    def logits(self, stimuli, task):
        """Return logits [n, 10]."""
        return np.eye(10)[np.rint(stimuli.mean(axis=(1, 2, 3)) * 9).astype(int)]


def test_without_a_known_class_the_natural_answer_of_an_imagenet_network_is_right(tmp_path):
    """Two images of unknown class and one of class 7; only the second metamer looks otherwise."""
    folder, maker, labels = RunFolder(tmp_path), Observer("real", "imagenet"), ["?", "?", "seven"]
    ids, greys = ("a", "b", "c"), {NATURAL: (2, 3, 4), "layer": (2, 5, 7)}
    for layer, values in greys.items():
        images = np.ones((3, 8, 8, 3), np.float32) * np.reshape(values, (3, 1, 1, 1)) / 9
        folder.save_previews("real", layer, ids, images)
    blank = dict.fromkeys(MATCHES_COLUMNS, 0) | {"network": "real", "layer": "layer"}
    matches = pd.DataFrame(blank, index=range(3)).assign(stimulus_id=ids, accepted=True)
    folder.write_table("matches", matches[list(MATCHES_COLUMNS)])
    task = Task(
        "native", ("objects", "imagenet"), lambda network, logits: logits.argmax(1),
        lambda network, labels: np.array([7 if label == "seven" else -1 for label in labels]),
        relative=("imagenet",),
    )  # fmt: skip
    stimuli = StimulusSet(np.zeros((3, 8, 8, 3), np.float32), ids, tuple(labels))
    generator = pipeline.Generator(maker, ("layer",), stimuli, stimuli)
    observers = [maker, Observer("small", "objects")]
    table = pipeline.recognise([generator], observers, [task], lambda x, *_: x, folder)
    scores = table.set_index(["observer", "layer"])[["n", "proportion_correct"]]
    assert tuple(scores.loc[("real", NATURAL)]) == (3, pytest.approx(2 / 3))  # c is no 4
    assert tuple(scores.loc[("real", "layer")]) == (3, pytest.approx(2 / 3))  # b is not
    assert tuple(scores.loc[("small", "layer")]) == (1, 1)  # the others are not asked about


def test_single_layers_take_their_own_evaluations_and_graphs_are_given_back(
    small_model, images, tmp_path
):
    network, folder = mm.Network.from_keras(small_model), RunFolder(tmp_path)
    stimuli = StimulusSet(images, tuple("abcd"), tuple("abcd"))
    layers = ("fused", "separate")
    generator = pipeline.Generator(network, layers, stimuli, stimuli, iterations={"separate": 5})
    config = mm.SynthesisConfig(iterations=3, solver="adam")
    pipeline.make_metamers([generator], config, folder, batch_size=2)
    steps = [set(folder.load_piece(network.name, layer)["step"].tolist()) for layer in layers]
    assert steps == [{3}, {5}] and network.graphs == {}


def test_a_rate_that_falls_in_a_run_falls_as_far_in_a_layer_of_more_evaluations(
    small_model, images
):
    network = mm.Network.from_keras(small_model)
    stimuli = StimulusSet(images, tuple("abcd"), tuple("abcd"))
    generator = pipeline.Generator(network, ("fused",), stimuli, stimuli, iterations={"fused": 90})
    config = mm.SynthesisConfig(iterations=30, decay_steps=10)
    assert generator.config_of("fused", config) == replace(config, iterations=90, decay_steps=30)
    assert generator.config_of("separate", config) == config


def test_the_head_of_an_efficientnet_takes_longer_than_its_stages():
    preset = presets.VISUAL[IMAGENET]
    assert preset.layer_iterations["head"] > preset.iterations and preset.batch_size < 16
    assert presets.FIGURE_2[IMAGENET].networks == preset.networks[:2]


def test_evaluations_of_one_networks_layer_count_before_those_of_the_layer_of_all(
    architecture, tmp_path
):
    networks = [architecture("ds_cnn_l"), architecture("cnn_l")]
    given = {"cnn_l/logits": 7, "logits": 5}
    options = SimpleNamespace(layer_iterations=given, run_dir=tmp_path)
    numbers = generators._iterations(options, networks)
    assert numbers == {"ds_cnn_l": {"logits": 5}, "cnn_l": {"logits": 7}}
    with pytest.raises(ValueError, match="has the network 'cnn_l'; those of this run"):
        generators._iterations(options, networks[:1])
    (tmp_path / "run.json").touch()  # a figure of some networks of a run
    assert generators._iterations(options, networks[:1]) == {"ds_cnn_l": {"logits": 5}}


def test_words_come_from_the_networks_readout_and_not_from_their_number(architecture):
    commands = architecture("ds_cnn_l")
    truth = audio.TASKS[0].truth(commands, ["_unknown_", "yes", "go", "seven"])
    assert list(truth) == [1, 2, 11, -1]
    assert list(audio.TASKS[0].truth(architecture("word_aliased_small"), ["seven"])) != [-1]
    known = audio._known_words(SimpleNamespace(preset=COMMANDS))
    assert known[0] == "yes" and len(known) == 10
    assert len(audio._known_words(SimpleNamespace(preset=SMALL))) == 20
    assert len(audio._known_words(SimpleNamespace(preset=PAPER))) == 793


def test_the_speaker_is_in_the_name_of_a_recording():
    assert speaker_of("yes_022cd682_nohash_0") == speaker_of("022cd682_nohash_3") == "022cd682"
    assert speaker_of("yes_1") == "yes_1" and speaker_of("022cd682_nohash") == "022cd682_nohash"


@pytest.fixture(scope="module")
def recordings(tmp_path_factory):
    """Recordings in the layout of Speech Commands: three words, three speakers."""
    folder, rng = tmp_path_factory.mktemp("recordings"), np.random.default_rng(0)
    for word in ("yes", "no", "_unknown_", "bed"):
        (folder / word).mkdir()
        for speaker in ("0000000a", "0000000b", "0000000c"):
            path = folder / word / f"{speaker}_nohash_0.flac"
            soundfile.write(path, 0.1 * rng.standard_normal(16_000), 16_000)
    return folder


def test_only_the_chosen_classes_are_read(recordings):
    sounds = load_sound_folder(recordings, 16_000, 16_000, classes=["yes", "no"])
    assert set(sounds.labels) == {"yes", "no"} and len(sounds) == 6
    with pytest.raises(ValueError, match="none of the sub-folders up, down; it has: _unknown_"):
        load_sound_folder(recordings, 16_000, 16_000, classes=["up", "down"])


def test_clips_of_one_speaker_are_no_pair_of_the_null(recordings, architecture):
    options = SimpleNamespace(preset=COMMANDS, stimuli_dir=recordings, num_null_stimuli=6)
    sounds, groups = audio.null_sounds(options, architecture("cnn_l"))
    assert len(sounds) == 6 and set(groups) == {
        (word, f"0000000{speaker}") for word in ("yes", "no") for speaker in "abc"
    }


def test_sounds_in_no_sub_folder_are_pairs_of_the_null(recordings, architecture, tmp_path):
    for word, speaker in (("yes", "a"), ("no", "a"), ("no", "b")):
        source = recordings / word / f"0000000{speaker}_nohash_0.flac"
        shutil.copy(source, tmp_path / f"{word}{speaker}.flac")
    options = SimpleNamespace(preset=SMALL, stimuli_dir=tmp_path, num_null_stimuli=3)
    _, groups = audio.null_sounds(options, architecture("cnn_l"))
    assert len({word for word, _ in groups}) == len({speaker for _, speaker in groups}) == 3


@pytest.fixture
def random_commands(tmp_path, monkeypatch):
    """The command networks with random weights, where the scripts look for the published ones."""
    for name, file in (("ds_cnn_l", "DS_CNN_L.pb"), ("cnn_l", "CNN_L.pb")):
        keyword_graphs.write(name, tmp_path / file)
    monkeypatch.setenv(VARIABLE, str(tmp_path))


@pytest.mark.slow
def test_commands_from_end_to_end(recordings, random_commands, tmp_path):
    folder = tmp_path / "fig4"
    result = run(
        "fig4_audio", "--preset=commands", f"--stimuli_dir={recordings}", "--layers=mfcc,fc",
        "--num_stimuli=4", "--num_null_stimuli=6", "--iterations=3", f"--output_dir={folder}",
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    made = RunFolder(folder, create=False)
    config = made.read_run_record()["config"]
    assert config["layers"] == {"ds_cnn_l": ["mfcc"], "cnn_l": ["mfcc", "fc"]}
    assert {name.split("_")[0] for name in config["stimulus_ids"]} == {"yes", "no"}
    nulls = made.read_table("nulls")
    assert set(nulls.n_pairs) == {6} and set(nulls.n_excluded_pairs) == {9}
    recognition = made.read_table("recognition")
    assert set(recognition.observer) == set(presets.WORD_NETWORKS[COMMANDS])
    assert set(recognition.source) == {"measured"}
    assert (folder / "figure.png").exists() and (folder / "recognition.png").exists()
    heard = run(
        "fig6_audio_transfer", "--preset=commands", "--layers=mfcc,fc", f"--run_dir={folder}",
        f"--output_dir={tmp_path / 'fig6'}",
    )  # fmt: skip
    assert heard.returncode == 0, heard.stderr
    played = RunFolder(tmp_path / "fig6", create=False).read_table("recognition")
    assert set(played.observer) == {presets.FIGURE_6_OBSERVER[COMMANDS]}


@pytest.mark.slow
def test_imagenet_from_end_to_end(tmp_path):
    folder = tmp_path / "fig3"
    result = run(
        "fig3_visual", "--preset=imagenet", "--networks=efficientnet_lite0",
        "--layers=stem,stage2", "--num_stimuli=1", "--num_null_stimuli=3", "--iterations=3",
        f"--output_dir={folder}",
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    made = RunFolder(folder, create=False)
    (stimulus,) = made.read_run_record()["config"]["stimulus_ids"]
    assert stimulus.startswith("airplane_")
    recognition = made.read_table("recognition")
    natural = recognition[recognition.layer == NATURAL]
    assert set(natural.task) == {"16-way", "native"} and (natural.proportion_correct == 1).all()
    assert (folder / "figure.png").exists() and not (folder / "recognition.png").exists()
