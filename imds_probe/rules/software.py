"""Does the installed software speak IMDSv2? Held against the catalog, which knows since which version it does."""

from __future__ import annotations

from imds_probe.catalog.catalog import Catalog
from imds_probe.catalog.rows import Requirement
from imds_probe.facts import CollectorRun, Facts, Software
from imds_probe.findings import Finding, Fix
from imds_probe.rules.fixes import upgrade_commands
from imds_probe.rules.rule import Explanation, NothingToJudge, Rule

COLLECTORS = ("dpkg", "rpm", "snap")


def requirement(software: Software, facts: Facts, catalog: Catalog) -> Requirement:
    """What the catalog says about one installed piece of software on this operating system."""
    return catalog.judge(
        software.component,
        manager=software.manager,
        version=software.version,
        os_id=facts.host.os.id,
        os_version_id=facts.host.os.version_id,
        os_id_like=facts.host.os.id_like,
    )


def _judge(facts: Facts, catalog: Catalog) -> list[Finding] | NothingToJudge:
    runs = [run for name in COLLECTORS if (run := facts.collector(name))]
    if not runs:
        return NothingToJudge("the software was not looked at")
    findings = [finding for run in runs if (finding := _manager_trouble(run))]
    if all(run.status == "nothing" for run in runs):
        findings.append(_no_manager())
    findings += [finding for software in facts.software if (finding := _judged(software, facts, catalog))]
    return findings


def _manager_trouble(run: CollectorRun) -> Finding | None:
    if run.status not in ("failed", "skipped", "partial"):
        return None
    return Finding(
        id="package-manager-failed",
        rule="software",
        severity="warning",
        subject=run.id,
        summary=f"the packages that {run.id} manages could not be read",
        evidence=(run.reason,),
        fix=Fix("Repair the package database, or run with the rights to read it."),
        implies="unknown",
    )


def _no_manager() -> Finding:
    return Finding(
        id="no-package-manager",
        rule="software",
        severity="warning",
        subject="host",
        summary="no package database was found, so what is installed could not be seen",
        evidence=("neither dpkg's nor rpm's database exists below the root",),
        fix=Fix("Run on the host itself, or name its root.", ("imds-probe run --root /host",)),
        implies="unknown",
    )


def _judged(software: Software, facts: Facts, catalog: Catalog) -> Finding | None:
    needed = requirement(software, facts, catalog)
    if needed.status == "ok":
        return None
    row = catalog.row(software.component)
    what = f"{row.name if row else software.component} {software.version}"
    seen = (f"{software.package} {software.version} in the {software.source}",)
    since = f"; IMDSv2 since {needed.minimum}" if needed.minimum else ""
    newer = f" to {needed.minimum} or later" if needed.minimum else ""
    upgrade = upgrade_commands(software, facts.host.os)
    match needed.status:
        case "too-old":
            summary = f"{what} speaks only IMDSv1{since}"
            if row and row.never:
                return _finding(needed, software, f"{what} speaks only IMDSv1, in every version", seen, Fix(row.fix))
            return _finding(needed, software, summary, seen, Fix(f"Upgrade {software.package}{newer}.", upgrade))
        case "needs-setting":
            return _finding(needed, software, f"{what} speaks IMDSv2 only when told to", seen, Fix(needed.why))
    look = Fix("Look it up with its vendor, or upgrade it: the newest version is the safest guess.", upgrade)
    return _finding(needed, software, f"{what}: not known whether it speaks IMDSv2", (*seen, needed.why), look)


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
            title="Package database not readable",
            meaning="A package manager is present but did not answer properly: damaged or locked database, missing tool, no "
            "rights, no time. An unread database is not an empty one.",
            cure="Run the command that the finding quotes by hand and mend what it says.",
        ),
        Explanation(
            id="no-package-manager",
            title="No package database",
            meaning="Neither dpkg's nor rpm's database was found, as in a distroless container. Then nothing is known of the "
            "software, and no verdict can rest on it.",
            cure="Run on the host, or mount its root and name it with --root.",
        ),
    ),
)
