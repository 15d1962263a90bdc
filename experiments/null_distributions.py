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
one shard of the stimuli; the last one to finish makes the nulls of all shards. All pairs need 4
bytes on disk per stimulus and feature (1415 stimuli at VGG-19 conv1_2: 18 GB), in one go one layer
after the other. What is finished is never made again.
"""

import re

from absl import flags

from shared import paths, presets, script
from shared.options import (
    MOST_STIMULI,
    PAPER,
    SMALL,
    NullOptions,
    check_natural,
    check_scale,
    define_count,
    define_seed,
)

_NUM_NULL_STIMULI = {SMALL: 256, PAPER: 1415}
PAIRS = ("all", "independent")

flags.DEFINE_enum("preset", SMALL, (SMALL, PAPER), "Small networks offline, or the paper's.")
flags.DEFINE_list("networks", None, "Networks [the preset's].")
flags.DEFINE_list("layers", None, "Layers, of those the networks have [all].")
define_count("num_null_stimuli", None, "Stimuli to pair [the preset's].", MOST_STIMULI, 2)
flags.DEFINE_string("stimuli_dir", None, "Folder of your own stimuli, a sub-folder per class.")
flags.DEFINE_string("output_dir", "runs/null_distributions", "Where the run folder goes.")
define_seed("Seed of the independent pairs and of the stimuli we render.")
flags.DEFINE_enum(
    "pairs", "all", PAIRS, "Every stimulus with every other, or two fresh ones each."
)
flags.DEFINE_string("shard", "0/1", "i/n: make shard i of n, counted from 0.")


def main() -> None:
    """Make the nulls that the folder does not hold yet."""
    values = flags.FLAGS
    shard, layers = _shard(values.shard), script.names("layers")
    output_dir = paths.output_folder("output_dir")
    options = NullOptions(
        preset=values.preset,
        networks=script.names("networks") or presets.VISUAL[values.preset].networks,
        num_null_stimuli=values.num_null_stimuli or _NUM_NULL_STIMULI[values.preset],
        stimuli_dir=paths.if_given(paths.input_folder, "stimuli_dir"),
        seed=values.seed,
    )
    check_scale(options.networks, options.preset)
    check_natural(options.preset, values.stimuli_dir)
    script.start_tensorflow()

    from shared import null_jobs

    jobs = null_jobs.load(options, layers, values.pairs, shard)
    null_jobs.make(jobs, options, values.pairs, output_dir)


def _shard(text: str) -> tuple[int, int]:
    match = re.fullmatch(r"(\d+)/(\d+)", text)
    if not match:
        raise ValueError(f"--shard is written i/n, from 0/n to n-1/n; got {text!r}")
    shard, n_shards = int(match[1]), int(match[2])
    if not shard < n_shards <= MOST_STIMULI:
        raise ValueError(f"there is no shard {shard} of {n_shards}; choose from 0/n to n-1/n")
    return shard, n_shards


if __name__ == "__main__":
    script.run(main)
