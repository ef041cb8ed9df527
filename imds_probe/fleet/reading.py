"""Documents as they are met where reports are kept, and the hosts in them: whole reports, summaries, events of CloudWatch Logs with
either in them, rows of SSM's inventory. What is none of these is a problem with a name, never an error.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import chain
from typing import Any

import msgspec

from imds_probe.escape import encodable
from imds_probe.fleet import naming
from imds_probe.fleet.documents import (
    EXPORTED,
    NOT_JSON,
    NOT_UTF8,
    Damaged,
    TooLong,
    is_lines,
    lines,
    loaded,
    values,
)
from imds_probe.fleet.hosts import KEY_MAX, STATES, SUMMARY, WHOLE, Host, instance_in, moment, run_number
from imds_probe.fleet.inventory import NotInventory, host_of_inventory, is_inventory
from imds_probe.fleet.lean import REPORT, SCHEMA, LeanReport
from imds_probe.fleet.lean import SUMMARY as SUMMARY_SCHEMA
from imds_probe.fleet.problems import Kind, Problems
from imds_probe.fleet.sources import BLOCK, Piece, blocks, place

_OURS = re.compile(r"imds-probe\.report(?:-summary)?/v\d+")
# Events within events, results within results: nobody makes them.
_DEPTH_MAX = 4
_NO_REPORT = "it is JSON, and no report"


def read(piece: Piece, problems: Problems) -> Iterator[Host]:
    """The row of each report in a piece of work, as it comes. A document that is damaged keeps nobody from those on other lines."""
    yield from _Reading(piece, problems).hosts()


class _Reading:
    def __init__(self, piece: Piece, problems: Problems) -> None:
        self._piece, self._problems = piece, problems
        self._kept_as = instance_in(piece.path)
        self._at = 0

    def hosts(self) -> Iterator[Host]:
        came = False
        try:
            for host in self._all():
                came = True
                yield host
        except Damaged as damaged:
            self._at = damaged.at
            is_other = damaged.reason in (NOT_JSON, NOT_UTF8) and not damaged.at and not came
            self._problem("foreign" if is_other else "damaged", damaged.reason)
        except OSError as error:
            self._problem("unreadable", error.strerror or str(error))
        except MemoryError:
            self._problem("damaged", "it takes more memory than any report")

    def _all(self) -> Iterator[Host]:
        head, rest = _begun(blocks(self._piece))
        is_part = bool(self._piece.begin or self._piece.end >= 0)
        if rest is None and not is_part and (report := _decoded(head)):  # all of a file is one report, as most are
            yield from self._report(report, "")
            return
        whole = chain((head,), rest or ())
        if not is_part and not is_lines(head):
            for self._at, value in values(whole):
                yield from self._value(value, "", 0)
            return
        for self._at, line in lines(whole):
            if isinstance(line, TooLong):
                self._problem("damaged", f"a line has {line.length} bytes, and no report has as many")
            else:
                yield from self._line(line)

    def _problem(self, kind: Kind, reason: str) -> None:
        self._problems.add(kind, place(self._piece, self._at), reason)

    def _line(self, line: bytes) -> Iterator[Host]:
        """A line that is a report is decoded as no more than a fleet needs; any other takes the long way."""
        if match := EXPORTED.match(line):
            line = line[match.end() :]
        if report := _decoded(line):
            yield from self._report(report, "")
            return
        try:
            value = loaded(line)
        except RecursionError:
            self._problem("damaged", "it is nested too deeply")
        except ValueError as error:
            self._problem("damaged", f"it is not JSON: {str(error)[:100]}")
        else:
            yield from self._value(value, "", 0)

    def _value(self, value: object, stream: str, depth: int) -> Iterator[Host]:
        """`stream` is the log stream that it was in, empty where there is none; `depth` is how much it is wrapped in."""
        if isinstance(value, list) and value and all(isinstance(each, dict) and "field" in each for each in value):
            fields = {str(each["field"]): each.get("value") for each in value}  # a row of Logs Insights
            value = {"message": fields.get("@message"), "logStreamName": fields.get("@logStream")}
        listed = _listed(value)
        if depth < _DEPTH_MAX and listed is not None:
            for each in listed:
                yield from self._value(each, stream, depth + 1)
        elif not isinstance(value, dict):
            self._problem("foreign", _NO_REPORT)
        elif isinstance(schema := value.get("schema"), str) and _OURS.fullmatch(schema):
            yield from self._stored(value, schema, stream)
        elif is_inventory(value):
            yield from self._inventory(value)
        elif isinstance(message := value.get("message"), str) and depth < _DEPTH_MAX:
            name = value.get("logStreamName")
            yield from self._event(message, name if isinstance(name, str) else "", depth)
        else:
            self._problem("foreign", _NO_REPORT)

    def _event(self, message: str, stream: str, depth: int) -> Iterator[Host]:
        if report := _decoded(message):
            yield from self._report(report, stream)
            return
        try:
            value = loaded(message)
        except (ValueError, RecursionError):
            cut_off = message.lstrip().startswith("{")
            self._problem("damaged" if cut_off else "foreign", "the text of the event is not JSON")
        else:
            yield from self._value(value, stream, depth + 1)

    def _stored(self, value: dict[str, Any], schema: str, stream: str) -> Iterator[Host]:
        if schema not in (SCHEMA, SUMMARY_SCHEMA):
            self._problem("newer", f"its schema is {schema}")
            return
        try:
            report = msgspec.convert(value, LeanReport)
        except (msgspec.MsgspecError, RecursionError) as error:
            self._problem("damaged", f"it is no valid report: {str(error)[:150]}")
        else:
            yield from self._report(report, stream)

    def _report(self, report: LeanReport, stream: str) -> Iterator[Host]:
        if report.schema not in (SCHEMA, SUMMARY_SCHEMA):
            is_ours = _OURS.fullmatch(report.schema)
            self._problem("newer" if is_ours else "foreign", f"its schema is {report.schema[:60]}")
        elif report.image is not None:
            self._problem("image", "`imds-probe run --image` made it")
        else:
            try:
                host = host_of(report)
            except ValueError as error:
                self._problem("damaged", f"it is no valid report: {error}")
            else:
                yield from self._host(host, stream)

    def _inventory(self, value: dict[str, Any]) -> Iterator[Host]:
        try:
            found = host_of_inventory(value, self._piece.path)
        except NotInventory as error:
            self._problem("damaged", str(error))
        else:
            for host in found:
                yield from self._host(host, "")

    def _host(self, host: Host, stream: str) -> Iterator[Host]:
        """Whoever may write below one instance's name may say nothing of another."""
        kept_as = instance_in(stream) or self._kept_as
        if not host.key:
            self._problem("unnamed", "it has neither an instance id nor a host name")
        elif kept_as and host.key != kept_as:
            self._problem("misnamed", f"it is kept as {kept_as}, and says that it is of {host.key}")
        else:
            yield host


def _begun(stream: Iterator[bytes]) -> tuple[bytes, Iterator[bytes] | None]:
    """The first block, of packed files put together from several, and those that follow; None where that is all. What is damaged
    further on is raised there.
    """
    parts: list[bytes] = []
    length = 0
    try:
        while length < BLOCK and (block := next(stream, b"")):
            parts.append(block)
            length += len(block)
    except Damaged as damaged:
        return b"".join(parts), _raising(damaged)
    return b"".join(parts), stream if length >= BLOCK else None


def _raising(error: Damaged) -> Iterator[bytes]:
    yield from ()
    raise error


def _decoded(content: bytes | str) -> LeanReport | None:
    """None where it is anything else than a report as its schema has it."""
    try:
        return REPORT.decode(content)
    except (msgspec.MsgspecError, RecursionError, UnicodeError):
        return None


def _listed(value: object) -> list[object] | None:
    """What is wrapped in others: AWS's commands print such lists."""
    if isinstance(value, list):
        return value
    if isinstance(value, dict) and "schema" not in value:
        return next((value[key] for key in ("events", "results") if isinstance(value.get(key), list)), None)
    return None


def host_of(report: LeanReport) -> Host:
    """The row of a report. Raises ValueError, a clause, where its verdict or its time make no sense."""
    verdict, instance, host, imds = report.verdict, report.instance, report.host, report.imds
    if verdict.state not in STATES:
        raise ValueError(f"there is no verdict {verdict.state[:40]!r}")
    fixes, left_out = naming.fixes_of(report)
    row = Host(
        key=_key(report),
        started_at=moment(report.probe.started_at),
        run=run_number(report.probe.run_id),
        detail=WHOLE if report.schema == SCHEMA else SUMMARY,
        version=naming.text(report.probe.version),
        state=verdict.state,
        confidence=naming.text(verdict.confidence),
        evidence=tuple(naming.text(each) for each in verdict.evidence[:8]),
        hop_limit_needed=_limit(verdict.switch.http_put_response_hop_limit if verdict.switch else None),
        fixes=fixes,
        fixes_left_out=left_out,
        callers=naming.callers_of(report),
        hops=naming.hops_of(report),
        accepted=len(verdict.accepted) + max(0, verdict.accepted_left_out),
        accepted_until=naming.text(min((each.expires for each in verdict.accepted), default="")),
        cannot="not an EC2 instance" if any(each.id == "not-ec2" for each in report.findings) else "",
    )
    if imds is not None:
        row.tokens, row.endpoint, row.hop_limit = (
            naming.text(imds.tokens),
            naming.text(imds.endpoint),
            _limit(imds.hop_limit),
        )
    if instance is not None:
        row.account, row.region = naming.text(instance.account_id), naming.text(instance.region)
        row.ami, row.instance_type = naming.text(instance.image_id), naming.text(instance.instance_type)
        row.owner = _owner(report)
    if host is not None:
        row.hostname = naming.text(host.hostname)
        row.os = naming.text(" ".join(filter(None, (host.os.id, host.os.version_id))) if host.os else "")
    return row


def _limit(value: int | None) -> int:
    return value if value is not None and 1 <= value <= 64 else 0  # EC2 API: HttpPutResponseHopLimit


def _key(report: LeanReport) -> str:
    own = report.instance.instance_id if report.instance else None
    own = own or (report.platform.instance_id if report.platform else None)
    if own:
        return encodable(own[:KEY_MAX])
    hostname = report.host.hostname if report.host else None
    return f"host {encodable(hostname[:KEY_MAX])}" if hostname else ""


def _owner(report: LeanReport) -> str:
    """Who launches the next instance: kind and name."""
    instance = report.instance
    if instance is None:
        return ""
    owner = instance.owner
    if owner is not None:
        name = "/".join(filter(None, (owner.cluster, owner.name)))
        return naming.text(f"{owner.kind} {name}".strip())
    return naming.text(f"auto-scaling {instance.auto_scaling_group}") if instance.auto_scaling_group else ""
