"""What collectors need of the host that they run on, beside what others have found: by it `imds-probe doctor` says what a host
that lacks it costs.
"""

from __future__ import annotations

import enum


class Need(enum.Enum):
    """One thing that a host lets the probe do, or not."""

    FIRMWARE = "the firmware's tables, by which EC2 is known"
    FILES = "files that only root may read"
    PROCESSES = "other users' processes"
    NAMESPACES = "other network namespaces"
    PACKETS = "packet sockets"
    RULES = "packet rules"
    TRACING = "the kernel's tracing"
    GROUPS = "control groups, by which containers and units are told apart"
    PACKAGES = "the databases of package managers"
    HISTORY = "what the daemon saw"
    RECORDS = "what earlier runs and rehearsals have put on record"
