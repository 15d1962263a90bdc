"""How the small image networks are trained: on rendered objects of 64 classes in 16 categories."""

from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from model_metamers.stimuli.made import objects
from model_metamers.training import datasets, tasks
from model_metamers.training.loop import TrainingConfig
from shared.courses import Course

N_TRAIN_PER_CLASS, N_VALIDATION_PER_CLASS = 120, 20

_BATCH_NORM = TrainingConfig(steps=2000, learning_rate=2e-3, weight_decay=1e-3)
_VGG = TrainingConfig(steps=2200, learning_rate=5e-4, weight_decay=1e-4, warmup_steps=300)
RECIPES = {
    "vgg_19": _VGG,
    "inception_v3": _BATCH_NORM,
    "resnet_v2_101": _BATCH_NORM,
}


def course(
    recipe: TrainingConfig,
    build: Callable[[], keras.Model],
    data_dir: Path,
    n_per_class: int | None,
    noise_sd: float = datasets.NOISE_SD,
) -> Course:
    """Return the course of an image network.

    Args:
        recipe: its numbers.
        build: returns the network.
        data_dir: where renders are kept.
        n_per_class: training images per class, a multiple of 10; None for the usual number.
        noise_sd: of the white noise that is added to training images, at most.
    """
    n_train = n_per_class or N_TRAIN_PER_CLASS
    n_validation = min(n_train, N_VALIDATION_PER_CLASS)
    images, labels = datasets.rendered_objects("train", n_train, data_dir)
    held_out = datasets.rendered_objects("validation", n_validation, data_dir)

    def batches(first_step: int) -> tf.data.Dataset:
        return datasets.image_batches(
            images, labels, recipe.batch_size, recipe.seed, first_step, noise_sd
        )

    def scores(model: keras.Model) -> dict[str, float]:
        category = np.arange(len(objects.FINE_CLASSES)) // objects.VARIANTS_PER_CATEGORY
        found = tasks.class_accuracy(model, datasets.evaluation_batches(*held_out), category)
        return {f"{name}_accuracy": score for name, score in found.items()}

    record = {
        "data": "rendered objects (model_metamers.stimuli.made.objects)",
        "n_train": len(images),
        "n_validation": len(held_out[0]),
        "noise_sd": noise_sd,
    }
    return Course(recipe, build, tasks.class_loss, batches, scores, record)
