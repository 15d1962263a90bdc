"""Figure S9, Table S6: metamers optimised as cochleagrams instead of waveforms.

    python experiments/figs9_cochleagram_metamers.py
    python experiments/figs9_cochleagram_metamers.py --run_dir=figures/fig4_audio
    python experiments/figs9_cochleagram_metamers.py --stage=figure          # redraw

A cochleagram has degrees of freedom that no waveform can give it. The waveform-optimised metamers
are those of `--run_dir`; what it lacks is made first, as by fig4_audio.py. The others start from
the cochleagram of the same noise; they are made here and kept as 16-bit pictures. Both are played
to the network itself and to its second seed.
"""

from dataclasses import replace
from typing import TYPE_CHECKING

from shared import figure, presets
from shared.options import Options, define_flags

if TYPE_CHECKING:
    from shared.figure import Figures, RunFolder

define_flags("runs/figs9_cochleagram_metamers", presets.AUDIO_RUN)


def compute(options: Options) -> None:
    """Make and certify both kinds of metamers, and play them to the networks."""
    from model_metamers import pipeline
    from model_metamers.analysis.claims.transfer import SECOND_SEED
    from shared import audio, stages

    of_waveforms = audio.load(options)
    of_cochleagrams = [audio.above_cochleagram(each, options.seed) for each in of_waveforms]
    networks = [generator.network for generator in of_waveforms]
    second_seeds = [f"{network.name}{SECOND_SEED}" for network in networks]
    networks += audio.load_networks(second_seeds, options)
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
    from model_metamers.analysis.claims.transfer import ABOVE_COCHLEAGRAM, SECOND_SEED
    from model_metamers.plotting.figure_s9 import figure_s9

    config = folder.read_run_record()["config"]
    (name,) = (name.removesuffix(ABOVE_COCHLEAGRAM) for name in config["layers"])
    drawn = figure_s9(
        folder.read_table("recognition"),
        {"the waveform": name, "the cochleagram": f"{name}{ABOVE_COCHLEAGRAM}"},
        {"Recognised by the network itself": name, "by its second seed": f"{name}{SECOND_SEED}"},
        config["layers"][f"{name}{ABOVE_COCHLEAGRAM}"],
        1 / presets.N_WORDS[config["preset"]],
    )
    return {"figure": drawn}


if __name__ == "__main__":
    figure.main(presets.FIGURE_S9, compute, draw)
