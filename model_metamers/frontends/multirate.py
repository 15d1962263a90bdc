"""Envelopes of all cochlear bands, each computed at the rate that its bandwidth needs.

    waveform [batch, samples] -> Fourier transform -> for each grid: the bins that its bands'
    filters pass x filters -> short inverse transform -> magnitude -> low-pass
    -> [batch, bands, frames]

The magnitude of a band does not change when the band is shifted to 0 Hz. So a short inverse
transform of the bins its filter passes gives the same envelope on a coarser grid, where the same
low-pass decimates it. The gradient is written by hand: each stage has its transpose beside it.

Source: the method is ours; FACTS section 1 has what it computes.
"""

import math
from collections.abc import Callable, Sequence

import numpy as np
import tensorflow as tf

from model_metamers.frontends.erb import CochleagramConfig, filterbank
from model_metamers.frontends.low_pass import LOW_PASS_REACH, low_pass_response

# Bins passed per frame, up to -> points of the grid per frame. What a grid folds back limits the
# accuracy. The hardest sound is a click: a band's magnitude then has kinks, evenly spaced by one
# over the bandwidth, and quiet frames on either side, which the power magnifies. A whole number
# of points between kinks meets all of them in the same phase and their errors add up; half a
# point more or less, and they cancel. Hence the zigzag. Measured on 200 clicks, see BUILD_NOTES.
POINTS_PER_FRAME = (
    (0.64, 5.0), (1.03, 8.0), (3.05, 16.0), (3.56, 15.0), (3.87, 16.0), (4.6, 15.0), (5.1, 16.0),
    (5.37, 20.0), (5.6, 15.0),
)  # fmt: skip
# Still wider bands have this many points per bin, in whole multiples of so many per frame.
OVERSAMPLING = 2.9
WIDE_POINTS_PER_FRAME = 12.5

ROW_BINS = 16  # the spectrum is copied in rows, to which the bands' bins are rounded
BLOCK_FRAMES = 10  # frames that one matrix product with the low-pass gives
PAIRS = 16  # complex numbers whose squares one matrix product adds up


def multirate_envelopes(config: CochleagramConfig) -> Callable[[tf.Tensor], tf.Tensor]:
    """Return the function from waveforms to envelopes [batch, n_bands, n_frames]."""
    grids = _grids(config)
    spectrum = _Spectrum(config, grids)
    low_pass = _LowPass(config, grids)

    @tf.custom_gradient
    def envelopes(waveforms: tf.Tensor) -> tf.Tensor:
        rows = spectrum.rows(waveforms)
        signals = [grid.signals(rows) for grid in grids]
        magnitudes = [_magnitude(z) for z in signals]

        def backward(upstream: tf.Tensor) -> tf.Tensor:
            slopes = low_pass.transposed(upstream)
            slopes = [
                tf.cast(tf.math.divide_no_nan(slope, magnitude), tf.complex64) * z
                for slope, magnitude, z in zip(slopes, magnitudes, signals, strict=True)
            ]
            parts = zip(grids, slopes, strict=True)
            return spectrum.transposed([grid.transposed(slope) for grid, slope in parts])

        return low_pass(magnitudes), backward

    return envelopes


class _Grid:
    """The bands that share a grid of `n_points` samples.

    Attributes:
        bands: their rows in the filterbank.
        n_points: samples of the whole waveform's duration.
        rows: for each band, the rows of the spectrum that its filter passes.
    """

    def __init__(self, config: CochleagramConfig, bands: np.ndarray, n_points: int):
        self.bands = bands
        self.n_points = n_points
        filters = filterbank(config)[bands]
        first, n_passed = _support(filters)
        first_row = first // ROW_BINS
        n_rows = ((first + n_passed - 1) // ROW_BINS - first_row).max() + 1
        self.rows = first_row[:, None] + np.arange(n_rows)
        self._n_bins = n_rows * ROW_BINS
        bins = first_row[:, None] * ROW_BINS + np.arange(self._n_bins)
        filters = np.pad(filters, [(0, 0), (0, self._n_bins)])
        # A tensor, not an array, which every graph would hold a copy of.
        self._filters = tf.constant(np.take_along_axis(filters, bins, axis=1), tf.complex64)

    def signals(self, rows: tf.Tensor) -> tf.Tensor:
        """Return the bands at 0 Hz, complex [batch, len(bands), n_points], of spectra in rows."""
        bins = tf.gather(rows, self.rows, axis=1)
        bins = tf.reshape(bins, (-1, *self._filters.shape)) * self._filters
        return tf.signal.ifft(tf.pad(bins, [(0, 0), (0, 0), (0, self.n_points - self._n_bins)]))

    def transposed(self, slopes: tf.Tensor) -> tf.Tensor:
        """Return slopes in rows [batch, n, ROW_BINS] from slopes by signals, x n_points."""
        bins = tf.signal.fft(slopes)[:, :, : self._n_bins] * self._filters
        return tf.reshape(bins, (-1, self.rows.size, ROW_BINS))


def _grids(config: CochleagramConfig) -> list[_Grid]:
    """Give every band its grid, at most the waveform's own."""
    _, n_passed = _support(filterbank(config))
    bins_per_frame = n_passed / config.n_frames
    limits, points = np.transpose(POINTS_PER_FRAME)
    wide = WIDE_POINTS_PER_FRAME * np.ceil(OVERSAMPLING * bins_per_frame / WIDE_POINTS_PER_FRAME)
    interval = np.searchsorted(limits, bins_per_frame)
    per_frame = np.where(bins_per_frame > limits[-1], wide, np.append(points, 0)[interval])
    n_blocks = config.n_frames // _block_frames(config)
    n_points = n_blocks * np.ceil(per_frame * _block_frames(config)).astype(int)
    n_points = np.minimum(n_points, config.n_samples)
    return [_Grid(config, np.flatnonzero(n_points == n), n) for n in np.unique(n_points)]


def _support(filters: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return each filter's first bin that is not zero, and how many bins it spans."""
    passes = filters > 0
    first = passes.argmax(axis=1)
    last = filters.shape[1] - 1 - passes[:, ::-1].argmax(axis=1)
    return first, last - first + 1


def _block_frames(config: CochleagramConfig) -> int:
    return math.gcd(config.n_frames, BLOCK_FRAMES)


def _magnitude(z: tf.Tensor) -> tf.Tensor:
    """Return |z|, float32; `tf.abs` would call hypot for one number at a time."""
    n_pairs = math.gcd(z.shape[-1], PAIRS)
    add_pairs = np.kron(np.eye(n_pairs), np.ones((2, 1))).astype(np.float32)
    squares = tf.reshape(tf.square(tf.bitcast(z, tf.float32)), (-1, 2 * n_pairs))
    return tf.sqrt(tf.reshape(squares @ add_pairs, tf.shape(z)))


class _Spectrum:
    """The waveforms' Fourier transform, cut into rows of ROW_BINS bins."""

    def __init__(self, config: CochleagramConfig, grids: Sequence[_Grid]):
        self._n_samples, self._n_bins = config.n_samples, config.n_bins
        used = np.concatenate([grid.rows.ravel() for grid in grids])
        self._n_rows = max(used.max() + 1, -(-config.n_bins // ROW_BINS))
        # Every row's users, filled up with a row of zeros behind the last one.
        users = [np.flatnonzero(used == row) for row in range(self._n_rows)]
        self._users = np.full((self._n_rows, max(map(len, users))), len(used))
        for row, indices in enumerate(users):
            self._users[row, : len(indices)] = indices
        # A real signal's inverse transform counts every bin but the first and the last twice.
        self._halved = np.full(config.n_bins, 0.5, np.complex64)
        self._halved[[0, -1]] = 1.0

    def rows(self, waveforms: tf.Tensor) -> tf.Tensor:
        """Return [batch, n_rows, ROW_BINS] from [batch, n_samples]."""
        padding = self._n_rows * ROW_BINS - self._n_bins
        spectra = tf.pad(tf.signal.rfft(waveforms), [(0, 0), (0, padding)])
        return tf.reshape(spectra, (-1, self._n_rows, ROW_BINS))

    def transposed(self, slopes: Sequence[tf.Tensor]) -> tf.Tensor:
        """Return slopes by waveforms, from the grids' slopes x n_samples by their rows."""
        slopes = tf.concat([*slopes, tf.zeros_like(slopes[0][:, :1])], axis=1)
        slopes = tf.reduce_sum(tf.gather(slopes, self._users, axis=1), axis=2)
        spectra = tf.reshape(slopes, (-1, self._n_rows * ROW_BINS))[:, : self._n_bins]
        return tf.signal.irfft(spectra * self._halved, [self._n_samples])


class _LowPass:
    """Low-pass and decimation of signals from their grids to one sample per frame.

    A sum over the waveform's samples becomes a sum over a grid of equal or coarser spacing, with
    zeros beyond the two ends of the signal. Block by block of frames, one matrix product gives
    what a block's samples contribute to the frames of the block itself and of its neighbours.
    """

    def __init__(self, config: CochleagramConfig, grids: Sequence[_Grid]):
        self._block = _block_frames(config)
        self._n_blocks = config.n_frames // self._block
        self._reach = -(-LOW_PASS_REACH // self._block)
        self._n_bands = [len(grid.bands) for grid in grids]
        self._order = np.concatenate([grid.bands for grid in grids])
        self._weights = [self._grid_weights(config, grid.n_points) for grid in grids]
        # The inverse transforms divide by their lengths, the waveform's divides by its own.
        self._scales = [np.float32(grid.n_points / config.n_samples) for grid in grids]
        # A grid's first sample stands for half a spacing on either side, of which the part before
        # the waveform's first sample belongs to the end (the signals are circular).
        frames = config.samples_per_frame * np.arange(config.n_frames)
        at_end = low_pass_response(config.n_samples - frames, config.samples_per_frame)
        at_start = low_pass_response(-frames, config.samples_per_frame)
        self._edge = (at_end - at_start).astype(np.float32)

    def _grid_weights(self, config: CochleagramConfig, n_points: int) -> np.ndarray:
        """Return [points of a block, frames of 2 reach + 1 blocks, and one for the edge]."""
        spacing = config.n_samples / n_points
        points = np.arange(n_points // self._n_blocks)
        frames = np.arange(-self._reach * self._block, (self._reach + 1) * self._block)
        offsets = points[:, None] * spacing - frames * config.samples_per_frame
        weights = spacing * low_pass_response(offsets, config.samples_per_frame)
        edge = (spacing - 1) / 2 * (points == 0)
        return np.column_stack([weights, edge]).astype(np.float32)

    def __call__(self, magnitudes: Sequence[tf.Tensor]) -> tf.Tensor:
        """Return [batch, n_bands, n_frames] from the grids' [batch, their bands, n_points]."""
        parts = []
        for m, weights, scale in zip(magnitudes, self._weights, self._scales, strict=True):
            part = tf.reshape(m, (-1, len(weights))) @ (weights * scale)
            parts.append(tf.reshape(part, (-1, m.shape[1], self._n_blocks, weights.shape[1])))
        parts = tf.concat(parts, axis=1)
        reach, block = self._reach, self._block
        around = tf.pad(parts, [(0, 0), (0, 0), (reach, reach), (0, 0)])
        # From the block at distance d before a block come its columns for the d-th block after.
        frames = tf.add_n(
            [
                around[
                    :,
                    :,
                    2 * reach - k : 2 * reach - k + self._n_blocks,
                    k * block : (k + 1) * block,
                ]
                for k in range(2 * reach + 1)
            ]
        )
        envelopes = tf.reshape(frames, (-1, len(self._order), len(self._edge)))
        envelopes += parts[:, :, 0, -1:] * self._edge
        return tf.gather(envelopes, np.argsort(self._order), axis=1)

    def transposed(self, upstream: tf.Tensor) -> list[tf.Tensor]:
        """Return slopes by the grids' magnitudes, from slopes by the envelopes."""
        upstream = tf.gather(upstream, self._order, axis=1)
        reach, n_blocks = self._reach, self._n_blocks
        blocks = tf.reshape(upstream, (-1, len(self._order), n_blocks, self._block))
        around = tf.pad(blocks, [(0, 0), (0, 0), (reach, reach), (0, 0)])
        parts = [around[:, :, k : k + n_blocks] for k in range(2 * reach + 1)]
        edge = tf.reduce_sum(upstream * self._edge, axis=-1)[:, :, None, None]
        parts.append(tf.pad(edge, [(0, 0), (0, 0), (0, n_blocks - 1), (0, 0)]))
        parts = tf.split(tf.concat(parts, axis=-1), self._n_bands, axis=1)
        slopes = []
        for part, weights in zip(parts, self._weights, strict=True):
            slope = tf.matmul(tf.reshape(part, (-1, weights.shape[1])), weights, transpose_b=True)
            slopes.append(tf.reshape(slope, (-1, part.shape[1], n_blocks * len(weights))))
        return slopes
