"""Reading weights: every format, everything that can be wrong with a file."""

import gzip
import hashlib
import pickle
import shutil
import sys
import tarfile
import zipfile

import keras
import numpy as np
import pytest
import tensorflow as tf
from hostile_files import HOSTILE

from model_metamers.networks import checkpoints, inception, resnet, vgg

v1 = tf.compat.v1
SCOPE = "vgg_19"
HUB_SCOPE = f"module/{SCOPE}"


@pytest.fixture(scope="module")
def template():
    # 64 px: pool5 is 2x2, so that fc6, a convolution in the file, has a map to flatten.
    return vgg.vgg_19(size_px=64, n_classes=10, widths=0.002)


@pytest.fixture
def model(template):
    """A tiny VGG-19 whose weights are all zero."""
    for variable in template.weights:
        variable.assign(keras.ops.zeros_like(variable))
    return template


@pytest.fixture(scope="module")
def stored(template):
    """Values as a TF-Slim checkpoint stores them: fc6 .. fc8 are convolutions."""
    generator = np.random.default_rng(0)
    values = {}
    for name, variable in checkpoints.checkpoint_variables(template, SCOPE).items():
        shape = tuple(variable.shape)
        if "/fc" in name and len(shape) == 2:
            side = 2 if "fc6" in name else 1
            shape = (side, side, shape[0] // side**2, shape[1])
        values[name] = generator.standard_normal(shape, np.float32)
    return values


def write_checkpoint(path, values, version):
    """Write a TF1 checkpoint as TF1 itself did."""
    with tf.Graph().as_default(), v1.Session() as session:
        variables = [v1.get_variable(name, initializer=value) for name, value in values.items()]
        session.run([variable.initializer for variable in variables])
        saver = v1.train.Saver(write_version=getattr(v1.train.SaverDef, version))
        saver.save(session, str(path), write_meta_graph=False, write_state=False)


def write_v1(folder, values):
    write_checkpoint(folder / "net.ckpt", values, "V1")
    return folder / "net.ckpt"


def write_v2(folder, values):
    write_checkpoint(folder / "net.ckpt", values, "V2")
    return folder / "net.ckpt"


def write_v2_named_by_its_index(folder, values):
    return write_v2(folder, values).with_name("net.ckpt.index")


def write_tar_of_v1(folder, values):
    return _into_tar(folder, write_v1(folder, values).parent)


def write_tar_of_v2(folder, values):
    return _into_tar(folder, write_v2(folder, values).parent)


def _into_tar(folder, source):
    files = list(source.iterdir())
    (folder / "eval.graph").write_text("the published archives hold other files too")
    with tarfile.open(folder / "net.tar.gz", "w:gz") as tar:
        for path in [folder / "eval.graph", *files]:
            tar.add(path, path.name)
            path.unlink()
    return folder / "net.tar.gz"


def write_npz(folder, values):
    names = {name.removeprefix(f"{SCOPE}/"): value for name, value in values.items()}
    np.savez(folder / "net.npz", **names)
    return folder / "net.npz"


def write_hub_module(folder, values):
    """The TF2 form: an object with a list of variables."""
    module = tf.train.Checkpoint()
    module.variables = [
        tf.Variable(value, name=f"{HUB_SCOPE}/{name.removeprefix(f'{SCOPE}/')}")
        for name, value in values.items()
    ]
    tf.saved_model.save(module, str(folder / "hub"))
    return folder / "hub"


def write_plain_module(folder, values):
    """A tf.Module: saved without a list of its variables."""
    module = tf.Module()
    module.kept = {
        name.replace("/", "."): tf.Variable(value, name=name) for name, value in values.items()
    }
    tf.saved_model.save(module, str(folder / "saved"))
    return folder / "saved"


def write_tf1_hub_module(folder, values):
    """The TF1 form: an untagged graph and tfhub_module.pb."""
    path = folder / "hub1"
    with tf.Graph().as_default(), v1.Session() as session:
        for name, value in values.items():
            v1.get_variable(f"module/{name}", initializer=value)
        session.run(v1.global_variables_initializer())
        x = v1.placeholder(tf.float32, ())
        signature = v1.saved_model.predict_signature_def({"x": x}, {"y": x + 1})
        builder = v1.saved_model.Builder(str(path))
        builder.add_meta_graph_and_variables(session, [], {"default": signature})
        builder.save()
    (path / "tfhub_module.pb").write_bytes(b"\x08\x03")
    return path


WRITERS = [
    write_v1,
    write_v2,
    write_v2_named_by_its_index,
    write_tar_of_v1,
    write_tar_of_v2,
    write_npz,
    write_hub_module,
    write_plain_module,
    write_tf1_hub_module,
]
every_format = pytest.mark.parametrize("write", WRITERS, ids=lambda write: write.__name__[6:])


def write_macos_tar(folder, values):
    """What macOS packs: beside each file one of its own, under a name that begins with ._"""
    source = write_v2(folder, values)
    for path in list(folder.iterdir()):
        path.with_name(f"._{path.name}").write_bytes(b"\x00\x05\x16\x07" + bytes(99))
    return _into_tar(folder, source.parent)


def write_archive_without_a_suffix(folder, values):
    return write_tar_of_v2(folder, values).rename(folder / "net")


def write_archive_called_ckpt(folder, values):
    return write_tar_of_v1(folder, values).rename(folder / "net.ckpt")


def write_plain_tar_called_tar_gz(folder, values):
    compressed = write_tar_of_v2(folder, values)
    plain = gzip.decompress(compressed.read_bytes())
    compressed.write_bytes(plain)
    return compressed


def write_v2_named_by_its_meta(folder, values):
    path = write_v2(folder, values).with_name("net.ckpt.meta")
    path.write_bytes(b"a graph, which is not read")
    return path


def write_v2_named_by_its_data(folder, values):
    return write_v2(folder, values).with_name("net.ckpt.data-00000-of-00001")


def write_state_file(folder, values):
    write_v2(folder, values)
    (folder / "checkpoint").write_text('model_checkpoint_path: "/elsewhere/net.ckpt"\n')
    return folder / "checkpoint"


def write_folder_of_a_checkpoint(folder, values):
    return write_state_file(folder, values).parent


def write_folder_without_a_state_file(folder, values):
    return write_v2(folder, values).parent


def write_saved_model_named_by_its_graph(folder, values):
    return write_plain_module(folder, values) / "saved_model.pb"


def write_npz_without_a_suffix(folder, values):
    return write_npz(folder, values).rename(folder / "weights")


OTHER_NAMES = [
    write_macos_tar,
    write_archive_without_a_suffix,
    write_archive_called_ckpt,
    write_plain_tar_called_tar_gz,
    write_v2_named_by_its_meta,
    write_v2_named_by_its_data,
    write_state_file,
    write_folder_of_a_checkpoint,
    write_folder_without_a_state_file,
    write_saved_model_named_by_its_graph,
    write_npz_without_a_suffix,
]


def is_untouched(model):
    return all(not variable.numpy().any() for variable in model.weights)


def test_names_are_tf_slims():
    variables = checkpoints.checkpoint_variables(inception.inception_v3(size_px=96), "InceptionV3")
    block = "InceptionV3/Mixed_5c/Branch_1"
    assert tuple(variables[f"{block}/Conv_1_0c_5x5/weights"].shape) == (5, 5, 48, 64)
    assert f"{block}/Conv_1_0c_5x5/BatchNorm/moving_variance" in variables
    assert f"{block}/Conv_1_0c_5x5/BatchNorm/gamma" not in variables
    assert tuple(variables["InceptionV3/Logits/Conv2d_1c_1x1/weights"].shape) == (2048, 1001)
    variables = checkpoints.checkpoint_variables(resnet.resnet_v2_101(size_px=64), "resnet_v2_101")
    unit = "resnet_v2_101/block1/unit_1/bottleneck_v2"
    assert {f"{unit}/preact/gamma", f"{unit}/shortcut/biases", f"{unit}/conv1/weights"} <= set(
        variables
    )
    assert "resnet_v2_101/postnorm/moving_mean" in variables


def test_an_empty_scope_leaves_the_layers_own(model):
    variables = checkpoints.checkpoint_variables(model, "")
    assert len(variables) == 2 * 19  # no random state of the dropout layers
    assert list(variables)[:2] == ["conv1/conv1_1/weights", "conv1/conv1_1/biases"]


def test_two_weights_of_one_name_are_refused():
    model = keras.Sequential(
        [
            keras.Input((2,)),
            keras.layers.Dense(2, name="a.linear"),
            keras.layers.Dense(2, name="a"),
        ]
    )
    with pytest.raises(ValueError, match="share the checkpoint name a/weights"):
        checkpoints.checkpoint_variables(model, "")


@every_format
def test_every_format_is_read(write, model, stored, tmp_path):
    source = write(tmp_path, stored)
    sha256 = checkpoints.load_weights(model, source, SCOPE)
    for name, variable in checkpoints.checkpoint_variables(model, SCOPE).items():
        np.testing.assert_array_equal(variable.numpy().ravel(), stored[name].ravel(), name)
    if source.is_file() and source.suffix != ".index":
        assert sha256 == hashlib.sha256(source.read_bytes()).hexdigest()
    assert checkpoints.load_weights(model, source, SCOPE) == sha256


@pytest.mark.parametrize("write", OTHER_NAMES, ids=lambda write: write.__name__[6:])
def test_a_checkpoint_is_found_by_what_it_is(write, model, stored, tmp_path):
    checkpoints.load_weights(model, write(tmp_path, stored), SCOPE)
    for name, variable in checkpoints.checkpoint_variables(model, SCOPE).items():
        np.testing.assert_array_equal(variable.numpy().ravel(), stored[name].ravel(), name)


def write_keras(path):
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.save(path)


def write_zip(path):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("net.ckpt.index", b"")


# Name -> what is written under it, what it is called, and what is said to do.
FOREIGN = {
    "a.h5": (b"\x89HDF\r\n\x1a\n", "an HDF5 file", "from_keras"),
    "a.keras": (write_keras, "a model of Keras", "from_keras"),
    "h5.ckpt": (b"\x89HDF\r\n\x1a\n", "an HDF5 file", "from_keras"),
    "old.pth": (pickle.dumps({"a": [1]}, 2), "a pickle", "numpy.savez"),
    "a.npz": (pickle.dumps({"a": [1]}, 4), "a pickle", "numpy.savez"),
    "a.zip": (write_zip, "a zip archive", "unpack it"),
    "page.ckpt": (b"<!DOCTYPE html><html></html>", "a web page", "download the file itself"),
    "page.tar.gz": (b"\n<html lang='en'>", "a web page", "download the file itself"),
    "page.npz": (b"<HTML>", "a web page", "download the file itself"),
    "lfs.ckpt": (b"version https://git-lfs.github.com/spec/v1", "a pointer of Git", "git lfs"),
    "._a.ckpt": (b"\x00\x05\x16\x07" + bytes(99), "what macOS keeps beside", "that file"),
    "a.meta": (b"\n\x05graph", "the graph of a checkpoint", "put the .index and .data"),
    "a.tflite": (b"\x1c\0\0\0TFL3", "a model of TensorFlow Lite", "the checkpoint it was"),
    "a.safetensors": (b"\x10\0\0\0\0\0\0\0{}", "a file of safetensors", "numpy.savez"),
    "a.data-00000-of-00001": (bytes(99), "a part of a checkpoint", r"\.index"),
    "checkpoint": (b"all_model_checkpoint_paths", "checkpoint names no", "own file"),
}


@pytest.mark.parametrize("name", FOREIGN)
def test_other_files_are_named_for_what_they_are(name, model, tmp_path):
    content, what, remedy = FOREIGN[name]
    if callable(content):
        content(tmp_path / name)
    else:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError, match=f"{what}.*{remedy}") as error:
        checkpoints.load_weights(model, tmp_path / name, SCOPE)
    assert str(tmp_path / name) in str(error.value) and "\n" not in str(error.value)
    assert is_untouched(model)


WEIGHTS = [name for name in HOSTILE if name.split(":")[0] in ("tar", "npz", "pickle")]


@pytest.mark.parametrize("name", WEIGHTS)
def test_files_made_to_do_harm_are_refused_in_one_line(name, model, tmp_path):
    HOSTILE[name][0](tmp_path / "net")
    for suffix in (".ckpt", ".npz"):
        path = (tmp_path / "net").rename(tmp_path / f"net{suffix}")
        with pytest.raises(ValueError) as error:
            checkpoints.load_weights(model, path, SCOPE)
        path.rename(tmp_path / "net")
    assert "\n" not in str(error.value) and str(tmp_path) in str(error.value)
    assert is_untouched(model)


def test_the_graph_of_a_saved_model_is_not_read(model, stored, tmp_path):
    """It could hold operations that write files; its variables lie apart."""
    source = write_plain_module(tmp_path, stored)
    (source / "saved_model.pb").write_bytes(b"operations of somebody's choice")
    checkpoints.load_weights(model, source, SCOPE)
    assert not is_untouched(model)


def test_fully_connected_layers_keep_the_order_of_the_map(model, stored, tmp_path):
    checkpoints.load_weights(model, write_v2(tmp_path, stored), SCOPE)
    pooled = np.random.default_rng(1).random((1, 2, 2, 8), np.float32)
    as_convolution = tf.nn.conv2d(pooled, stored["vgg_19/fc6/weights"], 1, "VALID")[:, 0, 0]
    as_dense = pooled.reshape(1, -1) @ model.get_layer("fc6.linear").kernel.numpy()
    np.testing.assert_allclose(as_dense, as_convolution, rtol=1e-4)


def test_what_training_leaves_behind_is_ignored(model, stored, tmp_path):
    first = next(iter(stored))
    leftovers = {
        "global_step": np.int64(7),
        "beta1_power": np.float32(0.9),
        "vgg_19/mean_rgb": np.zeros(3, np.float32),
        "vgg_19/AuxLogits/Conv2d_2b_1x1/weights": np.zeros(3, np.float32),
    } | {
        f"{first}/{slot}": np.zeros(3, np.float32)
        for slot in ("Momentum", "RMSProp", "RMSProp_1", "Adam", "ExponentialMovingAverage")
    }
    checkpoints.load_weights(model, write_v2(tmp_path, stored | leftovers), SCOPE)
    assert not is_untouched(model)


def test_all_misfits_are_named_at_once_and_nothing_is_assigned(model, stored, tmp_path):
    values = dict(stored)
    del values["vgg_19/conv1/conv1_2/biases"]
    values["vgg_19/conv9/weights"] = np.zeros(3, np.float32)
    values["vgg_19/fc8/biases"] = np.zeros(11, np.float32)
    with pytest.raises(ValueError) as error:
        checkpoints.load_weights(model, write_v1(tmp_path, values), SCOPE)
    assert "missing: vgg_19/conv1/conv1_2/biases;" in str(error.value)
    assert "unexpected: vgg_19/conv9/weights;" in str(error.value)
    assert "of another shape: vgg_19/fc8/biases [11] instead of [10]" in str(error.value)
    assert is_untouched(model)


def test_a_convolution_of_the_same_size_in_all_is_no_dense_kernel(model, stored, tmp_path):
    units = stored["vgg_19/fc7/weights"].shape[-1]
    values = stored | {"vgg_19/fc7/weights": np.zeros((1, 1, 1, units**2), np.float32)}
    with pytest.raises(ValueError, match="of another shape: vgg_19/fc7/weights"):
        checkpoints.load_weights(model, write_v2(tmp_path, values), SCOPE)


def test_long_lists_are_shortened(model, stored, tmp_path):
    values = {name: value for name, value in stored.items() if "conv" not in name}
    with pytest.raises(ValueError, match=r"conv1_1/weights.* and 27 more"):
        checkpoints.load_weights(model, write_v2(tmp_path, values), SCOPE)


def test_a_checkpoint_of_another_network_is_told(model, stored, tmp_path):
    values = {f"resnet_v2_50/{name}": value for name, value in stored.items()}
    values = {name.replace("vgg_19/", ""): value for name, value in values.items()}
    with pytest.raises(ValueError, match=r"expected variables under vgg_19/.* under resnet_v2_50"):
        checkpoints.load_weights(model, write_v1(tmp_path, values), SCOPE)
    assert is_untouched(model)


def test_a_second_copy_of_the_network_is_unexpected(model, stored, tmp_path):
    copy = {f"tower_1/{name}": value for name, value in stored.items()}
    with pytest.raises(ValueError, match="unexpected: "):
        checkpoints.load_weights(model, write_v2(tmp_path, stored | copy), SCOPE)


def truncate(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def empty(path):
    path.write_bytes(b"")


def alter(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(content)


DAMAGED_FILES = {
    write_v1: "net.ckpt",
    write_v2: "net.ckpt.data-00000-of-00001",
    write_v2_named_by_its_index: "net.ckpt.index",
    write_tar_of_v1: "net.tar.gz",
    write_npz: "net.npz",
    write_hub_module: "hub/variables/variables.data-00000-of-00001",
    write_tf1_hub_module: "hub1/variables/variables.data-00000-of-00001",
    write_plain_module: "saved/variables/variables.index",
}


DAMAGES = [(write, damage) for write in DAMAGED_FILES for damage in (truncate, empty, alter)]


@pytest.mark.parametrize(("write", "damage"), DAMAGES, ids=lambda function: function.__name__)
def test_damaged_files_are_told_in_one_line(write, damage, model, stored, tmp_path):
    source = write(tmp_path, stored)
    damage(tmp_path / DAMAGED_FILES[write])
    with pytest.raises(ValueError, match=r"truncated, damaged.*download it again") as error:
        checkpoints.load_weights(model, source, SCOPE)
    assert str(source) in str(error.value)
    assert "\n" not in str(error.value)
    assert is_untouched(model)


def test_a_checkpoint_without_its_data_is_told(model, stored, tmp_path):
    source = write_v2(tmp_path, stored)
    (tmp_path / "net.ckpt.data-00000-of-00001").unlink()
    with pytest.raises(ValueError, match=r"net\.ckpt.*No such file.*download it again"):
        checkpoints.load_weights(model, source, SCOPE)


@pytest.mark.parametrize("name", ["absent.ckpt", "absent.tar.gz", "absent.npz", "no/such/folder"])
def test_a_missing_file_names_the_command_that_gets_it(name, model, tmp_path):
    command = "python -m model_metamers fetch vgg_19"
    with pytest.raises(ValueError, match=f"no file .*{name}.*{command}"):
        checkpoints.load_weights(model, tmp_path / name, SCOPE)


def test_a_folder_that_is_no_saved_model_is_told(model, tmp_path):
    with pytest.raises(ValueError, match=r"without a saved_model\.pb"):
        checkpoints.load_weights(model, tmp_path, SCOPE)


def test_an_archive_of_two_checkpoints_is_refused(model, stored, tmp_path):
    write_v1(tmp_path, stored)
    shutil.copy(tmp_path / "net.ckpt", tmp_path / "other.ckpt")
    with pytest.raises(ValueError, match=r"must hold one checkpoint; it holds 2"):
        checkpoints.load_weights(model, _into_tar(tmp_path, tmp_path), SCOPE)


def test_an_unreachable_hub_module_is_told(model):
    with pytest.raises(
        ValueError, match=r"cannot get the TF-Hub module https://127\.0\.0\.1:9/m/1"
    ):
        checkpoints.load_weights(model, "https://127.0.0.1:9/m/1", SCOPE)


def test_the_lack_of_pkg_resources_is_told(model, monkeypatch):
    for name in [name for name in sys.modules if name.split(".")[0] == "tensorflow_hub"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "pkg_resources", None)
    with pytest.raises(ValueError, match=r"needs pkg_resources.*pip install 'setuptools<81'"):
        checkpoints.load_weights(model, "https://127.0.0.1:9/m/1", SCOPE)


@pytest.mark.parametrize(
    ("values", "told"),
    [
        (lambda kernel: kernel * np.nan, "infinite or not a number"),
        (lambda kernel: kernel.astype(np.float64) * 1e300, "infinite or not a number"),
        (lambda kernel: kernel.astype(str), "no real numbers, but <U"),
        (lambda kernel: kernel * 1j, "no real numbers, but complex64"),
    ],
    ids=["nan", "overflow", "text", "complex"],
)
def test_weights_that_are_no_finite_numbers_are_refused(values, told, model, stored, tmp_path):
    name = max(stored)  # of the last to be read
    source = write_npz(tmp_path, stored | {name: values(stored[name] + 1)})
    with pytest.raises(ValueError, match=told) as error:
        checkpoints.load_weights(model, source, SCOPE)
    assert name.removeprefix(f"{SCOPE}/") in str(error.value)
    assert is_untouched(model)
