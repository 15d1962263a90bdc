"""TF-Slim's preprocessing of ImageNet images, as pure functions of image and seed.

| family    | networks                | training                              | evaluation        |
|-----------|-------------------------|---------------------------------------|-------------------|
| vgg       | vgg_19                  | short side 256..512 px, crop, flip    | 256 px, centre    |
| inception | inception_v3, resnet_v2 | distorted box, flip, colours          | central 87.5 %    |

uint8 [height, width, 3] -> float32 [size, size, 3] in [0, 1]. What TF-Slim does next, subtracting
means or rescaling to [-1, 1], is inside our networks.

Pixels are resampled as TensorFlow 1 did it, without half-pixel centres: the published networks
were trained so.

Source: paper Table S1; github.com/tensorflow/models, research/slim/preprocessing at commits
d318246c (VGG) and 417e1f53 (Inception, `fast_mode`, which is its default).
"""

from collections.abc import Callable
from dataclasses import dataclass

import tensorflow as tf

VGG_SIDES_PX = (256, 512)
CENTRAL_FRACTION = 0.875
MAX_BRIGHTNESS_DELTA = 32 / 255
SATURATION_FACTORS = (0.5, 1.5)
ASPECT_RATIOS = (0.75, 1.33)
AREA_SHARES = (0.05, 1.0)
MIN_COVERED = 0.1
MAX_ATTEMPTS = 100


def vgg_training_image(image: tf.Tensor, size_px: int, seed: tf.Tensor) -> tf.Tensor:
    """Resize to a random short side, crop a random square and flip every other image.

    Args:
        image: uint8 [height, width, 3].
        size_px: side of the result, at most 256.
        seed: int64 [2].

    Returns:
        float32 [size, size, 3] in [0, 1].
    """
    side_seed, crop_seed, flip_seed = tf.unstack(tf.random.experimental.stateless_split(seed, 3))
    low, high = VGG_SIDES_PX
    side = tf.random.stateless_uniform([], side_seed, low, high + 1, tf.int32)
    image = _resize_short_side(image, side)
    room = tf.shape(image)[:2] - size_px + 1
    draws = tf.random.stateless_uniform([2], crop_seed)
    corner = tf.minimum(tf.cast(draws * tf.cast(room, tf.float32), tf.int32), room - 1)
    image = _crop(image, corner, size_px)
    return tf.image.stateless_random_flip_left_right(image, flip_seed)


def vgg_evaluation_image(image: tf.Tensor, size_px: int) -> tf.Tensor:
    """Resize to a short side of 256 px and crop the central square.

    Args and Returns are those of `vgg_training_image`.
    """
    image = _resize_short_side(image, tf.constant(VGG_SIDES_PX[0]))
    return _crop(image, (tf.shape(image)[:2] - size_px) // 2, size_px)


def inception_training_image(image: tf.Tensor, size_px: int, seed: tf.Tensor) -> tf.Tensor:
    """Crop a random box of random aspect ratio, resize, flip and change brightness and saturation.

    Args:
        image: uint8 [height, width, 3].
        size_px: side of the result.
        seed: int64 [2].

    Returns:
        float32 [size, size, 3] in [0, 1].
    """
    seeds = tf.unstack(tf.random.experimental.stateless_split(seed, 4))
    begin, size, _ = tf.image.stateless_sample_distorted_bounding_box(
        tf.shape(image),
        bounding_boxes=tf.constant([[[0.0, 0.0, 1.0, 1.0]]]),  # TF-Slim trains without boxes
        seed=seeds[0],
        min_object_covered=MIN_COVERED,
        aspect_ratio_range=ASPECT_RATIOS,
        area_range=AREA_SHARES,
        max_attempts=MAX_ATTEMPTS,
    )
    image = _resize(tf.slice(image, begin, size), [size_px, size_px])
    image = tf.image.stateless_random_flip_left_right(image, seeds[1])
    image = tf.image.stateless_random_brightness(image, MAX_BRIGHTNESS_DELTA, seeds[2])
    image = tf.image.stateless_random_saturation(image, *SATURATION_FACTORS, seeds[3])
    return tf.ensure_shape(tf.clip_by_value(image, 0.0, 1.0), [size_px, size_px, 3])


def inception_evaluation_image(image: tf.Tensor, size_px: int) -> tf.Tensor:
    """Crop the central 87.5 % of either side and resize.

    Args and Returns are those of `inception_training_image`.
    """
    return _resize(tf.image.central_crop(image, CENTRAL_FRACTION), [size_px, size_px])


@dataclass(frozen=True)
class Preprocessing:
    """How the images of one family are prepared.

    Attributes:
        training_image: (image, size_px, seed) -> image.
        evaluation_image: (image, size_px) -> image.
        max_size_px: largest possible side of the result; None for any.
    """

    training_image: Callable[[tf.Tensor, int, tf.Tensor], tf.Tensor]
    evaluation_image: Callable[[tf.Tensor, int], tf.Tensor]
    max_size_px: int | None


PREPROCESSING = {
    "vgg": Preprocessing(vgg_training_image, vgg_evaluation_image, VGG_SIDES_PX[0]),
    "inception": Preprocessing(inception_training_image, inception_evaluation_image, None),
}


def _resize_short_side(image: tf.Tensor, side: tf.Tensor) -> tf.Tensor:
    """Resize so that the shorter side has `side` pixels."""
    size = tf.cast(tf.shape(image)[:2], tf.float32)
    scale = tf.cast(side, tf.float32) / tf.reduce_min(size)
    return _resize(image, tf.cast(tf.round(size * scale), tf.int32))


def _resize(image: tf.Tensor, size: tf.Tensor | list[int]) -> tf.Tensor:
    image = tf.image.convert_image_dtype(image, tf.float32)[None]
    resized = tf.raw_ops.ResizeBilinear(
        images=image, size=size, align_corners=False, half_pixel_centers=False
    )
    return resized[0]


def _crop(image: tf.Tensor, corner: tf.Tensor, size_px: int) -> tf.Tensor:
    begin = tf.concat([corner, [0]], axis=0)
    return tf.ensure_shape(tf.slice(image, begin, [size_px, size_px, 3]), [size_px, size_px, 3])
