"""The flags that the trainings have in common, and the networks that each script trains."""

from dataclasses import replace
from typing import TYPE_CHECKING

from absl import flags

from model_metamers.networks.catalog import CATALOG
from shared import script

if TYPE_CHECKING:  # it imports TensorFlow
    from model_metamers.training.loop import TrainingConfig

STRATEGIES = ("none", "mirrored", "multiworker")
_OF_RECIPES = ("steps", "batch_size", "evaluation_steps")


def define_full_size_flags() -> None:
    """Define them."""
    flags.DEFINE_list("networks", None, "Which networks to train [all].")
    flags.DEFINE_string("output_dir", None, "Where the networks go [checkpoints/].")
    flags.DEFINE_enum("strategy", "none", STRATEGIES, "Devices to use.")
    flags.DEFINE_integer("steps", None, "Most steps [the recipe's].", lower_bound=1)
    flags.DEFINE_integer(
        "batch_size", None, "Examples per step, over all devices [the recipe's].", lower_bound=1
    )
    flags.DEFINE_integer(
        "evaluation_steps", None, "Steps between validations [the recipe's].", lower_bound=1
    )


def as_flags_say(recipe: "TrainingConfig") -> "TrainingConfig":
    """Return a recipe with what those flags change."""
    values = {name: flags.FLAGS[name].value for name in _OF_RECIPES}
    return replace(recipe, **{name: value for name, value in values.items() if value is not None})


def networks_trained_by(script_path: str) -> list[str]:
    """Return the networks of the catalogue that a script trains."""
    return [name for name, entry in CATALOG.items() if entry.training_script == script_path]


def chosen_networks(script_path: str) -> list[str]:
    """Return the networks of --networks, by default all that a script trains.

    Raises:
        ValueError: one is not among these.
    """
    known = networks_trained_by(script_path)
    chosen = script.names("networks") or known
    for name in chosen:
        if name not in known:
            raise ValueError(f"unknown network {name!r}; choose from: {', '.join(known)}")
    return list(chosen)
