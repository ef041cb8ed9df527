"""Whether who was refused without a token then asked for the same again with one: the same process, and soon enough to be what
came of the refusal. A program that speaks both versions does so; one that speaks only IMDSv1 never does.
"""

from __future__ import annotations

from collections import Counter, OrderedDict, defaultdict
from collections.abc import Iterable, Mapping
from typing import NamedTuple, TypeVar

from imds_probe.watch.seen_call import SeenCall

CLIENTS_MAX = 4000
WITHIN_S = 3600.0  # what is asked for later is not asked for because of the refusal
# Where no process is known, somebody else at the same address may ask later.
UNKNOWN_WITHIN_S = 5.0
REFUSED, TURNED_OFF = 401, 403
PATH_MAX = 200  # characters that are compared
Holder = TypeVar("Holder")


def same_path(path: str) -> str:
    """What two requests for the same have in common."""
    return path.rstrip("/")[:PATH_MAX]


class _Client(NamedTuple):
    """Who asks for what: a process, or an address and what is called itself there, where no process is known."""

    pid: int | None
    address: str
    user_agent: str
    path: str


class Place(NamedTuple):
    """Where a call is counted: the row of its caller, the hour of the epoch, and what it asked for."""

    row: int
    hour: int
    path: str


class _Refused(NamedTuple):
    """What is open of one client. `began` is as in ancestry.Process; `at` is in seconds since the epoch. `holder` is the container
    or user whose it is, "" where that is not known.
    """

    began: int | None
    at: float
    holder: str
    places: Counter[Place]


class Refusals:
    """Those that nothing came of yet. `after` changes nothing by itself, so that what could not be written can be taken again.

    Bounded: where there are more clients, those of the user or container with the most are forgotten, and of its process with the
    most, those that were refused longest ago. They count as not recovered.
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
            elif waiting and is_answered_with_token(seen):
                for client in _clients(seen):
                    before = waiting.get(client)
                    if before is not None and _goes_on(before, seen):
                        recovered += before.places
                        del waiting[client]
        if len(waiting) > CLIENTS_MAX:
            waiting = _fair(waiting)
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
    waiting[client] = _Refused(seen.caller.client[1] if seen.caller else None, seen.at, holder_of(seen), places)


def holder_of(seen: SeenCall) -> str:
    """The container or user whose call it is; empty where that is not known."""
    if seen.caller is None:
        return ""
    return seen.caller.container or str(seen.caller.uid)


def _fair(waiting: OrderedDict[_Client, _Refused]) -> OrderedDict[_Client, _Refused]:
    """The newest of each, so that who has many takes no room from who has few."""
    whose = {client: (each.holder, client.pid) for client, each in waiting.items()}
    processes = defaultdict[str, Counter[tuple[str, int | None]]](Counter)
    for each in whose.values():
        processes[each[0]][each] += 1
    shares = dict[tuple[str, int | None], int]()
    for holder, room in shared({holder: of.total() for holder, of in processes.items()}, CLIENTS_MAX).items():
        shares |= shared(processes[holder], room)
    left = OrderedDict[_Client, _Refused]()
    for client in reversed(waiting):
        if shares[whose[client]]:
            shares[whose[client]] -= 1
            left[client] = waiting[client]
    return OrderedDict(reversed(left.items()))


def shared(wanted: Mapping[Holder, int], room: int) -> dict[Holder, int]:
    """How much of the room each gets: what it wants, and where that is too much for all, no more than who gets most besides."""
    shares, left = dict[Holder, int](), room
    for behind, (each, count) in enumerate(sorted(wanted.items(), key=lambda of: of[1])):
        shares[each] = min(count, left // (len(wanted) - behind))
        left -= shares[each]
    return shares


def is_answered_with_token(seen: SeenCall) -> bool:
    """Whether the service took its token: also where it then had nothing at that path."""
    return (
        seen.version == "v2"
        and seen.token is None
        and seen.status is not None
        and seen.status not in (REFUSED, TURNED_OFF)
    )


def _goes_on(before: _Refused, seen: SeenCall) -> bool:
    """Whether it is the same process still, and soon after."""
    began = seen.caller.client[1] if seen.caller else None
    same = before.began is None or began is None or before.began == began
    return same and seen.at - before.at <= (WITHIN_S if seen.caller is not None else UNKNOWN_WITHIN_S)


def _clients(seen: SeenCall) -> tuple[_Client, ...]:
    """Under which names it may be known, its own first. A shell becomes the last of what it starts: then its own number is the one
    that was refused.
    """
    if seen.caller is None:
        return (_Client(None, seen.client, seen.user_agent, same_path(seen.path)),)
    pids = dict.fromkeys((seen.caller.client[0], seen.caller.pid))
    return tuple(_Client(pid, "", "", same_path(seen.path)) for pid in pids)
