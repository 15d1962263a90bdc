"""Making pieces: learning rates by layer, and states that do not fit."""

from types import SimpleNamespace

import numpy as np
import pytest

import model_metamers as mm
from model_metamers import pipeline
from model_metamers.networks.catalog import CATALOG
from model_metamers.pipeline import make
from model_metamers.stimuli.stimulus_set import StimulusSet
from model_metamers.store import RunFolder
from shared import generators

IDS = ("a", "b", "c", "d")


def test_a_layer_is_matched_at_its_own_rate(small_model, images, tmp_path, monkeypatch):
    rates, synthesize = {}, make.synthesize

    def noted(network, layer, natural, config, *others):
        rates[layer] = config.learning_rate
        return synthesize(network, layer, natural, config, *others)

    monkeypatch.setattr(make, "synthesize", noted)
    network = mm.Network.from_keras(small_model, metamer_layers=["fused", "hidden"])
    stimuli = StimulusSet(images, IDS, IDS)
    generator = pipeline.Generator(
        network, ("fused", "hidden"), stimuli, stimuli, learning_rates={"hidden": 0.5}
    )
    config = mm.SynthesisConfig(iterations=2, learning_rate=0.01)
    pipeline.make_metamers([generator], config, RunFolder(tmp_path))
    assert rates == {"fused": 0.01, "hidden": 0.5}


@pytest.mark.parametrize(
    ("network", "expected"),
    [
        ("vggish", {"embedding": 1e-2}),
        ("deepspeech", dict.fromkeys(CATALOG["deepspeech"].metamer_layers, 1e-4)),
        ("vgg_19", {}),
    ],
)
def test_the_paper_preset_takes_the_rates_of_the_catalogue(network, expected, monkeypatch):
    """For a network of that name with random stimuli: its weights are a download."""
    found = SimpleNamespace(
        name=network, metamer_layers=CATALOG[network].metamer_layers, stimulus_shape=(2,)
    )
    monkeypatch.setattr(generators, "load_networks", lambda *_: [found])
    stimuli = StimulusSet(np.zeros((1, 2), np.float32), ("a",), ("a",))
    for preset, rates in {"paper": expected, "small": {}}.items():
        options = SimpleNamespace(
            networks=[network],
            strategy="none",
            layers=(),
            preset=preset,
            synthesis={},
            layer_iterations={},
            repeats=None,
        )
        (generator,) = generators.load(options, True, lambda *_: (stimuli, stimuli, None))
        assert generator.learning_rates == rates


def wait_for_others(small_model, images, folder, monkeypatch, *, saved_at):
    """Wait for metamers that others finish after 9000 seconds; return how long that took."""
    now = [1e6]
    network = mm.Network.from_keras(small_model, metamer_layers=["fused"])
    stimuli = StimulusSet(images, IDS, IDS)
    generator = pipeline.Generator(network, ("fused",), stimuli, stimuli)
    folder.save_state(network.name, "fused", {"x": np.zeros(1)})  # of an earlier start

    def sleep(seconds):
        now[0] += seconds
        if now[0] - 1e6 in saved_at:
            folder.save_state(network.name, "fused", {"x": np.zeros(1)})
        if now[0] - 1e6 >= 9000:
            pipeline.save_previews(folder, network, "fused", IDS, images)

    monkeypatch.setattr(make.time, "sleep", sleep)
    monkeypatch.setattr(make.time, "monotonic", lambda: now[0])
    make._wait_for_other_workers([generator], folder)
    return now[0] - 1e6


def test_other_workers_are_waited_for_while_they_save_something(
    small_model, images, tmp_path, monkeypatch
):
    folder, at_work = RunFolder(tmp_path), range(500, 9500, 500)
    waited = wait_for_others(small_model, images, folder, monkeypatch, saved_at=at_work)
    assert waited == 9000


def test_other_workers_that_save_nothing_are_given_ten_minutes(
    small_model, images, tmp_path, monkeypatch
):
    with pytest.raises(ValueError, match=r"the other workers have stopped before .* fused; run"):
        wait_for_others(small_model, images, RunFolder(tmp_path), monkeypatch, saved_at=[500])
    assert 1100 <= make.time.monotonic() - 1e6 <= 1110


@pytest.mark.parametrize(
    "state",
    [{"metamer": np.zeros(3)}, {"x": np.zeros(1)}, "of three stimuli"],
    ids=["too few arrays", "another array", "another shape"],
)
def test_a_state_that_does_not_fit_is_named_and_made_anew(
    state, small_model, images, tmp_path, caplog
):
    network = mm.Network.from_keras(small_model, metamer_layers=["fused"])
    config, folder = mm.SynthesisConfig(iterations=2), RunFolder(tmp_path)
    if state == "of three stimuli":
        states = []
        mm.synthesize(network, "fused", images[:3], config, on_chunk=states.append)
        state = states[-1].arrays()
    folder.save_state(network.name, "fused", state)
    stimuli = StimulusSet(images, IDS, IDS)
    pipeline.make_metamers(
        [pipeline.Generator(network, ("fused",), stimuli, stimuli)], config, folder
    )
    assert "starting from the beginning" in caplog.text
    assert len(folder.load_piece(network.name, "fused")["metamer"]) == 4
    assert folder.load_state(network.name, "fused") is None
