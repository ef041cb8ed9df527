"""The watch itself: packets and connects come in, calls with their callers go out."""

from __future__ import annotations

import itertools
import select
import socket
import time
from collections import deque
from collections.abc import Callable, Iterator
from functools import lru_cache, partial
from pathlib import Path
from types import TracebackType

from imds_probe.errors import ProbeError
from imds_probe.facts.callers import TokenOutcome
from imds_probe.imds.endpoints import IPV4, IPV6
from imds_probe.kept.metadata_path import kept_path
from imds_probe.kept.shapes import OMITTED
from imds_probe.kept.user_agent import kept_user_agent
from imds_probe.watch.apart import Apart
from imds_probe.watch.caller import Caller, caller_of, gone
from imds_probe.watch.callers import Callers
from imds_probe.watch.clocks import epoch_s
from imds_probe.watch.connection import Call
from imds_probe.watch.connections import Connections
from imds_probe.watch.connects import Connects
from imds_probe.watch.glances import Glances
from imds_probe.watch.lives import Lives
from imds_probe.watch.owner import Owners
from imds_probe.watch.packet_filter import watch_filter
from imds_probe.watch.requests import METHODS
from imds_probe.watch.ring import Ring
from imds_probe.watch.seen_call import How, SeenCall, Version
from imds_probe.watch.token_requests import TokenRequests, outcome
from imds_probe.watch.tracepoint import Connect, Tracepoint
from imds_probe.watch.tracing import NotToBeHad, has_pids_of_its_own
from imds_probe.watch.unconfirmed import Sender, Unconfirmed
from imds_probe.watch.ways import Ways
from imds_probe.watch.whereabouts import Whereabouts

PORT = 80
ANSWER_WITHIN_S = 1.5  # a call is handed on with its status, or after this long without
TRACED_WITHIN_S = 0.5
HELD_S = 1.0  # without the tracepoint, so long the next request on a connection may tell whose it is
PASSED_ON_WITHIN_S = 0.3  # the answer to a token request leaves towards the client, or never will
CLAIMED_MAX = 1000  # calls that wait for another witness
LOOKS_AT_OWNERS_MAX = 20  # in one turn, for what may be forged, and once more for what nobody was found for
_NUMBER = itertools.count()
NOBODY = gone(0)
_METHODS = frozenset(each.decode().rstrip() for each in METHODS)
_path, _user_agent = (
    lru_cache(maxsize=256)(kept) for kept in (kept_path, kept_user_agent)
)  # few say the same all the time


class Watcher:
    """Sees every call of this host, of what shares its network or goes out through it, and of other network namespaces that have
    an interface of their own to the outside, while it is open.

    A call counts once the service is known to have been asked: see Connections. `unconfirmed` counts requests by IMDSv1 of
    which that is not known, and of which nobody is accused.

    What comes in on the descriptor `wake` ends waiting, too; whoever gave it reads it. `degraded` says why callers are
    known less surely than they could be; empty where they are known exactly. `unwatched` says of whom calls may be missed and
    why, empty where of nobody. `full_command_lines`: callers come with all their arguments, whatever they are. `met` is told
    at once of who connects: a call comes out once it was answered. Raises ProbeError where packets cannot be captured.
    """

    def __init__(
        self,
        proc: Path = Path("/proc"),
        *,
        tracing: bool = True,
        wake: int | None = None,
        full_command_lines: bool = False,
        met: Callable[[Caller], object] = lambda _: None,
    ) -> None:
        self._proc, self._met = proc, met
        self._pending: deque[Call] = deque()
        self._early: dict[int, tuple[Caller | None, How]] = {}
        addresses = [socket.inet_pton(each.socket_family, each.address) for each in (IPV4, IPV6)]
        self._remotes = {IPV4.address, IPV6.address}
        self._ways = Ways(proc, sorted(self._remotes))
        self._whereabouts = Whereabouts(self._ways)
        self._connects = Connects(self._ways.may_be_of)
        self._token_requests = TokenRequests()
        self._connections = Connections(addresses, PORT, self._ways.lead_to_service, self._called, self._not_confirmed)
        self._unconfirmed = Unconfirmed(self._behind)
        self._claims: set[Call] = set()
        self._looks_at_owners = 0
        self.degraded = "" if tracing else "the tracepoint is not used, as asked"
        self._tracepoint: Tracepoint | None = None
        self._lives: Lives | None = None
        if tracing and has_pids_of_its_own():
            self.degraded = "the tracepoint counts processes as the host does: run with its PID namespace"
        elif tracing:
            try:
                self._tracepoint = Tracepoint(PORT, next(_NUMBER), addresses)
                self._lives = Lives(next(_NUMBER))
            except NotToBeHad as trouble:
                self.degraded = trouble.problem
        self._full = full_command_lines
        self._processes = Callers(proc, self._lives, full_command_lines=full_command_lines)
        self._owners = Owners(proc, self._ways.learn)
        self._poll = select.poll()
        try:
            of_all = partial(watch_filter, IPV4.address, IPV6.address, PORT)
            self._apart = self._ways.apart = Apart(proc, self._ways.home, IPV4.address, of_all, self._poll)
            self._ring = Ring(of_all())
        except OSError as error:
            self.close()
            raise ProbeError(f"packets cannot be captured: {error.strerror}", "Run as root.") from None
        for fd in (self._ring.fileno(), *(self._tracepoint.filenos() if self._tracepoint else ())):
            self._poll.register(fd, select.POLLIN)
        if wake is not None:
            self._poll.register(wake, select.POLLIN)
        self._glances = Glances(self._tracepoint, self._processes, self._connects, self._rings, PORT)
        self._traced_until = self._epoch_s = 0.0
        self.dropped = self._connected = 0
        self._in_no_hurry = False

    def calls(self, timeout_s: float) -> Iterator[SeenCall]:
        """The calls that came in, after waiting for the first at most so long. An empty time costs nothing."""
        looked_at, connected = self._processes.looked_at, self._connected
        if self._in_no_hurry:
            timeout_s -= self._glances.let_come(timeout_s)
        waiting = min(timeout_s, self._apart.due_in_s)
        if self._pending or self._connections.undecided or self._apart.undecided:
            waiting = min(waiting, TRACED_WITHIN_S / 2)
        self._poll.poll(max(0.0, waiting) * 1000)
        self._take_in()
        self._in_no_hurry = self._connected > connected and self._processes.looked_at == looked_at
        yield from self._ready(time.time())

    def rest(self) -> Iterator[SeenCall]:
        """What is still waiting for its answer, at the end."""
        self._take_in()
        self._traced_until = float("inf")
        self._connections.give_up(float("inf"))
        self._take_missed()
        yield from self._ready(float("inf"))

    def _take_in(self) -> None:
        """Read all there is."""
        self._apart.look()
        # Who connects is asked first: a process that lives for milliseconds is still there, and its request comes after.
        self._look()
        self._looks_at_owners = 0
        for packet in self._ring.packets():
            self._connections.packet(packet)
        for packet in self._apart.packets():
            self._connections.packet(packet)
        self._connections.give_up(self._traced_until - ANSWER_WITHIN_S)
        self._take_missed()
        if dropped := self._ring.dropped() + self._apart.dropped():
            self.dropped += dropped
            self._token_requests.lost_some()

    def _take_missed(self) -> None:
        """What was not seen of namespaces that nobody watches, or not yet. Only the tracepoint tells whether there was anything."""
        for each in self._apart.missed(self._traced_until - ANSWER_WITHIN_S, self._is_opening):
            self._unconfirmed.add_unseen(each.caller)
        late, self._apart.late = self._apart.late, 0
        if self._tracepoint is None:
            self.dropped += late + bool(self.unwatched)

    def _is_opening(self, port: int, service: str, at: float) -> bool:
        family = socket.AF_INET6 if ":" in service else socket.AF_INET
        return self._connections.is_opening(port, socket.inet_pton(family, service), at)

    @property
    def unwatched(self) -> str:
        return self._apart.unwatched

    def troubles(self) -> Iterator[str]:
        """What is not seen, or not surely, each in a line."""
        if self.degraded:
            yield f"short-lived callers may stay unknown: {self.degraded}"
        if self.unwatched:
            yield self.unwatched

    def _rings(self) -> Iterator[Ring]:
        yield self._ring
        yield from self._apart.rings()

    def _look(self) -> None:
        """At who has connected since."""
        self._traced_until = time.time()
        self._epoch_s = epoch_s()
        if self._tracepoint is not None:
            for connect in self._tracepoint.connects():
                if connect.remote in self._remotes:
                    self._connected += 1
                    self._note(connect)
        self._glances.clear()

    def _note(self, connect: Connect) -> None:
        caller = self._glances.caller_of(connect)
        self._ways.learn(caller.netns, caller.pid)
        self._met(caller)
        at = connect.at / 1e9 + self._epoch_s
        self._apart.connected(caller, connect.port, connect.remote, at)
        self._connects.note(connect, at, caller)

    def _called(self, call: Call) -> None:
        self._apart.saw(call.connection)
        if not call.connection.proven:
            if len(self._claims) >= CLAIMED_MAX:
                self._not_confirmed(call)
                return
            self._claims.add(call)
        self._pending.append(call)
        if call.token is not None:
            self._token_requests.asked(call)
        if self._tracepoint is None:  # at once, or whoever called has ended
            self._early[id(call)] = caller, _ = self._owner(call)
            if caller is not None:
                self._met(caller)

    def _not_confirmed(self, call: Call) -> None:
        """Nothing shows that this was sent by who it says. Connections that have been open for long have an owner still."""
        self._apart.saw(call.connection)
        if _version(call) == "v2":
            return  # it would change nothing
        caller, how = self._owner(call, call.at) if call.connection.answers is None else (None, "none")
        if caller is not None:
            if call in call.connection.waiting:
                call.connection.waiting.remove(call)  # or a late answer would make it a second one
            self._pending.append(call)
            self._early[id(call)] = caller, how
        else:
            self._unconfirmed.add(call.connection)

    @property
    def unconfirmed(self) -> int:
        """How many requests by IMDSv1 nothing confirmed."""
        return self._unconfirmed.count

    def senders(self) -> list[Sender]:
        """Where they came from, of those since this was asked last."""
        return self._unconfirmed.take()

    def _behind(self, interface: int) -> Caller | None:
        pid = self._ways.whose(interface)
        return caller_of(self._proc, pid) if pid is not None else None

    def _owner(self, call: Call, sent_at: float | None = None, *, again: bool = False) -> tuple[Caller | None, How]:
        connection = call.connection
        if connection.owner is not None and connection.proven and sent_at is None:
            return connection.owner, "sock_diag"  # one connection is one client's
        if not connection.proven or again:
            self._looks_at_owners += 1
            if self._looks_at_owners > LOOKS_AT_OWNERS_MAX:
                return None, "none"
        pid = self._owners.owner(
            connection.client,
            connection.port,
            connection.service,
            PORT,
            may_be_in=lambda netns: self._ways.may_be_of(netns, connection.client, connection),
            sent_at=sent_at,
        )
        caller = caller_of(self._proc, pid, full_command_line=self._full) if pid is not None else None
        connection.owner = caller or connection.owner
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
            traced = (
                traced or self._connects.maker(call.connection, waited=traced_for > TRACED_WITHIN_S / 2) is not None
            )
            held = age < HELD_S and self._may_be_known(call)
            if (_is_answered(call, age) or age > ANSWER_WITHIN_S) and traced and not held:
                yield from self._seen(call)
            else:
                waiting.append(call)
        self._pending = waiting

    def _may_be_known(self, call: Call) -> bool:
        """Whether nobody is known yet who holds the connection open, and its next request may tell. The tracepoint has told."""
        if self._tracepoint is not None or not call.connection.proven or call.connection.owner is not None:
            return False
        return self._early.get(id(call), (None, "none"))[0] is None

    def _seen(self, call: Call) -> Iterator[SeenCall]:
        """The call as it is handed on; none where it is only claimed to be one, and nobody has such a connection."""
        connection = call.connection
        caller, how = self._early.pop(id(call), (None, "none"))
        known = self._connects.maker(connection, waited=True)
        if known is not None:
            caller, how = known, "tracepoint"
        elif how == "none":
            caller, how = self._owner(call, again=self._tracepoint is None)
        self._claims.discard(call)
        if call.token is not None:
            self._token_requests.of(call, caller)
        if caller is None and not connection.proven:
            self._not_confirmed(call)
            return
        yield self._told(call, caller, how)

    def _told(self, call: Call, caller: Caller | None, how: How) -> SeenCall:
        connection, request = call.connection, call.request
        behind = self._whereabouts.behind(connection) if caller is None else None
        inside = caller_of(self._proc, behind) if behind is not None else None
        netns = (caller or inside or NOBODY).netns
        if netns is None and not connection.outgoing:  # it has ended
            netns = self._ways.netns_of(connection.interface)
        token, ttl = self._token_of(call, caller)
        origin = self._whereabouts.origin(connection, caller)
        return SeenCall(
            at=call.at,
            version=_version(call),
            method=request.method if request.method in _METHODS else OMITTED,
            path=_path(request.path),
            user_agent=_user_agent(request.user_agent),
            status=call.status,
            family=connection.family,
            client=connection.client,
            service=connection.service,
            caller=caller,
            how=how,
            relayed=origin == "another-host",
            whole=request.whole,
            outgoing=connection.outgoing,
            token=token,
            token_ttl=ttl,
            distance=connection.distance,
            forwarded=request.forwarded,
            interface=self._whereabouts.interface(connection),
            origin=origin,
            inside=inside,
            netns=netns if netns != self._ways.home else None,
        )

    def _token_of(self, call: Call, caller: Caller | None) -> tuple[TokenOutcome | None, int | None]:
        """What came of the token request that this is, or of the one before it."""
        if call.token is not None:
            return outcome(call.token), call.token.ttl
        if call.request.with_token:
            return None, None
        return self._token_requests.before(call, caller, self._made)

    def _made(self, call: Call) -> Caller | None:
        """Who made a call that is not handed on yet, as far as that is known already."""
        return self._connects.maker(call.connection, waited=True) or self._early.get(id(call), (None, "none"))[0]

    def close(self) -> None:
        """Stop watching; what was switched on in the kernel is switched off."""
        self._owners.close()
        self._ways.close()
        for tracing in (self._tracepoint, self._lives):
            if tracing is not None:
                tracing.close()
        if self._ways.apart is not None:
            self._ways.apart.close()
        if hasattr(self, "_ring"):
            self._ring.close()

    def __enter__(self) -> Watcher:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _version(call: Call) -> Version:
    return "v2" if call.request.with_token or call.request.asks_for_token else "v1"


def _is_answered(call: Call, age_s: float) -> bool:
    """Whether no more is to be expected of the answer."""
    return call.status is not None and (call.token is None or call.token.arrived or age_s > PASSED_ON_WITHIN_S)
