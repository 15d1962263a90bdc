"""The options of the figure scripts: common flags, parsed into one frozen dataclass.

Metamers live in a run folder, `run_dir`; tables and figures go to `output_dir`, which for the
experiment that makes the metamers is the same folder. Settings that cannot change within a run
folder are read from its run.json.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from absl import flags

from model_metamers.cluster import STRATEGIES, Share
from model_metamers.networks import identity
from model_metamers.networks.catalog import catalog_entry
from shared import paths, repetition, script
from shared.modality import check_networks, modality_of_preset
from shared.recorded import recorded_settings
from shared.repetition import Repetition

SMALL, IMAGENET, COMMANDS, PAPER = PRESETS = ("small", "imagenet", "commands", "paper")
WHAT_PRESETS_ARE = {
    SMALL: "small networks of ours, offline",
    IMAGENET: "real ImageNet networks, offline",
    COMMANDS: "published networks of spoken commands",
    PAPER: "the paper's networks",
}
NEEDED_STIMULI = {
    COMMANDS: (
        "a folder of recordings with a sub-folder per word, as Speech Commands v2 has it "
        "(download.tensorflow.org/data/speech_commands_test_set_v0.02.tar.gz, unpacked)"
    ),
    PAPER: (
        "a folder of photographs with a sub-folder per category or WordNet id, or of speech with "
        ".wrd alignments or a sub-folder per word; and the networks that fetch_checkpoints.py "
        "downloads"
    ),
}
# What a process can count; and far more than fits into any.
MOST_STIMULI, MOST_ITERATIONS, LARGEST_SEED = 10_000_000, 100_000_000, 2**31 - 1


# What is no setting of a run, or stands in its record under another name.
_NOT_RECORDED = (
    "run_dir", "output_dir", "strategy", "batch_size", "stage", "share", "repeats", "recognition",
)  # fmt: skip


@dataclass(frozen=True)
class Preset:
    """Defaults of one scale of an experiment.

    Attributes:
        networks: whose metamers are made.
        num_stimuli: natural stimuli.
        num_null_stimuli: natural stimuli of the null distributions.
        iterations: evaluations of loss and gradient for a metamer, at most.
        synthesis: iterations -> other fields of `SynthesisConfig` that differ from its defaults.
        run_dir: where the metamers are made that several figures show, unless another is named.
        layer_iterations: layer, or network/layer -> evaluations, where they are not `iterations`.
        batch_size: stimuli optimised together.
    """

    networks: tuple[str, ...]
    num_stimuli: int
    num_null_stimuli: int
    iterations: int
    synthesis: Callable[[int], dict[str, Any]]
    run_dir: str
    layer_iterations: Mapping[str, int] = field(default_factory=dict)
    batch_size: int = 16


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
    layer_iterations: Mapping[str, int]
    run_dir: Path
    output_dir: Path
    strategy: str
    batch_size: int
    stage: str
    share: Share
    repeats: Repetition | None = None
    recognition: bool = True

    @property
    def run_flag(self) -> str:
        """The flag that names `run_dir`."""
        return "--output_dir" if self.run_dir == self.output_dir else "--run_dir"

    def record(self) -> dict[str, Any]:
        """Return the options that describe the results, for run.json."""
        kept = asdict(self)
        for name in _NOT_RECORDED:
            del kept[name]
        if not self.layer_iterations:  # as in most runs, and in those of earlier versions
            del kept["layer_iterations"]
        return kept


def define_flags(
    default_output_dir: str, presets: Mapping[str, Preset], shows_run: bool = False
) -> None:
    """Define the flags that all figure scripts have.

    Args:
        default_output_dir: of `--output_dir`, for the small preset; see `set_default_folders`.
        presets: those of the script.
        shows_run: whether it shows the metamers of another folder, `--run_dir`, and makes them in
            its output folder otherwise.
    """
    if shows_run:
        shown = presets[SMALL].run_dir
        flags.DEFINE_string("run_dir", shown, "Run folder with the metamers to show.")
    else:
        flags.DEFINE_string(repetition.FLAG, None, "run.json of a run to repeat to the last bit.")
    of_presets = ", ".join(f"{name}: {WHAT_PRESETS_ARE[name]}" for name in presets)
    flags.DEFINE_enum("preset", SMALL, tuple(presets), f"Whose metamers ({of_presets}).")
    flags.DEFINE_list("networks", None, "Networks to make metamers for [the preset's].")
    flags.DEFINE_list("layers", None, "Layers to match, of those the networks have [all].")
    define_count("num_stimuli", None, "Natural stimuli [the preset's].", MOST_STIMULI)
    define_count("num_null_stimuli", None, "Stimuli of the null [the preset's].", MOST_STIMULI, 2)
    define_count("iterations", None, "Evaluations per metamer [the preset's].", MOST_ITERATIONS)
    flags.DEFINE_list(
        "layer_iterations",
        None,
        "Other numbers for single layers, head:300,efficientnet_lite2/pool:200 [the preset's].",
    )
    flags.DEFINE_enum("solver", None, ("adam", "lbfgs"), "How to optimise [the preset's].")
    flags.DEFINE_string("stimuli_dir", None, "Folder of your own stimuli, a sub-folder per class.")
    flags.DEFINE_string("output_dir", default_output_dir, "Where the run folder goes.")
    define_seed("Seed of the noise and of the stimuli we render.")
    flags.DEFINE_enum("strategy", "none", STRATEGIES, "Devices to use.")
    define_count("batch_size", None, "Stimuli optimised together [the preset's].", MOST_STIMULI)
    flags.DEFINE_enum("stage", "all", ("all", "figure"), "Everything, or only redraw the figure.")


def define_recognition() -> None:
    """Define --recognition, which is there to be switched off."""
    flags.DEFINE_bool(
        "recognition",
        True,
        "Ask networks whether they recognise the metamers; --norecognition for stimuli of classes "
        "that no network knows, or of none.",
    )


def define_seed(help: str) -> None:
    """Define --seed."""
    flags.DEFINE_integer("seed", 0, help, lower_bound=0, upper_bound=LARGEST_SEED)


def define_count(name: str, default: int | None, help: str, most: int, least: int = 1) -> None:
    """Define the flag of a whole number from `least` to `most`."""
    flags.DEFINE_integer(name, default, help, lower_bound=least, upper_bound=most)


def check_scale(networks: Sequence[str], preset: str) -> None:
    """Raise ValueError for a small network in the paper's preset, whose words it does not know."""
    for name in networks:
        if preset == PAPER and catalog_entry(name).identity.scale == identity.SMALL:
            raise ValueError(
                f"--preset=paper is for networks at full size, and {name} is small; leave out "
                f"--preset, or choose {catalog_entry(name).identity.base}"
            )


def check_natural(preset: str, stimuli_dir: str | None) -> None:
    """Raise ValueError where a preset's networks would have no stimuli."""
    if preset in NEEDED_STIMULI and not stimuli_dir:
        raise ValueError(
            f"--preset={preset} needs natural stimuli: give --stimuli_dir, "
            f"{NEEDED_STIMULI[preset]}"
        )


def set_default_folders(presets: Mapping[str, Preset]) -> None:
    """Give every preset folders of its own, where the flags do not name any.

    The output folder of the small preset has the script's name, those of others that of the preset
    after it.
    """
    values = flags.FLAGS
    if values.preset == SMALL or values.preset not in presets:
        return
    paths.set_default_of_preset("output_dir", values.preset)
    if "run_dir" in values and not values["run_dir"].present:
        values.set_default("run_dir", presets[values.preset].run_dir)


def options_from_flags(presets: Mapping[str, Preset]) -> Options:
    """Return the flags' values; where one is not given, the run folder's, then the preset's.

    Raises:
        ValueError: a mistake that can be seen before anything is loaded.
        script.Finished: this process takes no share of its cluster's work.
    """
    values = flags.FLAGS
    if values.preset not in presets:
        raise ValueError(f"--preset={values.preset} is not one of {', '.join(presets)} here")
    set_default_folders(presets)
    output_dir = paths.output_folder("output_dir")
    run_flag = "run_dir" if "run_dir" in values else "output_dir"
    run_dir = paths.output_folder(run_flag)
    repeats = repetition.from_flags(presets, PRESETS)
    if repeats is None:
        recorded = recorded_settings(run_dir, run_flag, presets, PRESETS)
        networks, batch_size = script.names("networks"), None
    else:
        recorded, networks = repeats.settings, tuple(repeats.layers)
        batch_size = repeats.made_with.get("batch_size")

    def chosen(name: str, default: Any) -> Any:
        return values[name].value if values[name].present else recorded.get(name, default)

    preset_name = chosen("preset", SMALL)
    preset = presets[preset_name]
    iterations = values.iterations or preset.iterations
    synthesis = {"iterations": iterations} | preset.synthesis(iterations)
    synthesis |= {"solver": values.solver} if values.solver else {}
    paths.if_given(paths.input_folder, "stimuli_dir")
    stimuli_dir = chosen("stimuli_dir", None)
    networks = networks or preset.networks
    check_networks(networks, modality_of_preset(presets, preset_name))
    check_scale(networks, preset_name)
    if values.stage == "all":
        check_natural(preset_name, stimuli_dir)
    return Options(
        preset=preset_name,
        networks=networks,
        layers=script.names("layers") or (),
        num_stimuli=chosen("num_stimuli", preset.num_stimuli),
        num_null_stimuli=chosen("num_null_stimuli", preset.num_null_stimuli),
        synthesis=recorded.get("synthesis", synthesis),
        layer_iterations=_layer_iterations(preset, networks, recorded, run_dir),
        stimuli_dir=Path(stimuli_dir) if stimuli_dir else None,
        run_dir=run_dir,
        output_dir=output_dir,
        seed=chosen("seed", values.seed),
        strategy=values.strategy,
        batch_size=batch_size or values.batch_size or preset.batch_size,
        stage=values.stage,
        share=script.working_share(values.strategy),
        repeats=repeats,
        recognition="recognition" not in values or values.recognition,
    )


def _layer_iterations(
    preset: Preset, networks: Sequence[str], recorded: Mapping[str, Any], run_dir: Path
) -> Mapping[str, int]:
    """Return layer, or network/layer -> evaluations, of those with other numbers than the rest.

    Raises:
        ValueError: the flag is no such list, or the folder's run has other numbers.
    """
    values, given = flags.FLAGS, {}
    for item in script.names("layer_iterations") or ():
        layer, _, number = item.partition(":")
        if not layer or not number.isdecimal() or not 1 <= int(number) <= MOST_ITERATIONS:
            raise ValueError(
                f"--layer_iterations is written LAYER:NUMBER,NETWORK/LAYER:NUMBER; got {item!r}"
            )
        if layer in given:
            raise ValueError(f"--layer_iterations has {layer} twice; give one number for it")
        given[layer] = int(number)
    if not recorded:
        # The preset's numbers for single layers suit its own networks and solver.
        is_other = given or values.iterations or values.solver
        is_presets = not is_other and set(networks) <= set(preset.networks)
        return preset.layer_iterations if is_presets else given
    of_run = recorded.get("layer_iterations", {})
    if given and given != of_run:
        told = ",".join(f"{layer}:{number}" for layer, number in of_run.items()) or "none"
        raise ValueError(
            f"{run_dir} holds a run with layer_iterations = {told}, and --layer_iterations is "
            f"{','.join(values.layer_iterations)}; leave it out to continue, or choose another "
            f"folder"
        )
    return of_run
