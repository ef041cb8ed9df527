"""Does the installed software speak IMDSv2? Held against the catalog, which knows since which version it does."""

from __future__ import annotations

from collections import defaultdict

from imds_probe.catalog.catalog import Catalog
from imds_probe.catalog.requirement import requirement, requirement_of
from imds_probe.catalog.rows import RequiredSetting, Requirement
from imds_probe.facts.collector_run import CollectorRun
from imds_probe.facts.facts import Facts
from imds_probe.facts.host import Host
from imds_probe.facts.software import Installed, SdkSoftware, Software
from imds_probe.findings import Finding, Fix
from imds_probe.rules.fixes import upgrade_commands
from imds_probe.rules.rule import Explanation, NothingToJudge, Rule

COLLECTORS = ("dpkg", "rpm", "apk", "snap", "container-software", "settings")
PLACES_SHOWN = 3


_UNREAD = {
    "container-software": "the packages in some containers could not be read",
    "settings": "the settings of installed software could not be read",
}


def _judge(facts: Facts, catalog: Catalog) -> list[Finding] | NothingToJudge:
    runs = [run for name in COLLECTORS if (run := facts.collector(name))]
    if not runs:
        return NothingToJudge("the software was not looked at")
    findings = [finding for run in runs if (finding := _manager_trouble(run))]
    if all(run.status == "nothing" for run in runs if run.id not in _UNREAD):
        findings.append(_no_manager())
    groups: dict[tuple[str, str, str, Requirement], list[Software]] = defaultdict(list)
    for software in facts[Installed].software:
        if isinstance(software, SdkSoftware):
            continue  # rules/sdks.py has those
        needed = requirement(software, facts, catalog)
        if needed.status != "ok":
            groups[software.component, software.manager, software.said_version, needed].append(software)
    findings += [_judged(needed, group, facts, catalog) for (*_, needed), group in groups.items()]
    return findings


def _manager_trouble(run: CollectorRun) -> Finding | None:
    if run.status not in ("failed", "skipped", "partial"):
        return None
    if run.id == "settings" and run.status == "partial":
        return None  # what could not be read of them counts with the software that it is about
    return Finding(
        id="package-manager-failed",
        rule="software",
        severity="warning",
        subject=run.id,
        summary=_UNREAD.get(run.id, f"the packages that {run.id} manages could not be read"),
        evidence=(run.reason,),
        fix=Fix("Repair what is quoted, or run with the rights to read it."),
        implies="unknown",
    )


def _no_manager() -> Finding:
    return Finding(
        id="no-package-manager",
        rule="software",
        severity="warning",
        subject="host",
        summary="no package database was found, so what is installed could not be seen",
        evidence=("no database of dpkg, rpm, apk or snapd exists below the root",),
        fix=Fix("Run on the host itself, or name its root.", ("imds-probe run --root /host",)),
        implies="unknown",
    )


def _judged(needed: Requirement, group: list[Software], facts: Facts, catalog: Catalog) -> Finding:
    """One finding for all places with the same version and the same judgement."""
    software = group[0]
    row = catalog.row(software.component)
    what = f"{row.name if row else software.component} {software.said_version}"
    where = "" if any(entry.container is None for entry in group) else f" in {_containers(group)}"
    seen = (_places(group),)
    since = f"; IMDSv2 since {needed.minimum}" if needed.minimum else ""
    match needed.status:
        case "too-old":
            if row and row.never:
                return _finding(
                    needed, software, f"{what}{where} speaks only IMDSv1, in every version", seen, Fix(row.fix)
                )
            fix = _upgrade(needed, software, facts, catalog)
            return _finding(needed, software, f"{what}{where} speaks only IMDSv1{since}", seen, fix)
        case "needs-setting":
            summary = f"{what}{where} speaks IMDSv2 only when told to"
            return _finding(needed, software, summary, (*seen, needed.why), _set(needed))
    if needed.setting is not None:
        summary = f"{what}{where}: whether it was told to use IMDSv2 could not be read"
        return _finding(needed, software, summary, (*seen, needed.why), _mend(needed.setting))
    look = "Look it up with its vendor, or upgrade it: the newest version is the safest guess."
    upgrade = _upgrade(needed, software, facts, catalog, look)
    summary = f"{what}{where}: not known whether it speaks IMDSv2"
    return _finding(needed, software, summary, (*seen, needed.why), upgrade)


def _places(group: list[Software]) -> str:
    """Where it is, the first few places by name."""
    software = group[0]
    found = f"{software.package} {software.said_version}, by the {software.source}"
    hosts = ["on the host"] if any(entry.container is None for entry in group) else []
    containers = _container_names(group)
    if not containers:
        return found
    return f"{found}, {' and '.join([*hosts, f'in {_containers(group)}'])}"


def _container_names(group: list[Software]) -> list[str]:
    names = [name for entry in group if entry.container for name in (entry.container, *entry.also_in)]
    return list(dict.fromkeys(names))


def _containers(group: list[Software]) -> str:
    names = _container_names(group)
    more = len(names) - PLACES_SHOWN
    return ", ".join(names[:PLACES_SHOWN]) + (f" and {more} more containers" if more > 0 else "")


def _upgrade(needed: Requirement, software: Software, facts: Facts, catalog: Catalog, text: str = "") -> Fix:
    """How to get a version that is new enough, and whether the configured repositories have one."""
    if software.container is not None:
        newer = f" with {needed.minimum} or later" if needed.minimum else " with a newer version"
        return Fix(text or f"Build the image anew{newer} of {software.package}, and start its containers again.")
    newer = f" to {needed.minimum} or later" if needed.minimum else ""
    text = text or f"Upgrade {software.package}{newer}."
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


def _set(needed: Requirement) -> Fix:
    setting = needed.setting
    if setting is None:
        return Fix(needed.why)
    return Fix(f"Set {setting.key} to {setting.value} in {setting.place}, restart the program, and run again.")


def _finding(needed: Requirement, software: Software, summary: str, evidence: tuple[str, ...], fix: Fix) -> Finding:
    """The finding of a requirement that is not met, or not known to be."""
    certain = needed.status != "unknown"
    return Finding(
        id=f"software-{needed.status}",
        rule="software",
        severity="blocker" if certain else "warning",
        subject=software.component,
        summary=summary,
        evidence=evidence,
        fix=fix,
        implies="not-ready" if certain else "unknown",
    )


RULE = Rule(
    id="software",
    judge=_judge,
    explanations=(
        Explanation(
            id="software-too-old",
            title="Software that speaks only IMDSv1",
            meaning="An installed package is older than the first version that asks for a token. Once tokens are required its "
            "metadata calls get 401: no credentials, no region, no user data.",
            cure="Upgrade the package. `imds-probe run --output json` lists the version it needs and the source for that.",
            sources=("EC2 User Guide: Transition to using Instance Metadata Service Version 2",),
        ),
        Explanation(
            id="software-needs-setting",
            title="Software that must be told to use IMDSv2",
            meaning="This version can speak IMDSv2 but does so only with a setting, which is not in force.",
            cure="Set it as the finding says, restart the program, and run again.",
        ),
        Explanation(
            id="software-unknown",
            title="Software of which it is not known",
            meaning="The catalog has no sourced minimum for this version: a distribution's backport below upstream's number, or "
            "a vendor that never said. A guess could break the host, so it counts as unknown.",
            cure="Read the package's changelog (rpm -q --changelog, /usr/share/doc/*/changelog) for IMDSv2, or upgrade.",
        ),
        Explanation(
            id="package-manager-failed",
            title="Packages or settings not readable",
            meaning="A package manager is present, on the host or in a container, but did not answer properly: damaged or "
            "locked database, missing tool, no rights, no time. An unread database is not an empty one.",
            cure="Run the command that the finding quotes by hand and mend what it says.",
        ),
        Explanation(
            id="no-package-manager",
            title="No package database",
            meaning="No package manager's database was found, as in a distroless container. Then nothing is known of the "
            "software, and no verdict can rest on it.",
            cure="Run on the host, or mount its root and name it with --root.",
        ),
    ),
)
