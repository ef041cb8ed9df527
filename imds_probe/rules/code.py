"""Does the code that runs, or that something starts, ask for a token? And what of it was not read?

Code of software that the catalog knows is judged with that software: see requirement.py.
"""

from __future__ import annotations

from collections.abc import Sequence

from imds_probe.catalog.catalog import Catalog
from imds_probe.facts.code import HEADER_ELSEWHERE, OF_LIBRARY, Code, CodeSeen
from imds_probe.facts.facts import Facts
from imds_probe.facts.image import Image
from imds_probe.findings import Fix, Found, Kind
from imds_probe.inventory.schedules.scheduled import AT_LOGIN
from imds_probe.rules.acceptance import apart, named_first
from imds_probe.rules.code_fixes import fix_for
from imds_probe.rules.code_kinds import (
    CODE_IMDSV1,
    CODE_IMDSV1_AT_LOGIN,
    CODE_IMDSV1_ONCE,
    CODE_IMDSV1_UNSERVED,
    CODE_NAMED_IMDSV1,
    CODE_ON_DISK_IMDSV1,
    CODE_SETTLED,
    CODE_UNDECIDED,
    KINDS,
)
from imds_probe.rules.code_phrases import (
    ON_AN_INSTANCE,
    WATCH,
    called,
    count,
    detail,
    how_to_watch,
    listed,
    matched,
    named,
    place_of,
    started,
    whose,
)
from imds_probe.rules.code_unread import not_read
from imds_probe.rules.origins import of_code
from imds_probe.rules.phrases import few
from imds_probe.rules.rehearsed import asked_again, rehearsed_code
from imds_probe.rules.requirement import fit_by_version, software_of
from imds_probe.rules.rule import NothingToJudge, Rule
from imds_probe.rules.settled import elsewhere, nobody_by_v1, seen_by_token, unserved_code, unwatched
from imds_probe.rules.settling import AN_INSTANCE, CATALOG, OWNER, SILENT_WINDOW, by_rehearsal, by_watch

_COLLECTOR = _SUBJECT = "code"
NAMED_MAX = 20
# Their files, by how a package is said: "byobu 5.133-1 (dpkg)".
_OF_DISTRIBUTIONS = ("(dpkg)", "(rpm)", "(apk)")
_STARTED = ("running", "scheduled", "boot")
NOT_AT_WORK = "which does not show that the request without a token was at work"


def _find(facts: Facts, catalog: Catalog) -> list[Found] | NothingToJudge:
    run = facts.collector(_COLLECTOR)
    if run is None:
        return NothingToJudge("the code of running programs was not read")
    seen = [each for each in facts[Code].code if each.runs == "once" or each.form != OF_LIBRARY]
    code = [each for each in seen if each.runs == "once" or software_of(each, facts) is None]
    recovered = {each: why for each in code if each.speaks == "v1" and (why := _recovered(each, facts))}
    fit = {each: why for each in code if each.runs in _STARTED and (why := fit_by_version(each, facts, catalog))}
    asking = [each for each in code if each.speaks == "v1" and each not in fit and each not in recovered]
    found = _blocking([each for each in asking if each.runs in _STARTED], facts, catalog)
    found += _once([each for each in asking if each.runs == "once"], facts)
    lying = [each for each in asking if each.runs == "lies"]
    silent = nobody_by_v1(facts)
    in_doubt = [each for each in lying if each.started_by and not silent and not unserved_code(each, facts)]
    found += _named(in_doubt, facts) + _on_disk([each for each in lying if each not in in_doubt], facts)
    both = [each for each in code if each.speaks == "both" and each.runs in _STARTED and each not in fit]
    undecided, settled = _undecided(both, facts, catalog)
    settled += [f"{called(each, facts)} asks without a token: {why}" for each, why in recovered.items()]
    settled = [*(f"{named(each, facts)} speaks IMDSv2 by its version: {why}" for each, why in fit.items()), *settled]
    unread, settled_unread = not_read(run, facts, catalog)
    found += [*undecided, *unread]
    if lines := [*settled, *settled_unread]:
        one = len(lines) == 1
        cleared = "is cleared by evidence other than its" if one else "are cleared by evidence other than their"
        summary = f"{count(len(lines), 'program')} {cleared} code"
        found.append(CODE_SETTLED.found(_SUBJECT, summary, evidence=listed(lines)))
    return found


def _recovered(code: CodeSeen, facts: Facts) -> str:
    """How code that asks without a token was refused in a rehearsal, and then asked with one: that part of it was at work."""
    return asked_again(code, facts) if code.runs in _STARTED else ""


def _blocking(code: Sequence[CodeSeen], facts: Facts, catalog: Catalog) -> list[Found]:
    """What breaks, each by itself; and what does not, as nothing is served there."""
    idle = {each: why for each in code if (why := unserved_code(each, facts))}
    at_login = [each for each in code if each not in idle and _is_offered_at_login(each)]
    blocking = [each for each in code if each not in idle and each not in at_login]
    blocking = named_first(CODE_IMDSV1, blocking, lambda each: named(each, facts), facts)
    found = [_asks(each, facts, catalog) for each in blocking[:NAMED_MAX]]
    if rest := blocking[NAMED_MAX:]:
        found.append(
            CODE_IMDSV1.found(
                "more code",
                f"{len(rest)} more programs and scripts ask the metadata service without a token",
                evidence=listed([named(each, facts) for each in rest]),
                fix=Fix("Find all of them under code in the JSON report. Change them so that they ask for a token."),
                forgeable_by=of_code(rest, facts),
            )
        )
    if at_login:
        fix = Fix("Upgrade the packages that own these files, or make sure that nobody needs what they show.")
        lines = [detail(each, facts) for each in at_login]
        found.append(_together(CODE_IMDSV1_AT_LOGIN, at_login, "of packages that a login may start", lines, fix))
    if idle:
        lines = [f"{named(each, facts)}: {why}" for each, why in idle.items()]
        fix = Fix("Change the code before the service is turned on, or before the container or unit can reach it.")
        where = " where no metadata is served"
        found.append(_together(CODE_IMDSV1_UNSERVED, list(idle), "", lines, fix, where=where))
    return found


def _is_offered_at_login(code: CodeSeen) -> bool:
    """Whether it is a part of a distribution's package that nothing starts but a login, by way of another file: a status line, a
    greeting. What a file of the login itself asks, others may need, and so may what an administrator has added.
    """
    package = code.package is not None and code.package.endswith(_OF_DISTRIBUTIONS)
    by_login = bool(code.started_by) and all(who.endswith(f", {AT_LOGIN}") for who in code.started_by)
    itself = any(who.startswith(f"{code.path}, ") for who in code.started_by)
    return package and by_login and not itself and not code.pids


def _asks(code: CodeSeen, facts: Facts, catalog: Catalog) -> Found:
    by = started(code)
    evidence = [matched(code)]
    if code.package is not None:
        evidence.append(f"the file belongs to {code.package}")
    evidence += [f"started by {who}" for who in code.started_by[1:NAMED_MAX]]
    if unseen := unwatched(code, facts):
        evidence.append(unseen)
    if rehearsed := rehearsed_code(code, facts):
        evidence.append(f"{rehearsed}, {NOT_AT_WORK}")
    if code.owner_uid is not None:
        evidence.append(f"user {code.owner_uid} can write the file")
    if code.runner_uid is not None:
        evidence.append(f"only user {code.runner_uid} runs it")
    return CODE_IMDSV1.found(
        named(code, facts),  # what is at this path in a container is another program, which nobody has accepted
        f"{called(code, facts)}{whose(code)}{f', {by},' if by else ''} asks the metadata service without a token",
        evidence=tuple(evidence),
        fix=fix_for(code, facts, catalog),
        forgeable_by=of_code([code], facts),
    )


def _once(code: Sequence[CodeSeen], facts: Facts) -> list[Found]:
    if not code:
        return []
    fix = Fix(
        "Change these files in the template, image or user data that they came from. Do so before new instances require tokens."
    )
    lines = [detail(each, facts) for each in code]
    return [_together(CODE_IMDSV1_ONCE, code, "that ran once here and will run on each new instance", lines, fix)]


def _named(code: Sequence[CodeSeen], facts: Facts) -> list[Found]:
    """What settings name, where no watch has shown that nobody asks without a token."""
    parts = apart(CODE_NAMED_IMDSV1, _SUBJECT, code, lambda each: named(each, facts), facts)
    return [_named_in_settings(subject, members, facts) for subject, members in parts if members]


def _named_in_settings(subject: str, code: Sequence[CodeSeen], facts: Facts) -> Found:
    one = len(code) == 1
    asks = "program asks without a token, and a file of settings names it"
    ask = "programs ask without a token, and files of settings name them"
    change = "Change it so that it asks" if one else "Change them so that they ask"
    of_image = facts.get(Image) is not None
    settle = f". {ON_AN_INSTANCE}" if of_image else ", or watch the host and run again after the window. "
    return CODE_NAMED_IMDSV1.found(
        subject,
        f"{len(code)} {asks if one else ask}: {few([named(each, facts) for each in code])}",
        evidence=listed([detail(each, facts) for each in code]),
        fix=Fix(f"{change} for a token{settle}Or ask whoever wrote the settings what they start.", WATCH),
        forgeable_by=of_code(code, facts),
        settled_by=(AN_INSTANCE if of_image else SILENT_WINDOW, OWNER),
    )


def _on_disk(code: Sequence[CodeSeen], facts: Facts) -> list[Found]:
    if not code:
        return []
    fix = Fix("Change or remove these files, or make sure that nobody starts them.")
    lines = [detail(each, facts) for each in code]
    return [_together(CODE_ON_DISK_IMDSV1, code, "on disk that nothing starts", lines, fix)]


def _together(
    kind: Kind, code: Sequence[CodeSeen], which: str, lines: Sequence[str], fix: Fix, *, where: str = ""
) -> Found:
    """One finding for all that break nothing that runs here."""
    ask = "asks" if len(code) == 1 else "ask"
    files = few([place_of(each) for each in code])
    which = f" {which}" if which else ""
    summary = f"{count(len(code), 'file')}{which} {ask} without a token{where}: {files}"
    return kind.found(_SUBJECT, summary, evidence=listed(lines), fix=fix)


def _undecided(code: Sequence[CodeSeen], facts: Facts, catalog: Catalog) -> tuple[list[Found], list[str]]:
    """What cannot be told apart by reading, and a line for each of which something else tells."""
    told = {each: why for each in code if (why := elsewhere(each, facts, catalog) or seen_by_token(each, facts))}
    lines = [f"{called(each, facts)} has requests with and without a token: {why}" for each, why in told.items()]
    left = [each for each in code if each not in told]
    if not left:
        return [], lines
    parts = apart(CODE_UNDECIDED, _SUBJECT, left, lambda each: named(each, facts), facts)
    return [_both(subject, members, facts) for subject, members in parts], lines


def _both(subject: str, left: Sequence[CodeSeen], facts: Facts) -> Found:
    one = len(left) == 1
    has, asks = ("program has", "program may ask") if one else ("programs have", "programs may ask")
    said = f"{has} requests with and without a token, and reading cannot tell which are used"
    if any(HEADER_ELSEWHERE in each.quote for each in left):
        said = f"{asks} with or without a token, and reading cannot tell which"
    window = by_watch(left, facts)
    watch = ON_AN_INSTANCE if facts.get(Image) is not None else f"{how_to_watch(left)} "
    return CODE_UNDECIDED.found(
        subject,
        f"{len(left)} {said}: {few([called(each, facts) for each in left])}",
        evidence=listed([_open(each, facts) for each in left]),
        fix=Fix(f"{watch}Or ask their owners whether each request has a token.", WATCH)
        if window
        else Fix(
            "Ask the owners of these programs whether each request has a token. If it does, accept the risk of this finding "
            "([[accept]]). A watch cannot settle it."
        ),
        forgeable_by=of_code(left, facts),
        settled_by=(
            *window,
            *by_rehearsal(left, facts),
            *([CATALOG] if all(each.package for each in left) else []),
            OWNER,
        ),
    )


def _open(code: CodeSeen, facts: Facts) -> str:
    rehearsed = rehearsed_code(code, facts)
    more = [f"{rehearsed}, {NOT_AT_WORK}" if rehearsed else "", unwatched(code, facts)]
    return "; ".join([detail(code, facts), *filter(None, more)])


RULE = Rule("code", _find, kinds=KINDS)
