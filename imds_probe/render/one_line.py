"""JSON on one line that is never too long, however many and hostile the names in it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

CUT = "..."


def encoded(document: Mapping[str, Any]) -> str:
    """In ASCII, without line breaks."""
    return json.dumps(document, ensure_ascii=True, separators=(",", ":"))


def cut(text: str, limit_bytes: int) -> str:
    """As much of a text as takes so many bytes in JSON, without its quotes."""
    if len(json.dumps(text)) - 2 <= limit_bytes:
        return text
    left, kept = limit_bytes - len(CUT), []
    for character in text[:limit_bytes]:
        left -= len(json.dumps(character)) - 2
        if left < 0:
            break
        kept.append(character)
    return "".join(kept) + CUT


def fitted(document: Mapping[str, Any], name: str, entries: Sequence[Any], limit_bytes: int, *, beside: int = 0) -> str:
    """The document with as many of the entries, under that name, as have room. `NAME_left_out` counts the others, and those
    `beside` that are not among them.
    """
    for many in range(len(entries), -1, -1):
        line = encoded({**document, name: entries[:many], f"{name}_left_out": len(entries) - many + beside})
        if len(line) <= limit_bytes:
            break
    return line
