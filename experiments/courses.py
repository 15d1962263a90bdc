"""What `train_small.py` needs to know to train a network, whatever the network sees or hears."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras
import tensorflow as tf

from model_metamers.training.loop import LossFunction, TrainingConfig


def never(model: keras.Model) -> bool:
    """Return False: training ends with its last step."""
    return False


@dataclass(frozen=True)
class Course:
    """One network's training.

    Attributes:
        config: the recipe.
        loss_function: (targets, outputs) -> loss [batch].
        batches: first step -> endless batches of (inputs, targets).
        scores: model -> its scores on held-out examples, for the manifest.
        record: what else the manifest tells.
        is_enough: model -> whether it has reached the validation target, asked every 100 steps.
    """

    config: TrainingConfig
    loss_function: LossFunction
    batches: Callable[[int], tf.data.Dataset]
    scores: Callable[[keras.Model], dict[str, float]]
    record: dict[str, Any]
    is_enough: Callable[[keras.Model], bool] = never
