"""Words of the fleet's pages, and how much of a name a line has room for."""

from __future__ import annotations

from collections.abc import Sequence

from imds_probe.escape import terminal
from imds_probe.fleet.bounded import Count, Ids, NamedFix
from imds_probe.render.page.bounds import cut_front, listed

IDS_SHOWN = 5
_OWNER = 15  # columns
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


def fitting(text: str, width: int) -> str:
    """The end of a name, as wide as it is shown: what is escaped is longer than it was."""
    return cut_front(terminal(text), width)


def fix_words(fix: NamedFix, width: int) -> str:
    """A fix as an order, so long at most."""
    order = KIND_WORDS.get(fix.kind, fix.kind)
    return f"{order} {fitting(fix.name, max(8, width - len(order) - 1))}"


def owners_of(owners: Sequence[Count]) -> str:
    """Whose most of the hosts are: the name, as the kind of owner says little."""
    if not owners:
        return ""
    kind, _, name = owners[0].value.partition(" ")
    more = f" +{len(owners) - 1}" if len(owners) > 1 else ""
    return f"{fitting(name or kind or NOT_KNOWN, _OWNER - len(more))}{more}"


def ids_of(ids: Ids) -> str:
    return f"{ids.count}: {listed([*ids.ids[:IDS_SHOWN], *[''] * max(0, ids.count - IDS_SHOWN)], IDS_SHOWN)}"
