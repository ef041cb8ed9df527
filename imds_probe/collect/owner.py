"""Who owns this instance, by what node groups, clusters and environments leave on their hosts."""

from __future__ import annotations

import typing
from collections.abc import Iterable
from dataclasses import replace

from imds_probe.collect.collector import Collected, Collector
from imds_probe.collect.containers import RunningContainers, host_pids
from imds_probe.collect.context import Context
from imds_probe.collect.owner_tasks import OWNERS, OwnersLooked, OwnersSeen
from imds_probe.facts.owner import Owner, OwnerKind
from imds_probe.reading.reader import share_of

READ_S = 5.0  # takes a few milliseconds
_ORDER: tuple[OwnerKind, ...] = typing.get_args(OwnerKind)


def _collect(context: Context) -> Collected:
    looked = OwnersLooked(str(context.root), str(context.proc), tuple(host_pids(context, of_users=False)))
    roots = [context.root, context.proc]
    answer = context.reader.ask(OWNERS, looked, roots, share_of(context.deadline, READ_S))
    seen = next(iter(answer.found), OwnersSeen())
    troubles = (*seen.troubles, *([answer.failed] if answer.failed else ()))
    nothing = "" if seen.owners or troubles else "no file or process of this host names an owner"
    return Collected((seen,), nothing=nothing, partial="; ".join(troubles))


def chosen(owners: Iterable[Owner]) -> Owner | None:
    """The one that has the say, with all that was seen of any; None where there is none.

    Several sources may name the same owner: the first that knows its name counts.
    """
    by_say = sorted(owners, key=lambda each: (_ORDER.index(each.kind), each.name is None))
    if not by_say:
        return None
    first = by_say[0]
    cluster = next((each.cluster for each in by_say if each.kind == first.kind and each.cluster), None)
    evidence = tuple(dict.fromkeys(line for each in by_say for line in each.evidence))
    return replace(first, cluster=cluster, evidence=evidence)


COLLECTOR = Collector(
    id="owner",
    collect=_collect,
    gives=(OwnersSeen,),
    without="who launched this instance and will launch the next one",
    needs=(RunningContainers,),
    reads=(OWNERS,),
)
