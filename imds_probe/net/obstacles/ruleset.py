"""Packet rules in one form, whichever tool wrote them: chains of conditions with one action each."""

from __future__ import annotations

from dataclasses import field
from typing import Literal

from imds_probe.dataclass import dataclass
from imds_probe.facts.imds import Family
from imds_probe.net.obstacles.conditions import Condition

ActionKind = Literal[
    "accept",
    "drop",
    "reject",
    "return",
    "jump",
    "goto",
    "redirect",  # to another address or port, also of the machine itself
    "mark",  # sets bits of the packet mark
    "ttl",  # sets the TTL
    "ttl-add",  # raises the TTL, or lowers it
    "pass",  # nothing to the way of the packet
    "elsewhere",  # what becomes of the packet is decided outside of the rules
]
ChainKey = tuple[str, str, str, str]  # tool, family, table, chain; jumps stay within a table


@dataclass(frozen=True)
class Action:
    """What a rule does. `to` is the chain of a jump or the target of a redirect, `number` the mark bits, the TTL or what
    is added to it, below 0 where it is lowered."""

    kind: ActionKind
    to: str = ""
    number: int = 0


@dataclass(frozen=True)
class Rule:
    """All conditions, then the action. `line` is the rule as iptables-save prints it, empty for one of nft's: `handle` finds
    that in the text that nft prints; 0 where there is none.
    """

    conditions: tuple[Condition, ...]
    action: Action
    line: str
    handle: int = 0


@dataclass
class Chain:
    """A chain; `hook` is empty unless it is a base chain, which alone sees packets by itself."""

    key: ChainKey
    families: tuple[Family, ...]
    hook: str = ""
    priority: int = 0
    policy: str = "accept"
    kind: str = "filter"
    rules: list[Rule] = field(default_factory=list)

    @property
    def place(self) -> str:
        """The chain as a reader looks for it: "nftables ip nat prerouting", "iptables-legacy filter OUTPUT"."""
        return " ".join(part for part in self.key if part)
