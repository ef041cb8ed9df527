"""Judge one installed version by one row. Pure: the same row and the same version give the same answer anywhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from imds_probe.catalog.grades import Figure, resting_on
from imds_probe.catalog.judging_settings import default_relied_on, setting_missing
from imds_probe.catalog.rows import Backport, Fault, Grade, Requirement, Row
from imds_probe.catalog.settings_in_force import LookedUpSetting, first_on, state_of
from imds_probe.catalog.upstream import compare_upstream
from imds_probe.dataclass import dataclass
from imds_probe.ecosystems.listed import ecosystem_of
from imds_probe.ecosystems.version_error import VersionError


@dataclass(frozen=True)
class Installed:
    """A version as its manager prints it, and the distribution it is installed on (None, empty: not known)."""

    manager: str
    version: str
    os_id: str | None = None
    os_version_id: str | None = None
    os_id_like: Sequence[str] = ()
    settings: Sequence[LookedUpSetting] = ()  # what was seen of the row's settings


def judge_row(row: Row, installed: Installed) -> Requirement:
    """Say whether this version can speak IMDSv2. Whatever is not clear is "unknown", with the doubt in `why`."""
    judged = _judge(row, installed)
    if row.only_if is None or judged.status == "ok" or (judged.setting and installed.settings):
        return judged  # what is configured on this host is used here
    shown = row.only_if_switch and first_on("only_if", row.only_if_switch, installed.settings)
    if shown:
        return replace(judged, why=f"{judged.why}; it matters here: {shown}")
    # A package that is there says nothing about that: too much to pass it, too little to fail it.
    return replace(judged, status="unknown", why=f"{judged.why}; it matters only if {row.only_if}")


def _judge(row: Row, installed: Installed) -> Requirement:
    if row.never and row.sources:
        why = f"no version of {row.name} speaks IMDSv2"
        return Requirement(None, "too-old", why, row.sources[0], grade=row.grade_or_guess)
    if row.asks_since is not None:
        order = compare_upstream(installed.manager, installed.version, row.asks_since).order
        if order is not None and order < 0:
            why = f"{row.name} asks for no metadata before {row.asks_since}"
            source = row.sources[0] if row.sources else None
            return Requirement(None, "ok", why, source, figure=row.asks_since, grade=row.grade_or_guess)
    backport = matching_backport(row, installed)
    if row.minimum is None or not row.sources:
        if backport is not None and backport.minimum is not None:
            return _by_distribution(row, backport, backport.minimum, installed)
        return Requirement(None, "unknown", f"no minimum version of {row.name} could be sourced", None)
    capable = _capable(row, row.minimum, backport, installed)
    if capable.status != "ok":
        return capable
    broken, remarks = _faults(row, capable, backport, installed)
    return broken or setting_missing(row, capable, installed) or _sound(row, capable, remarks, installed)


def matching_backport(row: Row, installed: Installed) -> Backport | None:
    """The first of the row's backports that is about this manager and distribution."""
    return next((backport for backport in row.backports if _matches(backport, installed)), None)


def _matches(backport: Backport, installed: Installed) -> bool:
    if backport.manager != installed.manager:
        return False
    if backport.version_id_major is not None:
        major = (installed.os_version_id or "").partition(".")[0]
        if major != backport.version_id_major:
            return False
    if not backport.os_ids or installed.os_id in backport.os_ids:
        return True
    return backport.derivatives and any(like in backport.os_ids for like in installed.os_id_like)


def _capable(row: Row, minimum: str, backport: Backport | None, installed: Installed) -> Requirement:
    if backport is not None and backport.minimum is not None:
        return _by_distribution(row, backport, backport.minimum, installed)
    order, doubt = compare_upstream(installed.manager, installed.version, minimum)
    source, grade = row.sources[0], row.grade_or_guess
    why = _speaks(row, minimum, grade)
    if order is None:
        return Requirement(minimum, "unknown", f"{row.name} speaks IMDSv2 from {minimum} on, but {doubt}", source)
    if order >= 0:
        return Requirement(minimum, "ok", why, source, figure=minimum, grade=grade)
    if backport is not None and backport.below == "unknown":
        return Requirement(minimum, "unknown", f"below upstream's {minimum}, but {backport.why}", backport.source)
    return Requirement(minimum, "too-old", why, source, figure=minimum, grade=grade)


def _speaks(row: Row, minimum: str, grade: Grade | None) -> str:
    hedge = " (inferred, not verified)" if grade == "inferred" else ""
    return f"{row.name} speaks IMDSv2 from {minimum} on{hedge}"


def _by_distribution(row: Row, backport: Backport, minimum: str, installed: Installed) -> Requirement:
    compare = ecosystem_of(backport.manager).versions.order
    if compare is None:
        raise ValueError(f"{backport.manager} has no order of versions: the catalog was not read by reading.py")
    try:
        order = compare(installed.version, minimum)
    except VersionError as error:
        return Requirement(minimum, "unknown", error.problem, backport.source)
    why, grade = f"{_speaks(row, minimum, backport.grade)} in this distribution", backport.grade
    if order >= 0:
        return Requirement(minimum, "ok", why, backport.source, figure=minimum, grade=grade)
    if backport.below == "unknown":
        return Requirement(minimum, "unknown", f"{why}; {backport.why}", backport.source)
    return Requirement(minimum, "too-old", why, backport.source, figure=minimum, grade=grade)


def _faults(
    row: Row, capable: Requirement, backport: Backport | None, installed: Installed
) -> tuple[Requirement | None, list[str]]:
    """The verdict that a fault of this version leads to, if one does, and what the other faults have to say."""
    remarks: list[str] = []
    for fault in row.known_bad:
        inside = _inside(fault, installed)
        if inside is False:
            continue
        if fault.effect == "partial":
            remarks.extend([fault.why] if inside else [])
            continue
        # A distribution that patched IMDSv2 in may have patched the fault too: its number does not say.
        sure = inside and fault.effect == "fails" and backport is None
        whole = (fault.before if backport is None else None) or capable.minimum  # what to upgrade to
        judged = Requirement(whole, "too-old" if sure else "unknown", fault.why, capable.source)
        if sure:
            judged = replace(judged, figure=fault.before or fault.since, grade=fault.grade)
        return judged, remarks
    return None, remarks


def _inside(fault: Fault, installed: Installed) -> bool | None:
    """Whether this version lies in the fault's range; None where that cannot be told."""
    sides = []
    if fault.since is not None:
        order = compare_upstream(installed.manager, installed.version, fault.since).order
        sides.append(None if order is None else order >= 0)
    if fault.before is not None:
        order = compare_upstream(installed.manager, installed.version, fault.before).order
        sides.append(None if order is None else order < 0)
    if False in sides:
        return False
    return None if None in sides else True


def _sound(row: Row, capable: Requirement, remarks: list[str], installed: Installed) -> Requirement:
    """What speaks IMDSv2 and has no fault that matters: it rests on all figures that it was on the right side of."""
    if row.on_lost_token == "falls-back" and not _never_uses_v1(row, installed):
        remarks = [*remarks, "it uses IMDSv1 when the token response does not arrive"]
    judged = replace(capable, why="; ".join([capable.why, *remarks]))
    passed = [_passed(fault, installed) for fault in row.known_bad if fault.effect != "partial"]
    return resting_on(judged, [*passed, *default_relied_on(row.setting, installed)])


def _passed(fault: Fault, installed: Installed) -> Figure:
    """The side of a fault's range that this version lies beyond."""
    order = -1 if fault.before is None else compare_upstream(installed.manager, installed.version, fault.before).order
    return Figure(fault.since if order is None or order < 0 else fault.before, fault.grade)


def _never_uses_v1(row: Row, installed: Installed) -> bool:
    free = row.no_v1_fallback
    if free is None:
        return False
    if free.config:
        told = free.switch and state_of("no_v1_fallback", free.switch, installed.settings).in_force
        if told != "yes":
            return False
    order = compare_upstream(installed.manager, installed.version, free.version).order
    return order is not None and order >= 0
