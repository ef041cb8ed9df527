"""The reference page of the report, made from its JSON Schema."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from imds_probe.report_document import SCHEMA_FILE, json_schema

MADE = "<!-- Made by `make declared`. -->\n"
REFERENCE = "#/$defs/"
NULL = {"type": "null"}
# What a value is where the schema has no more to say of it.
PLAIN = {
    "string": "text",
    "integer": "whole number",
    "number": "number",
    "boolean": "`true` or `false`",
    "null": "`null`",
}


def page() -> str:
    """Each field of a report: where it stands, what it is, and the description of the object that it is in."""
    schema = json_schema()
    definitions: Mapping[str, Any] = schema["$defs"]
    text = [
        "# The report\n",
        MADE,
        f"`imds-probe run --output json` prints one report as a JSON object. {schema['description']}\n",
        f"The JSON Schema is `imds_probe/schema/{SCHEMA_FILE.name}`. A field in italics was added after the first release: "
        "a report of an earlier\none lacks it. Some things are `null` because nobody could look, and `collectors` says why.\n",
        _table(schema),
    ]
    for name in _in_order(schema, definitions):
        described = definitions[name]
        text.append(f"## {name}\n")
        if said := described.get("description", ""):
            text.append(f"{_plain(said)}\n")
        text.append(_table(described))
    return "\n".join(text)


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
        f"| {f'`{name}`' if name in required else f'*`{name}`*'} | {said(kind).replace('|', chr(92) + '|')} |\n"
        for name, kind in described.get("properties", {}).items()
    ]
    return "| field | value |\n|---|---|\n" + "".join(rows)


def said(kind: Mapping[str, Any]) -> str:
    """What a value may be, in words: its type with bounds, a choice, a list of these, or an object of another section."""
    if (to := kind.get("$ref")) is not None:
        name = to.removeprefix(REFERENCE)
        return f"[{name}](#{name.lower()})"
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
    return f"{PLAIN.get(type_, 'any value')}{_bounds(kind)}"


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
    """A docstring as Markdown shows it as it is: what stands in backquotes already is left alone."""
    parts = re.split(r"(`[^`]*`)", text)
    return "".join(part if part.startswith("`") else re.sub(r"([<>*_\[\]])", r"\\\1", part) for part in parts)
