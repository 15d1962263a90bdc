"""What people recognised: the responses of an experiment beside the published ones.

    python experiments/human_analysis.py --experiment_dir=runs/human
    python experiments/human_analysis.py --experiment_dir=runs/human --simulate=16

Reads the response files, leaves out who failed the catch trials or the headphone check, and writes
trials.csv, participants.csv, human_recognition.csv (by layer, with standard errors over
participants and bootstrap intervals) and effects.csv (analyses of variance with repeated
measures). The scores become rows of the run folders' recognition.csv, observer "human (yours)", so
that fig3_visual.py and fig4_audio.py with --stage=figure draw them. With --simulate, participants
of known ability take part in place of people, as "human (simulated)"; the tables then go to
analysis_simulated.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from absl import flags

from shared import paths, script
from shared.options import define_count, define_seed

if TYPE_CHECKING:
    import pandas as pd

    from model_metamers.human.design import Design
    from model_metamers.human.responses import Response
    from model_metamers.store import RunFolder

flags.DEFINE_string("experiment_dir", "runs/human", "Folder of the experiment.")
flags.DEFINE_string("responses_dir", None, "Folder of the response files [the experiment's].")
flags.DEFINE_string("output_dir", None, "Where the tables go [analysis in the experiment's].")
flags.DEFINE_list("run_dirs", None, "Run folders with the metamers [those of the experiment].")
flags.DEFINE_boolean("add_to_runs", True, "Add the scores to the run folders' recognition.csv.")
flags.DEFINE_list("also_add_to", None, "Folders of other figures that get the scores too.")
flags.DEFINE_float(
    "least_catch", 0.5, "Proportion of catch trials that has to be right.", 0.0, 1.0
)
define_count("simulate", None, "Let so many simulated participants answer.", 10_000)
define_seed("Seed of the bootstrap, and of simulated answers.")


def main() -> None:
    """Read the responses, write the tables, add the scores to the run folders."""
    folder = paths.input_folder(
        "experiment_dir", "name a folder that human_experiment.py has made"
    )
    is_simulated = flags.FLAGS.simulate is not None
    usual = folder / ("analysis_simulated" if is_simulated else "analysis")
    output = paths.if_given(paths.output_folder, "output_dir") or usual

    from model_metamers.human.design import read_design
    from model_metamers.human.statistics import answers_table
    from model_metamers.store.records import PEOPLE

    design = read_design(folder)
    runs = run_folders(script.names("run_dirs") or design.runs, "--run_dirs")
    others = run_folders(script.names("also_add_to") or (), "--also_add_to")
    layers = layers_of(design, runs)
    responses = simulated(design, layers) if is_simulated else read(folder, design)
    tables = tables_of(answers_table(responses), layers, design)
    for name, table in tables.items():
        script.write(output / f"{name}.csv", table.to_csv(index=False, lineterminator="\n"))
    print_tables(tables)
    if flags.FLAGS.add_to_runs:
        yours, of_simulated = PEOPLE
        observer = of_simulated if is_simulated else yours
        add_scores([*runs, *others], tables["human_recognition"], observer, design)
    print(f"wrote the tables to {output}")


def tables_of(
    answers: "pd.DataFrame", layers: dict[str, Sequence[str]], design: "Design"
) -> dict[str, "pd.DataFrame"]:
    """Return the tables by file name.

    Raises:
        ValueError: nobody is left after the exclusions.
    """
    from model_metamers.human import statistics

    participants = statistics.participants_table(answers, flags.FLAGS.least_catch)
    trials = statistics.scored_trials(answers, participants)
    tell(participants, answers, design)
    if trials.empty:
        raise ValueError(
            "no participant is left; lower --least_catch, or let more people take part"
        )
    return {
        "trials": answers,
        "participants": participants,
        "human_recognition": statistics.recognition_table(trials, layers, flags.FLAGS.seed),
        "effects": statistics.effects_table(trials, layers),
    }


def print_tables(tables: dict[str, "pd.DataFrame"]) -> None:
    """Print the scores and the effects."""
    print(tables["human_recognition"].to_string(index=False, float_format="{:.3f}".format))
    effects = tables["effects"].to_string(
        index=False, na_rep="", float_format="{:.3g}".format, max_colwidth=60
    )
    print(effects)


def read(folder: Path, design: "Design") -> list["Response"]:
    """Return the responses of people."""
    from model_metamers.human.responses import read_folder

    given = paths.if_given(paths.input_folder, "responses_dir")
    return read_folder(given or folder / "responses", design)


def simulated(design: "Design", layers: dict[str, Sequence[str]]) -> list["Response"]:
    """Return the responses of simulated participants."""
    from model_metamers.human.simulated import simulate

    n, most = flags.FLAGS.simulate, len(design.participants)
    if n > most:
        raise ValueError(f"--simulate={n} is more than the {most} participants of the experiment")
    seed = flags.FLAGS.seed
    return [
        response
        for number in range(1, n + 1)
        for response in simulate(design, number, layers, seed=seed)
    ]


def run_folders(folders: Sequence[str], flag: str) -> list["RunFolder"]:
    """Return run folders that are there."""
    from model_metamers.store import RunFolder

    return [RunFolder(path, create=False, flag=flag) for path in folders]


def layers_of(design: "Design", runs: Sequence["RunFolder"]) -> dict[str, Sequence[str]]:
    """Return network -> layers shown, from the input upwards, as the runs have them.

    Raises:
        ValueError: a layer that the experiment shows is in none of the runs.
    """
    import pandas as pd

    from model_metamers.store.layer_order import ORDER, joined_orders, rows_in_order

    shown = {(row["network"], row["layer"]) for row in design.conditions if row["network"]}
    # Folders may share a network: the order of its layers is what they know of it together.
    order: dict[str, Any] = {}
    for run in runs:
        if (run.path / "run.json").is_file():
            order = {ORDER: joined_orders(order, run.read_run_record())}
    held = pd.concat([run.read_table("matches")[["network", "layer"]] for run in runs])
    table = rows_in_order(held.drop_duplicates(), order)
    table = table[[pair in shown for pair in table.itertuples(index=False, name=None)]]
    if missing := shown.difference(table.itertuples(index=False, name=None)):
        named = ", ".join(f"{network} {layer}" for network, layer in sorted(missing))
        raise ValueError(
            f"the run folders do not hold {named}, which the experiment shows; name those that "
            "do with --run_dirs"
        )
    return {str(name): list(own.layer) for name, own in table.groupby("network", sort=False)}


def tell(participants: "pd.DataFrame", answers: "pd.DataFrame", design: "Design") -> None:
    """Say who and what is left out, and whether images were there as long as asked for."""
    from model_metamers.human.statistics import n_mistimed
    from model_metamers.human.stimuli import IMAGE_TASK
    from model_metamers.human.trials import TEST

    counts = participants.excluded.value_counts()
    reasons = [f"{counts[name]} by {name}" for name in ("headphones", "catch") if name in counts]
    left_out = f"; left out: {', '.join(reasons)}" if reasons else ""
    print(f"{len(participants)} participants{left_out}")
    n_again = int(((answers.presentations > 1) & (answers.phase == TEST)).sum())
    if n_again:
        print(f"{n_again} test trials were presented again after a reload, and do not count")
    if design.task == IMAGE_TASK and (n := n_mistimed(answers, design.settings["image_ms"])):
        print(f"{n} of {len(answers)} images were there more than a frame (of 60 per second) too "
              "long or too short; trials.csv has their stimulus_ms")  # fmt: skip


def add_scores(
    folders: Sequence["RunFolder"], recognition: "pd.DataFrame", observer: str, design: "Design"
) -> None:
    """Add the scores to the recognition.csv of folders, of the networks that these know."""
    from model_metamers.human.statistics import recognition_rows
    from model_metamers.human.stimuli import TASK_IN_TABLES
    from model_metamers.store import NATURAL

    rows = recognition_rows(recognition, observer, TASK_IN_TABLES[design.task])
    for folder in folders:
        known = set()
        for name, owner in (("matches", "network"), ("recognition", "generator")):
            if folder.has_table(name):
                table = folder.read_table(name)
                known |= set(zip(table[owner], table.layer, strict=True))
        known |= {(network, NATURAL) for network, _ in known}
        pairs = zip(rows.generator, rows.layer, strict=True)
        own = rows[[pair in known for pair in pairs]]
        with folder.locked():
            forget_earlier(folder, own)
            folder.merge_rows("recognition", own, ["observer", "generator", "layer", "task"])
        print(f"added {len(own)} rows of {observer!r} to {folder.path / 'recognition.csv'}; "
              "--stage=figure draws them")  # fmt: skip


def forget_earlier(folder: "RunFolder", scores: "pd.DataFrame") -> None:
    """Remove the scores that new ones replace, and all those of simulated people.

    What people of another experiment answered to other layers stays.
    """
    from model_metamers.store.records import PEOPLE

    if not folder.has_table("recognition"):
        return
    yours, of_simulated = PEOPLE
    replaced = {of_simulated} if of_simulated in set(scores.observer) else {yours, of_simulated}
    table = folder.read_table("recognition")
    is_replaced = (
        table.observer.isin(replaced)
        & table.generator.isin(scores.generator)
        & table.task.isin(scores.task)
        & (table.layer.isin(scores.layer) | (table.observer == of_simulated))
    )
    folder.write_table("recognition", table[~is_replaced])


if __name__ == "__main__":
    script.run(main)
