"""Judge a version that could only be narrowed down, or is not known at all. Pure."""

from __future__ import annotations

from dataclasses import replace

from imds_probe.catalog.judging import Installed, judge_row
from imds_probe.catalog.rows import Fault, Requirement, Row
from imds_probe.catalog.upstream import compare_upstream


def judge_range(row: Row, installed: Installed, at_least: str | None, below: str | None) -> Requirement:
    """Judge what lies between `at_least` (included) and `below` (not included), None where nothing is known of a side.

    Only what holds for every version in between is said; everything else is "unknown".
    """
    if row.asks_since is not None and _before(at_least or "0", row.asks_since, installed.manager):
        if below is not None and not _before(row.asks_since, below, installed.manager):
            return judge_row(row, replace(installed, version="0"))
        return _not_told(row, at_least, below)
    judged = judge_row(row, replace(installed, version=at_least or "0"))
    if row.never or row.minimum is None:
        return judged
    if at_least is not None and judged.status == "ok":
        later = next((fault for fault in row.known_bad if _may_be_inside(fault, installed.manager, at_least)), None)
        return judged if later is None else replace(judged, status="unknown", why=later.why)
    if at_least is not None and judged.status != "too-old":
        return judged
    if below is not None:
        order, _ = compare_upstream(installed.manager, below, row.minimum)
        if order is not None and order <= 0:
            return judge_row(row, replace(installed, version="0")) if at_least is None else judged
    return _not_told(row, at_least, below)


def _not_told(row: Row, at_least: str | None, below: str | None) -> Requirement:
    source = row.sources[0] if row.sources else None
    why = f"{row.name} speaks IMDSv2 from {row.minimum} on, but this version is {said_range(at_least, below)}"
    return Requirement(row.minimum, "unknown", why, source)


def _before(version: str, figure: str, manager: str) -> bool:
    order = compare_upstream(manager, version, figure).order
    return order is not None and order < 0


def said_range(at_least: str | None, below: str | None) -> str:
    """What is known of a version, to follow "is"."""
    if at_least and below:
        return f"only known to be at least {at_least} and older than {below}"
    if at_least:
        return f"only known to be at least {at_least}"
    return f"only known to be older than {below}" if below else "not known"


def _may_be_inside(fault: Fault, manager: str, at_least: str) -> bool:
    """Whether a later version than `at_least` could have a fault that matters. The fault of `at_least` itself is judged."""
    if fault.effect == "partial" or fault.since is None:
        return False
    order, _ = compare_upstream(manager, at_least, fault.since)
    return order is None or order < 0
