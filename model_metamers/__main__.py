"""The command line: which networks there are, what their layers are, and their published weights.

model_metamers list
model_metamers layers vgg_19_small
model_metamers layers my_model.keras
model_metamers fetch vgg_19
model_metamers make --network efficientnet_lite0 --layer stage4 --input photo.jpg
"""

import argparse
import errno
import logging
import os
import sys
from collections.abc import Sequence

from model_metamers.commands.arguments import KERAS_FILES, parser
from model_metamers.networks import catalog, locations
from model_metamers.networks.catalog_entry import CatalogEntry
from model_metamers.networks.identity import SMALL
from model_metamers.start_up import start_tensorflow


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command, and return the exit status: 2 after a mistake, told in one line.

    Args:
        arguments: of the command line; by default those of this process.
    """
    chosen = parser().parse_args(arguments)
    try:
        if chosen.command == "list":
            _list()
        elif chosen.command == "layers":
            _layers(chosen.network)
        elif chosen.command == "make":
            _make(chosen)
        else:
            _fetch(chosen.network)
    except KeyboardInterrupt:
        print("interrupted; the same command continues where it stopped", file=sys.stderr)
        return 130
    except MemoryError:
        print("error: the memory is full; give fewer files, or a smaller batch", file=sys.stderr)
        return 2
    except (ValueError, OSError) as mistake:
        print(f"error: {' '.join(_told(mistake).split())}", file=sys.stderr)
        return 2
    return 0


def _told(mistake: ValueError | OSError) -> str:
    """Return what is said of a mistake; of a path, with the remedy."""
    if isinstance(mistake, OSError) and mistake.filename and mistake.strerror:
        remedy = "choose another path"
        if mistake.errno == errno.ENOSPC:
            remedy = "make room; the same command continues where it stopped"
        return f"{str(mistake.filename)[:100]}: {mistake.strerror}; {remedy}"
    return str(mistake)


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
    is_file = name.endswith(KERAS_FILES)
    if not is_file:
        catalog.catalog_entry(name)  # a wrong name is told before TensorFlow starts
    _start_tensorflow()
    if is_file:
        from model_metamers.networks.keras_files import load_keras_model
        from model_metamers.networks.network import Network

        network = Network.from_keras(load_keras_model(name))
    else:
        network = catalog.load_network(name, weights=None)
    print(network.describe().to_string(index=False))


def _make(chosen: argparse.Namespace) -> None:
    if chosen.network is not None:
        catalog.catalog_entry(chosen.network)
    for path in (*chosen.input, *([chosen.keras_model] if chosen.keras_model else ())):
        if not path.exists():
            raise ValueError(f"{path} is not there; give files and folders that are")
    output = chosen.output_dir
    if output is not None and output.exists() and not output.is_dir():
        raise ValueError(f"--output_dir {output} is a file; name a folder")
    _start_tensorflow()
    logging.basicConfig(format="%(message)s")
    logging.getLogger("model_metamers").setLevel(logging.INFO)
    from model_metamers.commands.make import MakeOptions, make

    print(f"open in a browser: {make(MakeOptions.of(chosen))}")


def _start_tensorflow() -> None:
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")  # as the experiments do
    start_tensorflow()


def _fetch(name: str) -> None:
    download = catalog.catalog_entry(name).download
    if download is None:
        raise ValueError(f"there is no download of {name}; see: python -m model_metamers list")
    from model_metamers.networks.downloads import fetch

    print(fetch(download, locations.downloads()))


if __name__ == "__main__":
    sys.exit(main())
