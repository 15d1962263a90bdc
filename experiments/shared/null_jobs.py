"""The null distributions of networks and layers, made in one go or a shard at a time."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import pandas as pd
from tqdm import tqdm

from model_metamers.networks.catalog import load_network
from model_metamers.networks.network import Network
from model_metamers.pipeline import made_by, null_row, saved_null
from model_metamers.stimuli.stimulus_set import StimulusSet
from model_metamers.store import RunFolder
from model_metamers.validation import NullDistribution, NullPlan
from shared import audio, generators, visual
from shared.options import NullOptions

_FIXED = ("preset", "num_null_stimuli", "stimuli_dir", "pairs")  # within a run folder


@dataclass(frozen=True)
class NullJob:
    """What is to be made for one network.

    Attributes:
        network: the network.
        layers: some of its layers.
        stimuli: natural stimuli, in its size.
        groups: see `validation.null_distribution`.
        plan: which of them are paired.
        shard: (i, n): the part i of n of the stimuli is ranked here.
    """

    network: Network
    layers: tuple[str, ...]
    stimuli: StimulusSet
    groups: Sequence
    plan: NullPlan
    shard: tuple[int, int]


def load(
    options: NullOptions, layers: Sequence[str] | None, pairs: str, shard: tuple[int, int]
) -> list[NullJob]:
    """Load networks and stimuli.

    Args:
        options: the flags.
        layers: whose nulls, of those the networks have; None for all.
        pairs: see `NullPlan`.
        shard: (i, n).

    Raises:
        ValueError: unknown network or layer, unusable stimuli, or a shard that cannot be.
    """
    networks = [load_network(name) for name in options.networks]
    generators.check_layers(layers or (), networks)
    jobs = [_job(network, options, layers, pairs, shard) for network in networks]
    for job in jobs:
        job.plan.batches(*shard)
    return jobs


def make(jobs: Sequence[NullJob], options: NullOptions, pairs: str, output_dir: Path) -> None:
    """Write the nulls, or shards of them, that the run folder does not hold yet."""
    folder = RunFolder(output_dir)
    folder.write_run_record(
        asdict(options)
        | {"pairs": pairs, "layers": {job.network.name: job.layers for job in jobs}},
        seed=options.seed,
        fixed_keys=_FIXED,
        **made_by([job.network for job in jobs]),
    )
    rows = []
    for job in jobs:
        for layer in job.layers:
            null = _make_layer(job, layer, folder)
            if null is not None:
                rows.append(null_row(job.network.name, layer, null))
    if rows:
        folder.merge_rows("nulls", pd.DataFrame(rows), ["network", "layer"])


def _job(
    network: Network,
    options: NullOptions,
    chosen: Sequence[str] | None,
    pairs: str,
    shard: tuple[int, int],
) -> NullJob:
    layers = tuple(layer for layer in network.metamer_layers if not chosen or layer in chosen)
    if not layers:
        raise ValueError(
            f"{network.name} has none of the layers {', '.join(chosen or ())}; it has: "
            f"{', '.join(network.metamer_layers)}"
        )
    groups: Sequence
    if network.sample_rate_hz is None:
        stimuli = visual.null_images(options, network.stimulus_shape[0])
        groups = stimuli.labels
    else:
        stimuli, groups = audio.null_sounds(options, network)
    plan = NullPlan(len(stimuli), pairs, options.seed)
    return NullJob(network, layers, stimuli, groups, plan, shard)


def _make_layer(job: NullJob, layer: str, folder: RunFolder) -> NullDistribution | None:
    """Make a shard of a layer's null, and return the null where all shards are there."""
    name, plan, (shard, n_shards) = job.network.name, job.plan, job.shard
    null = saved_null(name, layer, folder)
    if null is None:
        shards = folder.null_shards(name, layer, n_shards)
        with shards.locked(shard):
            # Whoever held the lock may have made all there is.
            if not shards.has(shard) and saved_null(name, layer, folder) is None:
                rows = plan.rows(job.network, layer, job.stimuli.stimuli, shard, n_shards)
                n_rows = plan.n_rows(shard, n_shards)
                shards.write(shard, tqdm(rows, f"{name} {layer}", n_rows), n_rows)
        null = _joined(job, layer, folder)
    if null is None:
        print(f"{name} {layer}: shard {shard}/{n_shards} is there, others are not")
        return None
    print(
        f"{name} {layer}: median {null.median:.3f}, maximum {null.maximum:.3f} of "
        f"{null.n_pairs} pairs of {null.n_stimuli} stimuli ({null.n_excluded_pairs} pairs left "
        f"out, {null.n_constant_stimuli} stimuli without ranks)"
    )
    return null


def _joined(job: NullJob, layer: str, folder: RunFolder) -> NullDistribution | None:
    """Return the null of all shards, and remove them; None while one is not there."""
    name = job.network.name
    with folder.locked_null(name, layer):
        null = saved_null(name, layer, folder)
        if null is None:
            shards = folder.null_shards(name, layer, job.shard[1])
            parts = shards.open()
            if parts is None:
                return None
            null = job.plan.distribution(parts, job.groups)
            folder.save_null(name, layer, null.to_arrays())
            shards.clear()
    return null
