"""ImageNet streams: TF-Slim's preprocessing against a NumPy twin, and both kinds of files."""

import numpy as np
import pytest
import tensorflow as tf
from tiny_imagenet import FILES, WORDNET_IDS, photograph, write_folder, write_records

from model_metamers.training import imagenet, slim_preprocessing
from model_metamers.training.slim_preprocessing import (
    inception_evaluation_image,
    inception_training_image,
    vgg_evaluation_image,
    vgg_training_image,
)

HEIGHT, WIDTH, SIZE_PX = 300, 400, 64
NOISE = np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8)
# Red tells the column, green the row, each from 0 to 250.
RAMPS = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
RAMPS[..., 0] = np.round(np.linspace(0, 250, WIDTH))
RAMPS[..., 1] = np.round(np.linspace(0, 250, HEIGHT))[:, None]
TRAINING = [vgg_training_image, inception_training_image]


def key(position, seed=0):
    return tf.constant([seed, position], tf.int64)


def resized(image, height, width):
    """Bilinear interpolation on TensorFlow 1's grid: output i lies at input i * in / out."""
    for axis, n_out in ((0, height), (1, width)):
        n_in = image.shape[axis]
        at = np.arange(n_out) * (n_in / n_out)
        low = np.floor(at).astype(int)
        high = np.minimum(low + 1, n_in - 1)
        weight = (at - low).reshape([-1 if a == axis else 1 for a in range(3)])
        image = image.take(low, axis) * (1 - weight) + image.take(high, axis) * weight
    return image


# Preprocessing


@pytest.mark.parametrize("transposed", [False, True])
def test_vgg_is_evaluated_on_the_centre_of_a_256_px_image(transposed):
    image = NOISE.transpose(1, 0, 2) if transposed else NOISE
    height, width = (341, 256) if transposed else (256, 341)  # 341.33
    top, left = (height - 224) // 2, (width - 224) // 2
    expected = resized(image / 255, height, width)[top : top + 224, left : left + 224]
    np.testing.assert_allclose(vgg_evaluation_image(image, 224), expected, atol=1e-4)


def test_inception_is_evaluated_on_the_central_seven_eighths():
    expected = resized(NOISE[18:-18, 25:-25] / 255, SIZE_PX, SIZE_PX)
    np.testing.assert_allclose(inception_evaluation_image(NOISE, SIZE_PX), expected, atol=1e-4)


def boxes(images):
    """Return where crops of RAMPS come from, left, top, width, height (px), and who is flipped."""
    x = np.stack([image[..., 0].mean(0) for image in images]) * 255 * (WIDTH - 1) / 250
    y = np.stack([image[..., 1].mean(1) for image in images]) * 255 * (HEIGHT - 1) / 250
    flipped = x[:, 0] > x[:, -1]
    x = np.where(flipped[:, None], x[:, ::-1], x)
    # A line through most of them: single values are rounded to 8 bits, the last may be repeated.
    width, height = (SIZE_PX * np.polyfit(np.arange(60), a[:, :60].T, 1)[0] for a in (x, y))
    return x[:, 0], y[:, 0], width, height, flipped


def test_vgg_is_trained_on_squares_of_images_of_256_to_512_px():
    images = [vgg_training_image(RAMPS, SIZE_PX, key(i)).numpy() for i in range(60)]
    left, top, width, height, flipped = boxes(images)
    np.testing.assert_allclose(width, height, rtol=0.03)  # ramps have steps of 8 bits
    sides = SIZE_PX / height * HEIGHT
    assert 250 < sides.min() < 290 and 480 < sides.max() < 522
    assert left.min() < 60 and (left + width).max() > WIDTH - 60
    assert top.min() < 60 and (top + height).max() > HEIGHT - 60
    assert 15 < flipped.sum() < 45


def test_a_vgg_crop_of_the_whole_short_side_fits():
    image = NOISE[:256, :256]
    images = [vgg_training_image(image, 256, key(i)) for i in range(20)]
    assert {tuple(image.shape) for image in images} == {(256, 256, 3)}


def test_inception_is_trained_on_distorted_boxes(monkeypatch):
    for name in ("stateless_random_brightness", "stateless_random_saturation"):
        monkeypatch.setattr(tf.image, name, lambda image, *_: image)
    images = [inception_training_image(RAMPS, SIZE_PX, key(i)).numpy() for i in range(60)]
    left, top, width, height, flipped = boxes(images)
    ratio, share = width / height, width * height / (WIDTH * HEIGHT)
    assert 0.72 < ratio.min() < 0.9 and 1.15 < ratio.max() < 1.37
    assert 0.09 < share.min() < 0.3 and 0.7 < share.max() < 1.02
    assert left.min() < 30 and (left + width).max() > WIDTH - 30
    assert top.min() < 30 and (top + height).max() > HEIGHT - 30
    assert 15 < flipped.sum() < 45


def test_inception_changes_brightness_then_saturation():
    colour = np.broadcast_to(np.uint8([153, 128, 102]), (HEIGHT, WIDTH, 3))
    images = [inception_training_image(colour, 8, key(i)).numpy() for i in range(60)]
    assert max(np.ptp(image, axis=(0, 1)).max() for image in images) < 1e-5
    brightest = np.array([image.max() for image in images])
    delta = brightest - 153 / 255  # saturation keeps the largest channel
    assert -0.126 < delta.min() < -0.08 and 0.08 < delta.max() < 0.126
    contrast = np.array([np.ptp(image[0, 0]) for image in images]) / (51 / 255)
    assert 0.49 < contrast.min() < 0.65 and 1.35 < contrast.max() < 1.51
    # The order shows in pure red: brightness adds green, which saturation then takes away.
    red = np.broadcast_to(np.uint8([204, 0, 0]), (HEIGHT, WIDTH, 3))
    pixels = [inception_training_image(red, 8, key(i)).numpy()[0, 0] for i in range(60)]
    assert any(pixel[0] > 0.82 and pixel[1] < 1e-3 for pixel in pixels)


@pytest.mark.parametrize("function", TRAINING)
def test_training_images_depend_on_seed_and_position_alone(function):
    images = [function(NOISE, SIZE_PX, key(i)).numpy() for i in range(5)]
    again = [function(NOISE, SIZE_PX, key(i)).numpy() for i in range(5)]
    np.testing.assert_array_equal(images, again)
    others = [function(NOISE, SIZE_PX, key(i, seed=1)).numpy() for i in range(5)]
    assert len({image.tobytes() for image in images + others}) == 10


@pytest.mark.parametrize("fill", [0, 255, None])
@pytest.mark.parametrize("function", TRAINING)
def test_training_images_stay_in_range(function, fill):
    image = NOISE if fill is None else np.full_like(NOISE, fill)
    for position in range(10):
        result = function(image, SIZE_PX, key(position)).numpy()
        assert result.shape == (SIZE_PX, SIZE_PX, 3) and result.dtype == np.float32
        assert result.min() >= 0 and result.max() <= 1


# Files

LABELS = [label for label, _, _ in FILES]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    root = tmp_path_factory.mktemp("imagenet")
    write_folder(root)
    (root / WORDNET_IDS[3] / "notes.txt").write_text("ignored")
    return root


@pytest.fixture(scope="module")
def shards(tmp_path_factory):
    root = tmp_path_factory.mktemp("records")
    return [
        write_records(root / "train-00000-of-00003", FILES[:3]),
        write_records(root / "train-00001-of-00003", []),
        write_records(root / "train-00002-of-00003", FILES[3:]),
    ]


@pytest.fixture(params=["folder", "records"])
def images(request, folder, shards):
    if request.param == "folder":
        return imagenet.image_folder(folder, WORDNET_IDS)
    return imagenet.tfrecords(shards)


def take(batches, n):
    parts = [(images.numpy(), labels.numpy()) for images, labels in batches.take(n)]
    return tuple(np.concatenate(part) for part in zip(*parts, strict=True))


def test_evaluation_shows_every_image_in_order(images):
    batches = imagenet.evaluation_batches(images, "inception", SIZE_PX, batch_size=3)
    shown, labels = take(batches, 3)
    assert shown.shape == (9, SIZE_PX, SIZE_PX, 3) and shown.dtype == np.float32
    assert labels.tolist() == LABELS + LABELS[:2] and labels.dtype == np.int32
    assert np.ptp(shown[1], axis=-1).max() == 0  # the grey one
    expected = inception_evaluation_image(photograph(3, 40, 50), SIZE_PX)
    np.testing.assert_array_equal(shown[3], expected)  # PNG keeps every pixel
    rgb, cmyk = photograph(2, 40, 50) / 255, shown[2]
    assert np.abs(cmyk.mean((0, 1)) - rgb.mean((0, 1))).max() < 0.05


def test_folders_and_records_show_the_same(folder, shards):
    shown = [
        take(imagenet.training_batches(source, "vgg", 32, 5, 3, 0, class_offset=1), 3)
        for source in (imagenet.image_folder(folder, WORDNET_IDS), imagenet.tfrecords(shards))
    ]
    np.testing.assert_array_equal(shown[0][0], shown[1][0])
    np.testing.assert_array_equal(shown[0][1], shown[1][1])
    assert set(shown[0][1]) == {4, 405, 1000}  # behind a background class


def test_every_epoch_sees_each_image_once_and_differently(images):
    shown, labels = take(imagenet.training_batches(images, "inception", 16, 7, 0, 0), 3)
    for epoch in labels.reshape(3, 7):
        assert sorted(epoch) == LABELS
    assert len({image.tobytes() for image in shown}) == 21


@pytest.mark.parametrize("family", ["vgg", "inception"])
def test_batches_can_start_anywhere_and_be_shared(family, images):
    def batches(first_step, n, **options):
        return take(imagenet.training_batches(images, family, 16, 6, 1, first_step, **options), n)

    whole = batches(0, 4)
    late = batches(2, 2)
    shares = [batches(0, 4, worker=worker, n_workers=2) for worker in range(2)]
    for i, part in enumerate(whole):
        np.testing.assert_array_equal(late[i], part[12:])
        joined = np.stack([share[i].reshape(4, 3, *part.shape[1:]) for share in shares], axis=1)
        np.testing.assert_array_equal(joined.reshape(part.shape), part)


def test_mistakes_in_folders_are_told(folder, tmp_path):
    with pytest.raises(ValueError, match=r"stimulus folder .*none does not exist"):
        imagenet.image_folder(tmp_path / "none", WORDNET_IDS)
    with pytest.raises(ValueError, match=r"such as n01440764; there are no images in any"):
        imagenet.image_folder(tmp_path, WORDNET_IDS)
    (tmp_path / "flat.png").write_bytes(FILES[4][2])
    with pytest.raises(ValueError, match="such as n01440764"):
        imagenet.image_folder(tmp_path, WORDNET_IDS)
    (tmp_path / "dogs").mkdir()
    (tmp_path / "dogs" / "a.png").write_bytes(FILES[4][2])
    with pytest.raises(ValueError, match="'dogs' is none"):
        imagenet.image_folder(tmp_path, WORDNET_IDS)


def test_mistakes_in_records_are_told(shards, tmp_path):
    with pytest.raises(ValueError, match=r"no file of records .*none"):
        imagenet.tfrecords([tmp_path / "none"])
    with pytest.raises(ValueError, match="no records in 1 files"):
        imagenet.tfrecords(shards[1:2])
    for content in (shards[0].read_bytes()[:-1], b"not records at all", b"short"):
        (tmp_path / "bad").write_bytes(content)
        with pytest.raises(ValueError, match=r"bad is cut short, or no file of TFRecords"):
            imagenet.tfrecords([tmp_path / "bad"])
    zero_based = write_records(tmp_path / "zero", [(0, *FILES[0][1:])], first_label=0)
    with pytest.raises(tf.errors.InvalidArgumentError, match="labels from 1 on"):
        take(imagenet.evaluation_batches(imagenet.tfrecords([zero_based]), "vgg", 32, 1), 1)


def test_unknown_preprocessing_and_sizes_are_refused(folder):
    images = imagenet.image_folder(folder, WORDNET_IDS)
    with pytest.raises(ValueError, match="unknown preprocessing 'resnet'; choose from: vgg, inc"):
        imagenet.evaluation_batches(images, "resnet", 32)
    with pytest.raises(ValueError, match="vgg crops images of at most 256 px; got 257"):
        imagenet.training_batches(images, "vgg", 257, 2, 0, 0)
    assert slim_preprocessing.PREPROCESSING["inception"].max_size_px is None
