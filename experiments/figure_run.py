"""What the figure scripts share: their common flags, parsed into one frozen dataclass."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from absl import flags

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
    output_dir: Path
    seed: int
    strategy: str
    batch_size: int
    stage: str

    def record(self) -> dict[str, Any]:
        """Return the settings that describe the results, for run.json."""
        kept = asdict(self)
        for name in ("output_dir", "strategy", "stage"):
            del kept[name]
        return kept


def define_flags(default_output_dir: str) -> None:
    """Define the flags that all figure scripts have."""
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
    """Return the flags' values, with the preset's where a flag is not given.

    Raises:
        ValueError: a count that is not positive.
    """
    values = flags.FLAGS
    preset = presets[values.preset]
    iterations = _given(values.iterations, preset.iterations)
    result = Settings(
        preset=values.preset,
        networks=tuple(values.networks or preset.networks),
        layers=tuple(values.layers or ()),
        num_stimuli=_given(values.num_stimuli, preset.num_stimuli),
        num_null_stimuli=_given(values.num_null_stimuli, preset.num_null_stimuli),
        synthesis={"iterations": iterations} | preset.synthesis(iterations),
        stimuli_dir=Path(values.stimuli_dir) if values.stimuli_dir else None,
        output_dir=Path(values.output_dir),
        seed=values.seed,
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


def _given(value: int | None, default: int) -> int:
    return default if value is None else value


# A folder holds one run: these settings cannot change within it, while networks and layers can be
# added.
_FIXED = ("preset", "num_stimuli", "num_null_stimuli", "synthesis", "stimuli_dir", "stimulus_ids")


def write_record(folder: RunFolder, options: Settings, config: Any, generators: list) -> None:
    """Write run.json, or check that the folder's run is this one.

    Args:
        folder: the run folder.
        options: the flags.
        config: the `SynthesisConfig`.
        generators: `pipeline.Generator`s.

    Raises:
        ValueError: the folder holds a run with other settings.
    """
    import keras
    import tensorflow as tf

    networks = [generator.network for generator in generators]
    settings_record = options.record() | {
        "synthesis": asdict(config),
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
