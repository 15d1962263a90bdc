"""Log-mel and MFCC front ends against float64 twins, written from the published definitions."""

import dataclasses

import keras
import numpy as np
import pytest
import scipy.fft
import scipy.signal
import tensorflow as tf

from model_metamers.frontends.log_mel import LogMel, LogMelConfig, mel_bank
from model_metamers.frontends.mfcc import (
    Mfcc,
    MfccConfig,
    TensorflowMfcc,
    TensorflowMfccConfig,
    htk_mel_bank,
    rounded_mel_bank,
)

SMALL = {"sample_rate_hz": 8000, "n_samples": 2500, "high_hz": 3900.0}
LOG_MEL = {
    "VGGish's": LogMelConfig(),
    "small": LogMelConfig(**SMALL, window_samples=256, step_samples=100, n_bands=20, offset=1.0),
    "one frame": LogMelConfig(**SMALL | {"n_samples": 200}, window_samples=200, n_bands=20),
}
MFCC = {
    "DeepSpeech's": MfccConfig(),
    "small": MfccConfig(
        **SMALL, window_samples=200, step_samples=90, n_bands=15, n_coefficients=10, lifter=12,
        pre_emphasis=0.9, full_scale=1000.0,
    ),
    "one frame": MfccConfig(**SMALL | {"n_samples": 512}, n_bands=20, n_coefficients=20),
    "nothing left over": MfccConfig(n_samples=512 + 3 * 320),
}  # fmt: skip
TENSORFLOW_MFCC = {
    "the keyword networks'": TensorflowMfccConfig(),
    # low_hz lies 1.6 bins up, so that HTK's rule leaves out bin 2.
    "small": TensorflowMfccConfig(
        **SMALL, window_samples=256, step_samples=100, n_bands=20, n_coefficients=13, low_hz=50.0
    ),
    "one frame": TensorflowMfccConfig(**SMALL | {"n_samples": 640}, n_bands=12),
}
every_config = pytest.mark.parametrize(
    "layer_class, config",
    [pytest.param(LogMel, config, id=f"log-mel, {name}") for name, config in LOG_MEL.items()]
    + [pytest.param(Mfcc, config, id=f"MFCC, {name}") for name, config in MFCC.items()]
    + [
        pytest.param(TensorflowMfcc, config, id=f"TensorFlow's MFCC, {name}")
        for name, config in TENSORFLOW_MFCC.items()
    ],
)
every_layer = pytest.mark.parametrize(
    "layer_class, config",
    [
        pytest.param(LogMel, LogMelConfig(), id="log-mel"),
        pytest.param(Mfcc, MfccConfig(), id="MFCC"),
        pytest.param(TensorflowMfcc, TensorflowMfccConfig(), id="TensorFlow's MFCC"),
    ],
)


def mels(frequency_hz):
    return 2595 * np.log10(1 + frequency_hz / 700)


def log_mel_twin(waveform, config):
    """In float64, frame by frame and band by band."""
    bins_hz = np.arange(config.fft_samples // 2 + 1) * config.sample_rate_hz / config.fft_samples
    ends = mels(config.low_hz), mels(config.high_hz)
    spacing = (ends[1] - ends[0]) / (config.n_bands + 1)
    window = scipy.signal.get_window("hann", config.window_samples)  # periodic
    rows = []
    for start in range(0, len(waveform) - config.window_samples + 1, config.step_samples):
        frame = np.float64(waveform[start : start + config.window_samples])
        spectrum = abs(scipy.fft.rfft(frame * window, config.fft_samples))
        row = []
        for band in range(1, config.n_bands + 1):
            triangle = 1 - abs(mels(bins_hz) - ends[0] - band * spacing) / spacing
            row.append(spectrum[1:] @ np.maximum(triangle, 0)[1:])
        rows.append(np.log(np.array(row) + config.offset))
    return np.array(rows)


def mfcc_twin(waveform, config):
    """In float64, by the sums that define the filters and the cosine transform."""
    n, window_samples = config.fft_samples, config.window_samples
    samples = np.float64(waveform) * config.full_scale
    emphasised = scipy.signal.lfilter([1, -config.pre_emphasis], 1, samples)
    ends = np.linspace(mels(config.low_hz), mels(config.high_hz), config.n_bands + 2)
    corners = np.floor((n + 1) * 700 * (10 ** (ends / 2595) - 1) / config.sample_rate_hz)
    window = 0.54 - 0.46 * np.cos(2 * np.pi * np.arange(window_samples) / (window_samples - 1))
    rows, start = [], 0
    while start == 0 or start + window_samples - config.step_samples < len(samples):
        frame = np.zeros(window_samples)
        rest = emphasised[start : start + window_samples]
        frame[: len(rest)] = rest
        power = abs(scipy.fft.rfft(frame * window, n)) ** 2 / n
        bands = np.zeros(config.n_bands)
        for band in range(config.n_bands):
            low, centre, high = corners[band : band + 3]
            for k in range(int(low), int(centre)):
                bands[band] += power[k] * (k - low) / (centre - low)
            for k in range(int(centre), int(high)):
                bands[band] += power[k] * (high - k) / (high - centre)
        logs = np.log(np.where(bands == 0, np.finfo(float).eps, bands))
        row = [np.log(power.sum() or np.finfo(float).eps)]
        for k in range(1, config.n_coefficients):
            cosine = np.cos(np.pi * k * (np.arange(config.n_bands) + 0.5) / config.n_bands)
            lift = 1 + config.lifter / 2 * np.sin(np.pi * k / config.lifter)
            row.append(lift * np.sqrt(2 / config.n_bands) * (cosine @ logs))
        rows.append(row)
        start += config.step_samples
    return np.array(rows)


def tensorflow_mfcc_twin(waveform, config):
    """In float64, bin by bin, each of which the bands on either side of it share."""
    bin_hz = config.sample_rate_hz / config.fft_samples
    ends = mels(config.low_hz), mels(config.high_hz)
    spacing = (ends[1] - ends[0]) / (config.n_bands + 1)
    window = np.sin(np.pi * np.arange(config.window_samples) / config.window_samples) ** 2
    rows = []
    for start in range(0, len(waveform) - config.window_samples + 1, config.step_samples):
        frame = np.float64(waveform[start : start + config.window_samples])
        spectrum = abs(scipy.fft.rfft(frame * window, config.fft_samples))
        bands = np.zeros(config.n_bands + 2)  # one more at either end, of which nothing is used
        for k in range(int(1.5 + config.low_hz / bin_hz), int(config.high_hz / bin_hz) + 1):
            band, share = divmod((mels(k * bin_hz) - ends[0]) / spacing, 1)
            bands[int(band)] += (1 - share) * spectrum[k]
            bands[min(int(band) + 1, config.n_bands + 1)] += share * spectrum[k]
        logs = np.log(np.maximum(bands[1:-1], 1e-12))
        n, phases = config.n_bands, np.arange(config.n_bands) + 0.5
        rows.append([
            np.sqrt(2 / n) * np.cos(np.pi / n * k * phases) @ logs
            for k in range(config.n_coefficients)
        ])  # fmt: skip
    return np.array(rows)


TWINS = {LogMel: log_mel_twin, Mfcc: mfcc_twin, TensorflowMfcc: tensorflow_mfcc_twin}


def sounds(config):
    """Noise, a voice on a noise floor and a rising tone on one, [3, samples] in [-1, 1]."""
    rng = np.random.default_rng(0)
    t = np.arange(config.n_samples) / config.sample_rate_hz
    voice = sum(np.cos(2 * np.pi * 130 * k * t) / k for k in range(1, 25))
    floor, noise = rng.standard_normal((2, config.n_samples)) * [[1e-3], [0.1]]
    rising = np.sin(2 * np.pi * 300 * t * (1 + t))
    waveforms = [noise, 0.1 * voice * np.sin(9 * t) ** 2 + floor, 0.1 * rising + floor]
    return np.array(waveforms, np.float32)


@every_config
def test_features_agree_with_the_twin(layer_class, config):
    waveforms = sounds(config)
    features = layer_class(config)(waveforms).numpy()
    expected = np.stack([TWINS[layer_class](waveform, config) for waveform in waveforms])
    assert features.dtype == np.float32 and features.shape == expected.shape
    # Logarithms of float32 spectra; the lifter multiplies them by up to 12.
    np.testing.assert_allclose(features, expected, rtol=1e-4, atol=2e-3)


def test_the_networks_shapes_are_the_published_ones():
    assert (LogMelConfig().n_frames, LogMelConfig().fft_samples) == (198, 512)
    assert (MfccConfig().n_frames, MfccConfig().fft_samples) == (100, 512)
    assert LogMel()(np.zeros((1, 32_000), np.float32)).shape == (1, 198, 64)
    assert Mfcc()(np.zeros((1, 32_000), np.float32)).shape == (1, 100, 26)
    assert (TensorflowMfccConfig().n_frames, TensorflowMfccConfig().fft_samples) == (49, 1024)
    assert TensorflowMfcc()(np.zeros((1, 16_000), np.float32)).shape == (1, 49, 10)


def test_another_length_is_refused_at_every_call():
    layer = Mfcc()
    for _ in range(2):
        with pytest.raises(ValueError, match="40000"):
            layer(np.zeros((1, 40_000), np.float32))
        layer(np.zeros((1, 32_000), np.float32))


def test_log_mel_is_that_of_tensorflows_own_mel_matrix():
    """A third opinion: TensorFlow has VGGish's filters too."""
    config = LogMelConfig()
    bank = tf.signal.linear_to_mel_weight_matrix(64, 257, 16_000, 125.0, 7500.0, tf.float64)
    np.testing.assert_allclose(mel_bank(config), bank, atol=1e-6)


@pytest.mark.parametrize("config", TENSORFLOW_MFCC.values(), ids=TENSORFLOW_MFCC)
@pytest.mark.parametrize("scale", [1.0, 1e-3, 0.0])
def test_tensorflows_mfccs_are_those_of_its_operations(config, scale):
    """The operations have no gradient, and a floor, which silence shows."""
    waveforms = scale * sounds(config)
    features = TensorflowMfcc(config)(waveforms).numpy()
    for waveform, ours in zip(waveforms, features, strict=True):
        power = tf.raw_ops.AudioSpectrogram(
            input=waveform[:, None], window_size=config.window_samples,
            stride=config.step_samples, magnitude_squared=True,
        )  # fmt: skip
        theirs = tf.raw_ops.Mfcc(
            spectrogram=power, sample_rate=config.sample_rate_hz,
            upper_frequency_limit=config.high_hz, lower_frequency_limit=config.low_hz,
            filterbank_channel_count=config.n_bands, dct_coefficient_count=config.n_coefficients,
        )[0]  # fmt: skip
        # Rounding of float32: coefficient 0 of silence is -27.6 sqrt(2 n_bands).
        np.testing.assert_allclose(ours, theirs, rtol=5e-7, atol=5e-5)


def test_no_band_of_the_networks_is_empty():
    banks = (
        mel_bank(LogMelConfig()),
        rounded_mel_bank(MfccConfig()),
        htk_mel_bank(TensorflowMfccConfig()),
    )
    for bank in banks:
        assert (bank.max(axis=0) > 0.5).all() and bank.min() == 0 and bank.max() <= 1


def gradient_of(layer, waveforms, target):
    waveforms = tf.constant(waveforms)
    with tf.GradientTape() as tape:
        tape.watch(waveforms)
        loss = tf.nn.l2_loss(layer(waveforms) - target)
    return tape.gradient(loss, waveforms).numpy()


@pytest.mark.parametrize(
    "layer_class, config",
    # Loud, or with an offset, so that every slope of the logarithm is below the clip.
    [
        (LogMel, LOG_MEL["small"]),
        (Mfcc, MFCC["small"]),
        (TensorflowMfcc, TENSORFLOW_MFCC["small"]),
    ],
)
def test_gradients_agree_with_finite_differences_of_the_twin(layer_class, config):
    rng = np.random.default_rng(1)
    waveform, other = sounds(config)[:2] * 10
    target = TWINS[layer_class](other, config)
    gradient = gradient_of(layer_class(config), waveform[None], target)[0]
    for _ in range(5):
        direction = rng.standard_normal(config.n_samples)
        after, before = (
            0.5 * np.sum((TWINS[layer_class](waveform + s * direction, config) - target) ** 2)
            for s in (1e-5, -1e-5)
        )
        error = abs(gradient @ direction - (after - before) / 2e-5)
        assert error < 2e-3 * np.linalg.norm(gradient)


def test_the_slope_of_the_logarithm_is_clipped_at_one():
    """In a sound so quiet that every slope is clipped, the logarithm acts as the identity."""
    config, rng = LogMelConfig(**SMALL, window_samples=256, n_bands=20), np.random.default_rng(1)
    waveform, direction = 1e-3 * sounds(config)[0], rng.standard_normal(config.n_samples)
    bands = np.exp(log_mel_twin(waveform, config))
    assert bands.min() > 0.01 and bands.max() < 1  # slopes of 100 to 1
    variable = tf.constant(waveform[None])
    with tf.GradientTape() as tape:
        tape.watch(variable)
        total = tf.reduce_sum(LogMel(config)(variable))
    gradient = tape.gradient(total, variable).numpy()[0]
    after, before = (
        np.exp(log_mel_twin(waveform + step * direction, config)).sum() for step in (1e-8, -1e-8)
    )
    np.testing.assert_allclose(gradient @ direction, (after - before) / 2e-8, rtol=1e-3)


@every_layer
def test_extreme_waveforms_have_finite_features_and_gradients(layer_class, config):
    t = np.arange(config.n_samples)
    click = t == config.n_samples // 2
    alternating = (-1.0) ** t
    waveforms = np.float32([
        0 * t, 1 + 0 * t, 1e-30 + 0 * t, 1e-42 * alternating, click, 1e-25 * click,
        t > config.n_samples // 2, np.sign(np.sin(0.1 * t + 0.05)), alternating, 1e6 * alternating,
    ])  # fmt: skip
    layer = layer_class(config)
    assert np.isfinite(layer(waveforms)).all()
    for target in (0.0, 1.0):
        gradient = gradient_of(layer, waveforms, target)
        assert np.isfinite(gradient).all()
        assert not gradient[0].any()  # silence


@every_layer
def test_inside_a_graph_with_unknown_batch_and_after_saving(layer_class, config, tmp_path):
    waveform = keras.Input((config.n_samples,), name="waveform")
    model = keras.Model(waveform, layer_class(config, name="features")(waveform))
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    assert again.get_layer("features").config == config
    waveforms = sounds(config)
    np.testing.assert_allclose(again(waveforms), layer_class(config)(waveforms), rtol=1e-5)
    assert model.output_shape[1:] == again(waveforms).shape[1:]


@every_layer
def test_waveforms_of_another_length_are_refused(layer_class, config):
    n = config.n_samples
    with pytest.raises(ValueError, match=rf"shape \[batch, {n}\] at 16000 Hz; got \[1, {n - 1}\]"):
        layer_class(config)(np.zeros((1, n - 1), np.float32))


@pytest.mark.parametrize(
    "config, changes, message",
    [
        (LogMelConfig(), {"n_bands": 0}, "n_bands must be a positive whole number; got 0"),
        (MfccConfig(), {"step_samples": 1.5}, "step_samples must be a positive whole number"),
        (LogMelConfig(), {"n_samples": 399}, "399 samples is shorter than one window of 400"),
        (LogMelConfig(), {"high_hz": 8001.0}, "high_hz <= half of sample_rate_hz; .*8001"),
        (MfccConfig(), {"low_hz": 8000.0}, "low_hz < high_hz"),
        (LogMelConfig(), {"offset": 0.0}, r"offset must be positive; got 0\.0"),
        (MfccConfig(), {"n_coefficients": 27}, r"1 to n_bands \(26\); got 27"),
        (TensorflowMfccConfig(), {"floor": 0.0}, r"floor must be positive; got 0\.0"),
    ],
)
def test_impossible_parameters_are_refused(config, changes, message):
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(config, **changes)
