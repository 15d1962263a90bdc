"""The look all figures share: sizes, fonts, and one colour, marker and label per network.

A network's name tells its line: colour and marker by architecture, dashes by training seed. Small
networks have "(small)" in their label and full-size ones "(full scale)", and published human data
are grey, dashed and open, so the three are never mistaken for each other.
"""

import re
from dataclasses import dataclass
from zlib import crc32

WIDTH_MM = 180.0  # two columns of a journal
MM_PER_INCH = 25.4

RC = {
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
REJECTED_COLOUR = "#D55E00"
NOTE_COLOUR = "#767676"

# Architecture -> label, and place in the palette. Audio networks have reduced aliasing if their
# label does not say otherwise.
NETWORKS = {
    "vgg_19": ("VGG-19", 0),
    "inception_v3": ("Inception-v3", 1),
    "resnet_v2_101": ("ResNet-v2-101", 2),
    "word_aliased": ("Words, aliased", 0),
    "word_reduced_aliasing": ("Words", 1),
    "audioset_reduced_aliasing": ("Backgrounds", 2),
    "random_reduced_aliasing": ("Random", 3),
    "word_audioset_reduced_aliasing": ("Words + backgrounds", 4),
    "deepspeech": ("DeepSpeech", 5),
    "vggish": ("VGGish", 6),
}
SEED_DASHES = ((0, (4, 1.5)), (0, (1.5, 1.2)), (0, (5, 1.2, 1.2, 1.2)))

_NAME = re.compile(r"(?P<base>.+?)(?P<small>_small)?(?:_seed(?P<seed>\d+))?")


@dataclass(frozen=True)
class NetworkStyle:
    """How one network is drawn: label, colour, marker, whether it is filled, dashes."""

    label: str
    colour: str
    marker: str
    filled: bool
    dashes: str | tuple


def full_size_name(name: str) -> str:
    """Return the published network a name stands for: "vgg_19_small_seed1" -> "vgg_19"."""
    return _NAME.fullmatch(name)["base"]


def style_of(name: str) -> NetworkStyle:
    """Return how the network `name` is drawn; the same in every figure, known name or not."""
    base, small, seed = _NAME.fullmatch(name).group("base", "small", "seed")
    label, place = NETWORKS.get(base, (base, crc32(base.encode())))
    scale = "small" if small else "full scale"
    details = [scale] * (base in NETWORKS or bool(small)) + [f"seed {seed}"] * bool(seed)
    return NetworkStyle(
        label=f"{label} ({', '.join(details)})" if details else label,
        colour=PALETTE[place % len(PALETTE)],
        marker=MARKERS[place % len(MARKERS)],
        filled=seed is None,
        dashes="-" if seed is None else SEED_DASHES[int(seed) % len(SEED_DASHES)],
    )
