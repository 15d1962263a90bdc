"""The 16 categories and ImageNet's names agree with the published tables."""

import numpy as np
import pytest

from model_metamers.paper import load_table
from model_metamers.stimuli import labels
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


def test_categories_go_by_their_name_a_fine_class_or_a_wordnet_id():
    names = ("dog", "dog/spotted", "n02690373", "n01443537", "", "images")
    expected = ["dog", "dog", "airplane", None, None, None]
    assert [labels.sixteen_category_of(name) for name in names] == expected


def test_a_folder_of_which_nothing_can_be_scored_is_refused(tmp_path):
    known, shown = {"dog", "cat"}, ("cat", "dog")
    assert labels.check_scorable(("dog", "owl", "dog"), known, tmp_path, shown) == ["owl"]
    for found, message in ((("owl",), r"\(owl\)"), (("", ""), r"\(they are in no sub-folder\)")):
        with pytest.raises(ValueError, match=rf"{message}; name the sub-folders .*: cat, dog$"):
            labels.check_scorable(found, known, tmp_path, shown)
