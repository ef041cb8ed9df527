"""How many containers run here, by the control groups of the processes (readable without privilege)."""

from __future__ import annotations

from pathlib import Path

from imds_probe.collect.cgroups import ContainerId, container_of
from imds_probe.errors import ProbeError
from imds_probe.small_file import read_head

CGROUP_LIMIT_BYTES = 64 * 1024


def collect(root: Path) -> frozenset[ContainerId]:
    """The containers that have a process. Looks below `root` if a /proc is mounted there, at /proc otherwise.

    Raises ProbeError where processes cannot be listed or hardly any can be read: that is not "no containers".
    """
    proc = root / "proc" if (root / "proc/self").exists() else Path("/proc")
    try:
        pids = [entry for entry in proc.iterdir() if entry.name.isdigit()]
    except OSError as error:
        raise ProbeError(f"{proc} cannot be listed: {error.strerror}", "Mount /proc.") from None
    found, hidden = set(), 0
    for pid in pids:
        try:
            text = read_head(pid / "cgroup", CGROUP_LIMIT_BYTES).decode(errors="replace")
        except (FileNotFoundError, ProcessLookupError):
            continue  # it ended meanwhile
        except OSError:
            hidden += 1
            continue
        if container := container_of(text):
            found.add(container)
    if not pids or hidden > len(pids) // 2:
        raise ProbeError(f"{proc} shows too few processes ({hidden} of {len(pids)} hidden)", "Run as root.")
    return frozenset(found)
