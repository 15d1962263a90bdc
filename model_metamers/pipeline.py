"""The stages that every experiment runs, in order: synthesise, validate, recognise.

Each stage reads what the one before wrote to the run folder, and leaves finished work alone, so an
interrupted experiment goes on where it stood. What people see is what is certified: validation and
recognition read the written PNG or WAV files, not the arrays in memory.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from tqdm import tqdm

from model_metamers import devices, recognition, validation
from model_metamers.networks.network import Network
from model_metamers.stimuli.stimulus_set import StimulusSet
from model_metamers.store import NATURAL, RunFolder
from model_metamers.synthesis import (
    SynthesisConfig,
    SynthesisResult,
    SynthesisState,
    synthesize,
)
from model_metamers.validation import NullDistribution

COMPARED_TOGETHER = 8  # stimuli whose activations are in memory at once
PATIENCE_SECONDS = 600  # without a sign of life from the other workers


@dataclass(frozen=True)
class Generator:
    """A network that metamers are made for, its natural stimuli, and what its null is drawn from.

    Attributes:
        network: the network.
        layers: the layers to match, in the network's order.
        stimuli: the natural stimuli, in the network's size.
        null_stimuli: natural stimuli whose pairs make the null distribution.
        null_groups: see `validation.null_distribution`; by default the labels of `null_stimuli`.
        initial: what the metamers start from, like the stimuli; noise by default.
    """

    network: Network
    layers: tuple[str, ...]
    stimuli: StimulusSet
    null_stimuli: StimulusSet
    null_groups: Sequence | None = None
    initial: np.ndarray | None = None


@dataclass(frozen=True)
class Task:
    """A question put to an observer.

    Attributes:
        name: its name in recognition.csv.
        answer: (network, logits [n, n_classes]) -> class indices [n].
        truth: (network, labels of the natural stimuli) -> right class indices [n], -1 where
            unknown.
    """

    name: str
    answer: Callable[[Network, np.ndarray], np.ndarray]
    truth: Callable[[Network, Sequence[str]], np.ndarray]


@dataclass(frozen=True)
class _Piece:
    """Some stimuli of one network and layer: what one worker makes in one go."""

    generator: Generator
    layer: str
    indices: tuple[int, ...]
    name: str

    @property
    def network(self) -> Network:
        return self.generator.network


def unfinished(generators: Sequence[Generator], folder: RunFolder) -> list[Generator]:
    """Return the generators with those of their layers that the folder does not hold certified.

    A layer is certified when every stimulus has its previews and its row of matches.csv. Nothing
    that shows metamers needs more, so an experiment can show those of a folder without metamers/.
    """
    rows = folder.read_table("matches") if folder.has_table("matches") else pd.DataFrame()
    matched = (
        set(rows[["network", "layer", "stimulus_id"]].itertuples(index=False))
        if len(rows)
        else set()
    )

    def certified(generator: Generator, layer: str) -> bool:
        name, ids = generator.network.name, generator.stimuli.ids
        shown = all(folder.has_previews(name, what, ids) for what in (NATURAL, layer))
        return shown and matched.issuperset((name, layer, stimulus_id) for stimulus_id in ids)

    remaining = [
        replace(g, layers=tuple(layer for layer in g.layers if not certified(g, layer)))
        for g in generators
    ]
    return [generator for generator in remaining if generator.layers]


def make_metamers(
    generators: Sequence[Generator],
    config: SynthesisConfig,
    folder: RunFolder,
    strategy_name: str = "none",
    batch_size: int = 16,
) -> None:
    """Synthesise every layer that the folder does not hold yet, and write its previews.

    In a cluster every worker takes its share of the pieces; the first waits for the others.

    Args:
        generators: what to make.
        config: the optimisation.
        folder: the run folder; state is saved there as often as the loss is logged.
        strategy_name: see `devices`.
        batch_size: stimuli optimised together.
    """
    for generator in generators:
        stimuli, network = generator.stimuli, generator.network
        _save_previews(folder, network, NATURAL, stimuli.ids, stimuli.stimuli)
    pieces = [
        piece
        for generator in generators
        for layer in generator.layers
        for piece in _pieces(generator, layer, batch_size)
    ]
    worker, n_workers = devices.worker_share(strategy_name)
    mine = devices.my_pieces(pieces, worker, n_workers)
    strategy = devices.make_strategy(strategy_name)
    for number, piece in enumerate(mine, start=1):
        if not any(
            folder.has_piece(piece.network.name, name) for name in (piece.layer, piece.name)
        ):
            _make_piece(piece, config, folder, strategy, f"{number}/{len(mine)}")
        _finish_layer(piece.generator, piece.layer, folder, batch_size)
    if worker == 0 and n_workers > 1:
        _wait_for_other_workers(generators, folder)


def _wait_for_other_workers(generators: Sequence[Generator], folder: RunFolder) -> None:
    """Return when all layers are finished.

    Raises:
        ValueError: no worker has saved anything for `PATIENCE_SECONDS`.
    """
    layers = [(g.network.name, layer, g.stimuli.ids) for g in generators for layer in g.layers]
    while missing := [layer for layer in layers if not folder.has_previews(*layer)]:
        if folder.seconds_since_progress() > PATIENCE_SECONDS:
            names = ", ".join(f"{network} {layer}" for network, layer, _ in missing)
            raise ValueError(
                f"the other workers have stopped before finishing {names}; run the same command "
                f"again to continue"
            )
        time.sleep(5)


def _pieces(generator: Generator, layer: str, batch_size: int) -> list[_Piece]:
    n_stimuli = len(generator.stimuli)
    if n_stimuli <= batch_size:
        return [_Piece(generator, layer, tuple(range(n_stimuli)), layer)]
    parts = [
        range(n_stimuli)[start : start + batch_size] for start in range(0, n_stimuli, batch_size)
    ]
    # The name tells which stimuli, so that parts made with another batch size are not mixed up.
    return [
        _Piece(generator, layer, tuple(part), f"{layer}.stimuli{part[0]}to{part[-1]}of{n_stimuli}")
        for part in parts
    ]


def _make_piece(piece: _Piece, config, folder: RunFolder, strategy, number: str) -> None:
    name, stimuli = piece.network.name, piece.generator.stimuli.take(piece.indices)
    initial = piece.generator.initial
    initial = None if initial is None else initial[list(piece.indices)]
    saved = folder.load_state(name, piece.name)
    state = None if saved is None else SynthesisState(**saved)
    with tqdm(total=config.iterations, desc=f"{number} {name} {piece.name}", unit="step") as bar:
        bar.update(0 if state is None else int(state.step.max()))

        def on_chunk(state: SynthesisState) -> None:
            folder.save_state(name, piece.name, state.arrays())
            bar.update(int(state.step.max()) - bar.n)
            bar.set_postfix(loss=f"{state.loss[-1].mean():.3g}")

        result = synthesize(
            piece.network, piece.layer, stimuli.stimuli, config, strategy, stimuli.ids,
            state, on_chunk, initial,
        )  # fmt: skip
    _save_result(folder, name, piece.name, stimuli, result)
    folder.clear_state(name, piece.name)


def _save_result(
    folder: RunFolder, network: str, piece: str, stimuli: StimulusSet, result: SynthesisResult
) -> None:
    folder.save_piece(
        network,
        piece,
        natural=stimuli.stimuli,
        metamer=result.metamers,
        stimulus_id=np.array(stimuli.ids),
        loss=result.losses,
        step=result.step,
        status=result.status,
    )


def _finish_layer(generator: Generator, layer: str, folder: RunFolder, batch_size: int) -> None:
    """Join the parts of a layer, when all of them are there, and write its previews."""
    network = generator.network
    if not folder.has_piece(network.name, layer):
        names = [piece.name for piece in _pieces(generator, layer, batch_size)]
        if not all(folder.has_piece(network.name, name) for name in names):
            return
        folder.join_pieces(network.name, names, layer)
    if not folder.has_previews(network.name, layer, generator.stimuli.ids):
        piece = folder.load_piece(network.name, layer)
        _save_previews(folder, network, layer, piece["stimulus_id"], piece["metamer"])


def _save_previews(
    folder: RunFolder, network: Network, layer: str, ids: Sequence[str], stimuli: np.ndarray
) -> None:
    folder.save_previews(
        network.name, layer, ids, stimuli, network.sample_rate_hz, *_value_range(network)
    )


def load_previews(
    folder: RunFolder, network: Network, layer: str, ids: Sequence[str]
) -> np.ndarray:
    """Return the stimuli that people get, as the network takes them."""
    return folder.load_previews(network.name, layer, ids, *_value_range(network))


def _value_range(network: Network) -> tuple:
    return () if network.stimulus_range is None else (network.stimulus_range,)


def validate(generators: Sequence[Generator], folder: RunFolder) -> pd.DataFrame:
    """Compare metamers with their natural stimuli; write matches.csv, exclusions.csv, nulls.csv.

    Returns:
        The table of matches.

    Raises:
        ValueError: a layer whose metamers are not finished.
    """
    matches = [
        _match_rows(generator, layer, folder)
        for generator in generators
        for layer in generator.layers
    ]
    table = pd.concat(matches, ignore_index=True)
    folder.merge_rows("matches", table, ["network", "layer", "stimulus_id"])
    folder.write_table("exclusions", exclusions(folder.read_table("matches")))
    null_table(generators, folder)
    return folder.read_table("matches")


def exclusions(matches: pd.DataFrame) -> pd.DataFrame:
    """Count the excluded metamers of a matches.csv table by network, layer and reason."""
    rows = []
    for (network, layer), group in matches.groupby(["network", "layer"], sort=False):
        _, reasons = validation.accept(
            group.status,
            group.spearman_layer,
            group.null_max,
            group.label_natural,
            group.label_metamer,
        )
        counts = validation.count_exclusions(reasons)
        rows += [(network, layer, reason, n) for reason, n in counts.items()]
    return pd.DataFrame(rows, columns=["network", "layer", "reason", "n"])


def _match_rows(generator: Generator, layer: str, folder: RunFolder) -> pd.DataFrame:
    network, ids = generator.network, generator.stimuli.ids
    piece = folder.load_piece(network.name, layer)
    null = layer_null(generator, layer, folder)
    # A few stimuli at a time: VGG-19's conv1_2 has 3.2 million units for each.
    measured = [
        _compare_with_natural(network, layer, folder, ids[start : start + COMPARED_TOGETHER])
        for start in range(0, len(ids), COMPARED_TOGETHER)
    ]
    table = pd.concat(measured, ignore_index=True)
    accepted, _ = validation.accept(
        piece["status"],
        table.spearman_layer,
        null.maximum,
        table.label_natural,
        table.label_metamer,
    )
    return table.assign(
        network=network.name,
        layer=layer,
        steps=piece["step"],
        loss_first=piece["loss"][0],
        loss_last=piece["loss"][-1],
        null_max=null.maximum,
        p_null=null.p_value(table.spearman_layer),
        status=piece["status"],
        accepted=accepted,
    )


def _compare_with_natural(
    network: Network, layer: str, folder: RunFolder, ids: Sequence[str]
) -> pd.DataFrame:
    """Return correlations at the layer and the logits, and the network's labels."""
    readout = network.readout().layer
    natural, metamer = (
        network.activations(load_previews(folder, network, shown, ids), [layer, readout])
        for shown in (NATURAL, layer)
    )
    logits_natural, logits_metamer = _flat(natural[readout]), _flat(metamer[readout])
    return pd.DataFrame(
        {
            "stimulus_id": ids,
            "spearman_layer": validation.spearman(metamer[layer], natural[layer]),
            "spearman_logits": validation.spearman(logits_metamer, logits_natural),
            "label_natural": recognition.native_class(logits_natural),
            "label_metamer": recognition.native_class(logits_metamer),
        }
    )


def layer_null(generator: Generator, layer: str, folder: RunFolder) -> NullDistribution:
    """Return a layer's null distribution, computed once and kept in the run folder."""
    network = generator.network
    saved = saved_null(network.name, layer, folder)
    if saved is not None:
        return saved
    stimuli, groups = generator.null_stimuli, generator.null_groups
    null = validation.null_distribution(
        network,
        layer,
        stimuli.stimuli,
        groups=stimuli.labels if groups is None else groups,
        scratch_dir=folder.path,  # the system's own may be small
    )
    folder.save_null(network.name, layer, null.to_arrays())
    return null


def saved_null(network: str, layer: str, folder: RunFolder) -> NullDistribution | None:
    """Return the null distribution a run folder has for a layer, if any."""
    saved = folder.load_null(network, layer)
    # Folders of earlier versions hold something else.
    return NullDistribution.from_arrays(saved) if saved and "histogram" in saved else None


def null_table(generators: Sequence[Generator], folder: RunFolder) -> pd.DataFrame:
    """Return nulls.csv, the null distributions in numbers, after adding the layers it lacks."""
    known = folder.read_table("nulls") if folder.has_table("nulls") else pd.DataFrame()
    known = set(zip(known.network, known.layer, strict=True)) if len(known) else set()
    rows = [
        null_row(generator.network.name, layer, layer_null(generator, layer, folder))
        for generator in generators
        for layer in generator.layers
        if (generator.network.name, layer) not in known
    ]
    if rows:
        folder.merge_rows("nulls", pd.DataFrame(rows), ["network", "layer"])
    return folder.read_table("nulls")


def null_row(network: str, layer: str, null: NullDistribution) -> dict[str, str | float]:
    """Return a layer's row of nulls.csv."""
    quantiles = {"minimum": 0, "q05": 0.05, "median": 0.5, "q95": 0.95, "maximum": 1}
    counts = {name: getattr(null, name) for name in ("n_stimuli", "n_pairs", "n_excluded_pairs")}
    numbers = {name: float(null.quantile(q)) for name, q in quantiles.items()}
    return {"network": network, "layer": layer} | counts | numbers


def recognise(
    generators: Sequence[Generator],
    observers: Sequence[Network],
    tasks: Sequence[Task],
    adapt: Callable[[np.ndarray, Network, Network], np.ndarray],
    folder: RunFolder,
    output: RunFolder | None = None,
) -> pd.DataFrame:
    """Ask every observer about every network's natural stimuli and accepted metamers.

    Args:
        generators: whose metamers are shown; matches.csv tells which are accepted.
        observers: networks that answer.
        tasks: the questions.
        adapt: (stimuli, generator, observer) -> the generator's stimuli as the observer takes
            them, such as in another size.
        folder: the run folder with the metamers.
        output: where recognition.csv goes; by default the same folder.

    Returns:
        recognition.csv, also written.
    """
    output = output or folder
    matches = folder.read_table("matches")
    rows = []
    for generator in generators:
        name, stimuli = generator.network.name, generator.stimuli
        for layer in (NATURAL, *generator.layers):
            shown = _accepted(matches, name, layer, stimuli.ids)
            previews = load_previews(folder, generator.network, layer, stimuli.ids)
            for observer in observers:
                logits = observer.logits(adapt(previews, generator.network, observer))
                for task in tasks:
                    truth = task.truth(observer, stimuli.labels)
                    if not (truth >= 0).any():
                        continue
                    judged = shown & (truth >= 0)
                    right = (task.answer(observer, logits) == truth)[judged]
                    mean, sem = recognition.proportion_correct(right)
                    rows.append((observer.name, name, layer, task.name, len(right), mean, sem))
    columns = ["observer", "generator", "layer", "task", "n", "proportion_correct", "sem"]
    table = pd.DataFrame(rows, columns=columns).assign(source="measured")
    output.merge_rows("recognition", table, ["observer", "generator", "layer", "task"])
    return output.read_table("recognition")


def _accepted(matches: pd.DataFrame, network: str, layer: str, ids: Sequence[str]) -> np.ndarray:
    """Return which stimuli count, bool [n]: all natural ones, and the accepted metamers."""
    if layer == NATURAL:
        return np.ones(len(ids), bool)
    rows = matches[(matches.network == network) & (matches.layer == layer) & matches.accepted]
    return np.isin(ids, rows.stimulus_id)


def _flat(values: np.ndarray) -> np.ndarray:
    return values.reshape(len(values), -1)
