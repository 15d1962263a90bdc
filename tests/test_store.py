"""Run folders: what is written comes back, nothing is lost by a kill, and mistakes are named."""

import json
import os
import re
import zipfile

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from model_metamers import store
from model_metamers.store import MATCHES_COLUMNS, NATURAL, RECOGNITION_COLUMNS, RunFolder

LAYER = ("vgg_19_small", "conv5_4")
IDS = ["dog_01", "007", "cat-2.b"]


@pytest.fixture
def run(tmp_path):
    return RunFolder(tmp_path / "new" / "run")


def piece(n=3, seed=0):
    random = np.random.default_rng(seed)
    return {
        "natural": random.random((n, 4, 5, 3), np.float32),
        "metamer": random.random((n, 4, 5, 3), np.float32),
        "stimulus_id": np.array(IDS[:n]),
        "loss": random.random((7, n), np.float32),
        "step": np.full(n, 600, np.int32),
        "status": np.array(["finished", "diverged", "finished"][:n]),
    }


def record(run, fixed_keys=("iterations",), seed=0, sha="ab12", layer_order=None, **config):
    run.write_run_record(
        {"iterations": 600, "networks": ["vgg_19_small"], "layers": None} | config,
        seed=seed,
        versions={"numpy": np.__version__},
        device="CPU",
        checkpoint_sha256={"vgg_19_small": sha},
        layer_order=layer_order,
        fixed_keys=fixed_keys,
    )


def matches(layer="conv5_4", ids=IDS, accepted=True):
    values = {
        "network": "vgg_19_small", "layer": layer, "stimulus_id": ids, "steps": 600,
        "loss_first": 1 / 3, "loss_last": 1e-7, "spearman_layer": [0.9, np.nan, 0.8][: len(ids)],
        "spearman_logits": 0.99, "null_max": 0.25, "p_null": 0.01, "label_natural": "null",
        "label_metamer": 3, "status": "finished", "accepted": accepted,
    }  # fmt: skip
    return pd.DataFrame(values)[list(MATCHES_COLUMNS)]


def recognition(layer):
    score = ("resnet_v2_101_small", "vgg_19_small", layer, "16-way", 3, 0.5, 0.1, "measured")
    return pd.DataFrame([score], columns=RECOGNITION_COLUMNS)


def fail_to_replace(monkeypatch):
    """Stop every write at its last step, as a kill would."""

    def killed(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", killed)


def leftovers(run):
    return [path for path in run.path.rglob("*") if path.suffix == ".tmp"]


# The folder and its record


def test_a_file_in_the_place_of_the_folder_is_named(tmp_path):
    (tmp_path / "taken").write_text("mine")
    for path in (tmp_path / "taken", tmp_path / "taken" / "below"):
        with pytest.raises(ValueError, match=r"cannot make the run folder .*taken"):
            RunFolder(path)
    assert (tmp_path / "taken").read_text() == "mine"


def test_an_unwritable_folder_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "access", lambda path, mode: False)  # root may write everywhere
    with pytest.raises(ValueError, match="cannot write into"):
        RunFolder(tmp_path)


def test_opening_a_missing_folder_to_read_makes_nothing(tmp_path):
    with pytest.raises(ValueError, match="there is no run folder"):
        RunFolder(tmp_path / "typo", create=False)
    assert not list(tmp_path.iterdir())


def test_run_record_has_everything_that_determines_the_results(run):
    record(run, path=run.path, size=np.int64(64), shape=(1, 2))
    content = json.loads((run.path / "run.json").read_text())
    assert content["config"]["shape"] == [1, 2] and content["config"]["size"] == 64
    assert content["versions"].keys() == {"python", "numpy"}
    assert content["checkpoint_sha256"] == {"vgg_19_small": "ab12"}
    assert {"seed", "device", "git_revision"} < content.keys()


@pytest.mark.parametrize(
    "change, message",
    [
        ({"iterations": 700}, "iterations = 600, and this run has 700; choose another --output"),
        ({"seed": 1}, "seed = 0, and this run has 1"),
        ({"sha": "cd34"}, "checkpoint of vgg_19_small = 'ab12', and this run has 'cd34'"),
    ],
)
def test_another_run_cannot_continue_in_the_folder(run, change, message):
    record(run)
    before = (run.path / "run.json").read_bytes()
    with pytest.raises(ValueError, match=message):
        record(run, **change)
    assert (run.path / "run.json").read_bytes() == before


def test_a_run_record_grows(run):
    record(run)
    record(run, networks=["resnet_v2_101_small"], layers=["conv1"], new_key=1)
    config = run.read_run_record()["config"]
    assert config["networks"] == ["vgg_19_small", "resnet_v2_101_small"]
    assert config["layers"] == ["conv1"] and config["new_key"] == 1


def test_layers_that_come_later_take_their_place_in_the_network(run):
    order = ["conv1_2", "conv5_4", "fc8"]
    for layer in ("fc8", "conv1_2"):
        record(run, layers={"vgg_19_small": [layer]}, layer_order={"vgg_19_small": order})
        run.merge_rows("matches", matches(layer), ["network", "layer", "stimulus_id"])
        scores = pd.concat([recognition(shown) for shown in ("natural", layer)])
        run.merge_rows("recognition", scores, ["observer", "generator", "layer", "task"])
    assert run.read_run_record()["config"]["layers"] == {"vgg_19_small": ["conv1_2", "fc8"]}
    assert list(run.read_table("matches").layer) == ["conv1_2"] * 3 + ["fc8"] * 3
    assert list(run.read_table("recognition").layer) == ["natural", "conv1_2", "fc8"]


def test_a_layer_between_those_of_an_earlier_record_is_put_between(run):
    for order in (["a", "c"], ["a", "b", "c"], ["b"]):  # the last one is of a part of the network
        record(run, layers={"mine": order}, layer_order={"mine": order})
    assert run.read_run_record()["config"]["layers"] == {"mine": ["a", "b", "c"]}


def test_a_damaged_run_record_is_named(run):
    (run.path / "run.json").write_text('{"config": ')
    with pytest.raises(ValueError, match=r"cannot read .*run\.json"):
        record(run)


# Pieces and states


def test_a_piece_comes_back_exactly(run):
    assert not run.has_piece(*LAYER)
    run.save_piece(*LAYER, **piece())
    assert run.has_piece(*LAYER)
    loaded = run.load_piece(*LAYER)
    for name, array in piece().items():
        np.testing.assert_array_equal(loaded[name], array)
        assert loaded[name].dtype == array.dtype
    assert (run.path / "metamers" / "vgg_19_small" / "conv5_4.npz").is_file()


def test_a_piece_takes_lists_and_pandas_text_without_pickles(run):
    values = piece() | {"stimulus_id": pd.Series(IDS), "status": ["finished"] * 3}
    run.save_piece(*LAYER, **values)
    assert run.load_piece(*LAYER)["stimulus_id"].dtype.kind == "U"


@pytest.mark.parametrize(
    "change",
    [
        {"metamer": np.zeros((2, 4, 5, 3))},
        {"loss": np.zeros((3, 7))},
        {"status": ["finished"]},
        {"stimulus_id": ["a", "a", "b"]},
        {"stimulus_id": ["a", "../b", "c"]},
    ],
)
def test_a_piece_that_does_not_fit_together_is_not_written(run, change):
    with pytest.raises(ValueError):
        run.save_piece(*LAYER, **piece() | change)
    assert not run.has_piece(*LAYER) and not leftovers(run)


@pytest.mark.parametrize("layer", ["a/../b", "..", ".hidden", "", "conv.state", NATURAL, "ä"])
def test_unsafe_layer_names_are_rejected(run, layer):
    with pytest.raises(ValueError):
        run.save_state("vgg_19", layer, {"x": np.zeros(1)})


@pytest.mark.parametrize("damage", [b"", b"PK\x03\x04 not a zip", None])
def test_a_damaged_piece_is_an_error_and_a_damaged_state_a_new_start(run, caplog, damage):
    run.save_piece(*LAYER, **piece())
    run.save_state(*LAYER, piece())
    folder = run.path / "metamers" / "vgg_19_small"
    for path in (folder / "conv5_4.npz", folder / "conv5_4.state.npz"):
        content = path.read_bytes()
        path.write_bytes(content[: len(content) // 2] if damage is None else damage)
    with pytest.raises(ValueError, match="damaged"):
        run.load_piece(*LAYER)
    assert run.load_state(*LAYER) is None
    assert "starting from the beginning" in caplog.text


def test_flipped_bytes_are_noticed(run):
    run.save_piece(*LAYER, **piece())
    path = run.path / "metamers" / "vgg_19_small" / "conv5_4.npz"
    content = bytearray(path.read_bytes())
    content[300] ^= 255
    path.write_bytes(content)
    with pytest.raises(ValueError, match="damaged"):
        run.load_piece(*LAYER)


def test_a_piece_of_another_format_is_named(run):
    run.save_state("vgg_19", "conv1", {"x": np.zeros(1)})
    folder = run.path / "metamers" / "vgg_19"
    os.rename(folder / "conv1.state.npz", folder / "conv1.npz")
    with pytest.raises(ValueError, match=r"\['x'\]; expected"):
        run.load_piece("vgg_19", "conv1")
    with pytest.raises(ValueError, match="run the stage"):
        run.load_piece("vgg_19", "conv2")


def test_a_state_is_saved_replaced_and_cleared(run):
    assert run.load_state(*LAYER) is None
    for step in (100, 200):
        run.save_state(*LAYER, {"step": np.full(3, step), "m": np.zeros((3, 2))})
    np.testing.assert_array_equal(run.load_state(*LAYER)["step"], 200)
    run.clear_state(*LAYER)
    run.clear_state(*LAYER)
    assert run.load_state(*LAYER) is None and not run.has_piece(*LAYER)


def test_object_arrays_are_neither_written_nor_read(run):
    with pytest.raises(ValueError, match="Python objects"):
        run.save_state(*LAYER, {"ids": np.array(["a", None], object)})
    path = run.path / "objects.npz"
    np.savez(path, ids=np.array([{}], object))
    with pytest.raises(ValueError, match="allow_pickle=False"):
        store.read_npz(path)


def test_a_kill_while_writing_leaves_the_old_files(run, monkeypatch):
    record(run)
    run.save_piece(*LAYER, **piece())
    run.write_table("matches", matches())
    run.save_previews(*LAYER, IDS, piece()["natural"])
    before = {path: path.read_bytes() for path in run.path.rglob("*") if path.is_file()}
    fail_to_replace(monkeypatch)
    for write in (
        lambda: record(run, networks=["other"]),
        lambda: run.save_piece(*LAYER, **piece(seed=1)),
        lambda: run.write_table("matches", matches(layer="fc6")),
        lambda: run.save_previews(*LAYER, IDS, piece(seed=1)["natural"]),
    ):
        with pytest.raises(KeyboardInterrupt):
            write()
    assert {path: path.read_bytes() for path in run.path.rglob("*") if path.is_file()} == before


def test_temporary_files_of_a_killed_run_are_ignored(run):
    run.save_piece(*LAYER, **piece())
    (run.path / "metamers" / "vgg_19_small" / ".0f3a.tmp").write_bytes(b"half")
    run.load_piece(*LAYER)
    assert run.load_state(*LAYER) is None


def test_parts_join_in_order_and_stopped_losses_stay(run):
    whole = piece()
    first, second = ({name: a[i] for name, a in whole.items()} for i in (slice(2), slice(2, 3)))
    first["loss"], second["loss"] = whole["loss"][:, :2], whole["loss"][:4, 2:]
    parts = ["conv5_4.part0of2", "conv5_4.part1of2"]
    run.save_piece("vgg_19_small", parts[0], **first)
    with pytest.raises(ValueError, match="part1of2"):
        run.join_pieces("vgg_19_small", parts, "conv5_4")
    run.save_piece("vgg_19_small", parts[1], **second)
    run.join_pieces("vgg_19_small", parts, "conv5_4")
    run.join_pieces("vgg_19_small", parts, "conv5_4")  # another worker comes late
    loaded = run.load_piece(*LAYER)
    np.testing.assert_array_equal(loaded["loss"][:, :2], whole["loss"][:, :2])
    np.testing.assert_array_equal(loaded["loss"][3:, 2], whole["loss"][3, 2])
    for name in ("natural", "metamer", "stimulus_id", "step", "status"):
        np.testing.assert_array_equal(loaded[name], whole[name])
    assert not run.has_piece("vgg_19_small", parts[0])


def test_null_distributions_are_kept(run, caplog):
    assert run.load_null(*LAYER) is None
    run.save_null(*LAYER, {"correlations": np.arange(3.0), "n_stimuli": np.asarray(3)})
    np.testing.assert_array_equal(run.load_null(*LAYER)["correlations"], np.arange(3.0))
    (run.path / "nulls" / "vgg_19_small" / "conv5_4.npz").write_bytes(b"half")
    assert run.load_null(*LAYER) is None and "damaged" in caplog.text


# Previews


@pytest.mark.parametrize("n_channels", [1, 3])
def test_images_come_back_to_half_a_grey_level(run, n_channels):
    images = np.random.default_rng(0).random((3, 8, 9, n_channels))
    images[0, 0, 0], images[0, 0, 1] = 0, 1
    run.save_previews("vgg_19", NATURAL, IDS, images)
    loaded = run.load_previews("vgg_19", NATURAL, IDS)
    assert loaded.dtype == np.float32 and loaded.min() == 0 and loaded.max() == 1
    np.testing.assert_allclose(loaded, images, atol=0.5 / 255 + 1e-7)
    # What is certified is stable: writing what was read changes nothing.
    run.save_previews("vgg_19", "again", IDS, loaded)
    np.testing.assert_array_equal(run.load_previews("vgg_19", "again", IDS), loaded)
    assert (run.path / "previews" / "vgg_19" / NATURAL / "dog_01.png").is_file()
    assert run.has_previews("vgg_19", NATURAL, IDS)
    assert not run.has_previews("vgg_19", NATURAL, [*IDS, "new"])


def test_images_of_another_range(run):
    images = np.linspace(-1, 1, 3 * 4 * 4).reshape(1, 4, 4, 3)
    run.save_previews(*LAYER, ["a"], images, stimulus_range=(-1, 1))
    loaded = run.load_previews(*LAYER, ["a"], stimulus_range=(-1, 1))
    np.testing.assert_allclose(loaded, images, atol=1 / 255 + 1e-6)


def test_sounds_come_back_to_half_a_step_and_do_not_wrap(run, caplog):
    sounds = np.random.default_rng(0).normal(0, 0.1, (2, 4000))
    run.save_previews(*LAYER, ["a", "b"], sounds, sample_rate_hz=20_000)
    assert "clipped" not in caplog.text
    loaded = run.load_previews(*LAYER, ["a", "b"])
    assert loaded.dtype == np.float32
    np.testing.assert_allclose(loaded, sounds, atol=0.5 / 32768 + 1e-7)
    sounds[0, :2] = [1.5, -1.5]
    run.save_previews(*LAYER, ["a", "b"], sounds, sample_rate_hz=20_000)
    assert "2 samples beyond full scale" in caplog.text
    np.testing.assert_allclose(run.load_previews(*LAYER, ["a"])[0, :2], [1, -1], atol=1e-4)


def test_cochleagrams_come_back_in_sixteen_bits(run):
    cochleagrams = 8 * np.random.default_rng(0).random((2, 5, 7))
    run.save_previews(*LAYER, ["a", "b"], cochleagrams, stimulus_range=(0, 8))
    back = run.load_previews(*LAYER, ["a", "b"], stimulus_range=(0, 8))
    assert back.shape == (2, 5, 7) and back.dtype == np.float32
    np.testing.assert_allclose(back, cochleagrams, atol=0.51 * 8 / 65535)


@pytest.mark.parametrize(
    "ids, images",
    [
        (["a/b"], np.zeros((1, 2, 2, 3))),
        (["a", "a"], np.zeros((2, 2, 2, 3))),
        (["a"], np.full((1, 2, 2, 3), 1.01)),
        (["a"], np.full((1, 2, 2, 3), np.nan)),
        (["a"], np.zeros((1, 2))),
        (["a"], np.zeros((2, 2, 2, 3))),
    ],
)
def test_bad_previews_are_not_written(run, ids, images):
    with pytest.raises(ValueError):
        run.save_previews(*LAYER, ids, images)
    assert not list(run.path.rglob("*.png"))


def test_a_missing_or_damaged_preview_is_named(run):
    with pytest.raises(ValueError, match="there is no preview dog_01 in "):
        run.load_previews(*LAYER, ["dog_01"])
    run.save_previews(*LAYER, ["a"], np.zeros((1, 9)), sample_rate_hz=16_000)
    (run.path / "previews" / "vgg_19_small" / "conv5_4" / "a.wav").write_bytes(b"RIFF")
    with pytest.raises(ValueError, match="cannot read the sound"):
        run.load_previews(*LAYER, ["a"])


# Tables


def test_a_table_comes_back_exactly(run):
    run.write_table("matches", matches()[list(reversed(MATCHES_COLUMNS))])
    header = (run.path / "matches.csv").read_text().splitlines()[0]
    assert header == (
        "network,layer,stimulus_id,steps,loss_first,loss_last,spearman_layer,spearman_logits,"
        "null_max,p_null,label_natural,label_metamer,status,accepted"
    )
    table = run.read_table("matches")
    assert table["stimulus_id"].tolist() == IDS and table["loss_first"][0] == 1 / 3
    assert table["label_natural"][0] == "null" and table["label_metamer"][0] == "3"
    assert table["spearman_layer"].isna().tolist() == [False, True, False]
    assert table["accepted"].dtype == bool


def test_recognition_columns():
    assert ",".join(RECOGNITION_COLUMNS) == (
        "observer,generator,layer,task,n,proportion_correct,sem,source"
    )


def test_a_rerun_replaces_its_rows_and_keeps_the_others(run):
    run.merge_rows("matches", matches("conv1_2"), ["network", "layer"])
    run.merge_rows("matches", matches("conv5_4"), ["network", "layer"])
    run.merge_rows(
        "matches", matches("conv1_2", ids=["007"], accepted=False), ["network", "layer"]
    )
    table = run.read_table("matches")
    assert table.groupby("layer").size().to_dict() == {"conv1_2": 1, "conv5_4": 3}
    assert not table.loc[table["layer"] == "conv1_2", "accepted"].any()
    assert table.loc[table["layer"] == "conv5_4", "accepted"].all()


def test_wrong_tables_are_named(run):
    with pytest.raises(ValueError, match="matches, recognition"):
        run.write_table("results", matches())
    with pytest.raises(ValueError, match="expected the columns"):
        run.write_table("recognition", matches())
    with pytest.raises(ValueError, match=r"cannot read .*matches\.csv"):
        run.read_table("matches")


@pytest.mark.parametrize("name", ["matches", "recognition"])
def test_a_table_cut_anywhere_within_a_row_is_refused(run, name):
    if name == "matches":
        run.write_table(name, matches())
    else:
        rows = [["a", "b", "conv1", "native", 8, 0.125, 0.1, "measured"]] * 3
        run.write_table(name, pd.DataFrame(rows, columns=RECOGNITION_COLUMNS))
    path = run.path / f"{name}.csv"
    whole = path.read_bytes()
    for end in range(len(whole)):
        path.write_bytes(whole[:end])
        if whole[:end].endswith(b"\n"):  # whole rows: nothing tells that there were more
            assert len(run.read_table(name)) == whole[:end].count(b"\n") - 1
            continue
        with pytest.raises(ValueError, match=rf"{name}\.csv is damaged: .*made again") as error:
            run.read_table(name)
        assert "\n" not in str(error.value)


def test_a_table_cut_between_any_two_rows_is_refused_and_made_again(run, caplog):
    record(run)
    run.write_table("matches", matches())
    path = run.path / "matches.csv"
    lines = path.read_bytes().splitlines(keepends=True)
    for n_rows in range(3):
        path.write_bytes(b"".join(lines[: 1 + n_rows]))
        told = f"matches.csv is damaged: it has {n_rows} rows, and was written with 3; delete it"
        with pytest.raises(ValueError, match=re.escape(told)):
            run.read_table("matches")
    run.drop_damaged_tables()
    assert not run.has_table("matches")
    assert "matches.csv is damaged: it has 2 rows, and was written with 3; it is" in caplog.text
    run.write_table("matches", matches())
    run.drop_damaged_tables()
    assert path.read_bytes() == b"".join(lines)


def test_a_value_of_a_table_that_was_changed_is_noticed(run):
    record(run)
    run.write_table("matches", matches())
    path = run.path / "matches.csv"
    path.write_bytes(path.read_bytes().replace(b"600", b"601", 1))
    with pytest.raises(ValueError, match=r"matches\.csv is damaged: its content is another one"):
        run.read_table("matches")


@pytest.mark.parametrize("n_writes", range(3))
def test_a_kill_while_a_table_is_written_leaves_one_that_is_known(run, monkeypatch, n_writes):
    """The record of both sums, the table, the record of the new one."""
    record(run)
    run.write_table("matches", matches())
    replace, done = os.replace, []

    def killed(*arguments):
        if len(done) == n_writes:
            raise KeyboardInterrupt
        done.append(replace(*arguments))

    monkeypatch.setattr(os, "replace", killed)
    with pytest.raises(KeyboardInterrupt):
        run.write_table("matches", matches(ids=IDS[:1]))
    assert len(run.read_table("matches")) == (3 if n_writes < 2 else 1)


def test_a_table_is_read_while_another_process_writes_it(run, monkeypatch):
    record(run)
    run.write_table("matches", matches())
    other, sums = RunFolder(run.path), run._recorded_sums

    def written_meanwhile(name):
        other.write_table("matches", matches(ids=IDS[:2]))
        return sums(name)

    monkeypatch.setattr(run, "_recorded_sums", written_meanwhile)
    assert len(run.read_table("matches")) == 2


def test_tables_that_the_record_does_not_know_are_read_as_they_are(run):
    record(run)
    run.write_table("matches", matches())
    written = json.loads((run.path / "run.json").read_text())
    for odd in (3, [], {"matches": 3}, {"matches": [3]}):
        (run.path / "run.json").write_text(json.dumps(written | {"tables": odd}))
        assert len(run.read_table("matches")) == 3
    run.write_table("matches", matches(ids=IDS[:2]))
    (sums,) = run.read_run_record()["tables"]["matches"]
    assert sums["rows"] == 2


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (b"True\n", b"Tru\n", "accepted is True or False; got 'Tru'"),
        (b"True\n", b"1\n", "accepted is True or False; got '1'"),
        (b",True\n", b"\n", "row 2 has 13 of 14 values"),
        (b"True\n", b"True,\n", "row 2 has 15 of 14 values"),
        (b",600,", b",6x0,", "6x0"),
        (b",600,", b",9999999999999999999999,", ""),
        (b"network,", b"net,", "expected the columns"),
        (b"vgg", b"\xff\xfe", "decode"),
        (b"vgg", b'"vgg', ""),
    ],
)
def test_damaged_tables_are_named(run, old, new, message):
    run.write_table("matches", matches())
    path = run.path / "matches.csv"
    path.write_bytes(path.read_bytes().replace(old, new, 1))
    with pytest.raises(ValueError, match=rf"matches\.csv is damaged: .*{message}") as error:
        run.read_table("matches")
    assert "\n" not in str(error.value)


def test_a_table_with_the_line_ends_of_windows_is_whole(run):
    run.write_table("matches", matches())
    path = run.path / "matches.csv"
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    assert run.read_table("matches")["accepted"].all()


def cut_in_half(content):
    return content[: len(content) // 2]


def with_a_changed_byte(content):
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 0x10]) + content[middle + 1 :]


def refuse():
    """Stand for what is made again, where it is only logged that a file is damaged."""
    raise ValueError("conv5_4: made again")


# File of a finished folder -> what reads it. One changed byte shows where there are checksums.
READERS = {
    "run.json": lambda run: run.read_run_record(),
    "matches.csv": lambda run: run.read_table("matches"),
    "nulls/vgg_19_small/conv5_4.npz": lambda run: run.load_null(*LAYER) or refuse(),
    "metamers/vgg_19_small/conv5_4.state.npz": lambda run: run.load_state(*LAYER) or refuse(),
    "metamers/vgg_19_small/conv5_4.npz": lambda run: run.load_piece(*LAYER),
    "previews/vgg_19_small/conv5_4/dog_01.png": lambda run: run.load_previews(*LAYER, IDS),
    "previews/vgg_19_small/sounds/a.wav": lambda run: run.load_previews(LAYER[0], "sounds", ["a"]),
}
CHECKED = [name for name in READERS if name.endswith(("npz", "png", "csv"))]


@pytest.mark.parametrize(
    ("name", "damage"),
    [(name, cut_in_half) for name in READERS] + [(name, with_a_changed_byte) for name in CHECKED],
)
def test_a_damaged_file_of_a_finished_folder_is_named_and_the_rest_kept(run, name, damage):
    record(run)
    run.save_piece(*LAYER, **piece())
    run.save_previews(*LAYER, IDS, piece()["natural"])
    run.save_previews(LAYER[0], "sounds", ["a"], np.zeros((1, 99)), sample_rate_hz=16_000)
    for save in (run.save_null, run.save_state):
        save(*LAYER, {"maximum": np.array([0.5])})
    run.write_table("matches", matches())
    path = run.path / name
    path.write_bytes(damage(path.read_bytes()))
    before = {path: path.read_bytes() for path in run.path.rglob("*") if path.is_file()}
    with pytest.raises(ValueError, match=path.name.split(".")[0]) as error:
        READERS[name](run)
    assert "\n" not in str(error.value)
    assert any(remedy in str(error.value) for remedy in ("made again", "restore it"))
    assert {path: path.read_bytes() for path in run.path.rglob("*") if path.is_file()} == before
    for other, read in READERS.items():
        if other != name:
            read(run)


def test_a_preview_of_another_shape_is_named(run):
    run.save_previews(*LAYER, IDS[:2], np.zeros((2, 4, 4, 3)))
    run.save_previews(*LAYER, IDS[2:], np.zeros((1, 5, 4, 3)))
    with pytest.raises(ValueError, match=r"cat-2\.b in .* another shape .* \[5, 4, 3\] instead"):
        run.load_previews(*LAYER, IDS)


@pytest.mark.parametrize(
    "content", ["[]", "3", "{}", '{"config": []}', '{"config": {}}', "[" * 9999]
)
def test_what_is_no_record_of_a_run_is_named(run, content):
    (run.path / "run.json").write_text(content)
    with pytest.raises(ValueError, match=r"run\.json(: | is no record of a run)") as error:
        run.read_run_record()
    assert "\n" not in str(error.value)


def test_figures_are_the_same_file_each_time(run):
    figure = Figure()
    figure.subplots().plot([1, 2])
    run.save_figure(figure)
    names = ("figure.png", "figure.pdf")
    first = [(run.path / name).read_bytes() for name in names]
    run.save_figure(figure)
    assert [(run.path / name).read_bytes() for name in names] == first


def test_pieces_are_plain_npz_files(run):
    run.save_piece(*LAYER, **piece())
    path = run.path / "metamers" / "vgg_19_small" / "conv5_4.npz"
    assert sorted(zipfile.ZipFile(path).namelist()) == sorted(f"{name}.npy" for name in piece())
