"""Train the small networks and write them, with a manifest, to checkpoints/.

    python experiments/train_small.py                                    # all of them, resumes
    python experiments/train_small.py --networks=vgg_19_small --steps=200
    python experiments/train_small.py --speech_dir=speech_commands       # learn from people too

Everything the networks learn from is made on this machine, recordings of people excepted; a killed
run goes on where it stood.
"""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from absl import flags

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
    from model_metamers.networks import catalog
    from shared import small_objects, small_words

    entry = catalog.catalog_entry(name)
    sees = entry.sample_rate_hz is None
    recipe = small_objects.RECIPES[entry.identity.architecture] if sees else small_words.RECIPE
    # Two initialisations of a network differ in the seed only.
    recipe = replace(recipe, seed=entry.identity.seed, steps=_STEPS.value or recipe.steps)
    if sees:
        return small_objects.course(recipe, entry.build, data_dir, _N_PER_CLASS.value)
    return small_words.course(recipe, entry.build, data_dir, list(entry.readouts), speech_dir)


if __name__ == "__main__":
    script.run(main)
