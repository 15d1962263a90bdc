"""Which networks get metamers for which layers, of which natural stimuli."""

from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path

from absl import logging

from model_metamers import devices
from model_metamers.networks.catalog import catalog_entry, load_network
from model_metamers.networks.network import Network
from model_metamers.pipeline import Generator
from model_metamers.stimuli.labels import check_scorable as check_labels
from model_metamers.stimuli.stimulus_set import StimulusSet
from shared.modality import IMAGES, SOUNDS, check_networks
from shared.options import PAPER, Options

SHOWN = 5  # unknown classes that are named
Stimuli = tuple[StimulusSet, StimulusSet, Sequence | None]


def load_networks(names: Sequence[str], hears: bool, strategy: str) -> list[Network]:
    """Load the networks of one modality.

    Args:
        names: of the catalogue.
        hears: networks of sounds, or else of images.
        strategy: name of the device strategy.

    Raises:
        ValueError: unknown name, or missing weights.
    """
    check_networks(names, SOUNDS if hears else IMAGES)
    with devices.make_strategy(strategy).scope():
        return [load_network(name) for name in names]


def load(
    options: Options,
    hears: bool,
    stimuli_for: Callable[[Options, Network], Stimuli],
    loaded: Sequence[Network] = (),
) -> list[Generator]:
    """Load the networks and their stimuli.

    Args:
        options: the flags.
        hears: networks of sounds, or else of images.
        stimuli_for: (flags, network) -> natural stimuli, those of the null and their groups; asked
            once for each shape of stimuli.
        loaded: networks that need not be loaded again.

    Raises:
        ValueError: unknown network or layer, missing weights, or unusable stimuli.
    """
    known = {network.name: network for network in loaded}
    missing = [name for name in options.networks if name not in known]
    known |= {n.name: n for n in load_networks(missing, hears, options.strategy)}
    networks = [known[name] for name in options.networks]
    chosen = {network.name: options.layers for network in networks}
    chosen = chosen if options.repeats is None else dict(options.repeats.layers)
    layers = {network.name: _layers(network, chosen[network.name]) for network in networks}
    named = [layer for names in chosen.values() for layer in names]
    check_layers(named, networks)
    iterations = _iterations(options, networks)
    by_shape = {}
    for network in networks:
        if network.stimulus_shape not in by_shape:
            by_shape[network.stimulus_shape] = stimuli_for(options, network)
    return [
        Generator(
            network,
            layers[network.name],
            *by_shape[network.stimulus_shape],
            learning_rates=_learning_rates(options, network),
            iterations=iterations[network.name],
        )
        for network in networks
        if layers[network.name]
    ]


def check_layers(chosen: Sequence[str], networks: Sequence[Network]) -> None:
    """Raise ValueError where no network has a layer."""
    known = list(dict.fromkeys(layer for n in networks for layer in n.metamer_layers))
    for layer in chosen:
        if layer not in known:
            raise ValueError(f"unknown layer {layer!r}; the networks have: {', '.join(known)}")


def _iterations(options: Options, networks: Sequence[Network]) -> dict[str, dict[str, int]]:
    """Return network -> layer -> evaluations, where they are not those of the other layers.

    Raises:
        ValueError: no network has a layer that is named, or not the network that is named with it.
    """
    numbers: dict[str, dict[str, int]] = {network.name: {} for network in networks}
    if not options.layer_iterations:
        return numbers
    # A run that is recorded may have networks that are not asked for now.
    is_new = not (options.run_dir / "run.json").exists()
    # What is said of one network's layer counts before what is said of that layer of all.
    for named in sorted(options.layer_iterations, key=lambda named: "/" in named):
        of, _, layer = named.rpartition("/")
        owners = [network for network in networks if of in ("", network.name)]
        if is_new and not owners:
            raise ValueError(
                f"--layer_iterations has the network {of!r}; those of this run are: "
                f"{', '.join(numbers)}"
            )
        if is_new:
            check_layers([layer], owners)
        for owner in owners:
            numbers[owner.name][layer] = options.layer_iterations[named]
    return numbers


def check_scorable(
    labels: Sequence[str], known: Collection[str], folder: Path, shown: Sequence[str]
) -> None:
    """Say which classes of a folder are not known, and so not scored; see `labels.check_scorable`.

    Raises:
        ValueError: none of them is known.
    """
    unknown = check_labels(labels, known, folder, shown)
    if unknown:
        n_unscored = sum(label in unknown for label in labels)
        more = f" and {len(unknown) - SHOWN} more" if len(unknown) > SHOWN else ""
        logging.info(
            "%d of %d stimuli are not scored, as their classes are not known: %s%s",
            n_unscored, len(labels),
            ", ".join(label or "(in no sub-folder)" for label in unknown[:SHOWN]), more,
        )  # fmt: skip


def _layers(network: Network, chosen: Sequence[str]) -> tuple[str, ...]:
    return tuple(layer for layer in network.metamer_layers if not chosen or layer in chosen)


def _learning_rates(options: Options, network: Network) -> Mapping[str, float]:
    """Return the paper's rates, which are for the paper's solver and its many steps."""
    is_papers = options.preset == PAPER and options.synthesis.get("solver", "adam") == "adam"
    return catalog_entry(network.name).learning_rates if is_papers else {}
