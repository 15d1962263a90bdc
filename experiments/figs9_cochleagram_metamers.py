"""Figure S9, Table S6: metamers optimised as cochleagrams instead of waveforms.

    python experiments/figs9_cochleagram_metamers.py
    python experiments/figs9_cochleagram_metamers.py --run_dir=runs/fig4_audio
    python experiments/figs9_cochleagram_metamers.py --stage=figure          # redraw

A cochleagram has degrees of freedom that no waveform can give it. The waveform-optimised metamers
are those of `--run_dir`; what it lacks is made first, as by fig4_audio.py. The others start from
the cochleagram of the same noise; they are made here and kept as 16-bit pictures. Both are played
to the network itself and to its second seed.
"""

from dataclasses import replace
from typing import TYPE_CHECKING

from model_metamers.networks.catalog import network_name
from model_metamers.networks.identity import NetworkIdentity
from shared import figure, presets
from shared.options import Options, define_flags

if TYPE_CHECKING:
    from shared.figure import Figures, RunFolder

define_flags("runs/figs9_cochleagram_metamers", presets.FIGURE_S9, shows_run=True)


def compute(options: Options) -> None:
    """Make and certify both kinds of metamers, and play them to the networks."""
    if set(options.layers) == {"cochleagram"}:
        raise ValueError("--layers needs a layer above the cochleagram, where metamers start")
    if len(options.networks) > 1:
        raise ValueError("--networks: Figure S9 is of one network; give every one its own folder")

    from model_metamers import pipeline
    from shared import audio, stages

    of_waveforms = audio.load(options)
    audio.check_classes(of_waveforms, options)
    of_cochleagrams = [audio.above_cochleagram(each, options.seed) for each in of_waveforms]
    networks = [generator.network for generator in of_waveforms]
    networks += audio.load_observers(options, [second_seed(each.identity) for each in networks])
    run = stages.make(of_waveforms, options)
    synthesis = {**options.synthesis, **presets.COCHLEAGRAM_SYNTHESIS[options.preset]}
    own = replace(options, run_dir=options.output_dir, synthesis=synthesis)
    folder = stages.make(of_cochleagrams, own, networks)
    stages.certify(of_waveforms, run, options)
    stages.certify(of_cochleagrams, folder, options)
    pipeline.recognise(of_waveforms, networks, audio.TASKS, audio.as_heard_by, run, output=folder)
    above = [audio.cochleagram_network(network) for network in networks]
    pipeline.recognise(of_cochleagrams, above, audio.TASKS, audio.as_they_are, folder)


def draw(folder: "RunFolder", options: Options) -> "Figures":
    """Draw from recognition.csv."""
    from model_metamers.analysis.identities import identities_of
    from model_metamers.plotting.figure_s9 import figure_s9
    from shared.examples import recognised_layers

    known, found = identities_of(folder), recognised_layers(folder)
    if len(found) > 1:
        raise ValueError(f"{folder.path} has metamers of several networks: {', '.join(found)}")
    ((name, layers),) = found.items()
    upper = known[name]
    itself = known[str(upper.part_of)]
    observers = {
        "Recognised by the network itself": itself,
        "by its second seed": known[second_seed(itself)],
    }
    panels = {
        title: {
            "the waveform": (itself.name, observer.name),
            "the cochleagram": (upper.name, observer.upper_part(str(upper.above)).name),
        }
        for title, observer in observers.items()
    }
    chance = 1 / presets.N_WORDS[folder.read_run_record()["config"]["preset"]]
    return {"figure": figure_s9(folder.read_table("recognition"), panels, layers, chance)}


def second_seed(network: NetworkIdentity) -> str:
    """Return the name of a network's second seed."""
    return network_name(network.base, network.scale, seed=1)


if __name__ == "__main__":
    figure.main(presets.FIGURE_S9, compute, draw)
