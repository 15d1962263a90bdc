"""Time the two methods of the cochleagram on this machine, and how far apart they are.

    python experiments/benchmark_cochleagram.py           # one 2-s sound, about half a minute

A call is the loss of a white noise against another one's cochleagram, and its gradient with
respect to the waveform. The methods are called in turn; medians, and the median of the paired
ratios, are printed and written as a table, with the relative L2 error of the cochleagram and the
cosine of the gradient.
"""

from absl import flags

from shared import paths, script

flags.DEFINE_list("batch_sizes", ["1"], "Batch sizes.")
_REPEATS = flags.DEFINE_integer("repeats", 61, "Timings per median.", lower_bound=5)
flags.DEFINE_string("output", "runs/benchmark_cochleagram.csv", "Where the table goes.")


def main() -> None:
    """Time every batch size and print the table."""
    batches = script.counts("batch_sizes")
    output = paths.output_file("output")
    script.start_tensorflow()

    import pandas as pd

    from shared.cochleagram_timing import compare

    table = pd.DataFrame([compare(batch, _REPEATS.value) for batch in batches])
    script.write_table(output, "benchmark_cochleagram", table, "%.5g")
    print(table.to_string(index=False, float_format=lambda value: f"{value:.5g}"))


if __name__ == "__main__":
    script.run(main)
