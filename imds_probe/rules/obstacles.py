"""Rules, routes, settings and proxies on the way to the metadata service: what explains a measurement, quoted."""

from __future__ import annotations

from imds_probe.catalog.catalog import Catalog
from imds_probe.facts.callers import Callers
from imds_probe.facts.containers import Containers, short
from imds_probe.facts.facts import Facts
from imds_probe.facts.imds import Imds
from imds_probe.facts.obstacles import Obstacles, PathObstacle
from imds_probe.findings import Fix, Found, Kind, Severity, State
from imds_probe.rules.caller_phrases import no_call, watched_part
from imds_probe.rules.metadata_need import metadata_need
from imds_probe.rules.obstacles_unread import METADATA_RULES_UNREAD, unread
from imds_probe.rules.origins import ROOT, of_containers
from imds_probe.rules.proxies import known_proxy
from imds_probe.rules.relays import is_in, is_of_arriving
from imds_probe.rules.rule import NothingToJudge, Rule
from imds_probe.rules.settled import nobody_by_v1
from imds_probe.rules.settling import OWNER, SILENT_WINDOW

METADATA_REDIRECTED = Kind(
    id="metadata-redirected",
    severity="info",
    title="A rule redirects metadata requests",
    meaning="A rule of nftables or iptables sends requests for the metadata address elsewhere: to kube2iam, kiam, the sidecar "
    "of a service mesh, or an imitation. The server there decides whether its callers receive metadata after the switch. Where "
    "the finding names a scope (an interface, a user, a source), the rule concerns that scope alone.",
    cure=(
        "Find the server that listens at the target: `ss -lntp` on the host lists the listening programs. Make a token request "
        "that the rule redirects. If the finding names a scope, make the request within it, for example as the user or in a "
        "container behind the interface that the finding names: `curl -m 5 -X PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 60' "
        "http://169.254.169.254/latest/api/token`. If it prints a token, nothing has to be done. If it prints none, upgrade the "
        "server to a version that passes token requests, or remove the rule."
    ),
)
METADATA_REDIRECT_UNTESTED = Kind(
    id="metadata-redirect-untested",
    severity="warning",
    implies="unknown",
    title="A rule redirects the metadata requests of some users, and imds-probe could not test the redirect",
    meaning="A rule of nftables or iptables sends the metadata requests of some users or groups elsewhere, but not those of root. "
    "imds-probe runs as root, so its own token request took another way. The server at the target may give no token, or take its "
    "metadata from EC2 by IMDSv1. The switch then breaks the programs of these users.",
    cure=(
        "Make a token request as a user whom the rule concerns, in the network that the finding names: `curl -m 5 -X PUT -H "
        "'X-aws-ec2-metadata-token-ttl-seconds: 60' http://169.254.169.254/latest/api/token`. If it prints no token, upgrade the "
        "server at the target, or remove the rule. If it prints a token, keep the daemon running: a whole window without a call by "
        "IMDSv1 shows that the server speaks IMDSv2 too."
    ),
    settled_by=(SILENT_WINDOW, "a rule that root's requests meet too", OWNER),
)
METADATA_BLOCKED = Kind(
    id="metadata-blocked",
    severity="info",
    title="A rule or route blocks the way to the metadata address",
    meaning="A rule or route drops, rejects or misroutes packets to or from the metadata address. The callers behind it receive "
    "no metadata by either version. A rule that drops only packets with a low TTL takes only IMDSv2 away.",
    cure="Nothing has to be done if the block is intended, as it mostly is for containers. Otherwise remove the quoted rule or "
    "route.",
)
METADATA_TTL_CHANGED = Kind(
    id="metadata-ttl-changed",
    severity="info",
    title="A rule changes the TTL of packets from the metadata service",
    meaning="A rule of nftables or iptables sets, raises or lowers the TTL of the service's packets. The hop limit is the TTL that "
    "the token response starts with, so a rule that raises it lets the response travel further, and one that lowers it takes hops "
    "away. Distances that are measured behind the rule are wrong.",
    cure="If a finding says that a container needs a higher hop limit, follow it: the number allows for a rule that lowers TTLs. "
    "Otherwise nothing has to be done before the switch. Do not lower the hop limit because of a distance that was measured behind "
    "the rule. Keep the rule while containers depend on it, or raise the hop limit and remove the rule.",
    sources=("iptables-extensions(8): TTL, HL", "nft(8): ip ttl set"),
)
METADATA_SETTING = Kind(
    id="metadata-setting",
    severity="info",
    title="A setting blocks access to the metadata service",
    meaning="ECS_AWSVPC_BLOCK_IMDS keeps ECS tasks in awsvpc mode from the service. With disable_ec2_metadata, cloud-init adds a "
    "route at boot that rejects packets to the metadata address. While the setting is in force, programs behind it receive no "
    "metadata by either version, so the switch takes nothing from them.",
    cure=(
        "Nothing has to be done if the setting is intended. Otherwise remove it from the file that the finding names, and restart "
        "the ECS agent, or reboot the host for cloud-init."
    ),
    sources=(
        "Amazon ECS agent configuration: ECS_AWSVPC_BLOCK_IMDS",
        "cloud-init: module disable_ec2_metadata",
    ),
)
METADATA_PROXY = Kind(
    id="metadata-proxy",
    severity="info",
    title="A metadata proxy runs on this host",
    meaning="kube2iam and kiam receive the requests to the metadata address, and answer the requests for credentials themselves. "
    "kube2iam before 0.10.11 adds X-Forwarded-For, and the service refuses token requests with that header. Before 0.12.0 "
    "kube2iam's own calls speak only IMDSv1. kiam passes tokens since 3.6 and speaks IMDSv2 itself since 4.0.",
    cure=(
        "Nothing has to be done if the proxy is kube2iam 0.12.0 or later, or kiam 4.0 or later. If the version in the finding is "
        "lower, have whoever manages the cluster upgrade the proxy, or replace it by IRSA or EKS Pod Identity. kiam is no longer "
        "maintained: replace it in the long run. If the finding says that the version is not known, run the proxy from an image "
        "whose tag names the version, and run imds-probe again. A watched window without a call by IMDSv1 settles the finding as "
        "well."
    ),
    sources=("github.com/jtblin/kube2iam", "github.com/uswitch/kiam"),
    settled_by=("an image tag that names the proxy's version", SILENT_WINDOW, OWNER),
)


# Subject, verb and object.
_WORDS = {
    "redirect": ("a rule", "redirect", "metadata requests"),
    "drop": ("a rule", "drop", "metadata traffic"),
    "reject": ("a rule", "reject", "metadata traffic"),
    "ttl-filter": ("a rule", "act", "on the TTL of packets, which is how the hop limit works"),
    "ttl-change": ("a rule", "change", "the TTL of packets from the metadata service"),
    "route": ("the routing", "keep", "packets from the metadata address"),
    "local-address": ("the routing", "deliver", "metadata requests to the machine itself"),
    "setting": ("a setting", "block", "access to the metadata service"),
}
_CHANGING = ("redirect", "ttl-filter", "ttl-change")
_BLOCKING = Fix(
    "Leave the rule or route as it is if it is intended, for example to keep containers out. Otherwise remove it."
)
_FIXES = {
    "redirect": Fix(
        "Test a token request that the rule redirects: `imds-probe explain metadata-redirected` has the request. If no token "
        "comes, upgrade the server at the target, or remove the rule."
    ),
    "ttl-change": Fix(
        "Leave the rule as it is before the switch. Do not lower the hop limit because of a distance that was measured behind the "
        "rule."
    ),
    "setting": Fix(
        "Leave the setting as it is if it is intended. Otherwise remove it from the quoted file, and restart the ECS agent, or "
        "reboot the host for cloud-init."
    ),
}
_KINDS = {"redirect": METADATA_REDIRECTED, "setting": METADATA_SETTING, "ttl-change": METADATA_TTL_CHANGED}


def _find(facts: Facts, catalog: Catalog) -> list[Found] | NothingToJudge:
    if facts.get(Imds) is None or facts.collector("obstacles") is None:
        return NothingToJudge("rules and routes were not inspected")
    found = [
        _proxy(each, facts) if each.kind == "proxy" else _obstacle(each, untested=_is_untested(each, facts, catalog))
        for each in facts[Obstacles].obstacles
    ]
    return [*found, *unread(facts)]


def _is_untested(redirect: PathObstacle, facts: Facts, catalog: Catalog) -> bool:
    """Whether programs that need metadata are sent where the probe's own requests did not come, and nothing tells how they fare."""
    if redirect.kind != "redirect" or not (redirect.spares_root and redirect.certain) or nobody_by_v1(facts):
        return False
    inside = [each for each in facts[Containers].seen if is_in(redirect, each, facts)]
    return not inside or any(metadata_need(each, facts, catalog).state != "unlikely" for each in inside)


def _obstacle(each: PathObstacle, *, untested: bool) -> Found:
    to = f" to {each.target}" if each.target and each.kind == "redirect" else ""
    if each.target and each.kind == "ttl-change":
        to = f" by {each.target}" if each.target.startswith(("+", "-")) else f" to {each.target}"
    only = f" ({each.scope})" if each.scope else ""
    # A container may be called "host".
    on_host = each.container_id is None and each.namespace == "host"
    place = "on the host" if on_host else f"in {each.namespace}"
    subject, verb, what = _WORDS[each.kind]
    does = f"{verb}s" if each.certain else f"may {verb}"
    # What keeps one container away mostly is meant to, and that container has a finding of its own.
    arriving = is_of_arriving(each)
    warns = each.certain and (on_host or each.kind in _CHANGING) and not arriving
    said = f"{subject} {place} {does} {what}{' that arrive there from elsewhere' if arriving else ''}{to}{only}"
    if untested:
        return METADATA_REDIRECT_UNTESTED.found(
            each.where,
            f"{said}, and it is not known whether they receive a token: {each.where}",
            evidence=(each.quote, "the rule spares root, and imds-probe's own request was root's"),
            fix=Fix(
                "Test a token request as a user whom the rule concerns, and keep imds-probe's daemon running for a whole window. "
                "`imds-probe explain metadata-redirect-untested` has the request."
            ),
        )
    return _KINDS.get(each.kind, METADATA_BLOCKED).found(
        each.where,
        f"{said}: {each.where}",
        evidence=(each.quote,),
        fix=_FIXES.get(each.kind, _BLOCKING) if warns else None,
        severity="warning" if warns else None,
    )


def _proxy(each: PathObstacle, facts: Facts) -> Found:
    proxy = known_proxy(each)
    severity: Severity = "warning"
    implies: State | None = "unknown"
    if proxy is None:
        words = f"kube2iam or kiam may answer metadata requests here: {each.quote}"
        severity, implies = "info", None
    elif proxy.version is None:
        words = f"{proxy.name} answers metadata requests here, but its version is not known, so it may not pass tokens"
    elif not proxy.passes:
        words = f"{proxy} does not pass token requests; {proxy.since.passes} does"
        severity, implies = "blocker", "not-ready"
    elif not proxy.speaks:
        words = f"{proxy} passes token requests, but its own calls speak only IMDSv1"
        severity, implies = "blocker", "not-ready"
    else:
        words = f"{proxy} answers metadata requests here; it passes tokens and speaks IMDSv2"
        severity, implies = "info", None
    watched: tuple[str, ...] = ()
    if implies and nobody_by_v1(facts):
        # Whoever gets no token of it, and it itself, would have been seen asking without one.
        severity, implies = ("info" if proxy is None or proxy.version is None else "warning"), None
        watched = (f"{no_call(facts[Callers])} in {watched_part(facts[Callers])}",)
        if proxy is not None and proxy.version is None:
            words = f"{proxy.name} answers metadata requests here, and nobody called IMDSv1 while it was watched"
    remedy = ""
    if proxy is not None:
        remedy = f"Upgrade {proxy.name} to {proxy.since.speaks} or later, or replace it by IRSA or EKS Pod Identity."
        if proxy.version is None:
            remedy += " If its version is new enough already, run it from an image whose tag names the version."
    return METADATA_PROXY.found(
        proxy.name if proxy is not None else each.where,
        words,
        evidence=(each.quote, *((f"image {each.image}",) if each.image else ()), *watched),
        fix=Fix(remedy) if severity in ("warning", "blocker") else None,
        severity=severity,
        implies=implies,
        forgeable_by=_origins(each, facts),
    )


def _origins(proxy: PathObstacle, facts: Facts) -> tuple[str, ...]:
    """Whose word it is that this is a proxy: a process calls itself what it likes."""
    if proxy.container_id is None:
        return ROOT
    container = facts[Containers].by_identity(proxy.container_id)
    return of_containers([container]) if container else (f"container {short(proxy.container_id)}",)


RULE = Rule(
    "obstacles",
    _find,
    kinds=(
        METADATA_REDIRECTED,
        METADATA_REDIRECT_UNTESTED,
        METADATA_BLOCKED,
        METADATA_TTL_CHANGED,
        METADATA_SETTING,
        METADATA_PROXY,
        METADATA_RULES_UNREAD,
    ),
)
