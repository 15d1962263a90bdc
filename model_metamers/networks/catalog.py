"""Every network by name: how it is built, what it is matched at, and where its weights come from.

A new network is one file with a build function and one row here; the tests then cover it by
themselves.
"""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import keras

from model_metamers.frontends.erb import CochleagramConfig
from model_metamers.frontends.log_mel import LogMelConfig
from model_metamers.frontends.mfcc import MfccConfig, TensorflowMfccConfig
from model_metamers.networks import (
    checkpoints,
    deepspeech,
    efficientnet_lite,
    inception,
    keras_weights,
    keyword_cnn,
    resnet,
    vgg,
    vggish,
    word_cnn,
    word_cnn_checkpoint,
)
from model_metamers.networks.downloads import Download
from model_metamers.networks.network import Network, Readout, initialise
from model_metamers.networks.packages import PackagedFile, packaged_path

_MODELS = "download.tensorflow.org/models/"
_TRAIN_SMALL = "experiments/train_small.py"
_TRAIN_IMAGENET = "experiments/train_imagenet.py"
_TRAIN_WORD_CNN = "experiments/train_word_cnn.py"


@dataclass(frozen=True)
class CatalogEntry:
    """One network.

    Attributes:
        build: returns the Keras model, without weights.
        metamer_layers: from the input upwards.
        readouts: task -> its logits.
        slim_scope: outermost variable scope of its checkpoint ("" for our own files).
        naming: the names in its checkpoint; None for TF-Slim's.
        download: the published checkpoint; None where none was published, so that the weights
            are our own, <name>.npz.
        package: the package that brings the weights; None where none does.
        training_script: makes <name>.npz anew; None where no script does.
        always_random: the network is never trained, so its weights come from the seed.
        stimulus_range: bounds of a stimulus; None for sounds, which have none.
        sample_rate_hz: of a sound; None for images.
        learning_rates: layer -> Adam's rate in the paper, where that is not `SynthesisConfig`'s.
    """

    build: Callable[[], keras.Model]
    metamer_layers: tuple[str, ...]
    readouts: Mapping[str, Readout]
    slim_scope: str = ""
    naming: checkpoints.Naming | None = None
    download: Download | None = None
    package: PackagedFile | None = None
    training_script: str | None = None
    always_random: bool = False
    stimulus_range: tuple[float, float] | None = (0.0, 1.0)
    sample_rate_hz: int | None = None
    learning_rates: Mapping[str, float] = field(default_factory=dict)


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

# Trained anew from another initialisation, for Figure 5. Source: Table S1.
_RETRAINED = {
    f"{name}_seed1": replace(entry, slim_scope="", download=None, training_script=_TRAIN_IMAGENET)
    for name, entry in _IMAGENET.items()
}

# Real ImageNet networks whose weights are installed with this package.
_PACKAGED = {
    name: CatalogEntry(
        build=partial(efficientnet_lite.efficientnet_lite, name),
        metamer_layers=efficientnet_lite.METAMER_LAYERS,
        readouts={"imagenet": Readout("logits")},
        naming=efficientnet_lite.torch_names,
        package=package,
    )
    for name, package in efficientnet_lite.PACKAGED_WEIGHTS.items()
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
    return CatalogEntry(
        build=_SMALL_BUILDS[name],
        metamer_layers=layers,
        readouts={"objects": Readout(layers[-1])},
        training_script=_TRAIN_SMALL,
    )


_SMALL = {
    f"{name}_small{initialisation}": _small(name)
    for name in _IMAGENET
    for initialisation in ("", "_seed1")
}

# The networks of Table S4. A task's null class has index 0, as in its table of labels, so that no
# class has an offset. Source: Tables S2, S3; FACTS section 2.
_SOUND = {
    "slim_scope": word_cnn_checkpoint.SCOPE,
    "naming": word_cnn_checkpoint.variables_by_name,
    "stimulus_range": None,
    "sample_rate_hz": CochleagramConfig().sample_rate_hz,
}


def _audio(
    build: Callable,
    layers: tuple[str, ...],
    heads: Mapping[str, int],
    always_random: bool = False,
    **small: object,
) -> CatalogEntry:
    logits = [f"logits_{task}" if k else "logits" for k, task in enumerate(heads)]
    training_script = _TRAIN_SMALL if small else _TRAIN_WORD_CNN
    return CatalogEntry(
        build=partial(build, heads, **small),
        metamer_layers=layers,
        readouts={task: Readout(layer) for task, layer in zip(heads, logits, strict=True)},
        always_random=always_random,
        training_script=None if always_random else training_script,
        **_SOUND,
    )


def _released(checkpoint: str) -> Download:
    """Return a checkpoint in the authors' archive, where its null distributions are as well.

    Source: README.md and build_word_network_*.py of github.com/jenellefeather/model_metamers.
    """
    archive = "metamers_audio_models_network_files.tar.gz"
    return Download(
        url=f"http://mcdermottlab.mit.edu/jfeather/model_metamers/assets/{archive}",
        filename=archive,
        member=checkpoint,
    )


_aliased = partial(_audio, word_cnn.word_aliased, word_cnn.ALIASED_LAYERS)
_reduced_aliasing = partial(
    _audio, word_cnn.word_reduced_aliasing, word_cnn.REDUCED_ALIASING_LAYERS
)


_AUDIO = {
    "word_aliased": replace(_aliased(word_cnn.WORD_HEAD), download=_released("word_aliased.ckpt")),
    "word_reduced_aliasing": replace(
        _reduced_aliasing(word_cnn.WORD_HEAD), download=_released("word_reduced_aliasing.ckpt")
    ),
    "word_reduced_aliasing_seed1": _reduced_aliasing(word_cnn.WORD_HEAD),
    "random_reduced_aliasing": _reduced_aliasing(word_cnn.WORD_HEAD, always_random=True),
    "audioset_reduced_aliasing": _reduced_aliasing(word_cnn.AUDIOSET_HEAD),
    "word_audioset_reduced_aliasing": _reduced_aliasing(
        word_cnn.WORD_HEAD | word_cnn.AUDIOSET_HEAD
    ),
}

# The same code for twenty words and ten backgrounds, on half as many bands and 1-s clips. Widths
# fall less with depth than the cochleagram shrinks, for the reason given above.
_SMALL_SOUNDS = {
    "cochleagram": CochleagramConfig(n_samples=20_000, sample_factor=2),
    "widths": (0.125, 0.25, 0.375, 0.25, 0.375, 0.125),
    "dropout": 0.2,
}
_SMALL_WORD_HEAD = {"word": 21}
_SMALL_BACKGROUND_HEAD = {"background": 11}
_SMALL_WORD = _reduced_aliasing(_SMALL_WORD_HEAD, **_SMALL_SOUNDS)
_SMALL_AUDIO = {
    "word_aliased_small": _aliased(_SMALL_WORD_HEAD, **_SMALL_SOUNDS),
    "word_reduced_aliasing_small": _SMALL_WORD,
    "word_reduced_aliasing_small_seed1": _SMALL_WORD,
    "random_reduced_aliasing_small": _reduced_aliasing(
        _SMALL_WORD_HEAD, always_random=True, **_SMALL_SOUNDS
    ),
    "audioset_reduced_aliasing_small": _reduced_aliasing(_SMALL_BACKGROUND_HEAD, **_SMALL_SOUNDS),
    "word_audioset_reduced_aliasing_small": _reduced_aliasing(
        _SMALL_WORD_HEAD | _SMALL_BACKGROUND_HEAD, **_SMALL_SOUNDS
    ),
}

# Networks of sounds that others trained. Neither answers with a class: the readouts are the
# embedding and the characters' logits of all frames, so that "the label" is the strongest unit of
# the embedding, or the most certain character and its frame. Source: FACTS sections 3 and 6.
_PUBLISHED_AUDIO = {
    "vggish": CatalogEntry(
        build=vggish.vggish,
        metamer_layers=vggish.METAMER_LAYERS,
        readouts={"embedding": Readout("embedding")},
        slim_scope=vggish.SLIM_SCOPE,
        download=Download(
            url="https://storage.googleapis.com/audioset/vggish_model.ckpt",
            filename="vggish_model.ckpt",
        ),
        stimulus_range=None,
        sample_rate_hz=LogMelConfig().sample_rate_hz,
        learning_rates={"embedding": 1e-2},
    ),
    "deepspeech": CatalogEntry(
        build=deepspeech.deepspeech,
        metamer_layers=deepspeech.METAMER_LAYERS,
        readouts={"characters": Readout("logits")},
        download=Download(
            url="https://github.com/mozilla/DeepSpeech/releases/download/v0.4.1/"
            "deepspeech-0.4.1-checkpoint.tar.gz",
            filename="deepspeech-0.4.1-checkpoint.tar.gz",
            member="model.v0.4.1",
        ),
        stimulus_range=None,
        sample_rate_hz=MfccConfig().sample_rate_hz,
        naming=checkpoints.renamed(deepspeech.CHECKPOINT_NAMES),
        learning_rates=dict.fromkeys(deepspeech.METAMER_LAYERS, 1e-4),
    ),
}


def _commands(
    build: Callable,
    layers: tuple[str, ...],
    path: str,
    size_bytes: int,
    sha256: str,
    slim_scope: str = "",
    naming: checkpoints.Naming | None = None,
) -> CatalogEntry:
    """Return a network of spoken commands that others trained, from a repository's frozen graph.

    Source of size and sha256: the file at commit 8151349b.
    """
    repository = "https://github.com/ARM-software/ML-KWS-for-MCU"
    return CatalogEntry(
        build=build,
        metamer_layers=layers,
        readouts={"word": Readout("logits", labels=keyword_cnn.LABELS)},
        download=Download(
            url=f"{repository}/raw/master/Pretrained_models/{path}",
            filename=path.rpartition("/")[2],
            size_bytes=size_bytes,
            sha256=sha256,
        ),
        stimulus_range=None,
        sample_rate_hz=TensorflowMfccConfig().sample_rate_hz,
        slim_scope=slim_scope,
        naming=naming,
    )


_COMMANDS = {
    "ds_cnn_l": _commands(
        keyword_cnn.ds_cnn_l, keyword_cnn.DS_CNN_LAYERS, "DS_CNN/DS_CNN_L.pb", 1_707_045,
        "5ce74910d01499fba051a6acffd6502364584b6e1e14c165acd03d8e6f7a3523",
        slim_scope=keyword_cnn.DS_CNN_SCOPE,
    ),
    "cnn_l": _commands(
        keyword_cnn.cnn_l, keyword_cnn.CNN_LAYERS, "CNN/CNN_L.pb", 1_915_081,
        "f4ffe726e8ed8a8e6e35ae4985f68f803676603108110a1419ea8e4643591386",
        naming=checkpoints.renamed(keyword_cnn.CNN_NAMES),
    ),
}  # fmt: skip

CATALOG: dict[str, CatalogEntry] = (
    _IMAGENET
    | _RETRAINED
    | _PACKAGED
    | _SMALL
    | _AUDIO
    | _SMALL_AUDIO
    | _PUBLISHED_AUDIO
    | _COMMANDS
)


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
    entry = catalog_entry(name)
    if keras_weights.is_of_keras(weights):
        return _with_keras_weights(name, weights)
    model = entry.build()
    sha256 = None
    if weights is None or (weights == "default" and entry.always_random):
        initialise(model, seed)
    else:
        source = default_weights(name) if weights == "default" else weights
        _check_shipped(name, Path(source))
        sha256 = checkpoints.load_weights(model, source, entry.slim_scope, entry.naming)
    return Network(
        name, model, entry.metamer_layers, entry.stimulus_range, entry.readouts,
        entry.sample_rate_hz, sha256,
    )  # fmt: skip


def _with_keras_weights(name: str, weights: str | os.PathLike) -> Network:
    """Return one of the paper's networks as keras.applications has it, with its 1000 classes."""
    entry = catalog_entry(name)
    model, sha256 = keras_weights.load_keras_weights(name, weights)
    readouts = {task: replace(readout, class_offset=0) for task, readout in entry.readouts.items()}
    return Network(
        name, model, entry.metamer_layers, entry.stimulus_range, readouts, weights_sha256=sha256
    )


def _check_shipped(name: str, source: Path) -> None:
    """Raise ValueError for a missing file that is no download."""
    entry = catalog_entry(name)
    if entry.package is not None and not source.exists():
        raise ValueError(
            f"there is no file {source}; the published weights of {name} are those of "
            f'weights="default"'
        )
    is_ours = entry.download is None and source.name == f"{name}.npz"
    if is_ours and not source.exists():
        raise ValueError(
            f"there is no file {source}, and it cannot be downloaded; train it with: "
            f"python {entry.training_script} --networks={name}, or pass weights=None for random "
            f"ones, or the path of a checkpoint"
        )


def default_weights(name: str) -> Path:
    """Return where a network's shipped or downloaded weights are kept, present or not.

    Where they were published but are not there, weights of our own training will do.

    Raises:
        ValueError: they come with a package that is not installed, or altered.
    """
    package = catalog_entry(name).package
    if package is not None:
        return packaged_path(package)
    download = catalog_entry(name).download
    own = checkpoint_directory() / f"{name}.npz"
    if download is None:
        return own
    published = checkpoint_directory() / (download.member or download.filename)
    is_there = any(published.parent.glob(f"{published.name}*"))
    return own if own.exists() and not is_there else published


def checkpoint_directory() -> Path:
    """Return $MODEL_METAMERS_CHECKPOINTS, or the project's checkpoints folder."""
    project = Path(__file__).resolve().parents[2]
    return Path(os.environ.get("MODEL_METAMERS_CHECKPOINTS", project / "checkpoints"))
