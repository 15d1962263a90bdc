"""Cochleagram: the envelopes of a sound in cochlear bands, compressed, as a Keras layer.

    waveform [batch, samples] -> Fourier transform x filters -> complex bands -> magnitude
    -> low-pass, one sample per frame -> relu, x scale, ** 0.3 -> [batch, bands, frames]

With the paper's parameters: 40,000 samples at 20 kHz -> 211 bands x 400 frames at 200 Hz, float32.
Two methods give the same numbers to about one part in ten thousand (a click, whose quiet frames
the power magnifies: two in a thousand):

* "exact" is the computation of the released code: every band at the rate of the waveform.
* "multirate" computes each band at the rate its bandwidth needs. The magnitude of a band does not
  change when the band is shifted to 0 Hz, so a short inverse Fourier transform of the bins its
  filter passes gives the same envelope on a coarser grid, where the same low-pass decimates it.

Source: paper section 3.2; FACTS section 1; the multirate method is ours.
"""

import dataclasses
from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf

from model_metamers.frontends.erb import CochleagramConfig, filterbank
from model_metamers.gradients import magnitude, power_clipped_gradient

POWER_GRADIENT_CLIP = 1.0

# The low-pass spans this many frames and has this Kaiser window. Source: FACTS section 1 (1001
# taps at 100 samples per frame).
LOW_PASS_FRAMES = 10
KAISER_BETA = 5.0

# Grids of the multirate method, in samples per frame: a few, so that many bands share one batched
# transform. A band's grid has OVERSAMPLING samples for each bin its filter passes, because the
# magnitude reaches beyond the band's own width, and GUARD more per frame, so that what the grid
# folds back stays above the low-pass.
GRIDS = (8, 16, 32, 64, 128, 256)
OVERSAMPLING = 4
GUARD = 4


@keras.saving.register_keras_serializable("model_metamers")
class Cochleagram(keras.layers.Layer):
    """Turn waveforms [batch, n_samples] into cochleagrams [batch, n_bands, n_frames], float32.

    Bands run from low to high. The gradient is finite for every finite waveform: where an envelope
    is zero its magnitude has the gradient zero, and the slope of the power is clipped to 1.

    Args:
        config: parameters; those of the paper by default.
        method: "multirate" or "exact" (see the module's docstring).
        **kwargs: of `keras.layers.Layer`.

    Raises:
        ValueError: unknown method, or a waveform of another length.
    """

    def __init__(
        self,
        config: CochleagramConfig = CochleagramConfig(),
        method: str = "multirate",
        **kwargs: object,
    ):
        super().__init__(**{"dtype": "float32"} | kwargs)
        if method not in _METHODS:
            raise ValueError(
                f"unknown cochleagram method {method!r}; choose from: {', '.join(_METHODS)}"
            )
        self.config = config
        self.method = method
        self._envelopes = _METHODS[method](config)

    def build(self, input_shape: tuple) -> None:
        """Check the waveform's shape."""
        if len(input_shape) != 2 or input_shape[1] != self.config.n_samples:
            raise ValueError(
                f"a cochleagram takes waveforms of shape [batch, {self.config.n_samples}] at "
                f"{self.config.sample_rate_hz} Hz; got {list(input_shape)}"
            )
        self.built = True

    def call(self, waveforms: tf.Tensor) -> tf.Tensor:
        """Return the cochleagrams [batch, n_bands, n_frames] of waveforms [batch, n_samples]."""
        envelopes = tf.nn.relu(self._envelopes(waveforms)) * self.config.scale
        return power_clipped_gradient(envelopes, self.config.exponent, POWER_GRADIENT_CLIP)

    def compute_output_shape(self, input_shape: tuple) -> tuple:
        """Return (batch, n_bands, n_frames)."""
        return (input_shape[0], self.config.n_bands, self.config.n_frames)

    def get_config(self) -> dict:
        """Return what Keras needs to build the layer again."""
        own = {"config": dataclasses.asdict(self.config), "method": self.method}
        return super().get_config() | own

    @classmethod
    def from_config(cls, config: dict) -> "Cochleagram":
        """Build the layer from `get_config`."""
        return cls(**config | {"config": CochleagramConfig(**config["config"])})


def _exact_envelopes(config: CochleagramConfig) -> Callable[[tf.Tensor], tf.Tensor]:
    """Return the function from waveforms to envelopes [batch, n_bands, n_frames]."""
    filters = filterbank(config).astype(np.complex64)
    low_pass = _LowPass(config, config.samples_per_frame)

    def envelopes(waveforms: tf.Tensor) -> tf.Tensor:
        bands = tf.signal.rfft(waveforms)[:, None, :] * filters
        # Zeros for the negative frequencies: a real band becomes half its analytic signal.
        bands = tf.pad(bands, [(0, 0), (0, 0), (0, config.n_samples - config.n_bins)])
        return low_pass(magnitude(tf.signal.ifft(bands)))

    return envelopes


def _multirate_envelopes(config: CochleagramConfig) -> Callable[[tf.Tensor], tf.Tensor]:
    """Return the function from waveforms to envelopes [batch, n_bands, n_frames]."""
    groups = _groups(config)
    order = np.concatenate([group.bands for group in groups])
    sorted_to_bands = np.argsort(order)

    def envelopes(waveforms: tf.Tensor) -> tf.Tensor:
        spectra = tf.signal.rfft(waveforms)
        parts = tf.concat([group(spectra) for group in groups], axis=1)
        return tf.gather(parts, sorted_to_bands, axis=1)

    return envelopes


_METHODS = {"multirate": _multirate_envelopes, "exact": _exact_envelopes}


class _Group:
    """The bands that share a grid of `samples_per_frame` samples per frame.

    Attributes:
        bands: their rows in the filterbank.
    """

    def __init__(self, config: CochleagramConfig, bands: np.ndarray, samples_per_frame: int):
        self.bands = bands
        self._n_grid = samples_per_frame * config.n_frames
        self._low_pass = _LowPass(config, samples_per_frame)
        filters = filterbank(config)[bands]
        first, n_passed = _support(filters)
        bins = first[:, None] + np.arange(n_passed.max())
        self._bins = np.minimum(bins, config.n_bins - 1)
        passed = np.take_along_axis(filters, self._bins, axis=1) * (bins < config.n_bins)
        # The two inverse transforms divide by their different lengths.
        self._filters = (passed * self._n_grid / config.n_samples).astype(np.complex64)

    def __call__(self, spectra: tf.Tensor) -> tf.Tensor:
        """Return envelopes [batch, len(bands), n_frames] from spectra [batch, n_bins]."""
        bands = tf.gather(spectra, self._bins, axis=1) * self._filters
        bands = tf.pad(bands, [(0, 0), (0, 0), (0, self._n_grid - bands.shape[-1])])
        return self._low_pass(magnitude(tf.signal.ifft(bands)))


def _groups(config: CochleagramConfig) -> list[_Group]:
    """Give every band the coarsest grid that is fine enough, at most the waveform's own."""
    finest = config.samples_per_frame
    grids = np.array([grid for grid in GRIDS if grid < finest] + [finest])
    _, n_passed = _support(filterbank(config))
    needed = OVERSAMPLING * n_passed / config.n_frames + GUARD
    chosen = grids[np.minimum(np.searchsorted(grids, needed), len(grids) - 1)]
    return [_Group(config, np.flatnonzero(chosen == grid), grid) for grid in np.unique(chosen)]


def _support(filters: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return each filter's first bin that is not zero, and how many bins it spans."""
    passes = filters > 0
    first = passes.argmax(axis=1)
    last = filters.shape[1] - 1 - passes[:, ::-1].argmax(axis=1)
    return first, last - first + 1


class _LowPass:
    """Low-pass and decimation of signals from a grid to one sample per frame.

    A sum over the waveform's samples becomes a sum over a grid of equal or coarser spacing, with
    zeros beyond the two ends of the signal. Each frame weighs the samples of the eleven frames
    around it, so the sum is a convolution of frames whose channels are the samples of a frame.
    """

    def __init__(self, config: CochleagramConfig, samples_per_frame: int):
        self._shape = (config.n_frames, samples_per_frame)
        reach = LOW_PASS_FRAMES // 2
        spacing = config.samples_per_frame / samples_per_frame
        grid = np.arange(-reach * samples_per_frame, (reach + 1) * samples_per_frame)
        weights = spacing * _low_pass_response(grid * spacing, config.samples_per_frame)
        self._kernel = weights.reshape(-1, samples_per_frame, 1).astype(np.float32)
        # The grid's first sample stands for half a spacing on either side, of which the part
        # before the waveform's first sample belongs to the end (the signals are circular).
        frames = config.samples_per_frame * np.arange(config.n_frames)
        at_end = _low_pass_response(config.n_samples - frames, config.samples_per_frame)
        at_start = _low_pass_response(-frames, config.samples_per_frame)
        self._edge = ((spacing - 1) / 2 * (at_end - at_start)).astype(np.float32)

    def __call__(self, signals: tf.Tensor) -> tf.Tensor:
        """Return [batch, bands, n_frames] from [batch, bands, n_frames * samples_per_frame]."""
        in_frames = tf.reshape(signals, (-1, *self._shape))
        filtered = tf.nn.conv1d(in_frames, self._kernel, stride=1, padding="SAME")
        n_bands = signals.shape[1]
        filtered = tf.reshape(filtered, (-1, n_bands, self._shape[0]))
        return filtered + signals[:, :, :1] * self._edge


def _low_pass_response(offset: np.ndarray, samples_per_frame: int) -> np.ndarray:
    """Return the low-pass' weight of a sample `offset` samples after the start of the frame.

    A sinc at half the envelope rate under a Kaiser window. The released code has both half a
    sample apart and aligns them by SAME padding, so the sinc's peak is 50.5 samples after the
    frame's start with 100 samples per frame, and the window's 50. Its sum is not exactly 1.

    Source: FACTS section 1 (downsampling).
    """
    n_taps = LOW_PASS_FRAMES * samples_per_frame + 1
    tap = offset + (n_taps - samples_per_frame) // 2
    from_middle = 2 * tap / (n_taps - 1) - 1
    inside = np.abs(from_middle) <= 1
    window = np.i0(KAISER_BETA * np.sqrt(np.where(inside, 1 - from_middle**2, 0.0)))
    sinc = np.sinc((tap - n_taps / 2) / samples_per_frame) / samples_per_frame
    return np.where(inside, sinc * window / np.i0(KAISER_BETA), 0.0)
