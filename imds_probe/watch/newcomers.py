"""Waking up for who is new alone: the kernel leaves out those that are expected to call, by their threads.

Looking who connects again and again costs more than all the calls that are seen, where the same few call all the time.
"""

from __future__ import annotations

import contextlib
import select
import time
from collections.abc import Callable, Collection, Mapping

from imds_probe.watch.caller import Caller
from imds_probe.watch.tracepoint import EVENT, SYN_SENT
from imds_probe.watch.tracing import NotToBeHad, Tracing

RUN = "events/sched/sched_process_exec"
SIZE_KB = 16  # it says that there is somebody, and the tracepoint who
EXPECTED_MAX = 128  # a filter has 4,096 bytes at most
NOBODY = "common_pid==0"
# Who has called for so long is expected, and is not any more so long after the last call. That is found out so often.
REGULAR_S, LEFT_S, AGAIN_S = 2.0, 5.0, 1.0
CALLING_MAX = 5000


class Newcomers:
    """Whoever connects and is not expected, and whoever of those that are expected executes another program, while this is open.
    `connects` is a filter for connections to the service, `number` tells those of one process apart. Raises NotToBeHad.
    """

    def __init__(self, connects: str, number: int) -> None:
        self._connects = f"{connects} && newstate=={SYN_SENT}"
        self.expected: frozenset[int] = frozenset()
        self._tracing = Tracing(number, {EVENT: NOBODY, RUN: NOBODY}, SIZE_KB)
        self.instance = self._tracing.instance
        with contextlib.suppress(OSError):  # wake us for each, where the kernel can: since 5.0
            (self.instance / "buffer_percent").write_text("0")
        self._poll = select.poll()
        for fd in self._tracing.filenos():
            self._poll.register(fd, select.POLLIN)

    def expect(self, threads: Collection[int], processes: Collection[int]) -> None:
        """These threads call; of them, these have the number of their process, which another program would have, too. Raises
        NotToBeHad.
        """
        executes = " || ".join(f"common_pid=={pid}" for pid in sorted(processes)) or NOBODY
        connects = self._connects + "".join(f" && common_pid!={tid}" for tid in sorted(threads)) if threads else NOBODY
        try:
            (self.instance / RUN / "filter").write_text(executes)
            (self.instance / EVENT / "filter").write_text(connects)
        except OSError as error:
            raise NotToBeHad(f"the kernel takes no such filter: {error.strerror}") from None
        self.expected = frozenset(threads)

    def come(self, timeout_s: float) -> bool:
        """Whether there is one, after waiting for the first at most so long."""
        return bool(self._poll.poll(timeout_s * 1000))

    def executed(self) -> list[tuple[int, int]]:
        """Who of those that are expected has executed a program, and when, in nanoseconds of the monotonic clock. Who connects is
        taken for seen.
        """
        return [(each.tid, each.at) for each in self._tracing.firings() if each.event == RUN]

    def close(self) -> None:
        """Switch it off."""
        self._tracing.close()


class Regulars:
    """Who calls again and again, so that only others need to be noticed at once. `begin` is called once there is somebody."""

    def __init__(self, begin: Callable[[], Newcomers]) -> None:
        self._begin = begin
        self._newcomers: Newcomers | None = None
        # By thread: since when it has called, when it called last, and whether it is the first one of its process.
        self._calling: dict[int, tuple[float, float, bool]] = {}
        self._next_at, self._is_possible = 0.0, True

    def called(self, callers: Mapping[int, Caller]) -> None:
        """These threads have called since, and belong to these processes."""
        now, calling = time.monotonic(), self._calling
        for tid, caller in callers.items():
            known = calling.get(tid)
            calling[tid] = known[0] if known is not None else now, now, tid == caller.pid
        if now >= self._next_at and self._is_possible:
            self._next_at = now + AGAIN_S
            self._find_out(now)

    def _find_out(self, now: float) -> None:
        kept = {tid: each for tid, each in self._calling.items() if now - each[1] < LEFT_S}
        self._calling = kept if len(kept) <= CALLING_MAX else {}
        regular = {tid: each[2] for tid, each in self._calling.items() if each[1] - each[0] >= REGULAR_S}
        if len(regular) > EXPECTED_MAX:
            regular = {}
        if regular.keys() == (self._newcomers.expected if self._newcomers else set()):
            return
        try:
            self._newcomers = self._newcomers or self._begin()
            self._newcomers.expect(regular, [tid for tid, is_process in regular.items() if is_process])
        except NotToBeHad:  # then all are looked at, again and again
            self.close()

    @property
    def are_known(self) -> bool:
        """Whether others are noticed when they come."""
        return self._newcomers is not None and bool(self._newcomers.expected)

    def others_come(self, timeout_s: float) -> bool:
        """Whether somebody else calls, or one of them executes a program, after waiting for that at most so long."""
        return self._newcomers is not None and self._newcomers.come(timeout_s)

    def executed(self) -> list[tuple[int, int]]:
        """As Newcomers has it: whoever has come by now is noticed with that."""
        return self._newcomers.executed() if self._newcomers is not None else []

    def close(self) -> None:
        """Nobody is expected any more."""
        self._is_possible = False
        if self._newcomers is not None:
            self._newcomers.close()
            self._newcomers = None
