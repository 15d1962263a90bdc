"""Certify metamers: matches.csv, the null distributions, and what is excluded for which reason."""

import logging
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace

import numpy as np
import pandas as pd

from model_metamers import recognition, validation
from model_metamers.networks.network import Network
from model_metamers.pipeline.generator import COMPARED_TOGETHER, Generator, load_previews
from model_metamers.store import NATURAL, RunFolder
from model_metamers.validation import NullDistribution

NO_LABEL = -1  # of a metamer whose logits contain NaN

_log = logging.getLogger(__name__)


def uncertified(generators: Sequence[Generator], folder: RunFolder) -> list[Generator]:
    """Return the generators with those of their layers that the folder does not hold certified.

    A layer is certified when every stimulus has its previews and its row of matches.csv. Nothing
    that shows metamers needs more, so an experiment can show those of a folder without metamers/;
    where there are some, the layer's have to be there too.

    Raises:
        ValueError: the folder has a layer's rows, but only samples of its previews, as figures/.
    """
    rows = folder.read_table("matches") if folder.has_table("matches") else pd.DataFrame()
    matched = (
        set(rows[["network", "layer", "stimulus_id"]].itertuples(index=False))
        if len(rows)
        else set()
    )

    def certified(generator: Generator, layer: str) -> bool:
        name, ids = generator.network.name, generator.stimuli.ids
        if folder.has_pieces() and not folder.has_piece(name, layer):
            return False  # somebody has deleted it to have it made again
        if not matched.issuperset((name, layer, stimulus_id) for stimulus_id in ids):
            return False
        shown = all(folder.has_previews(name, what, ids) for what in (NATURAL, layer))
        if not shown and not folder.has_pieces():
            raise ValueError(
                f"{folder.path} has the tables of {name} {layer}, but only samples of its "
                f"previews; name a run of your own, or delete matches.csv to have them made again"
            )
        return shown

    remaining = [
        replace(g, layers=tuple(layer for layer in g.layers if not certified(g, layer)))
        for g in generators
    ]
    return [generator for generator in remaining if generator.layers]


def certify(generators: Sequence[Generator], folder: RunFolder) -> None:
    """Compare metamers with their natural stimuli: matches.csv, exclusions.csv and nulls.csv.

    What is certified already is left alone, and what a killed run did not come to is added.

    Raises:
        ValueError: a layer whose metamers are not finished.
    """
    matches = []
    for generator in uncertified(generators, folder):
        _make_nulls(generator, generator.layers, folder)
        matches += [_match_rows(generator, layer, folder) for layer in generator.layers]
        generator.network.forget_graphs()
    if matches:
        table = pd.concat(matches, ignore_index=True)
        folder.merge_rows("matches", table, ["network", "layer", "stimulus_id"])
    if matches or not folder.has_table("exclusions"):
        with folder.locked():
            folder.write_table("exclusions", exclusions(folder.read_table("matches")))
    null_table(generators, folder)


def exclusions(matches: pd.DataFrame) -> pd.DataFrame:
    """Count the excluded metamers of a matches.csv table by network, layer and reason."""
    rows = []
    for (network, layer), group in matches.groupby(["network", "layer"], sort=False):
        counts = validation.count_exclusions(validation.reasons(group).tolist())
        rows += [(network, layer, reason, n) for reason, n in counts.items()]
    return pd.DataFrame(rows, columns=["network", "layer", "reason", "n"])


def _match_rows(generator: Generator, layer: str, folder: RunFolder) -> pd.DataFrame:
    network, ids = generator.network, generator.stimuli.ids
    piece = folder.load_piece(network.name, layer)
    null = layer_null(generator, layer, folder)
    table = compared_with_natural(network, layer, folder, ids, generator.layers)
    accepted, _ = validation.accept(
        piece["status"].tolist(),
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


def compared_with_natural(
    network: Network,
    layer: str,
    folder: RunFolder,
    ids: Sequence[str],
    computed: Sequence[str] = (),
) -> pd.DataFrame:
    """Return what the written files of metamers and their natural stimuli have in common.

    Args:
        network: whose metamers they are.
        layer: that they were made for.
        folder: where the files are.
        ids: of the stimuli.
        computed: layers whose turn comes as well, so that one graph is traced for all of them.

    Returns:
        A row per stimulus: stimulus_id, spearman_layer, spearman_logits, label_natural and
        label_metamer, as in matches.csv.

    Raises:
        ValueError: a preview is missing or damaged.
    """
    # A few stimuli at a time: VGG-19's conv1_2 has 3.2 million units for each.
    parts = [
        _compare_with_natural(
            network, layer, folder, ids[start : start + COMPARED_TOGETHER], computed
        )
        for start in range(0, len(ids), COMPARED_TOGETHER)
    ]
    return pd.concat(parts, ignore_index=True)


def _compare_with_natural(
    network: Network, layer: str, folder: RunFolder, ids: Sequence[str], computed: Sequence[str]
) -> pd.DataFrame:
    readout = network.readout().layer
    layers = list(dict.fromkeys((*computed, layer, readout)))
    natural, metamer = (
        network.activations(load_previews(folder, network, shown, ids), layers)
        for shown in (NATURAL, layer)
    )
    logits_natural, logits_metamer = _flat(natural[readout]), _flat(metamer[readout])
    return pd.DataFrame(
        {
            "stimulus_id": ids,
            "spearman_layer": validation.spearman(metamer[layer], natural[layer]),
            "spearman_logits": _correlation_of_outputs(logits_metamer, logits_natural),
            "label_natural": recognition.native_class(logits_natural),
            "label_metamer": labels_of(logits_metamer),
        }
    )


def labels_of(logits: np.ndarray) -> np.ndarray:
    """Return the classes of metamers from logits [n, n_classes], `NO_LABEL` for those with NaN."""
    labels, known = np.full(len(logits), NO_LABEL), ~np.isnan(logits).any(axis=1)
    labels[known] = recognition.native_class(logits[known])
    return labels


def _correlation_of_outputs(metamer: np.ndarray, natural: np.ndarray) -> np.ndarray:
    """Return the correlations of outputs [n, n_outputs]; NaN for a single one, without ranks."""
    if metamer.shape[1] == 1:
        return np.full(len(metamer), np.nan)
    return validation.spearman(metamer, natural)


def layer_null(generator: Generator, layer: str, folder: RunFolder) -> NullDistribution:
    """Return a layer's null distribution, computed once and kept in the run folder.

    Without two stimuli to draw it from it is empty, its maximum NaN, and no metamer is accepted.
    """
    null = saved_null(generator.network.name, layer, folder)
    if null is None:
        _make_nulls(generator, [layer], folder)
        null = saved_null(generator.network.name, layer, folder)
    if null is None:
        return NullDistribution.from_correlations(np.zeros(0), np.zeros((0, 2), int), 0)
    return null


def _make_nulls(generator: Generator, layers: Sequence[str], folder: RunFolder) -> None:
    """Compute the null distributions that the folder lacks."""
    name, stimuli, groups = generator.network.name, generator.null_stimuli, generator.null_groups
    with ExitStack() as stack:
        # In one order, or two processes that want the same layers might wait for each other.
        for layer in sorted(layers):
            stack.enter_context(folder.locked_null(name, layer))
        missing = [layer for layer in layers if saved_null(name, layer, folder) is None]
        if not missing or len(stimuli) < 2:
            return
        nulls = validation.null_distributions(
            generator.network,
            missing,
            stimuli.stimuli,
            groups=stimuli.labels if groups is None else groups,
            scratch_dir=folder.path,  # the system's own may be small
        )
        for layer, null in nulls.items():
            folder.save_null(name, layer, null.to_arrays())


def saved_null(network: str, layer: str, folder: RunFolder) -> NullDistribution | None:
    """Return the null distribution a run folder has for a layer, if any."""
    saved = folder.load_null(network, layer)
    try:
        return NullDistribution.from_arrays(saved) if saved else None
    except ValueError as error:
        _log.warning(
            "the null of %s %s in %s is another's (%s); starting from the beginning",
            network, layer, folder.path, error,
        )  # fmt: skip
        return None


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


def _flat(values: np.ndarray) -> np.ndarray:
    return values.reshape(len(values), -1)
