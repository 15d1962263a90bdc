"""The claims of the paper: is each reproduced at the scale that was run?

    python experiments/claims.py                                       # of figures/
    python experiments/claims.py --fig4_audio_dir=runs/fig4_audio      # a run folder of yours
    python experiments/claims.py --fig3_visual_imagenet_dir=runs/fig3_visual_imagenet
    python experiments/claims.py --preset=imagenet                     # of that preset alone

The first rows are of our small networks. Claims 1 to 5 have further ones for each run of networks
that others trained: "imagenet" on renders, "imagenet_photographs" (a run of --preset=imagenet with
--stimuli_dir) and "commands", from the folders with that ending.

A reason that is suspected comes with the verdict of suspicions.py on it.

Writes claims.csv: one measurable statement per row, with its statistic, confidence interval,
number of observations, scale and verdict; and claims_by_run.csv, with a column per run. Reads the
tables of the figures and no network; a claim whose tables are not there is "not run".
"""

from absl import flags

from model_metamers.analysis.claims.real_networks import REAL_CLAIMS
from model_metamers.analysis.claims.table import CLAIMS, by_run, claims_table
from model_metamers.analysis.identities import identities_of
from model_metamers.networks.identity import NetworkIdentity
from model_metamers.store import RunFolder
from shared import paths, script
from shared.modality import IMAGES, SOUNDS, check_run
from shared.options import COMMANDS, IMAGENET, SMALL

SOURCES = list(
    dict.fromkeys(source for claim in (*CLAIMS, *REAL_CLAIMS) for source in claim.sources)
)
EXPERIMENTS = list(dict.fromkeys(experiment for experiment, _ in SOURCES))

OF_SOUNDS = ("audio", "commands", "cochleagram", "fig2_validation")  # parts of their names

for name in EXPERIMENTS:
    flags.DEFINE_string(f"{name}_dir", f"figures/{name}", f"Folder with the tables of {name}.")
flags.DEFINE_string(
    "suspicions", "figures/suspicions/suspicions.csv", "Table of suspicions.py, where it is there."
)
flags.DEFINE_string(
    "output", "figures/claims.csv", "Where the table goes; of one preset, to claims_<preset>.csv."
)
_PRESET = flags.DEFINE_enum(
    "preset", None, (SMALL, IMAGENET, COMMANDS), "Only the claims on this preset's runs [all]."
)


def main() -> None:
    """Read the tables, judge the claims, write and print the verdicts."""
    if _PRESET.value and not flags.FLAGS["output"].present:
        flags.FLAGS.set_default("output", f"figures/claims_{_PRESET.value}.csv")
    output = paths.output_file("output")
    tested = verdicts_on_suspicions()
    folders = {name: paths.given_folder(f"{name}_dir") for name in EXPERIMENTS}
    runs = {
        name: RunFolder(folder, create=False, flag=f"--{name}_dir")
        for name, folder in folders.items()
        if folder
    }
    tables = {
        (name, table): runs[name].read_table(table)
        for name, table in SOURCES
        if name in runs and runs[name].has_table(table)
    }
    for name, run in runs.items():
        check_its_tables(name, run, [table for of, table in tables if of == name])
        is_of_images = "imagenet" in name or not any(part in name for part in OF_SOUNDS)
        modality = IMAGES if is_of_images else SOUNDS
        check_run(run.read_run_record()["config"], modality, f"{run.flag}={run.path}")
    scales = {name: scale_of(run) for name, run in runs.items()}
    known: dict[str, NetworkIdentity] = {}
    for run in runs.values():
        known |= identities_of(run)
    claims = claims_table(tables, scales, known, tested)
    if _PRESET.value:
        claims = claims[claims.run.str.startswith(_PRESET.value)]
    script.write_table(output, "claims", claims, "%.4f")
    table, beside = by_run(claims), output.with_stem(f"{output.stem}_by_run")
    script.write_table(beside, "claims_by_run", table, "%.4f")
    print(table.to_string(index=False))
    print(f"{output} tells what was measured, and why a claim is not reproduced")


def verdicts_on_suspicions() -> dict[tuple[int, str], str]:
    """Return (claim, part) -> verdict on the reason that the claim suspects."""
    import pandas as pd

    path = paths.given_file("suspicions")
    if path is None:
        return {}
    try:
        table = pd.read_csv(path, keep_default_na=False)
        table = table[table.suspicion.isin([claim.suspected for claim in CLAIMS])]
        return dict(zip(zip(table.claim, table.part, strict=True), table.verdict, strict=True))
    except (ValueError, AttributeError) as error:
        raise ValueError(f"--suspicions={path} is no table of suspicions.py ({error})") from None


def check_its_tables(name: str, run: RunFolder, found: list[str]) -> None:
    """Raise ValueError where a folder has no table of the experiment that it is given for."""
    wanted = dict.fromkeys(table for of, table in SOURCES if of == name)
    if not found:
        raise ValueError(
            f"--{name}_dir={run.path} has no {' or '.join(f'{table}.csv' for table in wanted)}: "
            f"it is no folder of {name}; give another"
        )


def scale_of(run: RunFolder) -> str:
    """Return the scale of a run in words."""
    config = run.read_run_record()["config"]
    try:
        n_stimuli, steps = config["num_stimuli"], config["synthesis"]["iterations"]
        scale = f"{config['preset']} preset, {n_stimuli} stimuli, {steps} steps"
        layers = set().union(*config.get("layers", {}).values())
        others = [
            f"{layer} {number}"
            for layer, number in config.get("layer_iterations", {}).items()
            if layer.rpartition("/")[2] in layers
        ]
    except (KeyError, TypeError, AttributeError):
        raise ValueError(
            f"{run.path / 'run.json'} does not tell preset, num_stimuli and synthesis; give "
            f"another {run.flag}"
        ) from None
    return f"{scale} ({', '.join(others)})" if others else scale


if __name__ == "__main__":
    script.run(main)
