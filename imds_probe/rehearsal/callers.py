"""Who asked during a rehearsal, and what came of it: a process is a caller by itself.

One that was refused and asked again with a token is ready for the switch; one that gave up is not. Another process of the same
program is another caller: that it asks with a token says nothing of the first. A script that asks by curl is one caller, though
each of its requests is made by a process of its own. Each has asked again only where it asked for the same path: one
process may ask by an SDK, and with code of its own besides.
"""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import field, replace
from pathlib import Path
from typing import Literal

from imds_probe.dataclass import dataclass
from imds_probe.inventory.containers.processes import start_ticks
from imds_probe.net.namespaces import socket_in
from imds_probe.rehearsal.connection import Relayed
from imds_probe.system.small_file import read_links
from imds_probe.watch.caller import Caller, caller_of
from imds_probe.watch.owner import ANSWER_WITHIN_S, NETLINK_SOCK_DIAG, answered, question
from imds_probe.watch.refusals import same_path
from imds_probe.watch.standing import Stamps, stamps_of

CALLERS_MAX = 10_000
PROCESSES_MAX = 1_000  # of the target, that are searched for a socket: who has more is not told apart
DESCRIPTORS_MAX = 4_096
PATHS_MAX = 100  # of one caller, that it was refused; with more, it counts as one that gave up on those
MORE = "…"  # stands for those, and is no path
UNKNOWN = "a process that could not be identified"

Outcome = Literal["token", "recovered", "gave-up", "cut-short", "other"]
GIVEN_S = 5.0  # for a caller that was refused to ask again, as SDKs do within a second or two


@dataclass
class Seen:
    """One process, and its requests. `pid` is None for those whose process is not known.

    `caller` is who it was at its first request, with the `stamps` of its program and script then. `missed` are paths that it
    was refused, and not served since.
    """

    pid: int | None
    name: str
    command: str = ""
    refused: int = 0
    tokens: int = 0
    passed: int = 0
    others: int = 0
    missed: set[str] = field(default_factory=set, repr=False)
    missed_since: float = field(default=0.0, repr=False, compare=False)  # of time.monotonic
    cut_short: bool = field(default=False, repr=False)  # the rehearsal ended before it could ask again
    unled: bool = field(default=False, repr=False)  # its requests went to the service directly from some time on
    caller: Caller | None = field(default=None, repr=False)
    stamps: Stamps = field(default=Stamps(), repr=False)
    container: str | None = None  # what people call the one that it is in, where all of a host is rehearsed

    @property
    def outcome(self) -> Outcome:
        """token: never asked without one. recovered: refused, and served with a token after that. gave-up: not. cut-short: not, for
        want of time.
        """
        if self.missed:
            return "cut-short" if self.cut_short else "gave-up"
        if self.refused:
            return "recovered"
        return "token" if self.passed or self.tokens else "other"

    def lead_no_more(self) -> None:
        """Its requests go to the service directly from now on: what it has not done by now is not known of it."""
        self.unled = True
        if self.missed and time.monotonic() - self.missed_since < GIVEN_S:
            self.cut_short = True

    def refuse(self, path: str) -> None:
        """It asked for this without a token."""
        self.refused += 1
        if not self.missed:
            self.missed_since = time.monotonic()
        self.missed.add(same_path(path) if len(self.missed) < PATHS_MAX else MORE)

    def serve(self, path: str) -> None:
        """It asked for this with a token."""
        self.passed += 1
        self.missed.discard(same_path(path))


@dataclass(frozen=True)
class Totals:
    """Requests of all."""

    refused: int
    tokens: int
    passed: int
    others: int


def totals(seen: Iterable[Seen]) -> Totals:
    """The sums over these."""
    seen = list(seen)
    return Totals(
        sum(each.refused for each in seen),
        sum(each.tokens for each in seen),
        sum(each.passed for each in seen),
        sum(each.others for each in seen),
    )


def end_short(
    seen: Iterable[Seen],
    proc: Path = Path("/proc"),
    given_s: float = GIVEN_S,
    *,
    lapses: Sequence[tuple[float, float]] = (),
) -> None:
    """Mark those that were refused for the first time just before now, and might still ask with a token. One that was
    refused once, just before one of the rehearsal's `lapses` or in it, may have asked the service itself then.
    """
    now = time.monotonic()
    for each in seen:
        near = any(began - given_s < each.missed_since < ended for began, ended in lapses)
        if near and each.missed and each.refused == 1:
            each.cut_short = True
        elif each.caller is not None and each.missed and now - each.missed_since < given_s:
            pid, started = each.caller.client
            each.cut_short = started is not None and start_ticks(proc, pid) == started


class Callers:
    """`members` names the processes of the target, `netns` the network namespace that they call from.

    `met`, `noted` and `over` are for the relay's thread, the rest for any.
    """

    def __init__(
        self,
        service: dict[socket.AddressFamily, tuple[str, int]],
        members: Callable[[], Iterable[int]],
        proc: Path = Path("/proc"),
        netns: int | None = None,
    ) -> None:
        self._service, self._members, self._proc = service, members, proc
        how = (socket.AF_NETLINK, socket.SOCK_DGRAM, NETLINK_SOCK_DIAG)
        self._asking = socket.socket(*how) if netns is None else socket_in(netns, *how)
        self._asking.settimeout(ANSWER_WITHIN_S)
        self._lock = threading.Lock()
        self._seen: dict[tuple[int, int | None] | None, Seen] = {}
        own = caller_of(proc, os.getpid())
        self._own_script = own.script if own is not None else None
        self._waiting: dict[tuple[socket.AddressFamily, tuple[str, int]], Seen] = {}

    def met(self, family: socket.AddressFamily, peer: tuple[str, int]) -> None:
        """A connection whose caller is there: afterwards nobody could say whose it was."""
        seen = self._of(self._holder(family, peer))
        with self._lock:
            self._waiting[family, peer] = seen

    def noted(self, relayed: Relayed) -> None:
        """What came of a connection that was met."""
        with self._lock:
            seen = self._waiting.get((relayed.family, relayed.peer))
        if seen is None:
            return
        with self._lock:
            match relayed.what:
                case "refused":
                    seen.refuse(relayed.path)
                case "token":
                    seen.tokens += 1
                case "passed":
                    seen.serve(relayed.path)
                case _:
                    seen.others += 1

    def over(self, family: socket.AddressFamily, peer: tuple[str, int]) -> None:
        """A connection has ended, whether or not anything was asked on it."""
        with self._lock:
            self._waiting.pop((family, peer), None)

    def all(self) -> list[Seen]:
        """Those that asked, the first first."""
        with self._lock:
            return [each for each in self._seen.values() if each.refused + each.tokens + each.passed + each.others]

    def totals(self) -> Totals:
        return totals(self.all())

    def close(self) -> None:
        self._asking.close()

    def _of(self, pid: int | None) -> Seen:
        key = None if pid is None else (pid, start_ticks(self._proc, pid))
        with self._lock:
            if key in self._seen:
                return self._seen[key]
        caller = caller_of(self._proc, key[0]) if key is not None else None
        if caller is not None and caller.script is not None and caller.script == self._own_script:
            # It was started for the rehearsal, by us.
            acts_for = None if caller.client[0] == os.getpid() else caller.acts_for
            caller = replace(caller, script=None, started_by=None, acts_for=acts_for)
        if caller is not None:
            key = caller.client
        with self._lock:
            if key not in self._seen and len(self._seen) >= CALLERS_MAX:
                key, caller = None, None
            if key in self._seen:
                return self._seen[key]
        made = self._made(key, caller)
        with self._lock:
            return self._seen.setdefault(key, made)

    def _made(self, key: tuple[int, int | None] | None, caller: Caller | None) -> Seen:
        if caller is None or key is None:
            return Seen(key[0] if key else None, UNKNOWN)
        of_script = caller.pid != key[0]
        name = caller.script or caller.comm if of_script else caller.comm
        stamps = stamps_of(self._proc, caller)
        return Seen(key[0], name, caller.command, caller=caller, stamps=stamps)

    def _holder(self, family: socket.AddressFamily, peer: tuple[str, int]) -> int | None:
        """The newest process first: what was just started is what is just calling."""
        found = answered(self._asking, question(*peer, *self._service[family]))
        if found is None:
            return None
        wanted = f"socket:[{found.inode}]"
        for pid in sorted(self._members(), reverse=True)[:PROCESSES_MAX]:
            try:
                if wanted in read_links(self._proc / str(pid) / "fd", DESCRIPTORS_MAX):
                    return pid
            except OSError:
                continue
        return None
