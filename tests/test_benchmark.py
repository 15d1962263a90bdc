"""The benchmark: its table, and the count of operations that its rates rest on."""

import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

PROJECT = Path(__file__).resolve().parents[1]


@pytest.mark.slow
def test_the_table_relates_steps_to_matrix_products(tmp_path):
    output = tmp_path / "benchmark.csv"
    command = [
        sys.executable, str(PROJECT / "experiments" / "benchmark.py"), "--network=vgg_19_small",
        "--layers=conv1_2", "--batch_sizes=1,2", "--steps=2", "--repeats=5", f"--output={output}",
    ]  # fmt: skip
    result = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert result.returncode == 0, result.stderr
    table = pd.read_csv(output)
    assert list(table.batch) == [1, 2]
    # conv1_1 and conv1_2 of 32 channels at 96 px, forward and input gradient, 2 operations each.
    operations = 4 * 96 * 96 * (27 * 32 + 9 * 32 * 32)
    gflops = operations / table.seconds_per_stimulus_step / 1e9
    assert gflops.to_list() == pytest.approx(table.step_gflops.to_list(), rel=1e-3)
    rate = table.step_gflops / table.matrix_product_gflops
    assert rate.to_list() == pytest.approx(table.fraction_of_matrix_product.to_list(), rel=1e-3)
