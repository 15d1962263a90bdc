"""Whether networks, and the runs of a folder, are of images or of sounds. Without TensorFlow."""

from collections.abc import Mapping, Sequence
from typing import Any

from model_metamers.networks.catalog import CATALOG, catalog_entry, known_identities

IMAGES, SOUNDS = "images", "sounds"


def modality_of(network: str) -> str:
    """Return what a network of the catalogue takes."""
    return SOUNDS if catalog_entry(network).sample_rate_hz else IMAGES


def check_networks(networks: Sequence[str], modality: str) -> None:
    """Raise ValueError where a network is not in the catalogue, or takes something else."""
    known = [name for name in CATALOG if modality_of(name) == modality]
    for name in networks:
        if name not in known:
            raise ValueError(f"unknown network {name!r}; choose from: {', '.join(known)}")


def check_run(config: Mapping[str, Any], modality: str, told: str) -> None:
    """Raise ValueError where a run was of the other modality.

    Args:
        config: of its run.json.
        modality: what is expected.
        told: the flag and the folder, "--run_dir=runs/fig4_audio".
    """
    identities = known_identities()
    for name in config.get("layers", {}):
        if name in identities:
            network = identities[name].part_of or name
            if modality_of(network) != modality:
                raise ValueError(
                    f"{told} holds a run of {modality_of(network)}, {network}; give a folder of "
                    f"{modality}"
                )


def modality_of_preset(presets: Mapping[str, Any], name: Any) -> str:
    """Return what the networks of a preset take; of a name that is none, those of the first."""
    known = isinstance(name, str) and name in presets
    return modality_of(presets[name if known else next(iter(presets))].networks[0])
