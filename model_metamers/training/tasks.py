"""What a network is trained to do: its loss and its scores on held-out examples."""

from collections.abc import Callable, Iterable, Mapping, Sequence

import keras
import numpy as np
import tensorflow as tf
from scipy import stats


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
    forward = tf.function(lambda inputs: model(inputs, training=False), autograph=False)
    predicted_batches, true_batches = [], []
    for inputs, labels in batches:
        predicted_batches.append(np.argmax(forward(tf.constant(inputs)).numpy(), axis=1))
        true_batches.append(labels)
    predicted, true = np.concatenate(predicted_batches), np.concatenate(true_batches)
    return {
        "fine": float(np.mean(predicted == true)),
        "category": float(np.mean(category_of_class[predicted] == category_of_class[true])),
    }


def sound_loss(
    tasks: Sequence[str], background_weight: float = 1.0
) -> Callable[[Mapping[str, tf.Tensor], tf.Tensor | list], tf.Tensor]:
    """Return the loss [batch] of a network with a head for each task, in their order.

    A word is one of the classes (cross-entropy); backgrounds, AudioSet's or textures, may be
    several at once (binary cross-entropies, summed over the classes, times `background_weight`).
    The tasks' losses add up.
    """

    def background_loss(targets: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
        return background_weight * multi_label_loss(targets, logits)

    head_losses = {"word": class_loss, "background": background_loss, "audioset": background_loss}

    def loss(targets: Mapping[str, tf.Tensor], outputs: tf.Tensor | list) -> tf.Tensor:
        heads = zip(tasks, tf.nest.flatten(outputs), strict=True)
        return tf.add_n([head_losses[task](targets[task], logits) for task, logits in heads])

    return loss


def multi_label_loss(targets: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
    """Return the sum over classes of binary cross-entropies, [batch], of [batch, classes]."""
    losses = tf.nn.sigmoid_cross_entropy_with_logits(labels=targets, logits=logits)
    return tf.reduce_sum(losses, axis=-1)


def area_under_roc(targets: np.ndarray, scores: np.ndarray) -> float:
    """Return the area under the ROC curve, averaged over the classes that occur.

    It is the chance that an example with the class has a higher score than one without it, ties
    counting half.

    Args:
        targets: [n, n_classes], nonzero where the class is there.
        scores: [n, n_classes].

    Raises:
        ValueError: no class that some examples have and others have not.
    """
    areas = []
    for present, score in zip(np.asarray(targets).T > 0, np.asarray(scores).T, strict=True):
        n_with, n_without = present.sum(), (~present).sum()
        if n_with and n_without:
            rank_sum = stats.rankdata(score)[present].sum()
            areas.append((rank_sum - n_with * (n_with + 1) / 2) / (n_with * n_without))
    if not areas:
        raise ValueError("no class is present in some examples and absent from others")
    return float(np.mean(areas))


def head_outputs(model: keras.Model, inputs: np.ndarray, batch_size: int = 64) -> list[np.ndarray]:
    """Return the outputs [n, n_classes] of every head, in inference mode."""
    outputs = model.predict(inputs, batch_size=batch_size, verbose=0)
    return outputs if isinstance(outputs, list) else [outputs]
