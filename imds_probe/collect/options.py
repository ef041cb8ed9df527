"""What the instance allows: endpoint, tokens, hop limit, IPv6, tags. Asked with as few requests as will do."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable
from dataclasses import replace

from imds_probe.collect import control_plane, host_hop_limit
from imds_probe.collect.collector import Collected, Collector, Option
from imds_probe.collect.context import Context
from imds_probe.collect.needs import Need
from imds_probe.dataclass import dataclass
from imds_probe.facts.control_plane import ControlPlane
from imds_probe.facts.imds import EndpointReply, EndpointState, Imds, TokensState
from imds_probe.facts.platform import Platform
from imds_probe.imds import v1_probe
from imds_probe.imds.client import MetadataClient, RequestCounter, Timeouts
from imds_probe.imds.endpoints import Endpoint, Endpoints, has_route
from imds_probe.imds.replies import EC2_SERVER, Outcome, Reply
from imds_probe.system.background import Background

PENDING = "ec2-api-pending"
TAGS_PATH = "/latest/meta-data/tags/instance"
# The twin is often simply not there, and where IPv6 metadata is off its packets get no answer.
TWIN_TIMEOUTS = Timeouts(connect_s=0.5, read_s=0.5, exchange_s=1.0)
# A packet can get lost anywhere, and a host that is busy be late for an answer: what drops them will show again.
ATTEMPTS = 2


@dataclass
class Asked:
    """One endpoint, its client and what came of the token PUT. `client` is None where nothing was sent."""

    endpoint: Endpoint
    client: MetadataClient | None
    measured: host_hop_limit.MeasuredHopLimit | None

    @property
    def reply(self) -> Reply:
        if self.measured is None:
            return Reply(Outcome.UNREACHABLE, "no route")
        return self.measured.reply


@dataclass(frozen=True)
class ServiceOptions:
    """`no_v1_probe`: make no request without a token at all."""

    no_v1_probe: bool = False


@dataclass(frozen=True)
class Service:
    """The way to ask further: a client that has a token, None where none was to be had, and the names of the instance's
    tags, where tags are served.
    """

    client: MetadataClient | None
    tags: tuple[bytes, ...]


def _collect(context: Context) -> Collected:
    given = ask(
        context.endpoints,
        deadline=context.deadline,
        counter=context.counter,
        v1_probe_allowed=not context.option(ServiceOptions).no_v1_probe,
        by_api=functools.partial(_by_api, context) if control_plane.is_asked(context) else _not_asked,
    )
    return Collected(given)


def _by_api(context: Context, client: MetadataClient | None) -> ControlPlane | None:
    return control_plane.answered(context, client).found


def _not_asked(client: MetadataClient | None) -> ControlPlane | None:
    del client
    return None


def ask(
    endpoints: Endpoints,
    *,
    deadline: float,
    counter: RequestCounter,
    v1_probe_allowed: bool,
    by_api: Callable[[MetadataClient | None], ControlPlane | None] = _not_asked,
) -> tuple[Imds, Service]:
    """Ask both addresses at once what is allowed. `by_api` is what the EC2 API says, asked with a client that has a token."""
    candidates = [endpoint for endpoint in (endpoints.primary, endpoints.twin) if endpoint]
    asked = [Asked(endpoint, None, None) for endpoint in candidates]
    running = [
        Background("endpoint", functools.partial(_ask, entry, entry.endpoint is endpoints.twin, deadline, counter))
        for entry in asked
        if has_route(entry.endpoint)
    ]
    for each in running:
        each.result()  # raises here what was raised there
    # On a host without IPv4 the twin is the one that decides.
    main = next((entry for entry in asked if entry.reply.connected), asked[0])

    state = _state(main.reply)
    tokens: TokensState = "unknown"
    tokens_method = "not-tried"
    api = by_api(main.client if main.reply.ok else None)
    if api is not None and api.instance is not None and api.instance.http_tokens is not None:
        # What is pending is wanted, and not yet so.
        tokens, tokens_method = ("unknown", PENDING) if api.pending else (api.instance.http_tokens, "ec2-api")
        state = _state_by_api(main.reply, state, api)
    elif main.client and v1_probe_allowed and main.reply.connected:
        without_token = v1_probe.ask_without_token(main.client)
        required = v1_probe.tokens_required(without_token)
        tokens_method = "not-answered" if required is None else "v1-probe"
        if required is not None:
            tokens = "required" if required else "optional"
            state = _state_if_v1_answered(main.reply, state)
        elif _turned_off(main.reply, without_token):
            state = "disabled"
    tags = main.client.get(TAGS_PATH) if main.client and main.reply.ok else None
    # One instance, one service: what the same answer meant at one address it means at the other.
    replies = tuple(
        _endpoint_reply(entry, state if entry.reply.outcome is main.reply.outcome else _state(entry.reply))
        for entry in asked
    )
    primary = _with_hop_limit(replies[asked.index(main)], api)
    imds = Imds(
        endpoint=state,
        tokens=tokens,
        tokens_method=tokens_method,
        hop_limit=primary.hop_limit,
        hop_limit_method=primary.hop_limit_method,
        ipv6=_ipv6(replies),
        instance_tags={Outcome.OK: True, Outcome.NOT_FOUND: False}.get(tags.outcome) if tags else None,
        answered_by=primary.answered_by,
        latency_ms=primary.latency_ms,
        endpoints=replies,
    )
    names = tuple(tags.body.split()) if tags is not None and tags.ok else ()
    return imds, Service(main.client if main.reply.ok else None, names)


def _ask(entry: Asked, is_twin: bool, deadline: float, counter: RequestCounter) -> None:
    timeouts = TWIN_TIMEOUTS if is_twin else Timeouts()
    entry.client = MetadataClient(entry.endpoint, deadline=deadline, counter=counter, timeouts=timeouts)
    repeated = {Outcome.ANSWER_LOST} if is_twin else {Outcome.ANSWER_LOST, Outcome.CONNECT_TIMEOUT}
    for _ in range(ATTEMPTS):
        entry.measured = host_hop_limit.put_token(entry.client, deadline=deadline, counter=counter)
        # What is asked for next needs the rest of the time.
        if entry.measured.reply.outcome not in repeated or time.monotonic() + timeouts.exchange_s > deadline:
            break


def _state(reply: Reply) -> EndpointState:
    """What the token PUT alone says about the endpoint."""
    states: dict[Outcome, EndpointState] = {
        Outcome.OK: "enabled",
        Outcome.REFUSED: "unreachable",
        Outcome.UNREACHABLE: "unreachable",
        Outcome.CONNECT_TIMEOUT: "unreachable",
    }
    return states.get(reply.outcome, "unknown")


def _turned_off(token_put: Reply, without_token: Reply) -> bool:
    """Whether HttpEndpoint is disabled: then everything is answered 403 (EC2 User Guide, IMDS error codes).

    403 to the token PUT alone does not tell: a proxy that adds X-Forwarded-For draws the same. Nor does that of a
    server without EC2's name: a proxy that forbids the address need not say its own.
    """
    replies = (token_put, without_token)
    return all(reply.outcome is Outcome.FORBIDDEN and reply.server == EC2_SERVER for reply in replies)


def _state_if_v1_answered(reply: Reply, state: EndpointState) -> EndpointState:
    """The endpoint is on then, so what became of the token PUT has another cause than HttpEndpoint=disabled."""
    causes: dict[Outcome, EndpointState] = {
        Outcome.FORBIDDEN: "refuses-tokens",  # something on the way adds X-Forwarded-For, which the service refuses
        Outcome.NOT_FOUND: "refuses-tokens",  # an imitation that knows IMDSv1 only, as for the next two
        Outcome.BAD_REQUEST: "refuses-tokens",
        Outcome.UNEXPECTED: "refuses-tokens",
        Outcome.ANSWER_LOST: "loses-tokens",  # something on the way drops the packets that carry the token
    }
    return causes.get(reply.outcome, state)


def _state_by_api(reply: Reply, state: EndpointState, api: ControlPlane) -> EndpointState:
    """The same by what the EC2 API says of the endpoint, where no request was made without a token."""
    says = api.instance.http_endpoint if api.instance is not None and not api.pending else None
    if says == "enabled":
        return _state_if_v1_answered(reply, state)
    return "disabled" if says == "disabled" and reply.outcome is Outcome.FORBIDDEN else state


def _with_hop_limit(reply: EndpointReply, api: ControlPlane | None) -> EndpointReply:
    """With the hop limit by the EC2 API, where it was not measured."""
    limit = api.instance.http_put_response_hop_limit if api is not None and api.instance and not api.pending else None
    if limit is None or reply.hop_limit is not None:
        return reply
    return replace(reply, hop_limit=limit, hop_limit_method="ec2-api")


def _endpoint_reply(entry: Asked, state: EndpointState) -> EndpointReply:
    reply, measured = entry.reply, entry.measured
    return EndpointReply(
        family=entry.endpoint.family,
        address=entry.endpoint.address,
        state=state,
        token_outcome=str(reply.outcome) if measured else "no-route",
        detail=reply.detail,
        answered_by=reply.server,
        latency_ms=reply.latency_ms,
        hop_limit=measured.hop_limit if measured else None,
        hop_limit_method=measured.method if measured else "unknown",
        hop_limit_reason=measured.reason if measured else "no request was sent",
    )


def _ipv6(replies: tuple[EndpointReply, ...]) -> str:
    for reply in replies:
        if reply.family == "ipv6":
            return "no-route" if reply.token_outcome == "no-route" else reply.state
    return "not-tried"


COLLECTOR = Collector(
    id="options",
    collect=_collect,
    gives=(Imds, Service),
    without="the metadata options of this instance",
    needs=(Platform,),
    applies=lambda context: context[Platform].is_ec2,
    options=(
        Option(
            "--no-v1-probe",
            ServiceOptions,
            "no_v1_probe",
            {
                "action": "store_true",
                "help": "make no request without a token; unless the EC2 API is asked, the report then cannot tell whether tokens "
                "are required",
            },
        ),
    ),
    aside=True,
    confirms=True,
    of_host=(Need.PACKETS,),
)
