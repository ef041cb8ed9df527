"""The report as a document: its JSON Schema, made from the dataclasses that it is written from, and reading it again."""

from __future__ import annotations

import dataclasses
import re
import typing
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Literal

import msgspec

from imds_probe.collect.collectors import SECTIONS
from imds_probe.dataclass import dataclass
from imds_probe.errors import UsageError
from imds_probe.facts.collector_run import CollectorRun
from imds_probe.facts.containers import ID_SHOWN, Container, Containers
from imds_probe.facts.facts import Facts
from imds_probe.facts.section import NEEDED, Section
from imds_probe.facts.software import Installed, SdkSoftware, Software
from imds_probe.report import FIRST, SCHEMA, ProbeInfo, ReportedContainer, ReportedFinding, ReportedSoftware
from imds_probe.rules.judging import RuleRun
from imds_probe.verdict import Verdict

SCHEMA_FILE = Path(__file__).parent / "schema/report-v1.json"
TITLE = "imds-probe report, version 1"
DESCRIPTION = (
    "A report is one assessment of one host. A value that is not known is null. Times are RFC 3339 in UTC, "
    "and a duration has its unit in its name. Later versions may add names to v1, so a reader passes over names that it does not "
    "know. A version that renames or drops one becomes v2."
)
# What every release has written, and no rule asks for by its section: without the collectors' record, software that nobody
# looked at is not told from a host on which there is none.
_IN_EVERY_REPORT = ("probe", "collectors", "rules", "findings", "verdict")
_SHOWN_AS = {"software": tuple[ReportedSoftware, ...], "containers": tuple[ReportedContainer, ...] | None}


@dataclass(frozen=True)
class Stored:
    """A report that was read: what was observed, and what was made of it at that time. `deselected` are rules that it was
    not judged by, as somebody asked.
    """

    probe: ProbeInfo
    facts: Facts
    verdict: Verdict
    findings: tuple[ReportedFinding, ...]
    deselected: frozenset[str]


def read(document: object) -> Stored:
    """Take a report apart, of this version or another one of v1. Raises UsageError, in one sentence that names the place."""
    if not isinstance(document, dict) or document.get("schema") != SCHEMA:
        if isinstance(document, dict) and _is_other_version(schema := document.get("schema")):
            raise UsageError(
                f"it is a report of the schema {schema}, and this version reads {SCHEMA}",
                "Use a newer version of imds-probe.",
            )
        raise UsageError(
            f"it is not a report of the schema {SCHEMA}", "Name reports that `imds-probe run --output json` wrote."
        )
    for key in _IN_EVERY_REPORT:
        if key not in document:
            raise UsageError(
                f"it is not a whole report: {key} is missing", "Name what `imds-probe run --output json` wrote."
            )
    document = _joined_by_id(document)
    sections, lacking = [], []
    for kind in SECTIONS:
        if missing := _missing(kind, document):
            lacking.append((kind, missing))
        elif (section := _section(kind, document)) is not None:
            sections.append(section)
    probe = _convert(document["probe"], ProbeInfo, "probe")
    rules = _convert(document["rules"], tuple[RuleRun, ...], "rules")
    return Stored(
        probe=probe,
        facts=Facts(
            privileged=probe.privileged,
            collectors=_convert(document["collectors"], tuple[CollectorRun, ...], "collectors"),
            sections=tuple(sections),
            lacking=tuple(lacking),
        ),
        verdict=_convert(document["verdict"], Verdict, "verdict"),
        findings=_convert(document["findings"], tuple[ReportedFinding, ...], "findings"),
        deselected=frozenset(rule.id for rule in rules if rule.deselected),
    )


def _is_other_version(schema: object) -> bool:
    """Whether this names a schema of reports, but another version of it."""
    if not isinstance(schema, str):
        return False
    name, _, number = schema.rpartition("/v")
    return name == SCHEMA.rpartition("/v")[0] and re.fullmatch(r"[1-9][0-9]{0,3}", number) is not None


def _section(kind: type[Section], document: Mapping[str, Any]) -> Section | None:
    if kind is Containers:
        return _containers(document)
    if kind is Installed:
        return _installed(document)
    if kind.report_key is None:
        own = {field.name: document[field.name] for field in _fields(kind) if field.name in document}
        return typing.cast("Section", _convert(own, kind, ""))
    value = document.get(kind.report_key)
    return None if value is None else typing.cast("Section", _convert(value, kind, kind.report_key))


def _containers(document: Mapping[str, Any]) -> Containers:
    reported = _convert(document["containers"], tuple[ReportedContainer, ...] | None, "containers")
    names = {field.name for field in _fields(ReportedContainer)} & {field.name for field in _fields(Container)}
    found = None
    if reported is not None:
        found = tuple(Container(**{name: getattr(each, name) for name in names}) for each in reported)
    return Containers(found, _convert(document.get("containers_unseen", []), tuple[str, ...], "containers_unseen"))


def _installed(document: Mapping[str, Any]) -> Installed:
    entries = _convert(document["software"], list[dict[str, Any]], "software")
    return Installed(
        tuple(
            _convert(entry, Software if entry.get("sdk") is None else SdkSoftware, f"software[{at}]")
            for at, entry in enumerate(entries)
        )
    )


def _joined_by_id(document: Mapping[str, Any]) -> Mapping[str, Any]:
    """The first reports that were kept know containers by what they are called: callers and software get their ids."""
    containers = document.get("containers")
    ids: dict[str, set[str]] = {}
    for each in containers if isinstance(containers, list) else ():
        if isinstance(each, dict) and isinstance(each.get("id"), str):
            names = [each.get("name"), each["id"][:ID_SHOWN]]
            if isinstance(each.get("pod"), str):
                names.append(f"{each['pod']}/{names[0] or names[1]}")
            for name in names:
                if isinstance(name, str):
                    ids.setdefault(name, set()).add(each["id"])

    def known(name: object) -> list[str]:
        return sorted(ids.get(name, ())) if isinstance(name, str) else []

    made = dict(document)
    callers = document.get("callers")
    if isinstance(callers, dict) and isinstance(callers.get("by"), list):
        by = [
            {**each, "container_id": _only(known(each.get("container")))}
            if isinstance(each, dict) and "container_id" not in each
            else each
            for each in callers["by"]
        ]
        made["callers"] = {**callers, "by": by}
    software = document.get("software")
    if isinstance(software, list):
        made["software"] = [
            {**each, "container_ids": [found for name in _labels(each) for found in known(name)]}
            if isinstance(each, dict) and "container_ids" not in each
            else each
            for each in software
        ]
    return made


def _only(ids: list[str]) -> str | None:
    """Namesakes cannot be told apart: what one of them did is not held to be the other's."""
    return ids[0] if len(ids) == 1 else None


def _labels(software: Mapping[str, Any]) -> list[object]:
    also_in = software.get("also_in")
    return [software.get("container"), *(also_in if isinstance(also_in, list) else ())]


def _missing(kind: type[Section], document: Mapping[str, Any]) -> str:
    """Which key of a section the report lacks that it cannot do without; empty where it has them all."""
    if kind.report_key is not None:
        if kind.report_key not in document:
            # One that came later is what nobody looked for then.
            return kind.report_key if kind.report_key in FIRST else ""
        return next(_lacking(kind, document[kind.report_key], kind.report_key), "")
    for field in _fields(kind):
        if field.name not in document:
            if _is_required(field) or field.metadata == NEEDED:
                return field.name
        elif lacks := next(_lacking(typing.get_type_hints(kind)[field.name], document[field.name], field.name), ""):
            return lacks
    return ""


def _lacking(kind: Any, value: object, place: str) -> Iterator[str]:
    """Fields that are needed and not there, at any depth. What is of the wrong type is found when it is converted."""
    if dataclasses.is_dataclass(kind):
        if isinstance(value, dict):
            hints = typing.get_type_hints(kind)
            for field in _fields(kind):
                if field.name in value:
                    yield from _lacking(hints[field.name], value[field.name], f"{place}.{field.name}")
                elif field.metadata == NEEDED:
                    yield f"{place}.{field.name}"
        return
    for inner in typing.get_args(kind):
        if isinstance(value, list):
            for each in value:
                yield from _lacking(inner, each, f"{place}[]")
        else:
            yield from _lacking(inner, value, place)


def _is_required(field: dataclasses.Field[Any]) -> bool:
    return field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING


def _fields(kind: Any) -> tuple[dataclasses.Field[Any], ...]:
    return dataclasses.fields(kind)


def _convert(value: object, kind: Any, place: str) -> Any:
    try:
        return msgspec.convert(value, kind)
    except (msgspec.ValidationError, RecursionError) as error:
        said = str(error).replace("$.", f"{place}." if place else "").replace("`$", f"`{place}")
        where = "" if "- at" in said else f" - at `{place}`"
        raise UsageError(
            f"it is not a valid report: {said}{where}", "The file is damaged: take the report from its host again."
        ) from None


@cache
def document_type() -> type:
    """A dataclass with all keys of a report, in their order."""
    observed: dict[str, Any] = {}
    for kind in SECTIONS:
        if kind.report_key is not None:
            observed[kind.report_key] = kind if kind.absent() else kind | None
            continue
        hints = typing.get_type_hints(kind, include_extras=True)
        observed |= {field.name: _SHOWN_AS.get(field.name, hints[field.name]) for field in _fields(kind)}
    ordered = {key: observed.pop(key) for key in FIRST if key in observed} | observed
    return dataclasses.make_dataclass(
        "Report",
        [
            ("schema", Literal["imds-probe.report/v1"]),
            ("probe", ProbeInfo),
            *(
                (key, kind) if key in FIRST else (key, kind, dataclasses.field(default=None))
                for key, kind in ordered.items()
            ),
            ("collectors", tuple[CollectorRun, ...]),
            ("rules", tuple[RuleRun, ...]),
            ("findings", tuple[ReportedFinding, ...]),
            ("verdict", Verdict),
        ],
        frozen=True,
        kw_only=True,
    )


def json_schema() -> dict[str, Any]:
    """JSON Schema 2020-12. Open: names that are added later are accepted, and those that were added are not required. The texts
    of objects and fields, which the published one has besides, are no part of the program: docstrings are for who reads code.
    """
    (_,), definitions = msgspec.json.schema_components([document_type()], ref_template="#/$defs/{name}")
    report = definitions.pop("Report")
    for each in (report, *definitions.values()):
        each.pop("description", None)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": SCHEMA,
        **report,
        "title": TITLE,
        "description": DESCRIPTION,
        "$defs": definitions,
    }
