"""Do the AWS SDKs speak IMDSv2 that lie in archives which something will start? A process that has one loaded is judged with it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

from imds_probe.catalog.catalog import Catalog
from imds_probe.catalog.rows import Requirement, Row
from imds_probe.facts.code import OF_LIBRARY, Code, CodeSeen
from imds_probe.facts.facts import Facts, NotInReport
from imds_probe.findings import Fix, Found
from imds_probe.rules.code_phrases import detail, how_to_watch, listed, named, started
from imds_probe.rules.origins import of_code
from imds_probe.rules.phrases import NEEDS_SETTING, few, make_setting, only_v1, rebuilt
from imds_probe.rules.sdks_kinds import SDK_SETTLED, SDK_TOO_OLD, SDK_TOO_OLD_SILENT, SDK_UNKNOWN, SDK_UNSERVED
from imds_probe.rules.settled import silent, unserved_code, unwatched
from imds_probe.rules.settling import CATALOG, OWNER, by_watch

_STARTED = ("scheduled", "boot")


def started_libraries(facts: Facts) -> tuple[CodeSeen, ...]:
    """The SDKs in archives that something will start."""
    try:
        code = facts[Code].code
    except NotInReport:  # the rules on code say so
        return ()
    return tuple(each for each in code if each.form == OF_LIBRARY and each.runs in _STARTED)


def due(facts: Facts, catalog: Catalog) -> Iterator[Found]:
    """One finding for each version of an SDK, and for what breaks no more of it."""
    groups: defaultdict[tuple[str, str | None, Requirement, bool], list[CodeSeen]] = defaultdict(list)
    for each in started_libraries(facts):
        needed = _needed(each, catalog)
        if needed.status != "ok" and each.component is not None:
            aside = bool(silent(each, facts) or unserved_code(each, facts))
            groups[each.component, each.version, needed, aside].append(each)
    for (component, _, needed, aside), entries in groups.items():
        row = catalog.row(component)
        yield (_aside if aside else _breaks)(entries, needed, row, facts)


def _needed(code: CodeSeen, catalog: Catalog) -> Requirement:
    """By its version. Of one whose version could only be narrowed down, and of one that only may be started, the run has judged."""
    judged = catalog.judge(code.component or "", manager=code.manager or "", version=code.version)
    if code.version is not None and code.speaks == "both" and judged.status == "too-old":
        return Requirement(
            judged.minimum, "unknown", "whether the program that would load it is started is not known", judged.source
        )
    if code.version is not None or code.speaks == "both":
        return judged
    return Requirement(judged.minimum, "too-old" if code.speaks == "v1" else "ok", judged.why, judged.source)


def _which(entries: Sequence[CodeSeen], row: Row | None, facts: Facts) -> str:
    first = entries[0]
    name = row.name if row is not None else first.component
    version = " ".join(first.quote).partition(" in ")[0].partition(" ")[2]
    places = few(list(dict.fromkeys(named(each, facts) for each in entries)))
    return f"{name} {version} in {places}, {started(first)}"


def _aside(entries: Sequence[CodeSeen], needed: Requirement, row: Row | None, facts: Facts) -> Found:
    """What was watched since it was started last, or gets no metadata there."""
    subject, which = entries[0].component or "", _which(entries, row, facts)
    why = list(dict.fromkeys(silent(each, facts) or unserved_code(each, facts) for each in entries))
    evidence = (*why, *listed([detail(each, facts) for each in entries]))
    watched = any(silent(each, facts) for each in entries)
    but = "made no call by IMDSv1 while it was watched" if watched else f"loses nothing by the switch: {why[0]}"
    if needed.status == "unknown":
        summary = f"{which}, {but}; its version does not show whether it speaks IMDSv2"
        return SDK_SETTLED.found(subject, summary, evidence=evidence)
    kind = SDK_TOO_OLD_SILENT if watched else SDK_UNSERVED
    return kind.found(subject, f"{which}, {_is(needed)}, but {but}", evidence=evidence, fix=_fix(entries, needed, row))


def _breaks(entries: Sequence[CodeSeen], needed: Requirement, row: Row | None, facts: Facts) -> Found:
    subject, which = entries[0].component or "", _which(entries, row, facts)
    unseen = dict.fromkeys(why for each in entries if (why := unwatched(each, facts)))
    evidence = (*listed([detail(each, facts) for each in entries]), *unseen)
    origins = of_code(entries, facts)
    if needed.status == "too-old":
        fix = _fix(entries, needed, row)
        return SDK_TOO_OLD.found(subject, f"{which}, {_is(needed)}", evidence=evidence, fix=fix, forgeable_by=origins)
    window = by_watch(entries, facts)
    watch = f" {how_to_watch(entries)}" if window else ""
    fix = _fix(entries, needed, row)
    return SDK_UNKNOWN.found(
        subject,
        f"IMDSv2 support of {which}, is not known",
        evidence=(needed.why, *evidence),
        fix=Fix(f"{fix.text}{watch}", fix.commands),
        forgeable_by=origins,
        settled_by=(*window, *([CATALOG] if entries[0].version is not None else []), OWNER),
    )


def _is(needed: Requirement) -> str:
    return NEEDS_SETTING if needed.status == "needs-setting" else only_v1(needed)


def _fix(entries: Sequence[CodeSeen], needed: Requirement, row: Row | None) -> Fix:
    if needed.status == "needs-setting":
        return make_setting(needed)
    if row is not None and row.never:
        return Fix(row.fix)
    package = " ".join(entries[0].quote).partition(" ")[0]
    return Fix(f"{rebuilt('the application', package, needed.minimum)}.")
