"""Where weights are looked for, and where downloads and trainings write."""

import pytest

from model_metamers.networks import catalog, locations

NAME, PUBLISHED = "vgg_19.npz", "vgg_19.ckpt"


@pytest.fixture
def folders(tmp_path, monkeypatch):
    """The user's own, the shipped and the cache folder, in the order of reading."""
    paths = {name: tmp_path / name for name in ("own", "shipped", "cache")}
    for path in paths.values():
        path.mkdir()
    monkeypatch.setenv(locations.VARIABLE, str(paths["own"]))
    monkeypatch.setattr(locations, "shipped", lambda: paths["shipped"])
    monkeypatch.setattr(locations, "_cache", lambda: paths["cache"])
    return paths


def test_folders_are_read_in_order(folders, monkeypatch):
    assert locations.find(NAME) is None
    for name in ("cache", "shipped", "own"):
        (folders[name] / NAME).touch()
        assert locations.find(NAME) == folders[name] / NAME
    monkeypatch.delenv(locations.VARIABLE)
    assert locations.find(NAME) == folders["shipped"] / NAME


def test_a_folder_of_ones_own_does_not_hide_what_it_lacks(folders):
    (folders["shipped"] / "vgg_19_small.npz").touch()
    assert catalog.default_weights("vgg_19_small") == folders["shipped"] / "vgg_19_small.npz"


def test_a_checkpoint_of_several_files_is_found_by_its_index(folders):
    (folders["cache"] / f"{PUBLISHED}.data-00000-of-00001").touch()
    assert locations.find(PUBLISHED) is None
    (folders["cache"] / f"{PUBLISHED}.index").touch()
    assert locations.find(PUBLISHED) == folders["cache"] / PUBLISHED


def test_published_weights_come_before_those_of_our_own_training(folders):
    assert catalog.default_weights("vgg_19") == folders["own"] / PUBLISHED  # where it would go
    (folders["own"] / NAME).touch()
    assert catalog.default_weights("vgg_19") == folders["own"] / NAME
    (folders["cache"] / PUBLISHED).touch()
    assert catalog.default_weights("vgg_19") == folders["cache"] / PUBLISHED


def test_downloads_go_to_the_cache_and_trainings_into_a_checkout(folders, monkeypatch, tmp_path):
    assert locations.downloads() == locations.trained() == folders["own"]
    monkeypatch.delenv(locations.VARIABLE)
    assert locations.downloads() == locations.trained() == folders["cache"]  # as installed
    monkeypatch.setattr(locations, "_checkout", lambda: folders["shipped"])
    assert (locations.downloads(), locations.trained()) == (folders["cache"], folders["shipped"])


def test_in_a_checkout_the_shipped_folder_is_the_visible_one():
    shipped = locations.shipped()
    assert shipped.name == "checkpoints" and (shipped.parent / "setup.py").is_file()
    assert (shipped / "vgg_19_small.npz").is_file()
