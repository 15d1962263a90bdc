"""Figure 1: how a metamer is made, drawn from one that was.

a, the images, the network and a layer's responses to them; b, what the noise becomes; c, its
loss; d, how well every layer is matched on the way.

Source: paper, Figure 1 (its idea) and section 2.1.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.patches import FancyArrowPatch, Rectangle
from matplotlib.ticker import MaxNLocator

from model_metamers.plotting.axes import grid_size, image_grid
from model_metamers.plotting.page import LEFT_MM, Page
from model_metamers.plotting.style import NOTE_COLOUR, PALETTE, RC, WIDTH_MM

# Of the evaluations on the way, from noise to metamer.
_WAY = LinearSegmentedColormap.from_list("way", ["#D9D9D9", "#7FB3D5", "#0072B2", "#08306B"])
MATCHED_COLOUR = "#FFF3C4"
LOSS_COLOURS = (PALETTE[1], PALETTE[2], PALETTE[6], PALETTE[3])
METHOD_MM, GRID_WIDTH_MM, GAP_MM, MATCH_MM, FOOT_MM = 77.0, 118.0, 8.0, 34.0, 25.0
# Panel a: three rows of an image, its way through the network, and the layer's responses.
IMAGE_LEFT_MM, IMAGE_MM, MAP_MM, NETWORK_LEFT_MM, NETWORK_RIGHT_MM = 16.0, 18.0, 9.0, 44.0, 122.0
MAPS_LEFT_MM, LOSS_LEFT_MM = 128.0, 168.0
ROW_TOPS_MM = {"natural": 4.0, "noise": 27.0, "metamer": 50.0}
NAMES = {"natural": "natural image", "noise": "noise", "metamer": "metamer"}
_ARROW: Any = {"arrowstyle": "-|>", "mutation_scale": 7, "linewidth": 0.9, "shrinkA": 0}


@dataclass(frozen=True)
class Making:
    """A metamer in the making.

    Attributes:
        layer: the matched one.
        evaluations: of the snapshots, from 0 on.
        images: the snapshots, uint8 [height, width, 3].
    """

    layer: str
    evaluations: Sequence[int]
    images: Sequence[np.ndarray]


@matplotlib.rc_context(RC)
def figure1(
    natural: np.ndarray,
    makings: Sequence[Making],
    losses: pd.DataFrame,
    progress: pd.DataFrame,
    responses: pd.DataFrame,
    network: str,
) -> matplotlib.figure.Figure:
    """Draw Figure 1.

    Args:
        natural: the natural image, uint8 [height, width, 3].
        makings: one for each matched layer.
        losses: losses.csv of them.
        progress: progress.csv of them.
        responses: responses.csv of one of the layers.
        network: what the figure calls the network.

    Returns:
        The figure, 180 mm wide.
    """
    grid = [[natural, *making.images] for making in makings]
    width, height = grid_size(grid)
    grid_mm = GRID_WIDTH_MM * height / width
    match_top_mm = METHOD_MM + grid_mm + GAP_MM + 10
    page = Page(match_top_mm + MATCH_MM + FOOT_MM)
    pictured = str(responses.layer.iloc[0])
    page.heading("a", f"The method, at layer {pictured} of {network}", 0)
    making = next(each for each in makings if each.layer == pictured)
    layers = list(dict.fromkeys(progress.measured_layer))
    images = {"natural": natural, "noise": making.images[0], "metamer": making.images[-1]}
    course = losses[losses.layer == pictured].sort_values("evaluations").loss
    ends = (float(course.iloc[0]), float(course.iloc[-1]))
    _draw_method(page, images, making, layers, response_maps(responses), ends)
    page.heading("b", "What noise becomes, for each matched layer", METHOD_MM)
    image_grid(
        page.axes(LEFT_MM, METHOD_MM + 5, GRID_WIDTH_MM, grid_mm),
        grid,
        [each.layer for each in makings],
        [["natural", *_column_names(each.evaluations)] for each in makings],
    )
    left_mm = LEFT_MM + GRID_WIDTH_MM + 14
    axes = page.axes(left_mm, METHOD_MM + 10, WIDTH_MM - left_mm - 1, grid_mm - 15)
    _heading_at(page, left_mm - 9, "c", "The loss, relative to the noise's", METHOD_MM)
    _draw_losses(axes, losses, makings)
    page.heading("d", "The match with the natural image at every layer", match_top_mm - 10)
    _draw_matches(page, match_top_mm, progress, makings, layers)
    return page.figure


def response_maps(responses: pd.DataFrame) -> dict[str, np.ndarray]:
    """Return the maps [n, rows, columns] of the natural image, the noise and the metamer.

    Args:
        responses: responses.csv.

    Returns:
        "natural", "noise" and "metamer" -> maps; the natural ones fill [0, 1].
    """
    shape = (responses.unit.nunique(), responses.row.nunique(), responses.column.nunique())
    maps = [
        rows.sort_values(["unit", "row", "column"]).response.to_numpy().reshape(shape)
        for _, rows in responses.groupby("stimulus_id", sort=False)
    ]
    low, high = (ends(maps[0], axis=(1, 2), keepdims=True) for ends in (np.min, np.max))
    scaled = [(each - low) / np.maximum(high - low, 1e-9) for each in maps]
    return {"natural": scaled[0], "noise": scaled[1], "metamer": scaled[-1]}


def _draw_method(
    page: Page,
    images: Mapping[str, np.ndarray],
    making: Making,
    layers: Sequence[str],
    responses: Mapping[str, np.ndarray],
    losses: tuple[float, float],
) -> None:
    """Draw three images, the network that sees them, how its layer responds, and the loss."""
    axes = page.axes(0, 5, WIDTH_MM, METHOD_MM - 6)
    axes.set(xlim=(0, WIDTH_MM), ylim=(METHOD_MM - 6, 0))
    axes.set_axis_off()
    matched_mm = _draw_network(axes, layers, making.layer)
    told = {"natural": "target", "noise": f"loss\n{_number(losses[0])}"}
    told["metamer"] = f"loss\n{_number(losses[1])}"
    for name, top in ROW_TOPS_MM.items():
        middle = top + IMAGE_MM / 2
        _image(axes, images[name], top, NAMES[name])
        _arrow(axes, (IMAGE_LEFT_MM + IMAGE_MM + 1, middle), (NETWORK_LEFT_MM - 1, middle))
        _arrow(axes, (matched_mm, middle), (MAPS_LEFT_MM - 1, middle), PALETTE[1], zorder=4)
        _draw_maps(axes, responses[name], middle)
        axes.text(LOSS_LEFT_MM, middle, told[name], va="center", size=6.5)
    text: Any = {"ha": "center", "va": "bottom", "size": 6.5}
    maps_middle = MAPS_LEFT_MM + 2 * MAP_MM
    first = ROW_TOPS_MM["natural"] + (IMAGE_MM - MAP_MM) / 2
    axes.text(maps_middle, first - 1, f"responses of {making.layer} (some channels)", **text)
    between = ROW_TOPS_MM["noise"] - 1.5
    axes.text(maps_middle, between + 1, "loss = ½ Σ (response - target)²", **text)
    _draw_way(axes, making.evaluations[-1])


def _draw_network(axes: Axes, layers: Sequence[str], matched: str) -> float:
    """Draw the layers as bars, once for all images; return where the matched one ends, in mm."""
    pitch = (NETWORK_RIGHT_MM - NETWORK_LEFT_MM) / len(layers)
    top, bottom = ROW_TOPS_MM["natural"], ROW_TOPS_MM["metamer"] + IMAGE_MM
    place_of_matched = layers.index(matched)
    for place, layer in enumerate(layers):
        left, inset = NETWORK_LEFT_MM + place * pitch, 5.0 * place / max(len(layers) - 1, 1)
        style: Any = {"facecolor": "#EEEEEE", "edgecolor": NOTE_COLOUR, "linewidth": 0.6}
        text: Any = {"color": "black", "weight": "normal"}
        if place == place_of_matched:
            style |= {"facecolor": MATCHED_COLOUR, "edgecolor": PALETTE[1], "linewidth": 1.2}
            text["weight"] = "bold"
        if place > place_of_matched:  # they do not take part
            style |= {"facecolor": "white", "linestyle": (0, (2, 1.5))}
            text["color"] = NOTE_COLOUR
        size = (0.6 * pitch, bottom - top - 2 * inset)
        axes.add_patch(Rectangle((left, top + inset), *size, zorder=2, **style))
        y = (ROW_TOPS_MM["noise"] + ROW_TOPS_MM["metamer"] + IMAGE_MM) / 2
        axes.text(
            left + 0.3 * pitch, y, layer, rotation=90, ha="center", va="center", size=6, zorder=3,
            **text,
        )  # fmt: skip
    return NETWORK_LEFT_MM + (place_of_matched + 0.6) * pitch


def _draw_maps(axes: Axes, maps: np.ndarray, middle_mm: float) -> None:
    """Draw the responses of some channels in a row; values of the natural ones fill [0, 1]."""
    for place, values in enumerate(maps):
        left, top = MAPS_LEFT_MM + place * (MAP_MM + 0.8), middle_mm - MAP_MM / 2
        extent = (left, left + MAP_MM, top + MAP_MM, top)
        axes.imshow(values, extent=extent, cmap="magma", vmin=0, vmax=1, aspect="auto")
        axes.add_patch(Rectangle((left, top), MAP_MM, MAP_MM, fill=False, linewidth=0.4))


def _draw_way(axes: Axes, evaluations: int) -> None:
    """Draw the way from noise to metamer, beside the images."""
    start, end = (ROW_TOPS_MM[name] + IMAGE_MM / 2 for name in ("noise", "metamer"))
    x = IMAGE_LEFT_MM - 1
    way: Any = {"connectionstyle": "arc3,rad=0.5", "color": _WAY(0.7), **_ARROW}
    axes.add_patch(FancyArrowPatch((x, start), (x, end), shrinkB=0, **way))
    axes.text(
        x - 9.5, (start + end) / 2, f"{evaluations:,} evaluations:\ndown the loss's gradient",
        rotation=90, ha="center", va="center", ma="center", size=6.5, color=_WAY(0.7),
    )  # fmt: skip


def _image(axes: Axes, image: np.ndarray, top_mm: float, name: str) -> None:
    left, right = IMAGE_LEFT_MM, IMAGE_LEFT_MM + IMAGE_MM
    axes.imshow(image, extent=(left, right, top_mm + IMAGE_MM, top_mm), aspect="auto", zorder=3)
    axes.add_patch(
        Rectangle((left, top_mm), IMAGE_MM, IMAGE_MM, fill=False, linewidth=0.4, zorder=4)
    )
    axes.text((left + right) / 2, top_mm - 0.6, name, ha="center", va="bottom", size=6.5)


def _arrow(
    axes: Axes,
    start: tuple[float, float],
    end: tuple[float, float],
    colour: str = "black",
    zorder: int = 1,
) -> None:
    axes.add_patch(FancyArrowPatch(start, end, color=colour, zorder=zorder, shrinkB=0, **_ARROW))


def _heading_at(page: Page, left_mm: float, letter: str, text: str, top_mm: float) -> None:
    y = 1 - (top_mm + 4) / page.height_mm
    page.figure.text(left_mm / WIDTH_MM, y, letter, size=10, weight="bold")
    page.figure.text((left_mm + 4) / WIDTH_MM, y, text, size=7.5)


def _column_names(evaluations: Sequence[int]) -> list[str]:
    return [f"{n:,} evaluations" if place == 1 else f"{n:,}" if place else "noise"
            for place, n in enumerate(evaluations)]  # fmt: skip


def _number(loss: float) -> str:
    return f"{loss:,.0f}" if loss >= 100 else f"{loss:.3g}"


def _draw_losses(axes: Axes, losses: pd.DataFrame, makings: Sequence[Making]) -> None:
    for making, colour in zip(makings, LOSS_COLOURS, strict=False):
        course = losses[losses.layer == making.layer].sort_values("evaluations")
        relative = course.loss / course.loss.iloc[0]
        axes.plot(course.evaluations, relative, color=colour, linewidth=1.2, label=making.layer)
        shown = course.evaluations.isin(list(making.evaluations))
        axes.plot(
            course.evaluations[shown], relative[shown], "o", color=colour, markersize=2.8,
            markerfacecolor="white", markeredgewidth=0.8,
        )  # fmt: skip
    axes.set_yscale("log")
    axes.set_xlim(left=0)
    axes.xaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 5, 10], integer=True))
    axes.set_xlabel("evaluations")
    axes.legend(frameon=False, title="matched layer", title_fontsize=6.5, loc="upper right")


def _draw_matches(
    page: Page,
    top_mm: float,
    progress: pd.DataFrame,
    makings: Sequence[Making],
    layers: Sequence[str],
) -> None:
    """Draw a panel for each matched layer, and a line for each number of evaluations."""
    pitch_mm = (WIDTH_MM - LEFT_MM + 4) / len(makings)
    lowest = min(progress.spearman.min(), 0) - 0.05
    for column, making in enumerate(makings):
        axes = page.axes(LEFT_MM + column * pitch_mm, top_mm, pitch_mm - 5, MATCH_MM)
        rows = progress[progress.layer == making.layer]
        matched = layers.index(making.layer)
        axes.axvspan(matched - 0.5, matched + 0.5, color=MATCHED_COLOUR, zorder=0, linewidth=0)
        null = rows.drop_duplicates("measured_layer").set_index("measured_layer").null_max
        x = np.arange(len(layers))
        for place, n in enumerate(making.evaluations):
            values = rows[rows.evaluations == n].set_index("measured_layer").spearman[layers]
            colour = _WAY(place / max(len(making.evaluations) - 1, 1))
            name = "noise" if place == 0 else f"{n:,} evaluations"
            axes.plot(x, values, color=colour, marker="o", linewidth=1.1, markersize=2.6,
                      label=name, zorder=3)  # fmt: skip
        axes.hlines(null[layers], x - 0.35, x + 0.35, color="black", linewidth=0.9, zorder=2,
                    label="maximum of the null: two different natural images")  # fmt: skip
        axes.set_xticks(x, layers, rotation=40, ha="right", rotation_mode="anchor")
        axes.set(xlim=(-0.5, len(layers) - 0.5), ylim=(lowest, 1.04), yticks=(0, 0.5, 1))
        axes.set_title(f"matched at {making.layer}", pad=4)
        axes.set_ylabel("" if column else "Spearman correlation")
        if column:
            axes.set_yticklabels([])
    handles, names = page.figure.axes[-1].get_legend_handles_labels()
    page.figure.legend(
        handles, names, loc="lower center", ncols=4, frameon=False, borderaxespad=0.2
    )
