"""When old evidence is taken away: by how long the daemon has run, and never by one look at a clock that may be wrong."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

from imds_probe.watch.boots import BootWatch
from imds_probe.watch.history import History

EVERY_S = 3600.0
# A clock that was set ahead counts once it has been ahead for so many looks, and even then no more is taken away than
# twice the time that has passed: a wrong clock costs hours at the far end of what is kept, not all of it.
LOOKS = 25
PACE = 2.0
CHECKED_EACH = 24  # looks: it takes a second where very many call, and a run would say so sooner


class Forgetting:
    """Takes away what is older than is to be kept, now and then."""

    def __init__(
        self,
        history: History,
        clock: Callable[[], float] = time.time,
        steady: Callable[[], float] = time.monotonic,
        *,
        boot: BootWatch | None = None,
    ) -> None:
        self._history, self._clock, self._steady, self._boot = history, clock, steady, boot
        self._at, self._looks = steady(), 0
        self._ahead = deque([clock() - self._at], maxlen=LOOKS)  # the clock less the steady one

    def tidy(self, retention_s: float) -> None:
        """To be called often; does something each EVERY_S. Raises HistoryError."""
        now = self._steady()
        if (passed_s := now - self._at) < EVERY_S:
            return
        self._at = now
        self._ahead.append(self._clock() - now)
        self._looks += 1
        if self._looks % CHECKED_EACH == 0:
            self._history.check()
        before = now + min(self._ahead) - retention_s
        if self._boot is not None:
            self._boot.settle(self._history.at_boot, before)
        self._history.forget(before, PACE * passed_s)
