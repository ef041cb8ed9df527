"""One routing rule of ip-rule(8): whether it concerns requests to the metadata address, and whose alone."""

from __future__ import annotations

import ipaddress

from imds_probe.dataclass import dataclass
from imds_probe.facts.imds import Family
from imds_probe.net.obstacles.flow import ADDRESSES
from imds_probe.net.obstacles.ip_listing import Entry, number, span
from imds_probe.net.obstacles.obstacle import AppliesTo

# Selectors that say whose packets they are about; marks and the rest say nothing that could be told apart from here.
_OPEN = ("fwmark", "tos", "dsfield", "l3mdev", "tun_id", "oif", "sport")


@dataclass(frozen=True)
class Selected:
    """A rule that can apply. `scopes` in words, empty: it applies to every request of `applies_to`.

    `exact` is True where the scopes say exactly for whom it applies.
    """

    priority: int
    table: str
    action: str
    goto: int
    suppressed: int  # routes of at most this prefix length do not count; -1: all do
    scopes: tuple[str, ...]
    exact: bool
    applies_to: AppliesTo
    text: str


def selected(rule: Entry, family: Family) -> Selected | None:
    """Read a rule as iproute2's JSON has it; None where it cannot concern these requests."""
    scopes: list[str] = []
    open_ended = any(name in rule for name in _OPEN)
    applies_to: AppliesTo = "any"
    if "not" in rule:  # it turns around all selectors together
        open_ended = True
    elif not _concerns(rule, family):
        return None
    if rule.get("src", "all") != "all":
        scopes.append(f"from {_prefix(rule, 'src')}")
    if "uid_start" in rule:
        first, last = rule["uid_start"], rule.get("uid_end", rule["uid_start"])
        scopes.append(f"uid {first}" if first == last else f"uid {first}-{last}")
        applies_to = "output"
    if "iif" in rule:
        applies_to = "output" if rule["iif"] == "lo" else "forward"  # lo stands for packets made here: ip-rule(8)
        if rule["iif"] != "lo":
            scopes.append(f"in via {rule['iif']}")
    if open_ended:
        scopes.append("some packets")
    table = rule.get("table")
    return Selected(
        priority=number(rule, "priority"),
        table="" if table is None else str(table),
        action=str(rule.get("action", "")),
        goto=goto if isinstance(goto := rule.get("goto"), int) else 0,
        suppressed=number(rule, "suppress_prefixlen", -1),
        scopes=tuple(scopes),
        exact=bool(scopes) and not open_ended,
        applies_to=applies_to,
        text=_text(rule),
    )


def _concerns(rule: Entry, family: Family) -> bool:
    if "dst" in rule and rule["dst"] != "all":
        first, last = span(_prefix(rule, "dst"))
        if not first <= int(ipaddress.ip_address(ADDRESSES[family])) <= last:
            return False
    if str(rule.get("ipproto", "tcp")) not in ("tcp", "6"):
        return False
    if "dport" in rule or "dport_start" in rule:
        first = number(rule, "dport_start" if "dport_start" in rule else "dport")
        return first <= 80 <= number(rule, "dport_end", first)
    return True


def _prefix(rule: Entry, end: str) -> str:
    length = rule.get(f"{end}len")
    return f"{rule[end]}/{length}" if length is not None else str(rule[end])


def _text(rule: Entry) -> str:
    """A rule in the words of ip-rule(8)."""
    words = [f"{rule.get('priority', 0)}:"]
    if "not" in rule:
        words.append("not")
    words += ["from", _prefix(rule, "src") if "src" in rule else "all"]
    if "dst" in rule:
        words += ["to", _prefix(rule, "dst")]
    for name in ("fwmark", "fwmask", "iif", "oif", "uid_start", "uid_end", "ipproto", "sport", "dport"):
        if name in rule:
            words += [name.replace("uid_start", "uidrange").replace("uid_end", "to"), str(rule[name])]
    words.append(f"lookup {rule['table']}" if "table" in rule else str(rule.get("action", rule.get("goto", ""))))
    return " ".join(words)
