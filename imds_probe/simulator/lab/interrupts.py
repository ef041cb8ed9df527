"""Ctrl-C, SIGTERM and a terminal that is gone while a lab stands: none may leave half a lab behind.

Python runs signal handlers on the main thread only, so elsewhere there is nothing to hold back and nothing to install.
"""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator
from types import FrameType

ENDING = (signal.SIGTERM, signal.SIGHUP)  # would end a process outright
HELD = (signal.SIGINT, *ENDING)


@contextlib.contextmanager
def held() -> Iterator[None]:
    """Put these signals off to the end of the block, where they then do what they would have done at once."""
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
    """SIGTERM and SIGHUP as KeyboardInterrupt while at least one lab stands, so that every cleanup on the way out runs."""

    def __init__(self) -> None:
        self._standing = 0
        self._taken: list[int] = []

    def take(self) -> None:
        """Count one more lab. A signal is taken over only where it would have killed the process outright."""
        if threading.current_thread() is threading.main_thread():
            if self._standing == 0:
                self._taken = [number for number in ENDING if signal.getsignal(number) is signal.SIG_DFL]
                for number in self._taken:
                    signal.signal(number, signal.default_int_handler)
            self._standing += 1

    def give_back(self) -> None:
        """Count one lab less; with the last one the signals become what they were, unless somebody changed them since."""
        if threading.current_thread() is threading.main_thread() and self._standing:
            self._standing -= 1
            if self._standing == 0:
                for number in self._taken:
                    if signal.getsignal(number) is signal.default_int_handler:
                        signal.signal(number, signal.SIG_DFL)
                self._taken = []


termination = _Termination()
