"""The script as a user runs it: whole, in shares, again, and wrongly."""

import pickle
import re

import numpy as np
import pandas as pd
import pytest
from command_line import PROJECT, error_of, run
from PIL import Image

from model_metamers.store import RunFolder
from model_metamers.validation import NullDistribution

LAYERS = ("fc7", "fc8")
N_IMAGES = 34  # three batches, one of them not full


def make(output_dir, *flags):
    result = run(
        "null_distributions", "--networks=vgg_19_small", f"--layers={','.join(LAYERS)}",
        f"--output_dir={output_dir}", *flags,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    return result.stdout


def nulls_of(folder):
    return {layer: RunFolder(folder).load_null("vgg_19_small", layer) for layer in LAYERS}


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    """Return the flags for a folder of images."""
    folder = tmp_path_factory.mktemp("images")
    generator = np.random.default_rng(0)
    for number in range(N_IMAGES):
        pixels = np.kron(generator.integers(0, 256, (6, 6, 3)), np.ones((16, 16, 1)))
        Image.fromarray(pixels.astype(np.uint8)).save(folder / f"{number:02d}.png")
    return f"--stimuli_dir={folder}", f"--num_null_stimuli={N_IMAGES}"


@pytest.mark.slow
def test_shards_make_the_null_made_in_one_go_and_are_not_made_again(images, tmp_path):
    stdout = make(tmp_path / "whole", *images)
    assert f"of {N_IMAGES * (N_IMAGES - 1) // 2} pairs of {N_IMAGES} stimuli" in stdout
    stdout = make(tmp_path / "shards", *images, "--shard=1/2")
    assert "shard 1/2 is there, others are not" in stdout
    shards = sorted((tmp_path / "shards").glob("nulls/vgg_19_small/*"))
    assert [path.name for path in shards] == ["fc7.shard1of2.npy", "fc8.shard1of2.npy"]
    times = [path.stat().st_mtime_ns for path in shards]
    make(tmp_path / "shards", *images, "--shard=1/2")
    assert [path.stat().st_mtime_ns for path in shards] == times
    make(tmp_path / "shards", *images, "--shard=0/2")
    left = sorted((tmp_path / "shards").glob("nulls/vgg_19_small/*"))
    assert [path.name for path in left] == ["fc7.npz", "fc8.npz"]
    whole, merged = nulls_of(tmp_path / "whole"), nulls_of(tmp_path / "shards")
    tables = [RunFolder(tmp_path / name).read_table("nulls") for name in ("whole", "shards")]
    assert list(tables[0].layer) == list(LAYERS)
    pd.testing.assert_frame_equal(*tables)
    for layer in LAYERS:
        assert set(whole[layer]) == set(merged[layer])
        for name, values in whole[layer].items():
            np.testing.assert_array_equal(merged[layer][name], values, name)


@pytest.mark.slow
def test_without_a_folder_it_renders_objects(tmp_path):
    stdout = make(tmp_path, "--num_null_stimuli=12", "--pairs=independent", "--layers=fc8")
    assert "of 6 pairs of 12 stimuli" in stdout
    null = NullDistribution.from_arrays(RunFolder(tmp_path).load_null("vgg_19_small", "fc8"))
    assert null.n_pairs == 6 and len(np.unique(null.sample_pairs)) == 12


@pytest.mark.slow
def test_the_committed_nulls_are_those_of_the_renders(tmp_path):
    """Tolerance: correlations of deep layers move by a few 1e-4 between processors."""
    make(tmp_path, "--layers=fc8")
    keys = ["network", "layer"]
    (row,) = RunFolder(tmp_path).read_table("nulls").set_index(keys).itertuples()
    committed = RunFolder(PROJECT / "figures" / "null_distributions", create=False)
    stored = committed.read_table("nulls").set_index(keys).loc[[row.Index]]
    (stored,) = stored.itertuples()
    assert row[:4] == stored[:4]
    np.testing.assert_allclose(row[4:], stored[4:], atol=2e-3)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--shard=2/2"], "no shard 2 of 2; choose from 0/n to n-1/n"),
        (["--layers=conv9"], "unknown layer 'conv9'; the networks have: conv1_2, "),
        (
            ["--preset=paper", "--networks=vgg_19_small"],
            "--preset=paper is for networks at full size",
        ),
    ],
)
def test_mistakes_are_told_in_one_line_and_leave_nothing(flags, message, tmp_path):
    result = run(
        "null_distributions", "--networks=vgg_19_small", "--num_null_stimuli=32",
        f"--output_dir={tmp_path / 'run'}", *flags,
    )  # fmt: skip
    assert re.search(message, error_of(result))
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
def test_the_authors_file_becomes_a_run_folders_nulls(tmp_path):
    generator = np.random.default_rng(0)
    layers = ["visualization_input", "pool_0_0", "pool_1_0", "logits"] + [
        f"{name}_jittered_relu" for name in ("conv_2", "conv_3", "conv_4", "fc_intermediate")
    ]
    content = {layer: generator.uniform(0, 0.5, 5000) for layer in layers}
    file = tmp_path / "word_reduced_aliasing_null_dist_spearman_r.pckl"
    file.write_bytes(pickle.dumps(content, protocol=2))
    flags = [f"--file={file}", f"--output_dir={tmp_path / 'run'}"]
    result = run("convert_published_nulls", "--network=word_aliased", *flags)
    assert "expected the layers cochleagram, conv_0" in error_of(result)
    result = run("convert_published_nulls", "--network=word_reduced_aliasing", *flags)
    assert result.returncode == 0, result.stderr
    folder = RunFolder(tmp_path / "run", create=False)
    for layer, released in {"cochleagram": layers[0], "pool_1": "pool_1_0"}.items():
        null = NullDistribution.from_arrays(folder.load_null("word_reduced_aliasing", layer))
        assert null.maximum == np.float32(content[released].max()) and null.n_pairs == 5000
