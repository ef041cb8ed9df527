"""All packet rules of the network namespace that the calling thread is in: nftables, and iptables in both kinds.

A rule that iptables keeps in nftables is read once: nft's listing has it, and iptables-nft-save only lends the words
for the extensions of which nft knows no more than the name. (The other way round it loses what only nft can say: it
prints a rule about a named set as if it had no condition.)
"""

from __future__ import annotations

import time
from collections.abc import Collection

from imds_probe.errors import CommandError, ProbeError
from imds_probe.facts.imds import Family
from imds_probe.net.obstacles import iptables, nft_text, nftables
from imds_probe.net.obstacles.ruleset import Chain, ChainKey
from imds_probe.net.obstacles.saving import FAMILIES, Kind, legacy_tables, saved_by
from imds_probe.system import process


class PacketRules:
    """What could be read. `unread` has one line for each thing that could not."""

    def __init__(self, deadline: float, without: str = "") -> None:
        """Read everything but the nftables tables of one name. `deadline` (time.monotonic) bounds each program that is asked."""
        self._deadline = deadline
        self._without = {(prefix, without) for _, prefix in FAMILIES}
        self._nft: nftables.Nftables | None = None
        self._text: bytes | None = None
        self.chains: dict[ChainKey, Chain] = {}
        self.unread: list[str] = []
        self._read_nftables()
        for family, prefix in FAMILIES:
            self._read_legacy(family, prefix)

    def quotes(self, wanted: Collection[tuple[ChainKey, int]]) -> dict[tuple[ChainKey, int], str]:
        """The text of nftables rules, by chain and handle: as nft prints it, or else its JSON."""
        if self._nft is None or not wanted:
            return {}
        texts = nft_text.quotes(self._listed_as_text(), wanted)
        return {place: texts.get(place) or self._nft.raw_quote(*place) for place in wanted}

    def _read_nftables(self) -> None:
        try:
            listed = self._run("nft", "-j", "list", "ruleset")
            if listed.returncode != 0:
                raise ProbeError(f"nft: {_reason(listed)}")
            nft = nftables.Nftables(listed.stdout)
        except ProbeError as error:
            self.unread.append(f"nftables: {error}")
            # What iptables put there can still be read; what others did, not.
            self.chains |= self._saved_from_nftables()
            return
        self._nft = nft
        # The flags of tables are only asked of the text: nft 1.0.6 writes the table's name in their place into JSON.
        asleep = nft_text.dormant(self._listed_as_text()) if nft.has_table_flags else frozenset()
        self.chains |= nft.chains(self._saved_from_nftables() if nft.uses_xtables else {}, asleep | self._without)
        if nft.truncated:
            self.unread.append(f"nftables: only the first {nftables.RULES_MAX} rules were read")

    def _listed_as_text(self) -> bytes:
        """nft's listing as text, asked for once; empty where it cannot be had, as the JSON is as true."""
        if self._text is None:
            try:
                listed = self._run("nft", "-a", "list", "ruleset")
            except CommandError:
                self._text = b""
            else:
                self._text = listed.stdout if listed.returncode == 0 else b""
        return self._text

    def _saved_from_nftables(self) -> dict[ChainKey, Chain]:
        found: dict[ChainKey, Chain] = {}
        for family, prefix in FAMILIES:
            saved = self._saved("nft", prefix)
            if saved is not None:
                found |= iptables.chains(saved, nftables.TOOL, family)
        return found

    def _read_legacy(self, family: Family, prefix: str) -> None:
        """Read the legacy tables that the kernel has. Asking without looking first would make it load them."""
        try:
            names = legacy_tables(prefix)
        except OSError as error:
            self.unread.append(f"legacy {prefix}tables: {error.strerror}; needs root (CAP_NET_ADMIN)")
            return
        if not names:
            return
        saved = self._saved("legacy", prefix)
        if saved is None:
            self.unread.append(
                f"legacy {prefix}tables: the kernel has tables ({', '.join(names)[:60]}), "
                f"and {prefix}tables-legacy-save could not list them"
            )
            return
        if saved.count(b"\n") > iptables.LINES_MAX:
            self.unread.append(f"legacy {prefix}tables: only the first {iptables.LINES_MAX} lines were read")
        self.chains |= iptables.chains(saved, f"{prefix}tables-legacy", family)

    def _saved(self, kind: Kind, prefix: str) -> bytes | None:
        """What the program of this kind prints; None where there is none, or no use of it."""
        saved = saved_by(kind, prefix, self._deadline)
        if saved.trouble:
            self.unread.append(saved.trouble)
        return saved.printed

    def _run(self, *argv: str) -> process.Completed:
        return process.run(argv, timeout_s=max(0.001, self._deadline - time.monotonic()))


def _reason(done: process.Completed) -> str:
    said = done.stderr_line() or f"exit code {done.returncode}"
    return f"{said}; needs root (CAP_NET_ADMIN)" if "ermitted" in said or "ermission" in said else said
