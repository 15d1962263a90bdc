"""Tables S1 to S6: our numbers beside the published ones.

    python experiments/tables.py                                         # of runs/, small preset
    python experiments/tables.py --visual_run_dir=figures/fig3_visual --tables=s1,s2,s3,s5
    python experiments/tables.py --preset=imagenet                       # s5 of real networks
    python experiments/tables.py --preset=paper --check_against_paper    # of a run of that preset

S1 comes from training logs, S2 and S3 from the Keras models, S4 to S6 from run folders: S4 of the
audio networks, S5 of the image networks, S6 of metamers optimised as cochleagrams.
Networks that the paper does not have, those of --preset=imagenet and commands, have tables in the
form of S5 and S4, without published numbers. `--check_against_paper` compares S4 to S6 with the
published values cell by cell.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from absl import flags, logging

from shared import paths, presets, script
from shared.options import COMMANDS, IMAGENET, PAPER, PRESETS, SMALL

if TYPE_CHECKING:
    import pandas as pd

    from model_metamers.store import RunFolder

ARCHITECTURES = {"s2": "word_aliased", "s3": "word_reduced_aliasing"}
PUBLISHED = {
    "s4": "table_s4_audio",
    "s5": "table_s5_visual",
    "s6": "table_s6_cochleagram_metamers",
}
RUN_DIRS = {"s4": "audio_run_dir", "s5": "visual_run_dir", "s6": "cochleagram_run_dir"}
CLASSES = {SMALL: "64 of rendered objects", PAPER: "1000 of ImageNet"}
ALL = ["s1", "s2", "s3", "s4", "s5", "s6"]
OF_PRESET = {SMALL: ALL, IMAGENET: ["s5"], COMMANDS: ["s4"], PAPER: ALL}
DEFAULT_RUNS = {
    "audio_run_dir": presets.AUDIO_RUN,
    "visual_run_dir": presets.VISUAL_RUN,
    "cochleagram_run_dir": "runs/figs9_cochleagram_metamers",
}

flags.DEFINE_list("tables", None, "Which tables; s4 to s6 where their runs are there [all].")
_PRESET = flags.DEFINE_enum("preset", SMALL, PRESETS, "Whose runs, and training logs of S1.")
_CHECK = flags.DEFINE_bool("check_against_paper", False, "Compare s4 to s6 cell by cell.")
flags.DEFINE_string("output_dir", "runs/tables", "Where the tables go.")
for _table, _flag in RUN_DIRS.items():
    flags.DEFINE_string(_flag, DEFAULT_RUNS[_flag], f"Run folder of Table {_table.upper()}.")


def main() -> None:
    """Write and print the tables."""
    known = OF_PRESET[_PRESET.value]
    chosen = script.names("tables") or tuple(known)
    if unknown := set(chosen).difference(known):
        raise ValueError(f"unknown table {min(unknown)!r}; choose from: {', '.join(known)}")
    set_default_folders()
    output_dir = paths.output_folder("output_dir")
    runs = existing_runs(chosen)
    if not runs and set(chosen) <= set(RUN_DIRS):
        missing = ", ".join(
            f"--{RUN_DIRS[name]}={flags.FLAGS[RUN_DIRS[name]].value}" for name in chosen
        )
        raise ValueError(f"there is no run to make tables of: {missing}; make it, or name another")
    if _CHECK.value:
        check_full_size(runs)
    script.start_tensorflow()
    for name in chosen:
        if name == "s1":
            write(output_dir, name, training_table())
        elif name in ARCHITECTURES:
            write_architecture(output_dir, f"{name}_{ARCHITECTURES[name]}", ARCHITECTURES[name])
        elif name in runs:
            write_metamer_tables(output_dir, name, runs[name])


def set_default_folders() -> None:
    """Look for the runs of the preset, and write to a folder of its own, where none are named."""
    if _PRESET.value != SMALL:
        for flag in ("output_dir", *DEFAULT_RUNS):
            paths.set_default_of_preset(flag, _PRESET.value)


def existing_runs(chosen: Sequence[str]) -> "dict[str, RunFolder]":
    """Return the run folders of the tables, of those that are there.

    Raises:
        ValueError: one is not there and was named, or its table was; or it is no run's.
    """
    from model_metamers.store import RunFolder

    runs = {}
    for name in (name for name in RUN_DIRS if name in chosen):
        flag = RUN_DIRS[name]
        if flags.FLAGS["tables"].present:
            run_dir: Path | None = paths.input_folder(flag)
        else:
            run_dir = paths.given_folder(flag)
        if run_dir is None:
            logging.info(
                "no run folder --%s=%s, so no table %s", flag, flags.FLAGS[flag].value, name
            )
            continue
        runs[name] = RunFolder(run_dir, create=False, flag=f"--{flag}")
        if not runs[name].has_table("matches"):
            raise ValueError(f"--{flag}={run_dir} has no matches.csv; name the folder of a run")
    return runs


def check_full_size(runs: "dict[str, RunFolder]") -> None:
    """Raise ValueError where a run is not of the paper's networks, or there is none."""
    found = {str(run.path): run.read_run_record()["config"].get("preset") for run in runs.values()}
    if set(found.values()) != {PAPER}:
        raise ValueError(
            f"--check_against_paper compares runs of --preset=paper; found {found or 'no run'}"
        )


def training_table() -> "pd.DataFrame":
    """Return Table S1; the paper's row is of the networks trained from another initialisation."""
    import pandas as pd

    from model_metamers.analysis import tables
    from model_metamers.networks import locations
    from model_metamers.networks.catalog import network_name
    from model_metamers.networks.manifest import read_manifest
    from model_metamers.paper import load_table

    rows = []
    for published in load_table("table_s1_retrained_imagenet").itertuples():
        name = network_name(published.network, presets.SCALES[_PRESET.value], seed=1)
        path = locations.find(f"{name}.log.csv")
        if path is None:
            raise ValueError(f"there is no training log {name}.log.csv; leave s1 out of --tables")
        manifest = read_manifest(path.parent)
        row = tables.training_row(name, pd.read_csv(path), manifest.get(name, {}))
        row["classes"] = CLASSES[_PRESET.value]
        rows.append(row | {f"paper_{score}": getattr(published, score) for score in tables.SCORES})
    return pd.DataFrame(rows)


def write_architecture(output_dir: Path, table: str, network: str) -> None:
    """Write Table S2 or S3 from the Keras model, and its comparison with the paper."""
    from model_metamers.analysis import tables
    from model_metamers.networks.catalog import catalog_entry
    from model_metamers.networks.layer_table import layer_table, published_form
    from model_metamers.paper import load_table

    entry = catalog_entry(network)
    model = entry.build()
    write(output_dir, table, layer_table(model))
    ours, published = (
        published_form(model, entry.blueprint.metamer_layers),
        load_table(f"table_{table}"),
    )
    write(output_dir, f"{table}_check", tables.compare_architecture(ours, published))


def write_metamer_tables(output_dir: Path, name: str, run: "RunFolder") -> None:
    """Write Table S4, S5 or S6 of a run, and its comparison with the paper."""
    from model_metamers.analysis import tables
    from model_metamers.analysis.identities import identities_of
    from model_metamers.networks.catalog import load_network
    from model_metamers.networks.identity import identity_of
    from model_metamers.paper import load_table

    known = identities_of(run)
    # Table S6 is of networks above their cochleagram, and names them without that.
    matches, nulls = (
        table.assign(network=[identity_of(name, known).part_of or name for name in table.network])
        for table in (run.read_table("matches"), run.read_table("nulls"))
    )
    n_features = {
        network: load_network(network, weights=None).feature_counts()
        for network in matches.network.unique()
    }
    ours = tables.metamer_table(matches, nulls, n_features)
    published = load_table(PUBLISHED[name])
    bases = {network: identity_of(network, known).base for network in ours.network.unique()}
    table = tables.beside_paper(ours, published, bases.__getitem__)
    if not set(bases.values()).intersection(published.network):
        preset = run.read_run_record()["config"].get("preset")
        if preset not in (IMAGENET, COMMANDS) or name not in OF_PRESET[preset]:
            raise ValueError(
                f"{run.flag}={run.path} is of {', '.join(bases)}, none of which is in "
                f"Table {name.upper()}; name the folder of another run"
            )
        table = table.loc[:, [not column.startswith("paper_") for column in table]]
    write(output_dir, name, table)
    if _CHECK.value:
        checked = tables.compare_with_paper(ours, published)
        write(output_dir, f"{name}_check", checked)
        print(checked.groupby(["quantity", "within"], dropna=False).size().to_string())


def write(output_dir: Path, name: str, table: "pd.DataFrame") -> None:
    """Write table_<name>.csv and print it."""
    path = output_dir / f"table_{name}.csv"
    script.write_table(path, kind_of(name), table, "%.6f")
    print(f"\n{path}\n{table.to_string(index=False, na_rep='')}")


def kind_of(name: str) -> str:
    """Return which kind of table one is: its columns depend on it."""
    number = name.split("_")[0]
    if number == "s1":
        return "table_s1"
    kind = "architecture" if number in ARCHITECTURES else "metamer_table"
    return f"{kind}_check" if name.endswith("_check") else kind


if __name__ == "__main__":
    script.run(main)
