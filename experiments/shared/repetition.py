"""Repeating another run: --from_run takes all settings from its run.json.

A metamer follows from settings, weights and stimuli, down to the last bit if it is also
computed alike: in batches of one size, on as many replicas and threads, by the same kernels. Runs
record that as `made_with`; one entry for each way in which pieces of the run were made.

oneDNN's kernels are an exception. For one and the same graph of word_aliased_small (conv_4),
TensorFlow rewrites it for them in one of two ways each time that it is traced, whatever the number
of threads: their gradients differ by 2e-7 of the largest, more with every step. Networks of images
were not seen to do so. Without these kernels (TF_ENABLE_ONEDNN_OPTS=0) all traces are the same.
"""

import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from absl import flags, logging

from model_metamers.store import read_run_json
from model_metamers.store.records import continued_record
from shared import paths
from shared.recorded import FIXED, as_flags, as_recorded, fixed_settings, read_config

FLAG = "from_run"
_MADE_WITH = {"batch_size": int, "replicas": int, "threads": int, "onednn": bool}


@dataclass(frozen=True)
class Repetition:
    """Another run, to be made again.

    Attributes:
        run_json: its record.
        record: what stands in it.
        layers: network -> the layers it has metamers of.
        made_with: how they were computed.
    """

    run_json: Path
    record: Mapping[str, Any]
    layers: Mapping[str, tuple[str, ...]]
    made_with: Mapping[str, Any]

    @property
    def settings(self) -> dict[str, Any]:
        """The settings that determine results, as `recorded.fixed_settings` gives them."""
        return fixed_settings(self.record["config"])

    def check_same(self, record: Mapping[str, Any]) -> None:
        """Check that a run is the one to be repeated.

        Args:
            record: of the run that is about to start.

        Raises:
            ValueError: other stimuli or weights are there than the run had.
        """
        try:
            continued_record(dict(self.record), dict(record), FIXED)
        except ValueError as difference:
            raise ValueError(
                f"{self.run_json} cannot be repeated: it has {difference}; put back what it had"
            ) from None
        (made_with,) = record["config"]["made_with"]
        for name, value in self.made_with.items():
            if made_with[name] != value:
                raise ValueError(
                    f"{self.run_json} was made with {name} = {value}, and here it is "
                    f"{made_with[name]}; choose another --strategy, or another --{FLAG}"
                )
        for name, version in self.record.get("versions", {}).items():
            if record["versions"].get(name, version) != version:
                logging.warning(
                    "%s was made with %s %s, and this is %s: results may differ in rounding",
                    self.run_json, name, version, record["versions"][name],
                )  # fmt: skip


def from_flags(presets: Mapping[str, Any], known_presets: Collection[str]) -> Repetition | None:
    """Return the run that --from_run names, if it is given.

    Args:
        presets: name -> those of the script.
        known_presets: those of any script.

    Raises:
        ValueError: there is none, or it was made in several ways, or a flag says something else.
    """
    if FLAG not in flags.FLAGS or flags.FLAGS[FLAG].value is None:
        return None
    run_json = paths.input_file(FLAG)
    config = read_config(run_json, FLAG, f"--{FLAG}={run_json}", presets, known_presets)
    repetition = Repetition(
        run_json,
        read_run_json(run_json, f"--{FLAG}"),
        _layers(run_json, config),
        _made_with(run_json, config),
    )
    _check_flags(repetition)
    if "onednn" in repetition.made_with:  # TensorFlow reads it when it is imported
        os.environ["TF_ENABLE_ONEDNN_OPTS"] = str(int(repetition.made_with["onednn"]))
    if repetition.made_with.get("onednn"):
        logging.warning(
            "%s was made with oneDNN's kernels, which may round in two ways; a run that was made "
            "with TF_ENABLE_ONEDNN_OPTS=0 in the environment always repeats to the last bit",
            run_json,
        )
    return repetition


def _layers(run_json: Path, config: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    if "layers" not in config:
        raise ValueError(f"{run_json} does not tell the layers of its networks; give another")
    return {network: tuple(names) for network, names in config["layers"].items()}


def _made_with(run_json: Path, config: Mapping[str, Any]) -> dict[str, Any]:
    """Return how the run was computed, as far as its record tells."""
    ways = config.get("made_with", [])
    if not isinstance(ways, list) or not all(map(_is_a_way, ways)):
        raise ValueError(f"{run_json} has made_with = {ways!r}, which no run has written")
    if len(ways) > 1:
        raise ValueError(
            f"{run_json} was made in several ways, {' and '.join(map(str, ways))}, so that no one "
            f"command repeats it; give another --{FLAG}"
        )
    if ways:
        return ways[0]
    logging.warning("%s does not tell how it was computed: rounding may differ", run_json)
    batch_size = config.get("batch_size")  # older records have it there
    return {"batch_size": batch_size} if isinstance(batch_size, int) else {}


def _is_a_way(way: Any) -> bool:
    return (
        isinstance(way, dict)
        and set(way) == set(_MADE_WITH)
        and all(type(way[name]) is kind for name, kind in _MADE_WITH.items())
        and min(way["batch_size"], way["replicas"], way["threads"]) > 0
    )


def _check_flags(repetition: Repetition) -> None:
    """Raise ValueError for the first flag that says something else than the run's record."""
    layers, of_layers = repetition.layers, repetition.settings.get("layer_iterations", {})
    recorded = as_flags(repetition.settings) | {
        "layer_iterations": [f"{layer}:{number}" for layer, number in of_layers.items()],
        "networks": list(layers),
        "layers": list(dict.fromkeys(name for names in layers.values() for name in names)),
        "batch_size": repetition.made_with.get("batch_size"),
        "stage": "all",
    }
    for name, value in recorded.items():
        flag = flags.FLAGS[name]
        if flag.present and as_recorded(flag) != str(value):
            shown = ",".join(value) if isinstance(value, list) else value
            raise ValueError(
                f"--{name} contradicts --{FLAG}: the run had {name} = {shown}; leave out --{name} "
                f"to repeat it, or leave out --{FLAG}"
            )
