"""What a rule asks of a packet, judged against a flow: yes, no, for some of it, or unclear."""

from __future__ import annotations

from typing import Literal, Protocol

from imds_probe.dataclass import dataclass
from imds_probe.facts.imds import Family
from imds_probe.net.obstacles.flow import Flow, Names
from imds_probe.net.obstacles.ranges import Ranges

Answer = Literal["yes", "no", "some", "unclear"]
NumberField = Literal["saddr", "daddr", "sport", "dport", "proto", "ttl", "uid", "gid"]
NameField = Literal["iif", "oif"]

_SAID = {
    "saddr": "from",
    "daddr": "to",
    "sport": "from port",
    "dport": "to port",
    "proto": "protocol",
    "ttl": "TTL",
    "uid": "uid",
    "gid": "gid",
    "iif": "in via",
    "oif": "out via",
}


@dataclass(frozen=True)
class Judged:
    """`inside` is what of the flow the condition holds for, `outside` the rest: None where no flow describes it."""

    answer: Answer
    inside: Flow
    outside: Flow | None = None
    scope: str = ""  # in words, for whom it holds
    others: str = ""  # in words, for whom it does not


class Condition(Protocol):
    """One match of a rule."""

    def judge(self, flow: Flow) -> Judged:
        """Say whether the condition holds for the flow, and for what part of it."""


@dataclass(frozen=True)
class FieldIs:
    """A number in the packet or of its owner is among some numbers. `text` is how the rule writes them."""

    field: NumberField
    numbers: Ranges
    text: str
    negated: bool = False

    def judge(self, flow: Flow) -> Judged:
        possible: Ranges = getattr(flow, self.field)
        if not possible.spans or not self.numbers.touches(possible):
            return Judged("yes" if self.negated and possible.spans else "no", flow)
        if self.numbers.covers(possible):
            return Judged("no" if self.negated else "yes", flow)
        inside = flow.narrowed(self.field, self.numbers.both(possible))
        outside = flow.narrowed(self.field, possible.minus(self.numbers))
        return _some(self.field, self.text, self.negated, inside, outside)


@dataclass(frozen=True)
class InterfaceIs:
    """The interface a packet came in or goes out by has one of these names; one ending in * is a prefix."""

    field: NameField
    names: frozenset[str]
    negated: bool = False

    def judge(self, flow: Flow) -> Judged:
        possible: Names = getattr(flow, self.field)
        if possible.only is not None:
            fitting = frozenset(name for name in possible.only if any(_fits(name, p) for p in self.names))
            if fitting == possible.only or not fitting:
                return Judged("yes" if bool(fitting) != self.negated else "no", flow)
            into, rest = Names(fitting), Names(possible.only - fitting)
        else:
            asked = frozenset(n for n in self.names if not any(_fits(n, barred) for barred in possible.barred))
            if not asked:
                return Judged("yes" if self.negated else "no", flow)
            prefixes = any(name.endswith("*") for name in asked)
            into = possible if prefixes else Names(asked)
            rest = Names(None, possible.barred | asked)
        inside, outside = flow.narrowed(self.field, into), flow.narrowed(self.field, rest)
        return _some(self.field, ", ".join(sorted(self.names)), self.negated, inside, outside)


@dataclass(frozen=True)
class FamilyIs:
    """The packet is of this address family."""

    family: Family
    negated: bool = False

    def judge(self, flow: Flow) -> Judged:
        return Judged("yes" if (flow.family == self.family) != self.negated else "no", flow)


@dataclass(frozen=True)
class StateIs:
    """The connection, as conntrack sees it, is in one of these states (lower case)."""

    states: frozenset[str]
    negated: bool = False

    def judge(self, flow: Flow) -> Judged:
        if flow.states <= self.states:
            return Judged("no" if self.negated else "yes", flow)
        if self.states & {"dnat", "snat", "untracked"}:  # for other rules to decide
            return Judged("unclear", flow)
        return Judged("yes" if self.negated else "no", flow)


@dataclass(frozen=True)
class MarkIs:
    """The packet mark has `value` in the bits of `mask`. It is 0 as long as no rule set it."""

    value: int
    mask: int = 0xFFFFFFFF
    negated: bool = False

    def judge(self, flow: Flow) -> Judged:
        if self.value & self.mask & ~flow.marks:
            return Judged("yes" if self.negated else "no", flow)
        if not self.mask & flow.marks:
            return Judged("no" if self.negated else "yes", flow)
        return Judged("unclear", flow)


@dataclass(frozen=True)
class TcpFlagsAre:
    """Of the TCP flags in `mask`, exactly those in `flags` are set on the first packet."""

    flags: int
    mask: int
    negated: bool = False

    def judge(self, flow: Flow) -> Judged:
        return Judged("yes" if (flow.tcp_flags & self.mask == self.flags) != self.negated else "no", flow)


@dataclass(frozen=True)
class DestinationTypeIs:
    """The destination is an address of this kind (lower case: "local", "unicast", "broadcast", "multicast")."""

    kinds: frozenset[str]
    negated: bool = False

    def judge(self, flow: Flow) -> Judged:
        if flow.to_here is None and self.kinds & {"local", "unicast"}:
            return Judged("unclear", flow)
        holds = ("local" if flow.to_here else "unicast") in self.kinds
        return Judged("yes" if holds != self.negated else "no", flow)


@dataclass(frozen=True)
class AnyOf:
    """At least one of several conjunctions holds: the elements of a set of concatenations."""

    choices: tuple[tuple[Condition, ...], ...]
    negated: bool = False

    def judge(self, flow: Flow) -> Judged:
        open_choices: list[Judged] = []
        for choice in self.choices:
            judged = judge_all(choice, flow)
            if judged.answer == "yes":
                return Judged("no" if self.negated else "yes", flow)
            if judged.answer != "no":
                open_choices.append(judged)
        if not open_choices:
            return Judged("yes" if self.negated else "no", flow)
        if len(open_choices) == 1 and not self.negated:
            return open_choices[0]
        return Judged("unclear", flow)


@dataclass(frozen=True)
class Never:
    """About packets that this traffic has none of: other protocols, fragments."""

    negated: bool = False

    def judge(self, flow: Flow) -> Judged:
        return Judged("yes" if self.negated else "no", flow)


@dataclass(frozen=True)
class Unclear:
    """A match that says nothing decidable from here: rates, sets kept elsewhere, payloads, cgroups."""

    text: str

    def judge(self, flow: Flow) -> Judged:
        return Judged("unclear", flow)


def judge_all(conditions: tuple[Condition, ...], flow: Flow) -> Judged:
    """Judge a conjunction: each condition sees what the ones before it left."""
    inside, unclear = flow, False
    partial: list[Judged] = []
    for condition in conditions:
        judged = condition.judge(inside)
        if judged.answer == "no":
            return Judged("no", flow)
        unclear = unclear or judged.answer == "unclear"
        if judged.answer == "some":
            partial.append(judged)
        inside = judged.inside
    scope = ", ".join(judged.scope for judged in partial)
    if unclear:
        return Judged("unclear", inside, scope=scope)
    if not partial:
        return Judged("yes", inside)
    # `outside` of the only open condition is all there is beside it; with two, it would be an L-shape.
    outside, others = (partial[0].outside, partial[0].others) if len(partial) == 1 else (None, f"except {scope}")
    return Judged("some", inside, outside, scope, others)


def _some(field: str, text: str, negated: bool, inside: Flow, outside: Flow) -> Judged:
    said = f"{_SAID[field]} {text}"
    if negated:
        return Judged("some", outside, inside, f"not {said}", said)
    return Judged("some", inside, outside, said, f"not {said}")


def _fits(name: str, pattern: str) -> bool:
    return name.startswith(pattern[:-1]) if pattern.endswith("*") else name == pattern
