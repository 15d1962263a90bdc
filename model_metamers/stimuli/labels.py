"""Class names: ImageNet's 1000 classes, the 16 everyday categories people chose from, words.

Indices are those of the 1000-way ILSVRC-2012 order, from 0. Networks with 1001 outputs have a
background class in front, so their indices are larger by one (`sixteen_way(class_offset=1)`).

Source: paper section 2.4 (16-way task); Geirhos et al. 2018 (which classes belong to a category).
"""

import functools
from collections.abc import Collection, Sequence
from pathlib import Path

import numpy as np

from model_metamers.paper import load_table
from model_metamers.stimuli.made.speech import CORE_WORDS
from model_metamers.stimuli.made.textures import TEXTURES

# Classes of the audio heads. As in the paper's heads, class 0 means that there is none: no word of
# the vocabulary, or no background.
NULL_CLASS = "null"
SMALL_WORD_LABELS = (NULL_CLASS, *CORE_WORDS)
SMALL_BACKGROUND_LABELS = (NULL_CLASS, *TEXTURES)

SIXTEEN_CATEGORIES = (
    "airplane",
    "bear",
    "bicycle",
    "bird",
    "boat",
    "bottle",
    "car",
    "cat",
    "chair",
    "clock",
    "dog",
    "elephant",
    "keyboard",
    "knife",
    "oven",
    "truck",
)


def sixteen_category_members() -> dict[str, np.ndarray]:
    """Return category -> its ImageNet classes (int64 indices from 0, ascending), in task order.

    Source: `paper/sixteen_categories.csv`.
    """
    index_of = load_table("sixteen_categories").groupby("category")["imagenet_index"]
    return {name: np.sort(index_of.get_group(name).to_numpy()) for name in SIXTEEN_CATEGORIES}


def sixteen_category_of(label: str) -> str | None:
    """Return the everyday category of a folder's name; None for anything else.

    Args:
        label: a category ("dog"), one of our fine classes of it ("dog/spotted"), or the WordNet id
            of an ImageNet class that belongs to it.
    """
    name = _category_by_wordnet_id().get(label, label).split("/")[0]
    return name if name in SIXTEEN_CATEGORIES else None


@functools.cache
def _category_by_wordnet_id() -> dict[str, str]:
    table = load_table("sixteen_categories")
    return dict(zip(table.wordnet_id, table.category, strict=True))


def check_scorable(
    labels: Sequence[str], known: Collection[str], folder: Path, shown: Sequence[str]
) -> list[str]:
    """Return which classes of a folder cannot be scored; there is one at least that can.

    To be asked before hours of synthesis.

    Args:
        labels: class of each stimulus, "" in a flat folder.
        known: the labels that can be scored.
        folder: where the stimuli are.
        shown: what the user is told of the known ones.

    Raises:
        ValueError: no stimulus can be scored.
    """
    unknown = sorted(set(labels) - set(known))
    if not set(labels) & set(known):
        found = ", ".join(unknown[:5]) if any(unknown) else "they are in no sub-folder"
        raise ValueError(
            f"none of the stimuli in {folder} can be scored: their classes are not known "
            f"({found}); name the sub-folders after classes that are ({', '.join(shown)}), or "
            f"make metamers without recognition (--norecognition)"
        )
    return unknown
