"""Every network by name: what it is, how it is built, and where its weights come from.

A new network is one file with a build function and one row in `catalog_images` or
`catalog_sounds`; the tests then cover it by themselves. Looking up rows needs no TensorFlow.
"""

import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from model_metamers.networks import catalog_images, catalog_sounds, locations
from model_metamers.networks.catalog_entry import CatalogEntry
from model_metamers.networks.identity import NetworkIdentity
from model_metamers.networks.keras_settings import usual_settings

if TYPE_CHECKING:
    from model_metamers.networks.network import Network

CATALOG: dict[str, CatalogEntry] = {
    entry.identity.name: entry for entry in (*catalog_images.NETWORKS, *catalog_sounds.NETWORKS)
}


def list_networks() -> list[str]:
    """Return the names that `load_network` accepts."""
    return list(CATALOG)


def catalog_entry(name: str) -> CatalogEntry:
    """Return a network's entry.

    Raises:
        ValueError: unknown name; the valid ones are listed.
    """
    if name not in CATALOG:
        raise ValueError(f"unknown network {name!r}; choose from: {', '.join(CATALOG)}")
    return CATALOG[name]


def known_identities() -> dict[str, NetworkIdentity]:
    """Return name -> identity of all networks, and of those above their cochleagrams.

    Run folders of earlier versions hold names alone.
    """
    whole = {name: entry.identity for name, entry in CATALOG.items()}
    upper = [
        whole[name].upper_part("cochleagram") for name, e in CATALOG.items() if e.sample_rate_hz
    ]
    return whole | {identity.name: identity for identity in upper}


def versions_of(base: str) -> dict[tuple[str | None, int], str]:
    """Return (scale, seed) -> name of the networks that are versions of one."""
    return {
        (entry.identity.scale, entry.identity.seed): name
        for name, entry in CATALOG.items()
        if entry.identity.base == base
    }


def network_name(base: str, scale: str | None, seed: int = 0) -> str:
    """Return the name of a version of a network: "vgg_19", "small", 1 -> "vgg_19_small_seed1".

    Raises:
        ValueError: the catalogue has no such version; those it has are listed.
    """
    versions = versions_of(base)
    if (scale, seed) not in versions:
        raise ValueError(
            f"there is no {base} of scale {scale!r} and seed {seed}; choose from: "
            f"{', '.join(versions.values()) or 'no network of that name'}"
        )
    return versions[scale, seed]


@usual_settings()
def load_network(
    name: str, weights: str | os.PathLike | None = "default", seed: int = 0
) -> "Network":
    """Return a network with its weights.

    Args:
        name: one of `list_networks()`.
        weights: "default" for the shipped or downloaded file (for random_reduced_aliasing, fresh
            random weights), None for fresh random weights, or the path of a checkpoint (TF-Slim's
            or the authors' .ckpt or .tar.gz, TF-Hub handle or folder, frozen graph, PyTorch's
            .pth, our .npz).
            "keras", or a .h5 file, gives vgg_19, inception_v3 and resnet_v2_101 the weights of
            keras.applications, and so no background class (see `keras_weights`).
        seed: of fresh random weights.

    Raises:
        ValueError: unknown name, missing or unfit weights.
    """
    from model_metamers.networks import checkpoints, keras_weights
    from model_metamers.networks.network import Network, initialise

    entry = catalog_entry(name)
    if weights is not None and keras_weights.is_of_keras(weights):
        return _with_keras_weights(name, weights)
    blueprint = entry.blueprint
    model = blueprint.build()
    sha256 = None
    if weights is None or (weights == "default" and entry.always_random):
        initialise(model, seed)
    else:
        source = default_weights(name) if weights == "default" else weights
        _check_there(name, Path(source))
        sha256 = checkpoints.load_weights(model, source, blueprint.slim_scope, blueprint.naming)
    return Network(
        name, model, blueprint.metamer_layers, entry.stimulus_range, entry.readouts,
        entry.sample_rate_hz, sha256, entry.identity,
    )  # fmt: skip


def _with_keras_weights(name: str, weights: str | os.PathLike) -> "Network":
    """Return one of the paper's networks as keras.applications has it, with its 1000 classes."""
    from model_metamers.networks import keras_weights
    from model_metamers.networks.network import Network

    entry = catalog_entry(name)
    model, sha256 = keras_weights.load_keras_weights(name, weights)
    readouts = {task: replace(readout, class_offset=0) for task, readout in entry.readouts.items()}
    return Network(
        name, model, entry.blueprint.metamer_layers, entry.stimulus_range, readouts,
        weights_sha256=sha256, identity=entry.identity,
    )  # fmt: skip


def _check_there(name: str, source: Path) -> None:
    """Raise ValueError for a missing file of the catalogue, and say how to get it."""
    entry = catalog_entry(name)
    if source.exists() or Path(f"{source}.index").exists():
        return
    if entry.package is not None:
        raise ValueError(
            f"there is no file {source}; the published weights of {name} are those of "
            f'weights="default"'
        )
    if entry.download is None and source.name == f"{name}.npz":
        raise ValueError(
            f"there is no file {source}, and it cannot be downloaded; train it, in a checkout of "
            f"the project, with: python {entry.training_script} --networks={name}, or pass "
            f"weights=None for random ones, or the path of a checkpoint"
        )


def entry_of(identity: NetworkIdentity) -> CatalogEntry | None:
    """Return the entry of a recorded network, or of the one that it is part of.

    None for somebody's own, though it be called like one of ours.
    """
    entry = CATALOG.get(identity.part_of or identity.name)
    if entry is None or identity.part_of is not None:
        return entry
    ours = entry.identity
    is_ours = (identity.architecture, identity.label) == (ours.architecture, ours.label)
    return entry if is_ours else None


def default_weights(name: str) -> Path:
    """Return where a network's shipped or downloaded weights are, or where they would go.

    Where they were published but are not there, weights of our own training will do.

    Raises:
        ValueError: they come with a package that is not installed, or altered.
    """
    entry, own = catalog_entry(name), f"{name}.npz"
    if entry.package is not None:
        from model_metamers.networks.packages import packaged_path

        return packaged_path(entry.package)
    if entry.download is None:
        return locations.find(own) or locations.trained() / own
    published = entry.download.member or entry.download.filename
    found = locations.find(published) or locations.find(own)
    return found or locations.downloads() / published
