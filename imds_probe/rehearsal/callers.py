"""Who asked during a rehearsal, and what came of it: a process is a caller by itself.

One that was refused and asked again with a token is ready for the switch; one that gave up is not. Another process of the same
program is another caller: that it asks with a token says nothing of the first.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterable
from dataclasses import field
from pathlib import Path
from typing import Literal

from imds_probe.dataclass import dataclass
from imds_probe.inventory.containers.processes import start_ticks
from imds_probe.net.namespaces import socket_in
from imds_probe.rehearsal.connection import Relayed
from imds_probe.system.small_file import read_links
from imds_probe.watch.caller import caller_of
from imds_probe.watch.owner import ANSWER_WITHIN_S, NETLINK_SOCK_DIAG, answered, question

CALLERS_MAX = 10_000
PROCESSES_MAX = 1_000  # of the target, that are searched for a socket: who has more is not told apart
DESCRIPTORS_MAX = 4_096
UNKNOWN = "a process that could not be identified"

Outcome = Literal["token", "recovered", "gave-up", "other"]


@dataclass
class Seen:
    """One process, and its requests. `pid` is None for those whose process is not known."""

    pid: int | None
    name: str
    command: str = ""
    refused: int = 0
    tokens: int = 0
    passed: int = 0
    others: int = 0
    waits: bool = field(default=False, repr=False)  # refused, and not served since

    @property
    def outcome(self) -> Outcome:
        """token: never asked without one. recovered: refused, and served with a token after that. gave-up: not."""
        if self.waits:
            return "gave-up"
        if self.refused:
            return "recovered"
        return "token" if self.passed or self.tokens else "other"


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
                    seen.refused += 1
                    seen.waits = True
                case "token":
                    seen.tokens += 1
                case "passed":
                    seen.passed += 1
                    seen.waits = False
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
            if key is not None and key not in self._seen and len(self._seen) >= CALLERS_MAX:
                key = None
            if key in self._seen:
                return self._seen[key]
        caller = caller_of(self._proc, key[0]) if key is not None else None
        made = Seen(caller.pid, caller.comm, caller.command) if caller else Seen(key[0] if key else None, UNKNOWN)
        with self._lock:
            return self._seen.setdefault(key, made)

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
