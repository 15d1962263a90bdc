"""The stages between loading and recognition: make metamers, certify them, record what was run."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import pandas as pd
import tensorflow as tf

from model_metamers import devices, pipeline
from model_metamers.analysis.identities import identities_of
from model_metamers.networks.identity import NetworkIdentity, identity_of
from model_metamers.networks.network import Network
from model_metamers.paper import load_table
from model_metamers.pipeline import Generator
from model_metamers.store import RunFolder
from model_metamers.store.records import run_record
from model_metamers.synthesis import SynthesisConfig
from shared.options import Options
from shared.recorded import FIXED
from shared.script import Finished


def make(
    generators: Sequence[Generator], options: Options, observers: Sequence[Network] = ()
) -> RunFolder:
    """Return the run folder, after making the metamers that it lacks; of a cluster, one's share.

    Args:
        generators: whose metamers.
        options: the flags.
        observers: other networks whose answers go to the same folder.

    Raises:
        ValueError: the folder holds a run with other settings, or --from_run cannot be repeated.
    """
    folder = RunFolder(options.run_dir, flag=options.run_flag)
    strategy = devices.make_strategy(options.strategy)
    record = _record(options, generators, observers)
    with_way = record | {"config": record["config"] | {"made_with": [_way(options, strategy)]}}
    if options.repeats is not None:
        options.repeats.check_same(run_record(**with_way))
    _write(folder, record)
    unmade = pipeline.uncertified(generators, folder)
    if unmade:
        folder.write_run_record(**with_way, fixed_keys=FIXED)
    pipeline.make_metamers(
        unmade,
        synthesis_config(options),
        folder,
        strategy,
        options.share,
        options.batch_size,
    )
    return folder


def certify(generators: Sequence[Generator], folder: RunFolder, options: Options) -> None:
    """Certify what is not certified yet: matches.csv, exclusions.csv, nulls.csv.

    Raises:
        Finished: in a cluster, all but the first worker end here.
    """
    if not options.share.is_first:
        raise Finished("this worker's share is made; the first worker certifies and draws")
    pipeline.certify(generators, folder)


def write_record(
    folder: RunFolder,
    options: Options,
    generators: Sequence[Generator],
    observers: Sequence[Network] = (),
) -> None:
    """Write run.json, or check that the folder's run is this one; damaged tables are removed.

    Args:
        folder: the run folder, or the folder of an experiment that shows its metamers.
        options: the flags.
        generators: whose metamers.
        observers: other networks whose answers the folder holds.

    Raises:
        ValueError: the folder holds a run with other settings.
    """
    _write(folder, _record(options, generators, observers))


def _write(folder: RunFolder, record: Mapping[str, Any]) -> None:
    folder.write_run_record(**record, fixed_keys=FIXED)
    folder.drop_damaged_tables()


def _record(
    options: Options, generators: Sequence[Generator], observers: Sequence[Network]
) -> dict[str, Any]:
    """Return what run.json tells of a run (the arguments of `RunFolder.write_run_record`)."""
    rates = {g.network.name: dict(g.learning_rates) for g in generators if g.learning_rates}
    stimuli = generators[0].stimuli
    hashes = dict(zip(stimuli.ids, stimuli.sha256, strict=True)) if stimuli.sha256 else {}
    config = options.record() | {
        "synthesis": asdict(synthesis_config(options)),
        "layers": {generator.network.name: generator.layers for generator in generators},
        "stimulus_ids": stimuli.ids,
    }
    some = {"learning_rates": rates, "stimulus_sha256": hashes}
    return {
        "config": config | {name: values for name, values in some.items() if values},
        "seed": options.seed,
        **pipeline.made_by([*(generator.network for generator in generators), *observers]),
    }


def add_published(folder: RunFolder, figures: Sequence[str], task: str) -> None:
    """Add the paper's human scores to recognition.csv, marked as published.

    A run of networks that the paper does not have gets none.

    Args:
        folder: where recognition.csv is.
        figures: of the paper, "3b".
        task: what people were asked.
    """
    human = load_table("fig3_fig4_human_recognition_digitised")
    human = human[human.figure.isin(figures)]
    if not {identity.base for identity in _made(folder)}.intersection(human.network):
        return
    rows = pd.DataFrame(
        {
            "observer": "human",
            "generator": human.network,
            "layer": human.layer,
            "task": task,
            "n": human.n_participants * human.trials_per_participant,
            "proportion_correct": human.proportion_correct,
            "sem": human["sem"],
            "source": "published",
        }
    )
    folder.merge_rows("recognition", rows, ["observer", "generator", "layer", "task"])


def _made(folder: RunFolder) -> list[NetworkIdentity]:
    """Return the networks whose metamers a folder shows."""
    known = identities_of(folder)
    return [identity_of(name, known) for name in folder.read_run_record()["config"]["layers"]]


def _way(options: Options, strategy: tf.distribute.Strategy) -> dict[str, Any]:
    """Return what the last bits of metamers depend on, beside settings and weights."""
    return {
        "batch_size": options.batch_size,
        "replicas": strategy.num_replicas_in_sync,
        "threads": devices.n_threads(),
        "onednn": os.environ.get("TF_ENABLE_ONEDNN_OPTS") == "1",
    }


def synthesis_config(options: Options) -> SynthesisConfig:
    """Return how the metamers of a run are optimised.

    Raises:
        ValueError: run.json has settings that are none.
    """
    try:
        return SynthesisConfig(**{"seed": options.seed, **options.synthesis})
    except TypeError:
        raise ValueError(
            f"{options.run_dir / 'run.json'} has settings of the synthesis that this version does "
            f"not know: {', '.join(options.synthesis)}; choose another {options.run_flag}"
        ) from None
