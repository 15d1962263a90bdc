"""Every network by name: how it is built, what it is matched at, and where its weights come from.

A new network is one file with a build function and one row here; the tests then cover it by
themselves.
"""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import keras

from model_metamers.networks import checkpoints, inception, resnet, vgg
from model_metamers.networks.downloads import Download
from model_metamers.networks.network import Network, Readout, initialise

_MODELS = "download.tensorflow.org/models/"


@dataclass(frozen=True)
class CatalogEntry:
    """One network.

    Attributes:
        build: returns the Keras model, without weights.
        metamer_layers: from the input upwards.
        readouts: task -> its logits.
        slim_scope: outermost variable scope of its checkpoint ("" for our own files).
        download: the published checkpoint; None for the networks we ship as <name>.npz.
        stimulus_range: bounds of a stimulus.
    """

    build: Callable[[], keras.Model]
    metamer_layers: tuple[str, ...]
    readouts: Mapping[str, Readout]
    slim_scope: str = ""
    download: Download | None = None
    stimulus_range: tuple[float, float] | None = (0.0, 1.0)


def _slim_download(archive: str, member: str) -> Download:
    return Download(
        url=f"https://{_MODELS}{archive}",
        mirrors=(f"https://storage.googleapis.com/{_MODELS}{archive}",),
        filename=archive,
        member=member,
    )


# The networks of Table S5. Source: FACTS section 4.
_IMAGENET = {
    "vgg_19": CatalogEntry(
        build=vgg.vgg_19,
        metamer_layers=vgg.METAMER_LAYERS,
        readouts={"imagenet": Readout("fc8")},
        slim_scope=vgg.SLIM_SCOPE,
        download=_slim_download("vgg_19_2016_08_28.tar.gz", "vgg_19.ckpt"),
    ),
    "inception_v3": CatalogEntry(
        build=inception.inception_v3,
        metamer_layers=inception.METAMER_LAYERS,
        readouts={"imagenet": Readout("Logits", class_offset=1)},
        slim_scope=inception.SLIM_SCOPE,
        download=_slim_download("inception_v3_2016_08_28.tar.gz", "inception_v3.ckpt"),
    ),
    "resnet_v2_101": CatalogEntry(
        build=resnet.resnet_v2_101,
        metamer_layers=resnet.METAMER_LAYERS,
        readouts={"imagenet": Readout("logits", class_offset=1)},
        slim_scope=resnet.SLIM_SCOPE,
        download=_slim_download("resnet_v2_101_2017_04_14.tar.gz", "resnet_v2_101.ckpt"),
    ),
}

# The same code for 64 classes of rendered objects at 96 px. Widths keep the first layers as wide
# as the original and narrow the later ones, so that units per pixel value fall through the layers
# as there.
_SMALL_IMAGES = {"size_px": 96, "n_classes": 64, "scale": 4.0, "offset": -2.0}
_SMALL_BUILDS = {
    "vgg_19": partial(
        vgg.vgg_19, **_SMALL_IMAGES, widths=(0.5, 0.5, 0.3125, 0.25, 0.125, 0.0625), dropout=0.2
    ),
    "inception_v3": partial(
        inception.inception_v3, **_SMALL_IMAGES, widths=(1.0, 0.5, 0.25, 0.25)
    ),
    "resnet_v2_101": partial(
        resnet.resnet_v2_101, **_SMALL_IMAGES, widths=(1.0, 0.75, 0.375, 0.125, 0.125)
    ),
}


def _small(name: str) -> CatalogEntry:
    layers = _IMAGENET[name].metamer_layers
    return CatalogEntry(_SMALL_BUILDS[name], layers, {"objects": Readout(layers[-1])})


CATALOG: dict[str, CatalogEntry] = _IMAGENET | {
    f"{name}_small{initialisation}": _small(name)
    for name in _IMAGENET
    for initialisation in ("", "_seed1")
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


def load_network(
    name: str, weights: str | os.PathLike | None = "default", seed: int = 0
) -> Network:
    """Return a network with its weights.

    Args:
        name: one of `list_networks()`.
        weights: "default" for the shipped or downloaded file, None for fresh random weights, or
            the path of a checkpoint (TF-Slim .ckpt or .tar.gz, TF-Hub handle or folder, our .npz).
        seed: of fresh random weights.

    Raises:
        ValueError: unknown name, missing or unfit weights.
    """
    entry = catalog_entry(name)
    model = entry.build()
    sha256 = None
    if weights is None:
        initialise(model, seed)
    else:
        source = default_weights(name) if weights == "default" else weights
        _check_shipped(name, Path(source))
        scope = "" if str(source).endswith(".npz") else entry.slim_scope
        sha256 = checkpoints.load_weights(model, source, scope)
    return Network(
        name, model, entry.metamer_layers, entry.stimulus_range, entry.readouts,
        weights_sha256=sha256,
    )  # fmt: skip


def _check_shipped(name: str, source: Path) -> None:
    """Raise ValueError for a missing file of our own, which training makes, not a download."""
    is_ours = catalog_entry(name).download is None and source.name == f"{name}.npz"
    if is_ours and not source.exists():
        raise ValueError(
            f"there is no file {source}; make it anew with: "
            f"python experiments/train_small.py --networks={name}"
        )


def default_weights(name: str) -> Path:
    """Return where a network's shipped or downloaded weights are kept, present or not."""
    download = catalog_entry(name).download
    return checkpoint_directory() / (download.member if download else f"{name}.npz")


def checkpoint_directory() -> Path:
    """Return $MODEL_METAMERS_CHECKPOINTS, or the project's checkpoints folder."""
    project = Path(__file__).resolve().parents[2]
    return Path(os.environ.get("MODEL_METAMERS_CHECKPOINTS", project / "checkpoints"))
