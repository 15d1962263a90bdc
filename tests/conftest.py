"""Shared fixtures: two logical CPU devices for the strategy tests, and small networks."""

import collections
import functools
import gc
import os
import sys
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
if "PYTEST_XDIST_WORKER" in os.environ:  # the workers share the cores
    os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")
    os.environ.setdefault("TF_NUM_INTEROP_THREADS", "1")
sys.path.append(str(Path(__file__).resolve().parents[1] / "experiments"))

# isort: off
import shared  # noqa: F401, it sets TensorFlow's environment

# isort: on
import command_line
import keras
import numpy as np
import pytest
import tensorflow as tf

from model_metamers.networks import catalog, locations, network

command_line.leave_graphs_as_they_are()
tf.config.set_logical_device_configuration(
    tf.config.list_physical_devices("CPU")[0],
    [tf.config.LogicalDeviceConfiguration(), tf.config.LogicalDeviceConfiguration()],
)

PROJECT = Path(__file__).resolve().parents[1]
SHARED_DATA = PROJECT.parent / "shared" / "data"


def pytest_configure(config: pytest.Config) -> None:
    """Let pytest-xdist hand out the files in the order below, not those of many tests first."""
    config.option.loadscopereorder = False


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put files with many slow tests first, so that no worker ends with a long one alone."""
    slow = collections.Counter(item.path for item in items if item.get_closest_marker("slow"))
    size = collections.Counter(item.path for item in items)
    items.sort(key=lambda item: (-slow[item.path], -size[item.path], item.path))


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Leave out what takes long, unless it is asked for."""
    if item.get_closest_marker("long") and not os.environ.get("MODEL_METAMERS_LONG_TESTS"):
        pytest.skip("takes long; set MODEL_METAMERS_LONG_TESTS=1")


def pytest_collection_finish() -> None:
    """Spare the garbage collector the libraries' million objects, a twentieth of the time."""
    gc.freeze()


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Real photographs and sounds, where they are laid beside the project."""
    if not SHARED_DATA.is_dir():
        pytest.skip("needs the optional folder ../shared/data (real photographs and sounds)")
    return SHARED_DATA


@pytest.fixture(scope="session")
def two_replicas() -> tf.distribute.Strategy:
    """One strategy for all tests of training.

    A second one would number its collective operations like the first, and TensorFlow refuses one
    number for two shapes.
    """
    return tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])


@pytest.fixture(scope="session")
def architecture() -> Callable[[str], network.Network]:
    """Networks of the catalogue without numbers in their weights, by name.

    They tell shapes and parameters; the numbers would take seconds and half a gigabyte for each.
    """

    @functools.cache
    def of(name: str) -> network.Network:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(network, "initialise", lambda model, seed: None)
            with keras.StatelessScope(initialize_variables=False):
                found = catalog.load_network(name, weights=None)
        keras.utils.clear_session(free_memory=False)  # or the next scope would fill them all
        return found

    return of


@pytest.fixture(scope="session")
def shipped() -> Callable[[str], network.Network]:
    """Networks with the weights they have by default, by name, loaded and traced once."""
    return functools.cache(catalog.load_network)


def branching_model() -> keras.Model:
    """Return a network with fused and separate ReLUs on 12-px images, weights from seed 0."""
    keras.utils.set_random_seed(0)
    image = keras.Input((12, 12, 3), name="image")
    x = keras.layers.Rescaling(2.0, -1.0)(image)
    x = keras.layers.Conv2D(8, 3, padding="same", activation="relu", name="fused")(x)
    left = keras.layers.Conv2D(8, 3, padding="same", name="left")(x)
    right = keras.layers.Conv2D(8, 1, name="right")(x)
    x = keras.layers.Concatenate(name="joined")([left, right])
    x = keras.layers.ReLU(name="separate")(x)
    x = keras.layers.GlobalAveragePooling2D(name="average")(x)
    x = keras.layers.Dense(16, activation="relu", name="hidden")(x)
    return keras.Model(image, keras.layers.Dense(5, name="classes")(x), name="small_model")


@pytest.fixture(scope="session")
def small_model() -> keras.Model:
    """The branching network, for all tests that leave it as it is."""
    return branching_model()


@pytest.fixture
def model_to_change() -> keras.Model:
    """A branching network of a test's own."""
    return branching_model()


@pytest.fixture(scope="session")
def images() -> np.ndarray:
    """Four smooth random images [4, 12, 12, 3] in [0, 1], not to be changed."""
    coarse = np.random.default_rng(0).random((4, 4, 4, 3), np.float32)
    smooth = np.repeat(np.repeat(coarse, 3, axis=1), 3, axis=2)
    smooth.flags.writeable = False
    return smooth


@pytest.fixture
def checkpoints_folder(tmp_path, monkeypatch) -> Path:
    """An empty folder, the only one where weights are looked for."""
    monkeypatch.setenv(locations.VARIABLE, str(tmp_path))
    for name in ("shipped", "_cache"):
        monkeypatch.setattr(locations, name, lambda: tmp_path)
    return tmp_path
