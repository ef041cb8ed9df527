"""Documents as they are met where reports are kept, and the hosts in them: whole reports, summaries, events of CloudWatch Logs with
either in them, rows of SSM's inventory. What is none of these is a problem with a name, never an error.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import chain
from typing import Any, NamedTuple

import msgspec

from imds_probe.fleet.documents import (
    EXPORTED,
    NOT_JSON,
    NOT_UTF8,
    Damaged,
    TooLong,
    is_lines,
    lines,
    loaded,
    values_beyond,
)
from imds_probe.fleet.hosts import PLACE, STREAM, Host, instances_in, is_node
from imds_probe.fleet.inventory import NODES, NotInventory, host_of_inventory, is_inventory
from imds_probe.fleet.lean import REPORT, SCHEMA, LeanReport
from imds_probe.fleet.lean import SUMMARY as SUMMARY_SCHEMA
from imds_probe.fleet.of_report import host_of
from imds_probe.fleet.problems import Kind, Problems
from imds_probe.fleet.sources import BLOCK, Piece, blocks, place
from imds_probe.sinks.s3_layout import Claim, claim

_OURS = re.compile(r"imds-probe\.report(?:-summary)?/v\d+")
# Events within events, results within results: nobody makes them.
_DEPTH_MAX = 4
IN_A_ROW_MAX = 1000
_NO_REPORT = "it is JSON, and no report"


def read(piece: Piece, problems: Problems) -> Iterator[Host]:
    """The row of each report in a piece of work, as it comes. A document that is damaged keeps nobody from those on other lines."""
    yield from _Reading(piece, problems).hosts()


class _Around(NamedTuple):
    """What a value is wrapped in, and how deeply. `stream` is the log stream of the outermost event, None outside of events.
    Whoever wrote the event chose what is further inside: `named` are the instances that it names, and a report has to be of
    these, too.
    """

    depth: int = 0
    stream: str | None = None
    named: frozenset[str] = frozenset()

    def event(self, stream: object) -> _Around:
        said = stream if isinstance(stream, str) else ""
        if self.stream is None:
            return _Around(self.depth + 1, said, self.named)
        return _Around(self.depth + 1, self.stream, self.named | instances_in(said))


class _Reading:
    def __init__(self, piece: Piece, problems: Problems) -> None:
        self._piece, self._problems = piece, problems
        self._kept_as = instances_in(piece.path)
        self._key: Claim | None = None
        self._odd_key = ""  # why the path is no place for a report
        try:
            self._key = claim(piece.path)
        except ValueError as error:
            self._odd_key = str(error)
        self._is_exported = False  # then a directory of the path is a log stream
        self._at = 0
        self._came, self._in_a_row = False, 0

    def hosts(self) -> Iterator[Host]:
        try:
            for host in self._all():
                self._came, self._in_a_row = True, 0
                yield host
        except Damaged as damaged:
            self._damaged(damaged)
        except OSError as error:
            self._problem("unreadable", error.strerror or str(error))
        except MemoryError:
            self._problem("damaged", "it takes more memory than any report, and nothing behind it was read")

    def _all(self) -> Iterator[Host]:
        head, rest = _begun(blocks(self._piece))
        is_part = bool(self._piece.begin or self._piece.end >= 0)
        if rest is None and not is_part and (report := _decoded(head)):  # all of a file is one report, as most are
            yield from self._report(report, _Around())
            return
        whole = chain((head,), rest or ())
        if not is_part and not is_lines(head):
            for self._at, value in values_beyond(whole):
                if isinstance(value, Damaged):
                    self._damaged(value)
                else:
                    yield from self._value(value, _Around())
            return
        for self._at, line in lines(whole):
            if isinstance(line, TooLong):
                self._problem("damaged", f"a line has {line.length} bytes, and no report has as many")
            else:
                try:
                    yield from self._line(line)
                except MemoryError:
                    self._problem("damaged", "it takes more memory than any report")

    def _damaged(self, damaged: Damaged) -> None:
        self._at = damaged.at
        is_other = damaged.reason in (NOT_JSON, NOT_UTF8) and not damaged.at and not self._came
        self._problem("foreign" if is_other else "damaged", damaged.reason)

    def _check(self) -> None:
        """Raise Damaged where so many values have been no reports that the rest is not worth its time."""
        if self._in_a_row >= IN_A_ROW_MAX:
            raise Damaged(self._at, f"{IN_A_ROW_MAX} values before it are no reports, and nothing behind them was read")

    def _problem(self, kind: Kind, reason: str) -> None:
        self._in_a_row += kind in ("damaged", "foreign")
        self._problems.add(kind, place(self._piece, self._at), reason)

    def _line(self, line: bytes) -> Iterator[Host]:
        """A line that is a report is decoded as no more than a fleet needs; any other takes the long way."""
        self._check()
        if match := EXPORTED.match(line):
            line = line[match.end() :]
        self._is_exported = match is not None
        if report := _decoded(line):
            yield from self._report(report, _Around())
            return
        try:
            value = loaded(line)
        except RecursionError:
            self._problem("damaged", "it is nested too deeply")
        except ValueError as error:
            self._problem("damaged", f"it is not JSON: {str(error)[:100]}")
        else:
            yield from self._value(value, _Around())

    def _value(self, value: object, around: _Around) -> Iterator[Host]:
        self._check()
        if isinstance(value, list) and value and all(isinstance(each, dict) and "field" in each for each in value):
            fields = {str(each["field"]): each.get("value") for each in value}  # a row of Logs Insights
            value = {"message": fields.get("@message"), "logStreamName": fields.get("@logStream")}
        listed = _listed(value)
        if around.depth < _DEPTH_MAX and listed is not None:
            for each in listed:
                yield from self._value(each, around._replace(depth=around.depth + 1))
        elif not isinstance(value, dict):
            self._problem("foreign", _NO_REPORT)
        elif isinstance(schema := value.get("schema"), str) and _OURS.fullmatch(schema):
            yield from self._stored(value, schema, around)
        elif is_inventory(value):
            yield from self._inventory(value, around)
        elif isinstance(message := value.get("message"), str) and around.depth < _DEPTH_MAX:
            yield from self._event(message, around.event(value.get("logStreamName")))
        else:
            self._problem("foreign", _NO_REPORT)

    def _event(self, message: str, around: _Around) -> Iterator[Host]:
        if report := _decoded(message):
            yield from self._report(report, around)
            return
        try:
            value = loaded(message)
        except (ValueError, RecursionError):
            cut_off = message.lstrip().startswith("{")
            self._problem("damaged" if cut_off else "foreign", "the text of the event is not JSON")
        else:
            yield from self._value(value, around)

    def _stored(self, value: dict[str, Any], schema: str, around: _Around) -> Iterator[Host]:
        if schema not in (SCHEMA, SUMMARY_SCHEMA):
            self._problem("newer", f"its schema is {schema}")
            return
        try:
            report = msgspec.convert(value, LeanReport)
        except (msgspec.MsgspecError, RecursionError) as error:
            self._problem("damaged", f"it is no valid report: {str(error)[:150]}")
        else:
            yield from self._report(report, around)

    def _report(self, report: LeanReport, around: _Around) -> Iterator[Host]:
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
                if denied := self._denied(report):
                    self._problem("misnamed", denied)
                else:
                    host.region = host.region or (self._key.region if self._key else "")
                    yield from self._host(host, around)

    def _denied(self, report: LeanReport) -> str:
        """What the key of an object that the sink s3 wrote denies of the report in it; empty where they agree."""
        if self._key is None:
            return ""
        region = (report.instance.region if report.instance else None) or ""
        return self._key.denied_by(region=region, started_at=report.probe.started_at, run_id=report.probe.run_id)

    def _inventory(self, value: dict[str, Any], around: _Around) -> Iterator[Host]:
        nodes = {node for name in NODES if isinstance(node := value.get(name), str) and node}
        around = around._replace(named=around.named | nodes)
        try:
            found = host_of_inventory(value, self._piece.path)
        except NotInventory as error:
            self._problem("damaged", str(error))
        else:
            for host in found:
                yield from self._host(host, around)

    def _host(self, host: Host, around: _Around) -> Iterator[Host]:
        """Whoever may write below one instance's name may say nothing of another. A report without an id is of the instance below
        whose name it is kept.
        """
        stream = instances_in(around.stream or "")
        kept_as = self._kept_as | stream
        if len(kept_as) == 1 and not is_node(host.key):
            (host.key,) = kept_as
        host.vouched = STREAM if stream or (kept_as and self._is_exported) else PLACE if kept_as else ""
        others = sorted((kept_as | around.named) - {host.key})
        if self._odd_key:
            self._problem("misnamed", self._odd_key)
        elif not host.key:
            self._problem("unnamed", "it has neither an instance id nor a host name")
        elif others:
            self._problem("misnamed", f"it is kept as {others[0]}, and says that it is of {host.key}")
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
