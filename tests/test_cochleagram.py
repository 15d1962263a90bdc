"""The cochleagram against a NumPy twin, the authors' own output, and itself at several rates."""

import dataclasses
import functools
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from model_metamers.frontends import erb
from model_metamers.frontends.cochleagram import Cochleagram
from model_metamers.frontends.erb import CochleagramConfig

# The authors' own code on a spoken clip and on pink noise, and the gradient between the two.
AUTHORS_GOLDEN = Path(__file__).resolve().parent / "golden" / "cochleagram_authors_code.npz"
PAPER = CochleagramConfig()
SMALL = CochleagramConfig(
    sample_rate_hz=4000, n_samples=2400, envelope_rate_hz=100,
    low_hz=40.0, high_hz=1800.0, n_filters=10, sample_factor=2,
)  # fmt: skip
OTHERS = {
    "small": SMALL,
    "40 ms": CochleagramConfig(n_samples=800, sample_factor=1),
    "odd samples per frame": dataclasses.replace(SMALL, sample_rate_hz=3700, n_samples=2220),
    "one filter": dataclasses.replace(SMALL, n_filters=1, sample_factor=1),
    "up to half the sample rate": dataclasses.replace(SMALL, low_hz=0.0, high_hz=2000.0),
    "slow envelopes": dataclasses.replace(SMALL, envelope_rate_hz=5, exponent=0.5, scale=10.0),
}
METHODS = ("exact", "multirate")
# Relative L2 errors allowed. The power of 0.3 magnifies float32 rounding in quiet frames.
TOLERANCE = {"exact": 1e-4, "multirate": 2e-3}


def twin(waveform, config):
    """Cochleagram in float64, filter by filter and frame by frame."""
    n, rate, s = config.n_samples, config.sample_rate_hz, config.sample_factor
    step = rate // config.envelope_rate_hz
    frequency = np.arange(n // 2 + 1) * rate / n

    def erbs(f):
        return 9.265 * np.log(1 + f / (24.7 * 9.265))

    n_band_pass = s * (config.n_filters + 1) - 1
    ends = erbs(config.low_hz), erbs(config.high_hz)
    spacing = (ends[1] - ends[0]) / (n_band_pass + 1)
    rows = []
    for k in range(1, n_band_pass + 1):
        x = (erbs(frequency) - ends[0] - k * spacing) / (2 * s * spacing)
        rows.append((np.cos(np.pi * x) * (abs(x) < 0.5), ends[0] + k * spacing))
    low = [np.sqrt(1 - h**2) * (erbs(frequency) < e) for h, e in rows[:s]]
    high = [np.sqrt(1 - h**2) * (erbs(frequency) > e) for h, e in rows[-s:]]
    bank = np.array(low + [h for h, _ in rows] + high) / np.sqrt(s)

    spectrum = np.fft.rfft(waveform.astype(np.float64))
    taps = 10 * step + 1
    times = np.arange(taps) - taps / 2
    kernel = np.sinc(times / step) / step * np.kaiser(taps, 5)
    left = (taps - step) // 2
    rows = []
    for response in bank:
        band = np.fft.ifft(np.concatenate([response * spectrum, np.zeros(n // 2 - 1)]))
        padded = np.pad(abs(band), [left, taps - step - left])
        frames = [padded[start : start + taps] @ kernel for start in range(0, n, step)]
        rows.append((np.maximum(frames, 0) * config.scale) ** config.exponent)
    return np.array(rows)


def sounds(config):
    """Voiced sound, noise, clicks, tones, in [-1, 1], float32 [name] -> [samples].

    All but two clicks have a noise floor, as recordings have: where a band is silent, the exact
    method too returns rounding errors, magnified by the power.
    """
    rng = np.random.default_rng(0)
    t = np.arange(config.n_samples) / config.sample_rate_hz
    pitch_hz = 120 + 20 * np.sin(2 * np.pi * 1.5 * t)
    phase = 2 * np.pi * np.cumsum(pitch_hz) / config.sample_rate_hz
    voice = sum(np.cos(k * phase) / k for k in range(1, 30) if 180 * k < config.sample_rate_hz)
    floor, noise = rng.standard_normal((2, config.n_samples)) * [[1e-3], [0.1]]
    clicks = np.zeros(config.n_samples)
    clicks[[config.n_samples // 7, config.n_samples // 2]] = 1
    waveforms = {
        "voice": 0.1 * voice * np.sin(2 * np.pi * 3 * t) ** 2 + floor,
        "noise": noise,
        "clicks": clicks,
        "clicks in noise": clicks + floor / 100,
        "tone": 0.1 * np.sin(2 * np.pi * 600 * t) + floor,
        "rising tone": 0.1 * np.sin(2 * np.pi * 400 * t * (1 + t)) + floor,
    }
    return {name: waveform.astype(np.float32) for name, waveform in waveforms.items()}


@functools.cache
def twins(config):
    """Return the sounds and their cochleagrams of the twin, [name] -> (waveform, cochleagram)."""
    return {name: (waveform, twin(waveform, config)) for name, waveform in sounds(config).items()}


def relative_error(actual, expected):
    return np.linalg.norm(actual - expected) / np.linalg.norm(expected)


def cosine(a, b):
    a, b = np.float64(a).ravel(), np.float64(b).ravel()
    return a @ b / np.linalg.norm(a) / np.linalg.norm(b)


def loss_gradient(layer, waveforms, target):
    """Gradient of half the squared distance to `target`, with respect to the waveforms."""
    waveforms = tf.constant(waveforms)
    with tf.GradientTape() as tape:
        tape.watch(waveforms)
        loss = tf.nn.l2_loss(layer(waveforms) - target)
    return loss.numpy(), tape.gradient(loss, waveforms).numpy()


@pytest.fixture(scope="module")
def layers():
    return {method: Cochleagram(method=method) for method in METHODS}


@pytest.fixture(scope="module")
def authors():
    return np.load(AUTHORS_GOLDEN)


def test_the_papers_bank_has_211_filters_and_40_instead_of_50_gives_the_171_of_its_text():
    assert (PAPER.n_bands, PAPER.n_frames) == (211, 400)
    assert PAPER.n_bands * PAPER.n_frames == 84_400  # Tables S2 to S4
    assert dataclasses.replace(PAPER, n_filters=40).n_bands == 171


def test_filters_are_half_cosines_in_erb_number_spaced_a_quarter_of_a_half_width():
    bank = erb.filterbank(PAPER)
    assert bank.shape == (211, 20_001)
    numbers = erb.erb_number(np.arange(20_001) / 2)
    spacing = (erb.erb_number(8000.0) - erb.erb_number(20.0)) / 204
    for row in (4, 100, 206):  # the first, a middle and the last band-pass filter
        centre = erb.erb_number(20.0) + (row - 3) * spacing
        inside = np.abs(numbers - centre) < 4 * spacing
        expected = np.cos(np.pi * (numbers - centre) / (8 * spacing)) / 2
        np.testing.assert_allclose(bank[row, inside], expected[inside], atol=1e-12)
        assert not bank[row, ~inside].any()


def test_the_squared_filters_add_up_to_one_so_that_no_energy_is_lost():
    np.testing.assert_allclose((erb.filterbank(PAPER) ** 2).sum(axis=0), 1.0, atol=0.01)


def test_erb_numbers_and_frequencies_are_inverse():
    frequency_hz = np.array([0.0, 20.0, 1000.0, 8000.0])
    np.testing.assert_allclose(
        erb.frequency_of_erb_number(erb.erb_number(frequency_hz)), frequency_hz, atol=1e-9
    )


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("name", OTHERS)
def test_any_configuration_agrees_with_the_twin(name, method):
    config = OTHERS[name]
    layer = Cochleagram(config, method)
    for sound, (waveform, expected) in twins(config).items():
        cochleagram = layer(waveform[None]).numpy()[0]
        assert cochleagram.shape == (config.n_bands, config.n_frames)
        error = relative_error(cochleagram, expected)
        assert error < TOLERANCE[method], (sound, error)


@pytest.mark.parametrize("method", METHODS)
def test_the_papers_cochleagram_agrees_with_the_twin(layers, method):
    pairs = twins(PAPER)
    cochleagrams = layers[method](np.stack([waveform for waveform, _ in pairs.values()])).numpy()
    assert cochleagrams.shape == (6, 211, 400) and cochleagrams.dtype == np.float32
    for (sound, (_, expected)), cochleagram in zip(pairs.items(), cochleagrams, strict=True):
        error = relative_error(cochleagram, expected)
        assert error < TOLERANCE[method], (sound, error)


@pytest.mark.parametrize("method", METHODS)
def test_gradients_agree_with_finite_differences_of_the_twin(method):
    """Along random directions; the waveform is loud enough for no slope to be clipped."""
    config = dataclasses.replace(SMALL, low_hz=400.0, n_filters=12)  # few quiet cells
    rng = np.random.default_rng(1)
    waveform = sounds(config)["noise"] * 10
    target = twin(rng.standard_normal(config.n_samples), config)
    _, gradient = loss_gradient(Cochleagram(config, method), waveform[None], target)
    for _ in range(5):
        direction = rng.standard_normal(config.n_samples)
        after, before = (
            0.5 * np.sum((twin(waveform + sign * 1e-5 * direction, config) - target) ** 2)
            for sign in (1, -1)
        )
        expected = (after - before) / 2e-5
        # Relative to the slope that a random direction has; a cosine of 0.9999 is 1.4 percent.
        bound = {"exact": 1e-3, "multirate": 0.03}[method] * np.linalg.norm(gradient)
        assert abs(gradient[0] @ direction - expected) < bound


def test_the_gradients_of_the_two_methods_agree(layers):
    waveforms = sounds(PAPER)
    target = layers["exact"](waveforms["voice"][None])
    for sound in ("noise", "rising tone", "clicks"):
        loss, gradient = loss_gradient(layers["exact"], waveforms[sound][None], target)
        fast_loss, fast_gradient = loss_gradient(
            layers["multirate"], waveforms[sound][None], target
        )
        assert abs(fast_loss / loss - 1) < 1e-3
        assert cosine(fast_gradient, gradient) > 0.9999


@pytest.mark.parametrize("method", METHODS)
def test_the_authors_cochleagrams_loss_and_gradient(layers, authors, method):
    natural, pink = authors["natural_waveform"][None], authors["pink_noise"][None]
    bound = {"exact": 1e-4, "multirate": 2e-3}[method]
    expected = authors["natural_cochleagram"], authors["pink_cochleagram"]
    for waveform, cochleagram in zip((natural, pink), expected, strict=True):
        assert relative_error(layers[method](waveform)[0], cochleagram) < bound
    loss, gradient = loss_gradient(layers[method], pink, layers[method](natural))
    assert abs(loss / authors["l2_loss"] - 1) < 1e-3
    assert cosine(gradient, authors["loss_gradient"]) > 0.9999


@pytest.mark.parametrize(
    "config, method", [(SMALL, "exact"), (SMALL, "multirate"), (PAPER, "multirate")]
)
def test_extreme_waveforms_have_finite_values_and_gradients(config, method, layers):
    """One by one: the exact method, which silence is left to, takes 300 MB each at full size."""
    t = np.arange(config.n_samples)
    click = t == config.n_samples // 2
    step = t > config.n_samples // 2
    alternating = (-1.0) ** t
    waveforms = np.float32([
        0 * t, 1 + 0 * t, 1e-30 + 0 * t, 1e-42 * alternating, click, step, 1e-25 * click,
        np.sign(np.sin(0.1 * t + 0.05)), alternating, 1e6 * (-1.0) ** (t // 50),
    ])  # fmt: skip
    layer = layers[method] if config == PAPER else Cochleagram(config, method)
    for i in range(len(waveforms)):
        for target in (0.0, 1.0):
            loss, gradient = loss_gradient(layer, waveforms[i : i + 1], target)
            assert np.isfinite(loss) and np.isfinite(gradient).all(), i
            assert i > 0 or not gradient.any()  # silence


@pytest.mark.parametrize("method", METHODS)
def test_the_slope_of_the_power_is_clipped_at_one(method):
    """In a waveform so quiet that every slope is clipped, the power acts as the identity."""
    waveform = 1e-6 * sounds(SMALL)["noise"][None]
    linear = dataclasses.replace(SMALL, exponent=1.0)
    assert Cochleagram(linear, method)(waveform).numpy().max() < 0.1  # slope 0.3 * 0.1 ** -0.7 > 1
    gradients = []
    for config in (SMALL, linear):
        layer, variable = Cochleagram(config, method), tf.constant(waveform)
        with tf.GradientTape() as tape:
            tape.watch(variable)
            total = tf.reduce_sum(layer(variable))
        gradients.append(tape.gradient(total, variable).numpy())
    np.testing.assert_allclose(*gradients, rtol=1e-5, atol=1e-5 * np.abs(gradients[1]).max())


@pytest.mark.parametrize("method", METHODS)
def test_a_stimulus_does_not_depend_on_its_batch_mates(method):
    layer = Cochleagram(SMALL, method)
    waveforms = np.stack(list(sounds(SMALL).values()))
    alone = np.concatenate([layer(waveform[None]) for waveform in waveforms])
    np.testing.assert_allclose(layer(waveforms), alone, rtol=1e-4)


@pytest.mark.parametrize("method", METHODS)
def test_inside_a_graph_with_unknown_batch_and_after_saving(method, tmp_path):
    waveform = keras.Input((SMALL.n_samples,), name="waveform")
    model = keras.Model(waveform, Cochleagram(SMALL, method, name="cochleagram")(waveform))
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    assert again.get_layer("cochleagram").config == SMALL
    assert again.get_layer("cochleagram").method == method
    assert model.output_shape == (None, SMALL.n_bands, SMALL.n_frames)
    waveforms = np.stack(list(sounds(SMALL).values()))
    np.testing.assert_allclose(again(waveforms), Cochleagram(SMALL, method)(waveforms), rtol=1e-4)


@pytest.mark.parametrize("method", METHODS)
def test_eagerly_in_a_function_and_in_a_graph_of_tensorflow_1(method):
    waveforms = np.stack(list(sounds(SMALL).values()))
    eager = loss_gradient(Cochleagram(SMALL, method), waveforms, 1.0)
    layer = Cochleagram(SMALL, method)

    @tf.function
    def traced(waveforms):
        loss = tf.nn.l2_loss(layer(waveforms) - 1.0)
        return loss, tf.gradients(loss, waveforms)[0]

    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        placeholder = tf.compat.v1.placeholder(tf.float32, waveforms.shape)
        loss = tf.nn.l2_loss(Cochleagram(SMALL, method)(placeholder) - 1.0)
        fetches = loss, tf.gradients(loss, placeholder)[0]
        of_session = session.run(fetches, {placeholder: waveforms})
    for loss, gradient in (traced(tf.constant(waveforms)), of_session):
        assert abs(loss / eager[0] - 1) < 1e-5
        assert relative_error(gradient, eager[1]) < 1e-3


def test_it_stays_in_float32_under_another_policy():
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        layer = Cochleagram(SMALL)
    finally:
        keras.config.set_dtype_policy("float32")
    assert layer(sounds(SMALL)["voice"][None]).dtype == tf.float32


def test_waveforms_of_another_length_and_unknown_methods_are_refused():
    with pytest.raises(ValueError, match=r"shape \[batch, 2400\] at 4000 Hz; got \[1, 2399\]"):
        Cochleagram(SMALL)(np.zeros((1, 2399), np.float32))
    with pytest.raises(ValueError, match="'fast'; choose from: multirate, exact"):
        Cochleagram(method="fast")


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"n_samples": 0}, "n_samples must be positive; got 0"),
        ({"n_filters": -1}, "n_filters must be positive"),
        ({"scale": float("nan")}, "scale must be positive; got nan"),
        ({"sample_rate_hz": 20_000.5}, "sample_rate_hz must be a whole number"),
        ({"high_hz": 10_001.0}, "half of sample_rate_hz; .*10001"),
        ({"low_hz": 8000.0}, "low_hz < high_hz"),
        ({"low_hz": float("nan")}, "low_hz < high_hz"),
        ({"envelope_rate_hz": 300}, "must divide sample_rate_hz; got 300 and 20000"),
        ({"n_samples": 40_010}, "even and a multiple of 100, .*got 40010"),
        ({"n_samples": 25, "envelope_rate_hz": 4000}, "even and a multiple of 5"),
    ],
)
def test_impossible_parameters_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        CochleagramConfig(**changes)


def test_a_waveform_too_short_for_its_filters_is_refused():
    config = CochleagramConfig(n_samples=400)
    with pytest.raises(ValueError, match=r"400 samples .*use a longer waveform or fewer filters"):
        Cochleagram(config)
