"""What is required of software, once its own code was read: what it does outweighs what its version lets expect."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from imds_probe.catalog.catalog import Catalog
from imds_probe.catalog.requirement import requirement as requirement_by_catalog
from imds_probe.catalog.rows import Requirement, Row
from imds_probe.facts.code import Code, CodeRead, CodeSeen, NotRead, Speaks
from imds_probe.facts.facts import Facts
from imds_probe.facts.software import Installed, SdkSoftware, Software
from imds_probe.rules.code_phrases import place_of


def requirement(software: Software, facts: Facts, catalog: Catalog) -> Requirement:
    """What the catalog says of its version, unless its own code says otherwise."""
    by_version = requirement_by_catalog(software, facts, catalog)
    code = own_code(software, facts)
    if not code:
        return by_version
    row = catalog.row(software.component)
    says = _says(software, code, facts)
    if says == "v1" and _blocks(by_version, code, row):
        why = f"its own code asks without a token: {place_of(_first(code, 'v1'))}"
        minimum = by_version.minimum if by_version.status == "unknown" else None
        return Requirement(minimum, "too-old", _beside(why, by_version, row), by_version.source, by="code")
    if says == "v2" and _clears(by_version, code, row):
        why = f"its own code asks for a token: {place_of(_first(code, 'v2'))}"
        return Requirement(by_version.minimum, "ok", _beside(why, by_version, row), by_version.source, by="code")
    if says == "both" and by_version.status == "unknown":
        why = f"its own code has both, with and without a token: {place_of(_first(code, 'both'))}"
        return replace(by_version, why=f"{by_version.why}; {why}")
    return by_version


def own_code(software: Software, facts: Facts) -> tuple[CodeSeen, ...]:
    """The code of a piece of software that names the service, where the software was found."""
    return tuple(each for each in facts[Code].code if each.runs != "once" and _belongs(each, software))


def unread_code(software: Software, facts: Facts) -> tuple[NotRead, ...]:
    """The programs of a piece of software that were not read, where the software was found."""
    read = facts.get(CodeRead)
    return tuple(each for each in read.not_read if _belongs(each, software)) if read is not None else ()


def software_of(code: CodeSeen | NotRead, facts: Facts) -> Software | None:
    """The software that the code belongs to and is judged with."""
    return next((entry for entry in facts[Installed].software if _belongs(code, entry)), None)


def _belongs(code: CodeSeen | NotRead, software: Software) -> bool:
    if code.component != software.component:
        return False
    together = (code.on_host and software.on_host) or not set(code.container_ids).isdisjoint(software.container_ids)
    if not together or not isinstance(software, SdkSoftware):
        # What a user has put on the host and called like a package is none of the package's.
        return together and not (isinstance(code, CodeSeen) and code.on_host and code.owner_uid is not None)
    # Of a library there may be many copies: this one is that of the same processes.
    return bool(software.pids) and set(software.pids) <= set(code.pids)


def _says(software: Software, code: Sequence[CodeSeen], facts: Facts) -> Speaks | None:
    """What the code does that decides. Fit is only what was read in each place that the software is in, whole, and where no
    unprivileged user could have put it.
    """
    speaks = {each.speaks for each in code}
    for worse in ("v1", "both"):
        if worse in speaks:
            return worse
    trusted = [each for each in code if each.speaks == "v2" and each.owner_uid is None]
    everywhere = any(each.on_host for each in trusted) or not software.on_host
    inside = {identity for each in trusted for identity in each.container_ids}
    if not trusted or not everywhere or not set(software.container_ids) <= inside:
        return None
    return None if unread_code(software, facts) else "v2"


def _blocks(by_version: Requirement, code: Sequence[CodeSeen], row: Row | None) -> bool:
    """Where a version speaks IMDSv2, or the catalog knows that it depends on something whether the software asks at all, code
    counts only where something starts it.
    """
    depends = row is not None and row.only_if is not None
    if by_version.status == "unknown" and not depends:
        return True
    return by_version.status in ("ok", "unknown") and _is_started(code, "v1")


def _clears(by_version: Requirement, code: Sequence[CodeSeen], row: Row | None) -> bool:
    """A version that is too old is outweighed only by code that something starts. Nor does code tell anything of a setting that
    could not be read, or of a fault of this version.
    """
    faults = row.known_bad if row is not None else ()
    if by_version.setting is not None or any(fault.why in by_version.why for fault in faults):
        return False
    return by_version.status == "unknown" or (by_version.status == "too-old" and _is_started(code, "v2"))


def _is_started(code: Sequence[CodeSeen], speaks: Speaks) -> bool:
    return any(each.speaks == speaks and each.runs != "lies" for each in code)


def _first(code: Sequence[CodeSeen], speaks: Speaks) -> CodeSeen:
    return next(each for each in code if each.speaks == speaks)


def _beside(why: str, by_version: Requirement, row: Row | None) -> str:
    """What decided, and what it was decided against: a row of the catalog that says otherwise is named."""
    if by_version.status == "unknown" or row is None:
        return f"{why}; by its version alone that is not known: {by_version.why}"
    return f"{why}; the catalog's row {row.id} says otherwise: {by_version.why}"
