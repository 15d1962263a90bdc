"""Train the full-size audio networks on real speech in AudioSet's backgrounds.

    python experiments/build_word_dataset.py ... --output_dir=word_dataset    # choose clips first
    python experiments/train_word_cnn.py --dataset_dir=word_dataset --trial --steps=20
    python experiments/train_word_cnn.py --dataset_dir=word_dataset --strategy=mirrored

Each network learns until it reaches the paper's validation score on its own task, and is then
written, with a log and a manifest entry, to checkpoints/. A killed run goes on where it stood.
`--trial` trains networks of a thirtieth of the channels, <network>_trial.npz, which fit nothing
else: to try the corpus, the command and the cluster.

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
flags.DEFINE_string("dataset_dir", "word_dataset", "Tables of build_word_dataset.py.")
_WORD_TARGET = flags.DEFINE_float(
    "word_target", 0.57, "Validation accuracy at which a network has learned its words."
)
_AUDIOSET_TARGET = flags.DEFINE_float(
    "audioset_target", 0.83, "Area under the ROC curve at which it has learned AudioSet."
)
_TRIAL = flags.DEFINE_bool("trial", False, "Narrow networks on a coarse cochleagram.")


def main() -> None:
    """Train what is not trained yet."""
    options = flags.FLAGS
    names = chosen_networks("experiments/train_word_cnn.py")
    share = script.working_share(options.strategy)
    output_dir = paths.if_given(paths.output_folder, "output_dir")
    dataset_dir = paths.input_folder("dataset_dir", "build_word_dataset.py makes one")
    script.start_tensorflow()

    from model_metamers import devices
    from model_metamers.networks import catalog, locations
    from shared import corpus_words, courses

    strategy = devices.make_training_strategy(options.strategy)
    dataset = corpus_words.read_dataset(dataset_dir)
    suffix, changes = ("_trial", corpus_words.TRIAL) if _TRIAL.value else ("", {})

    entries = {name + suffix: catalog.catalog_entry(name) for name in names}

    def course(name: str) -> "Course":
        entry = entries[name]
        return corpus_words.course(
            replace(as_flags_say(corpus_words.RECIPE), seed=entry.identity.seed),
            partial(entry.build, **changes),
            dataset,
            list(entry.readouts),
            targets={"word": _WORD_TARGET.value, "audioset": _AUDIOSET_TARGET.value},
            strategy=strategy,
            share=share,
        )

    output_dir = output_dir or locations.trained()
    courses.train_networks(list(entries), course, output_dir, strategy, share)


if __name__ == "__main__":
    script.run(main)
