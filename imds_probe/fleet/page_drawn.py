"""What the picture's page draws where there is room: the same numbers as in its tables."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from imds_probe.fleet.page_words import STATE_WORDS
from imds_probe.fleet.picture import GroupOf, Picture
from imds_probe.fleet.room import Room
from imds_probe.render.page.blocks import Curve, Figures, Part, Share, Shares, Tone
from imds_probe.render.page.bounds import count

HEADING = "At a glance"
STATE_TONES: dict[str, Tone] = {
    "ready": "good",
    "needs-hop-limit": "care",
    "not-ready": "bad",
    "unknown": "unknown",
}


def figures(picture: Picture, room: Room) -> Iterator[Part]:
    """What an owner of a fleet wants to know at once."""
    if room.drawn:
        yield Part(HEADING, (Figures(tuple(_figures(picture))),))


def _figures(picture: Picture) -> Iterator[tuple[str, str, Tone]]:
    verdicts, way, ages = picture.verdicts, picture.way, picture.ages
    whole = 0 < verdicts.assessed == verdicts.switchable
    yield (
        "Ready to switch",
        f"{verdicts.switchable:,} of {verdicts.assessed:,}",
        "good" if whole else "care" if verdicts.assessed else "unknown",
    )
    yield "Require tokens", f"{verdicts.switched:,} of {verdicts.hosts:,}", "plain"
    mark = next((each for each in reversed(way.marks) if each.fixes), None)
    if mark is not None:
        yield "Shortest way", f"{count(mark.fixes or 0, 'fix', 'fixes')} to {mark.percent} %", "plain"
    callers = picture.callers.hosts
    yield "Call IMDSv1", f"{callers:,} {'host' if callers == 1 else 'hosts'}", "bad" if callers else "good"
    if picture.instances is not None:
        silent = picture.instances.silent.count
        yield "Silent hosts", f"{silent:,}", "care" if silent else "good"
    yield "Old reports", f"{ages.stale:,}", "care" if ages.stale else "good"
    damaged = sum(each.count for each in picture.sources.not_reports)
    if damaged:
        yield "Not reports", f"{damaged:,}", "care"


def verdicts(picture: Picture, room: Room) -> Iterator[Shares]:
    """All hosts by verdict."""
    if room.drawn:
        shares = (
            Share(STATE_WORDS[each.state], each.hosts, STATE_TONES[each.state]) for each in picture.verdicts.by_state
        )
        yield Shares(
            f"{picture.verdicts.hosts:,} hosts by verdict" if picture.verdicts.hosts != 1 else "1 host by verdict",
            tuple(shares),
        )


def way(picture: Picture, room: Room, summary: str) -> Iterator[Curve]:
    """How the share of free hosts grows, fix after fix."""
    steps = picture.way.steps
    if room.drawn and len(steps) > 1:
        found = picture.verdicts
        before = int(found.switchable * 1000 / found.assessed) / 10 if found.assessed else 0.0
        marks = tuple(each.percent for each in picture.way.marks)
        points = (before, *(step.percent for step in steps))
        yield Curve("Hosts that can be switched, in percent", "fixes made, in this order", points, marks, summary)


def ages(picture: Picture, room: Room) -> Iterator[Shares]:
    """All hosts by the age of their report."""
    if room.drawn:
        found = picture.ages
        shares: tuple[Share, ...] = (
            Share("within a day", found.within_day, "good"),
            Share("within a week", found.within_week, "plain"),
            Share("within a month", found.within_month, "care"),
            Share("older", found.older, "bad"),
            Share("from the future", found.from_future, "unknown"),
        )
        yield Shares("Age of the newest report of each host", shares)


def one(name: str, numbers: Sequence[int], room: Room, tone: Tone = "plain") -> tuple[tuple[Share, ...], ...]:
    """A bar for each row of a table."""
    return tuple((Share(name, number, tone),) for number in numbers) if room.drawn else ()


def groups(found: Sequence[GroupOf], room: Room) -> tuple[tuple[Share, ...], ...]:
    """A bar for each group, by verdicts."""
    if not room.drawn:
        return ()
    return tuple(
        (
            Share("ready", each.free, "good"),
            Share("not ready", each.not_ready, "bad"),
            Share("unknown", each.unknown, "unknown"),
        )
        for each in found
    )
