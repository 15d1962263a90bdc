"""Natural sounds, networks and questions of the audio experiments."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import scipy.signal
from absl import logging

from model_metamers.networks.catalog import catalog_entry
from model_metamers.networks.identity import FULL
from model_metamers.networks.identity import SMALL as SMALL_SCALE
from model_metamers.networks.network import Network
from model_metamers.paper import load_table
from model_metamers.pipeline import Generator, Task, check_observers
from model_metamers.stimuli import shipped
from model_metamers.stimuli.alignments import alignment_files
from model_metamers.stimuli.labels import NULL_CLASS, SMALL_WORD_LABELS
from model_metamers.stimuli.noise import pink_noise
from model_metamers.stimuli.on_demand import StimuliOnDemand
from model_metamers.stimuli.sounds import load_sound_folder
from model_metamers.stimuli.speakers import speaker_of
from model_metamers.stimuli.stimulus_set import StimulusSet, first_distinct
from model_metamers.stimuli.words import load_word_clips
from shared import generators, presets
from shared.options import COMMANDS, PAPER, SMALL, NullOptions, Options

# Beyond the cochleagram of a full-scale square wave, whose envelopes reach 1.
COCHLEAGRAM_RANGE = (0.0, 8.0)

# The classes of the networks that we know, those of no word among them.
WORD_LABELS = {
    SMALL: SMALL_WORD_LABELS,
    COMMANDS: catalog_entry(presets.AUDIO[COMMANDS].networks[0]).readouts["word"].labels,
    PAPER: tuple(load_table("word_labels").word),
}
NO_WORDS = {WORD_LABELS[PAPER][0], NULL_CLASS, "_silence_", "_unknown_"}
# Of networks whose readout does not name them, which are ours.
_LABELS_AT_SCALE = {SMALL_SCALE: WORD_LABELS[SMALL], FULL: WORD_LABELS[PAPER]}


def load(options: Options) -> list[Generator]:
    """Load the audio networks and their stimuli; see `generators.load`."""
    return generators.load(options, hears=True, stimuli_for=_stimuli_for)


def load_observers(options: Options, names: Sequence[str] | None = None) -> list[Network]:
    """Return networks that know words, and can say what they hear.

    Args:
        options: the flags.
        names: of the networks; by default all that know words.

    Raises:
        ValueError: see `generators.load_networks`, and a network that knows no words.
    """
    names = presets.WORD_NETWORKS[options.preset] if names is None else names
    observers = generators.load_networks(names, hears=True, strategy=options.strategy)
    check_observers(observers, TASKS)
    for observer in observers:
        _words_of(observer)
    return observers


def _stimuli_for(options: Options, network: Network) -> generators.Stimuli:
    """Return the sounds that get metamers, those of the null, and the latter's groups."""
    natural = natural_sounds(options, network)
    if len(natural) < options.num_stimuli:
        logging.info("there are %d sounds; using all", len(natural))
    return natural, *null_sounds(options, network)


def check_classes(makers: Sequence[Generator], options: Options) -> None:
    """Say which of the user's classes are no words that the networks know.

    Raises:
        ValueError: none of them is one.
    """
    if options.stimuli_dir is not None:
        labels, known = makers[0].stimuli.labels, _known_words(options)
        generators.check_scorable(labels, known, options.stimuli_dir, known[:20])


def natural_sounds(options: Options, network: Network) -> StimulusSet:
    """Return the sounds that get metamers: of the folder, or the shipped clips.

    Raises:
        ValueError: an unusable folder.
    """
    if options.stimuli_dir:
        return _from_folder(options.stimuli_dir, options, network, options.num_stimuli)
    clips = _shipped(network)
    return clips.take(range(min(options.num_stimuli, len(clips))))


def null_sounds(
    options: NullOptions, network: Network
) -> tuple[StimulusSet, list[tuple[str, str]]]:
    """Return the sounds whose pairs make the null distribution, and their groups.

    Pairs are of different words, and of different speakers in recordings whose names tell them, or
    different voice families among the shipped clips: the same word in a similar voice is a
    near-duplicate. A folder with too few sounds is filled up with shipped clips.
    """
    parts: list[StimulusSet] = []
    groups: list[tuple[str, str]] = []
    if options.stimuli_dir:
        n_wanted = options.num_null_stimuli
        parts.append(_from_folder(options.stimuli_dir, options, network, n_wanted))
        # A sound in no sub-folder is of no word that another one could be of.
        words = [label or name for label, name in zip(parts[0].labels, parts[0].ids, strict=True)]
        groups += zip(words, map(speaker_of, parts[0].ids), strict=True)
    clips = _shipped(network)
    n_missing = options.num_null_stimuli - len(groups)
    parts.append(clips.take(range(min(n_missing, len(clips)))))
    groups += zip(parts[-1].labels, map(shipped.voice_family, parts[-1].ids), strict=True)
    return StimulusSet.joined(parts), groups


def _shipped(network: Network) -> StimulusSet:
    return shipped.spoken_words(network.stimulus_shape[0], _rate_hz(network))


def _from_folder(folder: Path, options: NullOptions, network: Network, limit: int) -> StimulusSet:
    """Return words the networks know, cut out of aligned speech, or a folder's sounds.

    Of Speech Commands' folders the command networks get those of their words: to them all others
    are one word, the unknown.
    """
    rate_hz, n_samples, known = _rate_hz(network), network.stimulus_shape[0], _known_words(options)
    classes = known if options.preset == COMMANDS else None
    if any(alignment_files(folder)):
        return first_distinct(
            lambda n: load_word_clips(folder, rate_hz, n_samples, words=known, limit=n), limit
        )
    return first_distinct(
        lambda n: load_sound_folder(folder, rate_hz, n_samples, n, classes), limit
    )


def _known_words(options: NullOptions) -> list[str]:
    """Return the words that a preset's networks can be asked for."""
    return [word for word in WORD_LABELS[options.preset] if word not in NO_WORDS]


def _rate_hz(network: Network) -> int:
    assert network.sample_rate_hz is not None, network.name  # it hears
    return network.sample_rate_hz


def cochleagram_network(network: Network) -> Network:
    """Return the part of a network above its cochleagram."""
    return network.above("cochleagram", COCHLEAGRAM_RANGE)


def above_cochleagram(generator: Generator, seed: int) -> Generator:
    """Return the generator whose stimuli are cochleagrams of another's sounds.

    Its metamers start from the cochleagrams of the noise that waveforms start from.
    """
    network, stimuli, null = generator.network, generator.stimuli, generator.null_stimuli
    noise = [pink_noise(network.stimulus_shape[0], seed, name) for name in stimuli.ids]

    def cochleagrams(waveforms: np.ndarray | StimuliOnDemand) -> np.ndarray:
        return network.activations(waveforms[:], ["cochleagram"])["cochleagram"]

    return replace(
        generator,
        network=cochleagram_network(network),
        layers=tuple(layer for layer in generator.layers if layer != "cochleagram"),
        stimuli=replace(stimuli, stimuli=cochleagrams(stimuli.stimuli)),
        null_stimuli=replace(null, stimuli=cochleagrams(null.stimuli)),
        initial=cochleagrams(np.stack(noise)),
    )


def as_they_are(stimuli: np.ndarray, generator: Network, observer: Network) -> np.ndarray:
    """Return cochleagrams: all networks of a run take the same."""
    return stimuli


def as_heard_by(waveforms: np.ndarray, generator: Network, observer: Network) -> np.ndarray:
    """Return one network's waveforms at another's rate and length.

    They are resampled, without a change of level; then the middle is taken, or silence added on
    both sides. A command network's second at 16 kHz becomes 20,000 samples at 20 kHz, all that our
    small networks take.
    """
    if generator.sample_rate_hz != observer.sample_rate_hz:
        waveforms = scipy.signal.resample_poly(
            waveforms, observer.sample_rate_hz, generator.sample_rate_hz, axis=1
        )
    missing = observer.stimulus_shape[0] - waveforms.shape[1]
    if missing > 0:
        return np.pad(waveforms, ((0, 0), (missing // 2, missing - missing // 2)))
    start = -missing // 2
    return waveforms[:, start : start + observer.stimulus_shape[0]]


def _truth(network: Network, labels: Sequence[str]) -> np.ndarray:
    """Return word classes; -1 for words that the network does not know."""
    index_of = {name: index for index, name in enumerate(_words_of(network))}
    return np.array([index_of.get(label, -1) for label in labels])


def _words_of(network: Network) -> Sequence[str]:
    """Return the names of a network's word classes.

    Raises:
        ValueError: its readout does not tell, and it is none of our networks.
    """
    readout = network.readout("word")
    n_classes = network.tensor(readout.layer).shape[-1]
    labels = readout.labels or _LABELS_AT_SCALE.get(network.identity.scale or "", ())
    if len(labels) != n_classes:
        raise ValueError(
            f"{network.name} cannot be scored: which word each of its {n_classes} classes is, the "
            f'`labels` of its readout "word" have to tell; they are {len(labels)}'
        )
    return labels


def _answer(network: Network, logits: np.ndarray) -> np.ndarray:
    return logits.argmax(axis=1)


TASKS = (Task("word", ("word",), _answer, _truth),)
