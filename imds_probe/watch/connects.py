"""Connections as the kernel noted them when they were made, and which of those that are seen each of them is."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from imds_probe.watch.caller import Caller
from imds_probe.watch.connection import Connection, Sighting
from imds_probe.watch.segments import written
from imds_probe.watch.tracepoint import Connect

CONNECTS_MAX = 4000
# A connection whose first request comes later is open still: its owner is asked for. Of one call a minute, these would be days.
KEPT_S = 3600.0
AT_ONCE_S, SENT_AGAIN_S = 0.05, 3.5  # between a connection as it was traced and its first packet that is seen


@dataclass(slots=True)
class _Traced:
    """A connection as it was traced. `local` is the address that its maker has, `at` in seconds since the epoch.

    `found`: it was seen with this address, and is no other's. `taken`: the connection that it was seen as, by where that
    was seen first and when; `taken_for_sure`: that one is proven.
    """

    local: str
    at: float
    caller: Caller
    found: bool = False
    taken: tuple[Sighting, float] | None = None
    taken_for_sure: bool = False


class Connects:
    """Those traced last. `may_be_of` says whether a socket in a network namespace, with an address there, can have made a
    connection that was seen.
    """

    def __init__(self, may_be_of: Callable[[int | None, str, Connection], bool]) -> None:
        self._may_be_of = may_be_of
        self._traced: dict[tuple[int, str], list[_Traced]] = {}  # by port and service: mostly one each
        self._keys: deque[tuple[tuple[int, str], float]] = deque()  # of each and when it was noted, the oldest first

    def note(self, connect: Connect, at: float, caller: Caller) -> None:
        """One more, which its caller began to make at `at`, in seconds since the epoch."""
        key = (connect.port, connect.remote)
        self._traced.setdefault(key, []).append(_Traced(connect.local, at, caller))
        self._keys.append((key, at))
        while len(self._keys) > CONNECTS_MAX or at - self._keys[0][1] > KEPT_S:
            oldest, _ = self._keys.popleft()
            del self._traced[oldest][0]
            if not self._traced[oldest]:
                del self._traced[oldest]

    def has(self, port: int, service: bytes) -> bool:
        """Whether a connection from this port was traced lately."""
        return (port, written(service)) in self._traced

    def maker(self, connection: Connection, *, waited: bool) -> Caller | None:
        """Whoever made this connection. `waited`: what was traced of it has been read by now.

        A port is used again, and in several networks at a time. Behind a NAT that is out of sight, in a container's own
        network, the address is another and the port mostly the same. A SYN that was lost out of sight was sent again.
        """

        if connection.caller is not None:
            return connection.caller

        def far_off(each: _Traced) -> tuple[bool, bool, float]:
            apart = abs(connection.began - each.at)
            return apart > AT_ONCE_S, each.local != connection.client, apart

        traced = self._traced.get((connection.port, connection.service), ())
        made = [each for each in traced if self._can_be(each, connection)]
        if not made:
            return None
        best = made[0] if len(made) == 1 else min(made, key=far_off)
        if waited or (connection.proven and far_off(best)[:2] == (False, False)):
            best.found, best.taken = best.local == connection.client, _name_of(connection)
            best.taken_for_sure = connection.proven
            connection.caller = best.caller
        return connection.caller

    def _can_be(self, each: _Traced, connection: Connection) -> bool:
        if not -AT_ONCE_S <= connection.began - each.at <= SENT_AGAIN_S:
            return False
        if each.found and each.local != connection.client:
            return False
        return _is_free(each, connection) and self._may_be_of(each.caller.netns, each.local, connection)


def _name_of(connection: Connection) -> tuple[Sighting, float]:
    return connection.sightings[0], connection.began


def _is_free(traced: _Traced, connection: Connection) -> bool:
    """One connect makes one connection, and what is only claimed to be one gives way."""
    if traced.taken is None or traced.taken == _name_of(connection):
        return True
    return connection.proven and not traced.taken_for_sure
