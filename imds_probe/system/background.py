"""Work on a thread of its own, which never keeps the process from ending."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

from imds_probe.errors import ProbeError

T = TypeVar("T")


class Background(Generic[T]):
    """A function that is being called on a new thread. Ctrl-C and the end of the main thread end it with the process;
    a thread pool would be waited for.
    """

    def __init__(self, name: str, function: Callable[[], T]) -> None:
        self._function = function
        self._results: list[T] = []
        self._failures: list[BaseException] = []
        self._thread = threading.Thread(target=self._work, name=f"imds-probe-{name}", daemon=True)
        self._thread.start()

    @property
    def ended(self) -> bool:
        """Whether there is a result, or an exception."""
        return not self._thread.is_alive()

    def result(self, timeout_s: float | None = None) -> T:
        """Wait for the end; return what the function returned, raise what it raised.

        Raises ProbeError after `timeout_s`: the thread is left to itself, as one that hangs on a dead disk has to be.
        """
        self._thread.join(timeout_s)
        if self._thread.is_alive():
            raise ProbeError("it did not end within the run's time limit", "Something that it reads from hangs.")
        if self._failures:
            raise self._failures[0]
        return self._results[0]

    def _work(self) -> None:
        try:
            self._results.append(self._function())
        except BaseException as failure:  # noqa: BLE001 - carried over to who waits, not swallowed
            self._failures.append(failure)
