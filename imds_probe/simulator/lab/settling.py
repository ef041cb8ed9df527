"""Waiting until a new link passes packets.

ip returns before the kernel has finished: two steps are left to work queues, and a packet that comes too early is lost
and sent again a second later. On a busy machine that happens to one first connection in a hundred.
"""

from __future__ import annotations

import array
import contextlib
import fcntl
import socket
import struct
import time
from pathlib import Path

from imds_probe.net import namespaces
from imds_probe.simulator.lab.plumbing import LabError

WITHIN_S = 5.0
POLL_S = 0.001
SIOCETHTOOL, ETHTOOL_GLINK = 0x8946, 10  # <linux/sockios.h>, <linux/ethtool.h>
SIOCGIFFLAGS, IFF_LOOPBACK, IFF_NOARP = 0x8913, 0x8, 0x80  # <linux/sockios.h>, <linux/if.h>
NET = Path("/proc/thread-self/net")  # /proc/net is the first thread's, whichever thread asks


def settle(*netns: Path) -> None:
    """Wait until every link of the namespaces sends, receives and answers for its addresses.

    Raises LabError where that takes more than WITHIN_S seconds.
    """
    for one in netns:
        namespaces.call_in(one, _settle_here)


def _settle_here() -> None:
    deadline = time.monotonic() + WITHIN_S
    while missing := unanswered_addresses():
        if time.monotonic() > deadline:
            raise LabError(f"the kernel did not finish setting up {', '.join(sorted(missing))}", "Try again")
        time.sleep(POLL_S)
    # An address joins its group before its route is in place, but both under one lock, which the next step takes too.
    finish_carrier_events()


def unanswered_addresses() -> set[str]:
    """IPv6 addresses of this thread's namespace that neighbour discovery would not yet find, as ADDRESS@LINK.

    An address is found through its solicited-node group, made of its last 24 bits: RFC 4291, 2.7.1. The kernel joins
    that group later than it lists the address, also for addresses that need no duplicate detection.
    """
    try:
        addresses = [line.split() for line in (NET / "if_inet6").read_text().splitlines()]
        joined = {(line.split()[1], line.split()[2]) for line in (NET / "igmp6").read_text().splitlines()}
    except FileNotFoundError:
        return set()  # a kernel without IPv6
    return {
        f"{fields[0]}@{fields[5]}"
        for fields in addresses
        if (fields[5], f"ff0200000000000000000001ff{fields[0][-6:]}") not in joined and _asks_neighbours(fields[5])
    }


def _asks_neighbours(link: str) -> bool:
    """Loopbacks and links without neighbour resolution, as those of ipvlan L3, join no such groups."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        try:
            answer = fcntl.ioctl(sock, SIOCGIFFLAGS, struct.pack("16s24x", link.encode()))
        except OSError:  # removed a moment ago
            return False
    (flags,) = struct.unpack("16xH22x", answer)
    return not flags & (IFF_LOOPBACK | IFF_NOARP)


def finish_carrier_events() -> None:
    """Let the kernel act on every carrier that came up in this thread's namespace.

    The end of a cable that was set up first hears of its carrier from a work queue and drops what it is to send until
    then. Asking for the link state does the queued work at once (linkwatch_sync_dev in the kernel). Twice, because a
    bridge hears of its ports that way.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        for _, name in socket.if_nameindex() * 2:
            answer = array.array("I", [ETHTOOL_GLINK, 0])
            request = struct.pack("16sP16x", name.encode(), answer.buffer_info()[0])
            with contextlib.suppress(OSError):  # tunnels that every namespace starts with do not know the question
                fcntl.ioctl(sock, SIOCETHTOOL, request)
