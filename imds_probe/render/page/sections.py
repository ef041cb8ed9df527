"""Facts of kinds that no other module here knows: each is shown by the names of its fields."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

from imds_probe.facts.callers import Callers
from imds_probe.facts.code import Code, CodeRead
from imds_probe.facts.containers import Containers
from imds_probe.facts.host import Host
from imds_probe.facts.imds import Imds
from imds_probe.facts.instance import Instance
from imds_probe.facts.platform import Platform
from imds_probe.facts.section import Section
from imds_probe.facts.software import Installed
from imds_probe.render.page.blocks import Block, Fields, Part, Table, Text
from imds_probe.render.page.bounds import NOT_KNOWN, Bounds, cut, first
from imds_probe.report import Report

# The other modules of this folder show these.
SHOWN_ELSEWHERE: tuple[type[Section], ...] = (
    *(Platform, Host, Instance, Imds, Containers, Installed, Callers, Code, CodeRead),
)
UNITS = {"s": "s", "ms": "ms", "us": "us", "bytes": "bytes", "kib": "KiB", "mib": "MiB", "gib": "GiB", "percent": "%"}
WORDS = {
    **{
        word: word.upper()
        for word in ("api", "arn", "cpu", "dns", "id", "imds", "ip", "os", "pid", "sdk", "ttl", "url")
    },
    **{"ec2": "EC2", "ids": "IDs", "imdsv1": "IMDSv1", "imdsv2": "IMDSv2", "ipv4": "IPv4", "ipv6": "IPv6"},
    **{"netns": "network namespace", "pids": "PIDs", "sdks": "SDKs", "urls": "URLs"},
}
TEXT_MAX = 6  # times the width of a cell


def sections(report: Report, bounds: Bounds) -> Iterator[Part]:
    """Every section of the report with a heading, in its order."""
    for section in report.facts.sections:
        if section.heading is not None and not isinstance(section, SHOWN_ELSEWHERE):
            yield Part(section.heading, tuple(_blocks(section, bounds)))


def _blocks(section: Section, bounds: Bounds) -> Iterator[Block]:
    rows, tables = [], []
    for name, value in _flat(section):
        if _is_table(value):
            tables.append(_table(name, value, bounds))
        else:
            rows.append((readable(name), _value(name, value, bounds)))
    if rows:
        yield Fields(tuple(rows))
    yield from tables
    if not rows and not tables:
        yield Text("Nothing was found.")


def _flat(value: Any, before: str = "") -> Iterator[tuple[str, Any]]:
    """The fields, and in the place of a dataclass those of its own, with its name before theirs."""
    for field in dataclasses.fields(value):
        inner = getattr(value, field.name)
        if dataclasses.is_dataclass(inner):
            yield from _flat(inner, f"{before}{field.name}_")
        else:
            yield f"{before}{field.name}", inner


def _is_table(value: object) -> bool:
    return isinstance(value, tuple) and bool(value) and all(dataclasses.is_dataclass(each) for each in value)


def _table(name: str, entries: tuple[Any, ...], bounds: Bounds) -> Table:
    shown, more = first(entries, bounds.items)
    flat = [dict(_flat(entry)) for entry in shown]
    columns = tuple(dict.fromkeys(column for entry in flat for column in entry))
    rows = tuple(
        tuple(cut(_value(column, entry.get(column), bounds), bounds.width) for column in columns) for entry in flat
    )
    return Table(tuple(readable(column) for column in columns), rows, more, title=readable(name))


def readable(name: str) -> str:
    """The name of a field as people write it, without its unit, which goes with the value."""
    words, _ = _split(name)
    return " ".join(WORDS.get(word, word) for word in words)


def _split(name: str) -> tuple[list[str], str]:
    words = [word for word in name.split("_") if word]
    unit = UNITS.get(words[-1], "") if len(words) > 1 else ""
    return (words[:-1] if unit else words), unit


def _value(name: str, value: object, bounds: Bounds) -> str:
    _, unit = _split(name)
    return cut(_said(value, unit, bounds), bounds.width * TEXT_MAX)


def _said(value: object, unit: str, bounds: Bounds) -> str:
    if value is None:
        return NOT_KNOWN
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return f"{value:g} {unit}".rstrip() if isinstance(value, float) else f"{value} {unit}".rstrip()
    if isinstance(value, tuple):
        shown, more = first(value, bounds.items)
        return ", ".join(_said(each, unit, bounds) for each in shown) + (f" {more}" if more else "") or "none"
    if dataclasses.is_dataclass(value):
        return "; ".join(f"{readable(name)}: {_said(inner, _split(name)[1], bounds)}" for name, inner in _flat(value))
    return str(value) or "none"
