"""One natural stimulus and its metamers as pictures, row by row, for a figure's first panel."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pandas as pd
from absl import logging
from matplotlib.figure import Figure

from model_metamers.frontends import picture
from model_metamers.networks.catalog import catalog_entry
from model_metamers.plotting.examples import ImageRow
from model_metamers.plotting.figure3 import figure3
from model_metamers.plotting.figure5 import figure5
from model_metamers.store import NATURAL, RunFolder
from model_metamers.store.records import PEOPLE
from shared.styles import styles_of


def recognised_layers(folder: RunFolder) -> dict[str, list[str]]:
    """Return network -> layers of a run, of those whose metamers have been recognised.

    What another process has begun in the folder is left out: it draws when it is through.

    Raises:
        ValueError: there are none.
    """
    layers = folder.read_run_record()["config"].get("layers", {})
    table = folder.read_table("recognition")
    table = table[(table.source == "measured") & ~table.observer.isin(PEOPLE)]
    recognised = set(zip(table.generator, table.layer, strict=True))
    found = {
        network: [layer for layer in names if (network, layer) in recognised]
        for network, names in layers.items()
    }
    if not any(found.values()):
        raise ValueError(f"{folder.path} has no metamers to show; leave out --stage=figure")
    return {network: names for network, names in found.items() if names}


def examples_alone(
    folder: RunFolder, draw: Callable[[np.ndarray, str], np.ndarray]
) -> dict[str, Figure]:
    """Return the figure of a run whose metamers no network was asked about.

    Args:
        folder: a run folder with previews and matches.csv.
        draw: see `example_rows`.

    Raises:
        ValueError: it has no metamers.
    """
    if not folder.has_table("matches"):
        raise ValueError(f"{folder.path} has no metamers to show; leave out --stage=figure")
    matches = folder.read_table("matches")
    layers = {
        str(network): list(dict.fromkeys(rows.layer))
        for network, rows in matches.groupby("network", sort=False)
    }
    rows = example_rows(folder, layers, draw)
    if not rows:
        raise ValueError(f"{folder.path} lacks previews, and has no recognition to draw")
    return {"figure": figure3(rows, None, styles_of(folder))}


def example_rows(
    folder: RunFolder,
    layers: Mapping[str, Sequence[str]],
    draw: Callable[[np.ndarray, str], np.ndarray],
) -> list[ImageRow]:
    """Return a row for each network: the stimulus with the most accepted metamers of all.

    None where one of its previews is not there, which is logged.

    Args:
        folder: a run folder with matches.csv, and previews.
        layers: network -> layers whose metamers to show.
        draw: (preview, network) -> uint8 image [height, width, 3] or [height, width].
    """
    matches = folder.read_table("matches")
    matches = matches[matches.network.isin(list(layers))]
    n_accepted = matches.groupby("stimulus_id", sort=False).accepted.sum()
    example = str(n_accepted.idxmax())  # the first of equals
    shown = [(name, layer) for name, names in layers.items() for layer in (NATURAL, *names)]
    missing = [place for place in shown if not folder.has_previews(*place, [example])]
    if missing:
        logging.warning(
            "%s has no preview of %s %s %s (figures/ has samples only): the curves are drawn "
            "without pictures", folder.path, *missing[0], example,
        )  # fmt: skip
        return []
    return [
        _row(folder, matches, name, list(names), example, draw) for name, names in layers.items()
    ]


def _row(
    folder: RunFolder,
    matches: pd.DataFrame,
    network: str,
    layers: list[str],
    stimulus_id: str,
    draw: Callable,
) -> ImageRow:
    previews = [
        folder.load_previews(network, layer, [stimulus_id])[0] for layer in (NATURAL, *layers)
    ]
    of_stimulus = matches[(matches.network == network) & (matches.stimulus_id == stimulus_id)]
    accepted = of_stimulus.set_index("layer").accepted
    return ImageRow(
        network,
        [draw(preview, network) for preview in previews],
        layers,
        [bool(accepted[layer]) for layer in layers],
    )


def snapshot_id(stimulus_id: str, evaluations: int) -> str:
    """Return the name of the preview that shows a metamer in the making."""
    return f"{stimulus_id}-after{evaluations}"


def pixels(image: np.ndarray, network: str) -> np.ndarray:
    """Return an image in [0, 1] as uint8."""
    return (255 * image).round().astype(np.uint8)


def sound_picture(waveform: np.ndarray, network: str) -> np.ndarray:
    """Return a network's waveform as the picture of its cochleagram."""
    sample_rate_hz = catalog_entry(network).sample_rate_hz
    assert sample_rate_hz is not None, network  # it hears
    return picture.sound_picture(waveform, sample_rate_hz)


def figure_and_curves(
    folder: RunFolder,
    rows: Sequence[ImageRow],
    draw: Callable[[Sequence[ImageRow]], Figure],
    task: str,
    label: str,
    chance: float,
) -> dict[str, Figure]:
    """Return the figure with examples, where there are some, and curves as one of their own.

    The latter for a run of somebody's stimuli, which perhaps only their owner may show, and where
    there are no examples.

    Args:
        folder: a run folder with recognition.csv.
        rows: the examples.
        draw: examples -> figure.
        task: of recognition.csv.
        label: what the figure calls it.
        chance: proportion correct of a guess.

    Returns:
        File name -> figure.
    """
    figures = {"figure": draw(rows)} if rows else {}
    if rows and folder.read_run_record()["config"].get("stimuli_dir") is None:
        return figures
    table, layers = folder.read_table("recognition"), recognised_layers(folder)
    curves = figure5(table, layers, {task: (label, chance)}, styles_of(folder))
    return figures | {"recognition": curves}
