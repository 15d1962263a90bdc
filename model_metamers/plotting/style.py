"""The look all figures share: sizes, fonts, and one colour, marker and label per network.

A network's identity tells its line: colour and marker by what it is a version of, dashes by its
seed. Small networks have "(small)" in their label and full-size ones "(full scale)", and published
human data are grey, dashed and open, so the three are never mistaken for each other.
"""

import textwrap
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from zlib import crc32

WIDTH_MM = 180.0  # two columns of a journal
MM_PER_INCH = 25.4

RC: Any = {
    # Comes with matplotlib: the figure is the same on every machine.
    "font.family": "DejaVu Sans",
    "font.size": 7,
    "axes.titlesize": 7.5,
    "axes.labelsize": 7,
    "xtick.labelsize": 6.5,
    "ytick.labelsize": 6.5,
    "legend.fontsize": 6.5,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.major.size": 2.5,
    "ytick.major.size": 2.5,
    "lines.markersize": 3.5,
}

# Okabe & Ito's palette, which people with any colour vision can tell apart, and wine (P. Tol).
PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#882255")
MARKERS = ("s", "^", "D", "v", "P", "X", "<")
HUMAN_COLOUR = "#4D4D4D"
# People of an experiment of one's own, and simulated ones: observers of recognition.csv. Published
# ones are open and dashed, these filled and solid.
PEOPLE = {"human (yours)": "Humans (yours)", "human (simulated)": "Humans (simulated)"}
PEOPLE_COLOUR = "black"
REJECTED_COLOUR = "#D55E00"
NOTE_COLOUR = "#767676"

SEED_DASHES = ((0, (4, 1.5)), (0, (1.5, 1.2)), (0, (5, 1.2, 1.2, 1.2)))

SCALES = {"small": "small", "full": "full scale"}
SHORT_LINE = 8  # letters


@dataclass(frozen=True)
class NetworkStyle:
    """How one network is drawn.

    Attributes:
        label: with scale and seed.
        plain_label: without.
        short_label: in lines of eight letters.
        base: what published tables call it.
        colour: of line and marker.
        marker: its shape.
        filled: whether the marker is.
        dashes: of the line.
    """

    label: str
    plain_label: str
    short_label: str
    base: str
    colour: str
    marker: str
    filled: bool
    dashes: str | tuple


def network_style(
    base: str,
    label: str | None = None,
    scale: str | None = None,
    seed: int = 0,
    place: int | None = None,
    short_label: str = "",
) -> NetworkStyle:
    """Return how a network is drawn; the same in every figure.

    Args:
        base: what published tables call it, or would.
        label: by default the base.
        scale: "small", "full", or None where there is nothing to tell apart.
        seed: of its training; 0 is not mentioned.
        place: in the palette; by default one that follows from the base.
        short_label: for narrow places; by default the label in lines of eight letters.
    """
    label = base if label is None else label
    place = crc32(base.encode()) if place is None else place
    details = [SCALES[scale]] if scale else []
    details += [f"seed {seed}"] if seed else []
    return NetworkStyle(
        label=f"{label} ({', '.join(details)})" if details else label,
        plain_label=label,
        short_label=short_label or textwrap.fill(label, SHORT_LINE),
        base=base,
        colour=PALETTE[place % len(PALETTE)],
        marker=MARKERS[place % len(MARKERS)],
        filled=not seed,
        dashes=SEED_DASHES[seed % len(SEED_DASHES)] if seed else "-",
    )


def style_of(name: str, styles: Mapping[str, NetworkStyle]) -> NetworkStyle:
    """Return a network's style, or for one that nobody described that of its name alone."""
    return styles[name] if name in styles else network_style(name)
