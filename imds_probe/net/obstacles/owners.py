"""Whether packet rules of a network tell processes by whose they are: asked of the kernel, as reading all rules takes long."""

from __future__ import annotations

import struct
from pathlib import Path

from imds_probe.net import namespaces
from imds_probe.net.netlink import attribute
from imds_probe.net.nfnetlink import Nfnetlink, is_loaded
from imds_probe.net.obstacles.saving import FAMILIES, legacy_tables

# NFTA_META_KEY with NFT_META_SKUID and NFT_META_SKGID of <linux/netfilter/nf_tables.h>, and the name of iptables' own match.
_OWNERS = (*(attribute(2, struct.pack("!I", key)) for key in (10, 11)), b"owner\0")


def may_tell_owners(netns: Path) -> bool:
    """Whether a rule there is one on users or groups, or may be: tables of legacy iptables are not looked into where the kernel
    has their match, as Docker has some in each container. False also where nobody may look.
    """
    try:
        return namespaces.call_in(netns, _in_this_namespace)
    except (namespaces.NamespaceError, OSError):
        return False


def _in_this_namespace() -> bool:
    if any(legacy_tables(prefix) and _knows_owners(prefix) for _, prefix in FAMILIES):
        return True
    if not is_loaded():
        return False  # there are no such rules, and the host is not to be changed by a question
    with Nfnetlink() as asking:
        return any(mark in rule for rule in asking.rules() for mark in _OWNERS)


def _knows_owners(prefix: str) -> bool:
    """Whether a rule of legacy iptables can be one on users: the kernel has the match, or does not say."""
    try:
        return "owner" in Path(f"/proc/thread-self/net/{prefix}_tables_matches").read_text().split()
    except OSError:
        return True
