"""Natural sounds, networks and questions of the audio experiments."""

from collections.abc import Sequence

import generators
import numpy as np
import presets
from absl import logging
from figure_run import SMALL, Settings

from model_metamers.networks.network import Network
from model_metamers.paper import load_table
from model_metamers.pipeline import Generator, Task
from model_metamers.stimuli import shipped
from model_metamers.stimuli.labels import SMALL_WORD_LABELS
from model_metamers.stimuli.sounds import load_sound_folder
from model_metamers.stimuli.stimulus_set import StimulusSet
from model_metamers.stimuli.words import load_word_clips


def load_generators(options: Settings) -> list[Generator]:
    """Load the audio networks and their stimuli; see `generators.load_generators`."""
    return generators.load_generators(options, hears=True, stimuli_for=_stimuli_for)


def load_observers(options: Settings) -> list[Network]:
    """Return the networks that know words, and can say what they hear."""
    names = presets.WORD_NETWORKS[options.preset]
    return generators.load_networks(names, hears=True, strategy=options.strategy)


def _stimuli_for(options: Settings, network: Network) -> generators.Stimuli:
    """Return the sounds that get metamers, those of the null, and the latter's groups.

    Pairs of the null are of different words and, among the shipped clips, of different voice
    families: the same word in a similar voice is a near-duplicate. A folder with too few sounds
    for a null is filled up with shipped clips.

    Raises:
        ValueError: the paper preset without a folder, or an unusable folder.
    """
    n_samples = network.stimulus_shape[0]
    ours = shipped.spoken_words(n_samples)
    if options.stimuli_dir:
        natural = _from_folder(options, network, options.num_stimuli)
        null = _from_folder(options, network, options.num_null_stimuli)
        groups = list(zip(null.labels, null.ids, strict=True))
    elif options.preset == SMALL:
        natural = ours.take(range(min(options.num_stimuli, len(ours))))
        null, groups = ours.take([]), []
    else:
        raise ValueError(
            "--preset=paper needs natural speech: give --stimuli_dir, a folder of sounds with "
            ".wrd alignments (TIMIT's format), or with one sub-folder per word"
        )
    if len(natural) < options.num_stimuli:
        logging.info("there are %d sounds; using all", len(natural))
    filled = ours.take(range(min(options.num_null_stimuli - len(null), len(ours))))
    voices = map(shipped.voice_family, filled.ids)
    groups += list(zip(filled.labels, voices, strict=True))
    return natural, StimulusSet.joined([null, filled]), groups


def _from_folder(options: Settings, network: Network, limit: int) -> StimulusSet:
    """Return words cut out of aligned speech, or a folder's sounds as they are."""
    aligned = any(options.stimuli_dir.rglob("*.[wW][rR][dD]"))
    load = load_word_clips if aligned else load_sound_folder
    return load(
        options.stimuli_dir, network.sample_rate_hz, network.stimulus_shape[0], limit=limit
    )


def as_heard_by(waveforms: np.ndarray, observer: Network) -> np.ndarray:
    """Return waveforms in the observer's length: their middle, or with silence around them."""
    missing = observer.stimulus_shape[0] - waveforms.shape[1]
    if missing > 0:
        return np.pad(waveforms, ((0, 0), (missing // 2, missing - missing // 2)))
    return waveforms[:, -missing // 2 :][:, : observer.stimulus_shape[0]]


def _answer(network: Network, logits: np.ndarray) -> np.ndarray:
    return logits.argmax(axis=1)


def _truth(network: Network, labels: Sequence[str]) -> np.ndarray:
    """Return word classes; -1 for a network that does not know words, and for unknown words."""
    if "word" not in network.readouts:
        return np.full(len(labels), -1)
    n_classes = network.tensor(network.readout("word").layer).shape[-1]
    if n_classes == len(SMALL_WORD_LABELS):
        names = SMALL_WORD_LABELS
    else:
        names = list(load_table("word_labels").word)
    index_of = {name: index for index, name in enumerate(names)}
    return np.array([index_of.get(label, -1) for label in labels])


TASKS = (Task("word", _answer, _truth),)
