"""A command that ends, before and in the middle of its work, where somebody switches imds-probe off."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

from imds_probe.system.background import Background
from imds_probe.system.confined import FileUnanswered
from imds_probe.system.switch_off import looked_for, switched_off

LOOKED_EVERY_S = 1.0
# Wakes the main thread wherever it waits, which nothing but a signal does.
_WAKING = signal.SIGUSR1


class _Now(KeyboardInterrupt):
    """Raised wherever the main thread is: what goes on in spite of errors must not go on in spite of this one."""


def _now(*_: object) -> None:
    raise _Now


def _look(root: Path) -> bool | None:
    """Whether it is switched off; None where nobody answers."""
    try:
        return looked_for(root)
    except FileUnanswered:
        return None


@contextlib.contextmanager
def unless_switched_off(root: Path) -> Iterator[None]:
    """Raises SwitchedOff at once, or within LOOKED_EVERY_S seconds, in the main thread; elsewhere at once only. A place that does
    not answer is not looked at again.
    """
    if found := _look(root):
        raise switched_off(root)
    if found is None or threading.current_thread() is not threading.main_thread():
        yield
        return
    main, ended = threading.main_thread().ident, threading.Event()
    assert main is not None  # noqa: S101 - it runs

    def look() -> None:
        while not ended.wait(LOOKED_EVERY_S) and (found := _look(root)) is not None:
            if found:
                signal.pthread_kill(main, _WAKING)
                return

    before = signal.signal(_WAKING, _now)
    looking = Background("switch", look)
    try:
        yield
    except _Now:
        raise switched_off(root) from None
    finally:
        ended.set()
        looking.result()  # no signal comes any more
        signal.signal(_WAKING, before)
