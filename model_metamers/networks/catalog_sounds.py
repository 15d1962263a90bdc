"""The catalogue's networks of sounds. Source: paper, sections 3.1 and 3.2, Tables S2 to S4."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from model_metamers.frontends.erb import CochleagramConfig
from model_metamers.networks.catalog_entry import Blueprint, CatalogEntry, Download, Readout
from model_metamers.networks.identity import FULL, SMALL, NetworkIdentity

_TRAIN_SMALL = "experiments/train_small.py"
_TRAIN_WORD_CNN = "experiments/train_word_cnn.py"


def _word_cnn(architecture: str, heads: Mapping[str, int], **arguments: Any) -> Blueprint:
    from model_metamers.networks import word_cnn, word_cnn_checkpoint

    build, layers = {
        "aliased": (word_cnn.word_aliased, word_cnn.ALIASED_LAYERS),
        "reduced_aliasing": (word_cnn.word_reduced_aliasing, word_cnn.REDUCED_ALIASING_LAYERS),
    }[architecture]
    return Blueprint(
        partial(build, heads, **arguments),
        layers,
        word_cnn_checkpoint.SCOPE,
        word_cnn_checkpoint.variables_by_name,
    )


def _full_size_word_cnn(architecture: str, tasks: Sequence[str]) -> Blueprint:
    from model_metamers.networks import word_cnn

    heads = word_cnn.WORD_HEAD | word_cnn.AUDIOSET_HEAD
    return _word_cnn(architecture, {task: heads[task] for task in tasks})


def _entry(
    identity: NetworkIdentity, load: Callable[[], Blueprint], tasks: Sequence[str], **row: Any
) -> CatalogEntry:
    """Return a network's row. The null class of every task is its class 0: there is no offset."""
    logits = [f"logits_{task}" if k else "logits" for k, task in enumerate(tasks)]
    return CatalogEntry(
        identity,
        load,
        readouts={task: Readout(layer) for task, layer in zip(tasks, logits, strict=True)},
        stimulus_range=None,
        sample_rate_hz=CochleagramConfig().sample_rate_hz,
        **row,
    )


# The networks of Table S4. Figures say of a network where it has not reduced aliasing.
def _identity(
    name: str, label: str, place: int, short_label: str, architecture: str = "reduced_aliasing"
) -> NetworkIdentity:
    return NetworkIdentity(name, name, architecture, label, FULL, 0, place, short_label)


_WORDS_ALIASED = _identity("word_aliased", "Words, aliased", 0, "words,\naliased", "aliased")
_WORDS = _identity("word_reduced_aliasing", "Words", 1, "words")
_BACKGROUNDS = _identity("audioset_reduced_aliasing", "Backgrounds", 2, "back-\ngrounds")
_RANDOM = _identity("random_reduced_aliasing", "Random", 3, "random")
_BOTH = _identity("word_audioset_reduced_aliasing", "Words + backgrounds", 4, "words +\nbackgr.")


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


def _full_size(identity: NetworkIdentity, *tasks: str, **row: Any) -> CatalogEntry:
    load = partial(_full_size_word_cnn, identity.architecture, tasks)
    return _entry(identity, load, tasks, **{"training_script": _TRAIN_WORD_CNN} | row)


_UNTRAINED: dict[str, Any] = {"always_random": True, "training_script": None}
_FULL_SIZE = (
    _full_size(_WORDS_ALIASED, "word", download=_released("word_aliased.ckpt")),
    _full_size(_WORDS, "word", download=_released("word_reduced_aliasing.ckpt")),
    _full_size(_WORDS.version(FULL, seed=1), "word"),
    _full_size(_RANDOM, "word", **_UNTRAINED),
    _full_size(_BACKGROUNDS, "audioset"),
    _full_size(_BOTH, "word", "audioset"),
)

# The same code for twenty words and ten backgrounds, on half as many bands and 1-s clips. Widths
# fall less with depth than the cochleagram shrinks, so that units per sample fall as there.
_SMALL_CLASSES = {"word": 21, "background": 11}
_SMALL_SOUNDS = {
    "cochleagram": CochleagramConfig(n_samples=20_000, sample_factor=2),
    "widths": (0.125, 0.25, 0.375, 0.25, 0.375, 0.125),
    "dropout": 0.2,
}


def _small(identity: NetworkIdentity, *tasks: str, seed: int = 0, **row: Any) -> CatalogEntry:
    heads = {task: _SMALL_CLASSES[task] for task in tasks}
    load = partial(_word_cnn, identity.architecture, heads, **_SMALL_SOUNDS)
    row = {"training_script": _TRAIN_SMALL} | row
    return _entry(identity.version(SMALL, seed), load, tasks, **row)


_SMALL = (
    _small(_WORDS_ALIASED, "word"),
    _small(_WORDS, "word"),
    _small(_WORDS, "word", seed=1),
    _small(_RANDOM, "word", **_UNTRAINED),
    _small(_BACKGROUNDS, "background"),
    _small(_BOTH, "word", "background"),
)


def _vggish() -> Blueprint:
    from model_metamers.networks import vggish

    rates = {"embedding": 1e-2}
    return Blueprint(vggish.vggish, vggish.METAMER_LAYERS, vggish.SLIM_SCOPE, learning_rates=rates)


def _deepspeech() -> Blueprint:
    from model_metamers.networks import checkpoints, deepspeech

    return Blueprint(
        deepspeech.deepspeech,
        deepspeech.METAMER_LAYERS,
        naming=checkpoints.renamed(deepspeech.CHECKPOINT_NAMES),
        learning_rates=dict.fromkeys(deepspeech.METAMER_LAYERS, 1e-4),
    )


# Networks of sounds that others trained. Neither answers with a class: the readouts are the
# embedding and the characters' logits of all frames, so that "the label" is the strongest unit of
# the embedding, or the most certain character and its frame. Learning rates: the paper's.
_PUBLISHED = (
    CatalogEntry(
        NetworkIdentity("vggish", "vggish", "vggish", "VGGish", FULL, place=6),
        _vggish,
        readouts={"embedding": Readout("embedding")},
        download=Download(
            url="https://storage.googleapis.com/audioset/vggish_model.ckpt",
            filename="vggish_model.ckpt",
        ),
        stimulus_range=None,
        sample_rate_hz=16_000,
    ),
    CatalogEntry(
        NetworkIdentity("deepspeech", "deepspeech", "deepspeech", "DeepSpeech", FULL, place=5),
        _deepspeech,
        readouts={"characters": Readout("logits")},
        download=Download(
            url="https://github.com/mozilla/DeepSpeech/releases/download/v0.4.1/"
            "deepspeech-0.4.1-checkpoint.tar.gz",
            filename="deepspeech-0.4.1-checkpoint.tar.gz",
            member="model.v0.4.1",
        ),
        stimulus_range=None,
        sample_rate_hz=16_000,
    ),
)


def _ds_cnn_l() -> Blueprint:
    from model_metamers.networks import keyword_cnn

    return Blueprint(keyword_cnn.ds_cnn_l, keyword_cnn.DS_CNN_LAYERS, keyword_cnn.DS_CNN_SCOPE)


def _cnn_l() -> Blueprint:
    from model_metamers.networks import checkpoints, keyword_cnn

    naming = checkpoints.renamed(keyword_cnn.CNN_NAMES)
    return Blueprint(keyword_cnn.cnn_l, keyword_cnn.CNN_LAYERS, naming=naming)


# Source: Pretrained_models/labels.txt of the repository below.
COMMANDS = (
    "_silence_", "_unknown_",
    "yes", "no", "up", "down", "left", "right", "on", "off", "stop", "go",
)  # fmt: skip


def _of_commands(
    identity: NetworkIdentity,
    load: Callable[[], Blueprint],
    path: str,
    size_bytes: int,
    sha256: str,
) -> CatalogEntry:
    """Return a network of spoken commands that others trained, from a repository's frozen graph.

    Source of size and sha256: the file at commit 8151349b.
    """
    repository = "https://github.com/ARM-software/ML-KWS-for-MCU"
    return CatalogEntry(
        identity,
        load,
        readouts={"word": Readout("logits", labels=COMMANDS)},
        download=Download(
            url=f"{repository}/raw/master/Pretrained_models/{path}",
            filename=path.rpartition("/")[2],
            size_bytes=size_bytes,
            sha256=sha256,
        ),
        stimulus_range=None,
        sample_rate_hz=16_000,
    )


_COMMANDS = (
    _of_commands(
        NetworkIdentity("ds_cnn_l", "ds_cnn_l", "ds_cnn", "DS-CNN-L", FULL, place=2), _ds_cnn_l,
        "DS_CNN/DS_CNN_L.pb", 1_707_045,
        "5ce74910d01499fba051a6acffd6502364584b6e1e14c165acd03d8e6f7a3523",
    ),
    _of_commands(
        NetworkIdentity("cnn_l", "cnn_l", "keyword_cnn", "CNN-L", FULL, place=3), _cnn_l,
        "CNN/CNN_L.pb", 1_915_081,
        "f4ffe726e8ed8a8e6e35ae4985f68f803676603108110a1419ea8e4643591386",
    ),
)  # fmt: skip

NETWORKS = (*_FULL_SIZE, *_SMALL, *_PUBLISHED, *_COMMANDS)
