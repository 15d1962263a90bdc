"""Write an experiment's folder: design.json, and the page with its stimuli.

A page needs no server: a browser opens its index.html from the disk, from any web server, or from
`server`. The names of stimuli tell nothing, and the page knows the right answers of practice
trials alone.
"""

import json
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from importlib.resources import files
from io import BytesIO
from pathlib import Path
from string import Template
from typing import Any

import numpy as np
from scipy.io import wavfile

from model_metamers.files import atomic_file, replaced_folder, sha256_of
from model_metamers.human import jspsych, noise
from model_metamers.human.design import HEADPHONES, SCREEN, Design, Step
from model_metamers.human.stimuli import IMAGE_TASK, WORD_TASK, Pool
from model_metamers.human.trials import PRACTICE, Condition, Plan, Trial
from model_metamers.store.formats import pcm_16, read_sound, write_image, write_sound

N_MASKS, MASK_SIZE_PX = 16, 256
OWN_SCRIPTS = ("records.js", "pages.js", "image_task.js", "word_task.js", "main.js")
SERVER_SCRIPT = "server.js"
TITLES = {IMAGE_TASK: "Recognising pictures", WORD_TASK: "Recognising words"}
_SIXTEEN_BITS = 2**15


@dataclass(frozen=True)
class Settings:
    """Times and sizes.

    Attributes:
        fixation_ms: how long the fixation square is shown.
        image_ms: the image.
        mask_ms: the mask.
        response_ms: the buttons, at most.
        image_size_px: side of the image, in CSS pixels.
        degrees: side of the image in degrees of visual angle, in place of pixels; None for none.
        viewing_distance_cm: from the eyes to the screen.
        break_every: trials between breaks.
        seed: of the plan, its order, and the masks.
    """

    fixation_ms: float = 300
    image_ms: float = 200
    mask_ms: float = 200
    response_ms: float = 1500
    image_size_px: int = 256
    degrees: float | None = None
    viewing_distance_cm: float = 57
    break_every: int = 60
    seed: int = 0


def example_consent() -> str:
    """Return the consent text that stands in for one of the user's own."""
    return files("model_metamers.human").joinpath("page/consent.txt").read_text("utf-8")


def server_script(participant: str | None, responses: str | None) -> str:
    """Return the script that tells a page where it gets a number and sends the answers."""
    return f"const server = {json.dumps({'participant': participant, 'responses': responses})};\n"


def write_experiment(
    output: Path,
    pool: Pool,
    plan: Plan,
    settings: Settings,
    consent: str,
    jspsych_scripts: dict[str, bytes] | None = None,
    post_to: str | None = None,
) -> Design:
    """Write an experiment's folder and return its design.

    Args:
        output: the folder; "responses" in it is left alone.
        pool: the stimuli.
        plan: everybody's trials.
        settings: times and sizes.
        consent: text; its first line is the title, and empty lines part the paragraphs.
        jspsych_scripts: of `jspsych.read_scripts`; None to load them from the network.
        post_to: address that response files are posted to, besides being offered as a download.

    Raises:
        ValueError: a damaged preview.
    """
    names = _file_names(pool, plan)
    design = _design(pool, plan, settings, names)
    with replaced_folder(output / "page") as page:
        (page / "stimuli").mkdir()
        for key, name in names.items():
            shutil.copyfile(pool.files[key], page / "stimuli" / name)
        if pool.task == IMAGE_TASK:
            for number, mask in enumerate(noise.masks(N_MASKS, MASK_SIZE_PX, settings.seed)):
                write_image(page / _mask_name(number), mask)
        else:
            _write_sounds(page / "stimuli", pool, settings.seed)
        _write_page(page, design, consent, jspsych_scripts, post_to)
    design.write(output)
    return design


def _file_names(pool: Pool, plan: Plan) -> dict[tuple[Condition, str], str]:
    """Return (condition, source) -> file name, which tells nothing but the content.

    So a browser that remembers another experiment's files does not show them.
    """
    used = sorted({(t.condition, t.source) for trials in plan.participants for t in trials})
    names = {}
    for key in used:
        path = pool.files[key]
        names[key] = f"{sha256_of(path)[:12]}{path.suffix}"
    return names


def _design(
    pool: Pool, plan: Plan, settings: Settings, names: dict[tuple[Condition, str], str]
) -> Design:
    tones = noise.headphone_checks() if pool.task == WORD_TASK else []
    checks = [
        Step(HEADPHONES, _check_name(number), label=str(softest))
        for number, (_, softest) in enumerate(tones)
    ]

    def before(participant: int) -> list[Step]:
        order = np.random.default_rng([settings.seed, participant]).permutation(len(checks))
        return [Step(SCREEN), *(checks[number] for number in order)]

    def step(trial: Trial) -> Step:
        condition = trial.condition
        name = names[condition, trial.source]
        label = pool.labels[trial.source]
        return Step(trial.phase, name, condition.network, condition.layer, trial.source, label)

    shown = [t.condition for trials in plan.participants for t in trials if t.phase == "test"]
    available = pool.available()
    conditions = [
        {
            "network": condition.network,
            "layer": condition.layer,
            "n_accepted": len(available[condition]),
            "trials_per_participant": each or "0 or 1",
            "trials": shown.count(condition),
        }
        for condition, each in plan.per_condition.items()
    ]
    return Design(
        task=pool.task,
        choices=pool.choices,
        settings=asdict(settings),
        runs=tuple(map(str, pool.runs)),
        conditions=tuple(conditions),
        participants=tuple(
            (*before(number), *map(step, trials))
            for number, trials in enumerate(plan.participants, start=1)
        ),
    )


def _write_page(
    page: Path,
    design: Design,
    consent: str,
    jspsych_scripts: dict[str, bytes] | None,
    post_to: str | None,
) -> None:
    templates = files("model_metamers.human").joinpath("page")
    own = ("experiment.js", SERVER_SCRIPT, *OWN_SCRIPTS)
    deferred = [f'<script src="{name}" defer></script>' for name in own]
    tags = [*jspsych.script_tags(jspsych_scripts is not None), *deferred]
    html = Template(templates.joinpath("index.html").read_text("utf-8")).substitute(
        title=TITLES[design.task], scripts="\n".join(tags)
    )
    texts = {
        "index.html": html,
        "experiment.js": f"const experiment = {json.dumps(_for_page(design, consent))};\n",
        SERVER_SCRIPT: server_script(None, post_to),
    }
    for name in ("experiment.css", *OWN_SCRIPTS):
        texts[name] = templates.joinpath(name).read_text("utf-8")
    for name, text in texts.items():
        with atomic_file(page / name) as file:
            file.write(text.encode())
    jspsych.write_scripts(jspsych_scripts or {}, page)


def _for_page(design: Design, consent: str) -> dict[str, Any]:
    """Return what the page may know: no answers but those of practice trials."""
    is_image = design.task == IMAGE_TASK
    return {
        "experiment": design.experiment,
        "task": design.task,
        "choices": design.choices,
        "settings": design.settings,
        "consent": _paragraphs(consent),
        "masks": [_mask_name(number) for number in range(N_MASKS if is_image else 0)],
        "participants": [[_shown(step) for step in steps] for steps in design.participants],
    }


def _paragraphs(text: str) -> list[str]:
    """Return a text's first line and its paragraphs, which empty lines part."""
    title, *lines = [line.strip() for line in text.strip().splitlines()]
    parts = "\n".join(lines).split("\n\n")
    return [title, *(" ".join(part.split()) for part in parts if part.strip())]


def _shown(step: Step) -> dict[str, str]:
    shown = {"phase": step.phase, "stimulus": step.stimulus}
    return shown | ({"label": step.label} if step.phase == PRACTICE else {})


def _write_sounds(folder: Path, pool: Pool, seed: int) -> None:
    """Write the tones of the headphone check, and noise as loud as the stimuli."""
    for number, (tones, _) in enumerate(noise.headphone_checks()):
        _write_stereo(folder / _check_name(number), tones)
    rate, _ = wavfile.read(next(iter(pool.files.values())))
    rms = np.mean([read_sound(path).std() for path in _sample(list(pool.files.values()))])
    write_sound(
        folder / "level.wav",
        pcm_16(noise.level_sound(float(rms), rate, seed)[np.newaxis])[0],
        rate,
    )


def _sample(paths: Sequence[Path]) -> Sequence[Path]:
    """Return some files, evenly: all are equally loud unless somebody changed them."""
    return paths[:: max(len(paths) // 20, 1)]


def _write_stereo(path: Path, sound: np.ndarray) -> None:
    encoded = BytesIO()
    wavfile.write(encoded, noise.TONE_RATE_HZ, np.round(sound * _SIXTEEN_BITS).astype(np.int16))
    with atomic_file(path) as file:
        file.write(encoded.getvalue())


def _mask_name(number: int) -> str:
    return f"masks/{number:02d}.png"


def _check_name(number: int) -> str:
    return f"headphones_{number + 1}.wav"
