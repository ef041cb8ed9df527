"""The programs that were not read: those that nothing else tells about make the verdict unknown."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from imds_probe.catalog.catalog import Catalog
from imds_probe.facts.code import ALL_SCHEDULED, OTHER_SCHEDULED, CodeRead, NotRead
from imds_probe.facts.collector_run import CollectorRun
from imds_probe.facts.containers import Containers
from imds_probe.facts.facts import Facts
from imds_probe.facts.image import Image
from imds_probe.findings import Fix, Found
from imds_probe.inventory.code import unread
from imds_probe.rules.acceptance import apart
from imds_probe.rules.code_kinds import (
    CODE_NOT_READ,
    CODE_NOT_READ_OF_USERS,
    FEWER,
    IN_NO_NEED,
    INSTALLED_AGAIN,
    SHORTER,
    STARTED_AGAIN,
)
from imds_probe.rules.code_phrases import ON_AN_INSTANCE, WATCH, count, how_to_watch, listed, named, started
from imds_probe.rules.origins import of_code
from imds_probe.rules.phrases import few, more_time_or
from imds_probe.rules.requirement import software_of
from imds_probe.rules.settled import elsewhere, unwatched
from imds_probe.rules.settling import ANSWERING, AS_ROOT, MORE_TIME, ON_HOST, OWNER, by_rehearsal, by_run, by_watch

_SUBJECT = "programs"
# What lets a program be read that was not, by the reason, as an order and as a noun; the others are of its form, and only its
# behaviour tells.
_REMEDIES = {
    unread.NO_TIME: ("Give the run more time with --timeout.", MORE_TIME),
    unread.HIDDEN: ("Run imds-probe as root on the host.", AS_ROOT),
    unread.GONE: ("Restart the programs whose files were replaced or removed.", STARTED_AGAIN),
    unread.IN_NEED: ("Free memory and disk space on the host.", IN_NO_NEED),
    unread.MORE: (
        "Shorten the files of which only a part was read, or remove entries, units and files that nobody needs.",
        SHORTER,
    ),
    unread.NO_ROOM: ("Stop or remove programs and schedules that nobody needs.", FEWER),
    unread.DAMAGED: ("Reinstall the programs whose files are damaged.", INSTALLED_AGAIN),
}
_HIDDEN_FROM_ROOT = ("Restart the programs that do not answer.", ANSWERING)


def _remedies(facts: Facts) -> Mapping[str, tuple[str, str]]:
    return {**_REMEDIES, unread.HIDDEN: _HIDDEN_FROM_ROOT} if facts.privileged else _REMEDIES


def not_read(run: CollectorRun, facts: Facts, catalog: Catalog) -> tuple[list[Found], list[str]]:
    """What is not known of them, and a line for each of which something else tells. Software that the catalog knows is judged
    by its version.
    """
    read = facts.get(CodeRead)
    if read is None:
        return ([_none_read(run, facts)] if run.status in ("failed", "skipped") else []), []
    unread = [each for each in (*read.not_read, *_schedules(read, run)) if software_of(each, facts) is None]
    told = {each: why for each in unread if (why := elsewhere(each, facts, catalog))}
    left = [each for each in unread if each not in told]
    of_users = [each for each in left if _is_users(each, facts)]
    own = [each for each in left if each not in of_users]
    found = [_unlisted(read.programs_unseen)] if read.programs_unseen else []
    for subject, members in apart(CODE_NOT_READ, _SUBJECT, own, lambda each: named(each, facts), facts):
        found.append(_unknown(subject, members, facts))
    if of_users:
        found.append(_of_users(of_users, facts))
    return found, [f"{named(each, facts)} was not read ({each.why}): {why}" for each, why in told.items()]


def _schedules(read: CodeRead, run: CollectorRun) -> tuple[NotRead, ...]:
    """What stands for the schedules of the host where nobody looked for them, and the report has nothing else that does."""
    known = any(each.program == ALL_SCHEDULED and each.on_host for each in read.not_read)
    return (
        (NotRead(ALL_SCHEDULED, unread.IN_NEED),)
        if run.status == "partial" and read.scheduled is None and not known
        else ()
    )


def _none_read(run: CollectorRun, facts: Facts) -> Found:
    return CODE_NOT_READ.found(
        _SUBJECT,
        "the code of the running programs could not be read",
        evidence=(run.reason,),
        fix=more_time_or(run, "Run imds-probe as root on the host."),
        settled_by=by_run(run, facts, OWNER),
    )


def _unlisted(reasons: Sequence[str]) -> Found:
    return CODE_NOT_READ.found(
        "running programs",
        "the running programs could not be listed, so their code was not read",
        evidence=tuple(reasons),
        fix=Fix(
            "Run on the host itself. For another root (--root), mount that system's /proc at its place below the root."
        ),
        settled_by=(ON_HOST, OWNER),
    )


def _unknown(subject: str, programs: Sequence[NotRead], facts: Facts) -> Found:
    one = _is_one(programs)
    reasons = {each.why for each in programs}
    nouns = [noun for reason, (_, noun) in _remedies(facts).items() if reason in reasons]
    window = by_watch(programs, facts)
    return CODE_NOT_READ.found(
        subject,
        f"{_counted(programs)} {'was' if one else 'were'} not read, and nothing else shows "
        f"whether {'it asks' if one else 'they ask'} for a token: {few([named(each, facts) for each in programs])}",
        evidence=_why(programs, facts),
        fix=_fix(reasons, facts, how_to_watch(programs) if window else ""),
        forgeable_by=of_code(programs, facts),
        settled_by=(*nouns, *window, *by_rehearsal(programs, facts), OWNER),
    )


def _is_one(programs: Sequence[NotRead]) -> bool:
    return len(programs) == 1 and not _is_any_number(programs[0])


def _is_any_number(program: NotRead) -> bool:
    """Whether an entry stands for more than one program, and nobody knows how many."""
    return program.why == unread.NO_ROOM or program.program in (ALL_SCHEDULED, OTHER_SCHEDULED)


def _counted(programs: Sequence[NotRead]) -> str:
    """How many there are. Of some entries nobody knows how many they stand for, and what was read in part is a file or a
    directory as well as a program.
    """
    known = [each for each in programs if not _is_any_number(each)]
    if not known:
        return "programs"
    places = sum(each.why == unread.MORE for each in known)
    counts = [count(number, noun) for number, noun in ((len(known) - places, "program"), (places, "place")) if number]
    return " and ".join([*counts, *(["more programs"] if len(known) < len(programs) else [])])


def _fix(reasons: Collection[str], facts: Facts, watch: str) -> Fix:
    """What would settle it: to read what could be read by other means, and a watch for all else. `watch` is the order for that,
    empty where a watch does not see it.
    """
    orders = [order for reason, (order, _) in _remedies(facts).items() if reason in reasons]
    if facts.get(Image) is not None:
        watch = f"If a program is still not read then, s{ON_AN_INSTANCE[1:]}" if orders else ON_AN_INSTANCE
        ask = f"{watch}Or ask the owners of the programs whether they call the metadata service."
        return Fix(" ".join([*orders, *_again(orders), ask]), WATCH)
    if not watch:
        ask = "Ask the owners of these programs whether they call the metadata service. A watch cannot settle it."
        return Fix(" ".join([*orders, *_again(orders), ask]))
    if not orders or set(reasons) - set(_REMEDIES):
        watch = f"For the others: {watch[0].lower()}{watch[1:]}" if orders else watch
        return Fix(" ".join([*orders, watch, "Or ask their owners whether they call the metadata service."]), WATCH)
    return Fix(" ".join([*orders, *_again(orders), "If a program is still not read then, watch the host."]), WATCH)


def _again(orders: Collection[str]) -> list[str]:
    """The order to run again, where the others are not such an order already."""
    runs = ("Run ", "Give the run ")
    return [] if all(each.startswith(runs) for each in orders) else ["Then run imds-probe again."]


def _of_users(programs: Sequence[NotRead], facts: Facts) -> Found:
    one = _is_one(programs)
    return CODE_NOT_READ_OF_USERS.found(
        _SUBJECT,
        f"{_counted(programs)} of users {'was' if one else 'were'} not read; the verdict does not depend on that: "
        f"{few([named(each, facts) for each in programs])}",
        evidence=_why(programs, facts),
        fix=Fix(
            "Ask the users what these programs are, or watch whether they call IMDSv1: `imds-probe run --watch 1h`."
        ),
    )


def _why(programs: Sequence[NotRead], facts: Facts) -> tuple[str, ...]:
    lines = []
    for each in programs:
        by = started(each)
        unseen = unwatched(each, facts)
        lines.append(f"{named(each, facts)}{f', {by}' if by else ''}: {each.why}{f'; {unseen}' if unseen else ''}")
    return listed(lines)


def _is_users(program: NotRead, facts: Facts) -> bool:
    """Whether it runs on a user's own account, or in containers of users alone."""
    if program.on_host or not program.container_ids:
        return program.owner_uid is not None
    known = [facts[Containers].by_identity(each) for each in program.container_ids]
    return all(each is not None and each.owner_uid is not None for each in known)
