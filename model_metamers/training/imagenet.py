"""ImageNet as a deterministic stream, from folders of images or from TF-Slim's TFRecords.

An example is a function of (seed, position) alone, so that a stream can start anywhere: record
files are read at random places, through an index that is made when they are opened.

Source: paper Table S1; github.com/tensorflow/models,
research/slim/datasets/imagenet.py (the records).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tensorflow as tf

from model_metamers.stimuli import folders
from model_metamers.training.datasets import shuffled_index, worker_batches
from model_metamers.training.python_calls import StoppableCall
from model_metamers.training.slim_preprocessing import PREPROCESSING, Preprocessing

EXTENSIONS = {".jpeg", ".jpg", ".png", ".gif", ".bmp"}  # what TensorFlow decodes
N_CLASSES = 1000

_HEADER_BYTES, _FOOTER_BYTES = 12, 4  # length and checksum before a record, checksum after it


@dataclass(frozen=True)
class EncodedImages:
    """Labelled images, still encoded.

    Attributes:
        n: how many there are.
        read: index int64 [] -> (encoded image string [], class from 0 int32 []).
    """

    n: int
    read: Callable[[tf.Tensor], tuple[tf.Tensor, tf.Tensor]]


def image_folder(folder: Path, wordnet_ids: Sequence[str]) -> EncodedImages:
    """Return the images of a folder with one sub-folder per class, named by its WordNet id.

    Args:
        folder: the folder; classes may be missing.
        wordnet_ids: of all classes, in the order of the network's outputs.

    Raises:
        ValueError: missing folder, a sub-folder that is no class, or no images.
    """
    folder = folders.existing_folder(folder, "images")
    by_class = folders.files_by_class(folder, EXTENSIONS)
    class_of = {name: i for i, name in enumerate(wordnet_ids)}
    unknown = [name for name in by_class if name not in class_of]
    if unknown or not any(by_class.values()):
        what = f"{unknown[0]!r} is none" if any(unknown) else "there are no images in any"
        raise ValueError(
            f"{folder} needs sub-folders of images named by WordNet ids, such as "
            f"{wordnet_ids[0]}; {what}"
        )
    paths = tf.constant([str(path) for files in by_class.values() for path in files])
    labels = tf.constant([class_of[name] for name, files in by_class.items() for _ in files])
    return EncodedImages(len(paths), lambda i: (tf.io.read_file(paths[i]), labels[i]))


def tfrecords(paths: Sequence[Path]) -> EncodedImages:
    """Return the images of TF-Slim's TFRecords.

    Args:
        paths: the files, such as train-00000-of-01024. Records have "image/encoded" and
            "image/class/label", from 1 to 1000; what else they have is ignored.

    Raises:
        ValueError: missing or damaged file, or no records.
    """
    paths = [Path(path) for path in paths]
    records = np.array(
        [(i, *record) for i, path in enumerate(paths) for record in _records(path)], np.int64
    )
    if not len(records):
        raise ValueError(f"there are no records in {len(paths)} files")

    def record_at(index: int) -> bytes:
        file, start, n_bytes = records[index]
        with paths[file].open("rb") as lines:
            lines.seek(start)
            return lines.read(n_bytes)

    call = StoppableCall(record_at)
    features = {
        "image/encoded": tf.io.FixedLenFeature([], tf.string),
        "image/class/label": tf.io.FixedLenFeature([], tf.int64),
    }

    def read(index: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        serialised = tf.numpy_function(call, [index], tf.string, stateful=False)
        example = tf.io.parse_single_example(tf.ensure_shape(serialised, []), features)
        label = tf.cast(example["image/class/label"], tf.int32)
        tf.debugging.assert_greater(label, 0, "ImageNet's records have labels from 1 on")
        tf.debugging.assert_less_equal(label, N_CLASSES, "ImageNet's records have 1000 classes")
        return example["image/encoded"], label - 1

    return EncodedImages(len(records), read)


def _records(path: Path) -> list[tuple[int, int]]:
    """Return (first byte, number of bytes) of each record of a file."""
    if not path.is_file():
        raise ValueError(f"there is no file of records {path}")
    n_bytes, at, found = path.stat().st_size, 0, []
    with path.open("rb") as file:
        while at < n_bytes:
            file.seek(at)
            length = int.from_bytes(file.read(_HEADER_BYTES)[:8], "little")
            start, at = at + _HEADER_BYTES, at + _HEADER_BYTES + length + _FOOTER_BYTES
            if at > n_bytes:
                raise ValueError(f"{path} is cut short, or no file of TFRecords")
            found.append((start, length))
    return found


def training_batches(
    images: EncodedImages,
    family: str,
    size_px: int,
    batch_size: int,
    seed: int,
    first_step: int,
    class_offset: int = 0,
    worker: int = 0,
    n_workers: int = 1,
) -> tf.data.Dataset:
    """Return endless batches; every epoch sees each image once.

    Args:
        images: from `image_folder` or `tfrecords`.
        family: "vgg" or "inception" (`slim_preprocessing`).
        size_px: side of the images.
        batch_size: images per step, over all workers.
        seed: of the epochs' orders and the augmentation.
        first_step: step to start from.
        class_offset: added to the classes; 1 for networks with a background class in front.
        worker: which of the workers this is, from 0.
        n_workers: number of workers; each gets its share of every batch.

    Returns:
        Images float32 [share, size, size, 3] in [0, 1] and classes int32 [share].

    Raises:
        ValueError: unknown family, too large a size, or a batch that cannot be split.
    """
    training_image = _preprocessing(family, size_px).training_image

    def example(position: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        encoded, label = images.read(shuffled_index(position, images.n, seed))
        key = tf.stack([tf.cast(seed, tf.int64), position])
        return training_image(_decode(encoded), size_px, key), label + class_offset

    return worker_batches(example, batch_size, first_step, worker, n_workers)


def evaluation_batches(
    images: EncodedImages,
    family: str,
    size_px: int,
    batch_size: int = 64,
    class_offset: int = 0,
    worker: int = 0,
    n_workers: int = 1,
) -> tf.data.Dataset:
    """Return endless batches of the images, in order and over again.

    Args, Returns and Raises are those of `training_batches`.
    """
    evaluation_image = _preprocessing(family, size_px).evaluation_image

    def example(position: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        encoded, label = images.read(position % images.n)
        return evaluation_image(_decode(encoded), size_px), label + class_offset

    return worker_batches(example, batch_size, 0, worker, n_workers)


def _preprocessing(family: str, size_px: int) -> Preprocessing:
    if family not in PREPROCESSING:
        raise ValueError(
            f"unknown preprocessing {family!r}; choose from: {', '.join(PREPROCESSING)}"
        )
    largest = PREPROCESSING[family].max_size_px
    if largest is not None and size_px > largest:
        raise ValueError(f"{family} crops images of at most {largest} px; got {size_px}")
    return PREPROCESSING[family]


def _decode(encoded: tf.Tensor) -> tf.Tensor:
    """Return an image uint8 [height, width, 3], whatever format it is encoded in."""
    image = tf.io.decode_image(encoded, channels=3, expand_animations=False)
    return tf.ensure_shape(image, [None, None, 3])
