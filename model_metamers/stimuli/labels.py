"""Class names: ImageNet's 1000 classes, the 16 everyday categories people chose from, words.

Indices are those of the 1000-way ILSVRC-2012 order, from 0. Networks with 1001 outputs have a
background class in front, so their indices are larger by one (`sixteen_way(class_offset=1)`).

Source: paper section 2.4 (16-way task); Geirhos et al. 2018 (which classes belong to a category).
"""

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
