"""What this process has cost the host: CPU time, bytes that were read, memory."""

from __future__ import annotations

import contextlib
import re
import resource
from collections.abc import Iterator
from pathlib import Path

from imds_probe.dataclass import dataclass

_OWN = Path("/proc/self")
_PEAK = re.compile(r"^VmHWM:\s+(\d+) kB$", re.MULTILINE)
_COUNT = re.compile(r"^(rchar|read_bytes): (\d+)$", re.MULTILINE)


@dataclass(frozen=True)
class Usage:
    """From the start of the process until now, with its children: of CPU time and bytes those that have ended, of memory those
    that are there. So the memory of a run is its own: its reader processes, which share most of theirs with it, have ended when
    it is asked. None where the kernel does not count it.

    `bytes_read` are those of all reads, `disk_bytes_read` those that the page cache did not have.
    """

    cpu_ms: float
    bytes_read: int | None
    disk_bytes_read: int | None
    peak_memory_bytes: int | None


def usage() -> Usage:
    """Source: getrusage(2), proc_pid_io(5), which adds up children that were waited for, and proc_pid_status(5).

    Not getrusage's ru_maxrss: after an exec it still has the size of who called it.
    """
    cpu_s = 0.0
    for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN):
        spent = resource.getrusage(who)
        cpu_s += spent.ru_utime + spent.ru_stime
    counts = dict(_COUNT.findall(_text(_OWN / "io")))
    peaks = [peak for each in (_OWN, *_children()) if (peak := _PEAK.search(_text(each / "status")))]
    return Usage(
        cpu_ms=round(cpu_s * 1000, 3),
        bytes_read=int(counts["rchar"]) if "rchar" in counts else None,
        disk_bytes_read=int(counts["read_bytes"]) if "read_bytes" in counts else None,
        peak_memory_bytes=1024 * sum(int(peak[1]) for peak in peaks) if peaks else None,
    )


def _children() -> Iterator[Path]:
    with contextlib.suppress(OSError):
        for task in (_OWN / "task").iterdir():
            for pid in _text(task / "children").split():
                yield Path("/proc") / pid


def _text(path: Path) -> str:
    """Empty where it cannot be read, as of a child that has just ended."""
    try:
        return path.read_text()
    except OSError:
        return ""
