"""How findings on containers say what was measured of them."""

from __future__ import annotations

from collections.abc import Sequence

from imds_probe.catalog.catalog import Catalog
from imds_probe.facts.containers import Container
from imds_probe.facts.facts import Facts
from imds_probe.rules.metadata_need import metadata_need

SUBJECT = "containers"


def measures(members: Sequence[Container], facts: Facts, catalog: Catalog) -> tuple[str, ...]:
    """What came of the token requests of each container, and whether it needs metadata, a line each."""
    lines = []
    for each in members:
        need = metadata_need(each, facts, catalog)
        families: dict[str, list[str]] = {}  # both addresses mostly fare the same
        for reach in each.reach:
            families.setdefault(f"{_hops(reach.distance)}, {reach.detail}", []).append(reach.family)
        seen = "; ".join(f"{words} ({' and '.join(who)})" for words, who in families.items())
        lines.append(f"{each.title}: {seen or each.not_measured or 'not tested'}; {need.in_words}")
    return tuple(lines)


def routers(members: Sequence[Container]) -> tuple[str, ...]:
    """How many routers links and routes show, a line for each container where the way could be followed."""
    lines = []
    for each in members:
        number = max((reach.routers for reach in each.reach if reach.routers is not None), default=None)
        if number is not None:
            between = f"{number} router{'' if number == 1 else 's'}"
            lines.append(f"{each.title}: links and routes show {between} between it and the uplink")
    return tuple(lines)


def _hops(distance: int | None) -> str:
    if distance is None:
        return "distance not measured"
    return f"{distance} hop{'' if distance == 1 else 's'} beyond the instance"


def count(members: Sequence[Container]) -> str:
    """So many containers."""
    return f"{len(members)} container{'' if len(members) == 1 else 's'}"


def receive(members: Sequence[Container]) -> str:
    """The beginning of a sentence on what they receive."""
    return f"{count(members)} receive{'s' if len(members) == 1 else ''}"
