"""Rules, routes, settings and proxies on the way to the metadata service: what explains a measurement, quoted."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from imds_probe.catalog.catalog import Catalog
from imds_probe.dataclass import dataclass
from imds_probe.facts.containers import Containers, short
from imds_probe.facts.facts import Facts
from imds_probe.facts.imds import Imds
from imds_probe.facts.obstacles import Obstacles, PathObstacle
from imds_probe.findings import Fix, Found, Kind, Severity, State
from imds_probe.rules.metadata_need import metadata_need
from imds_probe.rules.origins import ROOT, of_containers
from imds_probe.rules.relays import is_in
from imds_probe.rules.rule import NothingToJudge, Rule
from imds_probe.rules.settled import nobody_by_v1
from imds_probe.rules.settling import OWNER, SILENT_WINDOW

if TYPE_CHECKING:
    from packaging.version import Version

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
    meaning="A rule of nftables or iptables sets or raises the TTL of the service's packets. The hop limit is the TTL that the "
    "token response starts with, so the rule lets the response travel further. Distances that are measured behind the rule are "
    "wrong.",
    cure="Nothing has to be done before the switch. Do not lower the hop limit because of a distance that was measured behind the "
    "rule. Keep the rule while containers depend on it, or raise the hop limit and remove the rule.",
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
        "whose tag names the version, and run imds-probe again."
    ),
    sources=("github.com/jtblin/kube2iam", "github.com/uswitch/kiam"),
    settled_by=("an image tag that names the proxy's version", OWNER),
)


@dataclass(frozen=True)
class _Known:
    """Since when a proxy passes its clients' token requests, and since when its own calls speak IMDSv2."""

    passes: str
    speaks: str


# github.com/jtblin/kube2iam: commits bd376a1 (in 0.10.11) and 0bf7505 (in 0.12.0).
# github.com/uswitch/kiam: CHANGELOG.md 3.6 (pull request 381); go.mod of 4.0 has an SDK that speaks IMDSv2, 3.6 has not.
_PROXIES = {"kube2iam": _Known("0.10.11", "0.12.0"), "kiam": _Known("3.6", "4.0")}
_TAG = re.compile(r":v?(\d[\w.]*)(?:@|$|-)")
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
_KINDS = {"redirect": METADATA_REDIRECTED, "setting": METADATA_SETTING, "ttl-change": METADATA_TTL_CHANGED}


def _find(facts: Facts, catalog: Catalog) -> list[Found] | NothingToJudge:
    if facts.get(Imds) is None or facts.collector("obstacles") is None:
        return NothingToJudge("rules and routes were not inspected")
    return [
        _proxy(each, facts) if each.kind == "proxy" else _obstacle(each, untested=_is_untested(each, facts, catalog))
        for each in facts[Obstacles].obstacles
    ]


def _is_untested(redirect: PathObstacle, facts: Facts, catalog: Catalog) -> bool:
    """Whether programs that need metadata are sent where the probe's own requests did not come, and nothing tells how they fare."""
    if redirect.kind != "redirect" or not (redirect.spares_root and redirect.certain) or nobody_by_v1(facts):
        return False
    inside = [each for each in facts[Containers].seen if is_in(redirect, each, facts)]
    return not inside or any(metadata_need(each, facts, catalog).state != "unlikely" for each in inside)


def _obstacle(each: PathObstacle, *, untested: bool) -> Found:
    to = f" to {each.target}" if each.target and each.kind == "redirect" else ""
    if each.target and each.kind == "ttl-change":
        to = f" by {each.target}" if each.target.startswith("+") else f" to {each.target}"
    only = f" ({each.scope})" if each.scope else ""
    # A container may be called "host".
    on_host = each.container_id is None and each.namespace == "host"
    place = "on the host" if on_host else f"in {each.namespace}"
    subject, verb, what = _WORDS[each.kind]
    does = f"{verb}s" if each.certain else f"may {verb}"
    # What keeps one container away mostly is meant to, and that container has a finding of its own.
    warns = each.certain and (on_host or each.kind in _CHANGING)
    said = f"{subject} {place} {does} {what}{to}{only}"
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
        severity="warning" if warns else None,
    )


def _proxy(each: PathObstacle, facts: Facts) -> Found:
    name = next((name for name in _PROXIES if each.quote.startswith(name)), "")
    version = _version(each.image, name)
    severity: Severity = "warning"
    implies: State | None = "unknown"
    if not name:
        words = f"kube2iam or kiam may answer metadata requests here: {each.quote}"
        severity, implies = "info", None
    elif version is None:
        words = f"{name} answers metadata requests here, but its version is not known, so it may not pass tokens"
    elif _is_before(version, _PROXIES[name].passes):
        words = f"{name} {version} does not pass token requests; {_PROXIES[name].passes} does"
        severity, implies = "blocker", "not-ready"
    elif _is_before(version, _PROXIES[name].speaks):
        words = f"{name} {version} passes token requests, but its own calls speak only IMDSv1"
        severity, implies = "blocker", "not-ready"
    else:
        words = f"{name} {version} answers metadata requests here; it passes tokens and speaks IMDSv2"
        severity, implies = "info", None
    remedy = ""
    if name:
        remedy = f"Upgrade {name} to {_PROXIES[name].speaks} or later, or replace it by IRSA or EKS Pod Identity."
    if name and version is None:
        remedy += " If its version is new enough already, run it from an image whose tag names the version."
    return METADATA_PROXY.found(
        name or each.where,
        words,
        evidence=(each.quote, *((f"image {each.image}",) if each.image else ())),
        fix=Fix(remedy) if implies else None,
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


def _is_before(version: Version, other: str) -> bool:
    return version < type(version)(other)


def _version(image: str | None, name: str) -> Version | None:
    """The version that the tag of a proxy's image names, None where it names none ("latest", a digest), and where the image
    is called otherwise: then its version is that of something else.
    """
    from packaging.version import InvalidVersion, Version  # noqa: PLC0415 - most hosts have no proxy

    last = (image or "").rpartition("/")[2]
    match = _TAG.search(last)
    try:
        return Version(match[1]) if match and name in last.partition(":")[0] else None
    except InvalidVersion:
        return None


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
    ),
)
