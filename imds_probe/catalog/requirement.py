"""What the catalog requires of a piece of software that was found, where it was found."""

from __future__ import annotations

from imds_probe.catalog.catalog import Catalog
from imds_probe.catalog.judging import Installed as InstalledVersion
from imds_probe.catalog.judging_settings import setting_missing
from imds_probe.catalog.rows import Requirement
from imds_probe.facts.facts import Facts
from imds_probe.facts.host import Host, OsRelease
from imds_probe.facts.software import Installed, SdkSoftware, Software


def requirement(software: Software, facts: Facts, catalog: Catalog) -> Requirement:
    """What the catalog says about one piece of software on its operating system, the host's or a container's, with its
    settings there. What has another library make its calls is judged by that one.
    """
    maker = _maker(software, facts, catalog)
    if maker is not None:
        name = row.name if (row := catalog.row(maker.component)) else maker.component
        why = f"its calls are made by {name} {maker.said_version}, judged in its place"
        return _but_for_settings(Requirement(None, "ok", why, None), software, catalog)
    return requirement_of(software, software.version, facts, catalog)


def _but_for_settings(judged: Requirement, software: Software, catalog: Catalog) -> Requirement:
    """What a setting of its own takes away again, whoever makes the other calls."""
    row, version = catalog.row(software.component), software.version
    if row is None or version is None or not software.settings:
        return judged
    installed = InstalledVersion(software.manager, version, settings=software.settings)
    missing = setting_missing(row, judged, installed)
    return missing if missing is not None and missing.status == "needs-setting" else judged


def requirement_of(software: Software, version: str | None, facts: Facts, catalog: Catalog) -> Requirement:
    """The same for another version of it, as a repository may have."""
    return judged(software, version, software.os or facts[Host].os, catalog)


def judged(software: Software, version: str | None, system: OsRelease, catalog: Catalog) -> Requirement:
    """The same on this operating system."""
    library = software.sdk if isinstance(software, SdkSoftware) else None
    return catalog.judge(
        software.component,
        manager=software.manager,
        version=version,
        at_least=library.at_least if library else None,
        below=library.below if library else None,
        os_id=system.id,
        os_version_id=system.version_id,
        os_id_like=system.id_like,
        settings=software.settings,
    )


def _maker(software: Software, facts: Facts, catalog: Catalog) -> Software | None:
    """Who makes the calls of a library or a program: found in the same system, and where it runs in one of its processes."""
    row = catalog.row(software.component)
    is_library = isinstance(software, SdkSoftware)
    if row is None or not row.through or not (is_library or software.pids):
        return None
    for other in facts[Installed].software:
        together = not software.pids or set(software.pids) & set(other.pids)
        if together and other.component in row.through and software.is_beside(other):
            return other
    return None
