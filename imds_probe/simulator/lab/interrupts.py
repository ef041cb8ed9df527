"""Ctrl-C and SIGTERM while a lab stands: neither may leave half a lab behind.

Python runs signal handlers on the main thread only, so elsewhere there is nothing to hold back and nothing to install.
"""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator
from types import FrameType

HELD = (signal.SIGINT, signal.SIGTERM)


@contextlib.contextmanager
def held() -> Iterator[None]:
    """Put SIGINT and SIGTERM off to the end of the block, where they then do what they would have done at once."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    arrived: list[int] = []

    def note(number: int, _frame: FrameType | None) -> None:
        arrived.append(number)

    # None stands for a handler that was not installed from Python: it could not be put back, so it is left alone.
    before = {known: handler for known in HELD if (handler := signal.getsignal(known)) is not None}
    for number in before:
        signal.signal(number, note)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        for again in dict.fromkeys(arrived):
            signal.raise_signal(again)


class _Termination:
    """SIGTERM as KeyboardInterrupt while at least one lab stands, so that every cleanup on the way out runs."""

    def __init__(self) -> None:
        self._standing = 0
        self._taken = False

    def take(self) -> None:
        """Count one more lab. SIGTERM is taken over only where it would have killed the process outright."""
        if threading.current_thread() is threading.main_thread():
            if self._standing == 0 and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
                signal.signal(signal.SIGTERM, signal.default_int_handler)
                self._taken = True
            self._standing += 1

    def give_back(self) -> None:
        """Count one lab less; with the last one SIGTERM becomes what it was, unless somebody changed it since."""
        if threading.current_thread() is threading.main_thread() and self._standing:
            self._standing -= 1
            if self._standing == 0 and self._taken:
                self._taken = False
                if signal.getsignal(signal.SIGTERM) is signal.default_int_handler:
                    signal.signal(signal.SIGTERM, signal.SIG_DFL)


termination = _Termination()
