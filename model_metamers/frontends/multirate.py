"""Envelopes of all cochlear bands, each computed at the rate that its bandwidth needs.

    waveform [batch, samples] -> Fourier transform -> for each grid: the bins that its bands'
    filters pass x filters -> short inverse transform -> magnitude -> low-pass
    -> [batch, bands, frames]

The magnitude of a band does not change when the band is shifted to 0 Hz. So a short inverse
transform of the bins its filter passes gives the same envelope on a coarser grid, where the same
low-pass decimates it. The gradient is written by hand: each stage has its transpose beside it.

Source: the method is ours; what it computes is the authors' (`cochleagram`).
"""

import math
from collections.abc import Callable, Sequence

import numpy as np
import tensorflow as tf

from model_metamers.frontends.erb import CochleagramConfig, filterbank
from model_metamers.frontends.low_pass import LOW_PASS_REACH, low_pass_response

# Bins passed per frame, up to -> points of the grid per frame. What a grid folds back limits the
# accuracy, of the gradient most of all; see BUILD_NOTES for what was measured.
POINTS_PER_FRAME = ((0.64, 4.0), (1.03, 6.0), (2.9, 10.0), (5.6, 16.0))
# Still wider bands have this many points per bin, in whole multiples of so many per frame.
OVERSAMPLING = 3.6
WIDE_POINTS_PER_FRAME = 6.0

# Share of squared differences in the slope of |z|, chosen by gradient error (BUILD_NOTES).
SMOOTHING = 1 / 24
SMALLEST_SQUARE = 1e-37  # so that the slope is 0 where z is 0

# Threads that share an operation wait for each other and fetch numbers from each other's caches.
# So on CPUs the bands are divided until TensorFlow leaves an operation to one thread, and the
# threads work on different bands.
CPU_PHASE_POINTS = 32_000

ROW_BINS = 16  # the spectrum is copied in rows, to which the bands' bins are rounded
BLOCK_FRAMES = 10  # frames that one matrix product with the low-pass gives


def multirate_envelopes(config: CochleagramConfig) -> Callable[[tf.Tensor], list[tf.Tensor]]:
    """Return the function from waveforms to envelopes [batch, bands, n_frames].

    It returns the lower bands and the upper ones apart, so that two threads have work to the end.
    """
    grids = _grids(config)
    spectrum = _Spectrum(config, grids)
    # The lower grids hold more bands each. The cut was chosen by time (BUILD_NOTES).
    cut = 2 * len(grids) // 3
    portions = [portion for portion in (slice(cut), slice(cut, None)) if grids[portion]]
    low_passes = [_LowPass(config, grids[portion]) for portion in portions]
    # One tensor, because a function's call takes longer with many; and not an array, which every
    # graph would hold a copy of.
    filters = tf.constant(np.concatenate([rows for grid in grids for rows in grid.filters]))
    conjugates = tf.math.conj(filters)

    @tf.custom_gradient
    def envelopes(waveforms: tf.Tensor) -> tuple[list[tf.Tensor], Callable]:
        rows = spectrum.rows(waveforms)
        parts = zip(grids, _by_grid(grids, filters), strict=True)
        signals = [grid.signals(rows, its_filters) for grid, its_filters in parts]
        squares = [[_squared_magnitude(z) for z in phases] for phases in signals]

        def backward(*upstream: tf.Tensor) -> tf.Tensor:
            slopes = []
            for low_pass, by_envelopes in zip(low_passes, upstream, strict=True):
                slopes += low_pass.transposed(by_envelopes)
            slopes = [
                _slopes_by_signals(*its_own)
                for its_own in zip(slopes, signals, squares, strict=True)
            ]
            parts = zip(grids, slopes, _by_grid(grids, conjugates), strict=True)
            return spectrum.transposed([grid.transposed(*its_own) for grid, *its_own in parts])

        magnitudes = [[tf.sqrt(phase) for phase in phases] for phases in squares]
        passed = [
            low_pass(magnitudes[portion])
            for low_pass, portion in zip(low_passes, portions, strict=True)
        ]
        return passed, backward

    return envelopes


def _by_grid(grids: Sequence["_Grid"], filters: tf.Tensor) -> list[list[tf.Tensor]]:
    """Return the filters of each phase of each grid, from those of all."""
    parts = iter(tf.split(filters, [len(rows) for grid in grids for rows in grid.filters]))
    return [[next(parts) for _ in grid.filters] for grid in grids]


def _slopes_by_signals(
    slopes: Sequence[tf.Tensor], signals: Sequence[tf.Tensor], squares: Sequence[tf.Tensor]
) -> list[tf.Tensor]:
    """Return slopes by complex signals from slopes by their magnitudes, phase by phase.

    The slope of |z| is z / |z|, which turns round where z passes near zero, faster than the grid
    shows. So |z| ** 2 is raised by a share of the squared difference of neighbouring points.
    """
    added = SMALLEST_SQUARE
    if len(signals) == 2:
        added += SMOOTHING * _squared_magnitude(signals[1] - signals[0])
    return [
        z * tf.cast(slope * tf.math.rsqrt(square + added), tf.complex64)
        for slope, z, square in zip(slopes, signals, squares, strict=True)
    ]


class _Grid:
    """Neighbouring bands that share a grid of `n_points` samples.

    Short Fourier transforms cost less per point. So the even points and the odd ones have a
    transform each, their phases, if that is still longer than the filters.

    Attributes:
        n_bands: how many.
        n_points: samples of the whole waveform's duration.
        rows: the rows of the spectrum, in order, that the bands' filters pass. The last is one
            that no filter passes.
        filters: of each phase, all bands' rows, complex [n_phases, n, ROW_BINS].
    """

    def __init__(self, config: CochleagramConfig, bands: np.ndarray, n_points: int):
        self.n_bands = len(bands)
        self.n_points = n_points
        filters = filterbank(config)[bands]
        first, n_passed = _support(filters)
        first_row = first // ROW_BINS
        n_rows = ((first + n_passed - 1) // ROW_BINS - first_row).max() + 2
        self._rows = first_row[:, None] + np.arange(n_rows)
        self._row_sums = _RowSums(self._rows - first_row.min())
        self.rows = np.arange(first_row.min(), self._rows.max() + 1)
        self._n_bins = n_rows * ROW_BINS
        bins = np.arange(self._n_bins)
        filters = np.pad(filters, [(0, 0), (0, self._n_bins)])
        filters = np.take_along_axis(filters, first_row[:, None] * ROW_BINS + bins, axis=1)
        # A signal turns at the frequency of its middle bin. The odd points are turned back, which
        # no magnitude shows: neighbouring points then differ only where the magnitude changes.
        middle = first + n_passed // 2 - first_row * ROW_BINS
        turn = np.exp(2j * np.pi * (bins - middle[:, None]) / n_points)
        halves = n_points // _n_blocks(config) % 2 == 0 and n_points // 2 >= self._n_bins
        phases = [filters, filters * turn] if halves else [filters]
        self.filters = np.reshape(phases, (len(phases), -1, ROW_BINS)).astype(np.complex64)

    def signals(self, rows: tf.Tensor, filters: Sequence[tf.Tensor]) -> list[tf.Tensor]:
        """Return the bands at 0 Hz of spectra in rows.

        Args:
            rows: complex [batch, n_rows, ROW_BINS].
            filters: the attribute, as tensors.

        Returns:
            complex [batch, n_bands, n_points / n_phases] of each phase.
        """
        rows = tf.gather(rows, self._rows.ravel(), axis=1)
        shape = (-1, self.n_bands, self._n_bins)
        n_points = self.n_points // len(filters)
        return [
            tf.signal.ifft(_zero_padded(tf.reshape(rows * phase, shape), n_points))
            for phase in filters
        ]

    def transposed(
        self, slopes: Sequence[tf.Tensor], conjugates: Sequence[tf.Tensor]
    ) -> tf.Tensor:
        """Return slopes by `rows` [batch, n, ROW_BINS] from slopes by signals, x their length.

        Args:
            slopes: of the signals' shapes.
            conjugates: of the filters.
        """
        shape = (-1, self._rows.size, ROW_BINS)
        bins = [
            tf.reshape(tf.signal.fft(phase)[..., : self._n_bins], shape) * conjugate
            for phase, conjugate in zip(slopes, conjugates, strict=True)
        ]
        return self._row_sums(tf.add_n(bins))


def _grids(config: CochleagramConfig) -> list[_Grid]:
    """Give every band its grid, at most the waveform's own; in the order of the bands."""
    _, n_passed = _support(filterbank(config))
    bins_per_frame = n_passed / config.n_frames
    limits, points = np.transpose(POINTS_PER_FRAME)
    wide = WIDE_POINTS_PER_FRAME * np.ceil(OVERSAMPLING * bins_per_frame / WIDE_POINTS_PER_FRAME)
    interval = np.searchsorted(limits, bins_per_frame)
    per_frame = np.where(bins_per_frame > limits[-1], wide, np.append(points, 0)[interval])
    n_points = _n_blocks(config) * np.ceil(per_frame * _block_frames(config)).astype(int)
    # A short sound's grid may not hold its bins, which are rounded to rows, one of them of zeros;
    # and where there are few points, one that misses the zero of an envelope weighs much.
    is_short = n_points < n_passed + 4 * ROW_BINS
    n_points = np.where(is_short, config.n_samples, np.minimum(n_points, config.n_samples))
    grids = []
    for bands in np.split(np.arange(config.n_bands), 1 + np.flatnonzero(np.diff(n_points))):
        n = n_points[bands[0]]
        n_together = len(bands)
        if not tf.config.list_logical_devices("GPU"):
            # In fours, because TensorFlow computes several transforms at a time.
            n_together = max(CPU_PHASE_POINTS // (n // 2) // 4 * 4, 2)
        for k in range(0, len(bands), n_together):
            grids.append(_Grid(config, bands[k : k + n_together], n))
    return grids


def _support(filters: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return each filter's first bin that is not zero, and how many bins it spans."""
    passes = filters > 0
    first = passes.argmax(axis=1)
    last = filters.shape[1] - 1 - passes[:, ::-1].argmax(axis=1)
    return first, last - first + 1


def _block_frames(config: CochleagramConfig) -> int:
    return math.gcd(config.n_frames, BLOCK_FRAMES)


def _n_blocks(config: CochleagramConfig) -> int:
    return config.n_frames // _block_frames(config)


def _squared_magnitude(z: tf.Tensor) -> tf.Tensor:
    """Return |z| ** 2, several times as fast as from `tf.abs`."""
    return tf.square(tf.math.real(z)) + tf.square(tf.math.imag(z))


def _zero_padded(z: tf.Tensor, length: int) -> tf.Tensor:
    """Return complex numbers with zeros behind the last axis; `tf.pad` takes longer."""
    shape = (tf.shape(z)[0], *z.shape[1:-1], length - z.shape[-1])
    return tf.concat([z, tf.zeros(shape, z.dtype)], axis=-1)


class _RowSums:
    """Sums of rows that have the same place; the last row given has to be zero.

    Args:
        places: of the rows given, any shape.
    """

    def __init__(self, places: np.ndarray):
        users = [np.flatnonzero(places == place) for place in range(places.max() + 1)]
        # Filled up with the row of zeros.
        self._users = np.full((len(users), max(map(len, users))), places.size - 1)
        for place, indices in enumerate(users):
            self._users[place, : len(indices)] = indices

    def __call__(self, rows: tf.Tensor) -> tf.Tensor:
        """Return [batch, places, ROW_BINS] from [batch, rows, ROW_BINS]."""
        return tf.reduce_sum(tf.gather(rows, self._users, axis=1), axis=2)


class _Spectrum:
    """The waveforms' Fourier transform, cut into rows of ROW_BINS bins."""

    def __init__(self, config: CochleagramConfig, grids: Sequence[_Grid]):
        self._n_samples, self._n_bins = config.n_samples, config.n_bins
        used = np.concatenate([grid.rows for grid in grids])
        self._n_rows = used.max() + 1
        self._row_sums = _RowSums(used)
        # A real signal's inverse transform counts every bin but the first and the last twice.
        self._halved = np.full(config.n_bins, 0.5, np.complex64)
        self._halved[[0, -1]] = 1.0

    def rows(self, waveforms: tf.Tensor) -> tf.Tensor:
        """Return [batch, n_rows, ROW_BINS] from [batch, n_samples]."""
        spectra = _zero_padded(tf.signal.rfft(waveforms), self._n_rows * ROW_BINS)
        return tf.reshape(spectra, (-1, self._n_rows, ROW_BINS))

    def transposed(self, slopes: Sequence[tf.Tensor]) -> tf.Tensor:
        """Return slopes by waveforms, from the grids' slopes x n_samples by their rows."""
        slopes = self._row_sums(tf.concat(slopes, axis=1))
        spectra = tf.reshape(slopes, (-1, self._n_rows * ROW_BINS))[:, : self._n_bins]
        return tf.signal.irfft(spectra * self._halved, [self._n_samples])


class _LowPass:
    """Low-pass and decimation of signals from their grids to one sample per frame.

    A sum over the waveform's samples becomes a sum over a grid of equal or coarser spacing, with
    zeros beyond the two ends of the signal. Block by block of frames, one matrix product gives
    what a block's samples contribute to the frames of the block, to those before and those after.
    """

    def __init__(self, config: CochleagramConfig, grids: Sequence[_Grid]):
        self._n_frames = config.n_frames
        self._block = _block_frames(config)
        self._n_blocks = _n_blocks(config)
        # The frames that a block reaches, in whole blocks.
        self._reached = 1 + -(-2 * LOW_PASS_REACH // self._block)
        self._n_bands = [grid.n_bands for grid in grids]
        self._weights = [self._grid_weights(config, grid) for grid in grids]
        # The inverse transforms divide by their lengths, the waveform's divides by its own.
        self._scales = [
            np.float32(grid.n_points / len(grid.filters) / config.n_samples) for grid in grids
        ]
        # A grid's first sample stands for half a spacing on either side, of which the part before
        # the waveform's first sample belongs to the end (the signals are circular).
        frames = config.samples_per_frame * np.arange(config.n_frames)
        at_end = low_pass_response(config.n_samples - frames, config.samples_per_frame)
        at_start = low_pass_response(-frames, config.samples_per_frame)
        self._edge = (at_end - at_start).astype(np.float32)[None]

    def _grid_weights(self, config: CochleagramConfig, grid: _Grid) -> np.ndarray:
        """Return [phases, points of a block, frames that it reaches, and one for the edge]."""
        spacing = config.n_samples / grid.n_points
        points = np.arange(grid.n_points // self._n_blocks)
        frames = np.arange(self._reached * self._block) - LOW_PASS_REACH
        offsets = points[:, None] * spacing - frames * config.samples_per_frame
        weights = spacing * low_pass_response(offsets, config.samples_per_frame)
        edge = (spacing - 1) / 2 * (points == 0)
        weights = np.column_stack([weights, edge]).astype(np.float32)
        n_phases = len(grid.filters)
        return np.stack([weights[phase::n_phases] for phase in range(n_phases)])

    def __call__(self, magnitudes: Sequence[Sequence[tf.Tensor]]) -> tf.Tensor:
        """Return [batch, n_bands, n_frames] from the grids' magnitudes, shaped as the signals."""
        parts = []
        for m, weights, scale in zip(magnitudes, self._weights, self._scales, strict=True):
            phases = zip(m, weights * scale, strict=True)
            part = tf.add_n([tf.reshape(phase, (-1, len(w))) @ w for phase, w in phases])
            parts.append(tf.reshape(part, (-1, m[0].shape[1], self._n_blocks, part.shape[1])))
        parts = tf.concat(parts, axis=1)
        # A block's contributions begin before its first frame.
        around = []
        for k in range(self._reached):
            part = parts[:, :, :, k * self._block : (k + 1) * self._block]
            around.append(tf.pad(part, [(0, 0), (0, 0), (k, self._reached - 1 - k), (0, 0)]))
        n_around = (self._n_blocks + self._reached - 1) * self._block
        around = tf.reshape(tf.add_n(around), (-1, parts.shape[1], n_around))
        frames = around[:, :, LOW_PASS_REACH : LOW_PASS_REACH + self._n_frames]
        return frames + parts[:, :, 0, -1:] @ self._edge

    def transposed(self, upstream: tf.Tensor) -> list[list[tf.Tensor]]:
        """Return slopes by the grids' magnitudes, from slopes by the envelopes."""
        n_bands, n_blocks, block = sum(self._n_bands), self._n_blocks, self._block
        behind = (self._reached - 1) * block - LOW_PASS_REACH
        around = tf.pad(upstream, [(0, 0), (0, 0), (LOW_PASS_REACH, behind)])
        around = tf.reshape(around, (-1, n_bands, n_blocks + self._reached - 1, block))
        parts = [around[:, :, k : k + n_blocks] for k in range(self._reached)]
        edge = tf.matmul(upstream, self._edge, transpose_b=True)[:, :, None]
        parts.append(tf.pad(edge, [(0, 0), (0, 0), (0, n_blocks - 1), (0, 0)]))
        parts = tf.split(tf.concat(parts, axis=-1), self._n_bands, axis=1)
        slopes = []
        for part, weights in zip(parts, self._weights, strict=True):
            blocks = tf.reshape(part, (-1, part.shape[-1]))
            phases = [tf.matmul(blocks, w, transpose_b=True) for w in weights]
            shape = (-1, part.shape[1], n_blocks * weights.shape[1])
            slopes.append([tf.reshape(phase, shape) for phase in phases])
        return slopes
