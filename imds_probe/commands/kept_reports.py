"""The reports of this host that a run or the daemon has kept on it."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from imds_probe.config import Settings
from imds_probe.dataclass import dataclass
from imds_probe.errors import UsageError
from imds_probe.facts.facts import NotInReport
from imds_probe.facts.platform import Platform
from imds_probe.report_document import Stored, read
from imds_probe.sinks.file import FileConfig, FileSink
from imds_probe.system.confined import FileUnreadable
from imds_probe.system.rootfs import read_json

# What the sink "file" keeps, and the daemon's last one.
REPORTS = ("/var/lib/imds-probe/reports/report.json", "/var/lib/imds-probe/report.json")
LIMIT_BYTES = 64 * 1024 * 1024
ROOT_ONLY = frozenset({0})


@dataclass(frozen=True)
class Kept:
    """A report, and where it is kept."""

    stored: Stored
    path: str


def is_kept(sinks: Sequence[str], settings: Settings, root: Path = Path("/")) -> bool:
    """Whether `imds-probe explain switch` finds a report: that of a run which sends it to these sinks, or an earlier one."""
    sent = FileSink.name in sinks and str(settings.of(FileConfig).path) in REPORTS
    return sent or any(os.access(root / path.lstrip("/"), os.R_OK) for path in REPORTS)


def newest(instance_id: str | None, root: Path = Path("/"), also: Sequence[str] = ()) -> Stored | None:
    """The newest of them, `also` of those that are kept in these places; None where there is none."""
    found = [kept.stored for kept in kept_reports(instance_id, root, paths=(*also, *REPORTS))]
    return max(found, key=lambda each: each.probe.started_at, default=None)


def damaged(root: Path = Path("/")) -> tuple[str, ...]:
    """What is wrong with each of those that are there and cannot be read as reports."""
    found = []
    for path in REPORTS:
        try:
            if (document := read_json(root, path, LIMIT_BYTES, owners=ROOT_ONLY)) is not None:
                read(document).facts.get(Platform)
        except (FileUnreadable, UsageError, NotInReport) as error:
            found.append(error.problem if path in error.problem else f"{path}: {error.problem}")
    return tuple(found)


def kept_reports(
    instance_id: str | None,
    root: Path = Path("/"),
    owners: frozenset[int] = ROOT_ONLY,
    paths: Sequence[str] = REPORTS,
) -> Iterator[Kept]:
    """Those that can be read. A report of another instance, which an image brought along, is none of them, nor is one of another
    user than `owners`.
    """
    for path in dict.fromkeys(paths):
        try:
            stored = read(read_json(root, path, LIMIT_BYTES, owners=owners))
            platform = stored.facts.get(Platform)
        except (FileUnreadable, UsageError, NotInReport):
            continue
        if platform is not None and platform.instance_id == instance_id:
            yield Kept(stored, path)
