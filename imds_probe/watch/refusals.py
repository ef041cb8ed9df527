"""Whether who was refused without a token then asked for the same again with one: the same process, and soon enough to be what
came of the refusal. A program that speaks both versions does so; one that speaks only IMDSv1 never does.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Iterable
from typing import NamedTuple

from imds_probe.watch.watcher import SeenCall

CLIENTS_MAX = 4000
WITHIN_S = 3600.0  # what is asked for later is not asked for because of the refusal
REFUSED = 401


class _Client(NamedTuple):
    """Who asks for what: a process, or an address and what is called itself there, where no process is known."""

    pid: int | None
    address: str
    user_agent: str
    path: str


class Place(NamedTuple):
    """Where a call is counted: the row of its caller, and the hour of the epoch."""

    row: int
    hour: int


class _Refused(NamedTuple):
    """What is open of one client. `began` is as in ancestry.Process; `at` is in seconds since the epoch."""

    began: int | None
    at: float
    places: Counter[Place]


class Refusals:
    """Those that nothing came of yet. `after` changes nothing by itself, so that what could not be written can be taken again.

    Bounded: where there are more clients, those are forgotten that were refused longest ago, and count as not recovered.
    """

    def __init__(self, waiting: OrderedDict[_Client, _Refused] | None = None) -> None:
        self._waiting = waiting if waiting is not None else OrderedDict[_Client, _Refused]()

    def after(self, calls: Iterable[tuple[SeenCall, Place]]) -> tuple[Refusals, Counter[Place]]:
        """What is open after these calls, and how many refused ones of each place were followed by one with a token that was
        served.
        """
        waiting, recovered = OrderedDict(self._waiting), Counter[Place]()
        for seen, place in sorted(calls, key=lambda each: each[0].at):
            if is_refused(seen):
                _note(waiting, seen, place)
            elif waiting and _is_served_with_token(seen):
                for client in _clients(seen):
                    before = waiting.get(client)
                    if before is not None and _goes_on(before, seen):
                        recovered += before.places
                        del waiting[client]
        while len(waiting) > CLIENTS_MAX:
            waiting.popitem(last=False)
        return Refusals(waiting), recovered


def is_refused(seen: SeenCall) -> bool:
    """Whether it was refused for want of a token. With one, 401 has other causes: an expired token, or none of this instance."""
    return seen.version == "v1" and seen.status == REFUSED


def _note(waiting: OrderedDict[_Client, _Refused], seen: SeenCall, place: Place) -> None:
    client = _clients(seen)[0]
    before = waiting.pop(client, None)
    # Never changed in its place: what it was before may be needed again.
    places = Counter(before.places) if before is not None and _goes_on(before, seen) else Counter[Place]()
    places[place] += 1
    waiting[client] = _Refused(seen.caller.client[1] if seen.caller else None, seen.at, places)


def _is_served_with_token(seen: SeenCall) -> bool:
    return seen.version == "v2" and seen.token is None and seen.status is not None and seen.status < 400


def _goes_on(before: _Refused, seen: SeenCall) -> bool:
    """Whether it is the same process still, and soon after."""
    began = seen.caller.client[1] if seen.caller else None
    same = before.began is None or began is None or before.began == began
    return same and seen.at - before.at <= WITHIN_S


def _clients(seen: SeenCall) -> tuple[_Client, ...]:
    """Under which names it may be known, its own first. A shell becomes the last of what it starts: then its own number is the one
    that was refused.
    """
    if seen.caller is None:
        return (_Client(None, seen.client, seen.user_agent, seen.path),)
    pids = dict.fromkeys((seen.caller.client[0], seen.caller.pid))
    return tuple(_Client(pid, "", "", seen.path) for pid in pids)
