"""The picture, from the newest report of each host and from what else was given. Pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Sequence

from imds_probe import __version__
from imds_probe.fleet import comparing, counting
from imds_probe.fleet.bounded import NAMED_MAX, counts, named
from imds_probe.fleet.comparing import Before
from imds_probe.fleet.delivered import Trail
from imds_probe.fleet.gathering import Gathered
from imds_probe.fleet.grouping import NO_INSTANCES, Instances, groups, owner_of
from imds_probe.fleet.hosts import Fix, Host
from imds_probe.fleet.launching import Launching
from imds_probe.fleet.picture import SCHEMA, HeldBack, Mark, Picture, Way, WayStep
from imds_probe.fleet.shortest_way import Held, Step, held, steps
from imds_probe.render.page.bounds import percent
from imds_probe.timestamp import rfc3339

SHARES = (50, 80, 95)
OWNERS_MAX = 3


def picture(
    found: Gathered,
    *,
    by: Sequence[str],
    max_age_s: float,
    instances: Instances | None = None,
    before: Before | None = None,
    trail: Trail | None = None,
    launching: Launching | None = None,
) -> Picture:
    """`by` are keys of grouping.KEYS or tags that the instances were read with."""
    hosts = found.hosts.values()
    assessed = [host for host in hosts if not host.cannot]
    waiting = held(assessed)
    limits, images = counting.hop_limits(hosts)
    grouped, left_out = groups(hosts, by, instances or NO_INSTANCES)
    return Picture(
        schema=SCHEMA,
        version=__version__,
        made_at=rfc3339(found.now),
        sources=counting.sources(found),
        verdicts=counting.verdicts(hosts),
        way=way(assessed, waiting, instances or NO_INSTANCES),
        hop_limits=limits,
        hop_images=images,
        callers=counting.callers(hosts),
        groups=grouped,
        groups_left_out=left_out,
        ages=counting.ages(hosts, found.now, max_age_s),
        instances=None if instances is None else comparing.compared(found.hosts, instances),
        changes=None if before is None else comparing.changes(before, hosts, waiting),
        trail=trail,
        launching=launching,
        hosts=counting.by_state(hosts),
    )


def way(hosts: Collection[Host], waiting: Sequence[Held], instances: Instances) -> Way:
    """The fixes that free most hosts, in order, up to the last share; `hosts` are those that can be assessed."""
    total = len(hosts)
    free = sum(host.switchable for host in hosts)
    reached: dict[int, int] = {share: 0 for share in SHARES if total and free * 100 >= share * total}
    taken: list[Step] = []
    for number, step in enumerate(steps(hosts), 1):
        if len(reached) == len(SHARES):
            break
        taken += [step] if number <= NAMED_MAX else []
        reached |= {share: step.needed for share in SHARES if share not in reached and step.free * 100 >= share * total}
    counts_of = {each.fix: each.hosts for each in waiting}
    owners = _owners({step.fix for step in taken}, hosts, instances)
    return Way(
        fixes=len(waiting),
        marks=tuple(Mark(share, reached.get(share)) for share in SHARES),
        steps=tuple(
            WayStep(
                fix=named(step.fix),
                frees=step.frees,
                free=step.free,
                percent=percent(step.free, total),
                waiting=counts_of[step.fix],
                owners=counts(owners[step.fix], OWNERS_MAX),
            )
            for step in taken
        ),
        alone=tuple(HeldBack(named(each.fix), each.hosts, each.alone) for each in waiting[:NAMED_MAX]),
    )


def _owners(fixes: set[Fix], hosts: Collection[Host], instances: Instances) -> dict[Fix, Counter[str]]:
    """Whose hosts wait for each of these fixes."""
    found: defaultdict[Fix, Counter[str]] = defaultdict(Counter)
    for host in hosts:
        for fix in host.fixes:
            if fix in fixes:
                found[fix][owner_of(host, instances.get(host.key))] += 1
    return found
