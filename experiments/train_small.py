"""Train the small networks and write them, with a manifest, to checkpoints/.

    python experiments/train_small.py                                    # all of them, resumes
    python experiments/train_small.py --networks=vgg_19_small --steps=200
    python experiments/train_small.py --speech_dir=speech_commands       # learn from people too

Everything the networks learn from is made on this machine, recordings of people excepted; a killed
run goes on where it stood.
"""

import shutil
import time
from dataclasses import asdict, replace
from pathlib import Path

import keras
import script
import small_objects
import small_words
import tensorflow as tf
from absl import flags, logging
from courses import Course

from model_metamers import distribution
from model_metamers.networks import catalog, checkpoints
from model_metamers.networks.manifest import read_manifest, update_manifest
from model_metamers.networks.network import initialise
from model_metamers.training.loop import TrainingConfig, train

RECIPES = small_objects.RECIPES | small_words.RECIPES
NETWORKS = [
    name
    for name, entry in catalog.CATALOG.items()
    if name.removesuffix("_seed1") in RECIPES and not entry.always_random
]

_NETWORKS = flags.DEFINE_list("networks", NETWORKS, "Which networks to train.")
_STEPS = flags.DEFINE_integer("steps", None, "Steps instead of the recipe's.", lower_bound=1)
_N_PER_CLASS = flags.DEFINE_integer(
    "n_per_class", None, "Training images per class instead of the recipe's; a multiple of 10.",
    lower_bound=1,
)  # fmt: skip
_OUTPUT_DIR = flags.DEFINE_string("output_dir", None, "Where the networks go [checkpoints/].")
_DATA_DIR = flags.DEFINE_string(
    "data_dir", None, "Where training data is kept [output_dir/training_data]."
)
_SPEECH_DIR = flags.DEFINE_string(
    "speech_dir", None, "Recordings like Speech Commands that the word networks learn from too."
)
_STRATEGY = flags.DEFINE_enum("strategy", "none", ("none", "mirrored"), "Devices to use.")


def main() -> None:
    """Train what is not trained yet."""
    output_dir = Path(_OUTPUT_DIR.value or catalog.checkpoint_directory())
    for name in _NETWORKS.value:
        if name not in NETWORKS:
            raise ValueError(f"unknown network {name!r}; choose from: {', '.join(NETWORKS)}")
    strategy = distribution.make_strategy(_STRATEGY.value)
    for name in _NETWORKS.value:
        if (output_dir / f"{name}.npz").exists() and name in read_manifest(output_dir):
            logging.info("%s is there already; delete %s.npz to train it again", name, name)
            continue
        course, progress = _course(name, output_dir), output_dir / "training" / name
        model = train_network(name, course, output_dir, progress, strategy)
        write_network(name, model, course, output_dir)
        # What is left there would be taken for the next training of this network.
        shutil.rmtree(progress)


def _course(name: str, output_dir: Path) -> Course:
    """Return a network's course, with what the flags change."""
    data_dir = Path(_DATA_DIR.value or output_dir / "training_data")
    config = _config(name)
    entry = catalog.catalog_entry(name)
    if entry.sample_rate_hz is None:
        return small_objects.course(config, data_dir, _N_PER_CLASS.value)
    speech_dir = Path(_SPEECH_DIR.value) if _SPEECH_DIR.value else None
    return small_words.course(config, data_dir, list(entry.readouts), speech_dir)


def _config(name: str) -> TrainingConfig:
    """Return a network's recipe; its two initialisations differ in the seed only."""
    recipe = RECIPES[name.removesuffix("_seed1")]
    return replace(recipe, seed=int(name.endswith("_seed1")), steps=_STEPS.value or recipe.steps)


def train_network(
    name: str, course: Course, output_dir: Path, progress: Path, strategy: tf.distribute.Strategy
) -> keras.Model:
    """Train one network, from where `progress` stands, and log it in <name>.log.csv."""
    config = course.config
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

    train(
        model, course.loss_function, course.batches, config, progress, strategy, report,
        is_enough=lambda step: course.is_enough(model),
    )  # fmt: skip
    return model


def write_network(name: str, model: keras.Model, course: Course, output_dir: Path) -> None:
    """Write <name>.npz and its manifest entry, with the scores of what was written."""
    path = output_dir / f"{name}.npz"
    checkpoints.save_weights(model, path)
    sha256 = checkpoints.load_weights(model, path, scope="")  # the scores are those of float16
    scores = course.scores(model)
    record = {"sha256": sha256, "tensorflow": tf.__version__} | course.record | scores
    update_manifest(output_dir, name, record | asdict(course.config))
    logging.info("%s: %s", name, scores)


if __name__ == "__main__":
    script.run(main)
