"""Who connects, looked at while calls are left to come in: as long as all of them are known already, what they ask for can wait.

Where it can, calls are read many at a time: each time we begin with empty caches of the CPU, which costs more than ten calls do.
Who connects is looked at more often, as a new caller may end at once; or not before the kernel says that somebody new does.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

from imds_probe.watch.caller import Caller
from imds_probe.watch.callers import Callers
from imds_probe.watch.connects import Connects
from imds_probe.watch.newcomers import Newcomers, Regulars
from imds_probe.watch.ring import Ring
from imds_probe.watch.segments import sent_on
from imds_probe.watch.tracepoint import Connect, Tracepoint

LOOKED_AT_WITHIN_S, TOGETHER_S, TOGETHER_MAX = 0.05, 0.5, 100
# After a request on a connection that was not traced there may be more of these: the service closes each after its answer.
UNTRACED_S = 60.0
BEGUN_S = 3.0  # at the beginning, connections may be open that were not traced
KEPT_S = 2.0  # of threads that have called, which process each is of; the process is looked at each time
RESTED_S = 0.25  # where only regulars call, how full the rings are is looked at so seldom, as long as they hardly fill


class Glances:
    """Those since connects were read last. Without a tracepoint there is nothing to see: then nobody is known."""

    def __init__(
        self,
        tracepoint: Tracepoint | None,
        processes: Callers,
        connects: Connects,
        rings: Callable[[], Iterable[Ring]],
        port: int,
        *,
        newcomers: Callable[[], Newcomers],
    ) -> None:
        self._tracepoint, self._processes, self._connects, self._rings = tracepoint, processes, connects, rings
        self._port, self._last_at = port, 0.0
        # Of each glance, what it saw: when it was, on the monotonic clock in nanoseconds, and who they are.
        self._seen: list[tuple[int, dict[int, Caller]]] = []
        self._threads: dict[int, Caller] = {}  # those that were known at one of the glances
        self._ports: set[tuple[int, bytes]] = set()
        self._regulars = Regulars(newcomers)
        self._called: dict[int, Caller] = {}  # who has called since, by thread
        self._all_traced_from = time.monotonic() + BEGUN_S
        self._rested_s = RESTED_S
        self._kept: dict[int, Caller] = {}  # of threads that have called lately, and are not the first of their process
        self._kept_until = 0.0
        self._processes_now: dict[int, Caller | None] = {}

    def let_come(self, timeout_s: float) -> float:
        """Wait while those that are known call, at most so long, and look at who connects meanwhile. How long that was. It ends
        where somebody new calls, where nobody does, and where there is enough to read.
        """
        began = time.monotonic()
        until = began + max(0.0, min(timeout_s, TOGETHER_S))
        if self._rest(until):
            return time.monotonic() - began
        while (left := until - time.monotonic()) > LOOKED_AT_WITHIN_S:
            time.sleep(LOOKED_AT_WITHIN_S)
            if not self._are_known() or self._has_to_be_read():
                return time.monotonic() - began
        time.sleep(max(0.0, left))
        return time.monotonic() - began

    def _rest(self, until: float) -> bool:
        """Wait until then, of the monotonic clock, while nobody calls but those who always do. Whether there is something to read
        then: otherwise there are others, who are all known.
        """
        if not self._regulars.are_known or time.monotonic() < self._all_traced_from:
            return False
        while (left := until - time.monotonic()) > 0:
            if self._regulars.others_come(min(left, self._rested_s)):
                return not self._are_known(nobody=True)
            if any(ring.is_quarter_full for ring in self._rings()):
                self._rested_s = LOOKED_AT_WITHIN_S
                return True
        self._rested_s = RESTED_S
        return True

    def _are_known(self, *, nobody: bool = False) -> bool:
        """Whether somebody connected since, and all who did are known already, so that what they ask for can wait. `nobody`: or
        nobody did.
        """
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
        return (nobody or bool(glance.threads)) and len(self._ports) < TOGETHER_MAX

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
        tid = connect.tid
        for until, callers in self._seen:
            if connect.at <= until and tid in callers:
                caller = callers[tid]
                break
        else:
            caller = self._threads.get(tid) or self._kept_of(tid) or self._processes.caller(tid)
            if caller.pid != tid and caller.exe is not None:
                self._threads[tid] = caller
        self._called[tid] = caller
        return caller

    def _kept_of(self, tid: int) -> Caller | None:
        """The process that a thread belonged to a moment ago, where that one is as it was. Numbers are not used again so soon."""
        kept = self._kept.get(tid)
        if kept is None:
            return None
        if kept.pid not in self._processes_now:
            self._processes_now[kept.pid] = self._processes.known(kept.pid)
        return kept if self._processes_now[kept.pid] is kept else None

    def begin(self) -> None:
        """What has come is about to be read. Who has executed another program since is not taken for what he became."""
        for tid, at in self._regulars.executed():
            before = self._processes.before(tid)
            if before is not None:
                self._seen.insert(0, (at, {tid: before}))

    def untraced(self) -> None:
        """There was a request on a connection that was not traced."""
        self._all_traced_from = time.monotonic() + UNTRACED_S

    def close(self) -> None:
        """What was switched on in the kernel is switched off."""
        self._regulars.close()

    def clear(self) -> None:
        """The connects that they saw have been read."""
        self._regulars.called(self._called)
        now = time.monotonic()
        if now > self._kept_until:
            self._kept, self._kept_until = {}, now + KEPT_S
        self._kept |= self._threads
        self._called.clear()
        self._processes_now.clear()
        self._seen.clear()
        self._threads.clear()
        self._ports.clear()
