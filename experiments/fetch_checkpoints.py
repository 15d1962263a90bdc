"""Download the published checkpoints, and verify them.

    python experiments/fetch_checkpoints.py                                    # all of them
    python experiments/fetch_checkpoints.py --networks=vgg_19 --verify_against_slim

Needs the internet, and disk for each archive and what it unpacks to (the archive may be deleted
afterwards). The same command resumes a broken transfer. Size and SHA-256 are recorded in
<directory>/downloads.json at the first download and verified from then on; those of the networks
of spoken commands are known, and verified at once. TF-Slim and the authors published none.

The authors' two audio networks are in one archive of 2 GB. With --verify_against_slim a checkpoint
of an image network, or VGGish's, also runs through TF-Slim's own graph, and one line per metamer
layer tells the relative L2 distance to ours: about 1e-6, the rounding of float32.
"""

import sys
from collections.abc import Sequence
from pathlib import Path

from absl import flags

from shared import paths, script

flags.DEFINE_list("networks", None, "Networks to fetch; by default all published ones.")
flags.DEFINE_string(
    "directory", None, "Where to [$MODEL_METAMERS_CHECKPOINTS, or the platform's cache folder]."
)
_VERIFY = flags.DEFINE_bool("verify_against_slim", False, "Compare with TF-Slim's own graph.")

TOLERANCE = 1e-4  # relative L2
N_STIMULI = 2


def main() -> None:
    """Fetch, and where asked verify, one network after the other; exit 1 where one differs."""
    chosen = script.names("networks")
    directory = paths.if_given(paths.output_folder, "directory")
    script.start_tensorflow()

    from model_metamers.networks import locations, slim_reference

    names = _published_networks(chosen)
    directory = directory or locations.downloads()
    all_agree = True
    for name in names:
        path = _fetch(name, directory)
        print(f"{name}: {path}", flush=True)
        if _VERIFY.value and name in slim_reference.list_networks():
            all_agree &= _agrees_with_slim(name, path)
    if not all_agree:
        sys.exit(1)


def _published_networks(chosen: Sequence[str] | None) -> Sequence[str]:
    from model_metamers.networks.catalog import CATALOG

    published = [name for name, entry in CATALOG.items() if entry.download is not None]
    unknown = [name for name in chosen or () if name not in published]
    if unknown:
        raise ValueError(
            f"--networks: there is no download of {', '.join(unknown)}; "
            f"choose from: {', '.join(published)}"
        )
    return published if chosen is None else chosen


def _fetch(name: str, directory: Path) -> Path:
    from model_metamers.networks.catalog import CATALOG
    from model_metamers.networks.downloads import fetch

    download = CATALOG[name].download
    assert download is not None, name  # `_published_networks`
    try:
        return fetch(download, directory)
    except OSError as error:
        raise ValueError(f"cannot write {directory}: {error}") from error


def _agrees_with_slim(name: str, path: Path) -> bool:
    """Print the distance between TF-Slim's graph and ours at every metamer layer."""
    import numpy as np

    from model_metamers.networks import slim_reference
    from model_metamers.networks.catalog import load_network

    network = load_network(name, weights=path)
    stimuli = np.random.default_rng(0).random((N_STIMULI, *network.stimulus_shape), np.float32)
    errors = slim_reference.compare(network, path, stimuli)
    for layer, error in errors.items():
        verdict = "agrees" if error <= TOLERANCE else "DIFFERS"
        print(f"{name} {layer}: relative L2 error {error:.1e}, {verdict}", flush=True)
    return all(error <= TOLERANCE for error in errors.values())


if __name__ == "__main__":
    script.run(main)
