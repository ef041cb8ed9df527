"""The hop limit of the switch that was printed for this host, as its kept reports have it."""

from __future__ import annotations

from pathlib import Path

from imds_probe.commands.kept_reports import ROOT_ONLY, kept_reports
from imds_probe.dataclass import dataclass
from imds_probe.facts.facts import NotInReport
from imds_probe.facts.imds import Imds
from imds_probe.report_document import Stored


@dataclass(frozen=True)
class Printed:
    """A hop limit, and the report that has it, written when."""

    hop_limit: int
    report: str
    started_at: str


def hop_limit(instance_id: str | None, root: Path = Path("/"), owners: frozenset[int] = ROOT_ONLY) -> Printed | None:
    """That of the newest kept report which has one: of its switch, or the one in force where the switch leaves that as it is.
    None where there is none.
    """
    found = [
        Printed(limit, kept.path, kept.stored.probe.started_at)
        for kept in kept_reports(instance_id, root, owners)
        if (limit := _limit(kept.stored)) is not None
    ]
    return max(found, key=lambda each: each.started_at, default=None)


def _limit(stored: Stored) -> int | None:
    switch = stored.verdict.switch
    if switch is None:
        return None
    try:
        imds = stored.facts.get(Imds)
    except NotInReport:
        return None
    return switch.http_put_response_hop_limit or (imds.hop_limit if imds is not None else None)
