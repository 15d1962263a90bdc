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

from shared import corpus_images, script
from absl import flags
from shared.courses import as_flags_say, check_names, define_full_size_flags, train_networks

from model_metamers import devices
from model_metamers.networks import catalog

define_full_size_flags(corpus_images.NETWORKS)
_DATA_DIR = flags.DEFINE_string(
    "data_dir", "imagenet", "Folders train and validation of images, or TF-Slim's records."
)
_TRIAL = flags.DEFINE_bool("trial", False, "Narrow networks on small images.")


def main() -> None:
    """Train what is not trained yet."""
    options = flags.FLAGS
    check_names(options.networks, corpus_images.NETWORKS)
    strategy = devices.make_training_strategy(options.strategy)
    share = devices.worker_share(options.strategy)
    dataset = corpus_images.read_dataset(Path(_DATA_DIR.value))
    output_dir = Path(options.output_dir or catalog.checkpoint_directory())

    def course(name: str) -> corpus_images.Course:
        entry = catalog.catalog_entry(name.removesuffix("_trial"))
        recipe = corpus_images.RECIPES[name.removesuffix("_trial").removesuffix("_seed1")]
        changes = {"size_px": recipe.size_px} | (recipe.trial if _TRIAL.value else {})
        # The published networks are those of seed 0.
        config = replace(as_flags_say(recipe.config), seed=1)
        return corpus_images.course(
            config, partial(entry.build, **changes), dataset, recipe.family,
            changes["size_px"], entry.readouts["imagenet"].class_offset, strategy, *share,
        )  # fmt: skip

    names = [name + ("_trial" if _TRIAL.value else "") for name in options.networks]
    train_networks(names, course, output_dir, strategy, is_chief=share[0] == 0)


if __name__ == "__main__":
    script.run(main)
