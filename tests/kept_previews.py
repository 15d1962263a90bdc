"""Which previews of the runs under figures/ the repository keeps: those that tests read.

    python tests/kept_previews.py        # deletes the others; after a new reference run

All together would be a hundred megabytes for every reference run.
"""

import csv
from fnmatch import fnmatch
from pathlib import Path

FIGURES = Path(__file__).resolve().parents[1] / "figures"

EVERY, EVERY_FIFTH, FIRST = slice(None), slice(None, None, 5), slice(1)
# run -> (network, layer, which of its stimuli in alphabetical order) of what is kept.
KEPT = {
    "fig2_validation": [("word_aliased_small", "*", EVERY_FIFTH)],
    "fig3_visual": [
        ("*", "natural", EVERY),
        ("*", "*", EVERY_FIFTH),
        ("vgg_19_small", "*", EVERY),
        ("inception_v3_small", "Mixed_6e", EVERY),
    ],
    "fig3_visual_imagenet": [("efficientnet_lite0", "*", FIRST)],
    "fig4_audio": [
        ("*", "natural", EVERY),  # the same for all networks, which git keeps once
        ("*", "*", EVERY_FIFTH),
        ("word_aliased_small", "conv_1", EVERY),
        ("word_aliased_small", "conv_4", EVERY),
        ("word_reduced_aliasing_small", "conv_4", EVERY),
        ("word_reduced_aliasing_small_seed1", "pool_1", EVERY),
        ("word_reduced_aliasing_small_seed1", "conv_4", EVERY),
    ],
    "figs9_cochleagram_metamers": [
        ("*", "natural", EVERY),
        ("*", "conv_3", EVERY),
        ("*", "*", EVERY_FIFTH),
    ],
}


def surplus(run: str) -> list[Path]:
    """Return the previews of a run that are not to be kept."""
    with (FIGURES / run / "matches.csv").open() as file:
        ids = sorted({row["stimulus_id"] for row in csv.DictReader(file)})
    found = []
    for folder in sorted((FIGURES / run / "previews").glob("*/*")):
        network, layer = folder.parts[-2:]
        kept = {
            name
            for of_network, of_layer, which in KEPT[run]
            if fnmatch(network, of_network) and fnmatch(layer, of_layer)
            for name in ids[which]
        }
        found += [path for path in sorted(folder.iterdir()) if path.stem not in kept]
    return found


if __name__ == "__main__":
    for run in KEPT:
        for path in surplus(run):
            path.unlink()
