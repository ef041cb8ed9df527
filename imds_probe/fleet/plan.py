"""The plan of the switch: batches of hosts that may be switched now, canaries first. Pure.

A host whose verdict may not hold any more is left out, and counted with the reason. So is each host that is not ready.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Sequence

from imds_probe import __version__
from imds_probe.dataclass import dataclass
from imds_probe.duration import in_words
from imds_probe.fleet.bounded import Count, counts
from imds_probe.fleet.comparing import differs, restarted
from imds_probe.fleet.counting import timestamp
from imds_probe.fleet.gathering import AHEAD_S, Gathered
from imds_probe.fleet.grouping import KEYS, NO_INSTANCES, Instances, owner_of
from imds_probe.fleet.hosts import Host, is_instance
from imds_probe.fleet.instances import RUNNING, Instance

SCHEMA = "imds-probe.fleet-plan/v1"
_CONFIDENCE = ("low", "medium", "high")


@dataclass(frozen=True)
class Terms:
    """Which hosts are taken, and how many at once: reports not older than `max_age_s`, verdicts of at least this `confidence`, and
    hosts that need a higher hop limit only where `raise_hop_limit`. `canaries` are of each owner, `batch` the most of the others.
    """

    max_age_s: float
    confidence: str = "low"
    raise_hop_limit: bool = False
    canaries: int = 1
    batch: int = 50


@dataclass(frozen=True)
class Batch:
    """Hosts to switch together, all of one owner in one account and Region. Batches of one `wave` may be switched at the same time;
    those of the first are canaries. `hop_limit` is to be set by the same command, None where it stays as it is. `confidence` is
    that of the weakest verdict. An owner, account or Region that is not known is empty.
    """

    wave: int
    canary: bool
    account: str
    region: str
    owner: str
    hop_limit: int | None
    confidence: str
    command: str
    instance_ids: tuple[str, ...]


@dataclass(frozen=True)
class OwnerPlan:
    """How far an owner is: `hosts` with a report, of which `switched` require tokens, `planned` are in the batches and `left` are
    in neither. Only where none is left may what launches its next instances require tokens, too.
    """

    owner: str
    hosts: int
    switched: int
    planned: int
    left: int


@dataclass(frozen=True)
class FleetPlan:
    """`left_out` says how many hosts are in no batch, and why."""

    schema: str
    version: str
    made_at: str
    hosts: int
    planned: int
    batches: tuple[Batch, ...]
    owners: tuple[OwnerPlan, ...]
    left_out: tuple[Count, ...]


def plan(
    found: Gathered, terms: Terms, instances: Instances | None = None, asks_by_v1: Collection[str] = ()
) -> FleetPlan:
    """`asks_by_v1` are instances that CloudTrail has seen use credentials that IMDSv1 delivered."""
    known = NO_INSTANCES if instances is None else instances
    left_out: Counter[str] = Counter()
    groups: defaultdict[tuple[str, str, str, int], list[Host]] = defaultdict(list)
    planned: set[str] = set()
    for key in sorted(found.hosts):
        host, instance = found.hosts[key], known.get(key)
        why = _why_not(host, instance, found.now, terms, key in asks_by_v1)
        if not why and instances is not None and instance is None:
            why = "not among the instances any more"
        if why:
            left_out[why] += 1
            continue
        planned.add(key)
        limit = host.hop_limit_needed if host.hop_limit_needed > max(1, host.hop_limit) else 0
        group = KEYS["account"](host, instance), KEYS["region"](host, instance), owner_of(host, instance), limit
        groups[group].append(host)
    batches = [batch for group, hosts in sorted(groups.items()) for batch in _batches(group, hosts, terms)]
    return FleetPlan(
        schema=SCHEMA,
        version=__version__,
        made_at=timestamp(found.now),
        hosts=len(found.hosts),
        planned=len(planned),
        batches=tuple(sorted(batches, key=lambda each: (each.wave, each.account, each.region, each.owner))),
        owners=_owners(found, known, planned),
        left_out=counts(left_out),
    )


def _why_not(host: Host, instance: Instance | None, now: float, terms: Terms, asks: bool) -> str:
    """Why a host is in no batch; empty where it may be."""
    if not is_instance(host.key):
        return "the report names no instance"
    if host.cannot:
        return host.cannot
    if _is_switched(host, instance):
        return "tokens are required already"
    if not host.switchable:
        return {"not-ready": "not ready", "unknown": "the verdict is unknown"}[host.state]
    if host.state == "needs-hop-limit" and not terms.raise_hop_limit:
        return "a higher hop limit is needed, and --raise-hop-limit was not given"
    if _CONFIDENCE.index(host.confidence if host.confidence in _CONFIDENCE else "low") < _CONFIDENCE.index(
        terms.confidence
    ):
        return f"confidence is below {terms.confidence}"
    if now - host.started_at > terms.max_age_s:
        return f"the report is older than {in_words(terms.max_age_s)}"
    if host.started_at - now > AHEAD_S:
        return "the report is from the future"
    if asks:
        return "CloudTrail saw credentials in use that IMDSv1 delivered"
    return _why_changed(host, instance) if instance is not None else ""


def _why_changed(host: Host, instance: Instance) -> str:
    if instance.state != RUNNING:
        return f"the instance is {instance.state or 'in an unknown state'}"
    if restarted(host, instance):
        return "the instance was started after the report"
    if differs(host, instance):
        return "the metadata options have changed since the report"
    if (host.ami and instance.ami and host.ami != instance.ami) or (
        host.instance_type and instance.instance_type and host.instance_type != instance.instance_type
    ):
        return "image or type of the instance differ from the report"
    return ""


def _batches(group: tuple[str, str, str, int], hosts: Sequence[Host], terms: Terms) -> Iterator[Batch]:
    """The surest verdicts first: who begins with the weakest learns least when a canary fails."""
    account, region, owner, limit = group
    ordered = sorted(hosts, key=lambda host: (-_sureness(host), host.key))
    canaries = _canaries(ordered, terms.canaries)
    taken = {host.key for host in canaries}
    rest = [host for host in ordered if host.key not in taken]
    parts = [canaries] if canaries else []
    parts += [rest[at : at + terms.batch] for at in range(0, len(rest), terms.batch)]
    for wave, part in enumerate(parts, 1 if canaries else 2):
        yield Batch(
            wave=wave,
            canary=wave == 1,
            account=account,
            region=region,
            owner=owner,
            hop_limit=limit or None,
            confidence=_CONFIDENCE[min(map(_sureness, part))],
            command=_command(region, limit),
            instance_ids=tuple(host.key for host in part),
        )


def _canaries(ordered: Sequence[Host], wanted: int) -> list[Host]:
    """As unlike each other as possible: of each image one, before a second one of any."""
    seen: Counter[str] = Counter()
    ranked = []
    for at, host in enumerate(ordered):
        ranked.append((seen[host.ami], at, host))
        seen[host.ami] += 1
    return [host for _, _, host in sorted(ranked, key=lambda each: each[:2])[:wanted]]


def _sureness(host: Host) -> int:
    return _CONFIDENCE.index(host.confidence) if host.confidence in _CONFIDENCE else 0


def _command(region: str, limit: int) -> str:
    """For one instance, whose id is to be put in. What is not named stays as it is, says the API."""
    where = f" --region {region}" if region and all(each.isalnum() or each == "-" for each in region) else ""
    raised = f" --http-put-response-hop-limit {limit}" if limit else ""
    return f'aws ec2 modify-instance-metadata-options{where} --instance-id "$ID" --http-tokens required{raised}'


def _owners(found: Gathered, instances: Instances, planned: Collection[str]) -> tuple[OwnerPlan, ...]:
    members: defaultdict[str, list[Host]] = defaultdict(list)
    for key, host in found.hosts.items():
        members[owner_of(host, instances.get(key))].append(host)
    made = []
    for owner, hosts in sorted(members.items()):
        taken = sum(host.key in planned for host in hosts)
        switched = sum(host.key not in planned and _is_switched(host, instances.get(host.key)) for host in hosts)
        made.append(OwnerPlan(owner, len(hosts), switched, taken, len(hosts) - taken - switched))
    return tuple(made)


def _is_switched(host: Host, instance: Instance | None) -> bool:
    """By what EC2 says now, or else by the report."""
    return instance.tokens == "required" if instance is not None and instance.tokens else host.switched
