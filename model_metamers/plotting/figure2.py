"""Figure 2: metamers against the null, and what the modified ReLU gradient does.

Source: paper, Figure 2; published medians from Table S4.
"""

from collections.abc import Mapping

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from model_metamers.plotting.page import LEFT_MM, Page
from model_metamers.plotting.style import (
    HUMAN_COLOUR,
    NOTE_COLOUR,
    RC,
    WIDTH_MM,
    NetworkStyle,
    style_of,
)

NULL_COLOUR = "#BBBBBB"
HISTOGRAM_MM, SCATTER_MM, ROW_MM, GAP_MM = 48.0, 30.0, 30.0, 9.0
TOP_MM, FIDELITY_TOP_MM, FIDELITY_MM, FOOT_MM = 12.0, 108.0, 36.0, 22.0
SCATTER_LEFT_MM = 143.0
# Gradient -> colour, marker and dashes; in the order they are drawn.
GRADIENTS = {"modified": ("#0072B2", "s", "-"), "true": ("#D55E00", "^", (0, (3, 1.2)))}


@matplotlib.rc_context(RC)
def figure2(
    correlations: pd.DataFrame,
    null_histogram: pd.DataFrame,
    activations: pd.DataFrame,
    fidelity: pd.DataFrame,
    published: pd.DataFrame,
    styles: Mapping[str, NetworkStyle],
) -> Figure:
    """Draw histograms of correlations, activations of both gradients, and fidelity by layer.

    Args:
        correlations: of one network's metamers, matched and measured at two layers.
        null_histogram: the null distributions of those layers.
        activations: of one stimulus and its metamers made with either gradient.
        fidelity: of the metamers of some networks made with either gradient.
        published: Table S4; networks that it does not have have no published points.
        styles: network -> how it is drawn.

    Returns:
        The figure, 180 mm wide.
    """
    page = Page(FIDELITY_TOP_MM + FIDELITY_MM + FOOT_MM)
    style = style_of(null_histogram.network.iloc[0], styles)
    page.heading("a", f"{style.label}: correlations (histograms scaled to one height)", 0)
    _draw_histograms(page, correlations, null_histogram, style.colour)
    _heading_at(page, SCATTER_LEFT_MM, "b", f"Units of {activations.layer.iloc[0]}")
    highest = 1.05 * max(activations[["natural", "metamer"]].max().max(), 1e-6)
    for row, gradient in enumerate(GRADIENTS):
        top_mm = TOP_MM + row * (ROW_MM + GAP_MM)
        axes = page.axes(SCATTER_LEFT_MM, top_mm, SCATTER_MM, ROW_MM)
        _draw_scatter(axes, activations[activations.gradient == gradient], gradient, highest)
        axes.set_xlabel("natural" if row else "")
    page.heading("c", "Match at the layer, by the gradient of its ReLU", FIDELITY_TOP_MM - 9)
    _draw_fidelity(page, fidelity, published, styles)
    return page.figure


def _heading_at(page: Page, left_mm: float, letter: str, text: str) -> None:
    y = 1 - 4 / page.height_mm
    page.figure.text((left_mm - 10) / WIDTH_MM, y, letter, size=10, weight="bold")
    page.figure.text(left_mm / WIDTH_MM, y, text, size=7.5)


def _draw_histograms(
    page: Page, correlations: pd.DataFrame, nulls: pd.DataFrame, colour: str
) -> None:
    """Draw matched layers (rows) by measured layers (columns)."""
    layers = list(dict.fromkeys(nulls.layer))
    occupied = nulls.low[nulls.n > 0].min()
    lowest = min(occupied, correlations.spearman.min()) - 0.04
    for row, generated in enumerate(layers):
        for column, measured in enumerate(layers):
            axes = page.axes(
                LEFT_MM + 6 + column * (HISTOGRAM_MM + 4), TOP_MM + row * (ROW_MM + GAP_MM),
                HISTOGRAM_MM, ROW_MM,
            )  # fmt: skip
            cell = correlations[
                (correlations.generated_layer == generated)
                & (correlations.measured_layer == measured)
            ]
            _draw_histogram(axes, cell, nulls[nulls.layer == measured], colour)
            axes.set(xlim=(lowest, 1.03), yticks=[])
            if row == 0:
                axes.set_title(f"measured at {measured}", pad=3)
            if column == 0:
                axes.set_ylabel(f"made for {generated}")
            if row == len(layers) - 1:
                axes.set_xlabel("Spearman correlation")
    handles = {
        "metamers": Patch(color=colour),
        "null: different natural stimuli": Patch(color=NULL_COLOUR),
        "maximum of the null": Line2D([], [], color="black", linewidth=0.9),
    }
    bottom = 1 - (TOP_MM + len(layers) * (ROW_MM + GAP_MM) + 5) / page.height_mm
    page.figure.legend(
        handles.values(), handles.keys(), loc="center", bbox_to_anchor=(0.36, bottom), ncols=3,
        frameon=False,
    )  # fmt: skip


def _draw_histogram(
    axes: Axes, correlations: pd.DataFrame, null: pd.DataFrame, colour: str
) -> None:
    """Draw both histograms to the same height: there are thousands of pairs to a few metamers."""
    edges = [*null.low, null.high.iloc[-1]]
    counts, _ = np.histogram(correlations.spearman.dropna().clip(-1, 1), edges)
    width = null.high - null.low
    axes.bar(null.low, null.n / max(null.n.max(), 1), width, align="edge", color=NULL_COLOUR)
    axes.bar(null.low, counts / max(counts.max(), 1), width, align="edge", color=colour)
    axes.set_ylim(0, 1.3)
    if correlations.empty:
        return
    null_max = correlations.null_max.iloc[0]
    axes.vlines(null_max, 0, 1.08, color="black", linewidth=0.9)
    n_above = int((correlations.spearman > null_max).sum())
    axes.text(
        0.02, 0.97, f"{n_above}/{len(correlations)} above the null",
        transform=axes.transAxes, va="top", size=6, color=NOTE_COLOUR,
    )  # fmt: skip


def _draw_scatter(axes: Axes, units: pd.DataFrame, gradient: str, highest: float) -> None:
    colour, marker, _ = GRADIENTS[gradient]
    axes.plot([0, highest], [0, highest], color=NOTE_COLOUR, linewidth=0.5, zorder=0)
    axes.scatter(
        units.natural, units.metamer, s=5, marker=marker, facecolor="none", edgecolor=colour,
        linewidth=0.5, clip_on=False,
    )  # fmt: skip
    low = -0.03 * highest
    axes.set(xlim=(low, highest), ylim=(low, highest), ylabel="metamer")
    rho = units.natural.corr(units.metamer, method="spearman")
    axes.set_title(f"{gradient} gradient: ρ = {rho:.3f}", pad=3, size=6.5)


def _draw_fidelity(
    page: Page,
    fidelity: pd.DataFrame,
    published: pd.DataFrame,
    styles: Mapping[str, NetworkStyle],
) -> None:
    networks = list(dict.fromkeys(fidelity.network))
    left_mm = LEFT_MM + 2
    width_mm = (WIDTH_MM - left_mm - 1 + 5) / len(networks) - 5
    # A metamer that leaves the layer silent has no rank correlation, and does not match.
    values = fidelity.assign(spearman_layer=fidelity.spearman_layer.fillna(0))
    lowest = values.spearman_layer.min()
    for column, network in enumerate(networks):
        axes = page.axes(left_mm + column * (width_mm + 5), FIDELITY_TOP_MM, width_mm, FIDELITY_MM)
        rows = values[values.network == network]
        layers = list(dict.fromkeys(rows.layer))
        _draw_medians(axes, rows, layers)
        style = style_of(network, styles)
        _draw_published(axes, published[published.network == style.base], layers)
        axes.set_xticks(range(len(layers)), layers, rotation=20, ha="right")
        axes.set(xlim=(-0.5, len(layers) - 0.5), ylim=(lowest - 0.03, 1.01))
        n_stimuli = rows.stimulus_id.nunique()
        axes.set_title(f"{style.label}, {n_stimuli} stimuli", pad=4)
        axes.set_ylabel("" if column else "Spearman correlation")
        if column:
            axes.set_yticklabels([])
    page.figure.legend(
        *axes.get_legend_handles_labels(), loc="lower center", ncols=3, frameon=False
    )


def _draw_medians(axes: Axes, rows: pd.DataFrame, layers: list[str]) -> None:
    """Draw a line through the medians of each gradient, and every metamer beside it."""
    for place, (gradient, (colour, marker, dashes)) in enumerate(GRADIENTS.items()):
        made = rows[rows.gradient == gradient]
        x = made.layer.map(layers.index) + 0.16 * (place - 0.5)
        axes.scatter(x, made.spearman_layer, s=2, color=colour, alpha=0.45, linewidth=0)
        medians = made.groupby("layer").spearman_layer.median().reindex(layers)
        axes.plot(
            np.arange(len(layers)) + 0.16 * (place - 0.5), medians, label=f"{gradient} gradient",
            color=colour, marker=marker, linestyle=dashes, linewidth=1.1,
        )  # fmt: skip


def _draw_published(axes: Axes, published: pd.DataFrame, layers: list[str]) -> None:
    """Draw the medians of the full-size network, which were made with the modified gradient."""
    medians = published.set_index("layer").median_spearman_layer.reindex(layers)
    if medians.isna().all():
        return
    axes.plot(
        range(len(layers)), medians, label="published (Table S4, full scale, modified)",
        color=HUMAN_COLOUR, marker="o", markerfacecolor="none", linestyle="none",
    )  # fmt: skip
