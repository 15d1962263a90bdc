"""Hanning pooling: its window, the released code's dense formula, and how little it aliases."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from model_metamers.networks.pooling import HanningPooling2D, hanning_window

STRIDES = (2, 3)


def test_the_window_is_the_published_formula_over_its_sum():
    for size, published_sum in ((12, 30.25), (8, 12.25)):  # of the outer product
        k = np.arange(size)
        published = 0.5 * (1 - np.cos(2 * np.pi * k / (size - 1)))
        np.testing.assert_allclose(np.outer(published, published).sum(), published_sum)
        np.testing.assert_allclose(hanning_window(size), published / np.sqrt(published_sum))


@pytest.mark.parametrize("stride, pool_size", [(3, 12), (2, 8)])
@pytest.mark.parametrize("shape", [(1, 211, 40, 2), (3, 36, 67, 5), (2, 1, 7, 1)])
def test_it_equals_the_dense_convolution(stride, pool_size, shape):
    """As in the released code: a C x C kernel that is zero between different channels."""
    x = np.random.default_rng(0).standard_normal(shape).astype(np.float32)
    window = np.hanning(pool_size) / np.hanning(pool_size).sum()
    channels = shape[-1]
    kernel = np.outer(window, window)[..., None, None] * np.eye(channels)
    expected = tf.nn.conv2d(x, kernel.astype(np.float32), stride, "SAME")
    layer = HanningPooling2D(stride)
    assert layer.pool_size == pool_size
    pooled = layer(x)
    np.testing.assert_allclose(pooled, expected, atol=1e-5)
    assert layer.compute_output_shape(shape) == tuple(pooled.shape)


@pytest.mark.parametrize("stride", STRIDES)
def test_it_averages(stride):
    """A constant stays what it is, away from the zeros beyond the edges."""
    pooled = HanningPooling2D(stride)(np.full((1, 60, 60, 1), 5.0, np.float32)).numpy()
    np.testing.assert_allclose(pooled[0, 5:-5, 5:-5], 5.0, rtol=1e-5)
    assert pooled[0, 0, 0, 0] < 5.0


def amplitude(pooled):
    """Half the range of the varying part, away from the edges."""
    inner = np.asarray(pooled)[0, 6:-6, 6:-6, 0]
    return (inner.max() - inner.min()) / 2


@pytest.mark.parametrize("stride", STRIDES)
@pytest.mark.parametrize("orientation", [0.0, 0.4, np.pi / 2])
def test_gratings_above_the_new_nyquist_limit_vanish_unlike_under_max_pooling(stride, orientation):
    x, y = np.meshgrid(np.arange(120), np.arange(120))
    aliased = []
    nyquist = 0.5 / stride / max(np.cos(orientation), np.sin(orientation))
    for frequency in np.linspace(nyquist, 0.48, 12):
        phase = 2 * np.pi * frequency * (x * np.cos(orientation) + y * np.sin(orientation))
        grating = np.sin(phase + 0.7).astype(np.float32)[None, ..., None]
        assert amplitude(HanningPooling2D(stride)(grating)) <= 0.1  # -20 dB
        aliased.append(amplitude(tf.nn.max_pool2d(grating, stride, stride, "SAME")))
    assert max(aliased) > 0.3


@pytest.mark.parametrize("stride", STRIDES)
def test_slow_gratings_pass(stride):
    grating = np.sin(2 * np.pi * 0.02 * np.arange(300)) * np.ones((300, 1))
    pooled = HanningPooling2D(stride)(grating[None, ..., None].astype(np.float32))
    assert amplitude(pooled) > 0.9


def test_it_is_built_again_from_a_saved_model(tmp_path):
    image = keras.Input((9, 10, 3))
    keras.Model(image, HanningPooling2D(2, pool_size=6)(image)).save(tmp_path / "m.keras")
    layer = keras.models.load_model(tmp_path / "m.keras").layers[-1]
    assert (layer.stride, layer.pool_size) == (2, 6)


def test_impossible_sizes_are_refused():
    with pytest.raises(ValueError, match="stride must be at least 1; got 0"):
        HanningPooling2D(0)
    with pytest.raises(ValueError, match="at least 3 points; got 2"):
        HanningPooling2D(2, pool_size=2)
