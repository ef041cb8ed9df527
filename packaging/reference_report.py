"""The report's JSON Schema with a text for each field, and the reference page that is made from it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, get_args

from report_texts import OBJECTS

from imds_probe.facts.shapes import Day, Timestamp
from imds_probe.report_document import SCHEMA_FILE, json_schema

MADE = "<!-- Made by `make declared`. -->\n"
REFERENCE = "#/$defs/"
WHOLE = "Report"  # in the texts, the report itself
NULL = {"type": "null"}
# Patterns that have a word of their own.
SHAPES = {get_args(kind)[1].pattern: word for kind, word in ((Timestamp, "time"), (Day, "day"))}
# What a value is where the schema has no more to say of it.
PLAIN = {
    "string": "text",
    "integer": "whole number",
    "number": "number",
    "boolean": "`true` or `false`",
    "null": "`null`",
}


def described() -> dict[str, Any]:
    """The schema, each object and field with its text."""
    schema = json_schema()
    if lacking := sorted(_undescribed(schema)):
        raise SystemExit(f"say in packaging/report_texts.py what this is: {', '.join(lacking)}")
    for name, node in ((WHOLE, schema), *schema["$defs"].items()):
        if name != WHOLE:
            node["description"] = OBJECTS[name].text
        for field, kind in node["properties"].items():
            kind["description"] = OBJECTS[name].fields[field]
    return schema


def _undescribed(schema: Mapping[str, Any]) -> Iterator[str]:
    for name, node in {WHOLE: schema, **schema["$defs"]}.items():
        if name not in OBJECTS:
            yield name
        else:
            yield from (f"{name}.{field}" for field in node["properties"] if field not in OBJECTS[name].fields)


def page() -> str:
    """Each field of a report: where it stands, what it is and what it means, by the object that it is in."""
    schema = described()
    definitions: Mapping[str, Any] = schema["$defs"]
    places = _places(schema)
    text = [
        f"# {OBJECTS[WHOLE].title}\n",
        MADE,
        f"`imds-probe run --output json` prints one report as a JSON object. {schema['description']}\n",
        f"The JSON Schema is `imds_probe/schema/{SCHEMA_FILE.name}`. A field in italics may be missing: versions before it was\n"
        "added did not write it. If something is `null` because it could not be inspected, `collectors` has the reason.\n",
        _table(schema),
    ]
    for name in _in_order(schema, definitions):
        stands = ", ".join(f"`{place}`" for place in places[name])
        text += [f"## {OBJECTS[name].title}\n", f"Place: {stands}\n", f"{_plain(OBJECTS[name].text)}\n"]
        text.append(_table(definitions[name]))
    return "\n".join(text)


def _places(schema: Mapping[str, Any]) -> Mapping[str, list[str]]:
    """Where each object stands in a report: "containers[].reach[]"."""
    found: dict[str, list[str]] = {}

    def visit(node: Mapping[str, Any], place: str) -> None:
        for field, kind in node["properties"].items():
            stands = f"{place}.{field}" if place else field
            for name in _names(kind):
                at = (
                    f"{stands}[]"
                    if any(each.get("type") == "array" for each in (kind, *kind.get("anyOf", ())))
                    else stands
                )
                found.setdefault(name, []).append(at)
                visit(schema["$defs"][name], at)

    visit(schema, "")
    return found


def _in_order(schema: Mapping[str, Any], definitions: Mapping[str, Any]) -> Iterator[str]:
    """The objects as a reader comes upon them: each after the one that mentions it first."""
    seen: dict[str, None] = {}

    def visit(node: Any) -> None:
        for name in _names(node.get("properties", {})):
            if name not in seen:
                seen[name] = None
                visit(definitions[name])

    visit(schema)
    yield from seen


def _names(node: Any) -> Iterator[str]:
    if isinstance(node, Mapping):
        if (to := node.get("$ref")) is not None:
            yield to.removeprefix(REFERENCE)
        for value in node.values():
            yield from _names(value)
    elif isinstance(node, list):
        for value in node:
            yield from _names(value)


def _table(described: Mapping[str, Any]) -> str:
    required = set(described.get("required", ()))
    rows = [
        f"| {f'`{name}`' if name in required else f'*`{name}`*'} | {_cell(said(kind))} | {_cell(_plain(kind['description']))} |\n"
        for name, kind in described.get("properties", {}).items()
    ]
    return "| field | value | meaning |\n|---|---|---|\n" + "".join(rows)


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def said(kind: Mapping[str, Any]) -> str:
    """What a value may be, in words: its type with bounds, a choice, a list of these, or an object of another section."""
    if (to := kind.get("$ref")) is not None:
        title = OBJECTS[to.removeprefix(REFERENCE)].title
        return f"[{title}](#{title.lower().replace(' ', '-')})"
    if (values := kind.get("enum")) is not None:
        return ", ".join("`null`" if value is None else f"`{value}`" for value in values)
    if (several := kind.get("anyOf")) is not None:
        return " or ".join(said(each) for each in sorted(several, key=lambda each: each == NULL))
    type_ = kind.get("type")
    if type_ == "array":
        if "prefixItems" in kind:
            return f"list of {len(kind['prefixItems'])}: {', '.join(map(said, kind['prefixItems']))}"
        return f"list of {said(kind['items'])}" if kind.get("items") else "list"
    if type_ == "object":
        inner = kind.get("additionalProperties")
        return f"object of {said(inner)} by name" if isinstance(inner, Mapping) else "object"
    return SHAPES.get(kind.get("pattern"), f"{PLAIN.get(type_, 'any value')}{_bounds(kind)}")


def _bounds(kind: Mapping[str, Any]) -> str:
    low, high = kind.get("minimum"), kind.get("maximum")
    if (pattern := kind.get("pattern")) is not None:
        return f" like `{pattern}`"
    if low is not None and high is not None:
        return f" from {low:g} to {high:g}"
    if low is not None:
        return f", at least {low:g}"
    return "" if high is None else f", at most {high:g}"


def _plain(text: str) -> str:
    """A text as Markdown shows it as it is: what stands in backquotes already is left alone."""
    parts = re.split(r"(`[^`]*`)", text)
    return "".join(part if part.startswith("`") else re.sub(r"([<>*_\[\]])", r"\\\1", part) for part in parts)
