"""What this process may do, by its effective capabilities: root without them sees as little as anybody."""

from __future__ import annotations

from pathlib import Path

CAP_NET_RAW, CAP_SYS_PTRACE, CAP_SYS_ADMIN = 13, 19, 21  # <linux/capability.h>
NEEDED = (CAP_NET_RAW, CAP_SYS_PTRACE, CAP_SYS_ADMIN)


def privileged(status: Path = Path("/proc/self/status")) -> bool:
    """Whether all is there that a full run needs: packet capture, other users' processes, entering namespaces."""
    try:
        lines = status.read_text().splitlines()
    except OSError:
        return False
    for line in lines:
        if line.startswith("CapEff:"):
            effective = int(line.split()[1], 16)
            return all(effective >> capability & 1 for capability in NEEDED)
    return False
