"""Training the full-size image networks' code, in its trial size, on both kinds of files."""

import json
from dataclasses import replace
from functools import partial

import command_line
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from tiny_imagenet import FILES, write_folder, write_records

from model_metamers.analysis import tables
from model_metamers.networks import catalog, checkpoints
from shared import corpus_images, courses


def write_shards(folder, split, n_shards=2):
    folder.mkdir(exist_ok=True)
    for i in range(n_shards):
        path = folder / f"{split}-{i:05d}-of-{n_shards:05d}"
        write_records(path, FILES[i::n_shards])


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Folders of images; torchvision's name of the second."""
    root = tmp_path_factory.mktemp("imagenet_folders")
    write_folder(root / "train")
    write_folder(root / "val", FILES[:5])
    return root


@pytest.fixture(scope="module")
def records(tmp_path_factory):
    root = tmp_path_factory.mktemp("imagenet_records")
    write_shards(root, "train")
    write_shards(root, "validation")
    return root


def course(name, dataset, strategy=None, build_options=None, **changes):
    small = {
        "steps": 4, "batch_size": 4, "warmup_steps": 2, "evaluation_steps": 3,
        "checkpoint_seconds": 0,
    }  # fmt: skip
    recipe = replace(corpus_images.RECIPES[name], **small | changes)
    trial, takes = corpus_images.TRIALS[name], corpus_images.INPUTS[name]
    entry = catalog.catalog_entry(f"{name}_seed1")
    build = partial(entry.build, **trial, **build_options or {})
    return corpus_images.course(
        recipe, build, dataset, replace(takes, size_px=trial["size_px"]),
        entry.readouts["imagenet"].class_offset,
        strategy=strategy or tf.distribute.get_strategy(),
    )  # fmt: skip


def test_the_networks_are_those_of_table_s1():
    assert corpus_images.NETWORKS == [
        "vgg_19_seed1", "inception_v3_seed1", "resnet_v2_101_seed1",
    ]  # fmt: skip
    assert len(corpus_images.wordnet_ids()) == 1000


def test_folders_and_records_are_found_by_themselves(folders, records):
    found = [corpus_images.read_dataset(root) for root in (folders, records)]
    assert [f.record["n_train"] for f in found] == [7, 7]
    assert [f.record["n_validation"] for f in found] == [5, 7]


def test_scores_are_percentages_of_first_and_first_five(folders):
    dataset = corpus_images.read_dataset(folders)
    images = dataset.images["validation"]
    labels = [int(images.read(tf.constant(i, tf.int64))[1]) for i in range(images.n)]
    assert labels == [3, 3, 3, 404, 404]
    # Whatever it sees, class 3 comes first and class 404 third.
    fixed = np.zeros(1001, np.float32)
    fixed[[1 + 3, 1 + 7, 1 + 404]] = 3, 2, 1
    pixels = tf.keras.Input((32, 32, 3))
    logits = tf.keras.layers.Dense(
        1001, kernel_initializer="zeros", bias_initializer=tf.constant_initializer(fixed)
    )(tf.keras.layers.GlobalAveragePooling2D()(pixels))
    found = course("resnet_v2_101", dataset).validate(tf.keras.Model(pixels, logits))
    assert found == {"top1_percent": pytest.approx(60), "top5_percent": pytest.approx(100)}


def test_a_killed_run_ends_like_an_uninterrupted_one(records, tmp_path):
    dataset, strategy = corpus_images.read_dataset(records), tf.distribute.get_strategy()
    expected = courses.train_network(
        "vgg", course("vgg_19", dataset), tmp_path, tmp_path / "whole", strategy
    )

    def killed(model):
        raise KeyboardInterrupt  # at step 3, before it is saved

    interrupted = replace(course("vgg_19", dataset), validate=killed)
    with pytest.raises(KeyboardInterrupt):
        courses.train_network("vgg", interrupted, tmp_path, tmp_path / "killed", strategy)
    other = course("vgg_19", dataset, weight_decay=0.5)
    with pytest.raises(ValueError, match=r"holds a training with weight_decay = .*has 0\.5"):
        courses.train_network("vgg", other, tmp_path, tmp_path / "killed", strategy)
    model = courses.train_network(
        "vgg", course("vgg_19", dataset), tmp_path, tmp_path / "killed", strategy
    )
    for resumed, whole in zip(model.variables, expected.variables, strict=True):
        np.testing.assert_array_equal(resumed, whole, whole.path)


@pytest.mark.slow
def test_two_replicas_train_and_judge(folders, two_replicas, tmp_path):
    dataset, losses = corpus_images.read_dataset(folders), {}
    for name, strategy in {"one": tf.distribute.get_strategy(), "two": two_replicas}.items():
        one = course("vgg_19", dataset, strategy, {"dropout": 0.0}, steps=1)
        courses.train_network(name, one, tmp_path, tmp_path / "progress" / name, strategy)
        log = pd.read_csv(tmp_path / f"{name}.log.csv")
        assert list(log.columns) == ["step", "loss", "seconds", "top1_percent", "top5_percent"]
        assert log.step.tolist() == [1, 1]
        losses[name] = log.loss.dropna().item()
    assert losses["two"] == pytest.approx(losses["one"], rel=1e-3)


@pytest.mark.slow
def test_networks_are_trained_logged_scored_and_written(folders, tmp_path):
    flags = [f"--data_dir={folders}", f"--output_dir={tmp_path}", "--trial", "--steps=2"]
    flags += ["--batch_size=4", "--evaluation_steps=2"]
    result = command_line.run("train_imagenet", *flags)
    assert result.returncode == 0, result.stderr
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    for name, changes in corpus_images.TRIALS.items():
        trial = f"{name}_seed1_trial"
        record, log = manifest[trial], pd.read_csv(tmp_path / f"{trial}.log.csv")
        assert (record["n_train"], record["n_validation"], record["seed"]) == (7, 5, 1)
        assert 0 <= record["validation_top1_percent"] <= record["validation_top5_percent"] <= 100
        row = tables.training_row(trial, log, record)
        assert row["steps"] == 2 and row["last_loss"] > 0 and 0 <= row["top5_percent"] <= 100
        model = catalog.catalog_entry(f"{name}_seed1").build(**changes)
        checkpoints.load_weights(model, tmp_path / f"{trial}.npz", scope="")
    assert not any(path.is_file() for path in (tmp_path / "training").rglob("*"))


@pytest.mark.slow
def test_two_workers_train_one_network(records, tmp_path):
    """Two processes, each with half of the batch; the first of them alone writes."""
    errors = command_line.run_two_workers(
        "train_imagenet", f"--data_dir={records}", f"--output_dir={tmp_path}", "--trial",
        "--steps=2", "--batch_size=4", "--evaluation_steps=1", "--networks=vgg_19_seed1",
        "--strategy=multiworker",
    )  # fmt: skip
    told = [
        [line.partition("] ")[2] for line in text.splitlines() if "step" in line]
        for text in errors
    ]
    assert len(told[0]) == 3 and told[0] == told[1]  # the same loss and scores for both
    assert len(pd.read_csv(tmp_path / "vgg_19_seed1_trial.log.csv")) == 3


@pytest.mark.slow
@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--data_dir=none"], "--data_dir=none is not there; name the folder of ImageNet"),
        (["--networks=vgg_19"], "unknown network 'vgg_19'; choose from: vgg_19_seed1, "),
    ],
)
def test_a_mistake_is_told_in_one_line(flags, message, tmp_path):
    result = command_line.run("train_imagenet", *flags, f"--output_dir={tmp_path / 'none'}")
    assert message in command_line.error_of(result)
    assert not (tmp_path / "none").exists()


def test_missing_files_of_records_are_told(tmp_path):
    write_shards(tmp_path, "train", n_shards=3)
    (tmp_path / "train-00001-of-00003").unlink()
    with pytest.raises(ValueError, match="has 2 of the 3 files of records of the split train"):
        corpus_images.read_dataset(tmp_path)
    write_shards(tmp_path, "train", n_shards=3)
    with pytest.raises(ValueError, match="needs a folder validation or val of ImageNet's images"):
        corpus_images.read_dataset(tmp_path)
