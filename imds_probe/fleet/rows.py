"""A row for each host, for a spreadsheet or a database. Columns are added at the end, and never renamed."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

from imds_probe.escape import terminal
from imds_probe.fleet.comparing import differs, restarted
from imds_probe.fleet.gathering import Gathered
from imds_probe.fleet.grouping import TAG, Instances, owner_of, tags_of, value_of
from imds_probe.fleet.hosts import Fix, Host, is_instance
from imds_probe.fleet.instances import Instance
from imds_probe.timestamp import rfc3339

COLUMNS = (
    *("host", "verdict", "confidence", "evidence", "reported_at", "age_s", "account", "region", "owner", "ami", "os"),
    *(
        "instance_type",
        "hostname",
        "tokens",
        "hop_limit",
        "hop_limit_needed",
        "endpoint",
        "blockers",
        "blockers_left_out",
    ),
    *("imdsv1_calls", "imdsv1_callers", "accepted_risks", "accepted_until", "not_assessed", "instance_state"),
    *("options_differ", "restarted", "probe_version"),
)
NO_REPORT = "no-report"
# With these a spreadsheet begins a formula, which anybody who names a script could write.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_AFTER_SEMICOLON = re.compile(r"(;\s*)(?=[=+@-])")
Row = dict[str, Any]


def rows(
    found: Gathered, by: Sequence[str], instances: Instances | None, chosen: Sequence[str] | None = None
) -> Iterator[Row]:
    """The `chosen` hosts and instances in their order; else all hosts in the order of their keys, then the instances without a
    report. Of tags that were asked for there is a column each. What is not known is None.
    """
    tags = tags_of(by)
    known = instances or {}
    if chosen is None:
        chosen = [*sorted(found.hosts), *sorted(key for key in known if key not in found.hosts)]
    for key in chosen:
        host = found.hosts.get(key)
        instance = known.get(key)
        if host is None:
            silent = known[key]
            yield _silent(silent) | {f"{TAG}{tag}": silent.tags[at] or None for at, tag in enumerate(tags)}
            continue
        row = _row(host, instance, found.now)
        if instances is not None and is_instance(key):
            row["instance_state"] = instance.state if instance else "gone"
        yield row | {f"{TAG}{tag}": value_of(f"{TAG}{tag}", host, instance, tags) or None for tag in tags}


def _row(host: Host, instance: Instance | None, now: float) -> Row:
    is_known = instance is not None
    return {
        "host": host.key if is_instance(host.key) else host.key.removeprefix("host "),
        "verdict": host.state,
        "confidence": host.confidence or None,
        "evidence": list(host.evidence),
        "reported_at": rfc3339(host.started_at),
        "age_s": int(now) - host.started_at,
        "account": host.account or (instance.account if instance else "") or None,
        "region": host.region or (instance.region if instance else "") or None,
        "owner": owner_of(host, instance) or None,
        "ami": host.ami or (instance.ami if instance else "") or None,
        "os": host.os or None,
        "instance_type": host.instance_type or None,
        "hostname": host.hostname or None,
        "tokens": None if host.tokens == "unknown" else host.tokens,
        "hop_limit": host.hop_limit or None,
        "hop_limit_needed": host.hop_limit_needed or None,
        "endpoint": None if host.endpoint == "unknown" else host.endpoint,
        "blockers": [words(fix) for fix in host.fixes],
        "blockers_left_out": host.fixes_left_out,
        "imdsv1_calls": sum(each.calls for each in host.callers),
        "imdsv1_callers": [f"{each.program} in {each.image}" if each.image else each.program for each in host.callers],
        "accepted_risks": host.accepted,
        "accepted_until": host.accepted_until or None,
        "not_assessed": host.cannot or None,
        "instance_state": None,
        "options_differ": differs(host, instance) if is_known and instance else None,
        "restarted": restarted(host, instance) if is_known and instance else None,
        "probe_version": host.version or None,
    }


def _silent(instance: Instance) -> Row:
    row: Row = dict.fromkeys(COLUMNS)
    return row | {
        "host": instance.instance_id,
        "verdict": NO_REPORT,
        "evidence": [],
        "account": instance.account or None,
        "region": instance.region or None,
        "owner": instance.owner or None,
        "ami": instance.ami or None,
        "instance_type": instance.instance_type or None,
        "tokens": instance.tokens or None,
        "hop_limit": instance.hop_limit or None,
        "endpoint": instance.endpoint or None,
        "blockers": [],
        "imdsv1_callers": [],
        "not_assessed": instance.cannot or None,
        "instance_state": instance.state or None,
    }


def words(fix: Fix) -> str:
    """A fix in a cell."""
    return fix.name if fix.kind == "check" else f"{fix.kind} {fix.name}"


def as_csv(table: Iterator[Row]) -> str:
    """RFC 4180 with a header line and all cells in quotation marks; lists by "; ". Nothing in it is a formula to a spreadsheet, not
    even to one that parts columns by semicolons.
    """
    text = io.StringIO()
    writer = csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    header: list[str] | None = None
    for row in table:
        if header is None:
            header = list(row)
            writer.writerow(map(_cell, header))
        writer.writerow([_cell(row[name]) for name in header])
    return text.getvalue()


def as_ndjson(table: Iterator[Row]) -> str:
    """An object a line, in ASCII."""
    return "".join(json.dumps(row, ensure_ascii=True) + "\n" for row in table)


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    said = terminal("; ".join(value) if isinstance(value, list) else str(value))
    if isinstance(value, int):
        return said
    return _AFTER_SEMICOLON.sub(r"\1'", f"'{said}" if said.startswith(_FORMULA) else said)
