"""The picture as a page: what its reader is told, in the order in which he needs it. Which form it has is a renderer's matter."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from imds_probe.duration import in_words
from imds_probe.fleet import page_beside, page_drawn
from imds_probe.fleet.page_launching import parts_of
from imds_probe.fleet.page_words import NOT_KNOWN, STATE_WORDS, fix_words, ids_of, owners_of
from imds_probe.fleet.picture import GroupOf, Picture
from imds_probe.fleet.room import TERMINAL, Room
from imds_probe.render.page.blocks import Block, Fields, Hint, Page, Part, Table, Text
from imds_probe.render.page.bounds import count, first, listed

_NAME, _FIX = 36, 36  # columns of names in tables: with the others of their rows they fit 80
OWNERS_LISTED = 5


def page_of(picture: Picture, room: Room = TERMINAL, more: Sequence[Part] = ()) -> Page:
    """Pure. `more` are parts of others, which come before what was read."""
    verdicts = picture.verdicts
    free = verdicts.switchable
    whole = free == verdicts.assessed and verdicts.assessed > 0
    return Page(
        headline=f"{free} of {count(verdicts.assessed, 'host')} {'is' if verdicts.assessed == 1 else 'are'} ready for IMDSv2-only",
        colour="green" if whole else "yellow" if free else "red",
        host="",
        sentence=_sentence(picture),
        parts=tuple(_parts(picture, room, more)),
        hints=tuple(_hints(picture, room)),
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


def _parts(picture: Picture, room: Room, more: Sequence[Part]) -> Iterator[Part]:
    yield from page_drawn.figures(picture, room)
    yield _verdicts(picture, room)
    yield from _way(picture, room)
    yield from _changes(picture, room)
    yield from _hops(picture, room)
    yield from _callers(picture, room)
    yield from page_beside.trail(picture, room)
    yield from _groups(picture, room)
    yield from page_beside.instances(picture, room)
    yield from parts_of(picture.launching, room)
    yield from more
    yield page_beside.sources(picture, room)


def _verdicts(picture: Picture, room: Room) -> Part:
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
    columns = ("verdict", "hosts", "high", "medium", "low confidence")
    blocks: list[Block] = [*page_drawn.verdicts(picture, room), Table(columns, tuple(rows))]
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


def _way(picture: Picture, room: Room) -> Iterator[Part]:
    way = picture.way
    if not way.fixes:
        return
    marks = _marks(picture)
    shown, more = first(way.steps, room.rows)
    rows = tuple(
        (
            f"{number}.",
            fix_words(step.fix, room, _FIX),
            str(step.frees),
            f"{step.percent:g} %",
            owners_of(step.owners, room),
        )
        for number, step in enumerate(shown, 1)
    )
    bars = page_drawn.one("frees", [step.frees for step in shown], room, "good")
    columns = ("", "fix", "frees", "free then", "owners")
    yield Part(
        "The shortest way to ready",
        (*page_drawn.way(picture, room, marks), *_said(marks, room, way.steps), Table(columns, rows, more, bars=bars)),
    )
    alone, more = first([each for each in way.alone if each.alone], room.rows)
    if alone:
        held = tuple((fix_words(each.fix, room, 52), str(each.alone), str(each.hosts)) for each in alone)
        bars = page_drawn.one("alone", [each.alone for each in alone], room, "care")
        yield Part("Held back by one thing alone", (Table(("fix", "alone", "in all"), held, more, bars=bars),))


def _said(marks: str, room: Room, steps: Sequence[object]) -> Iterator[Text]:
    """The marks, unless a curve says them."""
    if not (room.drawn and len(steps) > 1):
        yield Text(marks)


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


def _changes(picture: Picture, room: Room) -> Iterator[Part]:
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
    blocks: list[Block] = [Table(("verdict", "then", "now", "change" if room.drawn else ""), rows)]
    if named := tuple((name, ids_of(ids, room)) for name, ids in lists if ids.count):
        blocks.append(Fields(named))
    if changes.fixes:
        shown, more = first(changes.fixes, room.rows)
        moved = tuple((fix_words(each.fix, room, 52), str(each.before), str(each.now)) for each in shown)
        blocks.append(Table(("hosts that wait for", "then", "now"), moved, more))
    yield Part(f"Since {changes.since}", tuple(blocks))


def _hops(picture: Picture, room: Room) -> Iterator[Part]:
    if not picture.hop_limits:
        return
    said = ", ".join(f"hop limit {each.limit} on {count(each.hosts, 'host')}" for each in picture.hop_limits)
    blocks: list[Block] = [Text(f"The switch has to raise the hop limit: {said}.")]
    if room.drawn:
        limits = tuple((str(each.limit), str(each.hosts)) for each in picture.hop_limits)
        bars = page_drawn.one("hosts", [each.hosts for each in picture.hop_limits], room, "care")
        blocks.append(Table(("hop limit needed", "hosts"), limits, bars=bars))
    if picture.hop_images:
        shown, more = first(picture.hop_images, room.rows)
        rows = tuple((room.fitting(each.image, 52), str(each.limit), str(each.hosts)) for each in shown)
        bars = page_drawn.one("hosts", [each.hosts for each in shown], room, "care")
        blocks.append(Table(("image of a container", "needs", "hosts"), rows, more, bars=bars))
    yield Part("Hop limits", tuple(blocks))


def _callers(picture: Picture, room: Room) -> Iterator[Part]:
    callers = picture.callers
    if not callers.by:
        return
    shown = callers.by[: room.rows]
    rows = tuple(
        (room.fitting(each.program, 30), room.fitting(each.image or "-", 26), str(each.hosts), str(each.calls))
        for each in shown
    )
    more = first([*callers.by, *[None] * callers.left_out], room.rows)[1]
    bars = page_drawn.one("hosts", [each.hosts for each in shown], room, "bad")
    owners = listed([f"{each.value or NOT_KNOWN} ({each.hosts})" for each in callers.owners], OWNERS_LISTED)
    yield Part(
        "IMDSv1 callers by program",
        (
            Text(f"A program called IMDSv1 on {count(callers.hosts, 'host')}. Owners of these hosts: {owners}."),
            Table(("program or script", "image", "hosts", "calls"), rows, more, bars=bars),
        ),
    )


def _groups(picture: Picture, room: Room) -> Iterator[Part]:
    for by in dict.fromkeys(each.by for each in picture.groups):
        yield _by(by, [each for each in picture.groups if each.by == by], room)
    if room.drawn and picture.groups_left_out:
        yield Part(
            f"{count(picture.groups_left_out, 'more group')}",
            (Text("The largest groups are shown. The CSV has all hosts with these values."),),
        )


def _by(by: str, groups: Sequence[GroupOf], room: Room) -> Part:
    shown, more = first(groups, room.groups)
    rows = tuple(
        (
            room.fitting(each.value or NOT_KNOWN, _NAME),
            *map(str, (each.hosts, each.free, each.not_ready, each.unknown)),
        )
        for each in shown
    )
    columns = (room.fitting(by, _NAME), "hosts", "ready", "not ready", "unknown")
    return Part(f"By {by}", (Table(columns, rows, more, bars=page_drawn.groups(shown, room)),))


def _hints(picture: Picture, room: Room) -> Iterator[Hint]:
    if picture.verdicts.switchable > picture.verdicts.switched:
        yield Hint("Which hosts to switch first", "imds-probe fleet plan PATH")
    if any(each.fix.kind == "check" for each in picture.way.steps[: room.rows]):
        yield Hint("The meaning of a fix with the id of a finding", "imds-probe explain ID")
    yield Hint("All of this, with ids", "imds-probe fleet --output json PATH")
