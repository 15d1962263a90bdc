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
from typing import TYPE_CHECKING

from absl import flags

from shared import paths, script
from shared.training_flags import as_flags_say, chosen_networks, define_full_size_flags

if TYPE_CHECKING:
    from shared.courses import Course

define_full_size_flags()
flags.DEFINE_string(
    "data_dir", "imagenet", "Folders train and validation of images, or TF-Slim's records."
)
_TRIAL = flags.DEFINE_bool("trial", False, "Narrow networks on small images.")


def main() -> None:
    """Train what is not trained yet."""
    options = flags.FLAGS
    names = chosen_networks("experiments/train_imagenet.py")
    share = script.working_share(options.strategy)
    output_dir = paths.if_given(paths.output_folder, "output_dir")
    data_dir = paths.input_folder("data_dir", "name the folder of ImageNet")
    script.start_tensorflow()

    from model_metamers import devices
    from model_metamers.networks import catalog, locations
    from shared import corpus_images, courses

    strategy = devices.make_training_strategy(options.strategy)
    dataset = corpus_images.read_dataset(data_dir)

    suffix = "_trial" if _TRIAL.value else ""
    entries = {name + suffix: catalog.catalog_entry(name) for name in names}

    def course(name: str) -> "Course":
        entry = entries[name]
        architecture = entry.identity.architecture
        takes, changes = corpus_images.INPUTS[architecture], {}
        if _TRIAL.value:
            changes = corpus_images.TRIALS[architecture]
            takes = replace(takes, size_px=changes["size_px"])
        return corpus_images.course(
            replace(as_flags_say(corpus_images.RECIPES[architecture]), seed=entry.identity.seed),
            partial(entry.build, **changes),
            dataset,
            takes,
            entry.readouts["imagenet"].class_offset,
            strategy=strategy,
            share=share,
        )

    output_dir = output_dir or locations.trained()
    courses.train_networks(list(entries), course, output_dir, strategy, share)


if __name__ == "__main__":
    script.run(main)
