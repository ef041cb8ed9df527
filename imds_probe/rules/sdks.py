"""Do the AWS SDKs in use speak IMDSv2, and does the token arrive where they run?"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence

from imds_probe.catalog.catalog import Catalog
from imds_probe.catalog.rows import Requirement, Row
from imds_probe.catalog.upstream import compare_upstream
from imds_probe.facts.collector_run import CollectorRun
from imds_probe.facts.containers import Container, Containers, titles
from imds_probe.facts.facts import Facts
from imds_probe.facts.imds import Imds, switched_already
from imds_probe.facts.sdk_settings import V1_DISABLED
from imds_probe.facts.software import Installed, SdkSearch, SdkSoftware
from imds_probe.findings import Fix, Found
from imds_probe.rules.asking import asking
from imds_probe.rules.called import calls
from imds_probe.rules.elsewhere import HEED_PROXIES
from imds_probe.rules.fixes import library_commands
from imds_probe.rules.hop_need import cures, limit_for
from imds_probe.rules.kept_out import KeptOut, kept_out
from imds_probe.rules.metadata_need import metadata_need, need_of_processes
from imds_probe.rules.origins import of_containers, of_software
from imds_probe.rules.phrases import (
    NAMES_SHOWN,
    NEEDS_SETTING,
    ONLY_V1,
    container_names,
    few,
    image_rebuilt,
    known_by,
    make_setting,
    more_time_or,
    named,
    not_verified,
    only_v1,
    raise_hop_limit,
    rebuilt,
    upgraded,
)
from imds_probe.rules.rehearsed import rehearsed_processes
from imds_probe.rules.requirement import requirement
from imds_probe.rules.rule import NothingToJudge, Rule
from imds_probe.rules.sdks_due import due, started_libraries
from imds_probe.rules.sdks_kinds import (
    KINDS,
    SDK_FALLS_BACK,
    SDK_FIGURE_INFERRED,
    SDK_ON_DISK_TOO_OLD,
    SDK_SEARCH_CUT_SHORT,
    SDK_SETTLED,
    SDK_TOO_OLD,
    SDK_TOO_OLD_SILENT,
    SDK_TOO_OLD_UNASKED,
    SDK_UNSERVED,
    SDKS_NOT_SEEN,
)
from imds_probe.rules.sdks_unknown import unknown
from imds_probe.rules.settled import silent_processes, unserved_now
from imds_probe.rules.settling import ON_HOST, OWNER, by_reasons, by_run, to_see

_SUBJECT = "sdks"
_Group = dict[tuple[str, str, Requirement, bool], list[SdkSoftware]]


def _find(facts: Facts, catalog: Catalog) -> list[Found] | NothingToJudge:
    run = facts.collector("sdks")
    if run is None:
        return list(due(facts, catalog)) or NothingToJudge("the AWS SDKs in use were not inspected")
    found = []
    unseen = facts[SdkSearch].sdks_unseen or ((run.reason,) if run.status in ("failed", "skipped") else ())
    if unseen:
        found.append(_unseen(unseen, None if facts[SdkSearch].sdks_unseen else run, facts))
    groups: _Group = defaultdict(list)
    left_out = kept_out(facts, catalog)
    for entry in facts[Installed].software:
        if isinstance(entry, SdkSoftware):
            needed = requirement(entry, facts, catalog)
            groups[entry.component, entry.said_version, needed, entry.running].append(entry)
            found += _falls_back(entry, needed, facts, catalog, left_out)
    started = {each.path for each in started_libraries(facts)}
    for (component, _, needed, running), entries in groups.items():
        if not running and all(_is_started(each, started) for each in entries):
            continue  # what starts it says more
        if needed.status != "ok" or needed.by == "code" or (running and not_verified(needed)):
            row = catalog.row(component)
            which = f"{named(entries[0], row)}{_in(entries, facts)}"
            found += _in_use(which, entries, needed, row, facts) if running else _on_disk(which, entries, needed, row)
    found += due(facts, catalog)
    if facts[SdkSearch].sdks_left_out:
        found.append(_left_out(facts[SdkSearch].sdks_left_out))
    return found


def _is_started(entry: SdkSoftware, started: Collection[str]) -> bool:
    """Whether it lies in nothing but archives that something starts."""
    known = {path.partition("!")[0] for path in entry.sdk.paths}
    return entry.on_host and entry.sdk.places == len(entry.sdk.paths) and known <= set(started)


def _unseen(reasons: Sequence[str], run: CollectorRun | None, facts: Facts) -> Found:
    return SDKS_NOT_SEEN.found(
        _SUBJECT,
        "some running programs could not be inspected for AWS SDKs",
        evidence=tuple(reasons),
        fix=more_time_or(run, to_see(reasons, facts, "Run imds-probe as root on the host itself.")),
        settled_by=(*(by_run(run, facts, ON_HOST) if run else by_reasons(reasons, facts, ON_HOST)), OWNER),
    )


def _in_use(
    which: str, entries: Sequence[SdkSoftware], needed: Requirement, row: Row | None, facts: Facts
) -> list[Found]:
    what = f"{which}, in use by {_users(entries)}"
    subject = entries[0].component
    if needed.status == "ok" and needed.by == "code":
        return [
            SDK_SETTLED.found(
                subject, f"{what}, asks for a token by its own code", evidence=(needed.why, *_places(entries))
            )
        ]
    if needed.status == "ok":
        return _by_inference(what, entries, needed)
    called = calls(row, facts, [pid for entry in entries for pid in entry.pids])
    told = [told for entry in entries for told in entry.sdk.told]
    need = need_of_processes(told, asking(entries[0], row, called=called))
    by_code = (needed.why,) if needed.by == "code" else ()
    evidence = (*by_code, *_places(entries), need.in_words, *not_verified(needed))
    origins = of_software(entries, facts)
    if need.state == "unlikely":
        if needed.status == "unknown":
            return []
        speaks = NEEDS_SETTING if needed.status == "needs-setting" else ONLY_V1
        summary = f"{what}, {speaks}, but nothing shows that it asks for metadata: {need.reason}"
        return [SDK_TOO_OLD_UNASKED.found(subject, summary, evidence=evidence, fix=_fix(entries, needed, row))]
    if why := unserved_now(
        any(entry.on_host for entry in entries),
        [identity for entry in entries for identity in entry.container_ids],
        facts,
        heeds_proxies=subject in HEED_PROXIES,
    ):
        if needed.status == "unknown":
            summary = f"{what}, loses nothing by the switch, because {why}; its version does not show whether it speaks IMDSv2"
            return [SDK_SETTLED.found(subject, summary, evidence=(needed.why, *evidence))]
        fix = _fix(entries, needed, row)
        return [SDK_UNSERVED.found(subject, f"{what}, {_is(needed)}, but {why}", evidence=evidence, fix=fix)]
    silent = [silent_processes(entry.sdk, entry.pids, facts) for entry in entries]
    if all(silent) and needed.by == "version":  # a watch does not outweigh code
        return _silent(what, entries, needed, row, dict.fromkeys(silent))
    rehearsed = [rehearsed_processes(entry.pids, facts) for entry in entries]
    if needed.status == "unknown" and needed.by == "version" and all(rehearsed):
        summary = f"{what}, asked with a token in a rehearsal; its version does not show whether it speaks IMDSv2"
        return [
            SDK_SETTLED.found(subject, summary, evidence=(*dict.fromkeys(rehearsed), needed.why, *_places(entries)))
        ]
    if needed.status == "unknown":
        return [unknown(what, entries, needed, row, (needed.why, *evidence), origins=origins)]
    summary = f"{what}, {_is(needed)}"
    fix = _fix(entries, needed, row)
    return [SDK_TOO_OLD.found(subject, summary, evidence=evidence, fix=fix, forgeable_by=origins)]


def _silent(
    what: str, entries: Sequence[SdkSoftware], needed: Requirement, row: Row | None, silent: Iterable[str]
) -> list[Found]:
    """What was watched since it started outweighs its version."""
    subject = entries[0].component
    evidence = (*silent, needed.why, *_places(entries))
    if needed.status == "unknown":
        summary = (
            f"{what}, made no call by IMDSv1 while it was watched; its version does not show whether it speaks IMDSv2"
        )
        return [SDK_SETTLED.found(subject, summary, evidence=evidence)]
    summary = f"{what}, {_is(needed)}, but made no call by IMDSv1 while it was watched"
    return [SDK_TOO_OLD_SILENT.found(subject, summary, evidence=evidence, fix=_fix(entries, needed, row))]


def _on_disk(which: str, entries: Sequence[SdkSoftware], needed: Requirement, row: Row | None) -> list[Found]:
    """What nothing that runs uses breaks nothing now, and may once it is started."""
    if needed.status == "unknown":
        return []
    summary = f"{which} is on disk, not in use now, and {_is(needed)}"
    fix = _fix(entries, needed, row)
    return [
        SDK_ON_DISK_TOO_OLD.found(
            entries[0].component, summary, evidence=(*_places(entries), *not_verified(needed)), fix=fix
        )
    ]


def _by_inference(what: str, entries: Sequence[SdkSoftware], needed: Requirement) -> list[Found]:
    return [
        SDK_FIGURE_INFERRED.found(
            entries[0].component,
            f"{what}, counts as new enough for IMDSv2, but {line}",
            evidence=_places(entries),
        )
        for line in not_verified(needed)
    ]


def _is(needed: Requirement) -> str:
    """What is wrong with it."""
    return NEEDS_SETTING if needed.status == "needs-setting" else only_v1(needed)


def _falls_back(
    entry: SdkSoftware, needed: Requirement, facts: Facts, catalog: Catalog, left_out: KeptOut
) -> list[Found]:
    """An SDK that could speak IMDSv2 where its token is lost: nobody notices until the switch."""
    row = catalog.row(entry.component)
    if needed.status != "ok" or not entry.running or row is None or row.through:
        return []
    cut_off = [
        container
        for container in facts[Containers].seen
        if container.identity in entry.container_ids
        and _token_is_lost(container, facts, catalog)
        and limit_for(container, facts)
        and not left_out.has(container, facts)  # its own finding says what breaks
    ]
    if not cut_off:
        return []
    limit = max(limit_for(container, facts) or 1 for container in cut_off)
    required = switched_already(facts.get(Imds))
    if required or row.on_lost_token == "fails" or _is_told_not_to(entry, row):
        becomes = "has no metadata now"
    elif row.on_lost_token == "falls-back":
        waits = f" (after {row.waits.partition(';')[0]})" if row.waits else ""
        becomes = f"falls back to IMDSv1 today{waits} and breaks on the switch"
    else:
        becomes = "would break on the switch"
    summary = (
        f"{named(entry, row)} in {titles(cut_off)} speaks IMDSv2 but receives no token: it {becomes}; "
        f"{max((cures(container, facts) for container in cut_off), key=len)}"
    )
    return [
        SDK_FALLS_BACK.found(
            row.id,
            summary,
            evidence=_places([entry]),
            fix=raise_hop_limit(limit),
            forgeable_by=of_containers(cut_off),
        )
    ]


def _is_told_not_to(entry: SdkSoftware, row: Row) -> bool:
    """Whether all that use it are told never to ask without a token, in a version that heeds that."""
    free, version = row.no_v1_fallback, entry.version or entry.sdk.at_least
    if free is None or version is None or free.config.get(V1_DISABLED) != "true":
        return False
    order = compare_upstream(entry.manager, version, free.version).order
    return (
        order is not None and order >= 0 and all(told.effective.get(V1_DISABLED) == "true" for told in entry.sdk.told)
    )


def _token_is_lost(container: Container, facts: Facts, catalog: Catalog) -> bool:
    main = container.main
    if main is None or main.token != "lost" or main.disagrees:
        return False
    return metadata_need(container, facts, catalog).state != "unlikely"


def _left_out(reasons: Sequence[str]) -> Found:
    return SDK_SEARCH_CUT_SHORT.found(
        _SUBJECT,
        "the search for AWS SDKs on disk did not cover everything",
        evidence=tuple(reasons),
        fix=Fix(
            "Search the disk once without a limit, while the host has memory and disk space to spare. If applications are on "
            "network file systems, append their directories to the command.",
            ("imds-probe run --deep",),
        ),
    )


def _in(entries: Sequence[SdkSoftware], facts: Facts) -> str:
    names = container_names(entries, facts[Containers])
    if not names:
        return ""
    on_host = any(entry.on_host for entry in entries)
    return f" in {few(['the host', *names] if on_host else names)}"


def _users(entries: Sequence[SdkSoftware]) -> str:
    names = [f"{user.unit or user.comm} ({user.pid})" for entry in entries for user in entry.sdk.users]
    count = sum(len(entry.pids) for entry in entries)
    return few(names, count=count) if names else f"{count} processes"


def _places(entries: Sequence[SdkSoftware]) -> tuple[str, ...]:
    """How it is known, and the first few places."""
    lines = []
    for entry in entries:
        shown = entry.sdk.paths[:NAMES_SHOWN]
        more = entry.sdk.places - len(shown)
        rest = f" and {more} more places" if more > 1 else " and one more place" if more else ""
        lines.append(f"{entry.package}, {known_by(entry)} at {', '.join(shown)}{rest}")
    return tuple(lines)


def _fix(entries: Sequence[SdkSoftware], needed: Requirement, row: Row | None) -> Fix:
    first = entries[0]
    if needed.status == "needs-setting":
        return make_setting(needed)
    if row is not None and row.never:
        return Fix(row.fix)
    if not any(entry.on_host for entry in entries):
        return Fix(image_rebuilt(first.package, needed.minimum))
    commands = library_commands(first, needed.minimum)
    restart = ", and restart the programs that use it" if first.running else ""
    if commands:
        return Fix(f"{upgraded(first.package, needed.minimum)} in each place{restart}.", commands)
    return Fix(f"{rebuilt('the application', first.package, needed.minimum)}{restart}.")


RULE = Rule("sdks", _find, kinds=KINDS)
