"""Train the image networks of Table S1 from another initialisation, on ImageNet.

    python experiments/train_imagenet.py --data_dir=imagenet --trial --steps=20
    python experiments/train_imagenet.py --data_dir=imagenet --strategy=mirrored

The networks are written, with their logs and manifest entries, to checkpoints/; Figure 5 and Table
S1 find them there. A killed run goes on where it stood. `--trial` trains networks of a thirtieth
of the channels on small images, <network>_trial.npz, which fit nothing else: to try the data, the
command and the cluster.

With `--strategy=multiworker` the same command runs on every machine that TF_CONFIG names. They
share the output folder, and the first of them writes.
"""

from dataclasses import replace
from functools import partial
from pathlib import Path

import corpus_images
import script
from absl import flags
from courses import check_names, train_networks

from model_metamers import distribution
from model_metamers.networks import catalog

_NETWORKS = flags.DEFINE_list("networks", corpus_images.NETWORKS, "Which networks to train.")
_DATA_DIR = flags.DEFINE_string(
    "data_dir", "imagenet", "Folders train and validation of images, or TF-Slim's records."
)
_OUTPUT_DIR = flags.DEFINE_string("output_dir", None, "Where the networks go [checkpoints/].")
_STRATEGY = flags.DEFINE_enum(
    "strategy", "none", distribution.TRAINING_STRATEGIES, "Devices to use."
)
_STEPS = flags.DEFINE_integer("steps", None, "Steps instead of the recipe's.", lower_bound=1)
_BATCH_SIZE = flags.DEFINE_integer(
    "batch_size", None, "Images per step, over all devices, instead of the recipe's.",
    lower_bound=1,
)  # fmt: skip
_EVALUATION_STEPS = flags.DEFINE_integer(
    "evaluation_steps", None, "Steps between validations instead of the recipe's.", lower_bound=1
)
_TRIAL = flags.DEFINE_bool("trial", False, "Narrow networks on small images.")


def main() -> None:
    """Train what is not trained yet."""
    check_names(_NETWORKS.value, corpus_images.NETWORKS)
    strategy = distribution.make_training_strategy(_STRATEGY.value)
    share = distribution.worker_share(_STRATEGY.value)
    dataset = corpus_images.read_dataset(Path(_DATA_DIR.value))
    output_dir = Path(_OUTPUT_DIR.value or catalog.checkpoint_directory())

    def course(name: str) -> corpus_images.Course:
        entry = catalog.catalog_entry(name.removesuffix("_trial"))
        recipe = corpus_images.RECIPES[name.removesuffix("_trial").removesuffix("_seed1")]
        changes = {"size_px": recipe.size_px} | (recipe.trial if _TRIAL.value else {})
        return corpus_images.course(
            _config(recipe), partial(entry.build, **changes), dataset, recipe.family,
            changes["size_px"], entry.readouts["imagenet"].class_offset, strategy, *share,
        )  # fmt: skip

    names = [name + ("_trial" if _TRIAL.value else "") for name in _NETWORKS.value]
    train_networks(names, course, output_dir, strategy, is_chief=share[0] == 0)


def _config(recipe: corpus_images.Recipe) -> corpus_images.TrainingConfig:
    """Return a recipe with what the flags change; seed 1, for the released networks are 0."""
    changes = {
        "steps": _STEPS.value,
        "batch_size": _BATCH_SIZE.value,
        "evaluation_steps": _EVALUATION_STEPS.value,
    }
    given = {name: value for name, value in changes.items() if value is not None}
    return replace(recipe.config, seed=1, **given)


if __name__ == "__main__":
    script.run(main)
