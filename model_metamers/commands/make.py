"""`model_metamers make`: metamers of somebody's own images and sounds, from files to a gallery.

What it writes is a run folder (`store`). A broken-off run continues with the same command.
"""

import argparse
import hashlib
import logging
import math
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from model_metamers import pipeline, validation
from model_metamers.commands import inputs
from model_metamers.gallery.page import FILENAME, write_gallery
from model_metamers.networks import catalog
from model_metamers.networks.identity import own_identity
from model_metamers.networks.keras_files import load_keras_model
from model_metamers.networks.network import Network
from model_metamers.pipeline import COMPARED_TOGETHER, Generator
from model_metamers.pipeline.certificate import (
    certificate,
    check_reproduced,
    unfinished_layers,
)
from model_metamers.stimuli.stimulus_set import StimulusSet
from model_metamers.store import RunFolder, check_layer_name
from model_metamers.store.certificate import NAME as CERTIFICATE
from model_metamers.store.certificate import check_kept, file_hashes, write_certificate
from model_metamers.synthesis import SynthesisConfig

LOG_EVERY = 25  # evaluations between two states, and two points of the curves
_LEARNING_RATES = {"image": 0.03, "sound": 0.006}  # of Adam, in runs of few steps
_FIXED = (
    "num_null_stimuli", "synthesis", "stimulus_ids", "input_sha256", "stimulus_ranges",
    "sample_rate_hz",
)  # fmt: skip

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class MakeOptions:
    """The arguments of `make`; see `commands.arguments` for what they mean."""

    network: str | None
    keras_model: Path | None
    layers: tuple[str, ...]
    paths: tuple[Path, ...]
    output_dir: Path | None
    iterations: int
    solver: str
    learning_rate: float | None
    seed: int
    num_null_stimuli: int
    batch_size: int
    stimulus_range: tuple[float, float] | None
    sample_rate_hz: int | None

    @classmethod
    def of(cls, chosen: argparse.Namespace) -> "MakeOptions":
        """Return the options that were chosen.

        Raises:
            ValueError: options that do not go together.
        """
        of_own_models = ("stimulus_range", "sample_rate_hz")
        given = [name for name in of_own_models if getattr(chosen, name) is not None]
        if chosen.network and given:
            raise ValueError(
                f"--{given[0]} is for --keras_model; {chosen.network} has its own, leave it out"
            )
        if chosen.learning_rate is not None and chosen.solver != "adam":
            raise ValueError(
                f"--learning_rate is for --solver adam, and the solver is {chosen.solver}, which "
                f"has none; leave it out"
            )
        layers = [name for text in chosen.layer or () for name in text.split(",") if name]
        bounds = chosen.stimulus_range
        return cls(
            layers=tuple(dict.fromkeys(layers)),
            paths=tuple(chosen.input),
            stimulus_range=tuple(bounds) if bounds else None,
            **{
                name: getattr(chosen, name)
                for name in (
                    "network", "keras_model", "output_dir", "iterations", "solver",
                    "learning_rate", "seed", "num_null_stimuli", "batch_size", "sample_rate_hz",
                )
            },
        )  # fmt: skip


def make(options: MakeOptions) -> Path:
    """Make metamers, certify and show them; return the page that shows them.

    The certificate is that of certify.py: what the files of the folder show, and their hashes.

    Raises:
        ValueError: a mistake of the user.
    """
    network = load_network(options)
    layers = checked_layers(network, options.layers)
    warn_of_labels(network)
    inputs.check_stimulus_shape(network)
    files = inputs.find(options.paths, network.sample_rate_hz is not None)
    stimuli = inputs.load(files, network)
    if options.keras_model is not None:
        check_responses(network, layers, stimuli)
    config = synthesis_config(options, network)
    path = options.output_dir or Path("runs") / network.name
    check_folder(path)
    folder = RunFolder(path)
    check_kept(folder)
    write_record(folder, options, network, layers, stimuli, config)
    generator = Generator(network, layers, stimuli, stimuli.take([]))
    unfinished = pipeline.uncertified([generator], folder)
    pipeline.make_metamers(
        unfinished, config, folder, batch_size=options.batch_size, with_curves=True
    )
    if any(pipeline.saved_null(network.name, layer, folder) is None for layer in layers):
        generator = with_null(generator, options.num_null_stimuli)
    pipeline.certify([generator], folder)
    report(folder, generator)
    page = folder.path / FILENAME
    write_gallery([folder], page)
    if open_layers := unfinished_layers(folder):
        _log.info("no certificate.json yet: %s to be made", ", ".join(open_layers))
        return page
    certified = certificate(folder, lambda _: network, file_hashes(folder))
    write_certificate(folder, certified)
    check_reproduced(folder, certified)
    return page


def check_folder(path: Path) -> None:
    """Raise ValueError where files of somebody's own would be overwritten."""
    written = (FILENAME, CERTIFICATE, "matches.csv", "curves.csv", "previews", "metamers")
    taken = [name for name in written if (path / name).exists()]
    if taken and not (path / "run.json").exists():
        raise ValueError(f"{path} has a {taken[0]} of something else; choose another --output_dir")


def load_network(options: MakeOptions) -> Network:
    """Return the network of the catalogue, or the user's own model under its file's name."""
    if options.network is not None:
        return catalog.load_network(options.network)
    assert options.keras_model is not None  # one of the two is required
    path, sample_rate_hz = options.keras_model, options.sample_rate_hz
    bounds = options.stimulus_range
    if bounds is None and sample_rate_hz is None:
        bounds = (0.0, 1.0)
    network = Network.from_keras(
        load_keras_model(path),
        stimulus_range=bounds,
        metamer_layers=options.layers or None,
        sample_rate_hz=sample_rate_hz,
    )
    network.name = re.sub(r"[^A-Za-z0-9_-]", "_", path.stem)
    network.identity = own_identity(network.name)
    network.weights_sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    return network


def checked_layers(network: Network, layers: Sequence[str]) -> tuple[str, ...]:
    """Return the layers to match, in the network's order.

    Raises:
        ValueError: none were chosen, the network has no such metamer layer, or one responds with
            a single number.
    """
    known = ", ".join(network.metamer_layers)
    if not layers:
        raise ValueError(f"give --layer, one or more of those of {network.name}: {known}")
    for layer in layers:
        if layer not in network.metamer_layers:
            raise ValueError(f"{network.name} has no layer {layer!r}; choose from: {known}")
        if _n_features(network, layer) == 1:
            raise ValueError(
                f"{layer} of {network.name} responds with one number, which has no rank to "
                f"correlate; leave it out"
            )
        check_layer_name(layer)
    return tuple(layer for layer in network.metamer_layers if layer in layers)


def warn_of_labels(network: Network) -> None:
    """Say so where a network's answer is no number per class."""
    layer = network.readout().layer
    if _n_features(network, layer) == 1:
        _log.warning("%s has one output, which names no class: labels say nothing", network.name)
    if len(network.tensor(layer).shape) > 2:
        _log.warning(
            "%s answers with a map, not one number per class: its label is the place of the "
            "largest value", network.name,
        )  # fmt: skip


def check_responses(network: Network, layers: Sequence[str], stimuli: StimulusSet) -> None:
    """Raise ValueError where a natural stimulus makes a layer, or the output, NaN or infinite."""
    asked = list(dict.fromkeys((*layers, network.readout().layer)))
    for start in range(0, len(stimuli), COMPARED_TOGETHER):
        part = slice(start, start + COMPARED_TOGETHER)
        responses = network.activations(stimuli.stimuli[part], asked)
        for layer, values in responses.items():
            finite = np.isfinite(values.reshape(len(values), -1)).all(axis=1)
            if not finite.all():
                name = stimuli.ids[start + int(np.argmin(finite))]
                raise ValueError(
                    f"{network.name} responds to {name} with NaN or Inf at {layer}; leave that "
                    f"file out, or mend the model"
                )


def _n_features(network: Network, layer: str) -> int:
    return math.prod(network.tensor(layer).shape[1:])


def synthesis_config(options: MakeOptions, network: Network) -> SynthesisConfig:
    """Return how metamers are optimised; the rate of Adam falls to a sixteenth."""
    usual = _LEARNING_RATES["image" if network.sample_rate_hz is None else "sound"]
    return SynthesisConfig(
        iterations=options.iterations,
        solver=options.solver,
        learning_rate=usual if options.learning_rate is None else options.learning_rate,
        decay_rate=0.5,
        decay_steps=max(options.iterations // 4, 1),
        seed=options.seed,
        log_every=LOG_EVERY,
    )


def write_record(
    folder: RunFolder,
    options: MakeOptions,
    network: Network,
    layers: Sequence[str],
    stimuli: StimulusSet,
    config: SynthesisConfig,
) -> None:
    """Write run.json, or check that the folder's run is this one."""
    folder.write_run_record(
        {
            "command": "make",
            "networks": [network.name],
            "layers": {network.name: list(layers)},
            "input": [str(path) for path in options.paths],
            "input_sha256": dict(zip(stimuli.ids, stimuli.sha256, strict=True)),
            "stimulus_ids": list(stimuli.ids),
            "stimulus_labels": dict(zip(stimuli.ids, stimuli.labels, strict=True)),
            "stimulus_ranges": {network.name: network.stimulus_range},
            "sample_rate_hz": network.sample_rate_hz,
            "num_null_stimuli": options.num_null_stimuli,
            "synthesis": asdict(config),
            "seed": options.seed,
        },
        seed=options.seed,
        fixed_keys=_FIXED,
        **pipeline.made_by([network]),
    )


def with_null(generator: Generator, n_wanted: int) -> Generator:
    """Return a generator with the stimuli of its null distribution, and say which they are."""
    null = inputs.null_stimuli(generator.stimuli, generator.network, n_wanted)
    if len(null.stimuli) < 2:
        _log.warning(
            "metamers are not tested against a null distribution, and none is accepted: %s",
            null.told,
        )
    else:
        _log.info("natural stimuli of the null distribution: %s", null.told)
    return replace(generator, null_stimuli=null.stimuli, null_groups=null.groups)


def report(folder: RunFolder, generator: Generator) -> None:
    """Print how the metamers of each layer match, and how many are accepted."""
    table = folder.read_table("matches")
    table = table[table.network == generator.network.name]
    table = table[table.layer.isin(generator.layers)]
    shown = table[["layer", "stimulus_id", "loss_last", "spearman_layer", "null_max"]]
    shown = shown.assign(result=validation.reasons(table))  # "accepted", or why not
    print(shown.to_string(index=False, float_format="{:.4g}".format))
