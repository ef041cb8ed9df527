"""What is asked by a client of AWS's SDK for JavaScript 2, which sends a token only where its caller hands one over.

A bundle may have the SDK within, whose own requests carry one. Source: aws-sdk 2.1692.0, lib/metadata_service.js, request().
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator

from imds_probe.inventory.code.forms.lexing import Layout

ARGUMENTS_MAX, USES_MAX = 2000, 50  # characters between brackets, and requests by one name
NEAR_MAX = 4000  # characters behind the client in which a minifier's short name is the same one
_CLIENT_ASSIGNED = re.compile(r"([A-Za-z_$][\w$]{0,80})\s{0,5}=\s{0,5}new\s{1,10}\(?(?:[\w$\"'\[\]]{1,60}\.){0,3}\Z")
_CLIENT_REQUEST = re.compile(r"\s{0,20}\)?\s{0,20}\.request\(")
_CLIENT_HEADERS = re.compile(r"token|header|opt|\.\.\.", re.IGNORECASE)
_CLIENT_PATH = re.compile(r"latest|meta-data|user-data|dynamic")
_CLIENT_BRACKET = re.compile(r"[()]")
_NAME_END = re.compile(r"\w{0,40}\s{0,5}")


def asks_bare(layout: Layout, at: int) -> bool:
    """Whether the client that is made at a place, by its word there, surely asks without a token."""
    return any(not _CLIENT_HEADERS.search(layout.code, begin, end) for begin, end in _requests(layout, at))


def _requests(layout: Layout, at: int) -> Iterator[tuple[int, int]]:
    """Begin and end of the arguments of each request."""
    masked = layout.masked
    name_end = _NAME_END.match(masked, at)
    behind = name_end.end() if name_end is not None else at
    if masked[behind : behind + 1] == "(":
        behind = _closed(masked, behind + 1)
    chained = _CLIENT_REQUEST.match(masked, behind)
    if chained is not None:
        yield chained.end(), _closed(masked, chained.end())
    assigned = _CLIENT_ASSIGNED.search(masked, max(0, at - 300), at)
    if assigned is None:
        return
    name = assigned[1]
    short = len(name) < 3
    used = re.compile(rf"(?<![\w$]){re.escape(name)}\.request\(")
    until = behind + NEAR_MAX if short else len(masked)
    for match in itertools.islice(used.finditer(masked, behind, until), USES_MAX):
        end = _closed(masked, match.end())
        if not short or _CLIENT_PATH.search(layout.code, match.end(), end):
            yield match.end(), end


def _closed(masked: str, at: int) -> int:
    """Where the bracket that is open at a place closes, or where nobody looks any more."""
    depth = 1
    for match in _CLIENT_BRACKET.finditer(masked, at, at + ARGUMENTS_MAX):
        depth += 1 if match[0] == "(" else -1
        if not depth:
            return match.end()
    return min(len(masked), at + ARGUMENTS_MAX)
