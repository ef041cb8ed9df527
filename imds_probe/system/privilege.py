"""What this process may do, by its effective capabilities: root without them sees as little as anybody."""

from __future__ import annotations

import os
import re
from collections.abc import Collection
from pathlib import Path

from imds_probe.system.small_file import read_head

CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH, CAP_NET_ADMIN, CAP_NET_RAW = 1, 2, 12, 13
CAP_SYS_PTRACE, CAP_SYS_ADMIN = 19, 21
_EFFECTIVE = re.compile(rb"^CapEff:\t([0-9a-f]{1,16})$", re.MULTILINE)
INITIAL_USER_NAMESPACE = 0xEFFFFFFD  # PROC_USER_INIT_INO in <linux/proc_ns.h>
EVERYBODY = 2**32 - 1  # users that the initial user namespace has
NEEDED = (CAP_NET_RAW, CAP_SYS_PTRACE, CAP_SYS_ADMIN)


def privileged(status: Path = Path("/proc/self/status")) -> bool:
    """Whether all is there that a full run needs: packet capture, other users' processes, entering namespaces."""
    return _has(status, NEEDED)


def may_rehearse(status: Path = Path("/proc/self/status")) -> bool:
    """Whether packet rules may be set, without which there is no rehearsal."""
    return _has(status, (CAP_NET_ADMIN,))


def has(capability: int, status: Path = Path("/proc/self/status")) -> bool:
    """Whether this one is there."""
    return _has(status, (capability,))


def rules_host(proc: Path) -> bool:
    """Whether capabilities of this process count on the host whose /proc this is: in a user namespace below that of its first
    process they count for nothing that was made outside. Where that process does not show its own, the host's is the initial one.
    """
    try:
        own = os.stat("/proc/self/ns/user").st_ino
    except OSError:
        return True  # a kernel without user namespaces
    try:
        return own == os.stat(proc / "1/ns/user").st_ino
    except OSError:
        return own == INITIAL_USER_NAMESPACE


def knows_all_users(uid_map: Path = Path("/proc/self/uid_map")) -> bool:
    """Whether every user has a number in the user namespace of this process: files of others are closed to its root."""
    try:
        lines = read_head(uid_map, 16 * 1024).split(b"\n")
    except OSError:
        return True
    return sum(int(line.split()[2]) for line in lines if len(line.split()) == 3) >= EVERYBODY


def _has(status: Path, needed: Collection[int]) -> bool:
    try:
        content = read_head(status, 16 * 1024)
    except OSError:
        return False
    found = _EFFECTIVE.search(content)
    return found is not None and all(int(found[1], 16) >> capability & 1 for capability in needed)
