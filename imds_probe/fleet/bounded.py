"""Lists of the picture, which are bounded: the first entries, and how many there are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from imds_probe.dataclass import dataclass
from imds_probe.fleet.hosts import Fix

# `imds-probe fleet` names this many of each: the others are counted, and are rows of its CSV.
NAMED_MAX = 100


@dataclass(frozen=True)
class NamedFix:
    """As hosts.Fix has it: `kind` is software, image, script, program or check."""

    kind: str
    name: str
    finding: str


@dataclass(frozen=True)
class Count:
    """How many hosts have this value. An empty value is not known."""

    value: str
    hosts: int


@dataclass(frozen=True)
class Ids:
    """How many there are, and the first of them."""

    count: int = 0
    ids: tuple[str, ...] = ()


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
