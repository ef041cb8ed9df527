"""The left and right sides of a match in nft's JSON, as conditions: libnftables-json(5)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from imds_probe.dataclass import dataclass
from imds_probe.facts.imds import Family
from imds_probe.net.obstacles.conditions import (
    AnyOf,
    Condition,
    DestinationTypeIs,
    FamilyIs,
    FieldIs,
    InterfaceIs,
    MarkIs,
    Never,
    NumberField,
    StateIs,
    Unclear,
)
from imds_probe.net.obstacles.flow import EVERY_MARK, TCP
from imds_probe.net.obstacles.ranges import Ranges, between, network, only

Lookup = Callable[[str], list[Any] | None]  # the elements of a named set or map of the rule's table

_FAMILIES: Mapping[object, Family] = {
    "ipv4": "ipv4",
    "ip": "ipv4",
    2: "ipv4",  # AF_INET
    0x0800: "ipv4",  # ETH_P_IP
    "ipv6": "ipv6",
    "ip6": "ipv6",
    10: "ipv6",
    0x86DD: "ipv6",
}
_PAYLOADS: Mapping[tuple[str, str], NumberField] = {
    ("ip", "saddr"): "saddr",
    ("ip", "daddr"): "daddr",
    ("ip", "protocol"): "proto",
    ("ip", "ttl"): "ttl",
    ("ip6", "saddr"): "saddr",
    ("ip6", "daddr"): "daddr",
    ("ip6", "nexthdr"): "proto",
    ("ip6", "hoplimit"): "ttl",
    ("tcp", "sport"): "sport",
    ("tcp", "dport"): "dport",
    ("th", "sport"): "sport",
    ("th", "dport"): "dport",
}
_METAS: Mapping[str, str] = {
    "l4proto": "proto",
    "nfproto": "family",
    "protocol": "family",
    "iif": "iif",
    "iifname": "iif",
    "oif": "oif",
    "oifname": "oif",
    "skuid": "uid",
    "skgid": "gid",
    "mark": "mark",
}
_OTHER_PROTOCOLS = ("udp", "udplite", "sctp", "dccp", "icmp", "icmpv6", "igmp", "arp", "ah", "esp", "comp")
_HIGHEST = 2**128


@dataclass(frozen=True)
class Key:
    """What a match looks at. `field` is a NumberField, "iif", "oif", "mark", "state", "family", "type", or "" for what
    cannot be judged from here; `implied` are the conditions that looking at it brings along."""

    field: str
    implied: tuple[Condition, ...] = ()
    mask: int | None = None


def key(left: Any) -> Key:
    """Read the left side of a match, which is one expression and not a concatenation."""
    if not isinstance(left, dict) or len(left) != 1:
        return Key("")
    ((kind, inner),) = left.items()
    if kind == "payload" and isinstance(inner, dict):
        return _payload(str(inner.get("protocol", "")), str(inner.get("field", "")))
    if kind == "meta" and isinstance(inner, dict):
        return Key(_METAS.get(str(inner.get("key")), ""))
    if kind == "ct" and isinstance(inner, dict):
        return Key("state" if inner.get("key") == "state" else "")
    if kind == "fib" and isinstance(inner, dict):
        by_destination = inner.get("result") == "type" and inner.get("flags") in (["daddr"], "daddr")
        return Key("type" if by_destination else "")
    if kind == "&" and isinstance(inner, list) and len(inner) == 2:
        masked, mask = key(inner[0]), _mask(inner[1])
        return Key(masked.field, masked.implied, mask) if masked.field and mask is not None else Key("")
    return Key("")


def condition(at: Key, op: str, right: Any, lookup: Lookup) -> Condition:
    """One key compared with one right side: a value, a range, a prefix, a set or the name of one."""
    negated = op == "!="
    if op in ("<", "<=", ">", ">="):
        return _compared(at, op, right)
    elements = elements_of(right, lookup)
    if elements is None or (at.mask is not None and at.field != "mark"):
        return Unclear(f"{at.field} {op} {right}")
    try:
        return _among(at, [unwrapped(element) for element in elements], brief(right), negated)
    except (ValueError, TypeError, KeyError):
        return Unclear(f"{at.field} {op} {right}")


def concatenation(parts: list[Any], right: Any, lookup: Lookup, *, negated: bool) -> Condition:
    """Several keys compared at once with a set of concatenations."""
    elements = elements_of(right, lookup)
    keys = [key(part) for part in parts]
    if elements is None:
        return Unclear(brief(right))
    return AnyOf(tuple(matching(keys, element, lookup) for element in elements), negated)


def matching(keys: list[Key], element: Any, lookup: Lookup) -> tuple[Condition, ...]:
    """The conditions under which the keys have the values of one element of a set or map."""
    element = unwrapped(element)
    if element == "*":  # the catch-all element
        return ()
    if len(keys) == 1:
        return (*keys[0].implied, condition(keys[0], "==", element, lookup))
    values = element.get("concat") if isinstance(element, dict) else None
    if not isinstance(values, list) or len(values) != len(keys):
        return (Unclear(brief(element)),)
    found: list[Condition] = []
    for at, value in zip(keys, values, strict=True):
        found += [*at.implied, condition(at, "==", value, lookup)]
    return tuple(found)


def elements_of(right: Any, lookup: Lookup) -> list[Any] | None:
    """The values on a right side; None for a named set that is not known."""
    if isinstance(right, str) and right.startswith("@"):
        return lookup(right[1:])
    if isinstance(right, dict) and isinstance(right.get("set"), list):
        return list(right["set"])
    return list(right) if isinstance(right, list) else [right]


def unwrapped(element: Any) -> Any:
    """A set's element without its timeout, counter and comment."""
    if isinstance(element, dict) and isinstance(element.get("elem"), dict):
        return element["elem"].get("val")
    return element


def brief(right: Any) -> str:
    """A right side in the words of nft, short, to say whom a rule concerns."""
    right = unwrapped(right)
    if isinstance(right, dict):
        if isinstance(right.get("prefix"), dict):
            return f"{right['prefix'].get('addr')}/{right['prefix'].get('len')}"
        if isinstance(right.get("range"), list):
            return "-".join(str(end) for end in right["range"])
        members = right.get("set", right.get("concat"))
        return _listed(members) if isinstance(members, list) else str(right)[:60]
    return _listed(right) if isinstance(right, list) else str(right)[:60]


def _listed(members: Iterable[Any]) -> str:
    listed = list(members)
    shown = ", ".join(brief(member) for member in listed[:3])
    return f"{{{shown}{', …' if len(listed) > 3 else ''}}}"


def _payload(protocol: str, name: str) -> Key:
    if protocol in _OTHER_PROTOCOLS:
        return Key("", (Never(),))
    implied: tuple[Condition, ...] = ()
    if protocol in ("ip", "ip6"):
        implied = (FamilyIs("ipv4" if protocol == "ip" else "ipv6"),)
    return Key(_PAYLOADS.get((protocol, name), ""), implied)


def _among(at: Key, values: list[Any], text: str, negated: bool) -> Condition:
    match at.field:
        case "saddr" | "daddr" | "sport" | "dport" | "proto" | "ttl" | "uid" | "gid":
            spans = [span for value in values for span in _numbers(at.field, value).spans]
            return FieldIs(at.field, Ranges.of(spans), text, negated)
        case "iif" | "oif":
            names = frozenset(str(value) for value in values)
            return InterfaceIs("iif" if at.field == "iif" else "oif", names, negated)
        case "state":
            return StateIs(frozenset(str(value) for value in values), negated)
        case "type":
            return DestinationTypeIs(frozenset(str(value) for value in values), negated)
        case "family":
            # Of two families, one among the values means that one, both mean no condition, none means never.
            families = {_FAMILIES[value] for value in values if value in _FAMILIES}
            if len(families) == 1:
                return FamilyIs(families.pop(), negated)
            return Never(negated != bool(families))
        case "mark":
            mask = EVERY_MARK if at.mask is None else at.mask
            return AnyOf(tuple((MarkIs(int(value), mask),) for value in values), negated)
    return Unclear(text)


def _compared(at: Key, op: str, right: Any) -> Condition:
    match at.field:
        case "sport" | "dport" | "proto" | "ttl" | "uid" | "gid" if isinstance(right, int) and at.mask is None:
            spans = {
                "<": (0, right - 1),
                "<=": (0, right),
                ">": (right + 1, _HIGHEST),
                ">=": (right, _HIGHEST),
            }
            return FieldIs(at.field, Ranges.of([spans[op]]), f"{op} {right}")
    return Unclear(f"{at.field} {op} {right}")


def _numbers(field: str, value: Any) -> Ranges:
    if isinstance(value, dict):
        if "range" in value:
            low, high = value["range"]
            if field in ("saddr", "daddr"):
                return between(str(low), str(high))
            return Ranges.of([(int(low), int(high))])
        prefix = value["prefix"]
        return network(f"{prefix['addr']}/{prefix['len']}")
    if field in ("saddr", "daddr"):
        return network(str(value))
    if field == "proto" and isinstance(value, str) and not value.isdigit():
        return only(TCP if value == "tcp" else -1)  # whichever other protocol it is, this traffic has none of it
    return only(int(value))


def _mask(value: Any) -> int | None:
    return value if isinstance(value, int) else None
