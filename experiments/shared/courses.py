"""How a network is trained, logged, scored and written, whatever it sees or hears.

A recipe is a `TrainingConfig`: the numbers. A course is all that one training needs: its recipe,
the network, what it sees or hears, and how it is scored.
"""

import csv
import json
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf
from absl import logging

from model_metamers import devices
from model_metamers.cluster import Share
from model_metamers.files import atomic_file, locked
from model_metamers.networks import checkpoints
from model_metamers.networks.manifest import MANIFEST, read_manifest, update_manifest
from model_metamers.networks.network import initialise
from model_metamers.training.loop import LossFunction, TrainingConfig, train

Scores = Mapping[str, float]


@dataclass(frozen=True)
class Course:
    """One network's training.

    Attributes:
        recipe: its numbers.
        build: returns the network, without weights.
        loss_function: (targets, outputs) -> loss [batch].
        batches: first step -> endless batches of (inputs, targets), this worker's share.
        scores: model -> its scores on held-out examples, for the manifest; one worker asks.
        record: what else the manifest tells.
        validated: names of the scores on the way, columns of the log.
        validate: model -> those scores, every `recipe.evaluation_steps`; all workers ask.
        is_enough: those scores -> whether training ends with them.
    """

    recipe: TrainingConfig
    build: Callable[[], keras.Model]
    loss_function: LossFunction
    batches: Callable[[int], tf.data.Dataset]
    scores: Callable[[keras.Model], Scores]
    record: dict[str, Any]
    validated: tuple[str, ...] = ()
    validate: Callable[[keras.Model], Scores] = lambda model: {}
    is_enough: Callable[[Scores], bool] = lambda scores: False


class CsvLog:
    """A CSV table that grows by a row at a time."""

    def __init__(self, path: Path, columns: tuple[str, ...]):
        self._path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            self.write(*columns)

    def write(self, *values: Any) -> None:
        """Append one row."""
        with self._path.open("a", newline="") as file:
            csv.writer(file).writerow(values)


def scores_on_one_device(validation: Callable[..., Scores]) -> Callable[[keras.Model], Scores]:
    """Return the scores of a course from its (model, strategy, share) -> scores."""

    def scores(model: keras.Model) -> Scores:
        found = validation(model, tf.distribute.get_strategy(), Share())
        return {f"validation_{name}": score for name, score in found.items()}

    return scores


def train_networks(
    names: Sequence[str],
    course_of: Callable[[str], Course],
    output_dir: Path,
    strategy: tf.distribute.Strategy,
    share: Share = Share(),
) -> None:
    """Train, score and write the networks that are not there yet.

    Args:
        names: of the networks, and of their files.
        course_of: name -> course.
        output_dir: where the networks, their logs and their manifest go.
        strategy: device strategy.
        share: this worker's; the first one writes.
    """
    for name in names:
        # Of processes that are no workers of one cluster, one trains and the others wait.
        alone = share.n_workers == 1
        with locked(output_dir / f"{name}.npz") if alone else nullcontext():
            if (output_dir / f"{name}.npz").exists() and name in read_manifest(output_dir):
                logging.info("%s is there already; delete %s.npz to train it again", name, name)
                continue
            course, progress = course_of(name), output_dir / "training" / name
            model = train_network(name, course, output_dir, progress, strategy, share.is_first)
            if share.is_first:
                write_network(name, model, course, output_dir)
                # What is left there would be taken for the next training of this network.
                shutil.rmtree(progress)
            devices.wait_for_all(strategy)


def train_network(
    name: str,
    course: Course,
    output_dir: Path,
    progress: Path,
    strategy: tf.distribute.Strategy,
    is_chief: bool = True,
) -> keras.Model:
    """Train one network, from where `progress` stands, and log it in <name>.log.csv."""
    recipe = course.recipe
    with strategy.scope():
        model = course.build()
        initialise(model, recipe.seed)
    log = _log(name, course, output_dir, progress) if is_chief else None
    _check_settings(progress, course, is_chief)
    started = time.monotonic()

    def write(step: int, loss: float | str, *scores: float | str) -> None:
        if log:
            log.write(step, loss, round(time.monotonic() - started), *scores)

    def report(step: int, loss: float) -> None:
        write(step, round(loss, 4), *("" for _ in course.validated))
        logging.info("%s step %d of %d: loss %.3f", name, step, recipe.steps, loss)

    def is_enough(step: int) -> bool:
        scores = course.validate(model)
        if scores:
            write(step, "", *(round(scores[column], 4) for column in course.validated))
            logging.info("%s step %d, validation: %s", name, step, scores)
        return course.is_enough(scores)

    train(
        model, course.loss_function, course.batches, recipe, progress, strategy, report, is_enough,
        is_chief,
    )  # fmt: skip
    return model


def _log(name: str, course: Course, output_dir: Path, progress: Path) -> CsvLog:
    """Return the log of a run that goes on, or a new one."""
    path = output_dir / f"{name}.log.csv"
    if not progress.exists():
        path.unlink(missing_ok=True)
    return CsvLog(path, ("step", "loss", "seconds", *course.validated))


def _check_settings(progress: Path, course: Course, is_chief: bool) -> None:
    """Check that a training that goes on has the settings and data it began with, or keep them.

    Raises:
        ValueError: it has others.
    """
    path = progress / "settings.json"
    settings = json.loads(json.dumps(asdict(course.recipe) | course.record))
    del settings["checkpoint_seconds"]  # of no consequence
    if path.exists():
        begun = json.loads(path.read_text())
        different = [name for name in settings if begun.get(name) != settings[name]]
        if different:
            name = different[0]
            raise ValueError(
                f"{progress} holds a training with {name} = {begun.get(name)}, and this one has "
                f"{settings[name]}; give the same to continue, or delete that folder to start anew"
            )
    elif is_chief:
        with atomic_file(path) as file:
            file.write(json.dumps(settings, indent=2).encode() + b"\n")


def write_network(name: str, model: keras.Model, course: Course, output_dir: Path) -> None:
    """Write <name>.npz and its manifest entry, with the scores of what was written."""
    path = output_dir / f"{name}.npz"
    checkpoints.save_weights(model, path)
    sha256 = checkpoints.load_weights(model, path, scope="")  # the scores are those of float16
    scores = course.scores(model)
    record = {"sha256": sha256, "tensorflow": tf.__version__} | course.record | dict(scores)
    with locked(output_dir / MANIFEST):
        update_manifest(output_dir, name, record | asdict(course.recipe))
    logging.info("%s: %s", name, scores)
