"""Null distributions: how much do activations of two different natural stimuli correlate?

    python experiments/null_distributions.py                               # small preset, offline
    python experiments/null_distributions.py --preset=paper --stimuli_dir=ImageNet --shard=3/16
    python experiments/null_distributions.py --networks=word_aliased_small

For every network and layer, nulls/<network>/<layer>.npz of the run folder gets a histogram of the
Spearman correlations, their extremes, a sample of pairs and the counts (see
`validation.NullDistribution`). An experiment with the same stimuli and the same --output_dir finds
its nulls there; nulls.csv has them in numbers. By default all pairs of the stimuli count; with
--pairs=independent every pair has two fresh ones, as in the paper, so that n stimuli make n / 2.

With --shard=i/n (0/n to n-1/n, in any order, on any machines that see the folder) a command ranks
one share of the stimuli; the last one to finish makes the nulls of all shares. All pairs need 4
bytes on disk per stimulus and feature (1415 stimuli at VGG-19 conv1_2: 18 GB), in one go one layer
after the other. What is finished is never made again.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import keras
import pandas as pd
import tensorflow as tf
from shared import audio, script, visual
from absl import flags
from shared.figure_run import PAPER, SMALL
from tqdm import tqdm

from model_metamers.networks.catalog import load_network
from model_metamers.networks.network import Network
from model_metamers.pipeline import null_row, saved_null
from model_metamers.stimuli.stimulus_set import StimulusSet
from model_metamers.store import RunFolder
from model_metamers.validation import NullDistribution, NullPlan
from model_metamers.validation.nulls import ALL, PAIRS

_ARCHITECTURES = ("vgg_19", "inception_v3", "resnet_v2_101")
_NETWORKS = {SMALL: [f"{name}_small" for name in _ARCHITECTURES], PAPER: _ARCHITECTURES}
_NUM_NULL_STIMULI = {SMALL: 256, PAPER: 1415}

flags.DEFINE_enum("preset", SMALL, (SMALL, PAPER), "Small networks offline, or the paper's.")
flags.DEFINE_list("networks", None, "Networks [the preset's].")
flags.DEFINE_list("layers", None, "Layers, of those the networks have [all].")
flags.DEFINE_integer("num_null_stimuli", None, "Stimuli to pair [the preset's].", lower_bound=2)
flags.DEFINE_string("stimuli_dir", None, "Folder of your own stimuli, a sub-folder per class.")
flags.DEFINE_string("output_dir", "runs/null_distributions", "Where the run folder goes.")
flags.DEFINE_integer("seed", 0, "Seed of the independent pairs and of the stimuli we render.")
flags.DEFINE_enum("pairs", ALL, PAIRS, "Every stimulus with every other, or two fresh ones each.")
flags.DEFINE_string("shard", "0/1", "i/n: make share i of n, counted from 0.")

_FIXED = ("preset", "num_null_stimuli", "stimuli_dir", "pairs")  # within a run folder


@dataclass(frozen=True)
class Settings:
    """The flags that describe the results; see their help."""

    preset: str
    networks: tuple[str, ...]
    num_null_stimuli: int
    stimuli_dir: Path | None
    seed: int
    pairs: str


@dataclass(frozen=True)
class Task:
    """What is to be made for one network."""

    network: Network
    layers: tuple[str, ...]
    stimuli: StimulusSet
    groups: Sequence  # see `validation.null_distribution`
    plan: NullPlan


def main() -> None:
    """Make the nulls that the folder does not hold yet."""
    values = flags.FLAGS
    shard, n_shards = _shard(values.shard)
    options = Settings(
        preset=values.preset,
        networks=tuple(values.networks or _NETWORKS[values.preset]),
        num_null_stimuli=values.num_null_stimuli or _NUM_NULL_STIMULI[values.preset],
        stimuli_dir=Path(values.stimuli_dir) if values.stimuli_dir else None,
        seed=values.seed,
        pairs=values.pairs,
    )
    tasks = [_task(load_network(name), options, values.layers) for name in options.networks]
    for task in tasks:
        task.plan.batches(shard, n_shards)  # a shard that cannot be is told before any work
    folder = RunFolder(values.output_dir)
    _write_record(folder, options, tasks)
    rows = []
    for task in tasks:
        for layer in task.layers:
            null = _make(task, layer, folder, shard, n_shards)
            if null is not None:
                rows.append(null_row(task.network.name, layer, null))
    if rows:
        folder.merge_rows("nulls", pd.DataFrame(rows), ["network", "layer"])


def _shard(text: str) -> tuple[int, int]:
    match = re.fullmatch(r"(\d+)/(\d+)", text)
    if not match:
        raise ValueError(f"--shard is written i/n, from 0/n to n-1/n; got {text!r}")
    return int(match[1]), int(match[2])


def _task(network: Network, options: Settings, chosen: Sequence[str] | None) -> Task:
    layers = tuple(layer for layer in network.metamer_layers if not chosen or layer in chosen)
    if not layers:
        raise ValueError(
            f"{network.name} has none of the layers {', '.join(chosen)}; it has: "
            f"{', '.join(network.metamer_layers)}"
        )
    if options.preset == PAPER and not options.stimuli_dir:
        raise ValueError("--preset=paper needs natural stimuli: give a folder as --stimuli_dir")
    if network.sample_rate_hz is None:
        stimuli = visual.null_images(options, network.stimulus_shape[0])
        groups = stimuli.labels
    else:
        stimuli, groups = audio.null_sounds(options, network)
    plan = NullPlan(len(stimuli), options.pairs, options.seed)
    return Task(network, layers, stimuli, groups, plan)


def _write_record(folder: RunFolder, options: Settings, tasks: Sequence[Task]) -> None:
    networks: Mapping[str, Network] = {task.network.name: task.network for task in tasks}
    folder.write_run_record(
        asdict(options) | {"layers": {task.network.name: task.layers for task in tasks}},
        seed=options.seed,
        versions={"tensorflow": tf.__version__, "keras": keras.__version__},
        device=", ".join(device.name for device in tf.config.list_logical_devices()),
        checkpoint_sha256={name: network.weights_sha256 for name, network in networks.items()},
        fixed_keys=_FIXED,
    )


def _make(
    task: Task, layer: str, folder: RunFolder, shard: int, n_shards: int
) -> NullDistribution | None:
    """Make a share of a layer's null, and return the null where all shares are there."""
    network, plan = task.network, task.plan
    null = saved_null(network.name, layer, folder)
    if null is None:
        shards = folder.null_shards(network.name, layer, n_shards)
        if not shards.has(shard):
            rows = plan.rows(network, layer, task.stimuli.stimuli, shard, n_shards)
            n_rows = plan.n_rows(shard, n_shards)
            shards.write(shard, tqdm(rows, f"{network.name} {layer}", n_rows), n_rows)
        parts = shards.open()
        if parts is None:
            print(f"{network.name} {layer}: share {shard}/{n_shards} is there, others are not")
            return None
        null = plan.distribution(parts, task.groups)
        folder.save_null(network.name, layer, null.to_arrays())
        shards.clear()
    print(
        f"{network.name} {layer}: median {null.median:.3f}, maximum {null.maximum:.3f} of "
        f"{null.n_pairs} pairs of {null.n_stimuli} stimuli ({null.n_excluded_pairs} pairs left "
        f"out, {null.n_constant_stimuli} stimuli without ranks)"
    )
    return null


if __name__ == "__main__":
    script.run(main)
