"""What iptables and ip6tables have in the network namespace that the calling thread is in, as their programs print it.

Each is of one of two kinds, by what it keeps its rules in. The program whose name says no kind may be of either.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Literal, NamedTuple

from imds_probe.errors import CommandError, CommandMissing
from imds_probe.facts.imds import Family
from imds_probe.net.obstacles import iptables
from imds_probe.system import process

Kind = Literal["legacy", "nft"]
FAMILIES: tuple[tuple[Family, str], ...] = (("ipv4", "ip"), ("ipv6", "ip6"))


class Saved(NamedTuple):
    """What a program printed, None where none of the kind did. `trouble` is a line about one that could not be asked."""

    printed: bytes | None
    trouble: str = ""


def legacy_tables(prefix: str) -> list[str]:
    """The tables of legacy iptables ("ip") or ip6tables ("ip6") that the kernel has in this network; none where it has never heard
    of them. Raises OSError where it does not say.
    """
    try:
        return Path(f"/proc/thread-self/net/{prefix}_tables_names").read_text().split()
    except FileNotFoundError:
        return []


def saved_by(kind: Kind, prefix: str, deadline: float) -> Saved:
    """What the first program that is there and of this kind prints. `deadline` (time.monotonic) bounds each that is asked. Of the
    legacy kind nobody may be asked but where the kernel has tables: asking would make it load them.
    """
    for program in (f"{prefix}tables-{kind}-save", f"{prefix}tables-save"):
        try:
            saved = process.run((program,), timeout_s=max(0.001, deadline - time.monotonic()))
        except CommandMissing:
            continue
        except CommandError as error:
            return Saved(None, f"{program}: {error}")
        head = saved.stdout.partition(b"\n")[0]
        # Without any rules the nftables kind prints nothing; the legacy kind was asked because there are tables.
        if saved.returncode == 0 and (iptables.BY_NFT in head or not head) == (kind == "nft"):
            return Saved(saved.stdout)
    return Saved(None)
