"""Starting TensorFlow without its start-up lines, which tell nobody anything."""

import os
import re
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

# TensorFlow's C++ code writes these before it reads any setting. The error is that of a machine
# without a GPU.
_START_UP_LINE = re.compile(
    rb"WARNING: All log messages before absl::InitializeLog|[IW]\d{4} \d\d:\d\d:\d\d"
    rb"|E\d{4} .* failed call to cuInit: .*\(303\)"
)


def start_tensorflow(n_threads: int | None = None, quietly: bool = True) -> None:
    """Import TensorFlow and Keras, and find the devices.

    Args:
        n_threads: that an operation on CPUs takes at most; by default as TensorFlow chooses.
        quietly: without the start-up lines.

    Raises:
        ValueError: Keras is to compute with something else than TensorFlow.
    """
    backend = os.environ.setdefault("KERAS_BACKEND", "tensorflow")  # goes before keras.json
    if backend != "tensorflow":
        raise ValueError(f"expected TensorFlow under Keras; KERAS_BACKEND is {backend}: unset it")
    with without_start_up_lines() if quietly else nullcontext():
        import keras  # noqa: F401
        import tensorflow as tf

        if n_threads is not None:
            tf.config.threading.set_intra_op_parallelism_threads(n_threads)
        tf.config.list_physical_devices()


@contextmanager
def without_start_up_lines() -> Iterator[None]:
    """Keep back what is written to standard error, and pass on all but start-up lines."""
    sys.stderr.flush()
    with tempfile.TemporaryFile() as kept:
        standard_error = os.dup(2)
        os.dup2(kept.fileno(), 2)
        try:
            yield
        finally:
            sys.stderr.flush()
            os.dup2(standard_error, 2)
            os.close(standard_error)
            kept.seek(0)
            for line in kept:
                if not _START_UP_LINE.match(line):
                    os.write(2, line)
