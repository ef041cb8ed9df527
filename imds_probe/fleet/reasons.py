"""Why a host is in no batch of a plan. Pure."""

from __future__ import annotations

from imds_probe.dataclass import dataclass
from imds_probe.duration import in_words
from imds_probe.facts.standing import VALID_UNWATCHED_S
from imds_probe.fleet.comparing import differs, restarted
from imds_probe.fleet.gathering import AHEAD_S, LAPSED, Gathered
from imds_probe.fleet.hosts import Host, is_instance
from imds_probe.fleet.instances import RUNNING, Instance
from imds_probe.fleet.launching import NO_ANSWER

TOO_OLD = "the report is older than"
CONFIDENCE = ("low", "medium", "high")
# A report seems to come from the future for as long as clocks that are kept in time differ. Of a clock that is further ahead nobody
# can tell what came before its report.
_CLOCKS_S = 30
_IN_A_GROUP = (
    "auto-scaling "  # Auto Scaling has a tag on each instance of a group, and takes it away from one that is detached
)


@dataclass(frozen=True)
class Terms:
    """Which hosts are taken, and how many at once: reports not older than `max_age_s`, verdicts of at least this `confidence`, and
    hosts that need a higher hop limit only where `raise_hop_limit`, and hosts that rest on accepted risks unless
    `without_accepted`. `canaries` are of each owner, `batch` the most of the others.
    """

    max_age_s: float
    confidence: str = "low"
    raise_hop_limit: bool = False
    canaries: int = 1
    batch: int = 50
    without_accepted: bool = False


def why_not(host: Host, instance: Instance | None, found: Gathered, terms: Terms) -> str:
    """A clause; empty where the host may be switched."""
    if not is_instance(host.key):
        return "the report has no instance id"
    return (
        _of_place(host, instance)
        or _of_verdict(host, instance, terms)
        or _of_time(host, found.now, terms)
        or _of_vouching(host, found)
        or (_of_change(host, instance) if instance is not None else "")
    )


def _of_place(host: Host, instance: Instance | None) -> str:
    if host.cannot:
        return host.cannot
    if instance is not None and instance.cannot:
        return instance.cannot
    if is_switched(host, instance):
        return "tokens are required already"
    if host.managed_by:
        return f"managed by {host.managed_by}"
    return ""


def _of_verdict(host: Host, instance: Instance | None, terms: Terms) -> str:
    if any(fix.finding == LAPSED for fix in host.fixes):
        return "an accepted risk has expired"
    if not host.switchable:
        return {"not-ready": "not ready", "unknown": "the verdict is unknown"}[host.state]
    if host.accepted and terms.without_accepted:
        return "risks are accepted, and --without-accepted was given"
    if sureness(host) < CONFIDENCE.index(terms.confidence):
        return f"confidence is below {terms.confidence}"
    present = hop_limit(host, instance)
    if host.state == "needs-hop-limit":
        if not terms.raise_hop_limit:
            return "a higher hop limit is needed, and --raise-hop-limit was not given"
        if host.hop_limit_needed <= max(1, present):
            return "a higher hop limit is needed, and it is not known which"
    if host.hop_limit_needed > 1 and not present:
        return "the present hop limit is not known"
    return ""


def _of_time(host: Host, now: float, terms: Terms) -> str:
    if now - host.started_at > terms.max_age_s:
        return f"{TOO_OLD} {in_words(terms.max_age_s)}"
    if host.started_at - now > _CLOCKS_S:
        return "the report is from the future"
    # A verdict that names no end, as of an earlier version, may be that of a host that nobody watched.
    if (host.valid_until or host.started_at + VALID_UNWATCHED_S) < now:
        return "the verdict has expired"
    return ""


def _of_vouching(host: Host, found: Gathered) -> str:
    """Somebody who may write anywhere but below the host's name would else replace what the host says of itself."""
    if not host.vouched and host.key in found.vouched:
        return "the newest report is not kept under the name of the instance, and older ones are"
    return ""


def _of_change(host: Host, instance: Instance) -> str:
    if instance.state != RUNNING:
        return f"the instance is {instance.state or 'in an unknown state'}"
    if restarted(host, instance):
        return "the instance was started after the report"
    if instance.launched_at > host.started_at - AHEAD_S:
        return f"the instance was started less than {in_words(AHEAD_S)} before the report, so its clock cannot be relied on"
    if differs(host, instance):
        return "the metadata options have changed since the report"
    if (host.ami and instance.ami and host.ami != instance.ami) or (
        host.instance_type and instance.instance_type and host.instance_type != instance.instance_type
    ):
        return "image or type of the instance differ from the report"
    if (
        (host.account and instance.account and host.account != instance.account)
        or (host.region and instance.region and host.region != instance.region)
        or _is_another(host.owner, instance.owner)
    ):
        return "account, Region or owner of the instance differ from the report"
    if host.owner.startswith(_IN_A_GROUP) and not instance.owner:
        return "the instance is in no Auto Scaling group any more"
    if host.template and instance.template and host.template != instance.template:
        return "the instance was made from another launch template than the report says"
    if host.next_template and instance.next_template == NO_ANSWER:
        return "EC2 did not say which launch template its group has now"
    if host.next_template and instance.next_template and host.next_template != instance.next_template:
        return "the launch template of its group has changed since the report"
    return ""


def _is_another(owner: str, by_tags: str) -> bool:
    """Whether two owners of the same kind have different names. A host and its tags may name different kinds, such as the cluster
    and its Auto Scaling group, and either may know nothing of the cluster.
    """
    kind, _, name = owner.partition(" ")
    kind_by_tags, _, name_by_tags = by_tags.partition(" ")
    return kind == kind_by_tags and name.rpartition("/")[2] != name_by_tags.rpartition("/")[2]


def is_switched(host: Host | None, instance: Instance | None) -> bool:
    """By what EC2 says now, or else by the report."""
    if instance is not None and instance.tokens:
        return instance.tokens == "required"
    return host is not None and host.switched


def hop_limit(host: Host, instance: Instance | None) -> int:
    """The present one, 0 where it is not known."""
    return host.hop_limit or (instance.hop_limit if instance is not None else 0)


def sureness(host: Host) -> int:
    """A word that is none of ours is as little as any."""
    return CONFIDENCE.index(host.confidence) if host.confidence in CONFIDENCE else 0


def without_id(found: Gathered) -> dict[str, int]:
    """By host name, when the newest report was made that has no instance id. It may be the report of any instance of that name."""
    newest: dict[str, int] = {}
    for host in found.hosts.values():
        if host.hostname and not is_instance(host.key):
            newest[host.hostname] = max(newest.get(host.hostname, 0), host.started_at)
    return newest
