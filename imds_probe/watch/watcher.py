"""The watch itself: packets and connects come in, calls with their callers go out."""

from __future__ import annotations

import itertools
import select
import socket
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Literal

from imds_probe.errors import ProbeError
from imds_probe.imds.endpoints import IPV4, IPV6
from imds_probe.kept.metadata_path import kept_path
from imds_probe.kept.shapes import OMITTED
from imds_probe.kept.user_agent import kept_user_agent
from imds_probe.watch.caller import Caller, caller_of
from imds_probe.watch.callers import Callers
from imds_probe.watch.connections import Call, Connection, Connections
from imds_probe.watch.lives import Lives
from imds_probe.watch.owner import Owners
from imds_probe.watch.packet_filter import watch_filter
from imds_probe.watch.requests import METHODS
from imds_probe.watch.ring import Ring
from imds_probe.watch.tracepoint import Connect, Tracepoint
from imds_probe.watch.tracing import NotToBeHad, has_pids_of_its_own

PORT = 80
ANSWER_WITHIN_S = 1.5  # a call is handed on with its status, or after this long without
TRACED_WITHIN_S = 0.5
# Where all that call are known already, their calls are read some at a time, not one by one; a new one may end at once.
TOGETHER_S = 0.05
CONNECTED_MAX = 8000  # connections kept as they were traced
AT_ONCE_S, SENT_AGAIN_S = 0.05, 3.5  # between a connection as it was traced and its first packet that is seen
Version = Literal["v1", "v2"]
How = Literal["tracepoint", "sock_diag", "none"]
LOOKS = 3
_NUMBER = itertools.count()


@dataclass(slots=True)
class _Connected:
    """A connection as it was traced. `local` is the address that its maker has, `at` in seconds since the epoch.

    `found`: it was seen with this address, and is no other's.
    """

    local: str
    at: float
    caller: Caller
    found: bool = False


@dataclass(slots=True)
class SeenCall:
    """One call. `at` is in seconds since the epoch; `version` is v2 for a request with a token or for one.

    Of method, path and User-Agent there is what imds_probe/kept lets through: whoever calls may write anything there.
    `status` is None where no answer was seen. `how` says how the caller is known, "none" where it is not. `relayed`: it
    came in from outside of this host and belongs to no process here.
    """

    at: float
    version: Version
    method: str
    path: str
    user_agent: str
    status: int | None
    family: str
    client: str
    service: str
    caller: Caller | None
    how: How
    relayed: bool
    whole: bool

    @property
    def program(self) -> str:
        """Who called, in a word: the path of the executable as far as it is known."""
        if self.caller is not None:
            return self.caller.exe or self.caller.comm
        return "another host" if self.relayed else "unknown"


class Watcher:
    """Sees every call of this host and of what shares its network or goes out through it, while it is open.

    What comes in on the descriptor `wake` ends waiting, too; whoever gave it reads it. `degraded` says why callers are
    known less surely than they could be; empty where they are known exactly. `full_command_lines`: callers come with all
    their arguments, whatever they are. Raises ProbeError where packets cannot be captured.
    """

    def __init__(
        self,
        proc: Path = Path("/proc"),
        *,
        tracing: bool = True,
        wake: int | None = None,
        full_command_lines: bool = False,
    ) -> None:
        self._proc = proc
        self._connected: dict[tuple[int, str], deque[_Connected]] = {}  # by port and service
        self._connected_keys: deque[tuple[int, str]] = deque()  # of each, the oldest first
        self._pending: deque[Call] = deque()
        self._early: dict[int, tuple[Caller | None, How]] = {}
        addresses = [socket.inet_pton(each.socket_family, each.address) for each in (IPV4, IPV6)]
        self._remotes = {IPV4.address, IPV6.address}
        self._connections = Connections(addresses, PORT, self._called)
        self.degraded = "" if tracing else "the tracepoint is not used, as asked"
        self._tracepoint: Tracepoint | None = None
        self._lives: Lives | None = None
        if tracing and has_pids_of_its_own():
            self.degraded = "the tracepoint counts processes as the host does: run with its PID namespace"
        elif tracing:
            try:
                self._tracepoint = Tracepoint(PORT, next(_NUMBER))
                self._lives = Lives(next(_NUMBER))
            except NotToBeHad as trouble:
                self.degraded = trouble.problem
        self._full = full_command_lines
        self._processes = Callers(proc, self._lives, full_command_lines=full_command_lines)
        self._owners = Owners(proc)
        try:
            self._ring = Ring(watch_filter(IPV4.address, IPV6.address, PORT))
        except OSError as error:
            self.close()
            raise ProbeError(f"packets cannot be captured: {error.strerror}", "Run as root.") from None
        self._poll = select.poll()
        for fd in (self._ring.fileno(), *(self._tracepoint.filenos() if self._tracepoint else ())):
            self._poll.register(fd, select.POLLIN)
        if wake is not None:
            self._poll.register(wake, select.POLLIN)
        self._traced_until = self._epoch_s = 0.0
        self.dropped = 0
        self._in_no_hurry = False

    def calls(self, timeout_s: float) -> Iterator[SeenCall]:
        """The calls that came in, after waiting for the first at most so long. An empty time costs nothing."""
        if self._in_no_hurry:
            time.sleep(min(timeout_s, TOGETHER_S))
        waiting = min(timeout_s, TRACED_WITHIN_S / 2) if self._pending else timeout_s
        self._poll.poll(max(0.0, waiting) * 1000)
        before = self._processes.looked_at
        self._in_no_hurry = self._take_in() > 0 and self._processes.looked_at == before
        yield from self._ready(time.time())

    def rest(self) -> Iterator[SeenCall]:
        """What is still waiting for its answer, at the end."""
        self._take_in()
        self._traced_until = float("inf")
        yield from self._ready(float("inf"))

    def _take_in(self) -> int:
        """Read all there is. How many connections were made since."""
        count = 0
        # Who connects is asked first: a process that lives for milliseconds is still there, and its request comes after.
        self._traced_until = time.time()
        self._epoch_s = epoch_s()
        if self._tracepoint is not None:
            for connect in self._tracepoint.connects():
                if connect.remote in self._remotes:
                    count += 1
                    self._note(connect)
        for packet in self._ring.packets():
            self._connections.packet(packet)
        self.dropped += self._ring.dropped()
        return count

    def _note(self, connect: Connect) -> None:
        caller = self._processes.caller(connect.tid)
        at = connect.at / 1e9 + self._epoch_s
        key = (connect.port, connect.remote)
        self._connected.setdefault(key, deque()).append(_Connected(connect.local, at, caller))
        self._connected_keys.append(key)
        if len(self._connected_keys) > CONNECTED_MAX:
            oldest = self._connected_keys.popleft()
            self._connected[oldest].popleft()
            if not self._connected[oldest]:
                del self._connected[oldest]

    def _traced(self, connection: Connection, *, waited: bool) -> Caller | None:
        """Whoever made this connection. `waited`: what was traced of it has been read by now.

        A port is used again, and in several networks at a time. Behind a NAT that is out of sight, in a container's own
        network, the address is another and the port mostly the same. A SYN that was lost out of sight was sent again.
        """

        def far_off(each: _Connected) -> tuple[bool, bool, float]:
            apart = abs(connection.began - each.at)
            return apart > AT_ONCE_S, each.local != connection.client, apart

        if connection.caller is None:
            traced = self._connected.get((connection.port, connection.service), ())
            made = [each for each in traced if -AT_ONCE_S <= connection.began - each.at <= SENT_AGAIN_S]
            made = [each for each in made if each.local == connection.client or not each.found]
            best = min(made, key=far_off, default=None)
            if best is not None and (waited or far_off(best)[:2] == (False, False)):
                best.found = best.local == connection.client
                connection.caller = best.caller
        return connection.caller

    def _called(self, call: Call) -> None:
        self._pending.append(call)
        if self._tracepoint is None:  # at once, or whoever called has ended
            self._early[id(call)] = self._owner(call)

    def _owner(self, call: Call) -> tuple[Caller | None, How]:
        connection = call.connection
        pid = self._owners.owner(connection.client, connection.port, connection.service, PORT)
        caller = caller_of(self._proc, pid, full_command_line=self._full) if pid is not None else None
        return caller, "sock_diag" if caller else "none"

    def _ready(self, now: float) -> Iterator[SeenCall]:
        """The calls about which no more is to be expected."""
        waiting: deque[Call] = deque()
        while self._pending:
            call = self._pending.popleft()
            age = now - call.at
            # The connect of a request that was just read may not have been: it is on another list, which was read before.
            traced_for = self._traced_until - call.at
            traced = self._tracepoint is None or traced_for > TRACED_WITHIN_S
            traced = traced or self._traced(call.connection, waited=traced_for > TRACED_WITHIN_S / 2) is not None
            if (call.status is not None or age > ANSWER_WITHIN_S) and traced:
                yield self._seen(call)
            else:
                waiting.append(call)
        self._pending = waiting

    def _seen(self, call: Call) -> SeenCall:
        connection, request = call.connection, call.request
        caller, how = self._early.pop(id(call), (None, "none"))
        known = self._traced(connection, waited=True)
        if known is not None:
            caller, how = known, "tracepoint"
        elif how == "none" and self._tracepoint is not None:
            caller, how = self._owner(call)
        return SeenCall(
            at=call.at,
            version="v2" if request.with_token or request.asks_for_token else "v1",
            method=request.method if f"{request.method} ".encode() in METHODS else OMITTED,
            path=kept_path(request.path),
            user_agent=kept_user_agent(request.user_agent),
            status=call.status,
            family=connection.family,
            client=connection.client,
            service=connection.service,
            caller=caller,
            how=how,
            relayed=caller is None and not connection.outgoing and _is_physical(connection.interface),
            whole=request.whole,
        )

    def close(self) -> None:
        """Stop watching; what was switched on in the kernel is switched off."""
        self._owners.close()
        for tracing in (self._tracepoint, self._lives):
            if tracing is not None:
                tracing.close()
        if hasattr(self, "_ring"):
            self._ring.close()

    def __enter__(self) -> Watcher:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def epoch_s() -> float:
    """When the monotonic clock began, in seconds since the epoch: by that of several looks at both clocks that took least, as
    we may have to wait for a CPU in between.
    """
    looks = []
    for _ in range(LOOKS):
        before, now, after = time.monotonic_ns(), time.time_ns(), time.monotonic_ns()
        looks.append(
            (after - before, now - after)
        )  # rather too early: a packet follows its connect, and late ones do too
    return min(looks)[1] / 1e9


def _is_physical(interface: int) -> bool:
    """Whether packets come in here from other hosts: a card has a device, what the kernel made up has none."""
    try:
        return Path(f"/sys/class/net/{socket.if_indextoname(interface)}/device").exists()
    except OSError:
        return False
