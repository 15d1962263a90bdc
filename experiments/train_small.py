"""Train the small networks on rendered objects and write them, with a manifest, to checkpoints/.

    python experiments/train_small.py                                    # all six, resumes
    python experiments/train_small.py --networks=vgg_19_small --steps=200

Everything the networks learn from is rendered on this machine; a killed run goes on where it
stood.
"""

import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import script
import tensorflow as tf
from absl import flags, logging

from model_metamers import distribution
from model_metamers.networks import catalog, checkpoints
from model_metamers.networks.manifest import update_manifest
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
_OUTPUT_DIR = flags.DEFINE_string("output_dir", None, "Where the networks go [checkpoints/].")
_DATA_DIR = flags.DEFINE_string("data_dir", None, "Where renders are kept [output_dir/renders].")
_STRATEGY = flags.DEFINE_enum("strategy", "none", distribution.STRATEGIES, "Devices to use.")


def main() -> None:
    """Train what is not trained yet."""
    output_dir = Path(_OUTPUT_DIR.value or catalog.checkpoint_directory())
    data_dir = Path(_DATA_DIR.value or output_dir / "renders")
    for name in _NETWORKS.value:
        if name not in NETWORKS:
            raise ValueError(f"unknown network {name!r}; choose from: {', '.join(NETWORKS)}")
    for name in _NETWORKS.value:
        if (output_dir / f"{name}.npz").exists():
            logging.info("%s is there already; delete %s.npz to train it again", name, name)
        else:
            train_network(name, output_dir, data_dir)


def train_network(name: str, output_dir: Path, data_dir: Path) -> None:
    """Train one network and write <name>.npz, <name>.log.csv and its manifest entry."""
    recipe = RECIPES[name.removesuffix("_seed1")]
    config = replace(
        recipe.config,
        seed=int(name.endswith("_seed1")),
        steps=_STEPS.value or recipe.config.steps,
    )
    images, labels = datasets.rendered_objects("train", recipe.n_train_per_class, data_dir)
    held_out = datasets.rendered_objects("validation", recipe.n_validation_per_class, data_dir)
    strategy = distribution.make_strategy(_STRATEGY.value)
    with strategy.scope():
        model = catalog.catalog_entry(name).build()
        initialise(model, config.seed)
    log = script.CsvLog(output_dir / f"{name}.log.csv", ("step", "loss", "seconds"))
    started = time.monotonic()

    def report(step: int, loss: float) -> None:
        log.write(step, round(loss, 4), round(time.monotonic() - started))
        logging.info("%s step %d of %d: loss %.3f", name, step, config.steps, loss)

    train(
        model, tasks.class_loss,
        lambda first: datasets.image_batches(images, labels, config.batch_size, config.seed,
        first), config, output_dir / "training" / name, strategy, report,
    )  # fmt: skip
    path = output_dir / f"{name}.npz"
    checkpoints.save_weights(model, path)
    sha256 = checkpoints.load_weights(model, path, scope="")  # score what is shipped, in float16
    category = np.arange(len(objects.FINE_CLASSES)) // objects.VARIANTS_PER_CATEGORY
    scores = tasks.class_accuracy(model, datasets.evaluation_batches(*held_out), category)
    update_manifest(
        output_dir, name,
        {
            "sha256": sha256, "data": "rendered objects (model_metamers.stimuli.made.objects)",
            "n_train": len(images), "n_validation": len(held_out[0]),
            "fine_accuracy": scores["fine"], "category_accuracy": scores["category"],
            "tensorflow": tf.__version__, **asdict(config),
        },
    )  # fmt: skip
    logging.info("%s: %s", name, scores)


if __name__ == "__main__":
    script.run(main)
