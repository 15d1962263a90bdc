"""Python functions inside tf.data pipelines that let the process end.

The threads of an endless pipeline call Python through `tf.numpy_function`. Should the interpreter
shut down while such a call is under way, as after an uncaught error, the call never returns, and
neither does the pipeline's destructor: the process hangs instead of ending, and with it every
worker that waits for it. So calls are refused, and those under way awaited, before that.
"""

import atexit
import threading
import time
import weakref
from collections.abc import Callable
from typing import Any

# A pipeline asks for some more elements until its buffers are full of refusals.
_QUIET_SECONDS = 0.5


class StoppableCall:
    """A function that refuses to be called once the interpreter is about to end."""

    def __init__(self, function: Callable[..., Any]):
        self._function = function
        self._changed = threading.Condition()
        self._n_running = 0
        self._n_calls = 0
        self._stopped = False
        # The weak reference lets the pipeline's data go when the pipeline does.
        atexit.register(_stop, weakref.ref(self))

    def __call__(self, *arguments: Any) -> Any:
        """Call the function.

        Raises:
            RuntimeError: the interpreter is about to end.
        """
        with self._changed:
            self._n_calls += 1
            if self._stopped:
                raise RuntimeError("Python is about to end")
            self._n_running += 1
        try:
            return self._function(*arguments)
        finally:
            with self._changed:
                self._n_running -= 1
                self._changed.notify_all()

    def stop(self) -> None:
        """Refuse further calls and return when none is under way or comes any more."""
        with self._changed:
            self._stopped = True
            self._changed.wait_for(lambda: not self._n_running)
        n_seen = -1
        while n_seen != self._n_calls:
            n_seen = self._n_calls
            time.sleep(_QUIET_SECONDS)


def _stop(reference: "weakref.ref[StoppableCall]") -> None:
    call = reference()
    if call is not None:
        call.stop()
