"""Judge one installed version by one row. Pure: the same row and the same version give the same answer anywhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from imds_probe.catalog.judging_settings import setting_missing
from imds_probe.catalog.rows import Backport, Fault, Requirement, Row
from imds_probe.catalog.settings_in_force import LookedUpSetting, state_of
from imds_probe.catalog.upstream import compare_upstream
from imds_probe.ecosystems import ecosystem_of
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
    # A package that is there says nothing about that: too much to pass it, too little to fail it.
    return replace(judged, status="unknown", why=f"{judged.why}; it matters only if {row.only_if}")


def _judge(row: Row, installed: Installed) -> Requirement:
    if row.never and row.sources:
        return Requirement(None, "too-old", f"no version of {row.name} speaks IMDSv2", row.sources[0])
    backport = matching_backport(row, installed)
    if row.minimum is None or not row.sources:
        if backport is not None and backport.minimum is not None:
            return _by_distribution(row, backport, backport.minimum, installed)
        return Requirement(None, "unknown", f"no minimum version of {row.name} could be sourced", None)
    capable = _capable(row, row.minimum, backport, installed)
    if capable.status != "ok":
        return capable
    broken, remarks = _faults(row, capable, backport, installed)
    return broken or setting_missing(row, capable, installed) or _with_remarks(row, capable, remarks, installed)


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
    source = row.sources[0]
    if order is None:
        return Requirement(minimum, "unknown", f"{row.name} speaks IMDSv2 from {minimum} on, but {doubt}", source)
    if order >= 0:
        return Requirement(minimum, "ok", _speaks(row, minimum), source)
    if backport is not None and backport.below == "unknown":
        return Requirement(minimum, "unknown", f"below upstream's {minimum}, but {backport.why}", backport.source)
    return Requirement(minimum, "too-old", _speaks(row, minimum), source)


def _speaks(row: Row, minimum: str) -> str:
    hedge = " (inferred, not stated by its makers)" if row.confidence == "inferred" else ""
    return f"{row.name} speaks IMDSv2 from {minimum} on{hedge}"


def _by_distribution(row: Row, backport: Backport, minimum: str, installed: Installed) -> Requirement:
    compare = ecosystem_of(backport.manager).versions.order
    if compare is None:
        raise ValueError(f"{backport.manager} has no order of versions: the catalog was not read by reading.py")
    try:
        order = compare(installed.version, minimum)
    except VersionError as error:
        return Requirement(minimum, "unknown", error.problem, backport.source)
    if order >= 0:
        return Requirement(minimum, "ok", f"{_speaks(row, minimum)} in this distribution", backport.source)
    why = f"{_speaks(row, minimum)} in this distribution"
    if backport.below == "unknown":
        return Requirement(minimum, "unknown", f"{why}; {backport.why}", backport.source)
    return Requirement(minimum, "too-old", why, backport.source)


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
        return Requirement(capable.minimum, "too-old" if sure else "unknown", fault.why, capable.source), remarks
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


def _with_remarks(row: Row, capable: Requirement, remarks: list[str], installed: Installed) -> Requirement:
    if row.on_lost_token == "falls-back" and not _never_uses_v1(row, installed):
        remarks = [*remarks, "it uses IMDSv1 when the token response does not arrive"]
    return Requirement(capable.minimum, "ok", "; ".join([capable.why, *remarks]), capable.source)


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
