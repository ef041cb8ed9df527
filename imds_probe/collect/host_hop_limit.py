"""One token PUT, and with which TTL its answer came: that is HttpPutResponseHopLimit, seen on the instance itself."""

from __future__ import annotations

import time

from imds_probe.dataclass import dataclass
from imds_probe.facts.imds import HopLimitMethod
from imds_probe.imds.client import MetadataClient, RequestCounter
from imds_probe.imds.endpoints import Endpoint
from imds_probe.imds.outcomes import of_beginning
from imds_probe.imds.replies import EC2_SERVER, Outcome, Reply
from imds_probe.imds.token_put import token_put
from imds_probe.net import minttl
from imds_probe.net.capture import Capture
from imds_probe.net.rtnetlink import outgoing_interface

# How long silence has to last before an answer counts as dropped: many times what the first one took.
PATIENCE_FACTOR = 8
LEAST_PATIENCE_S, MOST_PATIENCE_S = 0.06, 0.25


@dataclass(frozen=True)
class MeasuredHopLimit:
    """The token PUT's reply, and the hop limit as far as it could be measured."""

    reply: Reply
    hop_limit: int | None = None
    method: HopLimitMethod = "unknown"
    reason: str = ""


def put_token(client: MetadataClient, *, deadline: float, counter: RequestCounter) -> MeasuredHopLimit:
    """Ask for the client's token and measure. Packet capture needs CAP_NET_RAW and no further request; without it
    IP_MINTTL finds the same number with a few more token PUTs.
    """
    endpoint = client.endpoint
    try:
        # Where the way to the service leads: a container can forge answers, which come in by an interface of its own.
        capture = Capture(endpoint.address, endpoint.port, interface=outgoing_interface(endpoint.address))
    except OSError:
        return _by_minttl(client.put_token(), endpoint, deadline=deadline, counter=counter)
    with capture:
        reply = client.put_token()
        if not reply.ok or reply.local_port is None:
            return MeasuredHopLimit(reply, reason="no token response was received")
        ttls = set(capture.arrivals(reply.local_port).payload)
    if not ttls:
        # Address translation hides the service's address from the tap: then this is not the service's own TTL either.
        return MeasuredHopLimit(
            reply, reason=f"the answer did not come from {endpoint.address} itself: something redirects it"
        )
    if len(ttls) > 1:
        return MeasuredHopLimit(reply, reason=f"the answer's packets came with different TTLs: {sorted(ttls)}")
    return _checked(reply, ttls.pop(), "capture")


def _by_minttl(reply: Reply, endpoint: Endpoint, *, deadline: float, counter: RequestCounter) -> MeasuredHopLimit:
    if not reply.ok or reply.latency_ms is None:
        return MeasuredHopLimit(reply, reason="no token response was received")
    patience_s = min(MOST_PATIENCE_S, max(LEAST_PATIENCE_S, PATIENCE_FACTOR * reply.latency_ms / 1000))
    result = minttl.measure(
        endpoint.address,
        endpoint.port,
        token_put(endpoint),
        answered=lambda head: of_beginning(head) is Outcome.OK,
        patience_s=patience_s,
        connect_timeout_s=min(1.0, max(0.01, deadline - time.monotonic())),
        # Not even an odd network may hold a run here: the issue is one number among many.
        deadline=min(deadline, time.monotonic() + 1.5),
        on_request=lambda: counter.add(imdsv2=True),
    )
    if result.hop_limit is None:
        return MeasuredHopLimit(reply, reason=result.reason)
    return _checked(reply, result.hop_limit, "minttl")


def _checked(reply: Reply, ttl: int, method: HopLimitMethod) -> MeasuredHopLimit:
    if reply.server != EC2_SERVER:
        return MeasuredHopLimit(
            reply, reason=f"answered by {reply.server or 'a server without a name'}, not by EC2 itself"
        )
    if 1 <= ttl <= minttl.HIGHEST:
        return MeasuredHopLimit(reply, ttl, method)
    return MeasuredHopLimit(reply, reason=f"the answer came with TTL {ttl}, which is no hop limit (1 to 64)")
