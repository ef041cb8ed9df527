"""The hop limit of the switch that was printed for this host, as its kept reports have it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from imds_probe.dataclass import dataclass
from imds_probe.errors import UsageError
from imds_probe.facts.facts import NotInReport
from imds_probe.facts.imds import Imds
from imds_probe.facts.platform import Platform
from imds_probe.report_document import Stored, read
from imds_probe.system.confined import FileUnreadable
from imds_probe.system.rootfs import read_json

# What the sink "file" keeps, and the daemon's last one.
REPORTS = ("/var/lib/imds-probe/reports/report.json", "/var/lib/imds-probe/report.json")
LIMIT_BYTES = 64 * 1024 * 1024
ROOT = 0


@dataclass(frozen=True)
class Printed:
    """A hop limit, and the report that has it, written when."""

    hop_limit: int
    report: str
    started_at: str


def hop_limit(
    instance_id: str | None, root: Path = Path("/"), owners: frozenset[int] = frozenset({ROOT})
) -> Printed | None:
    """That of the newest kept report which has one: of its switch, or the one in force where the switch leaves that as it is.

    None where there is none. A report of another instance, which an image brought along, is none, nor is one of another user than
    `owners`.
    """
    found = [each for path in REPORTS if (each := _printed(root, path, instance_id, owners)) is not None]
    return max(found, key=lambda each: each.started_at, default=None)


def newest(
    instance_id: str | None,
    root: Path = Path("/"),
    owners: frozenset[int] = frozenset({ROOT}),
    paths: Sequence[str] = REPORTS,
) -> Stored | None:
    """The newest kept report of this instance; None where there is none."""
    found = [each for path in dict.fromkeys(paths) if (each := _stored(root, path, instance_id, owners)) is not None]
    return max(found, key=lambda each: each.probe.started_at, default=None)


def _stored(root: Path, path: str, instance_id: str | None, owners: frozenset[int]) -> Stored | None:
    try:
        stored = read(read_json(root, path, LIMIT_BYTES, owners=owners))
        platform = stored.facts.get(Platform)
    except (FileUnreadable, UsageError, NotInReport):
        return None
    return stored if platform is not None and platform.instance_id == instance_id else None


def _printed(root: Path, path: str, instance_id: str | None, owners: frozenset[int]) -> Printed | None:
    stored = _stored(root, path, instance_id, owners)
    try:
        limit = _limit(stored) if stored is not None else None
    except NotInReport:
        return None
    return Printed(limit, path, stored.probe.started_at) if stored is not None and limit is not None else None


def _limit(stored: Stored) -> int | None:
    switch, imds = stored.verdict.switch, stored.facts.get(Imds)
    if switch is None:
        return None
    return switch.http_put_response_hop_limit or (imds.hop_limit if imds is not None else None)
