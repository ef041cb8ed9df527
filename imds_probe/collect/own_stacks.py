"""Containers whose programs have a network of their own behind the interfaces of their network namespace: those of gVisor, and
virtual machines, as Kata Containers and firecracker-containerd run them. A request from the namespace says nothing of theirs.

gVisor takes addresses and routes off the interface and has them itself (runsc/sandbox/network.go). Kata redirects all packets of
the interface to a tap, or stands a macvtap on it (virtcontainers/network_linux.go).
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable
from pathlib import Path

from imds_probe.facts.containers import Reach
from imds_probe.inventory.containers.processes import program
from imds_probe.net.namespaces import NamespaceError
from imds_probe.net.rtnetlink import Rtnetlink

_NOT_CONNECTED = ("refused", "unreachable")
_MACHINES = re.compile(
    r"qemu-[\w-]{1,40}|firecracker|cloud-hypervisor|containerd-shim-kata[\w-]{0,20}|stratovirt|crosvm"
)
_GVISOR = re.compile(r"runsc(?:-[\w-]{1,20})?")
PROCESSES_MAX = 100  # of one namespace


def own_stack(proc: Path, netns: Path, pids: Iterable[int], reach: tuple[Reach, ...], *, by_address: bool) -> str:
    """Why programs of a namespace may reach the service although a request from there does not, a clause; empty where nothing says
    so. `by_address`: an interface without an address says so, too.
    """
    if not reach or any(each.token not in _NOT_CONNECTED for each in reach):
        return ""
    for pid, _ in zip(pids, range(PROCESSES_MAX), strict=False):
        name = program(proc, pid)
        if _GVISOR.fullmatch(name):
            return "gVisor (runsc) has a network of its own there"
        if _MACHINES.fullmatch(name):
            return f"a virtual machine ({name}) runs there"
    with contextlib.suppress(OSError, NamespaceError), Rtnetlink(netns) as netlink:
        links = [link for link in netlink.links().values() if not link.loopback]
        addressed = netlink.addressed()
        if any(link.tap for link in links):
            return "a tap interface, as virtual machines have it, is in its network namespace"
        cables = [link for link in links if not link.kind or link.other is not None]
        if by_address and cables and not addressed.intersection(link.index for link in links):
            return "an interface is in its network namespace and has no address there, as under gVisor"
    return ""
