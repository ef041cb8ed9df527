"""Who connects, looked at while calls are left to come in: as long as all of them are known already, what they ask for can wait.

Where it can, calls are read many at a time: each time we begin with empty caches of the CPU, which costs more than ten calls do.
Who connects is looked at more often, as a new caller may end at once.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

from imds_probe.watch.caller import Caller
from imds_probe.watch.callers import Callers
from imds_probe.watch.connects import Connects
from imds_probe.watch.ring import Ring
from imds_probe.watch.segments import sent_on
from imds_probe.watch.tracepoint import Connect, Tracepoint

LOOKED_AT_WITHIN_S, TOGETHER_S, TOGETHER_MAX = 0.05, 0.5, 100


class Glances:
    """Those since connects were read last. Without a tracepoint there is nothing to see: then nobody is known."""

    def __init__(
        self,
        tracepoint: Tracepoint | None,
        processes: Callers,
        connects: Connects,
        rings: Callable[[], Iterable[Ring]],
        port: int,
    ) -> None:
        self._tracepoint, self._processes, self._connects, self._rings = tracepoint, processes, connects, rings
        self._port, self._last_at = port, 0.0
        # Of each glance, what it saw: when it was, on the monotonic clock in nanoseconds, and who they are.
        self._seen: list[tuple[int, dict[int, Caller]]] = []
        self._threads: dict[int, Caller] = {}  # those that were known at one of the glances
        self._ports: set[tuple[int, bytes]] = set()

    def let_come(self, timeout_s: float) -> float:
        """Wait while those that are known call, at most so long, and look at who connects meanwhile. How long that was. It ends
        where somebody new calls, where nobody does, and where there is enough to read.
        """
        began = time.monotonic()
        until = began + max(0.0, min(timeout_s, TOGETHER_S))
        while (left := until - time.monotonic()) > LOOKED_AT_WITHIN_S:
            time.sleep(LOOKED_AT_WITHIN_S)
            if not self._are_known() or self._has_to_be_read():
                return time.monotonic() - began
        time.sleep(max(0.0, left))
        return time.monotonic() - began

    def _are_known(self) -> bool:
        """Whether somebody connected since, and all who did are known already, so that what they ask for can wait."""
        if self._tracepoint is None:
            return False
        self._last_at = time.time()
        glance, callers = self._tracepoint.glance(), dict[int, Caller]()
        self._seen.append((glance.until, callers))
        self._ports |= glance.made
        for tid in glance.threads:
            caller = self._threads.get(tid) or self._processes.known(tid)
            if caller is None:
                return False
            callers[tid] = caller
            if caller.pid != tid:  # whoever executes another program does so with the number of its process
                self._threads[tid] = caller
        return bool(glance.threads) and len(self._ports) < TOGETHER_MAX

    def _has_to_be_read(self) -> bool:
        """Whether there is much in a ring, or something of a connection that was not traced: only a look at its owner will say
        who that is, as long as he runs.
        """
        made = self._ports
        for ring in self._rings():
            for data in ring.ahead(self._last_at):
                ends = sent_on(data, self._port)
                if ends is not None and ends not in made and not self._connects.has(*ends):
                    return True
            if ring.is_filling:
                return True
        return False

    def caller_of(self, connect: Connect) -> Caller:
        """As it was when it connected, or soon after."""
        for until, callers in self._seen:
            if connect.at <= until and connect.tid in callers:
                return callers[connect.tid]
        return self._processes.caller(connect.tid)

    def clear(self) -> None:
        """The connects that they saw have been read."""
        self._seen.clear()
        self._threads.clear()
        self._ports.clear()
