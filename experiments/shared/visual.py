"""Natural images, networks and questions of the visual experiments."""

from collections.abc import Sequence
from functools import partial

import numpy as np
from absl import logging

from model_metamers import recognition
from model_metamers.networks.catalog import versions_of
from model_metamers.networks.network import Network
from model_metamers.paper import load_table
from model_metamers.pipeline import Generator, Task, check_observers
from model_metamers.stimuli.images import (
    distinct_image_files,
    image_files,
    image_ids,
    load_image,
    load_image_folder,
    resize_images,
)
from model_metamers.stimuli.labels import SIXTEEN_CATEGORIES, sixteen_category_of
from model_metamers.stimuli.made import objects
from model_metamers.stimuli.on_demand import StimuliOnDemand
from model_metamers.stimuli.stimulus_set import StimulusSet, first_distinct
from model_metamers.training.datasets import FIRST_SEED
from shared import generators, presets
from shared.options import IMAGENET, NullOptions, Options
from shared.recognised_renders import in_size, recognised_renders, rendered

_VARIANTS = objects.VARIANTS_PER_CATEGORY
_OBJECT_MEMBERS = np.arange(len(objects.FINE_CLASSES)).reshape(-1, _VARIANTS)
_NULL_SEED_OFFSET = 100_000  # keeps the renders of the null apart from those that get metamers


def load(options: Options) -> list[Generator]:
    """Load the image networks and their stimuli; see `generators.load`."""
    if options.preset != IMAGENET or options.stimuli_dir:
        return generators.load(options, hears=False, stimuli_for=_stimuli_for)
    judges = generators.load_networks(presets.VISUAL[IMAGENET].networks, False, options.strategy)
    renders = recognised_renders(
        options.num_stimuli, _first_seed(options), partial(recognised_by, judges)
    )

    def stimuli_for(options: Options, network: Network) -> generators.Stimuli:
        size_px = network.stimulus_shape[0]
        return in_size(renders, size_px), null_images(options, size_px), None

    return generators.load(options, False, stimuli_for, loaded=judges)


def recognised_by(
    judges: Sequence[Network], images: np.ndarray, labels: Sequence[str]
) -> np.ndarray:
    """Return which images all networks put into the right one of 16 categories, bool [n]."""
    right = np.ones(len(images), bool)
    for network in judges:
        logits = network.logits(resize_images(images, network.stimulus_shape[0]))
        right &= _sixteen_way_answer(network, logits) == _sixteen_way_truth(network, labels)
    return right


def observers_among(makers: Sequence[Generator]) -> list[Network]:
    """Return the networks that metamers are made for, to be shown each other's.

    Raises:
        ValueError: one of them cannot be scored.
    """
    observers = [maker.network for maker in makers]
    check_observers(observers, TASKS)
    return observers


def load_second_seeds(networks: Sequence[Network], options: Options) -> dict[str, Network]:
    """Return name -> the same network trained from seed 1, where there is one."""
    found = {}
    for network in networks:
        identity = network.identity
        name = versions_of(identity.base).get((identity.scale, 1))
        if name is None:
            logging.info("there is no second seed of %s", network.name)
        else:
            (found[network.name],) = generators.load_networks([name], False, options.strategy)
    check_observers(list(found.values()), TASKS)
    return found


def _stimuli_for(options: Options, network: Network) -> generators.Stimuli:
    """Return the images that get metamers, and those of the null, in the network's size."""
    size_px = network.stimulus_shape[0]
    return natural_images(options, size_px), null_images(options, size_px), None


def check_classes(makers: Sequence[Generator], options: Options) -> None:
    """Say which of the user's classes no network knows.

    Raises:
        ValueError: the networks know none of them.
    """
    if options.stimuli_dir is None:
        return
    labels = makers[0].stimuli.labels
    known = {
        label
        for maker in makers
        for task in TASKS
        for label, truth in zip(labels, task.truth(maker.network, labels), strict=True)
        if truth >= 0
    }
    shown = ("WordNet ids", *SIXTEEN_CATEGORIES)
    generators.check_scorable(labels, known, options.stimuli_dir, shown)


def natural_images(options: Options, size_px: int) -> StimulusSet:
    """Return the images that get metamers: of the folder, or rendered, the categories in turn."""
    if options.stimuli_dir:
        folder, limit = options.stimuli_dir, options.num_stimuli
        images = first_distinct(lambda n: load_image_folder(folder, size_px, n), limit)
        if len(images) < options.num_stimuli:
            logging.info("%s holds %d images; using all", options.stimuli_dir, len(images))
        return images
    position = np.arange(options.num_stimuli)
    category, turn = position % len(objects.CATEGORIES), position // len(objects.CATEGORIES)
    fine_classes = _VARIANTS * category + (category + turn) % _VARIANTS
    return _renders(fine_classes, _first_seed(options) + turn, size_px)


def null_images(options: NullOptions, size_px: int) -> StimulusSet:
    """Return the images whose pairs make the null distribution, read when they are asked for.

    Every photograph of a folder is its own group, as in the paper, which drew any two; renders of
    one fine class are near-duplicates. A folder with too few images is filled up with renders.
    Those of the ImageNet networks are made once, and resized for each.
    """
    directory, n_images = options.stimuli_dir, options.num_null_stimuli
    files = distinct_image_files(image_files(directory), size_px, n_images) if directory else []
    position = np.arange(n_images - len(files))
    fine_classes = position % len(objects.FINE_CLASSES)
    if options.preset == IMAGENET:  # the categories in turn: fewer than 64 show all of them
        n_categories = len(objects.CATEGORIES)
        fine_classes = _VARIANTS * (position % n_categories) + position // n_categories % _VARIANTS
    seeds = _first_seed(options) + _NULL_SEED_OFFSET + position // len(objects.FINE_CLASSES)

    def read(index: int) -> np.ndarray:
        if index < len(files):
            return load_image(files[index][1], size_px)
        fine_class, seed = (int(each[index - len(files)]) for each in (fine_classes, seeds))
        if options.preset == IMAGENET:
            return resize_images(rendered(fine_class, seed)[None], size_px)[0]
        return objects.render_object(fine_class, seed, size_px).astype(np.float32) / 255.0

    ids, labels = image_ids(files), [objects.FINE_CLASSES[c] for c in fine_classes]
    return StimulusSet(
        StimuliOnDemand(read, n_images),
        (*ids, *_render_ids(fine_classes, seeds)),
        (*ids, *labels),
    )


def _first_seed(options: NullOptions) -> int:
    return FIRST_SEED["test"] + 1_000 * options.seed


def _renders(fine_classes: np.ndarray, seeds: np.ndarray, size_px: int) -> StimulusSet:
    names = [objects.FINE_CLASSES[fine_class] for fine_class in fine_classes]
    return StimulusSet(
        objects.render_objects(fine_classes.tolist(), seeds.tolist(), size_px).astype(np.float32)
        / 255.0,
        _render_ids(fine_classes, seeds),
        tuple(names),
    )


def _render_ids(fine_classes: np.ndarray, seeds: np.ndarray) -> tuple[str, ...]:
    return tuple(map(objects.render_id, fine_classes.tolist(), seeds.tolist()))


def as_seen_by(images: np.ndarray, generator: Network, observer: Network) -> np.ndarray:
    """Return one network's images in another's input size."""
    return resize_images(images, observer.stimulus_shape[0])


def _sixteen_way_answer(network: Network, logits: np.ndarray) -> np.ndarray:
    if "objects" in network.readouts:
        return recognition.category_of_top_member(logits, list(_OBJECT_MEMBERS))
    return recognition.sixteen_way(logits, network.readout("imagenet").class_offset)


def _sixteen_way_truth(network: Network, labels: Sequence[str]) -> np.ndarray:
    names = [sixteen_category_of(label) for label in labels]
    return np.array([-1 if name is None else SIXTEEN_CATEGORIES.index(name) for name in names])


def _native_answer(network: Network, logits: np.ndarray) -> np.ndarray:
    return recognition.native_class(logits)


def _native_truth(network: Network, labels: Sequence[str]) -> np.ndarray:
    if "objects" in network.readouts:
        classes = {name: index for index, name in enumerate(objects.FINE_CLASSES)}
    else:
        table, offset = load_table("imagenet_labels"), network.readout("imagenet").class_offset
        classes = dict(zip(table.wordnet_id, table.imagenet_index + offset, strict=True))
    return np.array([classes.get(label, -1) for label in labels])


TASKS = (
    Task("16-way", ("objects", "imagenet"), _sixteen_way_answer, _sixteen_way_truth),
    # A render, or a photograph that is only known to show a dog, is none of ImageNet's classes.
    Task("native", ("objects", "imagenet"), _native_answer, _native_truth, ("imagenet",)),
)
