"""The text of rules, as `nft -a list ruleset` prints them, found by handle."""

from __future__ import annotations

import re
from collections.abc import Collection

from imds_probe.net.obstacles.nft_quoting import nft_rule
from imds_probe.net.obstacles.nftables import TOOL
from imds_probe.net.obstacles.ruleset import ChainKey

TEXT_MAX = 4096  # of one rule
_FLAGS = re.compile(r"^\tflags (.*)$")
_TABLE = re.compile(r"^table (\S+) (\S+) \{")
_CHAIN = re.compile(r"^\tchain (\S+) \{")
_COUNTER = re.compile(r"counter packets \d{1,20} bytes \d{1,20} ?")
_RULE = re.compile(r"^\t\t(.*\S) # handle ([0-9]{1,19})$")


def dormant(listing: bytes) -> frozenset[tuple[str, str]]:
    """Family and name of the tables that are switched off: nft(8), TABLES."""
    found: set[tuple[str, str]] = set()
    opened: re.Match[str] | None = None
    for line in listing.decode(errors="replace").splitlines():
        if line.startswith("table "):
            opened = _TABLE.match(line)
        elif opened and (flags := _FLAGS.match(line)) and "dormant" in flags[1].replace(",", " ").split():
            found.add((opened[1], opened[2]))
        elif not line.startswith("\tcomment "):
            opened = None  # flags stand at the head of a table; further down a comment can look like them
    return frozenset(found)


def quotes(listing: bytes, wanted: Collection[tuple[ChainKey, int]]) -> dict[tuple[ChainKey, int], str]:
    """The rules among `wanted` (chain and handle) that the listing has, each in one line without its counters, as far as
    a rule is quoted.

    A comment can hold line breaks and so play a rule. A handle that seems to occur twice is left out for that reason.
    """
    found: dict[tuple[ChainKey, int], str] = {}
    doubled: set[tuple[ChainKey, int]] = set()
    family = table = chain = ""
    for line in listing.decode(errors="replace").splitlines():
        if line.startswith("table "):
            opened = _TABLE.match(line)
            family, table, chain = (opened[1], opened[2], "") if opened else ("", "", "")
        elif line.startswith("\tchain "):
            opened = _CHAIN.match(line)
            chain = opened[1] if opened else ""
        elif line.startswith("\t\t") and (rule := _RULE.match(line)):
            place = (TOOL, family, table, chain), int(rule[2])
            if place in found:
                doubled.add(place)
            elif place in wanted:
                found[place] = nft_rule(_COUNTER.sub("", rule[1][:TEXT_MAX]).rstrip())
    return {place: text for place, text in found.items() if place not in doubled}
