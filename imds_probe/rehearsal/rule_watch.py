"""Packet rules that come up while a host is rehearsed: they are looked for in the background, for as long as it lasts."""

from __future__ import annotations

import time
from collections.abc import Callable

from imds_probe.rehearsal.unopened import Unread
from imds_probe.system.background import Background

EVERY_S = 5.0
SHARE = 4  # on a host with very many rules, a pause is so many times as long as a look
UNREAD_MAX = 2  # a busy host may not list its rules in time once


class RuleWatch:
    """`why_not` says why what is forwarded must not be led, empty where it may. Raises CannotRehearse."""

    def __init__(self, why_not: Callable[[], str]) -> None:
        self._why_not = why_not
        self._running: Background[str] | None = None
        self._began = self._ended = time.monotonic()
        self._unread = 0

    def look(self, *, at_once: bool = False) -> str:
        """What the last look came to, once. Never waits. Raises CannotRehearse where a rule concerns the host's own programs, or
        the rules can be read no more.
        """
        if self._running is None:
            pause_s = max(0.0 if at_once else EVERY_S, SHARE * (self._ended - self._began))
            if time.monotonic() - self._ended >= pause_s:
                self._began = time.monotonic()
                self._running = Background("rules", self._why_not)
            return ""
        if not self._running.ended:
            return ""
        running, self._running = self._running, None
        self._ended = time.monotonic()
        try:
            why = running.result()
        except Unread:
            self._unread += 1
            if self._unread >= UNREAD_MAX:
                raise
            return ""
        self._unread = 0
        return why
