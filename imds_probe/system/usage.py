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
_RESIDENT = re.compile(r"^VmRSS:\s+(\d+) kB$", re.MULTILINE)
_PRIVATE = re.compile(r"^Private_(?:Clean|Dirty):\s+(\d+) kB$", re.MULTILINE)
_COUNT = re.compile(r"^(rchar|read_bytes): (\d+)$", re.MULTILINE)


@dataclass(frozen=True)
class Usage:
    """From the start of the process until now, with its children: of CPU time and bytes those that have ended, of memory those
    that are there. The reader processes of a run have ended when it is asked: see reader.Reader.peak_memory_bytes. None where
    the kernel does not count it.

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


def own_memory(pid: int) -> int:
    """What a process had at most, in bytes, without what it shares with others now. 0 where that is hidden, or it has ended.

    Source: proc_pid_smaps(5), of a forked child the pages that it or its parent has written to since.
    """
    at = Path("/proc") / str(pid)
    private = sum(int(size) for size in _PRIVATE.findall(_text(at / "smaps_rollup")))
    peak, now = (
        found and int(found[1]) for found in (each.search(_text(at / "status")) for each in (_PEAK, _RESIDENT))
    )
    return 1024 * (private + max(0, (peak or 0) - (now or 0)))


def resident_memory(pid: int) -> int:
    """What a process has now, in bytes, with all that it shares."""
    found = _RESIDENT.search(_text(Path("/proc") / str(pid) / "status"))
    return 1024 * int(found[1]) if found else 0


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
