"""The picture as a page: what its reader is told, in the order in which he needs it. Which form it has is a renderer's matter."""

from __future__ import annotations

from collections.abc import Iterator

from imds_probe.duration import in_words
from imds_probe.fleet.page_launching import parts_of
from imds_probe.fleet.page_words import IDS_SHOWN, NOT_KNOWN, STATE_WORDS, fitting, fix_words, ids_of, owners_of
from imds_probe.fleet.picture import Picture
from imds_probe.fleet.problems import WORDS
from imds_probe.render.page.blocks import Block, Fields, Hint, Page, Part, Table, Text
from imds_probe.render.page.bounds import count, first, listed

ROWS, GROUPS, PROBLEMS = 10, 10, 3
_NAME, _FIX = 36, 36  # columns of names in tables: with the others of their rows they fit 80


def page_of(picture: Picture, command: str = "imds-probe fleet") -> Page:
    """Pure. `command` is what hints begin with."""
    verdicts = picture.verdicts
    free = verdicts.switchable
    whole = free == verdicts.assessed and verdicts.assessed > 0
    return Page(
        headline=f"{free} of {count(verdicts.assessed, 'host')} {'is' if verdicts.assessed == 1 else 'are'} ready for IMDSv2-only",
        colour="green" if whole else "yellow" if free else "red",
        host="",
        sentence=_sentence(picture),
        parts=tuple(_parts(picture)),
        hints=tuple(_hints(picture, command)),
    )


def _sentence(picture: Picture) -> str:
    verdicts, ages = picture.verdicts, picture.ages
    said = []
    if higher := sum(each.hosts for each in verdicts.by_state if each.state == "needs-hop-limit"):
        said.append(
            f"{higher} of these {'needs' if higher == 1 else 'need'} a higher hop limit, which the switch sets."
        )
    if verdicts.switched:
        said.append(f"{count(verdicts.switched, 'host')} required tokens already when the report was made.")
    if verdicts.accepted_hosts:
        until = f"; the first ends on {verdicts.accepted_until}" if verdicts.accepted_until else ""
        said.append(
            f"{count(verdicts.accepted_risks, 'risk')} {'is' if verdicts.accepted_risks == 1 else 'are'} accepted on "
            f"{count(verdicts.accepted_hosts, 'host')}{until}."
        )
    if ages.stale:
        said.append(
            f"{count(ages.stale, 'report')} {'is' if ages.stale == 1 else 'are'} older than {in_words(ages.max_age_s)}."
        )
    return " ".join(said) or "All reports are recent."


def _parts(picture: Picture) -> Iterator[Part]:
    yield _verdicts(picture)
    yield from _way(picture)
    yield from _changes(picture)
    yield from _hops(picture)
    yield from _callers(picture)
    yield from _trail(picture)
    yield from _groups(picture)
    yield from _instances(picture)
    yield from parts_of(picture.launching)
    yield _sources(picture)


def _verdicts(picture: Picture) -> Part:
    rows = [
        (
            STATE_WORDS[each.state],
            str(each.hosts),
            *(
                str(next((of.hosts for of in each.confidence if of.value == level), 0))
                for level in ("high", "medium", "low")
            ),
        )
        for each in picture.verdicts.by_state
    ]
    blocks: list[Block] = [Table(("verdict", "hosts", "high", "medium", "low confidence"), tuple(rows))]
    for each in picture.verdicts.by_state:
        if each.evidence and each.state in ("ready", "needs-hop-limit"):
            kinds = ", ".join(f"{of.value} {of.hosts}" for of in each.evidence)
            blocks.append(Text(f"Evidence of hosts that are {_are(each.state)}: {kinds}."))
    if picture.verdicts.cannot:
        kinds = "; ".join(f"{each.value}: {each.hosts}" for each in picture.verdicts.cannot)
        blocks.append(Text(f"Not counted, as they cannot be assessed: {kinds}."))
    return Part("Verdicts", tuple(blocks))


def _are(state: str) -> str:
    return "ready" if state == "ready" else "ready with a higher hop limit"


def _way(picture: Picture) -> Iterator[Part]:
    way = picture.way
    if not way.fixes:
        return
    yield Part(
        "The shortest way to ready",
        (
            Text(_marks(picture)),
            Table(
                ("", "fix", "frees", "free then", "owners"),
                tuple(
                    (
                        f"{number}.",
                        fix_words(step.fix, _FIX),
                        str(step.frees),
                        f"{step.percent:g} %",
                        owners_of(step.owners),
                    )
                    for number, step in enumerate(way.steps[:ROWS], 1)
                ),
                first(way.steps, ROWS)[1],
            ),
        ),
    )
    alone = [each for each in way.alone if each.alone]
    if alone:
        rows = tuple((fix_words(each.fix, 52), str(each.alone), str(each.hosts)) for each in alone[:ROWS])
        yield Part("Held back by one thing alone", (Table(("fix", "alone", "in all"), rows, first(alone, ROWS)[1]),))


def _marks(picture: Picture) -> str:
    said = []
    for mark in picture.way.marks:
        if mark.fixes is None:
            said.append(f"{mark.percent} % of the hosts cannot be freed by the fixes that the reports name")
        elif mark.fixes:
            free = "frees" if mark.fixes == 1 else "free"
            said.append(f"{count(mark.fixes, 'fix', 'fixes')} {free} {mark.percent} % of the hosts")
        else:
            said.append(f"{mark.percent} % of the hosts are free now")
    return "; ".join(said) + "."


def _changes(picture: Picture) -> Iterator[Part]:
    changes = picture.changes
    if changes is None:
        return
    before = {each.value: each.hosts for each in changes.before}
    rows = tuple(
        (
            STATE_WORDS[each.value],
            str(before.get(each.value, 0)),
            str(each.hosts),
            f"{each.hosts - before.get(each.value, 0):+d}",
        )
        for each in changes.now
    )
    lists = (
        ("freed", changes.freed),
        ("held back now", changes.held_back),
        ("new", changes.new),
        ("without a report now", changes.gone),
    )
    blocks: list[Block] = [Table(("verdict", "then", "now", ""), rows)]
    if named := tuple((name, ids_of(ids)) for name, ids in lists if ids.count):
        blocks.append(Fields(named))
    if changes.fixes:
        moved = tuple((fix_words(each.fix, 52), str(each.before), str(each.now)) for each in changes.fixes[:ROWS])
        blocks.append(Table(("hosts that wait for", "then", "now"), moved, first(changes.fixes, ROWS)[1]))
    yield Part(f"Since {changes.since}", tuple(blocks))


def _hops(picture: Picture) -> Iterator[Part]:
    if not picture.hop_limits:
        return
    said = ", ".join(f"hop limit {each.limit} on {count(each.hosts, 'host')}" for each in picture.hop_limits)
    blocks: list[Block] = [Text(f"The switch has to raise the hop limit: {said}.")]
    if picture.hop_images:
        rows = tuple((fitting(each.image, 52), str(each.limit), str(each.hosts)) for each in picture.hop_images[:ROWS])
        blocks.append(Table(("image of a container", "needs", "hosts"), rows, first(picture.hop_images, ROWS)[1]))
    yield Part("Hop limits", tuple(blocks))


def _callers(picture: Picture) -> Iterator[Part]:
    callers = picture.callers
    if not callers.by:
        return
    rows = tuple(
        (fitting(each.program, 30), fitting(each.image or "-", 26), str(each.hosts), str(each.calls))
        for each in callers.by[:ROWS]
    )
    more = first([*callers.by, *[None] * callers.left_out], ROWS)[1]
    owners = listed([f"{each.value or NOT_KNOWN} ({each.hosts})" for each in callers.owners], IDS_SHOWN)
    yield Part(
        "Who calls IMDSv1",
        (
            Text(f"{count(callers.hosts, 'host')} had a caller by IMDSv1. Owners of these hosts: {owners}."),
            Table(("program or script", "image", "hosts", "calls"), rows, more),
        ),
    )


def _trail(picture: Picture) -> Iterator[Part]:
    trail = picture.trail
    if trail is None:
        return
    blocks: list[Block] = [
        Text(
            f"CloudTrail has {count(trail.calls, 'call')} of {count(trail.instances, 'instance')} with credentials that IMDSv1 "
            f"delivered."
        )
    ]
    rows = tuple((fitting(each.role, 46), str(each.instances), str(each.calls)) for each in trail.roles[:ROWS])
    if rows:
        blocks.append(Table(("role", "instances", "calls"), rows, first(trail.roles, ROWS)[1]))
    if trail.to:
        named_to = tuple(
            (
                each.instance_id,
                str(each.calls),
                each.verdict or "no report",
                fitting(", ".join(each.callers) or "-", 28),
            )
            for each in trail.to[:ROWS]
        )
        blocks.append(
            Table(("instance", "calls", "verdict", "callers by its report"), named_to, first(trail.to, ROWS)[1])
        )
    lists = (("without a report", trail.unreported), ("switchable by their report", trail.ready))
    if named := tuple((name, ids_of(ids)) for name, ids in lists if ids.count):
        blocks.append(Fields(named))
    if trail.rows_not_read:
        blocks.append(Text(f"{count(trail.rows_not_read, 'row')} of the file could not be read."))
    yield Part("Credentials delivered by IMDSv1", tuple(blocks))


def _groups(picture: Picture) -> Iterator[Part]:
    for by in dict.fromkeys(each.by for each in picture.groups):
        groups = [each for each in picture.groups if each.by == by]
        rows = tuple(
            (
                fitting(each.value or NOT_KNOWN, _NAME),
                *map(str, (each.hosts, each.free, each.not_ready, each.unknown)),
            )
            for each in groups[:GROUPS]
        )
        columns = (fitting(by, _NAME), "hosts", "ready", "not ready", "unknown")
        yield Part(f"By {by}", (Table(columns, rows, first(groups, GROUPS)[1]),))


def _instances(picture: Picture) -> Iterator[Part]:
    known = picture.instances
    if known is None:
        return
    rows = [("instances", str(known.instances)), ("require tokens now", str(known.switched))]
    lists = (
        ("run without a report", known.silent),
        ("reports of gone hosts", known.gone),
        ("other options now", known.differing),
        ("started since", known.restarted),
    )
    rows += [(name, ids_of(ids)) for name, ids in lists if ids.count]
    if known.stopped:
        rows.append(("stopped, no report", str(known.stopped)))
    rows += [(f"no report, {each.value}", str(each.hosts)) for each in known.cannot]
    yield Part("Compared with the instances of EC2", (Fields(tuple(rows)),))


def _sources(picture: Picture) -> Part:
    read, ages = picture.sources, picture.ages
    rows = [("reports read", f"{read.reports}, of {count(picture.verdicts.hosts, 'host')}")]
    left = (("older", read.older), ("duplicates", read.duplicates), ("from the future", read.from_future))
    if said := ", ".join(f"{number} {name}" for name, number in left if number):
        rows.append(("not used", said))
    if read.unvouched:
        rows.append(
            ("only their word", f"of {count(read.unvouched, 'report')}, no file or log stream says whose it is")
        )
    spans = (
        ("within a day", ages.within_day),
        ("a week", ages.within_week),
        ("a month", ages.within_month),
        ("older", ages.older),
        ("from the future", ages.from_future),
    )
    rows.append(("age of reports", ", ".join(f"{name} {number}" for name, number in spans if number) or "no report"))
    for each in read.not_reports:
        where = "; ".join(f"{place}: {reason}" for place, reason in each.named[:PROBLEMS])
        more = f"; and {each.count - PROBLEMS} more" if each.count > PROBLEMS else ""
        rows.append(("not reports", f"{each.count} {WORDS[each.kind]}: {where}{more}"))  # type: ignore[index]
    return Part("Reports", (Fields(tuple(rows)),))


def _hints(picture: Picture, command: str) -> Iterator[Hint]:
    if picture.verdicts.switchable > picture.verdicts.switched:
        yield Hint("Which hosts to switch first", f"{command} plan PATH")
    if any(each.fix.kind == "check" for each in picture.way.steps[:ROWS]):
        yield Hint("The meaning of a fix with the id of a finding", "imds-probe explain ID")
    yield Hint("All of this, with ids", f"{command} --output json PATH")
