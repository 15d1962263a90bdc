"""Training a small audio network, in two steps on very little speech."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from command_line import error_of, run

from model_metamers.networks import catalog
from model_metamers.stimuli.made import speech
from shared import courses, small_words

NAME = "word_audioset_reduced_aliasing_small"


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(speech, "UTTERANCES_PER_SHARD", 20)
        patch.setattr(small_words, "N_SPEECH_SHARDS", dict.fromkeys(speech.VOICES, 1))
        patch.setattr(small_words, "N_TEXTURES_PER_CLASS", dict.fromkeys(speech.VOICES, 1))
        recipe = replace(small_words.RECIPE, steps=2, batch_size=4, warmup_steps=1)
        folder, build = tmp_path_factory.mktemp("sounds"), catalog.catalog_entry(NAME).build
        yield small_words.course(recipe, build, folder, ["word", "background"], speech_dir=None)


@pytest.mark.slow
@pytest.mark.parametrize("n_replicas", [pytest.param(1, marks=pytest.mark.long), 2])
def test_a_network_is_trained_scored_and_written(course, tmp_path, n_replicas, two_replicas):
    strategy = two_replicas if n_replicas == 2 else tf.distribute.get_strategy()
    model = courses.train_network(NAME, course, tmp_path, tmp_path / "progress", strategy)
    courses.write_network(NAME, model, course, tmp_path)
    record = courses.read_manifest(tmp_path)[NAME]
    assert record["data"] == "synthetic words and textures (model_metamers.stimuli.made)"
    assert record["targets"] == {"word": 0.78, "background": 0.995}
    scores = [
        "validation_word_accuracy", "validation_background_auc", "test_word_accuracy",
        "test_background_auc", "test_quiet_word_accuracy",
    ]  # fmt: skip
    assert all(0 <= record[name] <= 1 for name in scores)
    loss, scores = pd.read_csv(tmp_path / f"{NAME}.log.csv").to_dict("records")
    assert loss["step"] == scores["step"] == 2 and loss["loss"] > 0
    for column in ("word_accuracy", "background_auc"):
        assert np.isnan(loss[column])
        assert scores[column] == pytest.approx(course.validate(model)[column], abs=0.02)
    network = catalog.load_network(NAME, weights=tmp_path / f"{NAME}.npz")
    waveforms = np.random.default_rng(0).standard_normal((2, 20_000)).astype(np.float32) / 10
    assert network.logits(waveforms, "word").shape == (2, 21)
    assert network.logits(waveforms, "background").shape == (2, 11)


def test_training_stops_when_both_targets_are_reached(course):
    assert course.is_enough({"word_accuracy": 0.8, "background_auc": 0.996})
    assert not course.is_enough({"word_accuracy": 0.8, "background_auc": 0.99})
    assert not course.is_enough({"word_accuracy": 0.77, "background_auc": 0.996})


def test_networks_that_are_trained_can_be_named():
    listed = error_of(run("train_small", "--networks=no_network")).partition("choose from: ")[2]
    assert {NAME, "word_reduced_aliasing_small_seed1"} <= set(listed.split(", "))
    assert "random_reduced_aliasing_small" not in listed
