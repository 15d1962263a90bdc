"""Figure 4: metamers of audio networks that differ in architecture, training or task.

    python experiments/fig4_audio.py                      # small preset, offline, minutes
    python experiments/fig4_audio.py --stage=figure       # redraw from the tables
    python experiments/fig4_audio.py --preset=commands --stimuli_dir=SPEECH_COMMANDS
    python experiments/fig4_audio.py --preset=paper --stimuli_dir=TIMIT --strategy=mirrored

For every network and layer, metamers of spoken words are synthesised, certified (same label,
correlation above the null distribution) and played to the other word networks. A run that was
interrupted continues with the same command. Writes the run folder of `model_metamers.store`.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from shared import figure, presets
from shared.options import Options, define_flags, define_recognition

if TYPE_CHECKING:
    from shared.figure import Figures, RunFolder

define_flags(presets.AUDIO_RUN, presets.AUDIO)
define_recognition()


def compute(options: Options) -> None:
    """Make metamers, certify them, and play them to the word networks."""
    from model_metamers import pipeline
    from shared import audio, stages

    generators = audio.load(options)
    observers = []
    if options.recognition:
        audio.check_classes(generators, options)
        observers = audio.load_observers(options)
    run = stages.make(generators, options, observers)
    stages.certify(generators, run, options)
    if not options.recognition:
        return
    pipeline.recognise(generators, observers, audio.TASKS, audio.as_heard_by, run)
    stages.add_published(run, ["3d", "4"], "word")


def draw(folder: "RunFolder", options: Options) -> "Figures":
    """Draw from the tables and previews."""
    from model_metamers.plotting.figure4 import figure4
    from shared.examples import (
        example_rows,
        examples_alone,
        figure_and_curves,
        recognised_layers,
        sound_picture,
    )
    from shared.styles import styles_of

    if not folder.has_table("recognition"):
        return examples_alone(folder, sound_picture)
    layers = recognised_layers(folder)
    panels = compared(folder, layers)
    shown = dict.fromkeys(name for names in panels.values() for name in names)
    rows = example_rows(folder, {name: layers[name] for name in shown}, sound_picture)
    chance = 1 / presets.N_WORDS[folder.read_run_record()["config"]["preset"]]
    table = folder.read_table("recognition")
    return figure_and_curves(
        folder, rows, lambda rows: figure4(rows, table, panels, styles_of(folder), chance),
        "word", "Word", chance,
    )  # fmt: skip


def compared(folder: "RunFolder", networks: Iterable[str]) -> dict[str, list[str]]:
    """Return the networks of each panel, of those whose metamers there are."""
    from model_metamers.analysis.identities import identities_of
    from model_metamers.networks.identity import identity_of

    known = identities_of(folder)
    identities = [identity_of(name, known) for name in networks]
    made = {identity.base: identity.name for identity in identities if identity.seed == 0}
    panels = {
        title: [made[name] for name in names if name in made]
        for title, names in presets.FIGURE_4_PANELS.items()
    }
    # A panel compares; where a run has nothing to compare, it shows what there is.
    comparing = {title: names for title, names in panels.items() if len(names) > 1}
    alone = {identity.label: [identity.name] for identity in identities}
    return comparing or {title: names for title, names in panels.items() if names} or alone


if __name__ == "__main__":
    figure.main(presets.AUDIO, compute, draw)
