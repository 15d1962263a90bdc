"""The command line: which networks there are, what their layers are, and their published weights.

model_metamers list
model_metamers layers vgg_19_small
model_metamers layers my_model.keras
model_metamers fetch vgg_19
"""

import argparse
import os
import sys
from collections.abc import Sequence

from model_metamers.networks import catalog, locations
from model_metamers.networks.catalog_entry import CatalogEntry
from model_metamers.networks.identity import SMALL

_KERAS_FILES = (".keras", ".h5", ".hdf5")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command, and return the exit status: 2 after a mistake, told in one line.

    Args:
        arguments: of the command line; by default those of this process.
    """
    chosen = _parser().parse_args(arguments)
    try:
        if chosen.command == "list":
            _list()
        elif chosen.command == "layers":
            _layers(chosen.network)
        else:
            _fetch(chosen.network)
    except (ValueError, OSError) as mistake:
        print(f"error: {' '.join(str(mistake).split())}", file=sys.stderr)
        return 2
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="model_metamers", description="Model metamers of visual and auditory networks."
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    commands.add_parser("list", help="the networks, and where their weights come from")
    layers = commands.add_parser("layers", help="the layers that metamers are made for")
    fetch = commands.add_parser("fetch", help="download a network's published weights")
    of_files = f", or a Keras model of your own ({', '.join(_KERAS_FILES)})"
    layers.add_argument("network", metavar="NETWORK", help=f"a name of `list`{of_files}")
    fetch.add_argument("network", metavar="NETWORK", help="a name of `list`")
    return parser


def _list() -> None:
    rows = [
        (name, "images" if entry.sample_rate_hz is None else "sounds", _weights(entry))
        for name, entry in catalog.CATALOG.items()
    ]
    for name, kind, weights in rows:
        print(f"{name:<38}{kind:<8}{weights}")


def _weights(entry: CatalogEntry) -> str:
    if entry.always_random:
        return "random"
    if entry.package is not None:
        return f"installed with {entry.package.distribution}"
    if entry.identity.scale == SMALL:
        return "shipped"
    return "to be downloaded (fetch)" if entry.download else "to be trained"


def _layers(name: str) -> None:
    is_file = name.endswith(_KERAS_FILES)
    if not is_file:
        catalog.catalog_entry(name)  # a wrong name is told before TensorFlow starts
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    if is_file:
        from model_metamers.networks.keras_files import load_keras_model
        from model_metamers.networks.network import Network

        network = Network.from_keras(load_keras_model(name))
    else:
        network = catalog.load_network(name, weights=None)
    print(network.describe().to_string(index=False))


def _fetch(name: str) -> None:
    download = catalog.catalog_entry(name).download
    if download is None:
        raise ValueError(f"there is no download of {name}; see: python -m model_metamers list")
    from model_metamers.networks.downloads import fetch

    print(fetch(download, locations.downloads()))


if __name__ == "__main__":
    sys.exit(main())
