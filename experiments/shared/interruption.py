"""Ending on Ctrl-C and SIGTERM: at once, quietly, with what is finished on disk.

Scripts keep what they have made as they go, so that nothing has to be saved at the end. Python
hears of a signal only between two of its own instructions, and one call of TensorFlow may take
minutes: a thread that hears of it at once ends the process where Python does not.
"""

import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

PATIENCE_SECONDS = 2.0
_STATUS = {signal.SIGINT: 130, signal.SIGTERM: 143}
_MESSAGE = "interrupted; the same command continues where it stopped"


class Interrupted(BaseException):
    """The user, or the system, ends the script.

    Attributes:
        status: of the process.
    """

    def __init__(self, status: int):
        super().__init__(_MESSAGE)
        self.status = status


@contextmanager
def ending_by_signals() -> Iterator[None]:
    """Raise `Interrupted` on Ctrl-C and SIGTERM, and end the process soon after if need be.

    Does nothing outside the main thread, where Python has no signals.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    hear, tell = socket.socketpair()
    tell.setblocking(False)
    heard = threading.Event()
    threading.Thread(target=_end_soon, args=(hear, heard), daemon=True).start()
    handlers = {number: signal.signal(number, _interrupt) for number in _STATUS}
    wakeup = signal.set_wakeup_fd(tell.fileno(), warn_on_full_buffer=False)
    try:
        yield
    except Interrupted as interrupted:
        heard.set()
        print(interrupted, file=sys.stderr, flush=True)
        raise
    finally:
        signal.set_wakeup_fd(wakeup)
        for number, handler in handlers.items():
            signal.signal(number, handler)
        if not heard.is_set():
            tell.close()


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise Interrupted(_STATUS[signal.Signals(number)])


def _end_soon(hear: socket.socket, heard: threading.Event) -> None:
    """Wait for a signal, and end the process if it is still there after a while."""
    while received := hear.recv(1):
        if received[0] in _STATUS:
            time.sleep(PATIENCE_SECONDS)
            if not heard.is_set():
                os.write(2, f"{_MESSAGE}\n".encode())
            os._exit(_STATUS[signal.Signals(received[0])])
