"""Who is refused for the first time since the daemon began, without room for whoever calls under a new name each time."""

from __future__ import annotations

from collections import defaultdict

from imds_probe.watch.refusals import holder_of
from imds_probe.watch.seen_call import SeenCall

Who = tuple[str, str | None, str | None]
OF_ONE_MAX, HOLDERS_MAX = 50, 1000


class FirstRefused:
    """OF_ONE_MAX callers of each user or container are told apart; more of them count as known."""

    def __init__(self) -> None:
        self._known: defaultdict[str, set[Who]] = defaultdict(set)

    def is_new(self, seen: SeenCall, who: Who) -> bool:
        """Whether this refused call is the first of `who`: program, unit and container. It is known from then on."""
        holder = holder_of(seen)
        if holder not in self._known and len(self._known) >= HOLDERS_MAX:
            return False
        known = self._known[holder]
        if who in known or len(known) >= OF_ONE_MAX:
            return False
        known.add(who)
        return True
