"""The statements of one nftables rule as conditions and actions: libnftables-json(5), STATEMENTS."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from imds_probe.dataclass import dataclass
from imds_probe.net.obstacles.conditions import Condition, TcpFlagsAre, Unclear
from imds_probe.net.obstacles.flow import EVERY_MARK
from imds_probe.net.obstacles.nft_values import (
    Lookup,
    brief,
    concatenation,
    condition,
    elements_of,
    key,
    matching,
    unwrapped,
)
from imds_probe.net.obstacles.ruleset import Action, ActionKind

Meant = tuple[tuple[Condition, ...], Action]

_VERDICTS: dict[str, ActionKind] = {
    "accept": "accept",
    "drop": "drop",
    "reject": "reject",
    "return": "return",
    "snat": "accept",
    "masquerade": "accept",
    "queue": "elsewhere",
    "fwd": "elsewhere",
    "synproxy": "elsewhere",
}
# They count, write down or prepare something, and let the packet go on.
_HARMLESS = frozenset(
    ("counter", "log", "continue", "notrack", "dup", "flow", "ct helper", "ct timeout", "ct expectation", "secmark")
)
_TCP_FLAGS = {"fin": 1, "syn": 2, "rst": 4, "psh": 8, "ack": 16, "urg": 32, "ecn": 64, "cwr": 128}
# Extensions of iptables of which nft knows the name only; their options are with iptables-nft-save.
_XT_TARGETS: dict[str, ActionKind] = {
    "REJECT": "reject",
    "DNAT": "redirect",
    "REDIRECT": "redirect",
    "TPROXY": "redirect",
    "SNAT": "accept",
    "MASQUERADE": "accept",
    "LOG": "pass",
    "NFLOG": "pass",
    "CT": "pass",
    "TCPMSS": "pass",
}


@dataclass(frozen=True)
class Meaning:
    """What a rule's words refer to: the sets of its table. `known` keeps conditions on named sets, which many share."""

    lookup: Lookup
    table: tuple[str, ...]
    known: dict[tuple[object, ...], Condition]


def meaning(statements: list[dict[str, Any]], context: Meaning) -> Iterator[Meant]:
    """Read statements in order: each that acts becomes one pair, under all conditions before it.

    A verdict map becomes one pair for each element, in order.
    """
    conditions: list[Condition] = []
    for statement in statements:
        ((kind, inner), *_) = statement.items() or [("", None)]
        if kind == "match" and isinstance(inner, dict):
            conditions += _match(inner, context)
        elif kind == "vmap" and isinstance(inner, dict):
            for extra, verdict in _branches(inner, context):
                yield (*conditions, *extra), _verdict(verdict)
        elif kind in ("dnat", "redirect", "tproxy"):
            for extra, target in _targets(inner if isinstance(inner, dict) else {}, context):
                yield (*conditions, *extra), Action("redirect", target)
        elif kind == "mangle" and isinstance(inner, dict):
            yield tuple(conditions), _mangled(inner)
        elif kind in _VERDICTS or kind in ("jump", "goto"):
            yield tuple(conditions), _verdict(statement)
        elif kind == "xt" and isinstance(inner, dict) and inner.get("type") == "target":
            yield tuple(conditions), Action(_XT_TARGETS.get(str(inner.get("name")), "elsewhere"))
        elif kind not in _HARMLESS and not _only_updates(kind, inner):
            conditions.append(Unclear(kind))  # limit, quota, ct count, xt matches and whatever later versions add


def _only_updates(kind: str, inner: Any) -> bool:
    """Adding to a set lets everything go on, unless a limit stands beside it."""
    return kind in ("set", "map") and isinstance(inner, dict) and not inner.get("stmt")


def _match(inner: dict[str, Any], context: Meaning) -> tuple[Condition, ...]:
    op, left, right = str(inner.get("op", "==")), inner.get("left"), inner.get("right")
    if isinstance(left, dict) and isinstance(left.get("concat"), list):
        return (concatenation(left["concat"], right, context.lookup, negated=op == "!="),)
    flags = _flags_match(op, left, right)
    if flags is not None:
        return (flags,)
    at = key(left)
    if isinstance(right, str) and right.startswith("@"):
        # Twenty thousand rules may name one set of sixty thousand elements: read it once.
        place = (*context.table, right, at, op)
        if place not in context.known:
            context.known[place] = condition(at, op, right, context.lookup)
        return (*at.implied, context.known[place])
    return (*at.implied, condition(at, op, right, context.lookup))


def _branches(inner: dict[str, Any], context: Meaning) -> Iterator[tuple[tuple[Condition, ...], Any]]:
    """The elements of a map, each as conditions on its key and the value it leads to."""
    left = inner.get("key")
    parts = left["concat"] if isinstance(left, dict) and isinstance(left.get("concat"), list) else [left]
    keys = [key(part) for part in parts]
    elements = elements_of(inner.get("data"), context.lookup)
    if elements is None:
        yield (Unclear(brief(inner.get("data"))),), None
        return
    for element in elements:
        pair = element
        if isinstance(pair, list) and len(pair) == 2:
            yield matching(keys, pair[0], context.lookup), unwrapped(pair[1])
        else:
            yield (Unclear("map"),), None


def _verdict(statement: Any) -> Action:
    if isinstance(statement, str):
        statement = {statement: None}
    if not isinstance(statement, dict) or not statement:
        return Action("elsewhere")
    ((kind, inner), *_) = statement.items()
    if kind in ("jump", "goto"):
        to = str(inner.get("target")) if isinstance(inner, dict) else str(inner)
        return Action("jump" if kind == "jump" else "goto", to)
    if kind in _VERDICTS:
        return Action(_VERDICTS[kind])
    return Action("pass" if kind == "continue" else "elsewhere")


def _targets(inner: dict[str, Any], context: Meaning) -> Iterator[tuple[tuple[Condition, ...], str]]:
    """Where a dnat, redirect or tproxy statement leads; through a map, one target for each of its elements."""
    address, port = inner.get("addr"), inner.get("port")
    for part in (address, port):
        if isinstance(part, dict) and isinstance(part.get("map"), dict):
            for extra, value in _branches(part["map"], context):
                yield extra, _target(value, None) if part is address else _target(address, value)
            return
    yield (), _target(address, port)


def _target(address: Any, port: Any) -> str:
    if isinstance(address, dict) and isinstance(address.get("concat"), list) and len(address["concat"]) == 2:
        address, port = address["concat"]
    host = "" if address is None else brief(address)
    if port is None:
        return host
    return f"[{host}]:{brief(port)}" if ":" in host else f"{host}:{brief(port)}"


def _mangled(inner: dict[str, Any]) -> Action:
    at, value = key(inner.get("key")), inner.get("value")
    if at.field == "mark":
        if isinstance(value, dict) and isinstance(value.get("|"), list):
            value = next((part for part in value["|"] if isinstance(part, int)), None)
        return Action("mark", number=value if isinstance(value, int) else EVERY_MARK)
    if at.field == "ttl" and isinstance(value, int):
        return Action("ttl", number=value)
    # Rewriting addresses without NAT is rare, and then what this flow is has changed.
    return Action("elsewhere" if at.field in ("daddr", "dport", "saddr") else "pass")


def _flags_match(op: str, left: Any, right: Any) -> Condition | None:
    """`tcp flags & (fin | syn) == syn`, and `tcp flags syn`; None where the match is about something else."""
    mask: int | None = None
    if isinstance(left, dict) and isinstance(left.get("&"), list) and len(left["&"]) == 2:
        left, mask = left["&"][0], _flag_bits(left["&"][1])
        if mask is None:
            return None
    if left != {"payload": {"protocol": "tcp", "field": "flags"}}:
        return None
    wanted = _flag_bits(right)
    if wanted is None:
        return Unclear("tcp flags")
    if mask is not None and op in ("==", "!="):
        return TcpFlagsAre(wanted, mask, negated=op == "!=")
    if mask is None and op in ("==", "!="):
        return TcpFlagsAre(wanted, 0xFF, negated=op == "!=")
    if mask is None and op == "!":  # none of them is set
        return TcpFlagsAre(0, wanted)
    if mask is None and op == "in":  # any of them is set
        return TcpFlagsAre(0, wanted, negated=True)
    return Unclear("tcp flags")


def _flag_bits(value: Any) -> int | None:
    """The bits of flags given by name, as a list, or joined by |; None where that cannot be said."""
    if isinstance(value, dict):
        value = value.get("|")
        if not isinstance(value, list):
            return None
    bits = 0
    for each in value if isinstance(value, list) else [value]:
        known = _TCP_FLAGS.get(each) if isinstance(each, str) else each
        inner = known if isinstance(known, int) else _flag_bits(known) if isinstance(known, dict) else None
        if inner is None:
            return None
        bits |= inner
    return bits
