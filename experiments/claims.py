"""The claims of the paper: is each reproduced at the scale that was run?

    python experiments/claims.py                                       # of figures/
    python experiments/claims.py --fig4_audio_dir=runs/fig4_audio      # a run folder of yours

Writes claims.csv: one measurable statement per row, with its statistic, confidence interval,
number of observations, scale and verdict. Reads the tables of the figures and no network; a claim
whose tables are not there is "not run".
"""

from pathlib import Path

from absl import flags

from model_metamers.analysis.claims.table import CLAIMS, claims_table
from model_metamers.analysis.identities import identities_of
from model_metamers.networks.identity import NetworkIdentity
from model_metamers.store import RunFolder
from shared import script

SOURCES = list(dict.fromkeys(source for claim in CLAIMS for source in claim.sources))
EXPERIMENTS = list(dict.fromkeys(experiment for experiment, _ in SOURCES))

for name in EXPERIMENTS:
    flags.DEFINE_string(f"{name}_dir", f"figures/{name}", f"Folder with the tables of {name}.py.")
_OUTPUT = flags.DEFINE_string("output", "figures/claims.csv", "Where the table goes.")


def main() -> None:
    """Read the tables, judge the claims, write and print the verdicts."""
    folders = {name: Path(str(flags.FLAGS[f"{name}_dir"].value)) for name in EXPERIMENTS}
    runs = {name: RunFolder(path, create=False) for name, path in folders.items() if path.is_dir()}
    tables = {
        (name, table): runs[name].read_table(table)
        for name, table in SOURCES
        if name in runs and runs[name].has_table(table)
    }
    scales = {name: scale_of(run) for name, run in runs.items()}
    known: dict[str, NetworkIdentity] = {}
    for run in runs.values():
        known |= identities_of(run)
    claims = claims_table(tables, scales, known)
    text = claims.to_csv(index=False, float_format="%.4f", lineterminator="\n")
    script.write(_OUTPUT.value, text)
    shown = claims[["claim", "part", "value", "ci_low", "ci_high", "n", "verdict", "reason"]]
    print(shown.to_string(index=False, na_rep="", float_format="{:.3f}".format))


def scale_of(folder: RunFolder) -> str:
    """Return the scale of a run in words."""
    config = folder.read_run_record()["config"]
    n_stimuli, steps = config["num_stimuli"], config["synthesis"]["iterations"]
    return f"{config['preset']} preset, {n_stimuli} stimuli, {steps} steps"


if __name__ == "__main__":
    script.run(main)
