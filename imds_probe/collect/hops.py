"""How far each network namespace is from the metadata service, and whether a token really arrives there.

Distance is the TTL of the SYN-ACK on the instance less the one seen there: it counts hops whatever becomes of the
answer, so the hop limit that is needed is known also where the present one is too low.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from imds_probe.facts.containers import ContainerToken, Reach
from imds_probe.imds.client import RequestCounter
from imds_probe.imds.endpoints import Endpoint
from imds_probe.imds.exchange import Attempt, Way
from imds_probe.imds.pace import Pacer
from imds_probe.imds.parallel import put_tokens
from imds_probe.imds.replies import EC2_SERVER, Outcome

# What the run asked for just before counts within the same second: with FIN and ACKs, a request takes six packets.
PACKETS_PER_EARLIER_REQUEST = 6
# A run must not end at its limit with all its time spent here.
SHARE_OF_TIME = 0.8
_BY_OUTCOME: Mapping[Outcome, ContainerToken] = {
    Outcome.OK: "ok",
    Outcome.ANSWER_LOST: "lost",
    Outcome.REFUSED: "refused",
    Outcome.UNREACHABLE: "unreachable",
    Outcome.CONNECT_TIMEOUT: "unreachable",
}
# Answers that the instance itself did not get: somebody else gave them, or something on the way provoked them.
_FOREIGN = (Outcome.BAD_REQUEST, Outcome.UNAUTHORIZED, Outcome.FORBIDDEN, Outcome.NOT_FOUND, Outcome.UNEXPECTED)


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
) -> MeasuredDistances:
    """Ask for a token from every namespace, given as a path and the inode to expect there, at every address.

    The instance itself is asked first: what it sees is what the others are measured against. `hop_limit` is used where
    the instance's own answer does not show it. `pacer` is one that knows what was sent before, see `pacer_after`.
    """
    pacer = pacer or Pacer()
    deadline = time.monotonic() + (deadline - time.monotonic()) * SHARE_OF_TIME
    asked = put_tokens(
        [Way(*host, endpoint) for endpoint in endpoints], origins={}, pacer=pacer, deadline=deadline, counter=counter
    )
    origins = dict(zip(endpoints, asked, strict=True))
    measured = MeasuredDistances()
    limits = {endpoint: _limit(origin) or hop_limit for endpoint, origin in origins.items()}
    measured.host = tuple(
        _reach(endpoint, origin, origin, limits[endpoint]) for endpoint, origin in origins.items() if origin.outcome
    )
    if not measured.host:
        trouble = asked[0].detail if asked else "the host itself cannot reach the service"
        measured.not_measured = {inode: trouble for _, inode in others}
        return measured
    ways = [Way(path, inode, endpoint) for path, inode in others for endpoint in endpoints]
    attempts = put_tokens(ways, origins=origins, pacer=pacer, deadline=deadline, counter=counter)
    for way, attempt in zip(ways, attempts, strict=True):
        _note(
            measured, way, attempt, origins[way.endpoint], limits[way.endpoint], is_first=way.endpoint is endpoints[0]
        )
    return measured


def _note(
    measured: MeasuredDistances, way: Way, attempt: Attempt, origin: Attempt, limit: int | None, *, is_first: bool
) -> None:
    if attempt.gone:
        measured.gone.add(way.inode)
    elif attempt.outcome is None:
        measured.not_measured[way.inode] = attempt.detail
    elif is_first or attempt.outcome is not Outcome.UNREACHABLE:  # a missing route matters at the first address only
        reach = measured.reach.get(way.inode, ())
        measured.reach[way.inode] = (*reach, _reach(way.endpoint, attempt, origin, limit))


def _reach(endpoint: Endpoint, attempt: Attempt, origin: Attempt, limit: int | None) -> Reach:
    token, detail = _token(attempt, origin)
    distance = None if token == "answered-by-proxy" else attempt.distance_from(origin)
    return Reach(
        family=endpoint.family,
        token=token,
        detail=detail,
        distance=distance,
        needs_hop_limit=None if distance is None else 1 + distance,
        expected=None if distance is None or limit is None else "ok" if distance < limit else "lost",
        status=attempt.status,
        answered_by=attempt.server,
        latency_ms=attempt.latency_ms,
    )


def _token(attempt: Attempt, origin: Attempt) -> tuple[ContainerToken, str]:
    assert attempt.outcome is not None  # noqa: S101 - what was not tried is no reach
    if attempt.outcome is Outcome.OK and (stranger := _stranger(attempt, origin)):
        return "answered-by-proxy", stranger
    if attempt.outcome in _FOREIGN:
        if attempt.outcome is not origin.outcome:
            by = f" by {attempt.server}" if attempt.server not in (EC2_SERVER, None) else ""
            return "answered-by-proxy", f"{attempt.detail}{by}, where the instance itself gets: {origin.detail}"
        return ("disabled" if attempt.outcome is Outcome.FORBIDDEN else "error"), attempt.detail
    return _BY_OUTCOME.get(attempt.outcome, "error"), attempt.detail


def _stranger(attempt: Attempt, origin: Attempt) -> str:
    """Why a token is not the service's own, empty where nothing speaks against it."""
    if attempt.server not in (EC2_SERVER, origin.server):
        return f"a token was given by {attempt.server or 'a server without a name'}, not by {EC2_SERVER}"
    distance = attempt.distance_from(origin)
    if None in (attempt.answer_ttl, origin.answer_ttl, distance):
        return ""
    assert attempt.answer_ttl and origin.answer_ttl and distance is not None  # noqa: S101 - for the type checker
    expected = origin.answer_ttl - distance
    if attempt.answer_ttl != expected and distance == 0:
        # Nobody is nearer to the service than the instance: an answer from next door was made next door.
        return f"a token came with TTL {attempt.answer_ttl}, the service's own would have come with {expected}"
    return ""


def _limit(origin: Attempt) -> int | None:
    return origin.answer_ttl if origin.outcome is Outcome.OK and origin.server == EC2_SERVER else None
