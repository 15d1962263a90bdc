"""Scores of an observer: which class it reports, and how often that is right.

Logits [n, n_classes] in, class or category indices [n] out.

Source: paper section 2.4; the 16-way decision is that of Geirhos et al. 2018, with a maximum.
"""

from collections.abc import Sequence

import numpy as np

from model_metamers.stimuli.labels import sixteen_category_members

IMAGENET_CLASSES = 1000


def sixteen_way(logits: np.ndarray, class_offset: int = 0) -> np.ndarray:
    """Return the answer of an ImageNet network to the 16-way task.

    Args:
        logits: [n, 1000 + class_offset].
        class_offset: 1 for networks with a background class in front, else 0.

    Returns:
        Index into `SIXTEEN_CATEGORIES`, int64 [n].

    Raises:
        ValueError: logits of another width, or NaN.

    Source: the authors' rule, the category of the highest-ranked class that belongs to any of the
    16 (`paper/sixteen_categories.csv`).
    """
    logits = _checked_logits(logits)
    if logits.shape[1] != IMAGENET_CLASSES + class_offset:
        raise ValueError(
            f"expected logits of {IMAGENET_CLASSES + class_offset} ImageNet classes (class_offset="
            f"{class_offset}); got {logits.shape[1]}. Use class_offset=1 for networks with 1001 "
            "outputs, category_of_top_member for other class sets."
        )
    members = sixteen_category_members().values()
    return category_of_top_member(logits, [classes + class_offset for classes in members])


def category_of_top_member(logits: np.ndarray, members: Sequence[np.ndarray]) -> np.ndarray:
    """Return the category of the largest logit among the members of all categories.

    Args:
        logits: [n, n_classes].
        members: for each category, the indices of its classes; no class in two categories.

    Returns:
        Index into `members`, int64 [n]; of equal logits the lowest class index counts.

    Raises:
        ValueError: a class out of range or in two categories, an empty category, or NaN logits.
    """
    logits = _checked_logits(logits)
    classes = np.concatenate([np.asarray(indices, int) for indices in members])
    category = np.repeat(np.arange(len(members)), [len(indices) for indices in members])
    if len(np.unique(category)) != len(members) or len(np.unique(classes)) != len(classes):
        raise ValueError("expected every category to have members, and no class in two categories")
    if classes.min() < 0 or classes.max() >= logits.shape[1]:
        raise ValueError(
            f"expected member classes in 0..{logits.shape[1] - 1}, the width of the logits; got "
            f"{classes.min()}..{classes.max()}"
        )
    ascending = np.argsort(classes)
    top = logits[:, classes[ascending]].argmax(axis=1)
    return category[ascending][top]


def native_class(logits: np.ndarray) -> np.ndarray:
    """Return the class of the largest logit, int64 [n], for logits [n, n_classes]."""
    return _checked_logits(logits).argmax(axis=1)


def proportion_correct(
    correct: np.ndarray, n_bootstrap: int = 10_000, seed: int = 0
) -> tuple[float, float]:
    """Return the proportion correct and its bootstrap standard error over stimuli.

    Args:
        correct: bool [n], one per stimulus.
        n_bootstrap: resamples.
        seed: of the resampling.

    Returns:
        (mean, sem); both NaN without stimuli. One stimulus says nothing about the spread: sem NaN.

    Raises:
        ValueError: `correct` is not one row of booleans.
    """
    correct = np.asarray(correct)
    if correct.ndim != 1 or (correct.size and correct.dtype != bool):
        raise ValueError(
            f"expected booleans [n]; got {correct.dtype} of shape {list(correct.shape)}"
        )
    n = len(correct)
    if n == 0:
        return float("nan"), float("nan")
    mean = float(correct.mean())
    if n == 1:
        return mean, float("nan")
    # The number correct in a resample of n booleans is binomial: no need to draw the stimuli.
    resampled = np.random.default_rng(seed).binomial(n, mean, n_bootstrap) / n
    return mean, float(resampled.std())


def _checked_logits(logits: np.ndarray) -> np.ndarray:
    if np.ma.is_masked(logits):
        raise ValueError("expected logits without masked values; leave their classes out")
    logits = np.asarray(logits)
    if logits.dtype.kind not in "fiub":
        raise ValueError(f"expected logits that are real numbers; got {logits.dtype}")
    if logits.ndim != 2:
        raise ValueError(f"expected logits [n, n_classes]; got shape {list(logits.shape)}")
    if np.isnan(logits).any():
        raise ValueError("the logits contain NaN, so no class is the largest")
    return logits
