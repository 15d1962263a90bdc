"""Training: streams that start anywhere, a loop that resumes anywhere and splits over devices."""

from dataclasses import replace

import keras
import numpy as np
import pytest
import tensorflow as tf

from model_metamers.devices import distributed_batches
from model_metamers.stimuli.made import objects
from model_metamers.training import datasets, tasks
from model_metamers.training.evaluation import judge
from model_metamers.training.loop import TrainingConfig, train

SIZE_PX = 8
N_CLASSES = len(objects.FINE_CLASSES)
BATCH_SIZE = 8


@pytest.fixture(scope="module")
def stripes():
    """100 images of horizontal (0) or vertical (1) stripes, which augmentation keeps apart."""
    generator = np.random.default_rng(0)
    labels = generator.integers(0, 2, 100).astype(np.int32)
    phase = generator.integers(0, 2, (100, 1, 1))
    stripes = np.where((np.arange(SIZE_PX)[None, :, None] // 2 + phase) % 2, 220, 30)
    images = np.broadcast_to(stripes, (100, SIZE_PX, SIZE_PX))
    images = np.where(labels[:, None, None], images.transpose(0, 2, 1), images)
    return np.repeat(images[..., None], 3, axis=-1).astype(np.uint8), labels


# Streams


def take(stream, n):
    return [tuple(part.numpy() for part in element) for element in stream.take(n)]


@pytest.mark.parametrize("n_examples", [1, 2, 7, 100])
def test_every_epoch_visits_each_example_once(n_examples):
    stream = take(datasets.shuffled_indices(n_examples, seed=0, first=0), 3 * n_examples)
    positions, indices = np.transpose(stream)
    np.testing.assert_array_equal(positions, np.arange(3 * n_examples))
    epochs = indices.reshape(3, n_examples)
    np.testing.assert_array_equal(np.sort(epochs), np.tile(np.arange(n_examples), (3, 1)))
    if n_examples == 100:
        assert not np.array_equal(epochs[0], epochs[1])
        assert not np.array_equal(epochs[0], np.arange(100))


def test_the_order_depends_on_the_seed_alone():
    first, again, other = (
        take(datasets.shuffled_indices(50, seed, first=0), 50) for seed in (3, 3, 4)
    )
    assert first == again and first != other


@pytest.mark.parametrize("first", [1, 6, 7, 23])
def test_an_order_can_start_anywhere(first):
    whole = take(datasets.shuffled_indices(7, seed=1, first=0), 40)
    assert take(datasets.shuffled_indices(7, seed=1, first=first), 40 - first) == whole[first:]


@pytest.mark.parametrize("first_step", [1, 5, 14])
def test_batches_can_start_anywhere(first_step, stripes):
    """100 examples in batches of 8: batches cross the borders of epochs."""
    whole = take(datasets.image_batches(*stripes, BATCH_SIZE, seed=5, first_step=0), 20)
    late = take(datasets.image_batches(*stripes, BATCH_SIZE, 5, first_step), 20 - first_step)
    for (images, labels), (late_images, late_labels) in zip(whole[first_step:], late, strict=True):
        np.testing.assert_array_equal(late_images, images)
        np.testing.assert_array_equal(late_labels, labels)


def test_batches_keep_labels_and_augment_images(stripes):
    images, labels = stripes
    batches = take(datasets.image_batches(images, labels, BATCH_SIZE, seed=2, first_step=0), 13)
    indices = [index for _, index in take(datasets.shuffled_indices(100, 2, 0), 13 * BATCH_SIZE)]
    np.testing.assert_array_equal(np.concatenate([b for _, b in batches]), labels[indices])
    augmented = np.concatenate([b for b, _ in batches])
    assert augmented.dtype == np.float32 and augmented.shape[1:] == (SIZE_PX, SIZE_PX, 3)
    assert augmented.min() >= 0 and augmented.max() <= 1
    # A second visit of the same example looks different.
    first, again = (indices.index(indices[100], start) for start in (0, 100))
    assert first != again and not np.array_equal(augmented[first], augmented[again])


@pytest.mark.parametrize("fill", [0.0, 0.5, 1.0, None])
def test_augmentation_is_deterministic_and_stays_in_range(fill):
    image = np.random.default_rng(0).random((SIZE_PX, 10, 3), np.float32)
    image = image if fill is None else np.full_like(image, fill)
    seeds = [tf.constant([7, position], tf.int64) for position in range(50)]
    augmented = np.stack([datasets.augment_image(tf.constant(image), seed) for seed in seeds])
    again = np.stack([datasets.augment_image(tf.constant(image), seed) for seed in seeds])
    np.testing.assert_array_equal(augmented, again)
    assert augmented.shape == (50, SIZE_PX, 10, 3)
    assert augmented.min() >= 0 and augmented.max() <= 1
    assert len({image.tobytes() for image in augmented}) > (1 if fill in (0.0, 1.0) else 45)


def test_evaluation_batches_are_the_images_themselves(stripes):
    images, labels = stripes
    batches = list(datasets.evaluation_batches(images, labels, batch_size=64))
    assert [len(batch) for batch, _ in batches] == [64, 36]
    np.testing.assert_array_equal(
        np.concatenate([batch for batch, _ in batches]), images.astype(np.float32) / 255
    )
    np.testing.assert_array_equal(np.concatenate([batch for _, batch in batches]), labels)


# Rendered objects


@pytest.fixture
def rendered(monkeypatch):
    """Replace rendering by images that hold class and seed; return the lists of seeds drawn."""
    calls = []

    def render_objects(classes, seeds, size_px):
        calls.append(sorted(set(seeds.tolist())))
        images = np.zeros((len(classes), size_px, size_px, 3), np.uint8)
        images[..., 0] = classes[:, None, None]
        images[..., 1] = (seeds % 256)[:, None, None]
        return images

    monkeypatch.setattr(datasets.objects, "render_objects", render_objects)
    return calls


def test_every_class_is_rendered_with_every_seed(rendered, tmp_path):
    images, labels = datasets.rendered_objects("validation", 20, tmp_path / "new", SIZE_PX)
    assert images.shape == (20 * N_CLASSES, SIZE_PX, SIZE_PX, 3) and images.dtype == np.uint8
    assert labels.dtype == np.int32
    np.testing.assert_array_equal(images[:, 0, 0, 0], labels)
    drawn = set(zip(labels.tolist(), images[:, 0, 0, 1].tolist(), strict=True))
    assert len(drawn) == 20 * N_CLASSES
    first = datasets.FIRST_SEED["validation"]
    assert rendered == [list(range(first, first + 10)), list(range(first + 10, first + 20))]


def test_shards_are_rendered_once_and_more_of_them_later(rendered, tmp_path):
    few, _ = datasets.rendered_objects("train", 10, tmp_path, SIZE_PX)
    again, _ = datasets.rendered_objects("train", 10, tmp_path, SIZE_PX)
    np.testing.assert_array_equal(few, again)
    assert len(rendered) == 1
    more, _ = datasets.rendered_objects("train", 30, tmp_path, SIZE_PX)
    np.testing.assert_array_equal(more[: len(few)], few)
    assert len(rendered) == 3
    datasets.rendered_objects("train", 10, tmp_path, SIZE_PX + 1)  # another size, another shard
    datasets.rendered_objects("test", 10, tmp_path, SIZE_PX)
    assert len(rendered) == 5


def test_splits_share_no_render(rendered, tmp_path):
    for split in datasets.FIRST_SEED:
        datasets.rendered_objects(split, 20, tmp_path, SIZE_PX)
    seeds = [seed for call in rendered for seed in call]
    assert len(seeds) == len(set(seeds)) == 3 * 20


def test_a_shard_that_was_not_finished_is_rendered_again(rendered, tmp_path, monkeypatch):
    expected, _ = datasets.rendered_objects("train", 10, tmp_path, SIZE_PX)
    (shard,) = tmp_path.iterdir()
    content = shard.read_bytes()
    shard.unlink()

    def killed_while_writing(file, images):
        file.write(content[:1000])
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(datasets.np, "save", killed_while_writing)
        datasets.rendered_objects("train", 10, tmp_path, SIZE_PX)
    shard.with_name(f".{shard.name}.0f3a.tmp").write_bytes(content[:1000])  # power cut
    images, _ = datasets.rendered_objects("train", 10, tmp_path, SIZE_PX)
    np.testing.assert_array_equal(images, expected)
    assert shard.read_bytes() == content and list(tmp_path.glob("[!.]*")) == [shard]
    assert len(rendered) == 3


@pytest.mark.parametrize("n_per_class", [0, -10, 15])
def test_shards_are_not_split(n_per_class, rendered, tmp_path):
    with pytest.raises(ValueError, match=f"positive multiple of 10; got {n_per_class}"):
        datasets.rendered_objects("train", n_per_class, tmp_path, SIZE_PX)


# The loop


def classifier(batch_norm=True, dropout=0.3):
    """A tiny convnet for 8-px images of two classes, weights from seed 0."""
    keras.utils.set_random_seed(0)
    x = image = keras.Input((SIZE_PX, SIZE_PX, 3))
    x = keras.layers.Conv2D(8, 3, name="conv")(x)
    if batch_norm:
        x = keras.layers.BatchNormalization()(x)
    x = keras.layers.ReLU()(x)
    x = keras.layers.GlobalAveragePooling2D()(x)
    if dropout:
        x = keras.layers.Dropout(dropout, seed=0)(x)
    return keras.Model(image, keras.layers.Dense(2, name="logits")(x))


CONFIG = TrainingConfig(
    steps=200, batch_size=BATCH_SIZE, learning_rate=5e-3, warmup_steps=10, checkpoint_seconds=1e9
)
ONE_DEVICE = tf.distribute.get_strategy()


def fit(model, stripes, folder, config=CONFIG, strategy=ONE_DEVICE, **options):
    """Train on stripes; return the steps from which the data stream was started."""
    started_from = []

    def batches(first):
        started_from.append(first)
        return datasets.image_batches(*stripes, config.batch_size, config.seed, first)

    options = {"loss_function": tasks.class_loss} | options
    train(model, batches=batches, config=config, directory=folder, strategy=strategy, **options)
    return started_from


@pytest.fixture(scope="module")
def uninterrupted(stripes, tmp_path_factory):
    """A trained model and what was reported while it was trained."""
    reports, model = [], classifier()
    fit(model, stripes, tmp_path_factory.mktemp("run"), report=lambda *row: reports.append(row))
    return model, reports


def test_training_lowers_the_loss_and_separates_the_classes(uninterrupted, stripes):
    model, reports = uninterrupted
    assert [step for step, _ in reports] == [100, 200]
    losses = [loss for _, loss in reports]
    assert losses[1] < losses[0] < np.log(2)
    scores = tasks.class_accuracy(
        model, datasets.evaluation_batches(*stripes), category_of_class=np.array([0, 1])
    )
    assert scores["fine"] > 0.95


@pytest.mark.parametrize("checkpoint_seconds", [0.0, 1e9])
def test_an_interrupted_run_ends_like_an_uninterrupted_one(
    checkpoint_seconds, uninterrupted, stripes, tmp_path
):
    """Killed half-way, with batch norm and dropout; saved at every step, or not at all yet."""

    def killed(step, loss):
        raise KeyboardInterrupt  # before step 100 is saved

    config = replace(CONFIG, checkpoint_seconds=checkpoint_seconds)
    with pytest.raises(KeyboardInterrupt):
        fit(classifier(), stripes, tmp_path, config, report=killed)
    model = classifier()
    assert fit(model, stripes, tmp_path, config) == [99 if checkpoint_seconds == 0 else 0]
    # `variables` has the random state of dropout, which `weights` has not.
    for resumed, expected in zip(model.variables, uninterrupted[0].variables, strict=True):
        np.testing.assert_array_equal(resumed, expected, expected.path)


def test_a_finished_run_is_not_continued(stripes, tmp_path):
    config = replace(CONFIG, steps=3)
    model, again, reports = classifier(), classifier(), []
    for fitted in (model, again):
        fit(fitted, stripes, tmp_path, config, report=lambda step, _: reports.append(step))
    assert reports == [3]
    for ours, expected in zip(again.weights, model.weights, strict=True):
        np.testing.assert_array_equal(ours, expected)
    with pytest.raises(ValueError, match="stands at step 3, past the last of 2; delete"):
        fit(classifier(), stripes, tmp_path, replace(CONFIG, steps=2))


@pytest.mark.parametrize("ending", [".index", ".data-00000-of-00001"])
def test_a_checkpoint_cut_short_is_named(ending, stripes, tmp_path):
    config = replace(CONFIG, steps=1, warmup_steps=1)
    fit(classifier(), stripes, tmp_path, config)
    (path,) = tmp_path.glob(f"*{ending}")
    path.write_bytes(path.read_bytes()[:40])
    with pytest.raises(ValueError, match=r"ckpt-1 is damaged \(\w+\); delete the folder"):
        fit(classifier(), stripes, tmp_path, config)


def test_training_ends_at_the_first_evaluation_that_is_enough(stripes, tmp_path):
    """And stays ended when the process was killed before its weights were written."""
    config, asked = replace(CONFIG, evaluation_steps=3), []

    def is_enough(step):
        asked.append(step)
        return step == 6

    model, again = classifier(), classifier()
    fit(model, stripes, tmp_path, config, is_enough=is_enough)
    assert asked == [3, 6]
    assert fit(again, stripes, tmp_path, config, is_enough=is_enough) == []
    assert asked == [3, 6, 6]
    for ours, expected in zip(again.weights, model.weights, strict=True):
        np.testing.assert_array_equal(ours, expected)


def test_only_the_chief_keeps_checkpoints(stripes, tmp_path):
    config = replace(CONFIG, steps=2, checkpoint_seconds=0)
    fit(classifier(), stripes, tmp_path, config, is_chief=False)
    assert not list(tmp_path.iterdir())
    fit(classifier(), stripes, tmp_path, config)
    assert (tmp_path / "checkpoint").is_file()


def faint_loss(labels, logits):
    """Gradients about as large as Adam's epsilon: only then do its steps depend on their size."""
    return 1e-7 * tasks.class_loss(labels, logits)


@pytest.mark.parametrize(
    ("loss_function", "clip_norm"),
    [(tasks.class_loss, 1.0), (faint_loss, 1.0), (tasks.class_loss, 1e-7)],
    ids=["usual", "faint", "clipped"],
)
def test_two_replicas_give_the_single_device_weights(
    loss_function, clip_norm, stripes, tmp_path, two_replicas
):
    config = replace(CONFIG, steps=20, clip_norm=clip_norm)
    weights, losses = {}, {}
    for name, strategy in {"one": ONE_DEVICE, "two": two_replicas}.items():
        with strategy.scope():
            # Batch norm would see 4 images at a time instead of 8, dropout other masks.
            model = classifier(batch_norm=False, dropout=0)
        before = model.get_weights()
        fit(
            model, stripes, tmp_path / name, config, strategy,
            loss_function=loss_function, report=lambda _, loss, n=name: losses.update({n: loss}),
        )  # fmt: skip
        weights[name] = model.get_weights()
    assert all(np.abs(a - b).max() > 1e-5 for a, b in zip(before, weights["one"], strict=True))
    assert losses["two"] == pytest.approx(losses["one"], rel=1e-5)
    for one, two in zip(weights["one"], weights["two"], strict=True):
        # The sums over the batch are taken in another order: float32 roundings of weights below 1.
        np.testing.assert_allclose(two, one, atol=5e-7)


def test_two_replicas_share_the_statistics_of_batch_norm(stripes, tmp_path, two_replicas):
    """The mean of the halves' means is the mean of the batch; both replicas keep it."""
    config, means = replace(CONFIG, steps=2, warmup_steps=9), {}
    for name, strategy in {"one": ONE_DEVICE, "two": two_replicas}.items():
        with strategy.scope():
            model = classifier(dropout=0)
        fit(model, stripes, tmp_path / name, replace(config, learning_rate=0.0), strategy)
        moving_mean = next(w for w in model.weights if w.name == "moving_mean").value
        means[name] = [value.numpy() for value in strategy.experimental_local_results(moving_mean)]
    np.testing.assert_array_equal(*means["two"])
    np.testing.assert_allclose(means["two"][0], means["one"][0], atol=1e-6)
    assert np.abs(means["one"][0]).max() > 1e-3


def test_two_replicas_train_batch_norm_and_dropout(stripes, tmp_path, two_replicas):
    with two_replicas.scope():
        model = classifier()
    fit(model, stripes, tmp_path, strategy=two_replicas)
    scores = tasks.class_accuracy(model, datasets.evaluation_batches(*stripes), np.arange(2))
    assert scores["fine"] > 0.95


def test_the_gradient_is_clipped_as_a_whole(stripes, tmp_path):
    """Beyond the clip, a larger loss changes nothing."""
    weights = []
    for factor in (1.0, 100.0):
        model = classifier(dropout=0)
        fit(
            model, stripes, tmp_path / str(factor), replace(CONFIG, steps=5, clip_norm=1e-7),
            loss_function=lambda labels, logits, factor=factor: factor
            * tasks.class_loss(labels, logits),
        )  # fmt: skip
        weights.append(model.get_weights())
    for one, hundred in zip(*weights, strict=True):
        np.testing.assert_allclose(hundred, one, atol=1e-6)


@pytest.mark.parametrize("momentum", [None, 0.9])
def test_the_rate_warms_up_then_falls_as_a_cosine_and_kernels_alone_decay(
    momentum, stripes, tmp_path
):
    """Without a gradient only the decay is left: w *= 1 - rate * decay at every step."""
    config = replace(
        CONFIG, steps=30, warmup_steps=10, learning_rate=0.1, weight_decay=0.5, momentum=momentum
    )
    model = classifier()
    model.get_layer("conv").bias.assign(np.arange(1, 9))
    before = {weight.path: weight.numpy() for weight in model.trainable_weights}
    fit(
        model, stripes, tmp_path, config,
        loss_function=lambda labels, logits: 0.0 * tf.reduce_sum(logits, axis=1),
    )  # fmt: skip
    rates = [
        0.1 * step / 10 if step < 10 else 0.05 * (1 + np.cos(np.pi * (step - 10) / 20))
        for step in range(30)
    ]
    kept = np.prod(1 - 0.5 * np.array(rates))
    for weight in model.trainable_weights:
        factor = kept if weight.name == "kernel" else 1.0
        np.testing.assert_allclose(weight, factor * before[weight.path], rtol=1e-5)


def test_sgd_has_momentum_and_need_not_be_clipped(stripes, tmp_path):
    """Under the sum of the logits, times 100, their biases have a gradient of 100."""
    config = replace(CONFIG, steps=20, momentum=0.9, clip_norm=None)
    model = classifier()
    fit(
        model, stripes, tmp_path, config,
        loss_function=lambda labels, logits: 100.0 * tf.reduce_sum(logits, axis=1),
    )  # fmt: skip
    bias = velocity = 0.0
    for step in range(20):
        rate = 5e-3 * (step / 10 if step < 10 else 0.5 * (1 + np.cos(np.pi * (step - 10) / 10)))
        velocity = 0.9 * velocity - rate * 100.0
        bias += velocity
    np.testing.assert_allclose(model.get_layer("logits").bias, [bias, bias], rtol=1e-4)


# Judging


@pytest.mark.parametrize("n_examples", [3, 8, 13])
def test_examples_are_judged_in_order_by_any_number_of_replicas(n_examples, stripes, two_replicas):
    images, labels = stripes

    def batches():
        everything = tf.data.Dataset.from_tensor_slices((images / np.float32(255), labels))
        return everything.repeat().batch(BATCH_SIZE)

    def judgement(targets, logits):
        return {"target": tf.cast(targets, tf.float32), "logits": logits}

    for strategy in (ONE_DEVICE, two_replicas):
        with strategy.scope():
            model = classifier()
        found = judge(model, judgement, batches, n_examples, BATCH_SIZE, strategy)
        np.testing.assert_array_equal(found["target"], labels[:n_examples])
        expected = model(images[:n_examples] / np.float32(255), training=False)
        np.testing.assert_allclose(found["logits"], expected, atol=1e-6)


def test_a_batch_is_split_evenly_or_not_at_all(two_replicas):
    with pytest.raises(ValueError, match="batch of 7 cannot be split over 2 replicas"):
        distributed_batches(two_replicas, lambda: None, 7)


# Tasks


def test_the_loss_is_the_cross_entropy_of_each_example():
    logits = np.random.default_rng(0).normal(size=(5, 3)).astype(np.float32)
    labels = np.array([0, 2, 1, 1, 0])
    share = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    expected = -np.log(share[np.arange(5), labels])
    np.testing.assert_allclose(tasks.class_loss(labels, logits), expected, rtol=1e-5)


def test_accuracy_counts_classes_and_categories():
    """The model answers with its input; its dropout must not act."""
    model = keras.Sequential([keras.Input((6,)), keras.layers.Dropout(0.9)])
    category_of_class = np.array([0, 0, 1, 1, 2, 2])
    answers, truth = np.array([0, 1, 2, 4, 5]), np.array([0, 0, 3, 4, 1])
    inputs = np.eye(6, dtype=np.float32)[answers]
    batches = [(inputs[:3], truth[:3]), (inputs[3:], truth[3:])]
    assert tasks.class_accuracy(model, batches, category_of_class) == {
        "fine": 2 / 5,  # 0 for 0 and 4 for 4
        "category": 4 / 5,  # and 1 for 0 and 2 for 3; but 5 for 1 is another category
    }


@pytest.mark.parametrize("noise_sd", [0.0, 0.3])
def test_noise_is_as_strong_as_asked(noise_sd):
    grey = np.full((64, 64, 3), 0.5, np.float32)
    images = [
        datasets.augment_image(grey, tf.constant([0, n], tf.int64), noise_sd).numpy()
        for n in range(40)
    ]
    strengths = np.array([image.std(axis=(0, 1)).mean() for image in images])
    assert strengths.max() <= noise_sd + 0.01
    # Three of ten images get none, the others any strength.
    assert (strengths.max() > 0.2) == (np.mean(strengths > 0.01) > 0.4) == (noise_sd > 0)
