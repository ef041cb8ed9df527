"""Does the metadata service answer, is it EC2's own, and does it hand out tokens?"""

from __future__ import annotations

from imds_probe.catalog.catalog import Catalog
from imds_probe.facts.facts import Facts
from imds_probe.facts.imds import EndpointReply, Imds
from imds_probe.findings import Fix, Found, Kind
from imds_probe.imds.replies import EC2_SERVER
from imds_probe.rules.rule import NothingToJudge, Rule

_SUBJECT = "metadata service"

IMDS_DISABLED = Kind(
    id="imds-disabled",
    severity="info",
    title="Metadata service turned off",
    meaning="The token request was answered with 403 and nothing else was served: HttpEndpoint is disabled on this "
    "instance. No caller can use IMDSv1, so requiring tokens changes nothing today. It is a state, not a "
    "fault.",
    cure="None needed. Require tokens all the same, so that turning the endpoint on later does not bring IMDSv1 back.",
    sources=("EC2 User Guide: Troubleshoot IMDS, error codes", "EC2 API: ModifyInstanceMetadataOptions"),
)
IMDS_UNREACHABLE = Kind(
    id="imds-unreachable",
    severity="warning",
    implies="unknown",
    title="Metadata service not reachable",
    meaning="No connection was made: no route, refused, or no answer to the attempt. That is a firewall, a route or "
    "a missing network, never the hop limit: the hop limit touches only the token response.",
    cure="Look at `ip route get 169.254.169.254` and at the firewall's output rules, then run again.",
)
TOKEN_REQUEST_REFUSED = Kind(
    id="token-request-refused",
    severity="blocker",
    implies="not-ready",
    title="Token request refused",
    meaning="A plain token PUT was answered with an error although the endpoint is on. EC2 refuses a PUT that carries "
    "X-Forwarded-For (403): a proxy on the way adds it. An imitation of the service that knows only "
    "IMDSv1 answers 404 or 405. Whoever needs metadata here lives on IMDSv1 and breaks on the switch.",
    cure="Remove the redirect of the metadata address or update the proxy (kube2iam 0.10.11 and kiam 4.0 pass tokens).",
    sources=("https://github.com/jtblin/kube2iam/pull/279",),
)
TOKEN_RESPONSE_LOST = Kind(
    id="token-response-lost",
    severity="blocker",
    implies="not-ready",
    title="Token response lost on the host",
    meaning="The connection is made and IMDSv1 answers, but the answer to the token PUT never arrives. Those packets "
    "differ from all others in one thing, their low TTL. On the instance itself even a hop limit of 1 "
    "arrives, so something drops or ages them: a firewall rule on the TTL, or a router in between.",
    cure="Remove what drops them. Raising the hop limit cures a router in between, not a filter.",
    sources=("EC2 User Guide: How Instance Metadata Service Version 2 works",),
)
IMDS_ANSWERED_BY_PROXY = Kind(
    id="imds-answered-by-proxy",
    severity="warning",
    implies="unknown",
    title="Answered by somebody else",
    meaning="EC2's service names itself EC2ws in every answer. This answer bore another name or none: a proxy such "
    "as kube2iam or kiam, a service mesh, or a test server stands in for it. Its tokens and TTLs say "
    "nothing about the instance.",
    cure="Run the probe where the address is not redirected, or ask the EC2 API: "
    "aws ec2 describe-instances --query 'Reservations[].Instances[].MetadataOptions'.",
)
IMDS_ANSWER_UNUSABLE = Kind(
    id="imds-answer-unusable",
    severity="warning",
    implies="unknown",
    title="No usable answer",
    meaning="Something accepted the connection but sent silence, a broken answer, an error to everything, or 403 to the "
    "token request without anything to tell why: with --no-v1-probe a disabled endpoint looks just like a proxy "
    "that adds X-Forwarded-For. 503 again and again means the "
    "link-local limit of 1,024 packets a second, shared by DNS, NTP and metadata, was reached.",
    cure="Run again; if it stays so, find who floods the service (imds-probe cannot tell from this alone).",
    sources=("EC2 User Guide: Query throttling",),
)


def _find(facts: Facts, catalog: Catalog) -> list[Found] | NothingToJudge:
    del catalog
    imds = facts.get(Imds)
    if imds is None:
        return NothingToJudge("the metadata service was not asked")
    if imds.endpoint == "enabled":
        return _answered_by(imds)
    return [_trouble(imds)]


def _answered_by(imds: Imds) -> list[Found]:
    if imds.answered_by == EC2_SERVER:
        return []
    name = imds.answered_by or "a server that does not name itself"
    return [
        IMDS_ANSWERED_BY_PROXY.found(
            _SUBJECT,
            f"answered by {name}, not by EC2: what the instance itself allows could not be seen",
            evidence=_evidence(imds),
            fix=Fix(
                "Find what redirects the metadata address on this host (kube2iam, kiam, a mesh), and run past it.",
                ("nft list ruleset | grep -n 169.254.169.254", "iptables-save | grep -n 169.254.169.254"),
            ),
        )
    ]


def _trouble(imds: Imds) -> Found:
    kind, summary, fix = _TROUBLES.get(imds.endpoint, _TROUBLES["unknown"])
    return kind.found(_SUBJECT, summary, evidence=_evidence(imds), fix=fix)


def _evidence(imds: Imds) -> tuple[str, ...]:
    return tuple(f"{_place(reply)}: token PUT {reply.token_outcome} ({reply.detail})" for reply in imds.endpoints)


def _place(reply: EndpointReply) -> str:
    return f"[{reply.address}]" if reply.family == "ipv6" else reply.address


_TROUBLES: dict[str, tuple[Kind, str, Fix | None]] = {
    "disabled": (
        IMDS_DISABLED,
        "the metadata service is turned off (HttpEndpoint=disabled): neither IMDSv1 nor IMDSv2 answers",
        None,
    ),
    "unreachable": (
        IMDS_UNREACHABLE,
        "the metadata service cannot be reached from this host",
        Fix(
            "Look for a firewall rule or a missing route.",
            ("ip route get 169.254.169.254", "nft list ruleset | grep -n 169.254"),
        ),
    ),
    "refuses-tokens": (
        TOKEN_REQUEST_REFUSED,
        "the token request is refused on this host, while IMDSv1 may still be answered",
        Fix(
            "Find what stands between: a proxy that adds X-Forwarded-For, or an old imitation that knows no tokens.",
            ("nft list ruleset | grep -n 169.254.169.254", "iptables-save | grep -n 169.254.169.254"),
        ),
    ),
    "loses-tokens": (
        TOKEN_RESPONSE_LOST,
        "IMDSv1 answers, but the token response never arrives on the host itself",
        Fix(
            "Find what drops packets with a low TTL: a firewall rule on ttl, or a router between host and service.",
            ("nft list ruleset | grep -n ttl", "iptables-save | grep -ni ttl"),
        ),
    ),
    "unknown": (
        IMDS_ANSWER_UNUSABLE,
        "the metadata service gave no usable answer",
        Fix("Run again in a minute; if it stays so, look at what answers on the address."),
    ),
}


RULE = Rule(
    "endpoint",
    _find,
    kinds=(
        IMDS_DISABLED,
        IMDS_UNREACHABLE,
        TOKEN_REQUEST_REFUSED,
        TOKEN_RESPONSE_LOST,
        IMDS_ANSWERED_BY_PROXY,
        IMDS_ANSWER_UNUSABLE,
    ),
)
