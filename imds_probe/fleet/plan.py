"""The plan of the switch: batches of hosts that may be switched now, canaries first. Pure.

A host whose verdict may not hold any more is left out, and counted with the reason. So is each host that is not ready.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Sequence

from imds_probe import __version__
from imds_probe.dataclass import dataclass
from imds_probe.fleet.bounded import Count, Ids, counted, counts, ids
from imds_probe.fleet.gathering import Gathered
from imds_probe.fleet.grouping import KEYS, NO_INSTANCES, Instances, owner_of
from imds_probe.fleet.hosts import STREAM, Host, is_instance
from imds_probe.fleet.instances import Instance, covers
from imds_probe.fleet.launching import NotAsked
from imds_probe.fleet.reasons import CONFIDENCE, Terms, hop_limit, is_switched, sureness, why_not, without_id
from imds_probe.timestamp import rfc3339

SCHEMA = "imds-probe.fleet-plan/v1"


@dataclass(frozen=True)
class Batch:
    """Hosts to switch together, all of one owner in one account and Region. Batches of one `wave` may be switched at the same time;
    those of the first are canaries. `hop_limit` is to be set by the same command, None where it stays as it is. `confidence` is
    that of the weakest verdict. `by_accepted_risks` is how many of the hosts can be switched only because risks are accepted. An
    owner, account or Region that is not known is empty.
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
    by_accepted_risks: int = 0


@dataclass(frozen=True)
class OwnerPlan:
    """How far an owner is: its `hosts`, of which `silent` have no report, `switched` require tokens, `planned` are in the batches
    and `left` are in neither. `template_may_require`: whether the template of its next instances may require tokens, too, after
    the plan; None where nobody knows all of its instances, as where an account or Region of theirs was not asked to the end, or
    where a report does not say whether the template has to wait. `template_waits_for` is what the reports say that it waits for
    besides, such as user data that asks without a token, each with the hosts that say so.
    """

    owner: str
    hosts: int
    silent: int
    switched: int
    planned: int
    left: int
    template_may_require: bool | None
    template_waits_for: tuple[Count, ...] = ()


@dataclass(frozen=True)
class FleetPlan:
    """`left_out` says how many hosts are in no batch, and why. Of those that are, `unvouched` have a report that alone says whose
    it is, and `by_stream` have theirs from a log stream, to which all may write that may write to its group. Those of
    `by_accepted_risks` can be switched only because risks are accepted. So many rows of CloudTrail were not read; an instance that
    only they name may be in a batch. `not_answered` is what AWS did not say, so that nobody knows whether it has changed since the
    reports.
    """

    schema: str
    version: str
    made_at: str
    hosts: int
    planned: int
    batches: tuple[Batch, ...]
    owners: tuple[OwnerPlan, ...]
    left_out: tuple[Count, ...]
    unvouched: Ids
    by_stream: Ids
    cloudtrail_rows_not_read: int
    not_answered: tuple[NotAsked, ...]
    by_accepted_risks: Ids = Ids()


def plan(
    found: Gathered,
    terms: Terms,
    instances: Instances | None = None,
    asks_by_v1: Collection[str] = (),
    rows_not_read: int = 0,
    *,
    not_answered: Sequence[NotAsked] = (),
) -> FleetPlan:
    """`asks_by_v1` are instances that CloudTrail has seen use credentials that IMDSv1 delivered, `rows_not_read` its rows that made
    no sense. `not_answered` belongs to `instances`.
    """
    known = NO_INSTANCES if instances is None else instances
    left_out: Counter[str] = Counter()
    groups: defaultdict[tuple[str, str, str, int], list[Host]] = defaultdict(list)
    planned: set[str] = set()
    nameless = without_id(found)
    for key in sorted(found.hosts):
        host, instance = found.hosts[key], known.get(key)
        why = why_not(host, instance, found, terms)
        if not why and instances is not None and instance is None:
            is_listed = covers(known, host.account, host.region)
            why = "not among the instances any more" if is_listed else "EC2 was not asked about its account and Region"
        if not why and key in asks_by_v1:
            why = "CloudTrail saw credentials in use that IMDSv1 delivered"
        if not why and nameless.get(host.hostname, 0) >= host.started_at:
            why = "a newer report without an instance id has the same host name"
        if why:
            left_out[why] += 1
            continue
        planned.add(key)
        limit = host.hop_limit_needed if host.hop_limit_needed > max(1, hop_limit(host, instance)) else 0
        group = KEYS["account"](host, instance), KEYS["region"](host, instance), owner_of(host, instance), limit
        groups[group].append(host)
    batches = [batch for group, hosts in sorted(groups.items()) for batch in _batches(group, hosts, terms)]
    return FleetPlan(
        schema=SCHEMA,
        version=__version__,
        made_at=rfc3339(found.now),
        hosts=len(found.hosts),
        planned=len(planned),
        batches=tuple(sorted(batches, key=lambda each: (each.wave, each.account, each.region, each.owner))),
        owners=_owners(found, instances, planned),
        left_out=counts(left_out),
        unvouched=ids(key for key in planned if not found.hosts[key].vouched),
        by_stream=ids(key for key in planned if found.hosts[key].vouched == STREAM),
        cloudtrail_rows_not_read=rows_not_read,
        not_answered=tuple(not_answered),
        by_accepted_risks=ids(key for key in planned if found.hosts[key].accepted),
    )


def _batches(group: tuple[str, str, str, int], hosts: Sequence[Host], terms: Terms) -> Iterator[Batch]:
    """The surest verdicts first: who begins with the weakest learns least when a canary fails. Last come those that rest on
    accepted risks: what was accepted may break there, and says nothing of the others, so none is a canary. Where there are no
    others, the first part is as small as one of canaries, and comes after those of all.
    """
    account, region, owner, limit = group
    ordered = sorted(hosts, key=lambda host: (bool(host.accepted), -sureness(host), host.key))
    canaries = _canaries([host for host in ordered if not host.accepted], terms.canaries)
    few = canaries or _canaries(ordered, terms.canaries)
    taken = {host.key for host in few}
    rest = [host for host in ordered if host.key not in taken]
    parts = [few] if few else []
    parts += [rest[at : at + terms.batch] for at in range(0, len(rest), terms.batch)]
    for wave, part in enumerate(parts, 1 if canaries else 2):
        yield Batch(
            wave=wave,
            canary=wave == 1,
            account=account,
            region=region,
            owner=owner,
            hop_limit=limit or None,
            confidence=CONFIDENCE[min(map(sureness, part))],
            command=_command(region, limit),
            instance_ids=tuple(host.key for host in part),
            by_accepted_risks=sum(bool(host.accepted) for host in part),
        )


def _canaries(ordered: Sequence[Host], wanted: int) -> list[Host]:
    """As unlike each other as possible: of each image one, before a second one of any."""
    seen: Counter[str] = Counter()
    ranked = []
    for at, host in enumerate(ordered):
        ranked.append((seen[host.ami], at, host))
        seen[host.ami] += 1
    return [host for _, _, host in sorted(ranked, key=lambda each: each[:2])[:wanted]]


def _command(region: str, limit: int) -> str:
    """For one instance, whose id is to be put in. What is not named stays as it is, says the API."""
    where = f" --region {region}" if region and all(each.isalnum() or each == "-" for each in region) else ""
    raised = f" --http-put-response-hop-limit {limit}" if limit else ""
    return f'aws ec2 modify-instance-metadata-options{where} --instance-id "$ID" --http-tokens required{raised}'


def _owners(found: Gathered, instances: Instances | None, planned: Collection[str]) -> tuple[OwnerPlan, ...]:
    known = NO_INSTANCES if instances is None else instances
    members: defaultdict[str, list[tuple[Host | None, Instance | None]]] = defaultdict(list)
    for key, host in found.hosts.items():
        # Of those that are not on the list, some are gone. The others count: nobody asked about them.
        if not is_instance(key) or key in known or not _is_gone(host, instances):
            members[owner_of(host, known.get(key))].append((host, known.get(key)))
    for key, instance in known.items():
        if key not in found.hosts:
            members[instance.owner].append((None, instance))
    return tuple(
        _owner(owner, those, planned, is_known=bool(owner) and instances is not None and _are_all(those, instances))
        for owner, those in sorted(members.items())
    )


def _is_gone(host: Host, instances: Instances | None) -> bool:
    """Of a host that is not on the list."""
    return instances is not None and covers(instances, host.account, host.region)


def _are_all(those: Sequence[tuple[Host | None, Instance | None]], instances: Instances) -> bool:
    """Whether the list is whole wherever an owner has hosts that anybody knows of."""
    places = {(each.account, each.region) for pair in those for each in pair if each is not None}
    return all(covers(instances, account, region) for account, region in places)


def _owner(
    name: str, those: Sequence[tuple[Host | None, Instance | None]], planned: Collection[str], *, is_known: bool
) -> OwnerPlan:
    taken = sum(host is not None and host.key in planned for host, _ in those)
    switched = sum(is_switched(host, instance) for host, instance in those)
    left = len(those) - taken - switched
    waits = [host.template_waits for host, _ in those if host is not None]
    waits_for = counted(filter(None, waits))
    return OwnerPlan(
        owner=name,
        hosts=len(those),
        silent=sum(host is None for host, _ in those),
        switched=switched,
        planned=taken,
        left=left,
        template_may_require=False if left or waits_for else True if is_known and None not in waits else None,
        template_waits_for=waits_for,
    )
