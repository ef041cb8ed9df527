"""Whether this host is being rehearsed: its requests are answered by a relay then, as if tokens were required."""

from __future__ import annotations

import fcntl
import os

from imds_probe.errors import HeldError
from imds_probe.net.namespaces import CURRENT


def is_host_rehearsed() -> bool:
    """By the lock that a rehearsal of the whole host holds on the network namespace of the calling thread."""
    try:
        opened = os.open(CURRENT, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(opened, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(opened)
    return False


def unless_host_rehearsed() -> None:
    """Raises HeldError: what the service itself says cannot be seen."""
    if is_host_rehearsed():
        raise HeldError(
            "this host is being rehearsed: requests get the answers that they would get after the switch",
            "Wait for the end of `imds-probe rehearse --host`.",
        )
