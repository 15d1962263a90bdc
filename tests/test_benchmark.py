"""The benchmark: its table, and the count of operations that its rates rest on."""

import numpy as np
import pandas as pd
import pytest
from command_line import run

import model_metamers as mm
from shared.algorithm_2019 import DenseHanningPooling2D, StridedCochleagram, network_of_2019


@pytest.mark.slow
def test_the_table_relates_steps_to_matrix_products(tmp_path):
    output = tmp_path / "benchmark.csv"
    result = run(
        "benchmark", "--network=vgg_19_small", "--layers=conv1_2", "--batch_sizes=1,2",
        "--steps=2", "--repeats=5", "--solver=lbfgs", f"--output={output}",
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    table = pd.read_csv(output)
    assert list(table.batch) == [1, 2]
    # Other work on the machine can make it anything.
    assert np.isfinite(table.step_over_adam).all()
    # conv1_1 and conv1_2 of 32 channels at 96 px, forward and input gradient, 2 operations each.
    operations = 4 * 96 * 96 * (27 * 32 + 9 * 32 * 32)
    gflops = operations / table.seconds_per_stimulus_step / 1e9
    assert gflops.to_list() == pytest.approx(table.step_gflops.to_list(), rel=1e-3)
    rate = table.step_gflops / table.matrix_product_gflops
    assert rate.to_list() == pytest.approx(table.fraction_of_matrix_product.to_list(), rel=1e-3)


@pytest.mark.parametrize("name", ["word_aliased_small", "word_reduced_aliasing_small"])
def test_the_algorithm_of_2019_responds_alike_at_every_layer(name):
    network = mm.load_network(name, weights=None)
    then = network_of_2019(network)
    kinds = {type(layer) for layer in then.model.layers}
    assert StridedCochleagram in kinds
    assert (DenseHanningPooling2D in kinds) == ("reduced" in name)
    sounds = 0.1 * np.random.default_rng(0).standard_normal((2, 20_000)).astype(np.float32)
    ours, theirs = network.activations(sounds), then.activations(sounds)
    for layer in network.metamer_layers:
        error = np.linalg.norm(ours[layer] - theirs[layer]) / np.linalg.norm(theirs[layer])
        assert error < 2e-3, (layer, error)


@pytest.mark.long
def test_audio_networks_are_timed_beside_the_algorithm_of_2019(tmp_path):
    output = tmp_path / "benchmark.csv"
    result = run(
        "benchmark", "--network=random_reduced_aliasing_small", "--layers=conv_4",
        "--batch_sizes=2", "--steps=1", "--repeats=5", f"--output={output}",
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    (row,) = pd.read_csv(output).to_dict("records")
    ratio = row["seconds_per_stimulus_step_2019"] / row["seconds_per_stimulus_step"]
    assert row["speedup_over_2019"] > 1 and ratio > 1


@pytest.mark.slow
def test_the_two_methods_of_the_cochleagram_are_timed_in_turn(tmp_path):
    output = tmp_path / "benchmark.csv"
    flags = "--batch_sizes=2", "--repeats=5", f"--output={output}"
    result = run("benchmark_cochleagram", *flags)
    assert result.returncode == 0, result.stderr
    table = pd.read_csv(output)
    assert list(table.batch) == [2]
    assert (table.speedup > 2).all()  # far less than it is, for machines with other work
    assert (table.relative_error < 2e-3).all() and (table.gradient_cosine > 0.9999).all()
