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

from shared import figure_run, presets, script
from shared.figure_run import Settings

from model_metamers.analysis.claims.transfer import ABOVE_COCHLEAGRAM, SECOND_SEED
from model_metamers.plotting.figure_s9 import figure_s9
from model_metamers.store import RunFolder

figure_run.define_flags("runs/figs9_cochleagram_metamers", presets.AUDIO_RUN)


def main() -> None:
    """Make and certify what is missing, ask the observers, then draw."""
    options = figure_run.settings(presets.FIGURE_S9)
    if options.stage == "figure" or compute(options):
        draw(RunFolder(options.output_dir, create=False))


def compute(options: Settings) -> bool:
    """Write the tables; return False on workers that only help to make metamers."""
    # TensorFlow is imported here, so that --stage=figure does without it.
    from shared import audio, generators

    from model_metamers import pipeline

    of_waveforms = audio.load_generators(options)
    names = [f"{name}{SECOND_SEED}" for name in options.networks]
    networks = [generator.network for generator in of_waveforms]
    networks += generators.load_networks(names, hears=True, strategy=options.strategy)
    run = figure_run.certified_metamers(of_waveforms, options)
    of_cochleagrams = [audio.above_cochleagram(each, options.seed) for each in of_waveforms]
    synthesis = options.synthesis | presets.COCHLEAGRAM_SYNTHESIS[options.preset]
    own = replace(options, run_dir=options.output_dir, synthesis=synthesis)
    folder = figure_run.certified_metamers(of_cochleagrams, own, networks)
    if run is None or folder is None:
        return False
    pipeline.recognise(of_waveforms, networks, audio.TASKS, audio.as_heard_by, run, output=folder)
    above = [audio.cochleagram_network(network) for network in networks]
    pipeline.recognise(of_cochleagrams, above, audio.TASKS, audio.as_they_are, folder)
    return True


def draw(folder: RunFolder) -> None:
    """Draw figure.png and figure.pdf from recognition.csv."""
    config = folder.read_run_record()["config"]
    table = folder.read_table("recognition")
    (name,) = (name.removesuffix(ABOVE_COCHLEAGRAM) for name in config["layers"])
    figure = figure_s9(
        table,
        {"the waveform": name, "the cochleagram": f"{name}{ABOVE_COCHLEAGRAM}"},
        {"Recognised by the network itself": name, "by its second seed": f"{name}{SECOND_SEED}"},
        config["layers"][f"{name}{ABOVE_COCHLEAGRAM}"],
        1 / presets.N_WORDS[config["preset"]],
    )
    folder.save_figure(figure)
    print(f"drew {folder.path / 'figure.png'} and figure.pdf")


if __name__ == "__main__":
    script.run(main)
