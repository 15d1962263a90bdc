"""Pickles of others: arrays and containers come back, everything else is refused and not run."""

import os
import pickle
from collections import OrderedDict, defaultdict

import numpy as np
import pytest

from model_metamers import store

PROTOCOLS = range(pickle.HIGHEST_PROTOCOL + 1)
every_protocol = pytest.mark.parametrize("protocol", PROTOCOLS)

# Written by Python 2: pickle.dumps({'rho': numpy.array([0.5, 1.0])}, protocol)
PYTHON_2 = {
    0: (
        b"(dp0\nS'rho'\np1\ncnumpy.core.multiarray\n_reconstruct\np2\n(cnumpy\nndarray\np3\n(I0\n"
        b"tp4\nS'b'\np5\ntp6\nRp7\n(I1\n(I2\ntp8\ncnumpy\ndtype\np9\n(S'f8'\np10\nI0\nI1\ntp11\n"
        b"Rp12\n(I3\nS'<'\np13\nNNNI-1\nI-1\nI0\ntp14\nbI00\nS'\\x00\\x00\\x00\\x00\\x00\\x00"
        b"\\xe0?\\x00\\x00\\x00\\x00\\x00\\x00\\xf0?'\np15\ntp16\nbs."
    ),
    2: (
        b"\x80\x02}q\x01U\x03rhoq\x02cnumpy.core.multiarray\n_reconstruct\nq\x03cnumpy\nndarray\n"
        b"q\x04K\x00\x85U\x01b\x87Rq\x05(K\x01K\x02\x85cnumpy\ndtype\nq\x06U\x02f8K\x00K\x01\x87R"
        b"q\x07(K\x03U\x01<NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89U\x10"
        b"\x00\x00\x00\x00\x00\x00\xe0?\x00\x00\x00\x00\x00\x00\xf0?tbs."
    ),
}


class Call:
    """Pickles as a call of a function, and what its result's state is set to."""

    def __init__(self, *call):
        self.call = call

    def __reduce__(self):
        return self.call


@pytest.fixture
def load(tmp_path):
    def load(content, protocol=2):
        raw = content if isinstance(content, bytes) else pickle.dumps(content, protocol)
        (tmp_path / "null.pckl").write_bytes(raw)
        return store.load_foreign_pickle(tmp_path / "null.pckl")

    return load


@every_protocol
def test_arrays_and_containers_load(load, protocol):
    content = {
        "null": [np.arange(6.0).reshape(2, 3), np.float32(0.5)],
        "words": np.array(["a", "bc"]),
        "objects": np.array([None, (1, {2})], object),
        "ordered": OrderedDict(a=1 + 2j, b=bytearray(b"\x00")),
        "raw": b"\xff",
        "nothing": b"",
    }
    loaded = load(content, protocol)
    np.testing.assert_array_equal(loaded["null"][0], content["null"][0])
    assert loaded["null"][1] == 0.5 and isinstance(loaded["null"][1], np.float32)
    assert loaded["words"].tolist() == ["a", "bc"] and loaded["objects"][1] == (1, {2})
    assert loaded["ordered"] == content["ordered"]
    assert loaded["raw"] == b"\xff" and loaded["nothing"] == b""


@every_protocol
@pytest.mark.parametrize(
    "array",
    [
        np.arange(24, dtype=">i4").reshape(2, 3, 4),
        np.asfortranarray(np.arange(6, dtype=np.float32).reshape(2, 3)),
        np.array(0.25),
        np.zeros((0, 3)),
        np.array([True, False]),
        np.array([1 + 2j]),
        np.array([[{}, "a"], [b"b", None]], object),
    ],
    ids=lambda array: f"{array.dtype}{array.shape}",
)
def test_every_kind_of_array_loads(load, array, protocol):
    loaded = load(array, protocol)
    np.testing.assert_array_equal(loaded, array)
    assert loaded.shape == array.shape
    assert loaded.dtype.newbyteorder("=") == array.dtype.newbyteorder("=")


@pytest.mark.parametrize("protocol", PYTHON_2)
def test_a_pickle_of_python_2_loads(load, protocol):
    np.testing.assert_array_equal(load(PYTHON_2[protocol])["rho"], [0.5, 1.0])


@pytest.mark.parametrize("protocol", PYTHON_2)
def test_either_name_of_numpys_core_is_known(load, protocol):
    renamed = PYTHON_2[protocol].replace(b"numpy.core", b"numpy._core")
    np.testing.assert_array_equal(load(renamed)["rho"], [0.5, 1.0])


@every_protocol
@pytest.mark.parametrize("hidden", [False, True])
def test_a_malicious_pickle_is_refused_and_not_run(load, tmp_path, protocol, hidden):
    payload = Call(os.system, (f"touch {tmp_path / 'owned'}",))
    content = np.array([payload], object) if hidden else payload
    refusal = r"it holds (posix|nt)\.system; only arrays and containers are admitted$"
    with pytest.raises(ValueError, match=refusal) as error:
        load(content, protocol)
    assert not (tmp_path / "owned").exists() and "\n" not in str(error.value)


@pytest.mark.parametrize("name", ["eval", "getattr", "exec", "__import__", "open", "object"])
@pytest.mark.parametrize("module", ["builtins", "__builtin__"])
def test_no_function_of_python_is_admitted(load, module, name):
    with pytest.raises(ValueError, match=rf"it holds {module}\.{name};"):
        load(f"c{module}\n{name}\n.".encode())


@pytest.mark.parametrize("name", ["load", "memmap", "loadtxt", "ndarray.dump", "random"])
def test_no_other_function_of_numpy_is_admitted(load, name):
    # Protocol 4 looks up dotted names.
    named = b"\x80\x04\x8c\x05numpy\x8c" + bytes([len(name)]) + name.encode() + b"\x93."
    with pytest.raises(ValueError, match=rf"it holds numpy\.{name};"):
        load(named)


def test_other_classes_are_named(load):
    with pytest.raises(ValueError, match=r"it holds collections\.defaultdict;"):
        load(defaultdict(list))
    with pytest.raises(ValueError, match=r"it holds numpy\.ma\.core\._mareconstruct;"):
        load(np.ma.array([1.0]))


POINTER = b"A" * 8
OBJECTS = Call(np.dtype, ("O8", False, True), (3, "|", None, None, None, -1, -1, 0))
RECORDS = Call(
    np.dtype,
    ("V8", False, True),
    (3, "|", None, ("a",), {"a": (np.dtype(object), 0)}, 8, 1, 0),
)
RECONSTRUCT = np.empty(0).__reduce__()[0]
FROM_BUFFER = np.empty(1).__reduce_ex__(5)[0]
SCALAR = np.float64(0).__reduce__()[0]


@pytest.mark.parametrize(
    "content",
    [
        Call(RECONSTRUCT, (np.ndarray, (0,), b"b"), (1, (1,), OBJECTS, False, POINTER)),
        Call(RECONSTRUCT, (np.ndarray, (0,), b"b"), (1, (1,), RECORDS, False, POINTER)),
        Call(np.ndarray, ((1,), OBJECTS, POINTER)),
        Call(FROM_BUFFER, (POINTER, OBJECTS, (1,), "C")),
        Call(SCALAR, (OBJECTS, POINTER)),
        Call(SCALAR, (RECORDS, POINTER)),
        Call(RECONSTRUCT, (np.ndarray, (0,), b"b"), (1, (9,), np.dtype("f8"), False, POINTER)),
        Call(RECONSTRUCT, (np.ndarray, (0,), b"b"), (1, (-1, -1), np.dtype("f8"), False, POINTER)),
    ],
    ids=[
        "objects", "records", "constructor", "buffer", "scalar", "record", "too-short", "negative",
    ],
)  # fmt: skip
@pytest.mark.parametrize("protocol", [2, 4])
def test_memory_of_the_files_choice_is_refused(load, content, protocol):
    # NumPy itself takes some of these, and crashes when the array is looked at.
    with pytest.raises(ValueError, match="cannot read"):
        load(content, protocol)


def test_a_truncated_or_missing_pickle_is_named(load, tmp_path):
    with pytest.raises(ValueError, match=r"cannot read .*null\.pckl"):
        load(pickle.dumps(np.zeros(9))[:-20])
    with pytest.raises(ValueError, match=r"cannot read .*none\.pckl"):
        store.load_foreign_pickle(tmp_path / "none.pckl")
