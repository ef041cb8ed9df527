"""Waiting in tests, which have to hold on a machine that is busy with other things."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import TypeVar

# For what happens at once on a machine that is idle. What it is told apart from never happens, or takes far longer still.
SOON_S = 60.0
T = TypeVar("T")


def wait_for(condition: Callable[[], T], said: Callable[[], object] = str) -> T:
    """What `condition` gives once that is true; asserts that it comes to that, and says what `said` gives where it does not."""
    deadline = time.monotonic() + SOON_S
    while not (result := condition()):
        assert time.monotonic() < deadline, said() or "it did not happen in time"
        time.sleep(0.01)
    return result


def cpu_s() -> float:
    """How long CPUs have worked for this process and its children that have ended: unlike the time that passes, no longer for
    what others do meanwhile.
    """
    return sum(os.times()[:4])
