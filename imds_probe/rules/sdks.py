"""Do the AWS SDKs in use speak IMDSv2, and does the token arrive where they run?"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from imds_probe.catalog.catalog import Catalog
from imds_probe.catalog.requirement import requirement
from imds_probe.catalog.rows import Requirement, Row
from imds_probe.facts.containers import Container, Containers, titles
from imds_probe.facts.facts import Facts
from imds_probe.facts.imds import Imds, switched_already
from imds_probe.facts.software import Installed, SdkSearch, SdkSoftware
from imds_probe.findings import Finding, Fix
from imds_probe.rules.fixes import library_commands
from imds_probe.rules.metadata_need import metadata_need, need_of_processes
from imds_probe.rules.rule import NothingToJudge, Rule
from imds_probe.rules.sdks_explained import EXPLANATIONS

RULE_ID = "sdks"
NAMES_SHOWN = 3
_Group = dict[tuple[str, str, Requirement, bool], list[SdkSoftware]]


def _judge(facts: Facts, catalog: Catalog) -> list[Finding] | NothingToJudge:
    run = facts.collector("sdks")
    if run is None:
        return NothingToJudge("the SDKs in use were not looked at")
    findings = []
    unseen = facts[SdkSearch].sdks_unseen or ((run.reason,) if run.status in ("failed", "skipped") else ())
    if unseen:
        findings.append(_unseen(unseen))
    groups: _Group = defaultdict(list)
    for entry in facts[Installed].software:
        if isinstance(entry, SdkSoftware):
            needed = requirement(entry, facts, catalog)
            groups[entry.component, entry.said_version, needed, entry.running].append(entry)
            findings += _falls_back(entry, needed, facts, catalog)
    for (component, _, needed, running), entries in groups.items():
        if needed.status != "ok":
            row = catalog.row(component)
            findings += _in_use(entries, needed, row) if running else _on_disk(entries, needed, row)
    if facts[SdkSearch].sdks_left_out:
        findings.append(_left_out(facts[SdkSearch].sdks_left_out))
    return findings


def _unseen(reasons: Sequence[str]) -> Finding:
    return Finding(
        id="sdks-not-seen",
        rule=RULE_ID,
        severity="warning",
        subject="sdks",
        summary="which AWS SDKs the running programs use could not be seen of all of them",
        evidence=tuple(reasons),
        fix=Fix("Run as root on the host; give it more time with --timeout where the time was short."),
        implies="unknown",
    )


def _in_use(entries: Sequence[SdkSoftware], needed: Requirement, row: Row | None) -> list[Finding]:
    first = entries[0]
    what = f"{_name(first, row)}{_in(entries)}, in use by {_users(entries)}"
    need = need_of_processes([names for entry in entries for names in _environments(entry)])
    evidence = [*_places(entries), f"need {need.state}: {need.reason}"]
    if need.state == "unlikely":
        if needed.status == "unknown":
            return []
        summary = f"{what}, speaks only IMDSv1, but does not seem to ask: {need.reason}"
        return [
            Finding(
                id="sdk-too-old-unasked",
                rule=RULE_ID,
                severity="warning",
                subject=first.component,
                summary=summary,
                evidence=tuple(evidence),
                fix=_fix(entries, needed, row),
            )
        ]
    if needed.status == "unknown":
        summary = f"{what}: not known whether it speaks IMDSv2"
        fix = Fix("Look it up in the application's own list of what it was built with, or upgrade it.")
        return [
            Finding(
                id="sdk-unknown",
                rule=RULE_ID,
                severity="warning",
                subject=first.component,
                summary=summary,
                evidence=(needed.why, *evidence),
                fix=fix,
                implies="unknown",
            )
        ]
    since = f"; IMDSv2 since {needed.minimum}" if needed.minimum else ", in every version"
    summary = f"{what}, speaks only IMDSv1{since}"
    fix = _fix(entries, needed, row)
    return [
        Finding(
            id="sdk-too-old",
            rule=RULE_ID,
            severity="blocker",
            subject=first.component,
            summary=summary,
            evidence=tuple(evidence),
            fix=fix,
            implies="not-ready",
        )
    ]


def _on_disk(entries: Sequence[SdkSoftware], needed: Requirement, row: Row | None) -> list[Finding]:
    """What nothing that runs uses breaks nothing now, and may once it is started."""
    if needed.status == "unknown":
        return []
    first = entries[0]
    since = f"; IMDSv2 since {needed.minimum}" if needed.minimum else ", in every version"
    summary = (
        f"{_name(first, row)}{_in(entries)} lies on disk, used by nothing that runs now, and speaks only IMDSv1{since}"
    )
    fix = _fix(entries, needed, row)
    return [
        Finding(
            id="sdk-on-disk-too-old",
            rule=RULE_ID,
            severity="warning",
            subject=first.component,
            summary=summary,
            evidence=tuple(_places(entries)),
            fix=fix,
        )
    ]


def _falls_back(entry: SdkSoftware, needed: Requirement, facts: Facts, catalog: Catalog) -> list[Finding]:
    """An SDK that could speak IMDSv2 where its token is lost: nobody notices until the switch."""
    row = catalog.row(entry.component)
    if needed.status != "ok" or not entry.running or row is None or row.through:
        return []
    cut_off = [
        container
        for container in facts[Containers].seen
        if container.id in entry.container_ids and _token_is_lost(container)
    ]
    limit = max((container.needs_hop_limit or 0 for container in cut_off), default=0)
    if not limit:
        return []
    required = switched_already(facts.get(Imds))
    if required or row.on_lost_token == "fails":
        becomes = "gets no metadata now"
    elif row.on_lost_token == "falls-back":
        waits = f" (after {row.waits.partition(';')[0]})" if row.waits else ""
        becomes = f"falls back to IMDSv1 today{waits} and breaks on the switch"
    else:
        becomes = "would break on the switch"
    summary = (
        f"{_name(entry, row)} speaks IMDSv2, but no token reaches it in {titles(cut_off)}: it {becomes}; "
        f"hop limit {limit} cures that"
    )
    fix = Fix(f"Raise the hop limit to {limit} with the same command that requires tokens (see below).")
    return [
        Finding(
            id="sdk-falls-back",
            rule=RULE_ID,
            severity="blocker",
            subject=row.id,
            summary=summary,
            evidence=tuple(_places([entry])),
            fix=fix,
            implies="needs-hop-limit",
        )
    ]


def _token_is_lost(container: Container) -> bool:
    main = container.main
    if main is None or main.token != "lost" or main.disagrees:
        return False
    return metadata_need(container).state != "unlikely"


def _left_out(reasons: Sequence[str]) -> Finding:
    return Finding(
        id="sdk-search-cut-short",
        rule=RULE_ID,
        severity="info",
        subject="sdks",
        summary="not all of the disk was searched for AWS SDKs that nothing uses now",
        evidence=tuple(reasons),
        fix=Fix("Search it once without a limit.", ("imds-probe run --deep",)),
    )


def _environments(entry: SdkSoftware) -> tuple[tuple[str, ...], ...]:
    """One process that may not be read, or sets nothing, may ask for the instance's role."""
    return entry.sdk.environment or ((),)


def _name(entry: SdkSoftware, row: Row | None) -> str:
    return f"{row.name if row else entry.component} {entry.said_version}"


def _in(entries: Sequence[SdkSoftware]) -> str:
    names = list(
        dict.fromkeys(name for entry in entries if entry.container for name in (entry.container, *entry.also_in))
    )
    if any(entry.container is None for entry in entries):
        names.insert(0, "the host")
    elif not names:
        return ""
    return f" in {_few(names)}" if names != ["the host"] else ""


def _users(entries: Sequence[SdkSoftware]) -> str:
    names = []
    for entry in entries:
        for user in entry.sdk.users:
            names.append(f"{user.unit or user.comm} ({user.pid})")
    count = sum(len(entry.pids) for entry in entries)
    return _few(names, count) if names else f"{count} processes"


def _few(names: Sequence[str], count: int | None = None) -> str:
    more = (len(names) if count is None else count) - NAMES_SHOWN
    return ", ".join(names[:NAMES_SHOWN]) + (f" and {more} more" if more > 0 else "")


def _places(entries: Sequence[SdkSoftware]) -> list[str]:
    """How it is known, and the first few places."""
    lines = []
    for entry in entries:
        shown = entry.sdk.paths[:NAMES_SHOWN]
        more = entry.sdk.places - len(shown)
        rest = f" and {more} more places" if more > 1 else " and one more place" if more else ""
        lines.append(f"{entry.package} by its {entry.source} at {', '.join(shown)}{rest}")
    return lines


def _fix(entries: Sequence[SdkSoftware], needed: Requirement, row: Row | None) -> Fix:
    first = entries[0]
    if needed.status == "needs-setting" and needed.setting is not None:
        setting = needed.setting
        return Fix(f"Set {setting.key} to {setting.value} in {setting.place}, and restart what uses it.")
    if row is not None and row.never:
        return Fix(row.fix)
    newer = f" to {needed.minimum} or later" if needed.minimum else ""
    if all(entry.container for entry in entries):
        return Fix(f"Build the image anew with {first.package} upgraded{newer}, and start its containers again.")
    commands = library_commands(first, needed.minimum)
    restart = ", and restart what uses it" if first.running else ""
    if commands:
        return Fix(f"Upgrade {first.package}{newer} in each place{restart}.", commands)
    return Fix(f"Build the application anew with {first.package} upgraded{newer}{restart}.")


RULE = Rule(id=RULE_ID, judge=_judge, explanations=EXPLANATIONS)
