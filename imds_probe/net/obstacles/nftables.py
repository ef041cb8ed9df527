"""Rules as `nft -j list ruleset` prints them: libnftables-json(5)."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from imds_probe.errors import ProbeError
from imds_probe.facts.imds import Family
from imds_probe.net.obstacles.nft_quoting import nft_json
from imds_probe.net.obstacles.nft_statements import Meaning, meaning
from imds_probe.net.obstacles.ruleset import Chain, ChainKey, Rule

TOOL = "nftables"
FAMILIES: Mapping[str, tuple[Family, ...]] = {
    "ip": ("ipv4",),
    "ip6": ("ipv6",),
    "inet": ("ipv4", "ipv6"),
    "netdev": ("ipv4", "ipv6"),
    "bridge": ("ipv4", "ipv6"),
}
RULES_MAX = 30_000


class Nftables:
    """One listing, read. `chains` is what to walk; `truncated` says that there were more than RULES_MAX rules."""

    def __init__(self, listing: bytes) -> None:
        """Take what `nft -j list ruleset` printed. Raises ProbeError where it is something else."""
        try:
            self._entries = [entry for entry in json.loads(listing)["nftables"] if isinstance(entry, dict)]
        except (ValueError, KeyError, TypeError, RecursionError):
            raise ProbeError("nft printed something else than its JSON", "Update nftables") from None
        self._sets: dict[tuple[str, str, str], list[Any]] = {}
        self._known: dict[tuple[object, ...], Any] = {}
        self._raw: dict[tuple[ChainKey, int], Any] = {}
        self.truncated = False

    @property
    def uses_xtables(self) -> bool:
        """Whether there are rules of iptables-nft of which nft only knows the name of the extension."""
        return any("xt" in statement for rule in self._listed("rule") for statement in _statements(rule))

    @property
    def has_table_flags(self) -> bool:
        """Whether any table may be switched off."""
        return any("flags" in table for table in self._listed("table"))

    def chains(self, xtables: Mapping[ChainKey, Chain], dormant: Collection[tuple[str, str]]) -> dict[ChainKey, Chain]:
        """All chains with their rules. `xtables` are the chains as iptables-nft-save prints them, keyed as here;
        `dormant` the tables, by family and name, that are switched off."""
        for kind in ("set", "map"):
            for each in self._listed(kind):
                elements = each.get("elem", [])
                self._sets[_names(each)] = elements if isinstance(elements, list) else [elements]
        found: dict[ChainKey, Chain] = {}
        for each in self._listed("chain"):
            family, table, name = _names(each)
            if family in FAMILIES and (family, table) not in dormant:
                found[(TOOL, family, table, name)] = _chain(each, (TOOL, family, table, name))
        lines: dict[ChainKey, list[Any]] = {}
        for count, rule in enumerate(self._listed("rule")):
            if count >= RULES_MAX:
                self.truncated = True
                break
            chain_key = (TOOL, str(rule.get("family")), str(rule.get("table")), str(rule.get("chain")))
            if chain_key in found:
                lines.setdefault(chain_key, []).append(rule)
        for chain_key, rules in lines.items():
            saved = xtables[chain_key].rules if chain_key in xtables else []
            # The two listings are two looks at one chain. Only with as many rules in both are they the same rules.
            same = len(saved) == len(rules)
            for at, rule in enumerate(rules):
                found[chain_key].rules += self._rules(chain_key, rule, saved[at] if same else None)
        return found

    def raw_quote(self, chain: ChainKey, handle: int) -> str:
        """A rule in nft's JSON as far as it is quoted, for where its text cannot be had."""
        return json.dumps(nft_json(self._raw.get((chain, handle))), separators=(",", ":"), ensure_ascii=False)

    def _rules(self, at: ChainKey, rule: dict[str, Any], saved: Rule | None) -> Iterator[Rule]:
        handle = rule.get("handle")
        handle = handle if isinstance(handle, int) else 0
        self._raw[(at, handle)] = rule.get("expr")
        if saved is not None and any("xt" in statement for statement in _statements(rule)):
            yield saved
            return
        context = Meaning(lambda name: self._sets.get((at[1], at[2], name)), at[1:3], self._known)
        for conditions, action in meaning(_statements(rule), context):
            yield Rule(conditions, action, "", handle)

    def _listed(self, kind: str) -> Iterator[dict[str, Any]]:
        return (entry[kind] for entry in self._entries if isinstance(entry.get(kind), dict))


def _names(each: dict[str, Any]) -> tuple[str, str, str]:
    return str(each.get("family")), str(each.get("table")), str(each.get("name"))


def _statements(rule: dict[str, Any]) -> list[dict[str, Any]]:
    """The statements of a rule; one that is a bare word becomes an object without content."""
    expressions = rule.get("expr")
    if not isinstance(expressions, list):
        return []
    return [each if isinstance(each, dict) else {str(each): None} for each in expressions]


def _chain(each: dict[str, Any], key: ChainKey) -> Chain:
    priority = each.get("prio")
    return Chain(
        key,
        FAMILIES[key[1]],
        hook=str(each.get("hook", "")),
        priority=priority if isinstance(priority, int) else 0,
        policy=str(each.get("policy", "accept")),
        kind=str(each.get("type", "filter")),
    )
