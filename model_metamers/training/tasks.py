"""What a network is trained to do: its loss and its scores on held-out examples."""

from collections.abc import Iterable

import keras
import numpy as np
import tensorflow as tf


def class_loss(labels: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
    """Return the cross-entropy [batch] of labels [batch] under logits [batch, n_classes]."""
    return tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits)


def class_accuracy(
    model: keras.Model,
    batches: Iterable[tuple[np.ndarray, np.ndarray]],
    category_of_class: np.ndarray,
) -> dict[str, float]:
    """Score a classifier of fine classes on held-out examples.

    Args:
        model: returns logits [batch, n_classes].
        batches: (inputs, fine-class labels).
        category_of_class: category of every fine class, int [n_classes].

    Returns:
        "fine": share of right classes; "category": share whose class is of the right category.
    """
    forward = tf.function(lambda inputs: model(inputs, training=False))
    predicted, true = [], []
    for inputs, labels in batches:
        predicted.append(np.argmax(forward(tf.constant(inputs)).numpy(), axis=1))
        true.append(labels)
    predicted, true = np.concatenate(predicted), np.concatenate(true)
    return {
        "fine": float(np.mean(predicted == true)),
        "category": float(np.mean(category_of_class[predicted] == category_of_class[true])),
    }
