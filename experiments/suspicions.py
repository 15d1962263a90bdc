"""The suspected reasons of claims that are not reproduced, each tested by a measurement.

    python experiments/suspicions.py                # of runs/, with the previews of all metamers

Writes suspicions.csv: what would follow from a reason, its statistic with a confidence interval,
and whether that supports it; and similarity_images.csv and similarity_sounds.csv: how much of the
coarse form of an image, or of a clip's cochleagram, accepted metamers keep. Coarse are the means
of 8 x 8 parts.

The run fig5_visual_transfer_without_noise is one of fig5_visual_transfer.py whose second seed of
VGG-19 was trained by `train_small.py --networks=vgg_19_small_seed1 --noise_sd=0`; its tables are
those of figures/, unless another folder is named.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

from absl import flags

from shared import paths, script

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from model_metamers.store import RunFolder

WITHOUT_NOISE = "fig5_visual_transfer_without_noise"  # needs a training of its own
FOLDERS = (
    "fig3_visual", "fig4_audio", WITHOUT_NOISE, "figs1_s8_layer_grids",
    "figs1_s8_layer_grids_audio", "figs9_cochleagram_metamers",
)  # fmt: skip
HEARING = (
    "word_reduced_aliasing_small"  # whose cochleagram it is; all small networks have the same
)
PARTS = 8  # along each axis

for name in FOLDERS:
    parent = "figures" if name == WITHOUT_NOISE else "runs"
    flags.DEFINE_string(f"{name}_dir", f"{parent}/{name}", f"Folder of the run {name}.")
flags.DEFINE_string("output_dir", "runs/suspicions", "Where the tables go.")


def main() -> None:
    """Measure similarities, test every suspicion, write and print the verdicts."""
    output_dir = paths.output_folder("output_dir")
    folders = {name: paths.input_folder(f"{name}_dir") for name in FOLDERS}
    from model_metamers.analysis.claims.roles import with_roles
    from model_metamers.analysis.claims.suspicions import TESTS, suspicions_table
    from model_metamers.analysis.identities import identities_of
    from model_metamers.store import RunFolder

    runs = {
        name: RunFolder(folder, create=False, flag=f"--{name}_dir")
        for name, folder in folders.items()
    }
    stored = [test.source for test in TESTS if test.source[1] != "similarity"]
    tables = {(run, table): runs[run].read_table(table) for run, table in stored}
    script.start_tensorflow()
    for what, name, coarse in (
        ("images", "fig3_visual", coarse_pictures),
        ("sounds", "fig4_audio", coarse_cochleagrams()),
    ):
        similarity = similarity_table(runs[name], coarse)
        script.write_table(output_dir / f"similarity_{what}.csv", "similarity", similarity, "%.5f")
        tables[name, "similarity"] = similarity
    by_role = {
        (name, table): with_roles(tables[name, table], identities_of(runs[name]))
        for name, table in tables
    }
    verdicts = suspicions_table(by_role)
    script.write_table(output_dir / "suspicions.csv", "suspicions", verdicts, "%.4f")
    shown = verdicts[["claim", "part", "statistic", "value", "ci_low", "ci_high", "verdict"]]
    print(shown.to_string(index=False, float_format="{:.3f}".format))


def coarse_pictures(pictures: "np.ndarray") -> "np.ndarray":
    """Return the coarse luminance of pictures [n, side, side, 3]; see `_coarse`."""
    return _coarse(pictures.mean(axis=3))


def coarse_cochleagrams() -> "Callable[[np.ndarray], np.ndarray]":
    """Return the function from waveforms [n, samples] to coarse cochleagrams; see `_coarse`."""
    from model_metamers.networks.catalog import load_network

    network = load_network(HEARING)

    def coarse(waveforms: "np.ndarray") -> "np.ndarray":
        cochleagrams = network.activations(waveforms, ["cochleagram"])["cochleagram"]
        return _coarse(cochleagrams.reshape(cochleagrams.shape[:3]))

    return coarse


def _coarse(pictures: "np.ndarray") -> "np.ndarray":
    """Return the means of 8 x 8 parts of pictures [n, rows, columns], centred and of length 1.

    So a product of two rows [64] is a correlation.
    """
    import numpy as np

    parts = [np.array_split(strip, PARTS, axis=2) for strip in np.array_split(pictures, PARTS, 1)]
    means = np.stack([part.mean(axis=(1, 2)) for row in parts for part in row], axis=1)
    means -= means.mean(axis=1, keepdims=True)
    return means / np.linalg.norm(means, axis=1, keepdims=True)


def similarity_table(
    run: "RunFolder", coarse: "Callable[[np.ndarray], np.ndarray]"
) -> "pd.DataFrame":
    """Return how much of their coarse form the metamers of a run keep; NaN of those not accepted.

    Args:
        run: with previews of all its metamers.
        coarse: stimuli -> rows whose products are correlations.
    """
    import numpy as np
    import pandas as pd

    from model_metamers.store import NATURAL

    matches = run.read_table("matches")
    parts = []
    for (network, layer), rows in matches[matches.accepted].groupby(
        ["network", "layer"], sort=False
    ):
        ids = list(rows.stimulus_id)
        natural, metamers = (
            coarse(run.load_previews(network, shown, ids)) for shown in (NATURAL, layer)
        )
        correlations = metamers @ natural.T
        labels = np.array([name.split("_")[0] for name in ids])
        different = labels[:, None] != labels
        others = np.where(different, correlations, np.nan)
        parts.append(
            pd.DataFrame(
                {
                    "network": network,
                    "layer": layer,
                    "stimulus_id": ids,
                    "own": np.diag(correlations),
                    "others": np.nanmean(others, axis=1),
                }
            )
        )
    keys = ["network", "layer", "stimulus_id"]
    return matches[keys].merge(pd.concat(parts), how="left", on=keys)


if __name__ == "__main__":
    script.run(main)
