"""Lists of the picture, which are bounded: the first entries, and how many there are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from imds_probe.fleet.hosts import Fix
from imds_probe.fleet.picture import NAMED_MAX, Count, Ids, NamedFix


def counts(values: Mapping[str, int], limit: int = NAMED_MAX) -> tuple[Count, ...]:
    """What most hosts have comes first; the order of equals is that of the alphabet."""
    ordered = sorted(values.items(), key=lambda each: (-each[1], each[0]))
    return tuple(Count(value, hosts) for value, hosts in ordered[:limit])


def counted(values: Iterable[str], limit: int = NAMED_MAX) -> tuple[Count, ...]:
    """The same of a value for each host."""
    return counts(Counter(values), limit)


def ids(keys: Iterable[str]) -> Ids:
    """Hosts, in the order of their ids."""
    ordered = sorted(keys)
    return Ids(len(ordered), tuple(ordered[:NAMED_MAX]))


def named(fix: Fix) -> NamedFix:
    return NamedFix(fix.kind, fix.name, fix.finding)
