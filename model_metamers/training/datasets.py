"""Training data as deterministic streams: example i of a stream is a function of (seed, i) alone.

A stream can therefore start anywhere, which is all that resuming a killed run needs. Rendered
objects are drawn once, kept as shards of uint8 images [n, size, size, 3] in a folder, and read
into memory.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import tensorflow as tf

from model_metamers.files import atomic_file
from model_metamers.stimuli.made import objects

SIZE_PX = 96
# First render seed of each split: renders are drawn by (class, seed), so the splits cannot
# overlap.
FIRST_SEED = {"train": 0, "validation": 1_000_000, "test": 2_000_000}
SEEDS_PER_SHARD = 10
NOISE_SD = 0.12  # of white noise that is added to training images, at most


def rendered_objects(
    split: str, n_per_class: int, directory: Path, size_px: int = SIZE_PX
) -> tuple[np.ndarray, np.ndarray]:
    """Render, or read back, `n_per_class` images of every fine class.

    Args:
        split: "train", "validation" or "test".
        n_per_class: images per fine class, a multiple of `SEEDS_PER_SHARD`.
        directory: where the shards are kept; finished shards are never rendered again.
        size_px: side of the images, in pixels.

    Returns:
        images uint8 [n, size, size, 3] and fine-class labels int32 [n].
    """
    if n_per_class % SEEDS_PER_SHARD or n_per_class <= 0:
        raise ValueError(
            f"n_per_class must be a positive multiple of {SEEDS_PER_SHARD}; got {n_per_class}"
        )
    first = FIRST_SEED[split]
    shards = [
        _object_shard(directory / f"objects_{size_px}px_{split}_{start:07d}.npy", start, size_px)
        for start in range(first, first + n_per_class, SEEDS_PER_SHARD)
    ]
    labels = np.tile(_shard_classes(), len(shards)).astype(np.int32)
    return np.concatenate(shards), labels


def _object_shard(path: Path, first_seed: int, size_px: int) -> np.ndarray:
    if not path.exists():
        classes = _shard_classes()
        seeds = first_seed + np.arange(len(classes)) // len(objects.FINE_CLASSES)
        images = objects.render_objects(classes, seeds, size_px)
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_file(path) as file:
            np.save(file, images)
    return np.load(path, allow_pickle=False)


def _shard_classes() -> np.ndarray:
    return np.tile(np.arange(len(objects.FINE_CLASSES)), SEEDS_PER_SHARD)


def shuffled_indices(n_examples: int, seed: int, first: int) -> tf.data.Dataset:
    """Return an endless stream of (position, index): every epoch visits each example once.

    Args:
        n_examples: size of the data set.
        seed: of the epochs' orders.
        first: position in the stream to start from.
    """
    positions = tf.data.Dataset.range(first, np.iinfo(np.int64).max)
    return positions.map(lambda position: (position, shuffled_index(position, n_examples, seed)))


def shuffled_index(position: tf.Tensor, n_examples: int, seed: int) -> tf.Tensor:
    """Return which example stands at a position of the endless stream."""
    epoch, offset = position // n_examples, position % n_examples
    key = tf.cast(tf.stack([tf.cast(seed, tf.int64), epoch]), tf.uint32)
    return tf.random.experimental.index_shuffle(offset, key, n_examples - 1)


def worker_positions(
    batch_size: int, first_step: int, worker: int = 0, n_workers: int = 1
) -> tf.data.Dataset:
    """Return the endless positions of one worker's share of every batch.

    The workers' shares, one after another, are the batch that a single worker would have.

    Args:
        batch_size: examples per step, over all workers.
        first_step: step to start from.
        worker: which of the workers this is, from 0.
        n_workers: number of workers.

    Raises:
        ValueError: the batch cannot be shared out evenly.
    """
    share, rest = divmod(batch_size, n_workers)
    if rest or not share:
        raise ValueError(f"a batch of {batch_size} cannot be split over {n_workers} workers")
    mine = tf.data.Dataset.range(first_step * share, np.iinfo(np.int64).max)
    return mine.map(lambda i: i // share * batch_size + worker * share + i % share)


def worker_batches(
    example: Callable, batch_size: int, first_step: int, worker: int = 0, n_workers: int = 1
) -> tf.data.Dataset:
    """Return endless batches of one worker's share of examples.

    Args:
        example: position int64 [] -> tensors of one example.
        batch_size: examples per step, over all workers.
        first_step: step to start from.
        worker: which of the workers this is, from 0.
        n_workers: number of workers.

    Raises:
        ValueError: the batch cannot be shared out evenly.
    """
    positions = worker_positions(batch_size, first_step, worker, n_workers)
    examples = positions.map(example, num_parallel_calls=tf.data.AUTOTUNE)
    return examples.batch(batch_size // n_workers, drop_remainder=True)


def image_batches(
    images: np.ndarray,
    labels: np.ndarray,
    batch_size: int,
    seed: int,
    first_step: int,
    noise_sd: float = NOISE_SD,
) -> tf.data.Dataset:
    """Return endless batches of augmented images [batch, h, w, 3] in [0, 1] and labels [batch]."""
    images, labels = tf.constant(images), tf.constant(labels)

    def example(position: tf.Tensor, index: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        image = tf.cast(images[index], tf.float32) / 255.0
        seeds = tf.stack([tf.cast(seed, tf.int64), position])
        return augment_image(image, seeds, noise_sd), labels[index]

    stream = shuffled_indices(len(images), seed, first_step * batch_size)
    return stream.map(example, num_parallel_calls=2).batch(batch_size, drop_remainder=True)


def augment_image(image: tf.Tensor, seed: tf.Tensor, noise_sd: float = NOISE_SD) -> tf.Tensor:
    """Shift, flip, recolour and add noise to one image, as a function of `seed` alone.

    White noise makes the networks rely on less than single pixels; without it their
    middle layers keep so little of the image's coarse structure that nobody recognises a metamer.

    Args:
        image: [height, width, 3] in [0, 1].
        seed: int64 [2].
        noise_sd: the most noise; seven images of ten get up to as much.

    Returns:
        Image of the same shape, in [0, 1].
    """
    draws = tf.random.stateless_uniform([8], seed)
    shift = 6
    padded = tf.pad(image, [[shift, shift], [shift, shift], [0, 0]], mode="REFLECT")
    top, left = tf.unstack(tf.cast(draws[:2] * (2 * shift + 1), tf.int32))
    image = tf.slice(padded, [top, left, 0], tf.shape(image))
    image = tf.where(draws[2] < 0.5, image, tf.reverse(image, [1]))
    channels = tf.random.experimental.stateless_shuffle(tf.range(3), seed=seed + 1)
    image = tf.where(draws[3] < 0.5, image, tf.gather(image, channels, axis=-1))
    contrast, brightness = 0.7 + 0.55 * draws[4], 0.24 * draws[5] - 0.12
    image = (image - 0.5) * contrast + 0.5 + brightness
    image += (
        noise_sd
        * draws[7]
        * tf.cast(draws[6] < 0.7, tf.float32)
        * tf.random.stateless_normal(tf.shape(image), seed + 2)
    )
    return tf.clip_by_value(image, 0.0, 1.0)


def evaluation_batches(
    images: np.ndarray, labels: np.ndarray, batch_size: int = 64
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield images [n, h, w, 3] in [0, 1], without augmentation, and labels [n]."""
    for start in range(0, len(images), batch_size):
        stop = start + batch_size
        yield images[start:stop].astype(np.float32) / 255.0, labels[start:stop]
