"""What came of a client's request for a token, before it asks without one: that alone says that it falls back.

A client is a process, or the script that runs one program after the other to ask; what else runs of the same program, in the
same container, is another one. Two clients of one process differ by what they call themselves and by their address.
"""

from __future__ import annotations

import os
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from typing import NamedTuple

from imds_probe.facts.callers import TokenOutcome
from imds_probe.kept.asking_once import asks_once
from imds_probe.watch.ancestry import Process
from imds_probe.watch.call_meaning import path_class
from imds_probe.watch.caller import Caller
from imds_probe.watch.connection import Call, TokenAnswer

CLIENTS_MAX = 4000
# So long after a token request was lost, a request without one is the fallback from it: time-outs are shorter.
NEAR_S = 30.0
WAITING_MAX = 1000  # token requests whose caller is not known yet
OUTCOMES: dict[int, TokenOutcome] = {403: "forbidden", 404: "not-found", 405: "not-found"}
# The AWS SDK for JavaScript v2 gives a token request headers in the place of its own, and so no name: MetadataService.request.
_NAMELESS = "aws-sdk-nodejs/2."
_TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")


class Client(NamedTuple):
    """Who asks: the number of a process, its address, and what it calls itself, which is not kept anywhere else: see _named."""

    pid: int
    address: str
    user_agent: str


class Known(NamedTuple):
    """The last token request of one client; `began` as in Process."""

    began: int | None
    at: float
    answer: TokenAnswer


class Moment(NamedTuple):
    """By both clocks that say when a process began: ticks since boot, and the monotonic clock in seconds."""

    ticks: int
    monotonic_s: float


class TokenRequests:
    """Those of each client's life, as far as it was watched: an SDK that received no token once may not ask for one again. Of
    anybody else, a request without a token is the fallback from a token request only soon after it.
    A token request whose maker is not known may be that of any process with its address and User-Agent.

    Bounded: where there are more clients, those are forgotten that asked longest ago, and what is then not known is said to
    be "unseen".
    """

    def __init__(self, now_ticks: Callable[[], int] | None = None) -> None:
        self._now_ticks = now_ticks or _now_ticks
        self._known: OrderedDict[Client, Known] = OrderedDict()
        self._waiting: dict[str, deque[Call]] = {}  # by address
        self._waiting_count = 0
        self._nobodys: OrderedDict[tuple[str, str], Moment] = OrderedDict()  # by address and User-Agent: until when
        self.lost_some()

    def lost_some(self) -> None:
        """Something was not seen: whoever runs by now may have asked for a token in that time."""
        self._watched_since = self._now()

    def asked(self, call: Call) -> None:
        """A token request, once it is seen: what follows may be handed on before it."""
        if self._waiting_count >= WAITING_MAX:
            self.lost_some()
            return
        self._waiting.setdefault(call.connection.client, deque()).append(call)
        self._waiting_count += 1

    def of(self, call: Call, caller: Caller | None) -> None:
        """Who made a token request, once that is known; None where it never will be."""
        waiting = self._waiting.get(call.connection.client)
        if waiting is not None and call in waiting:
            waiting.remove(call)
            self._waiting_count -= 1
            if not waiting:
                del self._waiting[call.connection.client]
        if caller is not None and call.token is not None:
            self._note(call, caller, call.token)
        elif call.token is not None:
            key = (call.connection.client, _named(call))
            self._nobodys[key] = self._now()
            self._nobodys.move_to_end(key)
            if len(self._nobodys) > CLIENTS_MAX:
                self._nobodys.popitem(last=False)
                self.lost_some()

    def _note(self, call: Call, caller: Caller, answer: TokenAnswer) -> None:
        pid, began = caller.client
        client = Client(pid, call.connection.client, _named(call))
        known = self._known.get(client)
        if known is not None and known.at > call.at and _is_same(known.began, began):
            return
        self._known[client] = Known(began, call.at, answer)
        self._known.move_to_end(client)
        if len(self._known) > CLIENTS_MAX:
            self._known.popitem(last=False)
            self.lost_some()

    def before(self, call: Call, caller: Caller | None, maker: Callable[[Call], Caller | None]) -> Before:
        """What came of the last token request that the caller made before this one. `maker` says who made a token request, as
        far as that is known already.
        """
        if caller is None:
            return UNSEEN
        is_nobodys = False
        for asked in tuple(self._waiting.get(call.connection.client, ())):
            if asked.at >= call.at or asked.token is None:
                continue
            made = maker(asked)
            if made is not None:
                self._note(asked, made, asked.token)
            elif _named(asked) == _named(call):
                is_nobodys = True
        # A shell becomes the last of what it starts: then its own number is the one that asked.
        known = [self._last_of(call, process) for process in {caller.client, (caller.pid, caller.started)}]
        latest = max((each for each in known if each is not None), key=lambda each: each.at, default=None)
        if latest is not None:
            found = outcome(latest.answer)
            is_far = found == "lost" and call.at - latest.at > NEAR_S and not _asks_once(call, caller)
            return Before("lost-before" if is_far else found, latest.answer.ttl)
        nobodys = self._nobodys.get((call.connection.client, _named(call)))
        if (
            is_nobodys
            or not _began_after(caller, self._watched_since)
            or (nobodys and not _began_after(caller, nobodys))
        ):
            return UNSEEN
        return NONE

    def _last_of(self, call: Call, process: Process) -> Known | None:
        """The last token request of a process before a call."""
        known = self._known.get(Client(process[0], call.connection.client, _named(call)))
        return known if known is not None and known.at < call.at and _is_same(known.began, process[1]) else None

    def _now(self) -> Moment:
        return Moment(self._now_ticks(), time.monotonic())


class Before(NamedTuple):
    """`ttl` is what the answer came to this host with, None where none did."""

    outcome: TokenOutcome
    ttl: int | None = None


NONE, UNSEEN = Before("none"), Before("unseen")


def outcome(answer: TokenAnswer) -> TokenOutcome:
    """In a word."""
    if answer.status is None:
        return "unanswered"
    if answer.status == 200:
        return "answered" if answer.arrived else "lost"
    return OUTCOMES.get(answer.status, "other")


def _named(call: Call) -> str:
    """What a client calls itself in all of its requests."""
    name = call.request.user_agent
    return "" if name.startswith(_NAMELESS) else name


def _asks_once(call: Call, caller: Caller) -> bool:
    return asks_once(call.request.user_agent, caller.exe or caller.comm or "", path_class(call.request.path))


def _began_after(caller: Caller, moment: Moment) -> bool:
    """Whether all of its life comes after that."""
    began = caller.client[1]
    return began >= moment.ticks if began is not None else caller.noted_s > moment.monotonic_s


def _is_same(began: int | None, other: int | None) -> bool:
    """A process that was looked at too late has no beginning any more."""
    return began is None or other is None or began == other


def _now_ticks() -> int:
    return int(time.clock_gettime(time.CLOCK_BOOTTIME) * _TICKS_A_SECOND)
