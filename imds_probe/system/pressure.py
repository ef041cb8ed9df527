"""Whether the host is in need: then nobody searches disks on it. It is this machine's own need, whatever root is looked at."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Collection
from pathlib import Path

from imds_probe.system import rootfs

# Shares of the last ten seconds, in percent: in which some programs waited for memory, and in which all did. On a host that
# has enough, both are 0; what a search reads pushes out what others have in the page cache.
SOME_MAX, FULL_MAX = 20.0, 10.0
# For kernels without these figures, which are those before 4.20 and Red Hat's by default.
AVAILABLE_MIN = 0.03  # of the memory
FREE_MIN_BYTES, FREE_MIN_SHARE = 16 * 1024 * 1024, 0.05
PRESSURE, MEMORY = Path("/proc/pressure/memory"), Path("/proc/meminfo")
_LINE = re.compile(r"^(some|full) avg10=(\d+\.\d+) ", re.MULTILINE)
_AMOUNT = re.compile(r"^(MemTotal|MemAvailable): +(\d+) kB$", re.MULTILINE)


def need(written: Collection[Path] = ()) -> str:
    """Why nothing should be searched now, in a clause; empty where nothing speaks against it. `written` are places that are
    written afterwards.
    """
    return short_of_memory(PRESSURE, MEMORY) or next((said for place in written if (said := short_of_space(place))), "")


def short_of_memory(pressure: Path, memory: Path) -> str:
    """The same of memory alone, by these files of the kernel's. Source: the kernel's Documentation/accounting/psi.rst."""
    with contextlib.suppress(OSError):
        shares = {who: float(share) for who, share in _LINE.findall(pressure.read_text())}
        for who, most, words in (("full", FULL_MAX, "all programs"), ("some", SOME_MAX, "programs")):
            if (share := shares.get(who, 0.0)) >= most:
                return f"the host is short of memory: {words} waited for memory during {share:.0f} % of the last 10 s"
        if shares:
            return ""
    with contextlib.suppress(OSError):
        amounts = {name: int(amount) for name, amount in _AMOUNT.findall(memory.read_text())}
        total, available = amounts.get("MemTotal", 0), amounts.get("MemAvailable")
        if available is not None and available < AVAILABLE_MIN * total:
            return f"the host is short of memory: only {available // 1024} MiB are available"
    return ""


def short_of_space(place: Path) -> str:
    """The same of the disk below a place, or below what there is of its parents. Nothing is known of one that does not answer."""
    try:
        while (disk := rootfs.file_system(place, "/")) is None and place != place.parent:
            place = place.parent
    except rootfs.FileUnreadable:
        return ""
    if disk and disk.size_bytes and disk.free_bytes < min(FREE_MIN_BYTES, FREE_MIN_SHARE * disk.size_bytes):
        return f"the disk below {place} is nearly full: only {disk.free_bytes // 1024} KiB are free"
    return ""
