"""What is drawn into one axes: a grid of images, or recognition by layer.

Source: paper, Figure 3 (a: metamers by network and layer; b: recognition of the metamers).
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from model_metamers.plotting.style import (
    HUMAN_COLOUR,
    NOTE_COLOUR,
    PEOPLE,
    PEOPLE_COLOUR,
    REJECTED_COLOUR,
    NetworkStyle,
    style_of,
)

NATURAL = "natural"
HUMAN_LABEL = "Humans (published, full-scale network)"
CHANCE_OF_16 = 1 / 16
GENERATOR_LINE_WIDTH = 1.8
COLUMNS = ("observer", "generator", "layer", "task", "n", "proportion_correct", "sem", "source")

# In image widths: space between images, after the natural image, and for the names above a row.
GAP, NATURAL_GAP, NAME_HEIGHT = 0.05, 0.12, 0.19


def image_grid(
    axes: Axes,
    rows: Sequence[Sequence[np.ndarray]],
    row_labels: Sequence[str],
    column_labels: Sequence[Sequence[str]],
    accepted: Sequence[Sequence[bool]] | None = None,
) -> None:
    """Draw rows of images: the natural one, a gap, then one metamer per layer.

    Args:
        axes: filled by the grid, at equal scale.
        rows: uint8 images, [height, width, 3] or [height, width]; rows may differ in length.
        row_labels: written upwards at the left of each row.
        column_labels: the names above the images, one list per row.
        accepted: whether each image counts; the others get a dashed frame and a cross.

    Raises:
        ValueError: labels that do not fit the images.
    """
    accepted = [[True] * len(row) for row in rows] if accepted is None else accepted
    lengths = [[len(x) for x in per_row] for per_row in (rows, column_labels, accepted)]
    if not lengths[0] == lengths[1] == lengths[2] or len(row_labels) != len(rows):
        raise ValueError(
            f"expected one label per row and image; got rows of {lengths[0]} images, "
            f"{len(row_labels)} row labels and {lengths[1]} column labels"
        )
    width, height = grid_size(rows)
    axes.set(xlim=(0, width), ylim=(height, 0), aspect="equal")
    axes.set_axis_off()
    top = 0.0
    row_text: dict[str, Any] = {
        "rotation": 90,
        "ha": "right",
        "va": "center",
        "ma": "center",
        "size": 6.5,
    }
    for row, images in enumerate(rows):
        top += NAME_HEIGHT
        bottom = top + _aspect(images)
        axes.text(-0.06, (top + bottom) / 2, row_labels[row], **row_text)
        for column, image in enumerate(images):
            left = column * (1 + GAP) + (NATURAL_GAP if column else 0)
            name = column_labels[row][column]
            _framed_image(axes, image, (left, left + 1, bottom, top), accepted[row][column])
            axes.text(left + 0.5, top - 0.03, name, ha="center", va="bottom", size=6)
        top = bottom + GAP


def grid_size(rows: Sequence[Sequence[np.ndarray]]) -> tuple[float, float]:
    """Return width and height of an image grid, in image widths."""
    width = max(map(len, rows)) * (1 + GAP) - GAP + NATURAL_GAP
    return width, sum(NAME_HEIGHT + _aspect(images) + GAP for images in rows)


def recognition_by_layer(
    axes: Axes,
    table: pd.DataFrame,
    generator: str,
    layers: Sequence[str],
    styles: Mapping[str, NetworkStyle],
    task: str | None = None,
    chance: float | None = CHANCE_OF_16,
) -> None:
    """Plot how well each observer recognises the metamers of one network, by layer.

    Published human data are those of the network itself or, for a small or reseeded one, of the
    full-size network it is modelled on; they align by layer name. The title is the network, and
    the numbers above the axis are the stimuli it was scored on itself.

    Args:
        axes: to draw into; add a legend with `axes.legend`.
        table: columns of recognition.csv.
        generator: the network whose metamers they are.
        layers: from the input upwards; "natural" is put in front.
        styles: network -> how it is drawn.
        task: which of the table's tasks to plot, if there are several.
        chance: proportion correct of a guess; None for no line.

    Raises:
        ValueError: missing columns, no measured rows, or two values for one observer and layer.
    """
    style = style_of(generator, styles)
    measured, published = _rows_of(table, generator, style.base, task)
    is_person = measured["observer"].isin(list(PEOPLE))
    people, measured = measured[is_person], measured[~is_person]
    observers = sorted(measured["observer"].unique(), key=lambda name: (name != generator, name))
    # Side by side, so that no error bar hides another.
    for place, observer in enumerate(observers, start=1):
        curve = _curve(measured[measured["observer"] == observer], layers)
        offset = 0.07 * (place - (len(observers) + 1) / 2)
        drawn = style_of(observer, styles)
        _draw_network(axes, curve, drawn, observer == generator, offset)
        if place == 1:
            _write_counts(axes, curve["n"])
    _draw_human(axes, _curve(published, layers))
    for observer in people["observer"].unique():
        curve = _curve(people[people["observer"] == observer], layers)
        draw_people(axes, curve, PEOPLE[observer], "o")
    finish(axes, [NATURAL, *layers], chance, "Proportion correct")
    axes.set_title(style.label, pad=11)


def finish(axes: Axes, ticks: Sequence[str], chance: float | None, scale: str) -> None:
    """Write what all panels of recognition have: chance, layers, scale."""
    if chance is not None:
        axes.axhline(chance, color=NOTE_COLOUR, linewidth=0.6, linestyle=":", zorder=0)
        axes.text(-0.4, chance + 0.01, "chance", va="bottom", size=6, color=NOTE_COLOUR)
    names: dict[str, Any] = {"rotation": 50, "ha": "right", "rotation_mode": "anchor"}
    axes.set_xticks(range(len(ticks)), ticks, **names)
    axes.set(xlim=(-0.5, len(ticks) - 0.5), ylim=(0, 1.03), yticks=np.linspace(0, 1, 6))
    axes.set_ylabel(scale)


def _aspect(images: Sequence[np.ndarray]) -> float:
    height, width = images[0].shape[:2]
    return height / width


def _framed_image(axes: Axes, image: np.ndarray, extent: tuple, accepted: bool) -> None:
    axes.imshow(image, extent=extent, cmap="gray", vmin=0, vmax=255, aspect="equal")
    left, right, bottom, top = extent
    frame: dict[str, Any] = {"edgecolor": "black", "linewidth": 0.4}
    if not accepted:
        frame = {
            "edgecolor": REJECTED_COLOUR,
            "linewidth": 1.3,
            "linestyle": (0, (3, 1.5)),
        }
        patch = {
            "facecolor": "white",
            "edgecolor": "none",
            "boxstyle": "square,pad=0.05",
        }
        cross: Any = {
            "color": REJECTED_COLOUR,
            "size": 8,
            "weight": "bold",
            "bbox": patch,
        }
        axes.text(right - 0.04, top + 0.04, "×", ha="right", va="top", **cross)
    size = (right - left, bottom - top)
    axes.add_patch(Rectangle((left, top), *size, fill=False, zorder=3, clip_on=False, **frame))


def _rows_of(
    table: pd.DataFrame, generator: str, base: str, task: str | None
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the measured and the published rows for the metamers of one network."""
    if missing := [column for column in COLUMNS if column not in table.columns]:
        raise ValueError(f"the recognition table lacks the columns {', '.join(missing)}")
    if task is not None:
        table = table[table["task"] == task]
    is_measured = table["source"] == "measured"
    measured = table[is_measured & (table["generator"] == generator)]
    if measured.empty:
        names = ", ".join(sorted(table.loc[is_measured, "generator"].unique())) or "no network"
        for_task = f" for task {task!r}" if task else ""
        raise ValueError(
            f"no measured recognition of metamers from {generator!r}{for_task}; there is: {names}"
        )
    published = table[table["source"] == "published"]
    own = published[published["generator"] == generator]
    full_size = published[published["generator"] == base]
    return measured, full_size if own.empty else own


def _curve(rows: pd.DataFrame, layers: Sequence[str]) -> pd.DataFrame:
    """Return an observer's rows, natural first; NaN, and a gap, where there is no value."""
    if rows["layer"].duplicated().any():
        raise ValueError(
            f"{rows['observer'].iloc[0]} has two values for one layer of "
            f"{rows['generator'].iloc[0]}; choose one of the tasks: "
            f"{', '.join(rows['task'].unique())}"
        )
    curve = rows.set_index("layer")[["n", "proportion_correct", "sem"]].astype("float64")
    return curve.reindex([NATURAL, *layers])


def _draw_network(
    axes: Axes, curve: pd.DataFrame, style: NetworkStyle, is_generator: bool, offset: float
) -> None:
    axes.errorbar(
        np.arange(len(curve)) + offset,
        curve["proportion_correct"],
        curve["sem"].fillna(0),
        label=style.label,
        color=style.colour,
        marker=style.marker,
        markerfacecolor=style.colour if style.filled else "white",
        markeredgewidth=0.7,
        linestyle=style.dashes,
        linewidth=GENERATOR_LINE_WIDTH if is_generator else 0.9,
        elinewidth=0.7,
        zorder=4 if is_generator else 3,
    )


def _draw_human(axes: Axes, curve: pd.DataFrame) -> None:
    if curve["proportion_correct"].isna().all():
        note: dict[str, Any] = {"size": 6, "style": "italic", "color": HUMAN_COLOUR}
        axes.text(0.03, 0.14, "no published\nhuman data", transform=axes.transAxes, **note)
        return
    axes.errorbar(
        np.arange(len(curve)),
        curve["proportion_correct"],
        curve["sem"].fillna(0),
        label=HUMAN_LABEL,
        color=HUMAN_COLOUR,
        marker="o",
        markerfacecolor="none",
        markersize=4.5,
        linestyle="--",
        linewidth=1.0,
        elinewidth=0.7,
        zorder=5,
    )


def draw_people(
    axes: Axes, curve: pd.DataFrame, label: str, marker: str, shift: float = 0.0
) -> None:
    """Draw people of one's own experiment: proportion correct and sem, natural first."""
    axes.errorbar(
        np.arange(len(curve)) + shift,
        curve["proportion_correct"],
        curve["sem"].fillna(0),
        label=label,
        color=PEOPLE_COLOUR,
        marker=marker,
        linewidth=1.0,
        elinewidth=0.7,
        zorder=5,
    )


def _write_counts(axes: Axes, counts: pd.Series) -> None:
    """Write the number of stimuli above every position."""
    place: Any = {
        "transform": axes.get_xaxis_transform(),
        "size": 5.5,
        "color": NOTE_COLOUR,
    }
    for x, n in enumerate(counts):
        text = "–" if np.isnan(n) else f"{n:.0f}"
        axes.text(x, 1.015, f"n={text}" if x == 0 else text, ha="center", va="bottom", **place)
