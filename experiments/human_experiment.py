"""An experiment with people: the page on which they recognise metamers.

    python experiments/human_experiment.py --run_dirs=runs/fig3_visual     # pictures
    python experiments/human_experiment.py --run_dirs=runs/fig4_audio      # words
    python experiments/human_experiment.py --run_dirs=runs/fig3_visual --networks=vgg_19_small
    python experiments/human_experiment.py --run_dirs=a,b --degrees=3 --consent=consent.txt

Accepted metamers and natural stimuli of run folders become an experiment's folder:
page/index.html for the participants, in any browser, and design.json, which tells who gets what.
Everybody gets a stimulus once, in one of its versions. Let people open the page from the disk, put
the folder page on a web server, or start human_server.py; human_analysis.py then reads the files
that come back.
"""

import re
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING, Any

from absl import flags

from model_metamers.human import jspsych
from shared import paths, script
from shared.options import define_count, define_seed

if TYPE_CHECKING:
    from model_metamers.human.design import Design
    from model_metamers.human.pages import Settings
    from model_metamers.human.stimuli import Pool
    from model_metamers.human.trials import Plan

MOST_PARTICIPANTS, MOST_TRIALS, LONGEST_MS = 10_000, 10_000, 60_000
TRIALS_PER_CONDITION = {"image": 10, "word": 5}  # paper, sections 3.4 and 3.5

flags.DEFINE_list("run_dirs", None, "Run folders with the metamers to show.")
flags.DEFINE_list("networks", None, "Networks whose metamers to show [all].")
flags.DEFINE_list("layers", None, "Layers whose metamers to show [all].")
flags.DEFINE_string("output_dir", "runs/human", "Folder of the experiment.")
define_count("participants", 16, "How many people take part, at most.", MOST_PARTICIPANTS)
define_count(
    "trials_per_condition", None, "Test trials of every condition [10 images or 5 words].",
    MOST_TRIALS,
)  # fmt: skip
define_count(
    "practice", 8, "Practice trials, with feedback; at most an eighth of the stimuli.",
    MOST_TRIALS, 0,
)  # fmt: skip
define_count(
    "catch", 8, "Catch trials: natural stimuli that count for attention; at most an eighth of the "
    "stimuli.", MOST_TRIALS, 0,
)  # fmt: skip
define_count("break_every", 60, "Trials between breaks.", MOST_TRIALS)
define_count("fixation_ms", 300, "Images: how long the fixation square is shown.", LONGEST_MS)
define_count("image_ms", 200, "Images: how long the image is shown.", LONGEST_MS)
define_count("mask_ms", 200, "Images: how long the mask is shown.", LONGEST_MS)
define_count("response_ms", 1500, "Images: how long there is to answer.", LONGEST_MS)
define_count("image_size_px", 256, "Images: side, in CSS pixels.", 4096, 16)
flags.DEFINE_float(
    "degrees", None, "Images: side in degrees of visual angle, in place of pixels; participants "
    "then tell the size of their screen by a bank card.", 0.1, 60.0,
)  # fmt: skip
flags.DEFINE_float(
    "viewing_distance_cm", 57.0, "With --degrees: from eyes to screen.", 5.0, 1000.0
)
flags.DEFINE_string("words", None, "Words: file of those to choose from, one a line [the task's].")
flags.DEFINE_string("consent", None, "Text file that participants agree to [an example].")
flags.DEFINE_string(
    "jspsych_dir", None, "Folder of npm packages (node_modules) with jsPsych, to copy beside the "
    "page; without, browsers load it from the network. Filled by: " + jspsych.INSTALL,
)  # fmt: skip
flags.DEFINE_string(
    "post_to", None, "Address that response files are also posted to, as text/csv; a server "
    "elsewhere than the page's has to allow that (CORS).",
)  # fmt: skip
define_seed("Seed of who gets what, in which order.")


def main() -> None:
    """Read the run folders, plan the trials, write the page."""
    output = paths.output_folder("output_dir")
    if not flags.FLAGS.run_dirs:
        raise ValueError("--run_dirs is needed: name one or more run folders with metamers")
    check_address(flags.FLAGS.post_to)
    consent = consent_text(paths.if_given(_file, "consent"))

    from model_metamers.human import pages, trials

    jspsych_dir = paths.if_given(paths.input_folder, "jspsych_dir")
    scripts = jspsych.read_scripts(jspsych_dir) if jspsych_dir else None
    pool = pool_from_flags()
    plan = trials.plan_trials(
        pool.available(),
        n_participants=flags.FLAGS.participants,
        per_condition=wanted_trials(pool),
        n_practice=flags.FLAGS.practice,
        n_catch=flags.FLAGS.catch,
        seed=flags.FLAGS.seed,
    )
    earlier = earlier_design(output)
    design = pages.write_experiment(
        output, pool, plan, settings_from_flags(), consent, scripts, flags.FLAGS.post_to
    )
    if earlier is not None and earlier.experiment != design.experiment:
        kept = output / f"earlier_{earlier.experiment}"
        earlier.write(kept)
        print(f"{output} held another experiment: its design, without which nobody can read "
              f"answers to it, is kept in {kept}")  # fmt: skip
    tell(pool, plan, design)
    print(f"open {output / 'page' / 'index.html'}, or: "
          f"python experiments/human_server.py --experiment_dir={output}")  # fmt: skip


def check_address(address: str | None) -> None:
    """Raise ValueError where --post_to is no address that a browser could post to."""
    if address is not None and not re.fullmatch(r"https?://[^\s/]+\S*", address):
        raise ValueError(f"--post_to={address} is no address; write https://host/path")


def pool_from_flags() -> "Pool":
    """Return what the run folders offer."""
    from model_metamers.human.stimuli import read_pool, read_words
    from model_metamers.store import RunFolder

    folders = [RunFolder(path, create=False, flag="--run_dirs")
               for path in script.names("run_dirs") or ()]  # fmt: skip
    words = paths.if_given(_file, "words")
    return read_pool(
        folders,
        script.names("networks"),
        script.names("layers"),
        read_words(words) if words else None,
    )


def settings_from_flags() -> "Settings":
    """Return times and sizes."""
    from dataclasses import fields

    from model_metamers.human.pages import Settings

    values: dict[str, Any] = {
        field.name: flags.FLAGS[field.name].value for field in fields(Settings)
    }
    return Settings(**values)


def consent_text(path: Path | None) -> str:
    """Return the text of a file, or the example."""
    if path is None:
        from model_metamers.human.pages import example_consent

        return example_consent()
    try:
        text = path.read_text("utf-8")
    except UnicodeDecodeError:
        raise ValueError(f"--consent={path} is no text in UTF-8; save it as such") from None
    if not text.strip():
        raise ValueError(f"--consent={path} is empty; write what participants agree to")
    return text


def earlier_design(output: Path) -> "Design | None":
    """Return the design that the new one will replace.

    Raises:
        ValueError: its experiment has begun, or the folder is something else's.
    """
    if any(output.glob("responses/*")):
        raise ValueError(
            f"people have taken part in the experiment of {output}; choose another --output_dir"
        )
    if (output / "page").exists() or (output / "design.json").exists():
        from model_metamers.human.design import read_design

        try:
            return read_design(output)
        except ValueError:
            raise ValueError(
                f"{output} holds something else's page; choose another --output_dir"
            ) from None
    return None


def wanted_trials(pool: "Pool") -> int:
    """Return how many test trials of a condition are asked for."""
    return flags.FLAGS.trials_per_condition or TRIALS_PER_CONDITION[pool.task]


def tell(pool: "Pool", plan: "Plan", design: "Design") -> None:
    """Say what the plan came to."""
    steps = design.participants[0]
    counts = {
        phase: sum(s.phase == phase for s in steps) for phase in ("test", "catch", "practice")
    }
    print(
        f"{len(plan.per_condition)} conditions, {len(pool.labels)} natural stimuli, "
        f"{len(design.participants)} participants with {counts['test']} test, {counts['catch']} "
        f"catch and {counts['practice']} practice trials each"
    )
    wanted, each = wanted_trials(pool), set(plan.per_condition.values())
    needed = wanted * len(plan.per_condition) + flags.FLAGS.practice + flags.FLAGS.catch
    if not plan.is_complete:
        shown = [row["trials"] for row in design.conditions]
        print(
            f"too few stimuli for {wanted} trials per condition: everybody has some of the "
            f"conditions, each has {span(shown)} trials in all; effects can be "
            "tested where everybody has all (fewer --networks, --layers; more stimuli)"
        )
    elif each != {wanted}:
        print(
            f"the stimuli allow {span(each)} trials per condition, of {wanted} "
            "(design.json has them by condition)"
        )
    if each != {wanted} or not plan.is_complete:
        print(f"nobody gets a stimulus twice: all trials need about {needed} natural stimuli")
    if not counts["catch"] and flags.FLAGS.catch:
        print("there are no catch trials: nobody will be left out for want of attention")
    elif counts["catch"] < flags.FLAGS.catch or counts["practice"] < flags.FLAGS.practice:
        print("fewer catch or practice trials than asked for: each takes an eighth of the stimuli")


def span(counts: Collection[int]) -> str:
    """Return "8", or "5 to 8"."""
    low, high = min(counts), max(counts)
    return str(low) if low == high else f"{low} to {high}"


def _file(flag: str) -> Path:
    path = Path(str(flags.FLAGS[flag].value))
    if not path.is_file():
        raise ValueError(f"--{flag}={path} is no file; name one that is")
    return path


if __name__ == "__main__":
    script.run(main)
