"""Does the installed software speak IMDSv2? Held against the catalog, which knows since which version it does."""

from __future__ import annotations

from collections import defaultdict

from imds_probe.catalog.catalog import Catalog
from imds_probe.catalog.requirement import requirement, requirement_of
from imds_probe.catalog.rows import RequiredSetting, Requirement
from imds_probe.facts.collector_run import CollectorRun
from imds_probe.facts.containers import Containers
from imds_probe.facts.facts import Facts
from imds_probe.facts.host import Host
from imds_probe.facts.software import Installed, SdkSoftware, Software
from imds_probe.findings import Fix, Found, Kind
from imds_probe.rules.fixes import upgrade_commands
from imds_probe.rules.phrases import container_names, few, image_built_anew, named, only_v1, set_to, upgraded
from imds_probe.rules.rule import NothingToJudge, Rule

COLLECTORS = ("dpkg", "rpm", "apk", "snap", "container-software", "settings")
_UNREAD = {
    "container-software": "the packages in some containers could not be read",
    "settings": "the settings of installed software could not be read",
}

SOFTWARE_TOO_OLD = Kind(
    id="software-too-old",
    severity="blocker",
    implies="not-ready",
    title="Software that speaks only IMDSv1",
    meaning="An installed package is older than the first version that asks for a token. Once tokens are required its "
    "metadata calls get 401: no credentials, no region, no user data.",
    cure="Upgrade the package. `imds-probe run --output json` lists the version it needs and the source for that.",
    sources=("EC2 User Guide: Transition to using Instance Metadata Service Version 2",),
)
SOFTWARE_NEEDS_SETTING = Kind(
    id="software-needs-setting",
    severity="blocker",
    implies="not-ready",
    title="Software that must be told to use IMDSv2",
    meaning="This version can speak IMDSv2 but does so only with a setting, which is not in force.",
    cure="Set it as the finding says, restart the program, and run again.",
)
SOFTWARE_UNKNOWN = Kind(
    id="software-unknown",
    severity="warning",
    implies="unknown",
    title="Software of which it is not known",
    meaning="The catalog has no sourced minimum for this version: a distribution's backport below upstream's number, or "
    "a vendor that never said. A guess could break the host, so it counts as unknown.",
    cure="Read the package's changelog (rpm -q --changelog, /usr/share/doc/*/changelog) for IMDSv2, or upgrade.",
)
PACKAGE_MANAGER_FAILED = Kind(
    id="package-manager-failed",
    severity="warning",
    implies="unknown",
    title="Packages or settings not readable",
    meaning="A package manager is present, on the host or in a container, but did not answer properly: damaged or "
    "locked database, missing tool, no rights, no time. An unread database is not an empty one.",
    cure="Run the command that the finding quotes by hand and mend what it says.",
)
NO_PACKAGE_MANAGER = Kind(
    id="no-package-manager",
    severity="warning",
    implies="unknown",
    title="No package database",
    meaning="No package manager's database was found, as in a distroless container. Then nothing is known of the "
    "software, and no verdict can rest on it.",
    cure="Run on the host, or mount its root and name it with --root.",
)


def _find(facts: Facts, catalog: Catalog) -> list[Found] | NothingToJudge:
    runs = [run for name in COLLECTORS if (run := facts.collector(name))]
    if not runs:
        return NothingToJudge("the software was not looked at")
    found = [trouble for run in runs if (trouble := _manager_trouble(run))]
    if all(run.status == "nothing" for run in runs if run.id not in _UNREAD):
        found.append(_no_manager())
    groups: dict[tuple[str, str, str, Requirement], list[Software]] = defaultdict(list)
    for software in facts[Installed].software:
        if isinstance(software, SdkSoftware):
            continue  # rules/sdks.py has those
        needed = requirement(software, facts, catalog)
        if needed.status != "ok":
            groups[software.component, software.manager, software.said_version, needed].append(software)
    found += [_judged(needed, group, facts, catalog) for (*_, needed), group in groups.items()]
    return found


def _manager_trouble(run: CollectorRun) -> Found | None:
    if run.status not in ("failed", "skipped", "partial"):
        return None
    if run.id == "settings" and run.status == "partial":
        return None  # what could not be read of them counts with the software that it is about
    return PACKAGE_MANAGER_FAILED.found(
        run.id,
        _UNREAD.get(run.id, f"the packages that {run.id} manages could not be read"),
        evidence=(run.reason,),
        fix=Fix("Repair what is quoted, or run with the rights to read it."),
    )


def _no_manager() -> Found:
    return NO_PACKAGE_MANAGER.found(
        "host",
        "no package database was found, so what is installed could not be seen",
        evidence=("no database of dpkg, rpm, apk or snapd exists below the root",),
        fix=Fix("Run on the host itself, or name its root.", ("imds-probe run --root /host",)),
    )


def _judged(needed: Requirement, group: list[Software], facts: Facts, catalog: Catalog) -> Found:
    """One finding for all places with the same version and the same judgement."""
    software = group[0]
    row = catalog.row(software.component)
    inside = container_names(group, facts[Containers])
    on_host = any(entry.on_host for entry in group)
    in_containers = f"in {few(inside, noun=' containers')}"
    what = f"{named(software, row)}{'' if on_host else f' {in_containers}'}"
    places = " and ".join([*(["on the host"] if on_host else []), in_containers]) if inside else ""
    seen = f"{software.package} {software.said_version}, by the {software.source}{f', {places}' if places else ''}"
    subject = software.component
    if needed.status == "too-old":
        never = row is not None and row.never
        fix = Fix(row.fix) if row and never else _upgrade(needed, software, facts, catalog)
        return SOFTWARE_TOO_OLD.found(subject, f"{what} {only_v1(needed)}", evidence=(seen,), fix=fix)
    evidence = (seen, needed.why)
    if needed.status == "needs-setting":
        fix = set_to(needed.setting) if needed.setting else Fix(needed.why)
        return SOFTWARE_NEEDS_SETTING.found(
            subject, f"{what} speaks IMDSv2 only when told to", evidence=evidence, fix=fix
        )
    if needed.setting is not None:
        summary = f"{what}: whether it was told to use IMDSv2 could not be read"
        return SOFTWARE_UNKNOWN.found(subject, summary, evidence=evidence, fix=_mend(needed.setting))
    look = "Look it up with its vendor, or upgrade it: the newest version is the safest guess."
    upgrade = _upgrade(needed, software, facts, catalog, look)
    return SOFTWARE_UNKNOWN.found(
        subject, f"{what}: not known whether it speaks IMDSv2", evidence=evidence, fix=upgrade
    )


def _upgrade(needed: Requirement, software: Software, facts: Facts, catalog: Catalog, text: str = "") -> Fix:
    """How to get a version that is new enough, and whether the configured repositories have one."""
    if not software.on_host:
        return Fix(text or image_built_anew(software.package, needed.minimum))
    text = text or f"{upgraded(software.package, needed.minimum)}."
    commands = upgrade_commands(software, facts[Host].os, needed.minimum)
    available = software.available
    if available is None:
        return Fix(text, commands)
    if available.version is None:
        nothing = f"The configured repositories have nothing newer, by {available.checked}"
        return Fix(f"{text} {nothing}: take it from its vendor, or upgrade the distribution.")
    judged = requirement_of(software, available.version, facts, catalog)
    has = f"The configured repositories have {available.version}"
    if judged.status in ("ok", "needs-setting"):
        return Fix(f"{text} {has}, which is new enough.", commands)
    enough = "which is too old as well" if judged.status == "too-old" else "of which that is not known either"
    return Fix(f"{text} {has}, {enough}.", commands if judged.status == "unknown" else ())


def _mend(setting: RequiredSetting) -> Fix:
    return Fix(
        f"Mend what could not be read, or run as root; {setting.key} has to be {setting.value} in {setting.place}. "
        "Restart the program, and run again."
    )


RULE = Rule(
    "software",
    _find,
    kinds=(SOFTWARE_TOO_OLD, SOFTWARE_NEEDS_SETTING, SOFTWARE_UNKNOWN, PACKAGE_MANAGER_FAILED, NO_PACKAGE_MANAGER),
)
