"""Whether this host is being rehearsed: its requests are answered by a relay then, as if tokens were required."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from imds_probe.errors import HeldError
from imds_probe.net.namespaces import CURRENT
from imds_probe.rehearsal.lock_holders import strangers

PROC = Path("/proc")


def is_host_rehearsed() -> bool:
    """By the lock that a rehearsal of the whole host holds on the network namespace of the calling thread. A lock of a user other
    than root is no rehearsal's.
    """
    try:
        opened = os.open(CURRENT, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(opened, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return not strangers(opened, PROC)
    finally:
        os.close(opened)
    return False


def unless_host_rehearsed() -> None:
    """Raises HeldError: what the service itself says cannot be seen."""
    if is_host_rehearsed():
        raise HeldError(
            "somebody rehearses the switch on this host: requests get the answers that they would get after the switch",
            "Wait for the end of `imds-probe rehearse --host`.",
        )
