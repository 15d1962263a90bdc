"""Stimuli at the edge of numbers: none becomes NaN unsaid, and none touches its neighbours."""

import numpy as np
import pytest

import model_metamers as mm
from model_metamers.networks.catalog import CATALOG
from model_metamers.networks.identity import SMALL

SMALL_NETWORKS = [name for name, entry in CATALOG.items() if entry.identity.scale == SMALL]
KINDS = ("black", "white", "constant", "one-hot", "denormal", "huge", "not a number")
N_NEIGHBOURS = 2


def hostile(shape, low, high):
    """Return a stimulus of each of `KINDS`, in the range that the network takes."""
    largest = high if np.isfinite(high) else 1e30
    white = largest if np.isfinite(high) else 1.0
    values = np.zeros((len(KINDS), *shape), np.float32)
    values[0] = low if np.isfinite(low) else 0.0
    values[1] = white
    values[2] = (values[0] + white) / 2
    values[3].flat[values[3].size // 2] = white
    values[4] = 1e-42
    values[5] = largest * np.where(np.arange(values[5].size) % 2, 1, 0.5).reshape(shape)
    values[6].flat[7] = np.nan
    return values


def stimuli_of(network):
    """Return the hostile stimuli, harmless ones in their place, and neighbours of both."""
    low, high = network.stimulus_range or (-np.inf, np.inf)
    random = np.random.default_rng(0)
    shape = (len(KINDS) + N_NEIGHBOURS, *network.stimulus_shape)
    if np.isfinite([low, high]).all():
        harmless = random.uniform(low, high, shape).astype(np.float32)
    else:
        harmless = (0.1 * random.standard_normal(shape)).astype(np.float32)
    return hostile(network.stimulus_shape, low, high), harmless


def check_health(network, layer, solver):
    edge, harmless = stimuli_of(network)
    n, ids = len(edge), [f"stimulus {number}" for number in range(len(harmless))]
    config = mm.SynthesisConfig(
        iterations=4, log_every=2, solver=solver, learning_rate=0.01, decay_steps=4
    )
    found = mm.synthesize(
        network, layer, np.concatenate([edge, harmless[n:]]), config, stimulus_ids=ids
    )
    alone = mm.synthesize(network, layer, harmless, config, stimulus_ids=ids)
    assert np.isfinite(found.metamers).all()
    finished = found.status == "finished"
    assert np.isfinite(found.losses[:, finished]).all()
    assert not finished[KINDS.index("not a number")]
    usual = [KINDS.index(kind) for kind in ("black", "white", "constant", "one-hot", "denormal")]
    assert finished[usual].all() and finished[n:].all(), found.status
    np.testing.assert_array_equal(found.metamers[n:], alone.metamers[n:])
    np.testing.assert_array_equal(found.losses[:, n:], alone.losses[:, n:])


# One layer of each kind: logits of images, the cochleagram, a ReLU of sounds.
@pytest.mark.parametrize(
    ("name", "layer", "solver"),
    [
        ("vgg_19_small", "fc8", "adam"),
        ("word_aliased_small", "cochleagram", "lbfgs"),
        ("word_aliased_small", "conv_1", "lbfgs"),
    ],
)
def test_stimuli_at_the_edge_of_numbers(name, layer, solver, shipped):
    check_health(shipped(name), layer, solver)


@pytest.mark.long
@pytest.mark.parametrize("name", SMALL_NETWORKS)
def test_stimuli_at_the_edge_of_numbers_at_every_layer(name, shipped):
    network = shipped(name)
    for layer in network.metamer_layers:
        check_health(network, layer, "lbfgs")
    check_health(network, network.metamer_layers[-1], "adam")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "layer"),
    [
        ("vgg_19_small", "fc7"),
        pytest.param("word_aliased_small", "conv_4", marks=pytest.mark.long),
        pytest.param("resnet_v2_101_small", "global_pool", marks=pytest.mark.long),
    ],
)
def test_alone_or_in_a_batch_differs_by_rounding_that_grows(name, layer, shipped):
    network = shipped(name)
    natural = stimuli_of(network)[1][:4]
    both = {}
    for iterations in (5, 50):
        config = mm.SynthesisConfig(iterations=iterations, solver="lbfgs", log_every=iterations)
        both[iterations] = [
            mm.synthesize(
                network, layer, natural[:n], config, stimulus_ids=list("abcd"[:n])
            ).metamers[:1]
            for n in (1, 4)
        ]
    alone, in_batch = (metamers[0] for metamers in both[5])
    low, high = network.stimulus_range or (in_batch.min(), in_batch.max())
    assert np.abs(alone - in_batch).max() <= 1e-4 * (high - low)
    target, *responses = (
        network.activations(stimuli[:1], [layer])[layer] for stimuli in (natural, *both[50])
    )
    rho = [mm.spearman(response, target)[0] for response in responses]
    assert abs(rho[0] - rho[1]) <= 0.05
