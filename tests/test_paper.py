"""The published tables load, and a wrong name says which ones there are."""

import pandas as pd
import pytest

from model_metamers.paper import load_table, table_names


@pytest.mark.parametrize("name", table_names())
def test_every_table_loads_with_rows_and_unique_columns(name):
    table = load_table(name)
    assert len(table) and table.columns.is_unique


def test_table_shapes():
    assert len(load_table("imagenet_labels")) == 1000
    assert len(load_table("word_labels")) == 794
    assert len(load_table("table_s5_visual")) == 23


def test_only_empty_cells_are_missing():
    audio = load_table("table_s4_audio").set_index(["network", "layer"])
    assert pd.isna(audio.loc[("audioset_reduced_aliasing", "conv_4"), "n_metamers"])
    assert not load_table("word_labels").isna().any(axis=None)


def test_unknown_table_lists_the_valid_names():
    with pytest.raises(ValueError, match="table_s5_visual"):
        load_table("table_s9")
