"""Our own files of weights: written, read back, and what they cannot hold."""

import keras
import numpy as np
import pytest

from model_metamers.networks import checkpoints


def normalised_model():
    x = image = keras.Input((4, 4, 3))
    x = keras.layers.Conv2D(4, 3, name="conv.linear")(x)
    x = keras.layers.BatchNormalization(name="conv.BatchNorm")(x)
    return keras.Model(image, keras.layers.Dense(2, name="head")(x))


def randomised(model, seed=0):
    generator = np.random.default_rng(seed)
    for variable in model.weights:
        variable.assign(generator.standard_normal(variable.shape))
    return model


def test_our_own_files_keep_kernels_in_half_and_vectors_in_single(tmp_path):
    model = randomised(normalised_model())
    variances = np.float32([1e6, 1e-9, 1.0, 0.1])
    model.get_layer("conv.BatchNorm").moving_variance.assign(variances)
    checkpoints.save_weights(model, tmp_path / "w.npz")
    loaded = normalised_model()
    checkpoints.load_weights(loaded, tmp_path / "w.npz", "any scope")
    np.testing.assert_array_equal(loaded.get_layer("conv.BatchNorm").moving_variance, variances)
    for ours, saved in zip(loaded.weights, model.weights, strict=True):
        assert ours.dtype == "float32"
        np.testing.assert_allclose(ours, saved, rtol=0 if len(saved.shape) == 1 else 2**-11)
    with np.load(tmp_path / "w.npz") as file:
        assert file["conv/weights"].dtype == np.float16
        assert file["conv/BatchNorm/beta"].dtype == np.float32
    assert [path.name for path in tmp_path.iterdir()] == ["w.npz"]


def test_single_precision_is_exact_and_files_are_reproducible(tmp_path):
    model = randomised(normalised_model())
    for name in ("a.npz", "b.npz"):
        checkpoints.save_weights(model, tmp_path / name, dtype=np.float32)
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()
    loaded = normalised_model()
    checkpoints.load_weights(loaded, tmp_path / "a.npz", "")
    for ours, saved in zip(loaded.weights, model.weights, strict=True):
        np.testing.assert_array_equal(ours, saved)


def test_what_float16_cannot_hold_is_refused_and_the_old_file_kept(tmp_path):
    model = randomised(normalised_model())
    checkpoints.save_weights(model, tmp_path / "w.npz")
    before = (tmp_path / "w.npz").read_bytes()
    model.get_layer("head").kernel.assign(np.full((4, 2), 1e6))
    with pytest.raises(ValueError, match=r"head/weights .* not finite as float16"):
        checkpoints.save_weights(model, tmp_path / "w.npz")
    assert (tmp_path / "w.npz").read_bytes() == before
    with pytest.raises(ValueError, match=r"\.npz files; got"):
        checkpoints.save_weights(model, tmp_path / "w.h5")


def test_pickles_are_not_read(tmp_path):
    np.savez(tmp_path / "w.npz", **{"conv/weights": np.array([{"a": 1}], dtype=object)})
    with pytest.raises(ValueError, match="allow_pickle=False"):
        checkpoints.load_weights(normalised_model(), tmp_path / "w.npz", "")
