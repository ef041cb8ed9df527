"""Parts of the picture's page that say what was read, and what else knows of the hosts."""

from __future__ import annotations

from collections.abc import Iterator

from imds_probe.fleet.page_drawn import ages
from imds_probe.fleet.page_words import ids_of
from imds_probe.fleet.picture import Picture
from imds_probe.fleet.problems import WORDS
from imds_probe.fleet.room import Room
from imds_probe.render.page.blocks import Block, Fields, Part, Table, Text
from imds_probe.render.page.bounds import count, first


def trail(picture: Picture, room: Room) -> Iterator[Part]:
    """What CloudTrail says, where it was given."""
    seen = picture.trail
    if seen is None:
        return
    blocks: list[Block] = [
        Text(
            f"CloudTrail has {count(seen.calls, 'call')} of {count(seen.instances, 'instance')} with credentials that IMDSv1 "
            f"delivered."
        )
    ]
    rows = tuple(
        (room.fitting(each.role, 46), str(each.instances), str(each.calls)) for each in seen.roles[: room.rows]
    )
    if rows:
        blocks.append(Table(("role", "instances", "calls"), rows, first(seen.roles, room.rows)[1]))
    if seen.to:
        named_to = tuple(
            (
                each.instance_id,
                str(each.calls),
                each.verdict or "no report",
                room.fitting(", ".join(each.callers) or "-", 28),
            )
            for each in seen.to[: room.rows]
        )
        blocks.append(
            Table(("instance", "calls", "verdict", "callers by its report"), named_to, first(seen.to, room.rows)[1])
        )
    lists = (("without a report", seen.unreported), ("switchable by their report", seen.ready))
    if named := tuple((name, ids_of(ids, room)) for name, ids in lists if ids.count):
        blocks.append(Fields(named))
    if seen.rows_not_read:
        blocks.append(Text(f"{count(seen.rows_not_read, 'row')} of the file could not be read."))
    yield Part("Credentials delivered by IMDSv1", tuple(blocks))


def instances(picture: Picture, room: Room) -> Iterator[Part]:
    """What EC2 says, where it was given."""
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
    rows += [(name, ids_of(ids, room)) for name, ids in lists if ids.count]
    if known.stopped:
        rows.append(("stopped, no report", str(known.stopped)))
    rows += [(f"no report, {each.value}", str(each.hosts)) for each in known.cannot]
    yield Part("Compared with the instances of EC2", (Fields(tuple(rows)),))


def sources(picture: Picture, room: Room) -> Part:
    """How old the reports are, and what was no report."""
    read, old = picture.sources, picture.ages
    rows = [("reports read", f"{read.reports}, of {count(picture.verdicts.hosts, 'host')}")]
    left = (("older", read.older), ("duplicates", read.duplicates), ("from the future", read.from_future))
    if said := ", ".join(f"{number} {name}" for name, number in left if number):
        rows.append(("not used", said))
    if read.unvouched:
        rows.append(
            ("origin not shown", f"{count(read.unvouched, 'report')}: no path or log stream names the instance")
        )
    spans = (
        ("within a day", old.within_day),
        ("within a week", old.within_week),
        ("within a month", old.within_month),
        ("older than a month", old.older),
        ("from the future", old.from_future),
    )
    rows.append(("age of reports", ", ".join(f"{number} {name}" for name, number in spans if number) or "no report"))
    if room.drawn:
        return Part("Reports", (*ages(picture, room), Fields(tuple(rows)), *_not_reports(picture)))
    for each in read.not_reports:
        where = "; ".join(f"{place}: {reason}" for place, reason in each.named[: room.problems])
        more = f"; and {each.count - room.problems} more" if each.count > room.problems else ""
        rows.append(("not reports", f"{each.count} {WORDS[each.kind]}: {where}{more}"))  # type: ignore[index]
    return Part("Reports", (Fields(tuple(rows)),))


def _not_reports(picture: Picture) -> Iterator[Table]:
    """The same as a table, with all that are named."""
    kinds = picture.sources.not_reports
    rows = tuple(
        (place, WORDS[each.kind], reason)  # type: ignore[index]
        for each in kinds
        for place, reason in each.named
    )
    if rows:
        left = sum(each.count for each in kinds) - len(rows)
        yield Table(("place", "what it is", "reason"), rows, f"and {left} more" if left else "", "Not reports")
