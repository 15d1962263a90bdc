"""What the figure scripts share: common flags, parsed into one frozen dataclass, and run folders.

Metamers live in a run folder, `run_dir`; tables and figures go to `output_dir`, which for the
experiment that makes the metamers is the same folder. Settings that cannot change within a run
folder are read from its run.json, and what is certified there is not made again.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from absl import flags

from model_metamers.paper import load_table
from model_metamers.store import RunFolder

STRATEGIES = ("none", "mirrored", "cluster")
SMALL, PAPER = "small", "paper"


@dataclass(frozen=True)
class Preset:
    """Defaults of one scale of an experiment.

    Attributes:
        networks: whose metamers are made.
        num_stimuli: natural stimuli.
        num_null_stimuli: natural stimuli of the null distributions.
        iterations: optimisation steps.
        synthesis: iterations -> other fields of `SynthesisConfig` that differ from its defaults.
    """

    networks: tuple[str, ...]
    num_stimuli: int
    num_null_stimuli: int
    iterations: int
    synthesis: Callable[[int], dict[str, Any]]


@dataclass(frozen=True)
class Settings:
    """The flags of a figure script; see their help."""

    preset: str
    networks: tuple[str, ...]
    layers: tuple[str, ...]
    num_stimuli: int
    num_null_stimuli: int
    synthesis: Mapping[str, Any]
    stimuli_dir: Path | None
    run_dir: Path
    output_dir: Path
    seed: int
    strategy: str
    batch_size: int
    stage: str

    def record(self) -> dict[str, Any]:
        """Return the settings that describe the results, for run.json."""
        kept = asdict(self)
        for name in ("run_dir", "output_dir", "strategy", "batch_size", "stage"):
            del kept[name]
        return kept


def define_flags(default_output_dir: str, default_run_dir: str | None = None) -> None:
    """Define the flags that all figure scripts have.

    Args:
        default_output_dir: of `--output_dir`.
        default_run_dir: of `--run_dir`; None where the metamers are made in the output folder.
    """
    if default_run_dir:
        flags.DEFINE_string("run_dir", default_run_dir, "Run folder with the metamers to show.")
    flags.DEFINE_enum("preset", SMALL, (SMALL, PAPER), "Small networks offline, or the paper's.")
    flags.DEFINE_list("networks", None, "Networks to make metamers for [the preset's].")
    flags.DEFINE_list("layers", None, "Layers to match, of those the networks have [all].")
    flags.DEFINE_integer("num_stimuli", None, "Natural stimuli [the preset's].")
    flags.DEFINE_integer("num_null_stimuli", None, "Stimuli of the null [the preset's].")
    flags.DEFINE_integer("iterations", None, "Optimisation steps [the preset's].")
    flags.DEFINE_string("stimuli_dir", None, "Folder of your own stimuli, a sub-folder per class.")
    flags.DEFINE_string("output_dir", default_output_dir, "Where the run folder goes.")
    flags.DEFINE_integer("seed", 0, "Seed of the noise and of the stimuli we render.")
    flags.DEFINE_enum("strategy", "none", STRATEGIES, "Devices to use.")
    flags.DEFINE_integer("batch_size", 16, "Stimuli optimised together.")
    flags.DEFINE_enum("stage", "all", ("all", "figure"), "Everything, or only redraw the figure.")


def settings(presets: Mapping[str, Preset]) -> Settings:
    """Return the flags' values; where one is not given, the run folder's, then the preset's.

    Raises:
        ValueError: a count that is not positive, or a run.json that cannot be read.
    """
    values = flags.FLAGS
    run_dir = Path(values.run_dir if "run_dir" in values else values.output_dir)
    recorded = _recorded(run_dir)

    def chosen(name: str, default: Any) -> Any:
        return values[name].value if values[name].present else recorded.get(name, default)

    preset_name = chosen("preset", SMALL)
    preset = presets[preset_name]
    iterations = _given(values.iterations, preset.iterations)
    synthesis = {"iterations": iterations} | preset.synthesis(iterations)
    stimuli_dir = chosen("stimuli_dir", None)
    result = Settings(
        preset=preset_name,
        networks=tuple(values.networks or preset.networks),
        layers=tuple(values.layers or ()),
        num_stimuli=chosen("num_stimuli", preset.num_stimuli),
        num_null_stimuli=chosen("num_null_stimuli", preset.num_null_stimuli),
        synthesis=synthesis if values.iterations else recorded.get("synthesis", synthesis),
        stimuli_dir=Path(stimuli_dir) if stimuli_dir else None,
        run_dir=run_dir,
        output_dir=Path(values.output_dir),
        seed=chosen("seed", values.seed),
        strategy=values.strategy,
        batch_size=values.batch_size,
        stage=values.stage,
    )
    least = {"num_stimuli": 1, "num_null_stimuli": 2, "iterations": 1, "batch_size": 1}
    for name, least_count in least.items():
        count = iterations if name == "iterations" else getattr(result, name)
        if count < least_count:
            raise ValueError(f"--{name} must be at least {least_count}; got {count}")
    return result


def _recorded(run_dir: Path) -> dict[str, Any]:
    """Return the settings of the run that a folder holds, of those that are fixed; or nothing."""
    if not (run_dir / "run.json").exists():
        return {}
    config = RunFolder(run_dir, create=False).read_run_record()["config"]
    return {name: config[name] for name in (*_FIXED, "seed") if name in config}


def _given(value: int | None, default: int) -> int:
    return default if value is None else value


# A folder holds one run: these settings cannot change within it, while networks and layers can be
# added.
_FIXED = ("preset", "num_stimuli", "num_null_stimuli", "synthesis", "stimuli_dir", "stimulus_ids")


def certified_metamers(
    generators: list, options: Settings, observers: Sequence = ()
) -> RunFolder | None:
    """Return the run folder with every metamer made and certified; make those it lacks.

    Args:
        generators: `pipeline.Generator`s.
        options: the flags.
        observers: other networks whose answers go to the same folder.

    Returns:
        The folder; None on workers that only help.

    Raises:
        ValueError: the folder holds a run with other settings.
    """
    from model_metamers import devices, pipeline

    first_worker = devices.worker_share(options.strategy)[0] == 0
    folder = RunFolder(options.run_dir)
    if first_worker:
        write_record(folder, options, generators, observers)
    missing = pipeline.uncertified(generators, folder)
    config = _synthesis_config(options)
    pipeline.make_metamers(missing, config, folder, options.strategy, options.batch_size)
    if not first_worker:
        return None
    if missing:
        pipeline.validate(missing, folder)
    return folder


def write_record(
    folder: RunFolder, options: Settings, generators: list, observers: Sequence = ()
) -> None:
    """Write run.json, or check that the folder's run is this one.

    Args:
        folder: the run folder, or the folder of an experiment that shows its metamers.
        options: the flags.
        generators: `pipeline.Generator`s.
        observers: other networks whose answers the folder holds.

    Raises:
        ValueError: the folder holds a run with other settings.
    """
    import keras
    import tensorflow as tf

    networks = [*(generator.network for generator in generators), *observers]
    settings_record = options.record() | {
        "synthesis": asdict(_synthesis_config(options)),
        "layers": {generator.network.name: generator.layers for generator in generators},
        "stimulus_ids": generators[0].stimuli.ids,
    }
    folder.write_run_record(
        settings_record,
        seed=options.seed,
        versions={"tensorflow": tf.__version__, "keras": keras.__version__},
        device=", ".join(device.name for device in tf.config.list_logical_devices()),
        checkpoint_sha256={network.name: network.weights_sha256 for network in networks},
        fixed_keys=_FIXED,
    )


def add_published(folder: RunFolder, figures: Sequence[str], task: str) -> None:
    """Add the paper's human scores to recognition.csv, marked as published.

    Args:
        folder: where recognition.csv is.
        figures: of the paper, "3b".
        task: what people were asked.
    """
    human = load_table("fig3_fig4_human_recognition_digitised")
    human = human[human.figure.isin(figures)]
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


def _synthesis_config(options: Settings) -> Any:
    from model_metamers.synthesis import SynthesisConfig

    return SynthesisConfig(**{"seed": options.seed, **options.synthesis})
