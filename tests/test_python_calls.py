"""A process whose pipeline calls Python ends, whatever the pipeline is doing."""

import gc
import subprocess
import sys
import threading
import weakref
from pathlib import Path

import pytest

from model_metamers.training.python_calls import StoppableCall

PROJECT = Path(__file__).resolve().parents[1]

# Elements are slower than their consumer, so that some are under way whenever the error comes.
SCRIPT = """
import time
import tensorflow as tf
from model_metamers.training.python_calls import StoppableCall

def slow(i):
    time.sleep(0.02)
    return i

call = StoppableCall(slow)

def element(i):
    return tf.numpy_function(call, [i], tf.int64)

def train():
    stream = tf.data.Dataset.range(10**12).map(element, num_parallel_calls=4).batch(8).prefetch(4)
    next(iterator := iter(stream))
    print("streaming", flush=True)
    raise RuntimeError("a step went wrong")

train()
"""


@pytest.mark.slow
def test_an_error_ends_the_process_while_elements_are_made():
    process = subprocess.Popen(
        [sys.executable, "-c", SCRIPT], cwd=PROJECT, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    try:
        assert process.stdout.readline() == "streaming\n"
        _, errors = process.communicate(timeout=90)  # it takes seconds, or for ever
    finally:
        process.kill()
    assert process.returncode == 1 and "RuntimeError: a step went wrong" in errors


def test_stopping_waits_for_the_call_under_way_and_refuses_others():
    started, may_end, results = threading.Event(), threading.Event(), []

    def function(x):
        started.set()
        assert may_end.wait(10)
        return 2 * x

    call = StoppableCall(function)
    caller = threading.Thread(target=lambda: results.append(call(21)))
    caller.start()
    assert started.wait(10)
    stopper = threading.Thread(target=call.stop)
    stopper.start()
    stopper.join(0.1)
    assert stopper.is_alive() and not results
    may_end.set()
    stopper.join(10)
    caller.join(10)
    assert not stopper.is_alive() and results == [42]
    with pytest.raises(RuntimeError, match="about to end"):
        call(1)


def test_errors_pass_and_do_not_count_as_under_way():
    call = StoppableCall(lambda x: 1 // x)
    with pytest.raises(ZeroDivisionError):
        call(0)
    assert call(1) == 1
    call.stop()


def test_what_the_function_holds_goes_with_it():
    class Data:
        def read(self):
            return 1

    data = Data()
    reference = weakref.ref(data)
    call = StoppableCall(data.read)
    del data
    assert reference() is not None and call() == 1
    del call
    gc.collect()
    assert reference() is None
