"""What is required of software, once its own code was read: what it does outweighs what its version lets expect."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from imds_probe.catalog.catalog import Catalog
from imds_probe.catalog.requirement import requirement as requirement_by_catalog
from imds_probe.catalog.rows import Requirement, Row
from imds_probe.catalog.settings_in_force import first_on
from imds_probe.facts.code import OF_LIBRARY, Code, CodeRead, CodeSeen, NotRead, PackageRead, Speaks
from imds_probe.facts.facts import Facts
from imds_probe.facts.host import Host
from imds_probe.facts.software import Installed, SdkSearch, SdkSoftware, Software
from imds_probe.rules.code_phrases import count, place_of

# What distributions call libraries.
_LIBRARY = re.compile(r"(?:python[23]?|py3|ruby|node|golang)-.{1,100}|lib.{1,100}|perl-.{1,100}|.{1,100}-perl")


def requirement(software: Software, facts: Facts, catalog: Catalog) -> Requirement:
    """What the catalog says of its version, unless its own code says otherwise. Where neither tells, its changelog may."""
    by_version = requirement_by_catalog(software, facts, catalog)
    row = catalog.row(software.component)
    code = [_as_started(each, software) for each in own_code(software, facts)]
    if not any(each.speaks != "mentions" for each in code):
        return _by_changelog(software, _by_its_processes(software, by_version, row, facts), row, facts)
    says = _says(software, code, facts)
    if says == "v1" and _blocks(software, by_version, code, row, facts):
        why = f"its own code asks without a token: {place_of(_first(code, 'v1'))}"
        minimum = by_version.minimum if by_version.status == "unknown" else None
        return Requirement(minimum, "too-old", _beside(why, by_version, row), by_version.source, by="code")
    if says == "v2" and _clears(by_version, code, row):
        why = f"its own code asks for a token: {place_of(_first(code, 'v2'))}"
        return Requirement(by_version.minimum, "ok", _beside(why, by_version, row), by_version.source, by="code")
    if says == "both" and by_version.status == "unknown":
        why = f"its own code has both, with and without a token: {place_of(_first(code, 'both', 'v1'))}"
        return replace(by_version, why=f"{by_version.why}; {why}")
    return by_version


def _by_its_processes(software: Software, by_version: Requirement, row: Row | None, facts: Facts) -> Requirement:
    """The same of what has SDKs make its calls, unless its processes have none: then it makes no such calls. Only where all
    processes were searched for SDKs, and its own programs neither name the service nor were left unread. Rows with a figure of
    their own are of tools that start their plug-ins as programs.
    """
    if by_version.status != "unknown" or row is None or row.minimum or row.only_if:
        return by_version
    search = facts.collector("sdks")
    if search is None or search.status not in ("ok", "nothing") or facts[SdkSearch].sdks_unseen:
        return by_version
    if not row.through or not software.pids:
        return by_version
    pids = set(software.pids)
    has_sdk = any(
        isinstance(each, SdkSoftware) and not pids.isdisjoint(each.pids) for each in facts[Installed].software
    )
    if has_sdk or isinstance(software, SdkSoftware) or own_code(software, facts) or unread_code(software, facts):
        return by_version
    return Requirement(None, "ok", "its processes have no AWS SDK, which would make its calls", None)


def _by_changelog(software: Software, by_version: Requirement, row: Row | None, facts: Facts) -> Requirement:
    """The same unless the changelogs say otherwise that lie in each place that the software is in."""
    read = packages_read(software, facts)
    said = next((each.changelog for each in read if each.changelog is not None), None)
    if by_version.status != "unknown" or said is None or not _version_alone(by_version, row):
        return by_version
    saying = [each for each in read if each.changelog is not None]
    if not _is_everywhere(software, saying):
        return by_version
    of = f" of version {said.version}" if said.version else ""
    why = f"its changelog has an entry{of} that adds {said.words}: {said.place}; {_undecided(by_version)}"
    return Requirement(by_version.minimum, "ok", why, by_version.source, grade="documented", by="changelog")


def packages_read(software: Software, facts: Facts) -> tuple[PackageRead, ...]:
    """Where the files of an installed package were read, as its version does not decide."""
    read = facts.get(CodeRead)
    found = read.packages if read is not None else ()
    return tuple(each for each in found if _belongs(each, software) and each.package.startswith(f"{software.package} "))


def fit_by_version(code: CodeSeen, facts: Facts, catalog: Catalog) -> str:
    """Why the version of the package that owns code tells that it is fit, where the code itself does not: it has requests with
    and without a token, or another library makes its calls. Empty where the version does not tell that.
    """
    row = catalog.row(code.component) if code.component is not None else None
    if row is None or code.manager is None or not (code.speaks == "both" or (code.speaks == "v1" and row.through)):
        return ""
    system = facts[Host].os if code.on_host else None
    judged = catalog.judge(
        row,
        manager=code.manager,
        version=code.version,
        os_id=system.id if system else None,
        os_version_id=system.version_id if system else None,
        os_id_like=system.id_like if system else (),
    )
    return judged.why if judged.status == "ok" else ""


def own_code(software: Software, facts: Facts) -> tuple[CodeSeen, ...]:
    """The code of a piece of software that names the service, where the software was found."""
    return tuple(each for each in facts[Code].code if each.runs != "once" and _belongs(each, software))


def unread_code(software: Software, facts: Facts) -> tuple[NotRead, ...]:
    """The programs of a piece of software that were not read, where the software was found; of a package also those of its
    processes of which not even the name is known.
    """
    read = facts.get(CodeRead)
    own = set() if isinstance(software, SdkSoftware) else set(software.pids)
    not_read = read.not_read if read is not None else ()
    return tuple(each for each in not_read if _belongs(each, software) or not own.isdisjoint(each.pids))


def of_its_files(software: Software, facts: Facts) -> tuple[str, ...]:
    """What reading the package itself came to, where that settled nothing."""
    lines = []
    for read in packages_read(software, facts):
        if read.why:
            lines.append(f"not all of its own files were read: {read.why}")
        elif not own_code(software, facts):
            lines.append(
                f"its own files were read ({count(read.files, 'file')}) and do not name the metadata service; a library may"
            )
    return tuple(lines)


def software_of(code: CodeSeen | NotRead, facts: Facts) -> Software | None:
    """The software that the code belongs to and is judged with."""
    return next((entry for entry in facts[Installed].software if _belongs(code, entry)), None)


def _belongs(code: CodeSeen | NotRead | PackageRead, software: Software) -> bool:
    if code.component != software.component or (isinstance(code, CodeSeen) and code.form == OF_LIBRARY):
        return False
    together = (code.on_host and software.on_host) or not set(code.container_ids).isdisjoint(software.container_ids)
    if not together or not isinstance(software, SdkSoftware):
        return together
    # Of a library there may be many copies: this one is that of the same processes.
    pids = code.pids if not isinstance(code, PackageRead) else ()
    return bool(software.pids) and set(software.pids) <= set(pids)


def _says(software: Software, code: Sequence[CodeSeen], facts: Facts) -> Speaks | None:
    """What the code does that decides: that which something starts, and only where there is none all of a package that was read
    whole. Fit is only what was read in each place that the software is in, whole, and where no unprivileged user could have put
    it.
    """
    started = [each for each in code if each.runs != "lies" and each.speaks != "mentions"]
    counted = started or code
    speaks = {each.speaks for each in counted}
    if not started and any(each.why for each in packages_read(software, facts)):
        return None  # what was not read of it may have the part that asks for the token
    if not started and {"v1", "v2"} <= speaks:
        return "both"  # one of its programs asks with a token, another without, and nothing starts either
    for worse in ("v1", "both"):
        if worse in speaks:
            return worse
    trusted = [each for each in counted if each.speaks == "v2" and each.owner_uid is None]
    return "v2" if _is_everywhere(software, trusted) and not unread_code(software, facts) else None


def _as_started(code: CodeSeen, software: Software) -> CodeSeen:
    """Code as it counts for this software. That a user runs a file of a package clears nothing, as which of its files runs would be
    his to choose: the file lies there. A library is judged by the processes that have it, his own.
    """
    chosen = code.speaks == "v2" and code.runner_uid is not None and not isinstance(software, SdkSoftware)
    return replace(code, runs="lies") if chosen else code


def _is_everywhere(software: Software, seen: Sequence[CodeSeen | PackageRead]) -> bool:
    """Whether these were seen in each place that the software is in."""
    on_host = any(each.on_host for each in seen) or not software.on_host
    inside = {identity for each in seen for identity in each.container_ids}
    return bool(seen) and on_host and set(software.container_ids) <= inside


def _blocks(
    software: Software, by_version: Requirement, code: Sequence[CodeSeen], row: Row | None, facts: Facts
) -> bool:
    """Where a version speaks IMDSv2, code counts only where something starts it. So it does where the catalog knows that it
    depends on something whether the software asks at all, unless all that starts something was looked at: see is_unused. What
    runs may start more of itself than was read, by settings in a place that nobody knows.
    """
    if by_version.status == "ok" and row is not None and row.through:
        return False  # who makes its calls was read, too
    if _is_started(code, "v1"):
        return by_version.status in ("ok", "unknown")
    read = facts.get(CodeRead)
    looked = read is not None and read.scheduled is not None and not software.pids
    return by_version.status == "unknown" and (looked or not _depends(software, row))


def _depends(software: Software, row: Row | None) -> bool:
    """Whether it depends on something whether the software asks at all, of which nothing shows that it is so here."""
    if row is None or row.only_if is None:
        return False
    return row.only_if_switch is None or first_on("only_if", row.only_if_switch, software.settings) is None


def is_unused(software: Software, facts: Facts, catalog: Catalog) -> bool:
    """Whether software that asks without a token breaks nothing here: it depends on something whether it asks at all, and nothing
    that was looked at starts it.
    """
    row = catalog.row(software.component)
    return _depends(software, row) and not _is_started(own_code(software, facts), "v1")


def is_idle_library(software: Software, facts: Facts, catalog: Catalog) -> bool:
    """Whether it is a library of a distribution's that nothing loads: no process would find it, and nothing starts what loads it.
    Only where processes and everything that starts something were looked at.
    """
    row, read, search = catalog.row(software.component), facts.get(CodeRead), facts.collector("sdks")
    if row is None or row.programs or not _LIBRARY.fullmatch(software.package) or software.pids:
        return False
    looked = read is not None and read.scheduled is not None and search is not None
    if not looked or search is None or search.status in ("failed", "skipped"):
        return False
    return not unread_code(software, facts) and all(each.runs == "lies" for each in own_code(software, facts))


def _clears(by_version: Requirement, code: Sequence[CodeSeen], row: Row | None) -> bool:
    """A version that is too old is outweighed only by code that something starts. Nor does code tell anything of a setting that
    could not be read, or of a fault of this version.
    """
    if not _version_alone(by_version, row):
        return False
    return by_version.status == "unknown" or (by_version.status == "too-old" and _is_started(code, "v2"))


def _version_alone(by_version: Requirement, row: Row | None) -> bool:
    """Whether the version is all that there is against it: no setting, no fault of this version."""
    faults = row.known_bad if row is not None else ()
    return by_version.setting is None and not any(fault.why in by_version.why for fault in faults)


def _is_started(code: Sequence[CodeSeen], speaks: Speaks) -> bool:
    return any(each.speaks == speaks and each.runs != "lies" for each in code)


def _first(code: Sequence[CodeSeen], *speaks: Speaks) -> CodeSeen:
    """The one that shows it: what something starts before what lies there."""
    showing = [each for each in code if each.speaks in speaks]
    return min(showing, key=lambda each: (speaks.index(each.speaks), each.runs == "lies"))


def _beside(why: str, by_version: Requirement, row: Row | None) -> str:
    """What decided, and what it was decided against: a row of the catalog that says otherwise is named."""
    if by_version.status == "unknown" or row is None:
        return f"{why}; {_undecided(by_version)}"
    return f"{why}; the catalog's row {row.id} says otherwise: {by_version.why}"


def _undecided(by_version: Requirement) -> str:
    return f"its version alone does not decide: {by_version.why}"
