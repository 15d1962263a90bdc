"""What the run.json of a folder fixes for all later runs in it."""

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from absl import flags

# A folder holds one run: these settings cannot change within it, while networks and layers can be
# added.
FIXED = ("preset", "num_stimuli", "num_null_stimuli", "synthesis", "stimuli_dir", "stimulus_ids")
_COUNTS = ("num_stimuli", "num_null_stimuli")


def recorded_settings(run_dir: Path, flag: str, presets: Collection[str]) -> dict[str, Any]:
    """Return the fixed settings of the run that a folder holds; none where it holds none.

    Args:
        run_dir: the folder.
        flag: names it.
        presets: the known ones.

    Raises:
        ValueError: run.json cannot be read, or a flag that was given says something else.
    """
    if not (run_dir / "run.json").exists():
        return {}
    from model_metamers.store import RunFolder

    config = RunFolder(run_dir, create=False, flag=f"--{flag}").read_run_record()["config"]
    settings = {name: config[name] for name in (*FIXED, "seed") if name in config}
    if wrong := _wrong(settings, presets):
        raise ValueError(
            f"{run_dir / 'run.json'} has {wrong} = {settings[wrong]!r}, which no run has written; "
            f"put the file back, or choose another --{flag}"
        )
    given = {name: settings.get(name) for name in (*_COUNTS, "preset", "stimuli_dir", "seed")}
    given["iterations"] = settings.get("synthesis", {}).get("iterations")
    for name, value in given.items():
        found = flags.FLAGS[name]
        if found.present and name in settings | {"iterations": 0} and _differ(found.value, value):
            raise ValueError(
                f"{run_dir} holds a run with {name} = {value}, and --{name} is {found.value}; "
                f"choose another --{flag}, or leave out --{name} to continue"
            )
    return settings


def _differ(given: Any, recorded: Any) -> bool:
    return recorded is not None and str(given) != str(recorded)


def _wrong(settings: Mapping[str, Any], presets: Collection[str]) -> str | None:
    """Return the first setting that is not of the kind that we write."""
    for name in _COUNTS:
        if not isinstance(settings.get(name, 1), int) or settings.get(name, 1) < 1:
            return name
    if settings.get("preset", min(presets)) not in presets:
        return "preset"
    if not isinstance(settings.get("synthesis", {}), dict):
        return "synthesis"
    if not isinstance(settings.get("stimuli_dir", ""), str | None):
        return "stimuli_dir"
    return None
