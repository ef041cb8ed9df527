"""Software that the catalog knows, as a table."""

from __future__ import annotations

from collections.abc import Iterator

from imds_probe.catalog.rows import Status
from imds_probe.facts.software import SdkSoftware, Software
from imds_probe.render.page.blocks import Part, Table
from imds_probe.render.page.bounds import NOT_KNOWN, Bounds, count, cut, cut_front, first, known
from imds_probe.report import JudgedSoftware, Report

HEADING = "Software in the catalog"
COLUMNS: tuple[str, ...] = ("component", "version", "IMDSv2 since", "status")
WHERE = "where"
STATUS: dict[Status, str] = {
    "ok": "ok",
    "too-old": "too old",
    "needs-setting": "needs a setting",
    "unknown": NOT_KNOWN,
}


def software(report: Report, bounds: Bounds) -> Iterator[Part]:
    """The column that says where only as there is more than one place. Of many, what something hangs on comes first."""
    entries = list(report.software)
    if not entries:
        return
    if len(entries) > bounds.software:
        entries.sort(key=lambda entry: (entry.requirement.status == "ok", not entry.software.pids))
    shown, more = first(entries, bounds.software)
    columns, rows = COLUMNS, tuple(_cells(entry, bounds.width) for entry in shown)
    if any(entry.software.container or isinstance(entry.software, SdkSoftware) for entry in entries):
        columns = (*columns, WHERE)
        rows = tuple((*row, where(entry.software, bounds.width)) for row, entry in zip(rows, shown, strict=True))
    yield Part(HEADING, (Table(columns, rows, more, below=WHERE),))


def _cells(entry: JudgedSoftware, width: int) -> tuple[str, ...]:
    found, needed = entry.software, entry.requirement
    bounded = found.sdk is not None and (found.sdk.at_least or found.sdk.below)
    return (
        cut(found.component, width),
        cut(found.said_version if found.version or bounded else NOT_KNOWN, width),
        cut(known(needed.minimum), width),
        STATUS[needed.status],
    )


def where(software: Software, width: int) -> str:
    """The container that it is in, or that it is on the host; of a library the first place, and how many use it."""
    more = f" and {len(software.also_in)} more" if software.also_in else ""
    system = f"{cut(software.container, width)}{more}" if software.container else "host"
    if not isinstance(software, SdkSoftware):
        return system
    places, users = software.sdk.places, len(software.pids)
    path = cut_front(software.path or "", width * 3 // 2)
    rest = f" and {count(places - 1, 'more place')}" if places > 1 else ""
    used = f"used by {count(users, 'process', 'processes')}" if users else "not in use"
    return f"{system}: {path}{rest}, {used}"
