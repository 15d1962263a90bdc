"""The wheel, installed away from the checkout: whole, and with nothing that does not belong."""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import model_metamers as mm

PROJECT = Path(__file__).resolve().parents[1]
PACKAGED = ("setup.py", "README.md", "LICENSE", "model_metamers", "checkpoints")

# What a user does first: every shipped network, and a metamer.
FIRST_STEPS = """
import sys
from pathlib import Path
import numpy as np
import model_metamers as mm
from model_metamers.human.pages import example_consent
from model_metamers.networks import locations
from model_metamers.networks.catalog import CATALOG
from model_metamers.networks.manifest import read_manifest

site = Path(sys.argv[1]).resolve()
assert locations.shipped() == site / "model_metamers" / "checkpoints"
assert site not in locations.trained().parents, "an installation is not written to"
hashes = {name: record["sha256"] for name, record in read_manifest(locations.shipped()).items()}
assert len(example_consent()) > 100, "the page of the human experiments"
shipped = [name for name, entry in CATALOG.items()
           if entry.identity.scale == "small" and not entry.always_random]
assert set(shipped) == set(hashes)
for name in shipped:
    network = mm.load_network(name)
    assert network.weights_sha256 == hashes[name], name
network = mm.load_network("vgg_19_small")
images = np.random.default_rng(0).random((1, *network.stimulus_shape), np.float32)
result = mm.synthesize(network, "conv1_2", images, mm.SynthesisConfig(iterations=2))
assert result.metamers.shape == images.shape and result.losses[-1] < result.losses[0]
"""


def pip(*arguments):
    command = [sys.executable, "-m", "pip", *map(str, arguments), "--no-deps", "-q"]
    result = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert result.returncode == 0, result.stderr


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The wheel, built beside the project, so that the build leaves nothing in it."""
    root = tmp_path_factory.mktemp("build")
    for name in PACKAGED:
        (root / name).symlink_to(PROJECT / name)
    pip("wheel", root, "--no-build-isolation", "--wheel-dir", root / "dist")
    (path,) = (root / "dist").glob("*.whl")
    return path


@pytest.fixture(scope="module")
def site(wheel, tmp_path_factory):
    """The installed wheel; its dependencies are those of the tests."""
    folder = tmp_path_factory.mktemp("site")
    pip("install", wheel, "--target", folder)
    return folder


def run_outside(command, site, tmp_path):
    environment = os.environ | {"PYTHONPATH": str(site), "XDG_CACHE_HOME": str(tmp_path)}
    environment.pop("MODEL_METAMERS_CHECKPOINTS", None)
    return subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300
    )


@pytest.mark.slow
def test_the_wheel_holds_the_package_and_nothing_else(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        (metadata,) = (name for name in names if name.endswith("METADATA"))
        fields = archive.read(metadata).decode().splitlines()
    information = metadata.partition("/")[0]
    assert {name.partition("/")[0] for name in names} == {"model_metamers", information}
    assert f"Version: {mm.__version__}" in fields
    assert {"model_metamers/py.typed", f"{information}/entry_points.txt"} <= set(names)
    assert any(name.endswith("LICENSE") for name in names)
    page = [f"gallery/gallery.{kind}" for kind in ("html", "css", "js")]
    assert {f"model_metamers/{name}" for name in (*page, "store/columns.csv")} <= set(names)
    weights = {Path(name).name for name in names if name.endswith(".npz")}
    assert weights == {path.name for path in (PROJECT / "checkpoints").glob("*_small*.npz")}


@pytest.mark.slow
def test_an_installation_loads_every_shipped_network_and_makes_a_metamer(site, tmp_path):
    result = run_outside([sys.executable, "-c", FIRST_STEPS, site], site, tmp_path)
    assert result.returncode == 0, result.stderr


@pytest.mark.slow
def test_the_console_command_works_away_from_the_checkout(site, tmp_path):
    command = shutil.which("model_metamers", path=site / "bin")
    result = run_outside([command, "list"], site, tmp_path)
    assert result.returncode == 0, result.stderr
    assert [line.split()[0] for line in result.stdout.splitlines()] == mm.list_networks()
