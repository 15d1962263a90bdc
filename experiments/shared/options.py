"""The options of the figure scripts: common flags, parsed into one frozen dataclass.

Metamers live in a run folder, `run_dir`; tables and figures go to `output_dir`, which for the
experiment that makes the metamers is the same folder. Settings that cannot change within a run
folder are read from its run.json.
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from absl import flags

from model_metamers.cluster import Share
from shared import script

STRATEGIES = ("none", "mirrored", "cluster")
SMALL, PAPER = "small", "paper"

# A folder holds one run: these settings cannot change within it, while networks and layers can be
# added.
FIXED = ("preset", "num_stimuli", "num_null_stimuli", "synthesis", "stimuli_dir", "stimulus_ids")


@dataclass(frozen=True)
class Preset:
    """Defaults of one scale of an experiment.

    Attributes:
        networks: whose metamers are made.
        num_stimuli: natural stimuli.
        num_null_stimuli: natural stimuli of the null distributions.
        iterations: evaluations of loss and gradient for a metamer, at most.
        synthesis: iterations -> other fields of `SynthesisConfig` that differ from its defaults.
    """

    networks: tuple[str, ...]
    num_stimuli: int
    num_null_stimuli: int
    iterations: int
    synthesis: Callable[[int], dict[str, Any]]


@dataclass(frozen=True)
class NullOptions:
    """What null distributions depend on, the networks and layers aside: see the flags' help."""

    preset: str
    networks: tuple[str, ...]
    num_null_stimuli: int
    stimuli_dir: Path | None
    seed: int


@dataclass(frozen=True)
class Options(NullOptions):
    """The flags of a figure script, see their help; and the process' share of a cluster's work."""

    layers: tuple[str, ...]
    num_stimuli: int
    synthesis: Mapping[str, Any]
    run_dir: Path
    output_dir: Path
    strategy: str
    batch_size: int
    stage: str
    share: Share

    def record(self) -> dict[str, Any]:
        """Return the options that describe the results, for run.json."""
        kept = asdict(self)
        for name in ("run_dir", "output_dir", "strategy", "batch_size", "stage", "share"):
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
    flags.DEFINE_integer("iterations", None, "Evaluations per metamer [the preset's].")
    flags.DEFINE_enum("solver", None, ("adam", "lbfgs"), "How to optimise [the preset's].")
    flags.DEFINE_string("stimuli_dir", None, "Folder of your own stimuli, a sub-folder per class.")
    flags.DEFINE_string("output_dir", default_output_dir, "Where the run folder goes.")
    flags.DEFINE_integer("seed", 0, "Seed of the noise and of the stimuli we render.")
    flags.DEFINE_enum("strategy", "none", STRATEGIES, "Devices to use.")
    flags.DEFINE_integer("batch_size", 16, "Stimuli optimised together.")
    flags.DEFINE_enum("stage", "all", ("all", "figure"), "Everything, or only redraw the figure.")


def options_from_flags(presets: Mapping[str, Preset]) -> Options:
    """Return the flags' values; where one is not given, the run folder's, then the preset's.

    Raises:
        ValueError: a count that is not positive, a run.json that cannot be read, or a cluster
            that is badly described.
        script.Finished: this process takes no share of its cluster's work.
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
    synthesis |= {"solver": values.solver} if values.solver else {}
    is_chosen = values.iterations or values.solver
    stimuli_dir = chosen("stimuli_dir", None)
    options = Options(
        preset=preset_name,
        networks=tuple(values.networks or preset.networks),
        layers=tuple(values.layers or ()),
        num_stimuli=chosen("num_stimuli", preset.num_stimuli),
        num_null_stimuli=chosen("num_null_stimuli", preset.num_null_stimuli),
        synthesis=synthesis if is_chosen else recorded.get("synthesis", synthesis),
        stimuli_dir=Path(stimuli_dir) if stimuli_dir else None,
        run_dir=run_dir,
        output_dir=Path(values.output_dir),
        seed=chosen("seed", values.seed),
        strategy=values.strategy,
        batch_size=values.batch_size,
        stage=values.stage,
        share=script.working_share(values.strategy),
    )
    least = {"num_stimuli": 1, "num_null_stimuli": 2, "iterations": 1, "batch_size": 1}
    for name, least_count in least.items():
        count = iterations if name == "iterations" else getattr(options, name)
        if count < least_count:
            raise ValueError(f"--{name} must be at least {least_count}; got {count}")
    return options


def _recorded(run_dir: Path) -> dict[str, Any]:
    """Return the settings of the run that a folder holds, of those that are fixed; or nothing."""
    if not (run_dir / "run.json").exists():
        return {}
    from model_metamers.store import RunFolder

    config = RunFolder(run_dir, create=False).read_run_record()["config"]
    return {name: config[name] for name in (*FIXED, "seed") if name in config}


def _given(value: int | None, default: int) -> int:
    return default if value is None else value
