"""How far each network namespace is from the metadata service, and whether a token really arrives there.

Distance is the TTL of the SYN-ACK on the instance less the one seen there: it counts hops whatever becomes of the
answer, so the hop limit that is needed is known also where the present one is too low.

A TTL is what somebody wrote. So a distance counts only where the host saw that connection reach the service, and the
service's answer come in; or, where a namespace has an interface of its own that leads past the host, where it came in there.
"""

from __future__ import annotations

import contextlib
import functools
import socket
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import field, replace
from pathlib import Path

from imds_probe.collect import reaches
from imds_probe.collect.reaches import Reference
from imds_probe.dataclass import dataclass
from imds_probe.facts.containers import Hop, Reach
from imds_probe.imds.client import MetadataClient, RequestCounter
from imds_probe.imds.endpoints import Endpoint
from imds_probe.imds.exchange import Attempt, Way
from imds_probe.imds.pace import Pacer
from imds_probe.imds.parallel import put_tokens
from imds_probe.imds.replies import EC2_SERVER, Outcome
from imds_probe.net.namespaces import NamespaceError, socket_in
from imds_probe.net.topology import Topology
from imds_probe.net.witness import Witness

# What the run asked for just before counts within the same second: with FIN and ACKs, a request takes six packets.
PACKETS_PER_EARLIER_REQUEST = 6
# A run must not end at its limit with all its time spent here.
SHARE_OF_TIME = 0.8
USERS_MAX = 32  # namespaces of users that are measured: anybody can make thousands
PLACE_MAX = 40  # characters: a way is drawn in one line
OWN_UPLINKS_MAX = 128  # more than a machine has interfaces to give away; each takes a tap


@dataclass
class MeasuredDistances:
    """What came of it, by the inode of the namespace. What was not measured stands in `gone` or in `not_measured`."""

    host: tuple[Reach, ...] = ()
    reach: dict[int, tuple[Reach, ...]] = field(default_factory=dict)
    gone: set[int] = field(default_factory=set)
    not_measured: dict[int, str] = field(default_factory=dict)


def pacer_after(counter: RequestCounter) -> Pacer:
    """A pacer that counts the requests made up to now, as they are of the same second."""
    pacer = Pacer()
    pacer.spend(PACKETS_PER_EARLIER_REQUEST * (counter.imdsv1 + counter.imdsv2), time.monotonic())
    return pacer


def measure(
    host: tuple[Path, int],
    others: Sequence[tuple[Path, int]],
    endpoints: Sequence[Endpoint],
    *,
    hop_limit: int | None,
    deadline: float,
    counter: RequestCounter,
    pacer: Pacer | None = None,
    users: Collection[int] = (),
    names: Mapping[int, str] | None = None,
) -> MeasuredDistances:
    """Ask for a token from every namespace, given as a path and the inode to expect there, at every address.

    The instance itself is asked first: what it sees is what the others are measured against. `hop_limit` is used where
    the instance's own answer does not show it. `pacer` is one that knows what was sent before, see `pacer_after`. `users`
    are the inodes of namespaces that users made: they come last, and only some of them. `names` says what people call the
    namespaces that a way leads through.
    """
    deadline = time.monotonic() + (deadline - time.monotonic()) * SHARE_OF_TIME
    with contextlib.ExitStack() as opened:
        measuring = _Measuring(
            host,
            others,
            endpoints,
            users=users,
            opened=opened,
            pacer=pacer or Pacer(),
            deadline=deadline,
            counter=counter,
        )
        measuring.ask_host(hop_limit)
        if not measuring.measured.host:
            return measuring.measured
        measuring.ask_root([way for way in others if way[1] not in users], names or {})
        measuring.ask_users([way for way in others if way[1] in users])
        return measuring.measured


class _Measuring:
    """One measurement, step by step. What it opens is closed by `opened`."""

    def __init__(
        self,
        host: tuple[Path, int],
        others: Sequence[tuple[Path, int]],
        endpoints: Sequence[Endpoint],
        *,
        users: Collection[int],
        opened: contextlib.ExitStack,
        pacer: Pacer,
        deadline: float,
        counter: RequestCounter,
    ) -> None:
        self.measured = MeasuredDistances()
        self._host, self._endpoints, self._users = host, endpoints, frozenset(users)
        self._paths = {inode: path for path, inode in others}
        self._opened, self._pacer, self._deadline, self._counter = opened, pacer, deadline, counter
        self._topology = opened.enter_context(Topology({host[1]: host[0], **self._paths}))
        self._references: dict[Endpoint, Reference] = {}
        self._witnesses: list[Witness] = []
        self._unseen = ""  # why nobody could look

    def ask_host(self, hop_limit: int | None) -> None:
        """The instance itself, and by which interfaces the service's answers come in there."""
        trouble = self._look(self._host[0])
        self._unseen = f"the host's packets could not be captured: {trouble}" if trouble else ""
        asked = self._put([Way(*self._host, endpoint) for endpoint in self._endpoints])
        inode = self._host[1]
        own = {link.name for link in self._topology.links(inode) if link.loopback}
        for endpoint, origin in zip(self._endpoints, asked, strict=True):
            if origin.outcome:
                relayed = not self._unseen and reaches.connected(origin) and not self._seen_at(origin) - own
                # The number as it was captured is nearer to the truth than what rules on TTLs have left of it.
                limit = hop_limit if relayed else hop_limit or _limit(origin)
                self._references[endpoint] = Reference(endpoint, origin, limit, relayed)
        self.measured.host = tuple(reaches.of_host(each) for each in self._references.values())
        if not self.measured.host:
            trouble = asked[0].detail if asked else "the host itself cannot reach the service"
            self.measured.not_measured = dict.fromkeys(self._paths, trouble)
            return
        arrived = {name for witness in self._witnesses for each in asked for name in witness.interfaces(each.handshake)}
        leading = {link.index for link in self._topology.links(inode) if link.name in arrived and not link.loopback}
        for witness in self._witnesses:
            witness.only(leading | {link.index for link in self._topology.uplinks(inode)})

    def ask_root(self, others: Sequence[tuple[Path, int]], names: Mapping[int, str]) -> None:
        """The namespaces that root made. Where the host saw nothing of a connection, and the way leads past the host, it is
        tried once more with a look there.
        """
        ways = [Way(path, inode, endpoint) for path, inode in others for endpoint in self._references]
        attempts = dict(zip(ways, self._put(ways), strict=True))
        again = self._look_past_host([way for way in ways if not self._is_settled(attempts[way])])
        attempts |= {way: new for way, new in zip(again, self._put(again), strict=True) if new.outcome}
        reached: dict[Way, Reach] = {}
        for way, attempt in attempts.items():
            if self._is_measured(way, attempt):
                reference = self._references[way.endpoint]
                drawn = self._way(way, names) if reaches.connected(attempt) else ()
                seen = self._is_seen(attempt)
                reached[way] = reaches.of_root(reference, attempt, seen=seen, unseen=self._unseen, way=drawn)
        known = self._known_tokens({way: attempts[way] for way, reach in reached.items() if _is_proxys(reach)})
        for way, reach in reached.items():
            self._add(way, reaches.confirmed(reach, by_service=known.get(way)))

    def ask_users(self, others: Sequence[tuple[Path, int]]) -> None:
        """The namespaces that users made, with what time is left."""
        for _, inode in others[USERS_MAX:]:
            self.measured.not_measured[inode] = f"at most {USERS_MAX} networks made by users are tested"
        ways = [Way(path, inode, endpoint) for path, inode in others[:USERS_MAX] for endpoint in self._references]
        for way, attempt in zip(ways, self._put(ways), strict=True):
            if self._is_measured(way, attempt):
                reference = self._references[way.endpoint]
                self._add(way, reaches.of_user(reference, attempt, seen=self._is_seen(attempt)))

    def _known_tokens(self, proxied: Mapping[Way, Attempt]) -> dict[Way, bool | None]:
        """Whether the service knows the tokens that come on these ways, where proxies gave some. It is asked from the host, and
        only where it answers the host itself.
        """
        ways = [way for way in proxied if self._references[way.endpoint].is_the_services]
        known: dict[Way, bool | None] = {}
        for way, held in zip(ways, self._put([replace(way, hold=True) for way in ways]), strict=True):
            wait_s = self._pacer.wait_s(time.monotonic())
            if held.token is None or held.server != proxied[way].server or time.monotonic() + wait_s >= self._deadline:
                continue
            time.sleep(max(0.0, wait_s))
            client = MetadataClient(
                way.endpoint,
                deadline=self._deadline,
                counter=self._counter,
                make_socket=functools.partial(socket_in, self._host[0], kind=socket.SOCK_STREAM),
            )
            with contextlib.suppress(NamespaceError):
                known[way] = client.knows(held.token)
            self._pacer.spend(PACKETS_PER_EARLIER_REQUEST, time.monotonic())
        return known

    def _put(self, ways: Sequence[Way]) -> list[Attempt]:
        attempts = put_tokens(
            ways,
            origins={endpoint: each.origin for endpoint, each in self._references.items()},
            pacer=self._pacer,
            deadline=self._deadline,
            counter=self._counter,
            on_turn=self._drain,
        )
        if sum(witness.dropped() for witness in self._witnesses):
            self._unseen = "more packets came from the service than could be inspected"
        return attempts

    def _drain(self) -> None:
        for witness in self._witnesses:
            witness.drain()

    def _look(self, netns: Path, interfaces: Collection[int] | None = None) -> str:
        """Listen in one more namespace; returns what kept us from it."""
        services = [(endpoint.address, endpoint.port) for endpoint in self._endpoints]
        try:
            self._witnesses.append(self._opened.enter_context(Witness(netns, services, interfaces)))
        except NamespaceError as trouble:
            return trouble.problem
        except OSError as error:
            return error.strerror or str(error)
        return ""

    def _look_past_host(self, ways: Sequence[Way]) -> list[Way]:
        """Listen where these ways leave by another namespace's uplink; returns those that do."""
        found: list[Way] = []
        looking: dict[int, bool] = {}
        for way in ways:
            steps = self._topology.way(way.inode, way.endpoint.address, self._host[1])
            inode = steps[-1].inode if steps else self._host[1]
            if inode not in self._paths or inode in self._users:
                continue
            if inode not in looking and len(looking) < OWN_UPLINKS_MAX:
                uplinks = [link.index for link in self._topology.uplinks(inode)]
                looking[inode] = not self._look(self._paths[inode], uplinks)
            if looking.get(inode):
                found.append(way)
        return found

    def _way(self, way: Way, names: Mapping[int, str]) -> tuple[Hop, ...]:
        return tuple(
            Hop(names.get(step.inode, str(step.inode))[:PLACE_MAX], step.incoming, step.outgoing)
            for step in self._topology.way(way.inode, way.endpoint.address, self._host[1])
        )

    def _seen_at(self, attempt: Attempt) -> frozenset[str]:
        """The interfaces by which the service's answer to the start of this connection came in."""
        return frozenset[str]().union(*(witness.interfaces(attempt.handshake) for witness in self._witnesses))

    def _is_seen(self, attempt: Attempt) -> bool:
        return bool(self._seen_at(attempt))

    def _is_settled(self, attempt: Attempt) -> bool:
        """Whether nothing is left to ask: the connection was seen, or there was none, or nobody can look."""
        return bool(self._unseen) or not reaches.connected(attempt) or self._is_seen(attempt)

    def _is_measured(self, way: Way, attempt: Attempt) -> bool:
        """Whether there is something to say of this address; what there is none of is noted."""
        if attempt.gone:
            self.measured.gone.add(way.inode)
        elif attempt.outcome is None:
            self.measured.not_measured[way.inode] = attempt.detail
        # A missing route matters at the first address only.
        return attempt.outcome is not None and (
            way.endpoint is self._endpoints[0] or attempt.outcome is not Outcome.UNREACHABLE
        )

    def _add(self, way: Way, reach: Reach) -> None:
        self.measured.reach[way.inode] = (*self.measured.reach.get(way.inode, ()), reach)


def _is_proxys(reach: Reach) -> bool:
    """Whether a proxy gave a token there."""
    return reach.token == "answered-by-proxy" and reach.status == 200


def _limit(origin: Attempt) -> int | None:
    return origin.answer_ttl if origin.outcome is Outcome.OK and origin.server == EC2_SERVER else None
