"""Rendered objects that real networks recognise: the natural images of --preset=imagenet.

Networks of photographs do not know every render for what it is. Candidates of a category are tried
in a fixed order until enough have convinced all networks, so that the natural images are the same
whichever networks then get metamers. Categories come in turn: sixteen images show all of them.
"""

import functools
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from model_metamers.stimuli.images import resize_images
from model_metamers.stimuli.made import objects
from model_metamers.stimuli.stimulus_set import StimulusSet

SIZE_PX = 224
MOST_TRIES = 64  # renders of a category for each that is wanted
_TRIED_TOGETHER = 4
_VARIANTS = objects.VARIANTS_PER_CATEGORY

# (renders [n, 224, 224, 3], their fine classes' names) -> which are recognised, bool [n].
Judge = Callable[[np.ndarray, Sequence[str]], np.ndarray]


def recognised_renders(
    n_stimuli: int, first_seed: int, judge: Judge, most_tries: int = MOST_TRIES
) -> StimulusSet:
    """Return renders that the judge recognises, the categories in turn.

    Args:
        n_stimuli: how many.
        first_seed: of the first candidate of a category; the next ones have the next seeds.
        judge: says which are recognised.
        most_tries: candidates for each image that is wanted.

    Raises:
        ValueError: a category of which too few are recognised.
    """
    n_categories = len(objects.CATEGORIES)
    found: list[tuple[int, int]] = []  # (fine class, seed), a category after the other
    turns: list[tuple[int, int]] = []  # (turn, category) of each
    for category in range(min(n_categories, n_stimuli)):
        n_wanted = len(range(category, n_stimuli, n_categories))
        found += _recognised(category, n_wanted, first_seed, judge, most_tries)
        turns += [(turn, category) for turn in range(n_wanted)]
    chosen = [found[index] for index in sorted(range(n_stimuli), key=turns.__getitem__)]
    names = tuple(objects.FINE_CLASSES[fine_class] for fine_class, _ in chosen)
    ids = tuple(objects.render_id(*each) for each in chosen)
    return StimulusSet(np.stack([rendered(*each) for each in chosen]), ids, names)


def _recognised(
    category: int, n_wanted: int, first_seed: int, judge: Judge, most_tries: int
) -> list[tuple[int, int]]:
    """Return the first recognised candidates of a category."""
    n_tries = most_tries * n_wanted
    found: list[tuple[int, int]] = []
    for candidates in _candidates(category, n_tries, first_seed):
        names = [objects.FINE_CLASSES[fine_class] for fine_class, _ in candidates]
        pictures = np.stack([rendered(*each) for each in candidates])
        are_recognised = judge(pictures, names)
        found += [each for each, yes in zip(candidates, are_recognised, strict=True) if yes]
        if len(found) >= n_wanted:
            return found[:n_wanted]
    raise ValueError(
        f"the networks recognise {len(found)} of the first {n_tries} renders of "
        f"{objects.CATEGORIES[category]!r}, and {n_wanted} are needed; choose fewer --num_stimuli "
        f"or another --seed, or give photographs as --stimuli_dir"
    )


def _candidates(category: int, n_tries: int, first_seed: int) -> Iterator[list[tuple[int, int]]]:
    """Yield a few (fine class, seed) at a time, the fine classes of the category in turn."""
    for start in range(0, n_tries, _TRIED_TOGETHER):
        yield [
            (_VARIANTS * category + (category + attempt) % _VARIANTS, first_seed + attempt)
            for attempt in range(start, min(start + _TRIED_TOGETHER, n_tries))
        ]


@functools.lru_cache(maxsize=1024)  # of 150 kB as bytes: three networks see each at their size
def _pixels(fine_class: int, seed: int) -> np.ndarray:
    return objects.render_object(fine_class, seed, SIZE_PX)


def rendered(fine_class: int, seed: int) -> np.ndarray:
    """Return one render, float32 [224, 224, 3] in [0, 1]."""
    return _pixels(fine_class, seed).astype(np.float32) / 255.0


def in_size(renders: StimulusSet, size_px: int) -> StimulusSet:
    """Return the same renders in a network's size."""
    return StimulusSet(resize_images(renders.stimuli[:], size_px), renders.ids, renders.labels)
