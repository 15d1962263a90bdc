"""Count how many rendered objects image networks name rightly, category by category.

    python experiments/check_renders.py                                # the small networks
    python experiments/check_renders.py --networks=efficientnet_lite0,efficientnet_lite2
    python experiments/check_renders.py --categories=cat,oven --num_renders=80

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
flags.DEFINE_list("categories", None, "Which categories; all 16 by default.")
_NUM_RENDERS = flags.DEFINE_integer("num_renders", 20, "Renders per category.", lower_bound=1)
_FIRST_SEED = flags.DEFINE_integer(
    "first_seed", 3_000_000, "Of the renders.", lower_bound=0, upper_bound=2**31 - 1
)
flags.DEFINE_string("output", "runs/check_renders.csv", "Where the table goes.")

_BATCH = 32  # keeps the float images of a thousand renders out of memory


def main() -> None:
    """Score every network and print the table."""
    names = script.names("networks") or ()
    from model_metamers.stimuli.made.objects import CATEGORIES

    categories = script.names("categories") or CATEGORIES
    if unknown := set(categories).difference(CATEGORIES):
        raise ValueError(
            f"unknown category {min(unknown)!r}; choose from: {', '.join(CATEGORIES)}"
        )
    output = paths.output_file("output")
    script.start_tensorflow()

    import numpy as np
    import pandas as pd

    from model_metamers.networks.catalog import load_network

    truth = np.repeat([CATEGORIES.index(name) for name in categories], _NUM_RENDERS.value)
    networks = {name: load_network(name) for name in names}
    renders = {
        size: renders_of(truth, size)
        for size in {network.stimulus_shape[0] for network in networks.values()}
    }
    columns = {}
    for name, network in networks.items():
        right = answers(network, renders[network.stimulus_shape[0]]) == truth
        columns[name] = [*right.reshape(len(categories), -1).mean(1), right.mean()]
    table = pd.DataFrame(columns, pd.Index([*categories, "all"], name="category"))
    script.write(output, table.to_csv(float_format="%.4g"))
    print(table.to_string(float_format=lambda value: f"{value:.3f}"))


def renders_of(category: "np.ndarray", size_px: int) -> "np.ndarray":
    """Return a render of every given category, [n, size, size, 3] uint8."""
    import numpy as np

    from model_metamers.stimuli.made import objects

    turn = np.arange(len(category)) % _NUM_RENDERS.value
    variants = objects.VARIANTS_PER_CATEGORY
    fine_classes = variants * category + turn % variants
    return objects.render_objects(fine_classes, _FIRST_SEED.value + turn, size_px)


def answers(network: "Network", renders: "np.ndarray") -> "np.ndarray":
    """Return the category that a network names for each render, [n]."""
    import numpy as np

    from shared import visual

    parts = np.array_split(renders, -(-len(renders) // _BATCH))
    logits = [network.logits(part.astype(np.float32) / 255) for part in parts]
    return visual.TASKS[0].answer(network, np.concatenate(logits))


if __name__ == "__main__":
    script.run(main)
