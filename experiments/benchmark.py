"""Time synthesis steps on this machine, beside the machine's own matrix-product rate.

    python experiments/benchmark.py                      # VGG-19 at full size, about 4 minutes
    python experiments/benchmark.py --network=word_aliased --layers=conv_4 --batch_sizes=4
    python experiments/benchmark.py --solver=lbfgs --network=efficientnet_lite0 --layers=stem,head

For every matched layer and batch size: the step as `synthesize` runs it; a bare `tf.function` of
the same graph (forward to the layer, squared difference, gradient with respect to the stimuli);
and a float32 product of two 2048 x 2048 matrices. All are timed in turn in the same run; medians
are printed and written as a table. A step's arithmetic is counted as 2 operations per multiply-add
of the convolutions and matrix products, forward and for the input's gradient.

Steps of L-BFGS are timed in turn with Adam's.

For a network with a cochleagram, the step of the 2019 algorithm (`algorithm_2019`) is timed in the
same turns; both are first checked to respond alike.
"""

from absl import flags

from shared import paths, script

_NETWORK = flags.DEFINE_string("network", "vgg_19", "Network to time, with random weights.")
flags.DEFINE_list("layers", ["conv1_2", "conv3_4", "conv5_4"], "Matched layers.")
flags.DEFINE_list("batch_sizes", ["1", "4"], "Batch sizes.")
_REPEATS = flags.DEFINE_integer("repeats", 7, "Timings per median.", lower_bound=5)
_STEPS = flags.DEFINE_integer("steps", 5, "Steps per timing.", lower_bound=1)
_SOLVER = flags.DEFINE_enum("solver", "adam", ("adam", "lbfgs"), "Whose steps.")
flags.DEFINE_string("output", "runs/benchmark.csv", "Where the table goes.")


def main() -> None:
    """Time every layer and batch size and print the table."""
    batches = script.counts("batch_sizes")
    layers = script.names("layers") or ()
    output = paths.output_file("output")
    script.start_tensorflow()

    import pandas as pd

    from model_metamers.networks.catalog import load_network
    from shared.step_timing import time_layer

    network = load_network(_NETWORK.value, weights=None)
    rows = [
        time_layer(network, layer, batch, _STEPS.value, _REPEATS.value, _SOLVER.value)
        for layer in layers
        for batch in batches
    ]
    table = pd.DataFrame(rows)
    script.write_table(output, "benchmark", table, "%.5g")
    print(table.to_string(index=False, float_format=lambda value: f"{value:.4g}"))


if __name__ == "__main__":
    script.run(main)
