"""Does the metadata service answer, is it EC2's own, and does it hand out tokens?"""

from __future__ import annotations

from collections.abc import Sequence

from imds_probe.catalog.catalog import Catalog
from imds_probe.facts.facts import Facts
from imds_probe.facts.imds import EndpointReply, Imds
from imds_probe.facts.obstacles import PathObstacle
from imds_probe.findings import Fix, Found, Kind
from imds_probe.imds.endpoints import ENDPOINT_VARIABLE
from imds_probe.imds.replies import EC2_SERVER
from imds_probe.kept.shapes import OMITTED
from imds_probe.rules.cut_off import host_is_cut_off, keeping_host
from imds_probe.rules.phrases import few
from imds_probe.rules.relays import quoted
from imds_probe.rules.rule import NothingToJudge, Rule
from imds_probe.rules.settled import nobody_by_v1
from imds_probe.rules.settling import LATER, OWNER, SERVICE_REACHED, SILENT_WINDOW

_SUBJECT = "metadata service"
_BY_EC2 = Fix(
    "Change nothing before the switch. To see the instance's own settings, run this command anywhere with ec2:DescribeInstances.",
    ("aws ec2 describe-instances --query 'Reservations[].Instances[].MetadataOptions'",),
)
WITH_V1_PROBE = "a run without --no-v1-probe"

IMDS_DISABLED = Kind(
    id="imds-disabled",
    severity="info",
    title="The metadata service is turned off",
    meaning="The token request was answered with 403, and nothing else was served: HttpEndpoint is disabled on this instance. "
    "No caller can use IMDSv1, so requiring tokens changes nothing today. This is a state, not a fault.",
    cure="Nothing has to be done. Require tokens all the same, so that turning the endpoint on later does not bring IMDSv1 "
    "back.",
    sources=("EC2 User Guide: Troubleshoot IMDS, error codes", "EC2 API: ModifyInstanceMetadataOptions"),
)
IMDS_UNREACHABLE = Kind(
    id="imds-unreachable",
    severity="warning",
    implies="unknown",
    title="The metadata service cannot be reached",
    meaning="No connection was made: there was no route, the connection was refused, or nothing answered. The cause is a "
    "firewall, a route or a missing network. The cause is never the hop limit, which affects only the token response.",
    cure="Check the route (`ip route get 169.254.169.254`) and the firewall's output rules (`nft list ruleset`, `iptables -S "
    "OUTPUT`). Then run again.",
    settled_by=(SERVICE_REACHED,),
    not_acceptable="Nothing is known of the service that is to be switched.",
)
IMDS_KEPT_AWAY = Kind(
    id="imds-kept-away",
    severity="warning",
    implies="unknown",
    title="A rule or route keeps imds-probe from the metadata service",
    meaning="The host cannot connect to the metadata service, and a rule, a route or a setting of the host explains that: "
    "disable_ec2_metadata of cloud-init, a firewall rule, or a rule that lets only one user through (iptables with --uid-owner), "
    "as AWS describes it. Programs that the rule concerns have no metadata today and lose none. imds-probe asks as root: other "
    "users may be served. A rule may also come into force after a boot has already asked. The instance's own settings "
    "(HttpTokens, hop limit) could not be seen.",
    cure="If the block is intended, leave it as it is. Accept the finding, or keep the daemon running: once a whole window was "
    "watched without a call by IMDSv1, the verdict no longer depends on this. The EC2 API shows the instance's own settings: "
    "aws ec2 describe-instances --query 'Reservations[].Instances[].MetadataOptions'.",
    sources=(
        "EC2 User Guide: Limit access to the instance metadata service (iptables with --uid-owner)",
        "cloud-init: module disable_ec2_metadata",
    ),
    settled_by=(SILENT_WINDOW, "a rule that lets root's requests through", OWNER),
)
IMDS_KEPT_AWAY_SETTLED = Kind(
    id="imds-kept-away-settled",
    severity="warning",
    title="A rule or route keeps imds-probe from the metadata service, and nobody called IMDSv1",
    meaning="The host cannot connect to the metadata service, and a rule, a route or a setting of the host explains that. A whole "
    "window was watched, and nobody called IMDSv1: no user whom the rule lets through, and nobody before the rule was there. The "
    "instance's own settings (HttpTokens, hop limit) could not be seen.",
    cure="Nothing has to be done before the switch. To see the instance's own settings, ask the EC2 API: "
    "aws ec2 describe-instances --query 'Reservations[].Instances[].MetadataOptions'.",
)
TOKEN_REQUEST_REFUSED = Kind(
    id="token-request-refused",
    severity="blocker",
    implies="not-ready",
    title="The token request is refused on the host",
    meaning="A plain token PUT was answered with an error although the endpoint is on. EC2 answers 403 to a PUT that carries "
    "X-Forwarded-For, which a proxy on the way adds. An imitation of the service that knows only IMDSv1 answers 404 or 405. "
    "A program that needs metadata here uses IMDSv1, and the switch breaks it.",
    cure="Remove the redirect of the metadata address, or upgrade the proxy. kube2iam passes token requests from 0.10.11 on, "
    "and kiam from 3.6 on. For their own requests, kube2iam uses IMDSv2 from 0.12.0 on, and kiam from 4.0 on. Then run "
    "imds-probe again.",
    sources=("https://github.com/jtblin/kube2iam/pull/279", "github.com/uswitch/kiam: CHANGELOG.md"),
)
TOKEN_RESPONSE_LOST = Kind(
    id="token-response-lost",
    severity="blocker",
    implies="not-ready",
    title="The token response is lost on the host",
    meaning="The connection is made and IMDSv1 answers, but the answer to the token PUT never arrives. The packets of that "
    "answer differ from all others only in their low TTL. On the instance itself a hop limit of 1 is enough, so something "
    "drops the packets or lowers their TTL: a firewall rule, or a router in between.",
    cure="Find the firewall rule (`nft list ruleset | grep -n ttl`, `iptables-save | grep -ni ttl`), and remove it. If a router is "
    "in between, raise the hop limit by one for each router. Then run imds-probe again.",
    sources=("EC2 User Guide: How Instance Metadata Service Version 2 works",),
)
IMDS_ANSWERED_BY_PROXY = Kind(
    id="imds-answered-by-proxy",
    severity="warning",
    implies="unknown",
    title="Another server answers the host instead of EC2",
    meaning="EC2's service names itself EC2ws in every answer. This answer had another name or none. It came from a proxy such "
    "as kube2iam or kiam, from a service mesh or from a test server. Its tokens and TTLs say nothing about the instance.",
    cure="Find the redirect as the finding says. Exempt the host's own requests from it, and run imds-probe again. If the server "
    "has to stay in between, keep the daemon running: once a whole window was watched without a call by IMDSv1, the verdict no "
    "longer depends on the instance's own settings. The EC2 API shows these settings, and does not settle the finding: "
    "aws ec2 describe-instances --query 'Reservations[].Instances[].MetadataOptions'.",
    settled_by=("a run where the metadata address is not redirected", OWNER),
)
IMDS_PROXY_SETTLED = Kind(
    id="imds-proxy-settled",
    severity="warning",
    title="Another server answers the host instead of EC2, and nobody called IMDSv1",
    meaning="EC2's service names itself EC2ws in every answer, and this answer had another name or none. The server gave a token, "
    "so it speaks IMDSv2 to the programs of this host. A whole window was watched, and nobody called IMDSv1: neither the server, "
    "nor a program that bypasses it. The instance's own settings (HttpTokens, hop limit) could not be seen.",
    cure="Nothing has to be done before the switch. To see the instance's own settings, ask the EC2 API: "
    "aws ec2 describe-instances --query 'Reservations[].Instances[].MetadataOptions'.",
)
NAMED_ENDPOINT_ANSWERED = Kind(
    id="named-endpoint-answered",
    severity="info",
    title="The endpoint that the environment names is a server other than EC2's",
    meaning="The environment of imds-probe has the variable AWS_EC2_METADATA_SERVICE_ENDPOINT. It names an address, and a server "
    "there gave a token: aws-vault, a metadata proxy or a test server. The server speaks IMDSv2. The server's own calls are judged "
    "like those of any other program: by the watch, the code and the catalog. The instance's own settings (HttpTokens, hop limit) "
    "could not be seen.",
    cure="Nothing has to be done. To see the instance's own settings, run imds-probe without the variable.",
    sources=("AWS SDKs and Tools Reference Guide: IMDS credential provider",),
)
NAMED_ENDPOINT_TROUBLE = Kind(
    id="named-endpoint-trouble",
    severity="warning",
    implies="unknown",
    title="The endpoint that the environment names gives no token",
    meaning="The environment of imds-probe has the variable AWS_EC2_METADATA_SERVICE_ENDPOINT. A token request to the address in "
    "it brought no token. Programs with this variable ask the same address. The switch breaks them if the server there takes its "
    "metadata from EC2 by IMDSv1.",
    cure="If the variable is set by mistake, run imds-probe without it. If programs need the server at that address, upgrade the "
    "server to a version that speaks IMDSv2, and run imds-probe again. If the address is wrong, correct the variable.",
    sources=("AWS SDKs and Tools Reference Guide: IMDS credential provider",),
    settled_by=("a run without the variable", OWNER),
)
IMDS_ANSWER_UNUSABLE = Kind(
    id="imds-answer-unusable",
    severity="warning",
    implies="unknown",
    title="The metadata service gave no usable answer",
    meaning="Something accepted the connection, but sent nothing, a broken answer, an error to every request, or 403 to the "
    "token request without a sign of the cause. With --no-v1-probe, a disabled endpoint looks like a proxy that adds "
    "X-Forwarded-For. Repeated 503 means that the host used up the 1,024 packets a second that DNS, NTP and metadata share.",
    cure="Run again in a minute, without --no-v1-probe. If the answer stays the same, look at the status in the evidence. If it "
    "is 503, find the program that floods the service: imds-probe cannot tell which one it is. Otherwise find the server that "
    "answers on the metadata address: `nft list ruleset | grep -n 169.254.169.254` shows a redirect.",
    sources=("EC2 User Guide: Query throttling",),
    settled_by=(LATER, WITH_V1_PROBE),
    not_acceptable="Nothing is known of the service that is to be switched.",
)


def _find(facts: Facts, catalog: Catalog) -> list[Found] | NothingToJudge:
    del catalog
    imds = facts.get(Imds)
    if imds is None:
        return NothingToJudge("the metadata service was not asked")
    if imds.endpoint == "enabled":
        return _answered_by(imds, facts)
    named = next((reply for reply in imds.endpoints if reply.is_named), None)
    if named is not None and imds.endpoint != "disabled" and imds.answered_by != EC2_SERVER:
        return [_named_trouble(imds, named)]
    if keeping := keeping_host(facts):
        return [_kept_away(imds, keeping, facts)]
    return [_trouble(imds)]


def _kept_away(imds: Imds, keeping: Sequence[PathObstacle], facts: Facts) -> Found:
    who = "all programs of this host" if host_is_cut_off(facts) else "imds-probe, which asks as root,"
    said = f"a rule, route or setting keeps {who} from the metadata service: {few([each.where for each in keeping])}"
    evidence = (*_evidence(imds), *dict.fromkeys(f"{each.where}: {each.quote}" for each in keeping))
    if nobody_by_v1(facts):
        # Whoever is let through was watched, and so was what asked before the rule was there.
        return IMDS_KEPT_AWAY_SETTLED.found(
            _SUBJECT, f"{said}; nobody called IMDSv1 while it was watched", evidence=evidence, fix=_BY_EC2
        )
    return IMDS_KEPT_AWAY.found(
        _SUBJECT,
        said,
        evidence=evidence,
        fix=Fix(
            "Leave the rule as it is if it is intended. Accept the finding, or keep imds-probe's daemon running: a whole window "
            "without a call by IMDSv1 settles the finding."
        ),
    )


def _answered_by(imds: Imds, facts: Facts) -> list[Found]:
    if imds.answered_by == EC2_SERVER:
        return []
    name = "a server of another name" if imds.answered_by == OMITTED else imds.answered_by
    name = name or "a server that does not name itself"
    named = next((reply for reply in imds.endpoints if reply.is_named), None)
    if named is not None:
        summary = f"{name} gave a token at {_place(named)}, the address in {ENDPOINT_VARIABLE}"
        return [NAMED_ENDPOINT_ANSWERED.found(_SUBJECT, summary, evidence=_evidence(imds))]
    if nobody_by_v1(facts):
        # What the proxy asks was watched, and so was what comes past it.
        summary = (
            f"{name} answers instead of EC2 and gave a token; a whole window was watched, and nobody called IMDSv1"
        )
        evidence = (*_evidence(imds), *quoted((), facts))
        return [IMDS_PROXY_SETTLED.found(_SUBJECT, summary, evidence=evidence, fix=_BY_EC2)]
    return [
        IMDS_ANSWERED_BY_PROXY.found(
            _SUBJECT,
            f"{name} answered instead of EC2, so the instance's own settings could not be seen",
            evidence=(*_evidence(imds), *quoted((), facts)),
            fix=Fix(
                "Find the redirect of the metadata address on this host (kube2iam, kiam, a service mesh). Exempt the host's own "
                "requests from it, and run imds-probe again.",
                ("nft list ruleset | grep -n 169.254.169.254", "iptables-save | grep -n 169.254.169.254"),
            ),
        )
    ]


def _trouble(imds: Imds) -> Found:
    kind, summary, fix = _TROUBLES.get(imds.endpoint, _TROUBLES["unknown"])
    settled_by = kind.settled_by
    if kind is IMDS_ANSWER_UNUSABLE and imds.tokens_method != "not-tried":
        settled_by = (LATER,)
    return kind.found(_SUBJECT, summary, evidence=_evidence(imds), fix=fix, settled_by=settled_by)


def _named_trouble(imds: Imds, named: EndpointReply) -> Found:
    return NAMED_ENDPOINT_TROUBLE.found(
        _SUBJECT,
        f"{_place(named)}, the address in {ENDPOINT_VARIABLE}, gives no token: {named.detail}",
        evidence=_evidence(imds),
        fix=Fix(
            f"Upgrade the server at {_place(named)} to one that speaks IMDSv2, correct {ENDPOINT_VARIABLE}, or run imds-probe "
            "without the variable."
        ),
    )


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
        "this host cannot reach the metadata service",
        Fix(
            "Look for a firewall rule or a missing route, correct it, and run imds-probe again.",
            ("ip route get 169.254.169.254", "nft list ruleset | grep -n 169.254"),
        ),
    ),
    "refuses-tokens": (
        TOKEN_REQUEST_REFUSED,
        "the token request is refused on this host, although IMDSv1 may still be answered",
        Fix(
            "Find what stands between this host and the service: a proxy that adds X-Forwarded-For, or an imitation of the "
            "service that knows no tokens. Upgrade it, or remove the redirect to it.",
            ("nft list ruleset | grep -n 169.254.169.254", "iptables-save | grep -n 169.254.169.254"),
        ),
    ),
    "loses-tokens": (
        TOKEN_RESPONSE_LOST,
        "IMDSv1 answers, but the token response never arrives on this host",
        Fix(
            "Find what drops packets with a low TTL. If it is a firewall rule on the TTL, remove the rule. If it is a router "
            "between this host and the service, raise the hop limit by one for each router.",
            ("nft list ruleset | grep -n ttl", "iptables-save | grep -ni ttl"),
        ),
    ),
    "unknown": (
        IMDS_ANSWER_UNUSABLE,
        "the metadata service gave no usable answer",
        Fix(
            "Run again in a minute, without --no-v1-probe. If the answer stays the same, find the server that answers on the "
            "metadata address, or, after 503, the program that floods the service."
        ),
    ),
}


RULE = Rule(
    "endpoint",
    _find,
    kinds=(
        IMDS_DISABLED,
        IMDS_UNREACHABLE,
        IMDS_KEPT_AWAY,
        IMDS_KEPT_AWAY_SETTLED,
        TOKEN_REQUEST_REFUSED,
        TOKEN_RESPONSE_LOST,
        IMDS_ANSWERED_BY_PROXY,
        IMDS_PROXY_SETTLED,
        NAMED_ENDPOINT_ANSWERED,
        NAMED_ENDPOINT_TROUBLE,
        IMDS_ANSWER_UNUSABLE,
    ),
)
