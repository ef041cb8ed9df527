"""The shortest way to ready: which fixes, in which order, free the most hosts with the fewest fixes. Pure.

A host is free once all that holds it back is fixed. The fix to make next is the one with the most hosts behind it, where a host
that needs k more fixes counts 1/k²: a fix that frees hosts at once comes first, but two fixes that together free many hosts come
before one that frees a few. The best order of all is as hard to find as a smallest set cover, so this one is close to it, not it.
"""

from __future__ import annotations

import heapq
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping

from imds_probe.dataclass import dataclass
from imds_probe.fleet.hosts import Fix, Host


@dataclass(frozen=True)
class Step:
    """One fix, and what it frees after those before it: `frees` hosts, which makes `free` of all. Of all fixes so far,
    `needed` are enough to free these.
    """

    fix: Fix
    frees: int
    free: int
    needed: int


@dataclass(frozen=True)
class Held:
    """A fix, how many hosts wait for it, and how many of these for nothing else."""

    fix: Fix
    hosts: int
    alone: int


def held(hosts: Iterable[Host]) -> list[Held]:
    """What holds hosts back; first what alone holds back the most."""
    every: Counter[Fix] = Counter()
    alone: Counter[Fix] = Counter()
    for host in hosts:
        every.update(host.fixes)
        if len(host.fixes) == 1 and not host.fixes_left_out:
            alone[host.fixes[0]] += 1
    found = [Held(fix, count, alone[fix]) for fix, count in every.items()]
    return sorted(found, key=lambda each: (-each.alone, -each.hosts, each.fix))


def steps(hosts: Iterable[Host]) -> Iterator[Step]:
    """All steps, until every host is free that can be. Hosts that hold more than was kept are never free."""
    sets: Counter[tuple[Fix, ...]] = Counter()
    free = 0
    for host in hosts:
        if host.switchable:
            free += 1
        elif host.fixes and not host.fixes_left_out:
            sets[host.fixes] += 1
    yield from _ordered({frozenset(fixes): count for fixes, count in _merged(sets).items()}, free)


def _merged(sets: Mapping[tuple[Fix, ...], int]) -> Mapping[frozenset[Fix], int]:
    merged: Counter[frozenset[Fix]] = Counter()
    for fixes, count in sets.items():
        merged[frozenset(fixes)] += count
    return merged


def _ordered(sets: Mapping[frozenset[Fix], int], free: int) -> Iterator[Step]:
    waiting = [(count, len(fixes)) for fixes, count in sets.items()]
    behind: defaultdict[Fix, list[int]] = defaultdict(list)
    for at, fixes in enumerate(sets):
        for fix in fixes:
            behind[fix].append(at)
    members = list(sets)
    left = [size for _, size in waiting]
    weight = {fix: sum(waiting[at][0] / left[at] ** 2 for at in numbers) for fix, numbers in behind.items()}
    # A weight only grows until its fix is made: an entry that is out of date is the smaller one, and comes later.
    queue = [(-value, fix) for fix, value in weight.items()]
    heapq.heapify(queue)
    made: set[Fix] = set()
    needed: set[Fix] = set()
    while queue:
        _, fix = heapq.heappop(queue)
        if fix in made:
            continue
        made.add(fix)
        frees = 0
        grown: set[Fix] = set()
        for at in behind[fix]:
            count = waiting[at][0]
            before, left[at] = left[at], left[at] - 1
            if not left[at]:
                frees += count
                needed |= members[at]
                continue
            for other in members[at]:
                if other not in made:
                    weight[other] += count / left[at] ** 2 - count / before**2
                    grown.add(other)
        for other in grown:
            heapq.heappush(queue, (-weight[other], other))
        free += frees
        yield Step(fix, frees, free, len(needed))
