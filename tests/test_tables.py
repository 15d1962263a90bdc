"""The tables: numbers of a run beside the published ones, and architectures as built."""

import json
from functools import partial

import numpy as np
import pandas as pd
import pytest
from command_line import PROJECT, error_of, run

from model_metamers.analysis import tables
from model_metamers.analysis.identities import identities_of
from model_metamers.networks.catalog import catalog_entry, known_identities
from model_metamers.networks.layer_table import layer_table, published_form
from model_metamers.paper import load_table
from model_metamers.store import MATCHES_COLUMNS, RunFolder

COMMITTED = PROJECT / "figures" / "tables"
PUBLISHED = ("table_s4_audio", "table_s5_visual", "table_s6_cochleagram_metamers")


def test_a_layer_table_is_read_from_the_model(small_model):
    table = layer_table(small_model).set_index("layer")
    assert table.parameters.sum() == small_model.count_params()
    assert list(table.loc["fused", ["output_shape", "kernel", "stride"]]) == [
        "12 x 12 x 8", "3 x 3", "1 x 1",
    ]  # fmt: skip
    assert table.loc["classes", "output_shape"] == "5" and table.loc["classes", "kernel"] == ""


@pytest.mark.parametrize("number, name", [(2, "word_aliased"), (3, "word_reduced_aliasing")])
def test_committed_architectures_are_the_models_and_have_the_published_features(
    number, name, architecture
):
    committed = pd.read_csv(COMMITTED / f"table_s{number}_{name}.csv", keep_default_na=False)
    built = layer_table(architecture(name).model)
    pd.testing.assert_frame_equal(committed, built, check_dtype=False)
    shapes = built.set_index("layer").output_shape
    paper = load_table("table_s4_audio")
    paper = paper[paper.network == name].set_index("layer").n_features
    assert len(paper) == 7
    for layer, n_features in paper.items():
        assert np.prod([int(size) for size in shapes[layer].split(" x ")]) == n_features


@pytest.mark.parametrize("number, name", [(2, "word_aliased"), (3, "word_reduced_aliasing")])
def test_the_word_networks_are_the_published_ones_cell_by_cell(number, name):
    entry, published = catalog_entry(name), load_table(f"table_s{number}_{name}")
    ours = published_form(entry.build(), entry.blueprint.metamer_layers)
    compared = tables.compare_architecture(ours, published)
    assert len(compared) == 5 * len(published) and compared.agrees.all()
    changed = published.assign(stride=published.stride.replace("[2, 2]", "[3, 3]"))
    differing = tables.compare_architecture(ours, changed).query("not agrees")
    assert set(differing.column) == {"stride"} and len(differing) > 0
    assert not tables.compare_architecture(ours.iloc[:-1], published).agrees.all()


def base_of(network):
    return known_identities()[network].base


@pytest.fixture
def remade(architecture):
    """Return a committed run's table again, and its matches, by run and published table."""
    return partial(_remade, architecture)


def _remade(architecture, run, published):
    folder = RunFolder(PROJECT / "figures" / run, create=False)
    known = identities_of(folder)
    matches, nulls = (
        table.assign(network=[known[name].part_of or name for name in table.network])
        for table in (folder.read_table("matches"), folder.read_table("nulls"))
    )
    n_features = {name: architecture(name).feature_counts() for name in matches.network.unique()}
    ours = tables.metamer_table(matches, nulls, n_features)
    return tables.beside_paper(ours, load_table(published), base_of), matches


@pytest.mark.parametrize(
    ("run", "published"),
    zip(("fig4_audio", "fig3_visual", "figs9_cochleagram_metamers"), PUBLISHED, strict=True),
)
def test_the_committed_tables_s4_to_s6_are_those_of_their_runs(run, published, remade):
    made, _ = remade(run, published)
    committed = pd.read_csv(COMMITTED / f"{published[:8]}.csv").astype(made.dtypes)
    pd.testing.assert_frame_equal(committed, made, atol=5.1e-7, rtol=0)


def test_medians_are_over_accepted_metamers(remade):
    made, matches = remade("fig3_visual", "table_s5_visual")
    cell = made.set_index(["network", "layer"]).loc[("vgg_19_small", "fc7")]
    rows = matches[(matches.network == "vgg_19_small") & (matches.layer == "fc7")]
    assert (cell.n_generated, cell.n_metamers, cell.paper_n_metamers) == (32, 31, 256)
    assert cell.median_spearman_layer == np.median(rows.spearman_layer[rows.accepted])
    assert cell.paper_median_spearman_null == 0.043484


def test_the_cochleagram_of_every_audio_network_is_the_published_one():
    ours = pd.DataFrame(
        [("word_aliased_small", "cochleagram", 20, 20, 10, 0.9, 0.1, 1.0)],
        columns=[*tables.KEYS, "n_generated", *tables.COUNTS, *tables.MEDIANS],
    )
    made = tables.beside_paper(ours, load_table("table_s4_audio"), base_of)
    assert made.paper_n_features[0] == 84_400


@pytest.mark.parametrize("name", PUBLISHED)
def test_every_published_cell_is_compared_with_ours_of_the_same_layer(name):
    published, quantities = load_table(name), [*tables.COUNTS, *tables.MEDIANS]
    doubled = published.assign(**{each: 2 * published[each] for each in quantities})
    checked = tables.compare_with_paper(doubled.sample(frac=1, random_state=0), published)
    cells = published.set_index(tables.KEYS)[quantities].stack().dropna()
    paper = checked.set_index([*tables.KEYS, "quantity"]).paper
    assert len(cells) > 5 and paper.to_dict() == cells.to_dict()
    np.testing.assert_array_equal(checked.ours, 2 * checked.paper)
    absolute = checked.quantity.isin(tables.MEDIANS)
    np.testing.assert_allclose(checked.difference, checked.paper.where(absolute, 1.0))


def test_every_difference_is_within_the_first_tolerance_it_does_not_exceed():
    published = load_table("table_s5_visual")
    ours = published.copy().astype({"n_metamers": float, "n_features": float})
    ours.loc[0, "median_spearman_layer"] -= 0.004
    ours.loc[1, "median_spearman_null"] += 0.3
    ours.loc[2, "n_metamers"] += 10  # of 244
    ours.loc[6, "n_features"] = 131_072
    ours = ours.drop(index=7)
    checked = tables.compare_with_paper(ours, published).set_index(
        ["network", "layer", "quantity"]
    )
    cells = checked.loc["inception_v3"]
    assert cells.loc[("Conv2d_1a_3x3", "median_spearman_layer"), "within"] == 0.01
    assert np.isnan(cells.loc[("Conv2d_2b_3x3", "median_spearman_null"), "within"])
    assert cells.loc[("Conv2d_3b_1x1", "n_metamers"), "within"] == 0.05
    mixed = cells.loc[("Mixed_7c", "n_features")]
    assert np.isnan(mixed.within) and "twice" in mixed.note
    assert cells.loc["Logits", ["ours", "within"]].isna().all(axis=None)
    assert (checked.within == 0).sum() == len(checked) - 4 - 5


def test_a_training_row_adds_resumed_processes_and_takes_the_last_evaluation():
    log = pd.DataFrame(
        {
            "step": [100, 200, 200, 300, 300],
            "loss": [3.0, 2.0, None, 1.0, None],
            "seconds": [60, 120, 130, 30, 50],
            "top1_percent": [None, None, 40.0, None, 70.0],
            "top5_percent": [None, None, 60.0, None, 90.0],
        }
    )
    row = tables.training_row("vgg_19_seed1", log, {})
    assert (row["steps"], row["minutes"], row["last_loss"]) == (300, 3.0, 1.0)
    assert (row["top1_percent"], row["top5_percent"]) == (70.0, 90.0)
    assert np.isnan(row["sixteen_way_percent"])
    short = log[["step", "loss", "seconds"]].dropna()
    row = tables.training_row("a", short, {"fine_accuracy": 0.5, "category_accuracy": 0.75})
    assert (row["top1_percent"], row["sixteen_way_percent"]) == (50.0, 75.0)
    assert np.isnan(row["top5_percent"])


@pytest.mark.artefact
def test_the_committed_table_s1_is_that_of_the_shipped_networks():
    manifest = json.loads((PROJECT / "checkpoints" / "manifest.json").read_text())
    committed = pd.read_csv(COMMITTED / "table_s1.csv").set_index("network")
    assert len(committed) == 3
    for name, row in committed.iterrows():
        log = pd.read_csv(PROJECT / "checkpoints" / f"{name}.log.csv")
        assert row.steps == log.step.max() == manifest[name]["steps"]
        assert row.top1_percent == pytest.approx(100 * manifest[name]["fine_accuracy"], abs=1e-6)
    paper = load_table("table_s1_retrained_imagenet")
    assert list(committed.paper_top1_percent) == list(paper.top1_percent)


@pytest.fixture
def full_size_run(tmp_path):
    """A run of the paper preset, in the real format, with two layers of Inception."""
    folder = RunFolder(tmp_path / "run")
    folder.write_run_record(
        {"preset": "paper"}, seed=0, versions={}, device="", checkpoint_sha256={}
    )
    blank = dict.fromkeys(MATCHES_COLUMNS, 0) | {"network": "inception_v3", "accepted": True}
    rows = pd.DataFrame(blank, index=range(6)).assign(
        layer=["Mixed_5d"] * 3 + ["Logits"] * 3,
        stimulus_id=list("abcabc"),
        spearman_layer=[0.99, 0.992983, 0.995, 0.9, 0.95, 0.99],
        spearman_logits=0.999,
    )
    folder.write_table("matches", rows)
    null = {"network": "inception_v3", "n_stimuli": 3, "n_pairs": 3, "n_excluded_pairs": 0}
    quantiles = {"minimum": 0.0, "q05": 0.0, "median": 0.2, "q95": 0.3, "maximum": 0.4}
    nulls = pd.DataFrame(null | quantiles, index=range(2)).assign(layer=["Mixed_5d", "Logits"])
    folder.write_table("nulls", nulls)
    return folder.path


@pytest.mark.slow
def test_a_full_size_run_is_compared_cell_by_cell(full_size_run, tmp_path):
    output = tmp_path / "tables"
    result = run(
        "tables", "--tables=s5", "--check_against_paper", f"--visual_run_dir={full_size_run}",
        f"--output_dir={output}",
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    assert {path.name for path in output.iterdir()} == {
        f"{name}{ending}.csv"
        for name in ("table_s5", "table_s5_check")
        for ending in ("", ".columns")
    }
    checked = pd.read_csv(output / "table_s5_check.csv")
    checked = checked.set_index(["network", "layer", "quantity"]).sort_index()
    assert len(checked) == 23 * 5 and checked.ours.notna().sum() == 2 * 5
    cells = checked.loc[("inception_v3", "Mixed_5d")]
    assert cells.within["n_features"] == 0 and cells.within["median_spearman_layer"] == 0
    assert cells.within["median_spearman_null"] == 0.05 and np.isnan(cells.within["n_metamers"])


@pytest.mark.parametrize(
    "flags, message",
    [
        (["--tables=s9"], "unknown table 's9'"),
        (["--tables=s5", "--visual_run_dir=nowhere"], "--visual_run_dir=nowhere is not there"),
        (
            ["--tables=s5", "--check_against_paper",
             f"--visual_run_dir={PROJECT / 'figures' / 'fig3_visual'}"],
            "'small'",
        ),
        (["--tables=s1", "--preset=paper"], "vgg_19_seed1.log.csv"),
    ],
)  # fmt: skip
def test_a_user_mistake_is_one_line_and_leaves_nothing(tmp_path, flags, message):
    assert message in error_of(run("tables", *flags, f"--output_dir={tmp_path / 'tables'}"))
    assert not (tmp_path / "tables").exists()
