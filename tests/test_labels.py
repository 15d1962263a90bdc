"""The 16 categories and ImageNet's names agree with the published tables."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from model_metamers.networks.catalog_entry import Readout
from model_metamers.paper import load_table
from model_metamers.stimuli import labels
from model_metamers.stimuli.labels import (
    SIXTEEN_CATEGORIES,
    sixteen_category_members,
)
from shared import generators, visual


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
        with pytest.raises(
            ValueError, match=rf"{message}; name the sub-folders .*\(cat, dog\), or"
        ):
            labels.check_scorable(found, known, tmp_path, shown)


@pytest.mark.parametrize("readout", ["objects", "imagenet"])
def test_classes_that_no_network_knows_are_announced_in_one_line(readout, monkeypatch):
    said, stimuli_dir = [], SimpleNamespace(stimuli_dir=Path("photographs"))
    monkeypatch.setattr(
        generators.logging, "info", lambda text, *values: said.append(text % values)
    )
    network = SimpleNamespace(readouts=[readout], readout=lambda task: Readout("logits", 1))

    def check(*classes):
        maker = SimpleNamespace(network=network, stimuli=SimpleNamespace(labels=classes))
        visual.check_classes([maker, maker], stimuli_dir)

    check("dog", "dog", "cat")
    assert said == []
    check("dog", "", *"hgfedcba", "a")
    assert said == [
        "10 of 11 stimuli are not scored, as their classes are not known: (in no sub-folder), a, "
        "b, c, d and 4 more"
    ]
    with pytest.raises(ValueError, match="none of the stimuli in photographs can be scored"):
        check("griffin", "sphinx")
