"""Count how many rendered objects image networks name rightly, category by category.

    python experiments/check_renders.py                                # the small networks
    python experiments/check_renders.py --networks=efficientnet_lite0,efficientnet_lite2

Shows every network the same objects, rendered at its own size, and writes the share whose category
it names in the 16-way task, of each category and of all, one column per network. The renders'
seeds are those of --first_seed and following, the variants of a category in turn.
"""

from typing import TYPE_CHECKING

from absl import flags

from shared import paths, script

if TYPE_CHECKING:
    import numpy as np

    from model_metamers.networks.network import Network

flags.DEFINE_list(
    "networks",
    ["vgg_19_small", "inception_v3_small", "resnet_v2_101_small"],
    "Image networks that have weights.",
)
_NUM_RENDERS = flags.DEFINE_integer("num_renders", 20, "Renders per category.", lower_bound=1)
_FIRST_SEED = flags.DEFINE_integer(
    "first_seed", 3_000_000, "Of the renders.", lower_bound=0, upper_bound=2**31 - 1
)
flags.DEFINE_string("output", "runs/check_renders.csv", "Where the table goes.")


def main() -> None:
    """Score every network and print the table."""
    names = script.names("networks")
    output = paths.output_file("output")
    script.start_tensorflow()

    import numpy as np
    import pandas as pd

    from model_metamers.networks.catalog import load_network
    from model_metamers.stimuli.made import objects

    category = np.repeat(np.arange(len(objects.CATEGORIES)), _NUM_RENDERS.value)
    columns = {}
    for name in names:
        right = answers(load_network(name), category) == category
        shares = right.reshape(len(objects.CATEGORIES), -1).mean(1)
        columns[name] = [*shares, right.mean()]
    table = pd.DataFrame(columns, pd.Index([*objects.CATEGORIES, "all"], name="category"))
    script.write(output, table.to_csv(float_format="%.4g"))
    print(table.to_string(float_format=lambda value: f"{value:.3f}"))


def answers(network: "Network", category: "np.ndarray") -> "np.ndarray":
    """Return the category that a network names for one render of each given category, [n]."""
    import numpy as np

    from model_metamers.stimuli.made import objects
    from shared import visual

    turn = np.arange(len(category)) % _NUM_RENDERS.value
    fine_classes = objects.VARIANTS_PER_CATEGORY * category + turn % objects.VARIANTS_PER_CATEGORY
    seeds = _FIRST_SEED.value + turn
    size_px, batch = network.stimulus_shape[0], []
    for start in range(0, len(category), 32):
        part = slice(start, start + 32)
        images = objects.render_objects(fine_classes[part], seeds[part], size_px)
        batch.append(network.logits(images.astype(np.float32) / 255))
    task = visual.TASKS[0]
    return task.answer(network, np.concatenate(batch))


if __name__ == "__main__":
    script.run(main)
