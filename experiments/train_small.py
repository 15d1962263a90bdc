"""Train the small networks and write them, with a manifest, to checkpoints/.

    python experiments/train_small.py                                    # all of them, resumes
    python experiments/train_small.py --networks=vgg_19_small --steps=200
    python experiments/train_small.py --speech_dir=speech_commands       # learn from people too
    python experiments/train_small.py --networks=vgg_19_small_seed1 --noise_sd=0 --output_dir=other

Everything the networks learn from is made on this machine, recordings of people excepted; a killed
run goes on where it stood.
"""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from absl import flags

from model_metamers.networks.catalog import catalog_entry
from shared import paths, script
from shared.training_flags import chosen_networks

if TYPE_CHECKING:
    from shared.courses import Course

flags.DEFINE_list("networks", None, "Which networks to train [all].")
_STEPS = flags.DEFINE_integer("steps", None, "Steps instead of the recipe's.", lower_bound=1)
_N_PER_CLASS = flags.DEFINE_integer(
    "n_per_class", None, "Training images per class instead of the recipe's; a multiple of 10.",
    lower_bound=1,
)  # fmt: skip
_WEIGHT_DECAY = flags.DEFINE_float(
    "weight_decay", None, "Weight decay instead of the recipe's.", lower_bound=0
)
_NOISE_SD = flags.DEFINE_float(
    "noise_sd", None, "White noise that training images get at most, as an SD in [0, 1] [.12].",
    lower_bound=0, upper_bound=1,
)  # fmt: skip
flags.DEFINE_string("output_dir", None, "Where the networks go [checkpoints/].")
flags.DEFINE_string("data_dir", None, "Where training data is kept [output_dir/training_data].")
flags.DEFINE_string(
    "speech_dir", None, "Recordings like Speech Commands that the word networks learn from too."
)
_STRATEGY = flags.DEFINE_enum("strategy", "none", ("none", "mirrored"), "Devices to use.")


def main() -> None:
    """Train what is not trained yet."""
    names = chosen_networks("experiments/train_small.py")
    output_dir = paths.if_given(paths.output_folder, "output_dir")
    data_dir = paths.if_given(paths.output_folder, "data_dir")
    speech_dir = paths.if_given(paths.input_folder, "speech_dir")
    if (_N_PER_CLASS.value or 10) % 10:
        raise ValueError(f"--n_per_class must be a multiple of 10; got {_N_PER_CLASS.value}")
    hears = [name for name in names if catalog_entry(name).sample_rate_hz]
    if _NOISE_SD.value is not None and hears:
        raise ValueError(f"--noise_sd is for image networks, not {hears[0]}; name --networks")
    script.start_tensorflow()

    from model_metamers import devices
    from model_metamers.networks import locations
    from shared import courses

    output_dir = output_dir or locations.trained()
    data_dir = data_dir or output_dir / "training_data"
    courses.train_networks(
        names,
        lambda name: _course(name, data_dir, speech_dir),
        output_dir,
        devices.make_strategy(_STRATEGY.value),
    )


def _course(name: str, data_dir: Path, speech_dir: Path | None) -> "Course":
    """Return a network's course, with what the flags change."""
    from model_metamers.training.datasets import NOISE_SD
    from shared import small_objects, small_words

    entry = catalog_entry(name)
    sees = entry.sample_rate_hz is None
    recipe = small_objects.RECIPES[entry.identity.architecture] if sees else small_words.RECIPE
    # Two initialisations of a network differ in the seed only.
    recipe = replace(recipe, seed=entry.identity.seed, steps=_STEPS.value or recipe.steps)
    if _WEIGHT_DECAY.value is not None:
        recipe = replace(recipe, weight_decay=_WEIGHT_DECAY.value)
    if sees:
        noise_sd = NOISE_SD if _NOISE_SD.value is None else _NOISE_SD.value
        return small_objects.course(recipe, entry.build, data_dir, _N_PER_CLASS.value, noise_sd)
    return small_words.course(recipe, entry.build, data_dir, list(entry.readouts), speech_dir)


if __name__ == "__main__":
    script.run(main)
