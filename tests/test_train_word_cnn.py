"""Training the full-size audio networks' code, in their trial size, on corpora in real formats."""

import csv
import json
from dataclasses import replace
from functools import partial

import command_line
import numpy as np
import pytest
import tensorflow as tf
import tiny_corpora

from model_metamers.networks import catalog, checkpoints
from shared import corpus_words, courses

BOTH = "word_audioset_reduced_aliasing"
TARGETS = {"word": 0.57, "audioset": 0.83}
RECIPE = replace(
    corpus_words.RECIPE, steps=4, batch_size=4, warmup_steps=2, evaluation_steps=3,
    checkpoint_seconds=0,
)  # fmt: skip

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def dataset_dir(tmp_path_factory):
    """The tables that build_word_dataset.py makes of tiny corpora."""
    folder = tmp_path_factory.mktemp("corpora")
    tiny_corpora.write_speech(folder)
    tiny_corpora.write_audioset(folder)
    flags = tiny_corpora.build_flags(folder, folder / "tables")
    result = command_line.run("build_word_dataset", *flags)
    assert result.returncode == 0, result.stderr
    return folder / "tables"


@pytest.fixture(scope="module")
def course(dataset_dir):
    """Return a course, by network and strategy."""
    dataset = corpus_words.read_dataset(dataset_dir)

    def of(name, strategy=None, **changes):
        entry = catalog.catalog_entry(name)
        build = partial(entry.build, **corpus_words.TRIAL)
        return corpus_words.course(
            replace(RECIPE, **changes), build, dataset, list(entry.readouts), TARGETS,
            strategy=strategy or tf.distribute.get_strategy(),
        )  # fmt: skip

    return of


def trial_flags(dataset_dir, output_dir):
    return [
        f"--dataset_dir={dataset_dir}", f"--output_dir={output_dir}", "--trial", "--steps=4",
        "--batch_size=4", "--evaluation_steps=2",
    ]  # fmt: skip


def log_of(path):
    with path.open(newline="") as lines:
        return list(csv.DictReader(lines))


def test_the_networks_are_those_of_table_s4_that_are_trained():
    assert corpus_words.NETWORKS == [
        "word_aliased", "word_reduced_aliasing", "word_reduced_aliasing_seed1",
        "audioset_reduced_aliasing", "word_audioset_reduced_aliasing",
    ]  # fmt: skip


def test_networks_are_trained_logged_scored_and_written(dataset_dir, tmp_path):
    flags = trial_flags(dataset_dir, tmp_path)
    names = f"--networks={BOTH},word_reduced_aliasing_seed1"
    result = command_line.run("train_word_cnn", *flags, names, "--word_target=0")
    assert result.returncode == 0, result.stderr
    record = json.loads((tmp_path / "manifest.json").read_text())[f"{BOTH}_trial"]
    assert (record["n_train"], record["n_validation"], record["n_words"]) == (15, 3, 3)
    assert record["targets"] == {"word": 0.0, "audioset": 0.83}
    assert (record["seed"], record["momentum"]) == (0, 0.9)
    rows = log_of(tmp_path / f"{BOTH}_trial.log.csv")
    assert rows[0]["step"] == "2" and rows[0]["loss"] == ""
    for column in ("word_accuracy", "audioset_auc"):
        assert 0 <= float(rows[0][column]) <= 1
        assert 0 <= record[f"validation_{column}"] <= 1
    # The second network is of the word task alone, whose target any accuracy reaches.
    second = json.loads((tmp_path / "manifest.json").read_text())
    assert second["word_reduced_aliasing_seed1_trial"]["seed"] == 1
    (row,) = log_of(tmp_path / "word_reduced_aliasing_seed1_trial.log.csv")
    assert row["step"] == "2" and "audioset_auc" not in row
    model = catalog.catalog_entry(BOTH).build(**corpus_words.TRIAL)
    checkpoints.load_weights(model, tmp_path / f"{BOTH}_trial.npz", scope="")
    assert not any(path.is_file() for path in (tmp_path / "training").rglob("*"))


@pytest.mark.long
def test_a_killed_run_ends_like_an_uninterrupted_one(course, tmp_path):
    strategy = tf.distribute.get_strategy()
    expected = courses.train_network(
        BOTH, course(BOTH), tmp_path, tmp_path / "whole", strategy
    )  # fmt: skip
    first_steps = []

    def killed(model):
        raise KeyboardInterrupt  # at step 3, before it is saved

    interrupted = replace(course(BOTH), validate=killed)
    with pytest.raises(KeyboardInterrupt):
        courses.train_network(BOTH, interrupted, tmp_path, tmp_path / "killed", strategy)
    again = course(BOTH)

    def batches(first_step):
        first_steps.append(first_step)
        return again.batches(first_step)

    model = courses.train_network(
        BOTH, replace(again, batches=batches), tmp_path, tmp_path / "killed", strategy
    )
    assert first_steps == [2]
    for resumed, whole in zip(model.variables, expected.variables, strict=True):
        np.testing.assert_array_equal(resumed, whole, whole.path)


def test_two_replicas_train_and_judge(course, two_replicas, tmp_path):
    losses = {}
    for name, strategy in {"one": None, "two": two_replicas}.items():
        one = course("word_aliased", strategy, steps=1)
        courses.train_network(
            name, one, tmp_path, tmp_path / "progress" / name,
            strategy or tf.distribute.get_strategy(),
        )  # fmt: skip
        losses[name], validation = log_of(tmp_path / f"{name}.log.csv")
        assert validation["step"] == "1" and 0 <= float(validation["word_accuracy"]) <= 1
    # Batch norm and dropout see 2 clips at a time instead of 4; at first all words are as likely.
    assert float(losses["two"]["loss"]) == pytest.approx(float(losses["one"]["loss"]), rel=0.02)
    assert float(losses["one"]["loss"]) == pytest.approx(np.log(794), rel=0.05)


@pytest.mark.long
def test_two_workers_train_one_network(dataset_dir, tmp_path):
    """Two processes, each with half of the batch; the first of them alone writes."""
    flags = trial_flags(dataset_dir, tmp_path)
    flags += ["--networks=word_aliased", "--strategy=multiworker"]
    errors = command_line.run_two_workers("train_word_cnn", *flags)
    told = [
        [line.partition("] ")[2] for line in text.splitlines() if "step" in line]
        for text in errors
    ]
    assert len(told[0]) == 3 and told[0] == told[1]  # the same loss and scores for both
    assert len(log_of(tmp_path / "word_aliased_trial.log.csv")) == 3
    assert json.loads((tmp_path / "manifest.json").read_text()).keys() == {"word_aliased_trial"}


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--dataset_dir=none"], "--dataset_dir=none is not there; build_word_dataset.py"),
        (["--networks=word_9"], "unknown network 'word_9'; choose from: word_aliased, "),
        (["--strategy=multiworker"], "--strategy=multiworker needs the cluster in TF_CONFIG"),
    ],
)
def test_a_mistake_is_told_in_one_line(flags, message, tmp_path):
    result = command_line.run("train_word_cnn", *flags, f"--output_dir={tmp_path / 'none'}")
    assert message in command_line.error_of(result)
    assert not (tmp_path / "none").exists()


def table_with(dataset_dir, folder, name, changed):
    """Copy the tables to a folder, with the lines of one of them changed."""
    for path in dataset_dir.glob("*.csv"):
        (folder / path.name).write_text(path.read_text())
    header, *rows = (folder / name).read_text().splitlines()
    (folder / name).write_text("\n".join([header, *changed(rows)]) + "\n")


@pytest.mark.parametrize(
    ("name", "changed", "message"),
    [
        ("words.csv", lambda rows: [r for r in rows if r.endswith("train")],
         r"words\.csv has no rows of the split validation"),
        ("backgrounds.csv", lambda rows: [],
         r"backgrounds\.csv has no rows of the split train"),
        ("words.csv", lambda rows: [*rows[:-1], rows[-1].replace(",right,", ",right,9")],
         r"words\.csv has a class 9\d+, the networks 794 outputs from 0; build it with --voc"),
        ("backgrounds.csv", lambda rows: [r.replace("/audioset/", "/gone/") for r in rows],
         r"backgrounds\.csv names .*/gone/clip_\d_+\.wav, which is not there"),
    ],
)  # fmt: skip
def test_unfit_tables_are_told(name, changed, message, dataset_dir, tmp_path):
    table_with(dataset_dir, tmp_path, name, changed)
    with pytest.raises(ValueError, match=message):
        corpus_words.read_dataset(tmp_path)


def test_a_dataset_without_backgrounds_is_told(dataset_dir, tmp_path):
    (tmp_path / "words.csv").write_text((dataset_dir / "words.csv").read_text())
    with pytest.raises(ValueError, match=r"no list of clips .*backgrounds\.csv; build_"):
        corpus_words.read_dataset(tmp_path)
