"""Make metamers: pieces of work, shared out in a cluster, resumed after a break.

A piece is some stimuli of one network and layer; its state is saved whenever its loss is logged.
A batch of them is optimised at a time, and each that ends gives its place to the next.
"""

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import tensorflow as tf
from tqdm import tqdm

from model_metamers.cluster import Share
from model_metamers.networks.network import Network
from model_metamers.pipeline.curves import SpearmanCurves, curve_rows
from model_metamers.pipeline.generator import Generator, save_previews
from model_metamers.stimuli.stimulus_set import StimulusSet
from model_metamers.store import NATURAL, RunFolder
from model_metamers.synthesis import (
    SynthesisConfig,
    SynthesisResult,
    SynthesisState,
    UnfitStateError,
    synthesize,
)

BATCHES_OF_A_PIECE = 4  # more would leave less to share out among workers
PATIENCE_SECONDS = 600  # without a sign of life from the other workers
POLL_SECONDS = 1

_CURVES = "curves"  # the correlations of an unfinished piece, among the arrays of its state

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _How:
    """What is the same for all pieces of a run; see `make_metamers`."""

    config: SynthesisConfig
    folder: RunFolder
    strategy: tf.distribute.Strategy
    batch_size: int
    with_curves: bool


@dataclass(frozen=True, eq=False)
class _Piece:
    """Some stimuli of one network and layer: what one worker makes in one go."""

    generator: Generator
    layer: str
    indices: tuple[int, ...]
    name: str

    @property
    def network(self) -> Network:
        return self.generator.network


def make_metamers(
    generators: Sequence[Generator],
    config: SynthesisConfig,
    folder: RunFolder,
    strategy: tf.distribute.Strategy | None = None,
    share: Share = Share(),
    batch_size: int = 16,
    with_curves: bool = False,
) -> None:
    """Synthesise every layer that the folder does not hold yet, and write its previews.

    In a cluster every worker takes its share of the pieces; the first waits for the others. Of
    processes that were started alike, each takes the pieces that no other is making.

    Args:
        generators: what to make.
        config: the optimisation; see `Generator.config_of`.
        folder: the run folder; state is saved there as often as the loss is logged.
        strategy: devices of this machine; by default one.
        share: what this worker of a cluster makes.
        batch_size: stimuli optimised together.
        with_curves: measure correlations, too, whenever the loss is logged: curves.csv.
    """
    for generator in generators:
        stimuli, network = generator.stimuli, generator.network
        with folder.locked():
            save_previews(folder, network, NATURAL, stimuli.ids, stimuli.stimuli[:])
    pieces = [
        piece
        for generator in generators
        for layer in generator.layers
        for piece in _pieces(generator, layer, batch_size)
    ]
    strategy = strategy or tf.distribute.get_strategy()
    how, mine = _How(config, folder, strategy, batch_size, with_curves), share.of(pieces)
    titles = {
        piece: f"{number}/{len(mine)} {piece.network.name} {piece.name}"
        for number, piece in enumerate(mine, start=1)
    }
    # Another process may be at work in the folder: what it makes is waited for, not made again.
    while titles:
        for piece, title in list(titles.items()):
            if _make_unless_taken(piece, how, title):
                _finish_layer(piece.generator, piece.layer, folder, batch_size)
                del titles[piece]
                if not any(p.network is piece.network and p.layer == piece.layer for p in titles):
                    piece.network.forget_graphs()
        time.sleep(POLL_SECONDS if titles else 0)
    if share.is_first and share.n_workers > 1:
        _wait_for_other_workers(generators, folder)


def _wait_for_other_workers(generators: Sequence[Generator], folder: RunFolder) -> None:
    """Return when all layers are finished.

    Raises:
        ValueError: no worker has saved anything for `PATIENCE_SECONDS`.
    """
    layers = [(g.network.name, layer, g.stimuli.ids) for g in generators for layer in g.layers]
    # Clocks of other machines may differ, and what was saved long ago tells of an earlier start.
    progress, since = folder.progress(), time.monotonic()
    while missing := [layer for layer in layers if not folder.has_previews(*layer)]:
        if (present := folder.progress()) != progress:
            progress, since = present, time.monotonic()
        if time.monotonic() - since > PATIENCE_SECONDS:
            names = ", ".join(f"{network} {layer}" for network, layer, _ in missing)
            raise ValueError(
                f"the other workers have stopped before finishing {names}; run the same command "
                f"again to continue"
            )
        time.sleep(5)


def _pieces(generator: Generator, layer: str, batch_size: int) -> list[_Piece]:
    n_stimuli, size = len(generator.stimuli), BATCHES_OF_A_PIECE * batch_size
    if n_stimuli <= size:
        return [_Piece(generator, layer, tuple(range(n_stimuli)), layer)]
    parts = [range(n_stimuli)[start : start + size] for start in range(0, n_stimuli, size)]
    # The name tells which stimuli, so that parts made with another batch size are not mixed up.
    return [
        _Piece(generator, layer, tuple(part), f"{layer}.stimuli{part[0]}to{part[-1]}of{n_stimuli}")
        for part in parts
    ]


def _make_unless_taken(piece: _Piece, how: _How, title: str) -> bool:
    """Make a piece that is not there yet; return False where another process is making it."""
    network, folder = piece.network.name, how.folder
    with folder.locked_piece(network, piece.name, wait=False) as is_mine:
        there = any(folder.has_piece(network, name) for name in (piece.layer, piece.name))
        if is_mine and not there:
            _forget_rows(piece, folder)
            _make_piece(piece, how, title)
    return is_mine or there


def _forget_rows(piece: _Piece, folder: RunFolder) -> None:
    """Remove what matches.csv says of the layer, where somebody deleted its metamers."""
    with folder.locked():
        if not folder.has_table("matches"):
            return
        matches = folder.read_table("matches")
        is_of_layer = (matches.network == piece.network.name) & (matches.layer == piece.layer)
        if is_of_layer.any():
            folder.write_table("matches", matches[~is_of_layer])


def _make_piece(piece: _Piece, how: _How, title: str) -> None:
    """Make a piece from its saved state on, or anew where there is none that fits."""
    name, stimuli = piece.network.name, piece.generator.stimuli.take(piece.indices)
    saved = how.folder.load_state(name, piece.name)
    try:
        result = _synthesised(piece, stimuli, how, title, saved)
    except UnfitStateError as error:
        _log.warning("%s: %s; starting from the beginning", title, error)
        result = _synthesised(piece, stimuli, how, title, None)
    _save_result(how.folder, name, piece.name, stimuli, result)
    how.folder.clear_state(name, piece.name)


def _synthesised(
    piece: _Piece,
    stimuli: StimulusSet,
    how: _How,
    title: str,
    saved: dict[str, np.ndarray] | None,
) -> SynthesisResult:
    generator, layer, natural = piece.generator, piece.layer, stimuli.stimuli[:]
    config = generator.config_of(layer, how.config)
    initial = None if generator.initial is None else generator.initial[list(piece.indices)]
    stored = None if saved is None else saved.pop(_CURVES, None)
    state = None if saved is None else SynthesisState.from_arrays(saved)
    curves = None
    if how.with_curves:
        curves = SpearmanCurves(piece.network, layer, natural, config.log_every, stored)
    with tqdm(total=config.iterations * len(stimuli), desc=title, unit="step") as bar:

        def on_chunk(state: SynthesisState) -> None:
            arrays = state.arrays()
            if curves is not None:
                curves.add(state)
                arrays[_CURVES] = curves.spearman
            how.folder.save_state(piece.network.name, piece.name, arrays)
            _show(bar, state, config.iterations, curves)

        if state is not None:
            _show(bar, state, config.iterations, curves)
        result = synthesize(
            piece.network, layer, natural, config, how.strategy, stimuli.ids,
            state, on_chunk, initial, how.batch_size,
        )  # fmt: skip
    if curves is not None:
        _save_curves(piece, how, stimuli.ids, result, curves)
    return result


def _show(
    bar: tqdm, state: SynthesisState, iterations: int, curves: SpearmanCurves | None
) -> None:
    """Move the progress bar to where the synthesis stands."""
    # Whoever has ended early does not take the steps that are left.
    steps = np.where(state.stopped | state.diverged, iterations, state.step).sum()
    bar.update(int(steps) - bar.n)
    shown = {"loss": f"{_mean(state.loss[-1]):.3g}"}
    if curves is not None:
        shown["spearman"] = f"{_mean(curves.spearman[-1]):.4f}"
    bar.set_postfix(shown)


def _mean(values: np.ndarray) -> float:
    """Return the mean of those of some stimuli that have a value."""
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else float("nan")


def _save_curves(
    piece: _Piece,
    how: _How,
    stimulus_ids: tuple[str, ...],
    result: SynthesisResult,
    curves: SpearmanCurves,
) -> None:
    rows = curve_rows(
        piece.network.name, piece.layer, stimulus_ids, result.losses,
        curves.filled_up(len(result.losses)), result.step, how.config.log_every,
    )  # fmt: skip
    how.folder.merge_rows("curves", rows, ["network", "layer", "stimulus_id"])


def _save_result(
    folder: RunFolder, network: str, piece: str, stimuli: StimulusSet, result: SynthesisResult
) -> None:
    folder.save_piece(
        network,
        piece,
        natural=stimuli.stimuli[:],
        metamer=result.metamers,
        stimulus_id=stimuli.ids,
        loss=result.losses,
        step=result.step,
        status=result.status.tolist(),
    )


def _finish_layer(generator: Generator, layer: str, folder: RunFolder, batch_size: int) -> None:
    """Join the parts of a layer, when all of them are there, and write its previews."""
    network = generator.network
    with folder.locked_piece(network.name, layer):
        if not folder.has_piece(network.name, layer):
            names = [piece.name for piece in _pieces(generator, layer, batch_size)]
            if not all(folder.has_piece(network.name, name) for name in names):
                return
            folder.join_pieces(network.name, names, layer)
        if not folder.has_previews(network.name, layer, generator.stimuli.ids):
            piece = folder.load_piece(network.name, layer)
            save_previews(folder, network, layer, piece["stimulus_id"].tolist(), piece["metamer"])
