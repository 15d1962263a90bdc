"""The files that somebody gives on the command line, as stimuli of a network.

Images are cropped to their centre square and resized; of sounds the loudest stretch is cut out, or
they are padded (`stimuli.images`, `stimuli.sounds`).
"""

import logging
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from model_metamers.networks.network import Network
from model_metamers.stimuli import images, shipped, sounds
from model_metamers.stimuli.made import objects
from model_metamers.stimuli.stimulus_set import StimulusSet

LEAST_OF_A_NULL = 16  # stimuli, which make 120 pairs
_FIRST_RENDER = 2_100_000  # a seed that no network of ours was trained on
_LUMINANCE = np.array([0.299, 0.587, 0.114], np.float32)  # of red, green, blue. Source: BT.601

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class NullStimuli:
    """What a null distribution is drawn from.

    Attributes:
        stimuli: as the network takes them; fewer than two where there can be no null.
        groups: two labels of each; see `validation.null_distribution`.
        told: where they are from, or why there are none.
    """

    stimuli: StimulusSet
    groups: list[tuple[str, str]]
    told: str


def check_stimulus_shape(network: Network) -> None:
    """Raise ValueError where a network takes neither square images nor sounds."""
    shape, is_sound = network.stimulus_shape, network.sample_rate_hz is not None
    if len(shape) == 1:
        if not is_sound:
            raise ValueError(
                f"{network.name} takes stimuli [{shape[0]}]: if they are sounds, give "
                f"--sample_rate_hz"
            )
        bounds = network.stimulus_range or (-1.0, 1.0)
        if any(np.isfinite(bound) and abs(bound) > 1 for bound in bounds):
            raise ValueError(
                f"sounds are read, and written, between -1 and 1; {network.name} has the "
                f"--stimulus_range {bounds[0]:g} {bounds[1]:g}: put the scale into the model as a "
                f"keras.layers.Rescaling, or call model_metamers.synthesize in Python"
            )
        return
    if is_sound or len(shape) != 3 or shape[0] != shape[1] or shape[2] not in (1, 3):
        raise ValueError(
            f"{network.name} takes stimuli {list(shape)}; make knows square images [side, side, "
            f"3 or 1] and, with --sample_rate_hz, sounds [samples]; for others call "
            f"model_metamers.synthesize in Python"
        )
    if not np.isfinite(network.stimulus_range or (0.0, 1.0)).all():
        raise ValueError(
            f"images have to fill a --stimulus_range with two ends; {network.name} has "
            f"{network.stimulus_range}"
        )


def find(paths: Sequence[Path], takes_sounds: bool) -> list[tuple[str, Path]]:
    """Return (label, file) of all that some files and folders hold.

    A file has its sub-folder's name as label; of several folders it has the folder's; or else "".

    Raises:
        ValueError: a path that is not there, holds nothing or is of the other kind.
    """
    kind = "sound" if takes_sounds else "image"
    known: Collection[str] = sounds.EXTENSIONS if takes_sounds else images.EXTENSIONS
    files_of = sounds.sound_files if takes_sounds else images.image_files
    found: list[tuple[str, Path]] = []
    several = sum(path.is_dir() for path in paths) > 1
    for path in paths:
        if path.is_dir():
            own_name = path.resolve().name if several else ""
            found += [(label or own_name, file) for label, file in files_of(path)]
        elif not path.exists():
            raise ValueError(f"--input {path} is not there; name a file or a folder of {kind}s")
        elif path.suffix.lower() not in known:
            raise ValueError(
                f"--input {path} is no {kind}, which the network takes; give a file that ends in "
                f"{', '.join(sorted(known))}, or a folder of them"
            )
        else:
            found.append(("", path))
    return found


def load(files: Sequence[tuple[str, Path]], network: Network) -> StimulusSet:
    """Read files as stimuli of a network; of equal ones, the first.

    Raises:
        ValueError: a file that cannot be read, or is unfit.
    """
    if network.sample_rate_hz is None:
        stimuli = images.load_images(files, network.stimulus_shape[0])
        stimuli = replace(stimuli, stimuli=_as_taken(stimuli.stimuli[:], network))
    else:
        stimuli = sounds.load_sounds(files, network.sample_rate_hz, network.stimulus_shape[0])
    return stimuli.distinct()


def null_stimuli(given: StimulusSet, network: Network, n_wanted: int) -> NullStimuli:
    """Return the given stimuli, filled up with those that come with the package if they fit.

    Args:
        given: all natural stimuli that are at hand.
        network: that is to respond to them.
        n_wanted: how many; 0 for no null distribution.
    """
    own = given.take(range(min(len(given), n_wanted)))
    n_missing = n_wanted - len(own)
    is_sound = network.sample_rate_hz is not None
    # Of photographs any two are a pair, as in the paper; the same word twice is none.
    kinds = own.labels if is_sound else own.ids
    groups = [(kind or name, name) for kind, name in zip(kinds, own.ids, strict=True)]
    if n_wanted >= 2 and not n_missing:
        return NullStimuli(own, groups, f"{len(own)} of those given")
    if n_wanted >= 2 and _ours_fit(network):
        ours, groups_of_ours = (_clips if is_sound else _renders)(network, n_missing)
        told = f"the {len(own)} given and {len(ours)} {'spoken words' if is_sound else 'renders'}"
        joined = StimulusSet.joined([own, ours])
        return NullStimuli(joined, groups + groups_of_ours, f"{told} of ours")
    if len(own) >= LEAST_OF_A_NULL:
        return NullStimuli(own, groups, f"the {len(own)} given")
    return NullStimuli(own.take([]), [], _why_none(len(own), n_wanted))


def _why_none(n_given: int, n_wanted: int) -> str:
    if n_wanted < 2:
        return f"--num_null_stimuli is {n_wanted}"
    return (
        f"there are {n_given} natural stimuli, fewer than {LEAST_OF_A_NULL}, and those that come "
        f"with the package do not fit the network"
    )


def _ours_fit(network: Network) -> bool:
    """Return whether what comes with the package fits: renders of a size, sounds up to 2 s."""
    if network.sample_rate_hz is None:
        return objects.LEAST_SIZE <= network.stimulus_shape[0] <= objects.MOST_SIZE
    return network.stimulus_shape[0] <= round(shipped.CLIP_S * network.sample_rate_hz)


def _renders(network: Network, n_images: int) -> tuple[StimulusSet, list[tuple[str, str]]]:
    """Return rendered objects, and their groups: those of one class are near-duplicates."""
    n_classes = len(objects.FINE_CLASSES)
    classes = [position % n_classes for position in range(n_images)]
    seeds = [_FIRST_RENDER + position // n_classes for position in range(n_images)]
    pixels = objects.render_objects(classes, seeds, network.stimulus_shape[0])
    labels = tuple(objects.FINE_CLASSES[index] for index in classes)
    ids = tuple(f"ours.{name}" for name in map(objects.render_id, classes, seeds))
    stimuli = _as_taken(pixels.astype(np.float32) / 255.0, network)
    return StimulusSet(stimuli, ids, labels), list(zip(labels, ids, strict=True))


def _clips(network: Network, n_sounds: int) -> tuple[StimulusSet, list[tuple[str, str]]]:
    """Return the shipped words, and their groups: the word and the family of the voice."""
    assert network.sample_rate_hz is not None  # it hears
    clips = shipped.spoken_words(network.stimulus_shape[0], network.sample_rate_hz)
    clips = clips.take(range(min(n_sounds, len(clips))))
    groups = list(zip(clips.labels, map(shipped.voice_family, clips.ids), strict=True))
    return replace(clips, ids=tuple(f"ours.{name}" for name in clips.ids)), groups


def _as_taken(pixels: np.ndarray, network: Network) -> np.ndarray:
    """Return RGB images in [0, 1] in the network's range and number of channels."""
    if network.stimulus_shape[-1] == 1:
        pixels = (pixels @ _LUMINANCE)[..., np.newaxis].clip(0, 1)
    low, high = network.stimulus_range or (0.0, 1.0)
    return (low + (high - low) * pixels).astype(np.float32)
