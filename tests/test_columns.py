"""What columns mean: every table that we write has a dictionary, and it tells every column."""

import csv

import pandas as pd
import pytest
from command_line import PROJECT

from model_metamers.store import RunFolder
from model_metamers.store.columns import SUFFIX, all_columns, columns_of, write_columns
from model_metamers.store.records import TABLES

COMMITTED = sorted(
    path for path in (PROJECT / "figures").rglob("*.csv") if not path.name.endswith(SUFFIX)
)


def rows_of(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.reader(file, strict=True))


def test_the_source_tells_each_column_once():
    source = all_columns()
    assert not source.duplicated(["table", "column"]).any()
    assert (source.meaning != "").all() and (source.table != "").all()


@pytest.mark.parametrize("name", TABLES)
def test_every_table_of_a_run_folder_is_told(name):
    told = all_columns()
    assert list(told[told.table == name].column) == list(TABLES[name])


def test_a_table_brings_its_dictionary(tmp_path):
    rows = pd.DataFrame({"network": ["a"], "layer": ["b"], "reason": ["below_null"], "n": [1]})
    RunFolder(tmp_path).write_table("exclusions", rows)
    header, *told = rows_of(tmp_path / "exclusions.columns.csv")
    assert header == ["column", "unit", "meaning"]
    assert [row[0] for row in told] == list(rows.columns)
    assert told[3] == ["n", "metamers", columns_of("exclusions", ["n"]).meaning[0]]


def test_a_dictionary_is_put_right_and_else_left_alone(tmp_path):
    table, path = tmp_path / "exclusions.csv", tmp_path / "exclusions.columns.csv"
    path.write_text("something else")
    write_columns(table, "exclusions", ["n"])
    content, changed = path.read_bytes(), path.stat().st_mtime_ns
    assert content.startswith(b"column,unit,meaning\nn,")
    write_columns(table, "exclusions", ["n"])
    assert path.stat().st_mtime_ns == changed


def test_a_column_that_nobody_explained_is_refused():
    with pytest.raises(ValueError, match="does not say what 'colour' of a table 'nulls' means"):
        columns_of("nulls", ["layer", "colour"])


@pytest.mark.artefact
@pytest.mark.parametrize("path", COMMITTED, ids=lambda path: str(path.relative_to(PROJECT)))
def test_every_column_of_a_committed_table_is_told_beside_it(path):
    beside = path.with_suffix(SUFFIX)
    assert beside.is_file(), f"{beside} is missing: write the table again"
    header, *told = rows_of(beside)
    assert header == ["column", "unit", "meaning"]
    assert [column for column, _, _ in told] == rows_of(path)[0]
    known = {tuple(row) for row in all_columns()[["column", "unit", "meaning"]].to_numpy()}
    assert known.issuperset(map(tuple, told)), f"{beside} is out of date"
