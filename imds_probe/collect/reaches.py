"""What a token PUT from one network namespace says of it: whose answer it was, how far away, and what that comes to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from imds_probe.dataclass import dataclass
from imds_probe.facts.containers import FAR, ContainerToken, Hop, Reach
from imds_probe.imds.endpoints import Endpoint
from imds_probe.imds.exchange import Attempt
from imds_probe.imds.outcomes import SILENCE
from imds_probe.imds.replies import EC2_SERVER, Outcome

_BY_OUTCOME: Mapping[Outcome, ContainerToken] = {
    Outcome.OK: "ok",
    Outcome.ANSWER_LOST: "lost",
    Outcome.REFUSED: "refused",
    Outcome.UNREACHABLE: "unreachable",
    Outcome.CONNECT_TIMEOUT: "unreachable",
}
_NOT_CONNECTED = (Outcome.REFUSED, Outcome.UNREACHABLE, Outcome.CONNECT_TIMEOUT)
# Answers that the instance itself did not get: somebody else gave them, or something on the way provoked them.
_FOREIGN = (Outcome.BAD_REQUEST, Outcome.UNAUTHORIZED, Outcome.FORBIDDEN, Outcome.NOT_FOUND, Outcome.UNEXPECTED)
NOT_SEEN = "the host did not see this connection reach the service"
RELAYED = "through a relay"
_GATEWAY_TIMEOUT = 504  # what a proxy answers that gave up waiting for the service: RFC 9110


@dataclass(frozen=True)
class Reference:
    """What attempts from one address are held against: what the instance itself got there, and the hop limit in force. Where a
    relay answered the instance, its TTLs are the relay's (`relayed`), and no distance can be told by them.
    """

    endpoint: Endpoint
    origin: Attempt
    hop_limit: int | None
    relayed: bool = False

    @property
    def is_the_services(self) -> bool:
        """Whether the service itself gave the instance a token."""
        return not self.relayed and self.origin.outcome is Outcome.OK and self.origin.server == EC2_SERVER


def connected(attempt: Attempt) -> bool:
    """Whether something took the connection: the service, or somebody in its place."""
    return attempt.outcome is not None and attempt.outcome not in _NOT_CONNECTED


def of_host(reference: Reference) -> Reach:
    """How the instance itself reaches the service."""
    token, detail = _token(reference.origin, reference.origin)
    return _reach(
        reference, reference.origin, token, detail, measured=not reference.relayed, seen=not reference.relayed
    )


def of_root(
    reference: Reference, attempt: Attempt, *, seen: bool, unseen: str = "", way: tuple[Hop, ...] = ()
) -> Reach:
    """From a namespace that root made. `seen` says that the connection was seen to reach the service, `unseen` why nobody
    could look. Where a relay took it, how far away the service is does not show: whether the token came through decides.
    """
    token, detail = _token(attempt, reference.origin)
    if not connected(attempt) or seen:
        return _reach(reference, attempt, token, detail, measured=token != "answered-by-proxy", seen=seen, way=way)
    if unseen:
        token, detail = "error", unseen
    elif token == "ok":
        detail = f"{detail}, {RELAYED}"
    elif _is_waiting(attempt):
        token, detail = "lost", f"{NOT_SEEN}: a relay accepted it, and the token did not come ({detail})"
    elif attempt.status is None:
        token, detail = "error", f"{NOT_SEEN}: another program on the path accepted it and gave no answer ({detail})"
    elif token != "answered-by-proxy":
        token, detail = "answered-by-proxy", f"{NOT_SEEN}: another program on the path answered ({detail})"
    return _reach(reference, attempt, token, detail, measured=False, seen=False, way=way)


def of_user(reference: Reference, attempt: Attempt, *, seen: bool) -> Reach:
    """From a namespace that a user made. A token that arrives by a relay of the user's (slirp4netns, pasta) has arrived:
    the host sees the relay's own connection, and this one ends before.
    """
    token, detail = _token(attempt, reference.origin)
    relayed = connected(attempt) and not seen
    if relayed and attempt.outcome is Outcome.OK and not _other_server(attempt, reference.origin):
        token, detail = "ok", f"{attempt.detail}, {RELAYED}"
    elif relayed:
        detail = f"{detail}; {NOT_SEEN}"
    return _reach(reference, attempt, token, detail, measured=not relayed and token != "answered-by-proxy", seen=seen)


def confirmed(reach: Reach, *, by_service: bool | None) -> Reach:
    """The same of a proxy's token, once the service was asked whether it knows it."""
    says = {True: "the service knows this token", False: "the service does not know this token", None: ""}[by_service]
    detail = f"{reach.detail}; {says}" if says else reach.detail
    return replace(reach, detail=detail, token_is_the_services=by_service)


def _reach(
    reference: Reference,
    attempt: Attempt,
    token: ContainerToken,
    detail: str,
    *,
    measured: bool,
    seen: bool = True,
    way: tuple[Hop, ...] = (),
) -> Reach:
    measured = measured and not reference.relayed
    distance = attempt.distance_from(reference.origin) if measured else None
    routers = len(way) - 1 if way else None
    changed = _is_changed(attempt, reference.origin, distance, routers)
    distance = None if changed else distance
    limit = reference.hop_limit
    return Reach(
        family=reference.endpoint.family,
        token=token,
        detail=detail,
        distance=distance,
        needs_hop_limit=None if distance is None else 1 + distance,
        expected=None if distance is None or limit is None else "ok" if distance < limit else "lost",
        status=attempt.status,
        answered_by=attempt.server,
        latency_ms=attempt.latency_ms,
        confirmed=seen if connected(attempt) else None,
        way=way if routers is not None and routers >= FAR and distance in (None, routers) else (),
        routers=routers,
        ttls_changed=changed,
        taken_inside=attempt.taken_inside,
    )


def _is_waiting(attempt: Attempt) -> bool:
    """Whether who took the connection still waits for the service's answer, or gave up waiting: not whether it refused."""
    if attempt.outcome is Outcome.ANSWER_LOST:
        return SILENCE in attempt.detail
    return attempt.status == _GATEWAY_TIMEOUT and attempt.server != EC2_SERVER


def _is_changed(attempt: Attempt, origin: Attempt, distance: int | None, routers: int | None) -> bool:
    """Whether somebody writes TTLs on the way: they say that it is nearer than links and routes do, or that the token came from
    another distance than the connection's first answer.
    """
    if distance is None:
        return False
    if routers is not None and distance < routers:
        return True
    both = attempt.outcome is Outcome.OK and origin.outcome is Outcome.OK
    if not both or attempt.answer_ttl is None or origin.answer_ttl is None:
        return False
    return attempt.answer_ttl != origin.answer_ttl - distance


def _token(attempt: Attempt, origin: Attempt) -> tuple[ContainerToken, str]:
    assert attempt.outcome is not None  # noqa: S101 - what was not tried is no reach
    if attempt.outcome is Outcome.OK and (other := _other_server(attempt, origin)):
        return "answered-by-proxy", other
    if attempt.outcome in _FOREIGN:
        if attempt.outcome is not origin.outcome:
            by = f" by {attempt.server}" if attempt.server not in (EC2_SERVER, None) else ""
            return "answered-by-proxy", f"{attempt.detail}{by}; the instance itself receives: {origin.detail}"
        return ("disabled" if attempt.outcome is Outcome.FORBIDDEN else "error"), attempt.detail
    return _BY_OUTCOME.get(attempt.outcome, "error"), attempt.detail


def _other_server(attempt: Attempt, origin: Attempt) -> str:
    if attempt.server in (EC2_SERVER, origin.server):
        return ""
    return f"the token came from {attempt.server or 'a server without a name'}, not from {EC2_SERVER}"
