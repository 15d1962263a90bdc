"""How the image networks of Table S1 are trained: on ImageNet, from another initialisation.

The paper gives their accuracies, not their recipes. Ours are those that such networks are commonly
trained with, on TF-Slim's images. Source: Table S1.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from model_metamers.cluster import Share
from model_metamers.paper import load_table
from model_metamers.training import imagenet, tasks
from model_metamers.training.evaluation import judge
from model_metamers.training.loop import TrainingConfig
from shared.courses import Course, scores_on_one_device
from shared.training_flags import networks_trained_by

NETWORKS = networks_trained_by("experiments/train_imagenet.py")
SCORES = ("top1_percent", "top5_percent")
TRAINING, VALIDATION = "train", "validation"
# Folders of images are often called "val", TF-Slim's records never.
FOLDERS = {TRAINING: ("train",), VALIDATION: ("validation", "val")}


def _recipe(learning_rate: float, weight_decay: float) -> TrainingConfig:
    """Return a recipe of 90 epochs, with a validation after each."""
    return TrainingConfig(
        steps=450_000, batch_size=256, learning_rate=learning_rate, weight_decay=weight_decay,
        momentum=0.9, warmup_steps=25_000, clip_norm=None, checkpoint_seconds=600,
        evaluation_steps=5000,
    )  # fmt: skip


# With a momentum of 0.9 the decoupled decays pull as hard as 5e-4 and 1e-4 in the gradient.
RECIPES = {
    "vgg_19": _recipe(0.01, 5e-3),
    "inception_v3": _recipe(0.1, 1e-3),
    "resnet_v2_101": _recipe(0.1, 1e-3),
}
# What makes a network small enough to try the rest.
TRIALS: dict[str, dict[str, Any]] = {
    "vgg_19": {"size_px": 32, "widths": 1 / 32},
    "inception_v3": {"size_px": 75, "widths": 1 / 16},
    "resnet_v2_101": {"size_px": 32, "widths": 1 / 32, "units_per_block": (1, 1, 2, 1)},
}


@dataclass(frozen=True)
class ImageInput:
    """How a network takes its images.

    Attributes:
        family: of its preprocessing (`slim_preprocessing`).
        size_px: side of the images.
    """

    family: str
    size_px: int


INPUTS = {
    "vgg_19": ImageInput("vgg", 224),
    "inception_v3": ImageInput("inception", 299),
    "resnet_v2_101": ImageInput("inception", 299),
}


@dataclass(frozen=True)
class ImageDataset:
    """ImageNet's images by split, and what the manifest tells about them."""

    images: Mapping[str, imagenet.EncodedImages]
    record: Mapping[str, object]


def read_dataset(directory: Path) -> ImageDataset:
    """Open ImageNet as folders of images or as TF-Slim's records.

    Args:
        directory: holds train/ and validation/ (or val/), with a sub-folder of images for every
            WordNet id; or train-00000-of-01024 .., validation-00000-of-00128 ..

    Raises:
        ValueError: neither is there, files of records are missing, or they cannot be read.
    """
    images = {split: _images(directory, split) for split in FOLDERS}
    record: dict[str, object] = {"data": f"ImageNet in {directory.name}"}
    record |= {f"n_{split}": found.n for split, found in images.items()}
    return ImageDataset(images, record)


def _images(directory: Path, split: str) -> imagenet.EncodedImages:
    records = sorted(directory.glob(f"{split}-?????-of-?????"))
    if records:
        n_expected = int(records[0].name.rpartition("-")[2])
        if len(records) != n_expected:
            raise ValueError(
                f"{directory} has {len(records)} of the {n_expected} files of records of the "
                f"split {split}"
            )
        return imagenet.tfrecords(records)
    for name in FOLDERS[split]:
        if (directory / name).is_dir():
            return imagenet.image_folder(directory / name, wordnet_ids())
    raise ValueError(
        f"{directory} needs a folder {' or '.join(FOLDERS[split])} of ImageNet's images, or "
        f"TF-Slim's files of records {split}-00000-of-.....; it has neither"
    )


def wordnet_ids() -> list[str]:
    """Return the WordNet ids of ImageNet's classes, in the order of the networks' outputs."""
    return load_table("imagenet_labels").wordnet_id.tolist()


def course(
    recipe: TrainingConfig,
    build: Callable[[], keras.Model],
    dataset: ImageDataset,
    takes: ImageInput,
    class_offset: int,
    *,
    strategy: tf.distribute.Strategy,
    share: Share = Share(),
) -> Course:
    """Return the course of a full-size image network.

    Args:
        recipe: its numbers.
        build: returns the network.
        dataset: what it sees.
        takes: how it takes its images.
        class_offset: output of the first class.
        strategy: device strategy.
        share: this worker's part of every batch.
    """

    def batches(first_step: int) -> tf.data.Dataset:
        return imagenet.training_batches(
            dataset.images[TRAINING], takes.family, takes.size_px, recipe.batch_size, recipe.seed,
            first_step, class_offset, *share,
        )  # fmt: skip

    def validation(
        model: keras.Model, strategy: tf.distribute.Strategy, share: Share
    ) -> dict[str, float]:
        images = dataset.images[VALIDATION]
        right = judge(
            model, _judgement,
            lambda: imagenet.evaluation_batches(
                images, takes.family, takes.size_px, recipe.batch_size, class_offset, *share
            ),
            images.n, recipe.batch_size, strategy,
        )  # fmt: skip
        return {score: 100 * float(np.mean(right[score])) for score in SCORES}

    return Course(
        recipe, build, tasks.class_loss, batches, scores_on_one_device(validation),
        dict(dataset.record), SCORES, validate=lambda model: validation(model, strategy, share),
    )  # fmt: skip


def _judgement(classes: tf.Tensor, logits: tf.Tensor) -> dict[str, tf.Tensor]:
    """Return whether the class is the first, and among the first five, 0 or 1."""
    return {
        score: tf.cast(tf.math.in_top_k(classes, logits, k), tf.float32)
        for score, k in zip(SCORES, (1, 5), strict=True)
    }
