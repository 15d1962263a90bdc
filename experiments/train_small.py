"""Train the small networks on rendered objects and write them, with a manifest, to checkpoints/.

    python experiments/train_small.py                                    # all six, resumes
    python experiments/train_small.py --networks=vgg_19_small --steps=200

Everything the networks learn from is rendered on this machine; a killed run goes on where it
stood.
"""

import shutil
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import keras
import numpy as np
import script
import tensorflow as tf
from absl import flags, logging

from model_metamers import distribution
from model_metamers.networks import catalog, checkpoints
from model_metamers.networks.manifest import read_manifest, update_manifest
from model_metamers.networks.network import initialise
from model_metamers.stimuli.made import objects
from model_metamers.training import datasets, tasks
from model_metamers.training.loop import TrainingConfig, train


@dataclass(frozen=True)
class Recipe:
    """How one architecture is trained; the two initialisations differ in the seed only."""

    config: TrainingConfig
    n_train_per_class: int = 120
    n_validation_per_class: int = 20


_BATCH_NORM = TrainingConfig(steps=2000, learning_rate=2e-3, weight_decay=1e-3)
RECIPES = {
    "vgg_19_small": Recipe(
        TrainingConfig(steps=2200, learning_rate=5e-4, weight_decay=1e-4, warmup_steps=300)
    ),
    "inception_v3_small": Recipe(_BATCH_NORM),
    "resnet_v2_101_small": Recipe(_BATCH_NORM),
}
NETWORKS = [f"{name}{seed}" for name in RECIPES for seed in ("", "_seed1")]

_NETWORKS = flags.DEFINE_list("networks", NETWORKS, "Which networks to train.")
_STEPS = flags.DEFINE_integer("steps", None, "Steps instead of the recipe's.", lower_bound=1)
_N_PER_CLASS = flags.DEFINE_integer(
    "n_per_class", None, "Training images per class instead of the recipe's; a multiple of 10.",
    lower_bound=1,
)  # fmt: skip
_OUTPUT_DIR = flags.DEFINE_string("output_dir", None, "Where the networks go [checkpoints/].")
_DATA_DIR = flags.DEFINE_string("data_dir", None, "Where renders are kept [output_dir/renders].")
_STRATEGY = flags.DEFINE_enum("strategy", "none", ("none", "mirrored"), "Devices to use.")


def main() -> None:
    """Train what is not trained yet."""
    output_dir = Path(_OUTPUT_DIR.value or catalog.checkpoint_directory())
    data_dir = Path(_DATA_DIR.value or output_dir / "renders")
    for name in _NETWORKS.value:
        if name not in NETWORKS:
            raise ValueError(f"unknown network {name!r}; choose from: {', '.join(NETWORKS)}")
    strategy = distribution.make_strategy(_STRATEGY.value)
    for name in _NETWORKS.value:
        if (output_dir / f"{name}.npz").exists() and name in read_manifest(output_dir):
            logging.info("%s is there already; delete %s.npz to train it again", name, name)
            continue
        recipe, progress = _recipe(name), output_dir / "training" / name
        model = train_network(name, recipe, output_dir, data_dir, progress, strategy)
        write_network(name, model, recipe, output_dir, data_dir)
        # What is left there would be taken for the next training of this network.
        shutil.rmtree(progress)


def _recipe(name: str) -> Recipe:
    """Return a network's recipe, with what the flags change."""
    recipe = RECIPES[name.removesuffix("_seed1")]
    config = replace(
        recipe.config,
        seed=int(name.endswith("_seed1")),
        steps=_STEPS.value or recipe.config.steps,
    )
    n_per_class = _N_PER_CLASS.value or recipe.n_train_per_class
    return Recipe(config, n_per_class, min(n_per_class, recipe.n_validation_per_class))


def train_network(
    name: str,
    recipe: Recipe,
    output_dir: Path,
    data_dir: Path,
    progress: Path,
    strategy: tf.distribute.Strategy,
) -> keras.Model:
    """Train one network, from where `progress` stands, and log it in <name>.log.csv."""
    config = recipe.config
    images, labels = datasets.rendered_objects("train", recipe.n_train_per_class, data_dir)
    with strategy.scope():
        model = catalog.catalog_entry(name).build()
        initialise(model, config.seed)
    log_path = output_dir / f"{name}.log.csv"
    if not progress.exists():
        log_path.unlink(missing_ok=True)
    log, started = script.CsvLog(log_path, ("step", "loss", "seconds")), time.monotonic()

    def report(step: int, loss: float) -> None:
        log.write(step, round(loss, 4), round(time.monotonic() - started))
        logging.info("%s step %d of %d: loss %.3f", name, step, config.steps, loss)

    def batches(first_step: int) -> tf.data.Dataset:
        return datasets.image_batches(images, labels, config.batch_size, config.seed, first_step)

    train(model, tasks.class_loss, batches, config, progress, strategy, report)
    return model


def write_network(
    name: str, model: keras.Model, recipe: Recipe, output_dir: Path, data_dir: Path
) -> None:
    """Write <name>.npz and its manifest entry, with the scores of what was written."""
    held_out = datasets.rendered_objects("validation", recipe.n_validation_per_class, data_dir)
    path = output_dir / f"{name}.npz"
    checkpoints.save_weights(model, path)
    sha256 = checkpoints.load_weights(model, path, scope="")  # the scores are those of float16
    category = np.arange(len(objects.FINE_CLASSES)) // objects.VARIANTS_PER_CATEGORY
    scores = tasks.class_accuracy(model, datasets.evaluation_batches(*held_out), category)
    record = {
        "sha256": sha256,
        "data": "rendered objects (model_metamers.stimuli.made.objects)",
        "n_train": recipe.n_train_per_class * len(objects.FINE_CLASSES),
        "n_validation": len(held_out[0]),
        "fine_accuracy": scores["fine"],
        "category_accuracy": scores["category"],
        "tensorflow": tf.__version__,
    }
    update_manifest(output_dir, name, record | asdict(recipe.config))
    logging.info("%s: %s", name, scores)


if __name__ == "__main__":
    script.run(main)
