"""Words of the fleet's pages, and how much of a name a line has room for."""

from __future__ import annotations

from collections.abc import Sequence

from imds_probe.fleet.bounded import Count, Ids, NamedFix
from imds_probe.fleet.room import Room
from imds_probe.render.page.bounds import listed

_OWNER, _LEAST = 15, 6  # columns
NOT_KNOWN = "not known"
STATE_WORDS = {
    "ready": "ready",
    "needs-hop-limit": "needs a higher hop limit",
    "not-ready": "not ready",
    "unknown": "unknown",
}
KIND_WORDS = {
    "software": "upgrade",
    "image": "rebuild image",
    "script": "change script",
    "program": "change caller",
    "check": "resolve",
}


def fix_words(fix: NamedFix, room: Room, width: int) -> str:
    """A fix as an order, so long at most where columns are narrow."""
    order = KIND_WORDS.get(fix.kind, fix.kind)
    left = max(8, width - len(order) - 1)
    whole = fix.finding if fix.kind == "check" and fix.name.startswith(f"{fix.finding}: ") else ""
    if whole and room.narrow and len(whole) <= left:  # `explain` takes no part of a name
        subject, left = fix.name[len(whole) + 2 :], left - len(whole) - 2
        shown = left >= min(_LEAST, len(subject))
        return f"{order} {whole}" + (f": {room.fitting(subject, left)}" if shown else "")
    return f"{order} {room.fitting(fix.name, left)}"


def owners_of(owners: Sequence[Count], room: Room) -> str:
    """Whose most of the hosts are: the name, as the kind of owner says little."""
    if not owners:
        return ""
    kind, _, name = owners[0].value.partition(" ")
    more = f" +{len(owners) - 1}" if len(owners) > 1 else ""
    return f"{room.fitting(name or kind or NOT_KNOWN, _OWNER - len(more))}{more}"


def ids_of(ids: Ids, room: Room) -> str:
    """How many, and the first of them."""
    shown = room.ids
    return f"{ids.count}: {listed([*ids.ids[:shown], *[''] * max(0, ids.count - shown)], shown)}"
