"""PyTorch's state dicts without PyTorch: both formats come back, everything else is refused."""

import os
import struct
import tracemalloc
import zipfile
from io import BytesIO

import numpy as np
import pytest
import torch_files
from torch_files import (
    FORMATS,
    ORDERED_DICT,
    REBUILD,
    STORAGE_NAMES,
    called,
    named,
    number,
    pickled,
    sequence,
    state,
    state_dict_file,
    storage,
    tensor,
    text,
)

from model_metamers.networks.torch_state import read_state_dict

VALUES = np.arange(24, dtype="<f4")
STORAGES = {"7": VALUES.tobytes()}
STORED = storage("7", 24)
every_format = pytest.mark.parametrize("file_format", FORMATS)


@pytest.fixture
def load(tmp_path):
    def load(content):
        (tmp_path / "w.pth").write_bytes(content)
        return read_state_dict(tmp_path / "w.pth")

    return load


@pytest.fixture
def refused(load):
    """Check that a file is refused in one line that says why, and in little memory."""

    def refused(content, reason):
        tracemalloc.start()
        with pytest.raises(ValueError, match=reason) as error:
            load(content)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert "\n" not in str(error.value) and "w.pth is truncated, damaged" in str(error.value)
        assert peak < 3 * len(content) + 1_000_000

    return refused


@every_format
def test_arrays_of_every_type_come_back(load, file_format):
    generator = np.random.default_rng(0)
    arrays = {
        f"layer.{dtype}": (100 * generator.standard_normal((2, 3, 4))).astype(dtype)
        for dtype in STORAGE_NAMES
    }
    arrays["scalar"] = np.array(7, np.int64)
    loaded = load(state_dict_file(arrays, file_format))
    assert list(loaded) == list(arrays)
    for name, values in arrays.items():
        assert loaded[name].dtype == values.dtype and not loaded[name].flags.writeable
        np.testing.assert_array_equal(loaded[name], values)


@every_format
def test_tensors_may_share_a_storage_in_any_order_of_axes(load, file_format):
    data = state(
        {
            "whole": tensor(STORED, 0, (4, 6), (6, 1)),
            "transposed": tensor(STORED, 0, (6, 4), (1, 6)),
            "part": tensor(STORED, 7, (2, 3), (6, 2)),
            "last": tensor(STORED, 23, (), ()),
        }
    )
    loaded = load(FORMATS[file_format](data, STORAGES))
    whole = VALUES.reshape(4, 6)
    np.testing.assert_array_equal(loaded["whole"], whole)
    np.testing.assert_array_equal(loaded["transposed"], whole.T)
    np.testing.assert_array_equal(loaded["part"], whole[1:3, 1:6:2])
    assert loaded["last"] == 23


@every_format
@pytest.mark.parametrize(
    ("offset", "shape", "strides"),
    [
        (24, (1,), (1,)),
        (1, (4, 6), (6, 1)),
        (0, (4, 6), (7, 1)),
        (0, (25,), (0,)),
        (-1, (2,), (1,)),
        (0, (2,), (-1,)),
        (23, (2,), (-1,)),
        (0, (-2, -12), (1, 1)),
        (0, (2**62, 2**62), (0, 0)),
        (2**62, (1,), (1,)),
        (0, (2,), (2**62,)),
        (0, (0, 2**62), (1, 1)),
        (0, (1,) * 9, (1,) * 9),
        (0, (2, 2), (1,)),
    ],
    ids=str,
)
def test_a_tensor_outside_its_storage_is_refused(refused, file_format, offset, shape, strides):
    data = state({"w": tensor(STORED, offset, shape, strides)})
    reason = r"\(w (has a shape|has . axes and|is empty or reaches outside)"
    refused(FORMATS[file_format](data, STORAGES), reason)


@every_format
def test_shapes_of_other_things_than_counts_are_refused(refused, file_format):
    write = FORMATS[file_format]
    for shape in (text("24"), b"N", sequence(b"\x88"), sequence(sequence()), b"]"):
        described = called(REBUILD, STORED, number(0), shape, sequence(number(1)), b"\x89", b"N")
        refused(write(state({"w": described}), STORAGES), r"\(w has ")


ESCAPES = {
    "call": called(named("os", "system"), text("touch owned")),
    "evaluation": called(named("builtins", "eval"), text("1")),
    "name within a name": called(named("collections", "OrderedDict.fromkeys"), text("ab")),
    "attribute": called(named("builtins", "getattr"), ORDERED_DICT, text("fromkeys")),
    "another constructor": called(named("torch._utils", "_rebuild_parameter"), STORED),
    "numpy": called(named("numpy", "ndarray"), sequence(number(1))),
    "instance": b"(" + text("touch owned") + b"ios\nsystem\n",
    "new object": ORDERED_DICT + b")\x81",
    "stacked name": text("os") + text("system") + b"\x93",
    "extension": b"\x82\x01",
    "persistent name": b"Pstorage\n",
}


@every_format
@pytest.mark.parametrize("escape", ESCAPES.values(), ids=ESCAPES)
def test_a_malicious_pickle_is_refused_and_not_run(
    refused, file_format, escape, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    data = state({"w": escape})
    refused(FORMATS[file_format](data, STORAGES), r"\(it holds ")
    assert os.listdir() == ["w.pth"]


@pytest.mark.parametrize("position", range(5))
def test_every_pickle_of_a_legacy_file_is_restricted(refused, position, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    data = state({"w": tensor(STORED, 0, (24,), (1,))})
    head, tail = torch_files.legacy(data, STORAGES).split(data)
    parts = [*(part + b"." for part in head.split(b".")[:-1]), data, tail]
    assert b"".join(parts) == head + data + tail and len(parts) == 5
    parts[position] = pickled(ESCAPES["call"])
    reason = r"neither of PyTorch's formats" if position == 0 else r"it holds os\.system;"
    refused(b"".join(parts), reason)
    assert os.listdir() == ["w.pth"]


@every_format
def test_the_checkpoint_of_a_training_is_told_from_a_damaged_file(load, file_format):
    inner = state({"w": tensor(STORED, 0, (24,), (1,))})[2:-1]
    whole = pickled(b"}" + text("model") + inner + b"s")
    with pytest.raises(ValueError, match="one level deeper, in 'model'; save that part"):
        load(FORMATS[file_format](whole, STORAGES))


CONTENTS = {
    "append to a number": pickled(number(1) + number(2) + b"a"),
    "fill a number": pickled(number(1) + text("a") + number(2) + b"s"),
    "keys of tuples": pickled(b"}" + b")" + b"\x85" * 5000 + number(2) + b"s"),
    "values missing": pickled(b"}(" + text("a") + b"u"),
    "call of a number": pickled(number(1) + b")R"),
    "call of a type": pickled(named("torch", "FloatStorage") + b")R"),
    "arguments of a number": pickled(ORDERED_DICT + number(1) + b"R"),
    "filled ordered dict": pickled(called(ORDERED_DICT, b"]")),
    "tensor of too little": pickled(called(REBUILD, STORED)),
    "tensor of no storage": pickled(called(REBUILD, *[number(1)] * 6)),
    "nothing on the stack": pickled(b""),
    "no mark": pickled(b"t"),
    "nothing remembered": pickled(b"h\x05"),
    "no end": b"\x80\x02}",
    "empty": b"",
    "no pickle": b"hello",
    "no dict": pickled(number(1)),
    "negative count": state({"w": tensor(storage("7", -24), 0, (1,), (1,))}),
    "another count": state({"w": tensor(storage("7", 23), 0, (1,), (1,))}),
    "another type": state({"w": tensor(storage("7", 24, "float64"), 0, (1,), (1,))}),
    "another key": state({"w": tensor(storage("8", 24), 0, (1,), (1,))}),
    "two descriptions": state(
        {
            "v": tensor(STORED, 0, (1,), (1,)),
            "w": tensor(storage("7", 12, "float64"), 0, (1,), (1,)),
        }
    ),
    "view of a storage": state({"w": tensor(storage("7", 24, rest=text("v")), 0, (1,), (1,))}),
    "text of 4 GB": b"\x80\x02X\xff\xff\xff\xffabc.",
    "bytes of 2 ** 62": b"\x80\x02\x8e" + struct.pack("<Q", 2**62) + b"abc.",
    "frame of 2 ** 62": b"\x80\x04\x95" + struct.pack("<Q", 2**62) + b"N.",
    "memory of 4 GB": pickled(b"}r\xff\xff\xff\x7f" + b"r\xff\xff\xff\x7e" + number(1) + b"0"),
    "many instructions": b"\x80\x02" + b"N" * 1_000_001 + b".",
}  # fmt: skip


@every_format
@pytest.mark.parametrize("content", CONTENTS.values(), ids=CONTENTS)
def test_other_pickles_are_refused_in_little_memory(load, refused, file_format, content):
    if len(content) > 1_000_000:  # tracing its memory would take long
        with pytest.raises(ValueError, match="more than 1000000 instructions"):
            load(FORMATS[file_format](content, STORAGES))
    else:
        refused(FORMATS[file_format](content, STORAGES), r"\(.+\); delete it")


@every_format
def test_files_cut_anywhere_are_told_in_one_line(load, file_format):
    data = state({"w": tensor(STORED, 0, (4, 6), (6, 1))})
    whole = FORMATS[file_format](data, STORAGES)
    np.testing.assert_array_equal(load(whole)["w"], VALUES.reshape(4, 6))
    for length in range(len(whole)):
        with pytest.raises(ValueError, match=r"w\.pth is truncated, damaged") as error:
            load(whole[:length])
        assert "\n" not in str(error.value)


@every_format
def test_random_damage_never_raises_anything_else(load, file_format):
    data = state({"w": tensor(STORED, 0, (4, 6), (6, 1))})
    whole = FORMATS[file_format](data, STORAGES)
    generator = np.random.default_rng(0)
    told = 0
    for _ in range(400):
        content = bytearray(whole)
        for position in generator.integers(len(content), size=generator.integers(1, 4)):
            content[position] = generator.integers(256)
        try:
            assert all(values.nbytes <= len(content) for values in load(bytes(content)).values())
        except ValueError as error:
            told += 1
            assert "\n" not in str(error)
    assert told > 100


@every_format
def test_big_endian_numbers_are_refused(refused, file_format):
    data = state({"w": tensor(STORED, 0, (24,), (1,))})
    other = {"zip": {"byte_order": b"big"}, "legacy": {"little_endian": b"\x89"}}[file_format]
    refused(FORMATS[file_format](data, STORAGES, **other), "not little-endian")


@pytest.mark.parametrize("count", [-1, 0, 23, 25, 2**62, -(2**63)])
def test_a_legacy_storage_of_another_count_is_refused(refused, count):
    data = state({"w": tensor(STORED, 0, (24,), (1,))})
    refused(torch_files.legacy(data, STORAGES, {"7": count}), "storage 7 should hold 24 numbers")


def test_zip_bombs_are_refused(refused):
    n_numbers = 25_000_000
    data = state({"w": tensor(storage("7", n_numbers), 0, (n_numbers,), (1,))})
    bomb = torch_files.zipped(data, {"7": bytes(4 * n_numbers)}, zipfile.ZIP_DEFLATED)
    refused(bomb, "it is compressed")
    # The same entry, listed as if it were stored plainly and as large as it pretends to be.
    listing = bomb.rindex(b"PK\x01\x02", 0, bomb.index(b"archive/data/7", len(bomb) // 2))
    refused(bomb[: listing + 10] + b"\0\0" + bomb[listing + 12 :], "is compressed|more than")


def test_entries_that_overlap_are_refused(refused):
    data = state({"w": tensor(STORED, 0, (24,), (1,))})
    whole = torch_files.zipped(data, STORAGES | {"8": bytes(200)})
    with zipfile.ZipFile(BytesIO(whole)) as archive:
        start = archive.start_dir
        size = len(whole) - start - 22
    listing, end = whole[start : start + size], bytearray(whole[start + size :])
    end[8:16] = struct.pack("<HHI", *[50 * struct.unpack_from("<H", end, 8)[0]] * 2, 50 * size)
    refused(whole[:start] + 50 * listing + end, "more than the whole file")


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("name", ["archive/version", "other/data.pkl"])
def test_two_entries_of_one_name_or_two_pickles_are_refused(refused, name):
    buffer = BytesIO(torch_files.zipped(state({"w": tensor(STORED, 0, (24,), (1,))}), STORAGES))
    with zipfile.ZipFile(buffer, "a") as archive:
        archive.writestr(name, b"")
    refused(buffer.getvalue(), "one data.pkl, and nothing twice")


def test_endless_listings_are_refused(load):
    whole = torch_files.zipped(state({"w": tensor(STORED, 0, (24,), (1,))}), STORAGES)
    listing = b"PK\x01\x02" + bytes(42)
    with pytest.raises(ValueError, match="more than 100000 entries"):
        load(whole + 100_001 * listing)


def test_other_files_are_told(refused, tmp_path):
    refused(b"", "neither of PyTorch's formats")
    refused(np.random.default_rng(0).bytes(1000), "neither of PyTorch's formats")
    with pytest.raises(FileNotFoundError):
        read_state_dict(tmp_path / "absent.pth")
