"""The 16 categories and ImageNet's names agree with the published tables."""

import numpy as np

from model_metamers.paper import load_table
from model_metamers.stimuli.labels import (
    SIXTEEN_CATEGORIES,
    sixteen_category_members,
)


def test_categories_are_the_tables_in_its_order():
    assert tuple(load_table("sixteen_categories")["category"].unique()) == SIXTEEN_CATEGORIES
    assert tuple(sixteen_category_members()) == SIXTEEN_CATEGORIES


def test_members_have_the_names_the_table_gives_them():
    names = load_table("imagenet_labels").set_index("imagenet_index")["labels"]
    members = sixteen_category_members()
    for row in load_table("sixteen_categories").itertuples():
        assert row.imagenet_index in members[row.category]
        assert names[row.imagenet_index].startswith(row.imagenet_label)


def test_no_class_is_in_two_categories():
    classes = np.concatenate(list(sixteen_category_members().values()))
    assert len(classes) == len(set(classes)) == len(load_table("sixteen_categories"))
    assert len(load_table("imagenet_labels")) == 1000
