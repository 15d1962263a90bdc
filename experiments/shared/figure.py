"""The frame of a figure script: options, then its stages, then its figure."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING

from shared import script
from shared.modality import check_run, modality_of_preset
from shared.options import Options, Preset, options_from_flags

if TYPE_CHECKING:  # imports here are for the annotations alone: they would delay --help
    from matplotlib.figure import Figure

    from model_metamers.store import RunFolder

    Figures = Mapping[str, Figure]  # by file name
    Draw = Callable[[RunFolder, Options], Figures]


def main(presets: Mapping[str, Preset], compute: Callable[[Options], None], draw: "Draw") -> None:
    """Run a figure script.

    Args:
        presets: name -> defaults of the options.
        compute: options -> the tables of `output_dir`. It may import TensorFlow; nothing else may,
            so that --stage=figure does without it.
        draw: (folder of the tables, options) -> figures by file name.
    """
    script.run(partial(run_stages, presets, compute, draw))


def run_stages(
    presets: Mapping[str, Preset], compute: Callable[[Options], None], draw: "Draw"
) -> None:
    """Write the tables, unless they are only to be drawn again, and draw the figures."""
    options = options_from_flags(presets)
    if options.stage == "all":
        made_with = options.repeats.made_with if options.repeats else {}
        script.start_tensorflow(made_with.get("threads"))
        compute(options)

    from model_metamers.store import RunFolder

    folder = RunFolder(options.output_dir, create=False)
    config = folder.read_run_record()["config"]
    if config.get("preset") not in presets or not isinstance(config.get("layers"), dict):
        raise ValueError(f"{folder.path} holds no run of this script; choose another --output_dir")
    modality = modality_of_preset(presets, config["preset"])
    check_run(config, modality, f"--output_dir={folder.path}")
    for name, figure in draw(folder, options).items():
        folder.save_figure(figure, name)
        print(f"drew {folder.path / name}.png and {name}.pdf")
