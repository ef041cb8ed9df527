"""What the parser reads for later: the schedules of a system as they are now, a digest a kind."""

from __future__ import annotations

import hashlib
import stat
from collections.abc import Iterator
from pathlib import Path

from imds_probe.facts.standing import SchedulesSeen
from imds_probe.inventory.schedules.keys import key_of, named_files
from imds_probe.inventory.schedules.sources import SOURCES, Source, of_source
from imds_probe.inventory.schedules.system_files import EXECUTABLE, SystemFiles
from imds_probe.system import rootfs
from imds_probe.system.door import FileStatus

# A file that a schedule writes into, such as a log, changes all the time.
SCRIPTS = (".sh", ".bash", ".py", ".pl", ".rb", ".js", ".php")
DIGEST_DIGITS = 32


def read_schedules(root: str) -> Iterator[SchedulesSeen]:
    """Each kind, also one of which there is nothing. Raises nothing for what stands in the files."""
    files = SystemFiles(Path(root))
    for source in SOURCES:
        yield _seen(source, files)


def _seen(source: Source, files: SystemFiles) -> SchedulesSeen:
    found = list(of_source(source, files))
    paths = list(dict.fromkeys(path for each in found for path in named_files(each)))
    stamps = dict(zip(paths, map(_stamp, paths, rootfs.statuses(files.root, paths)), strict=True)) if paths else {}
    lines = sorted(" ".join((key_of(each), *(stamps[path] for path in named_files(each)))) for each in found)
    digest = hashlib.sha256("\n".join(lines).encode()).hexdigest()[:DIGEST_DIGITS]
    return SchedulesSeen(source.what, len(found), digest)


def _stamp(path: str, status: FileStatus | None) -> str:
    """What changes with a program or script, and is empty for everything else."""
    if status is None or not stat.S_ISREG(status.st_mode):
        return ""
    if not status.st_mode & EXECUTABLE and not path.endswith(SCRIPTS):
        return ""
    return f"{status.st_size}:{status.st_mtime_ns}"
