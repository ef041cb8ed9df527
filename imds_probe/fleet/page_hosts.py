"""Hosts as a table of a page: those that wait for something first."""

from __future__ import annotations

from collections.abc import Sequence

from imds_probe.fleet.gathering import Gathered
from imds_probe.fleet.grouping import Instances
from imds_probe.fleet.hosts import Host
from imds_probe.fleet.page_words import NOT_KNOWN, STATE_WORDS
from imds_probe.fleet.rows import NO_REPORT, Row, rows
from imds_probe.render.page.blocks import Part, Table, Text
from imds_probe.render.page.bounds import count, cut

HEADING = "Hosts"
ROWS_MAX = 2000
CELL = 120  # characters
COLUMNS = ("host", "verdict", "confidence", "waits for", "owner", "hop limit", "v1 calls", "reported")
TO_CSV = "imds-probe fleet --output csv --out fleet.csv PATH"
AS_HERE = " (with the --instances or --ec2 of this page, for those without a report)"
_FIRST = ("not-ready", "unknown", "needs-hop-limit", "ready")
_REPORT_WORDS = {**STATE_WORDS, NO_REPORT: "no report"}


def hosts(found: Gathered, by: Sequence[str], instances: Instances | None, limit: int = ROWS_MAX) -> Part:
    """Bounded, so that a browser can open it whatever a fleet holds; the CSV has the rest."""
    order = {state: number for number, state in enumerate(_FIRST)}

    def urgency(host: Host) -> tuple[int, str]:
        return order[host.state], host.key

    keys = [host.key for host in sorted(found.hosts.values(), key=urgency)]
    keys += sorted(key for key in instances or {} if key not in found.hosts)
    shown = tuple(_cells(row) for row in rows(found, by, instances, keys[:limit]))
    left = len(keys) - len(shown)
    said = (
        f"{count(left, 'more host')} {'is' if left == 1 else 'are'} in the CSV: {TO_CSV}{AS_HERE if instances else ''}"
        if left
        else ""
    )
    words = (Text(f"The first {len(shown)} of {len(keys)} hosts, those that are not ready first."),) if left else ()
    return Part(HEADING, (*words, Table(COLUMNS, shown, said)))


def _cells(row: Row) -> tuple[str, ...]:
    blockers = [cut(each, CELL) for each in row["blockers"][:3]]
    left = len(row["blockers"]) - len(blockers) + (row["blockers_left_out"] or 0)
    waits = "; ".join(blockers) + (f" and {left} more" if left else "")
    limit, needed = row["hop_limit"], row["hop_limit_needed"]
    return (
        cut(row["host"], CELL),
        _REPORT_WORDS[row["verdict"]],
        row["confidence"] or "-",
        waits or cut(row["not_assessed"] or "-", CELL),
        cut(row["owner"] or NOT_KNOWN, CELL),
        f"{limit or NOT_KNOWN}{f', needs {needed}' if needed and needed > (limit or 0) else ''}",
        "-" if row["imdsv1_calls"] is None else str(row["imdsv1_calls"]),
        (row["reported_at"] or "-")[:10],
    )
