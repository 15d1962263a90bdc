"""What a network is stands in fields: in the catalogue, in run.json, and for networks of users."""

from dataclasses import asdict, replace

import numpy as np
import pandas as pd
import pytest

import model_metamers as mm
from model_metamers.analysis.identities import identities_of
from model_metamers.networks import catalog
from model_metamers.networks.catalog_entry import Readout
from model_metamers.networks.identity import FULL, SMALL, NetworkIdentity, own_identity
from model_metamers.networks.network import Network
from model_metamers.pipeline import Generator, Task, check_observers, recognise
from model_metamers.stimuli.stimulus_set import StimulusSet
from model_metamers.store import MATCHES_COLUMNS, NATURAL, RunFolder
from shared.styles import styles_of

IDS = ("a", "b", "c", "d")


def write_record(folder, *networks):
    folder.write_run_record(
        {}, seed=0, versions={}, device="CPU",
        checkpoint_sha256={network.name: None for network in networks},
        networks={network.name: asdict(network) for network in networks},
    )  # fmt: skip


def test_every_row_of_the_catalogue_has_an_identity_of_its_own():
    identities = [entry.identity for entry in catalog.CATALOG.values()]
    assert [identity.name for identity in identities] == mm.list_networks()
    assert len({(i.base, i.scale, i.seed) for i in identities}) == len(identities)
    assert {identity.scale for identity in identities} == {FULL, SMALL}
    for identity in identities:
        assert catalog.network_name(identity.base, identity.scale, identity.seed) == identity.name
        base = catalog.catalog_entry(identity.base).identity
        assert (base.base, base.scale, base.seed) == (identity.base, FULL, 0)
        assert (base.architecture, base.label, base.place) == (
            identity.architecture, identity.label, identity.place,
        )  # fmt: skip


def test_versions_that_are_not_there_are_told_with_those_that_are():
    assert catalog.network_name("vgg_19", SMALL, seed=1) == "vgg_19_small_seed1"
    message = "no vgg_19 of scale 'small' and seed 2; choose from: vgg_19, vgg_19_seed1, vgg_19_s"
    with pytest.raises(ValueError, match=message):
        catalog.network_name("vgg_19", SMALL, seed=2)
    with pytest.raises(ValueError, match="no network of that name"):
        catalog.network_name("vgg_16", FULL)


def test_a_network_of_ones_own_is_its_name_and_its_upper_part_knows_the_whole(small_model):
    network = Network.from_keras(small_model)
    assert network.identity == own_identity("small_model")
    upper = network.above("fused").identity
    assert (upper.part_of, upper.above, upper.base) == ("small_model", "fused", "small_model")
    assert upper.name == network.above("fused").name == "small_model.above_fused"
    assert network.above("fused").above("separate").identity.part_of == "small_model"


def test_a_run_tells_what_its_networks_are_whatever_their_names(tmp_path):
    folder = RunFolder(tmp_path)
    mine = NetworkIdentity("some_small_seed1_thing", "vgg_19", "vgg_19", "Mine", SMALL, 3, 4)
    write_record(folder, mine)
    write_record(folder, replace(mine, name="another"))  # the record grows
    assert identities_of(folder)["some_small_seed1_thing"] == mine
    assert identities_of(folder)["another"].name == "another"
    style = styles_of(folder)["some_small_seed1_thing"]
    assert style.label == "Mine (small, seed 3)" and style.base == "vgg_19"


def test_folders_without_identities_have_the_catalogues(tmp_path):
    folder = RunFolder(tmp_path)
    (tmp_path / "run.json").write_text('{"config": {}, "checkpoint_sha256": {}}')
    known = identities_of(folder)
    assert known["vgg_19_small_seed1"] == catalog.catalog_entry("vgg_19_small_seed1").identity
    upper = known["word_reduced_aliasing_small.above_cochleagram"]
    assert (upper.part_of, upper.above) == ("word_reduced_aliasing_small", "cochleagram")


@pytest.mark.parametrize("networks", ['["vgg_19"]', '{"vgg_19": {"label": "VGG"}}', '{"a": 1}'])
def test_a_record_that_does_not_tell_what_networks_are_is_one_line(networks, tmp_path):
    record = f'{{"config": {{}}, "checkpoint_sha256": {{}}, "networks": {networks}}}'
    (tmp_path / "run.json").write_text(record)
    with pytest.raises(ValueError, match=r"run\.json does not tell what its networks are"):
        identities_of(RunFolder(tmp_path))


def observer_with(model, **readouts):
    return Network("observer", model, ["hidden"], (0.0, 1.0), readouts)


def test_networks_that_cannot_be_scored_are_refused_and_told_how_readouts_are_called(small_model):
    tasks = [Task("16-way", ("objects", "imagenet"), None, None), Task("x", ("imagenet",), 0, 0)]
    check_observers(
        [observer_with(small_model, logits=Readout("fused"), imagenet=Readout("classes"))], tasks
    )
    message = "observer cannot be scored: it has the readouts native, .* called objects, imagenet$"
    with pytest.raises(ValueError, match=message):
        check_observers([observer_with(small_model, native=Readout("classes"))], tasks)


def test_a_task_asks_the_readout_it_names_and_not_the_first_one(small_model, images, tmp_path):
    observer = observer_with(small_model, hidden=Readout("hidden"), imagenet=Readout("classes"))
    folder = RunFolder(tmp_path)
    folder.save_previews(observer.name, NATURAL, IDS, images)
    seen = folder.load_previews(observer.name, NATURAL, IDS)
    answers = observer.logits(seen, "imagenet").argmax(1)
    assert (answers != observer.logits(seen, "hidden").argmax(1)).all()
    folder.write_table("matches", pd.DataFrame(columns=MATCHES_COLUMNS))
    task = Task(
        "native", ("imagenet",), lambda network, logits: logits.argmax(1),
        lambda network, labels: np.array([int(label) for label in labels]),
    )  # fmt: skip
    unasked = replace(task, name="other", readouts=("word",))
    stimuli = StimulusSet(images, IDS, tuple(map(str, answers)))
    table = recognise(
        [Generator(observer, (), stimuli, stimuli)], [observer], [task, unasked],
        lambda pictures, *networks: pictures, folder,
    )  # fmt: skip
    assert list(table.task) == ["native"] and list(table.proportion_correct) == [1.0]
