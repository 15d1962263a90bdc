"""What the run.json of a folder fixes for all later runs in it."""

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from absl import flags

from shared.modality import check_run, modality_of_preset

# A folder holds one run: these settings cannot change within it, while networks and layers can be
# added.
FIXED = (
    "preset", "num_stimuli", "num_null_stimuli", "synthesis", "layer_iterations", "stimuli_dir",
    "stimulus_ids", "stimulus_sha256",
)  # fmt: skip
_COUNTS = ("num_stimuli", "num_null_stimuli")


def recorded_settings(
    run_dir: Path, flag: str, presets: Mapping[str, Any], known_presets: Collection[str]
) -> dict[str, Any]:
    """Return the fixed settings of the run that a folder holds; none where it holds none.

    Args:
        run_dir: the folder.
        flag: names it.
        presets: name -> those of the script.
        known_presets: those of any script.

    Raises:
        ValueError: run.json cannot be read or is of the other modality, or a flag that was given
            says something else.
    """
    run_json = run_dir / "run.json"
    if not run_json.exists():
        return {}
    settings = fixed_settings(
        read_config(run_json, flag, f"--{flag}={run_dir}", presets, known_presets)
    )
    for name, value in as_flags(settings).items():
        found = flags.FLAGS[name]
        is_fixed = name in settings or value is not None
        if found.present and is_fixed and as_recorded(found) != str(value):
            raise ValueError(
                f"{run_dir} holds a run with {name} = {value}, and --{name} is {found.value}; "
                f"choose another --{flag}, or leave out --{name} to continue"
            )
    return settings


def read_config(
    run_json: Path,
    flag: str,
    told: str,
    presets: Mapping[str, Any],
    known_presets: Collection[str],
) -> dict[str, Any]:
    """Return the settings that a run.json records.

    Args:
        run_json: the file.
        flag: names it, or its folder.
        told: the flag and its value.
        presets: name -> those of the script.
        known_presets: those of any script.

    Raises:
        ValueError: it cannot be read, is of the other modality, or not as we write it.
    """
    from model_metamers.store import read_run_json
    from model_metamers.store.run_folder import made_layers

    record = read_run_json(run_json, f"--{flag}")
    made_layers(record, run_json)
    config = record["config"]
    recorded = config.get("preset")
    check_run(config, modality_of_preset(presets, recorded), told)
    if recorded in known_presets and recorded not in presets:
        raise ValueError(
            f"{told} holds a run of --preset={recorded}, and this script is for "
            f"{', '.join(presets)}; choose another --{flag}"
        )
    if wrong := _wrong(config, known_presets):
        raise ValueError(
            f"{run_json} has {wrong} = {config[wrong]!r}, which no run has written; put the file "
            f"back, or choose another --{flag}"
        )
    return config


def fixed_settings(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return those of a run's settings that cannot change within its folder."""
    return {name: config[name] for name in (*FIXED, "seed") if name in config}


def as_flags(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return flag -> what it was for a run with these settings; None where they do not tell."""
    given = {name: settings.get(name) for name in (*_COUNTS, "preset", "stimuli_dir", "seed")}
    synthesis = settings.get("synthesis", {})
    given["iterations"] = synthesis.get("iterations")
    given["solver"] = synthesis.get("solver", "adam") if synthesis else None
    return given


def as_recorded(flag: flags.Flag) -> str:
    """Return the value of a flag as the text of what run.json has for it."""
    return str(Path(str(flag.value)) if flag.name == "stimuli_dir" else flag.value)


def _wrong(settings: Mapping[str, Any], presets: Collection[str]) -> str | None:
    """Return the first setting that is not of the kind that we write."""
    for name in _COUNTS:
        if not isinstance(settings.get(name, 1), int) or settings.get(name, 1) < 1:
            return name
    if settings.get("preset", min(presets)) not in presets:
        return "preset"
    if not isinstance(settings.get("layer_iterations", {}), dict):
        return "layer_iterations"
    if not isinstance(settings.get("stimuli_dir", ""), str | None):
        return "stimuli_dir"
    return None
