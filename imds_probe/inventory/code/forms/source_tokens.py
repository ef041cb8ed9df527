"""Whether the service refuses a request for a token that a source text makes: without PUT, or without a time to live."""

from __future__ import annotations

import itertools
import re
from collections.abc import Container

from imds_probe.inventory.code.forms import denied, said
from imds_probe.inventory.code.forms.lexing import Layout
from imds_probe.inventory.code.forms.shell_options import LONG_TTL, NO_PUT, NO_TTL, is_ttl_long
from imds_probe.inventory.code.words import Found

HANDED_ON = re.compile(
    r"token|header|hdr|auth|imdsv2|session|opt(?:ion)?s\b|config|params|kwargs|init\b|request\b|\breq\b|context|ctx|client\b|\.\.\.",
    re.IGNORECASE,
)
_ADDED_TO = re.compile(r"\b(\w{1,60})\s{0,5}\+\s{0,5}\Z")
_PUT = re.compile(r"\bput\b|\bPUT\b|\bPut\b|\bmethod\b")
_PUTS_TOKEN = re.compile(r"\b(?:requests|httpx)\.put\(\s{0,40}[frbu]{0,2}\Z")
_GETS_TOKEN = re.compile(
    r"(?:\b(?:requests|httpx|axios|got|needle|superagent|[sS]ession|RestClient|HTTParty)\.(?:get|post)"
    r"|\bNet::HTTP\.get(?:_response)?)\(\s{0,40}(?:URI(?:\.parse)?\(\s{0,40})?[frbu]{0,2}\Z"
)
# Their method is GET unless an argument says another one: the address has to be the only one, or the others are all written out.
_FETCHES_TOKEN = re.compile(r"(?:\burlopen|\bfile_get_contents|(?<![.\w])fetch)\(\s{0,40}[frbu]{0,2}\Z")
_NO_METHOD = re.compile(
    r"\s{0,40}(?:(?:,\s{0,40}timeout\s{0,5}=\s{0,5}[\d.]{1,10})?\s{0,40},?\s{0,40}\)|,\s{0,40}\{(?![^;]{0,400}\.\.\.))"
)


def why_refused(
    layout: Layout, token: Found, constants: Container[str], complete: re.Pattern[str], *, has_ttl: bool
) -> str:
    """Why the service refuses this request for a token, as a word to show; empty where it does not, or only running tells."""
    since, until = layout.statement(token.at)
    begin, end, kind = layout.region(token.at)
    if kind != "string":
        return ""
    before = layout.masked[max(since, begin - 80) : begin]
    if token.word == "/api/token":
        added = _ADDED_TO.search(before)
        if added is None or added[1] not in constants:
            return ""
        begin -= len(before) - added.start()
        before = before[: added.start()]
    elif _gets_by_name(layout, token.at):
        return NO_PUT
    if _PUT.search(layout.code, since, until):
        if is_ttl_long(layout.code):
            return LONG_TTL
        left = complete.sub(" ", layout.masked[since:until])
        direct = _PUTS_TOKEN.search(before) is not None
        return NO_TTL if direct and not has_ttl and "**" not in left and not HANDED_ON.search(left) else ""
    return NO_PUT if _is_only_read(layout, begin, end) else ""


def _is_only_read(layout: Layout, begin: int, end: int) -> bool:
    """Whether the address that stands there is given to a request by GET, whatever the request's other arguments hold."""
    since, until = layout.statement(begin)
    before = layout.masked[max(since, begin - 80) : begin]
    if _PUT.search(layout.code, since, until):
        return False
    if _GETS_TOKEN.search(before):
        return True
    return _FETCHES_TOKEN.search(before) is not None and _NO_METHOD.match(layout.masked, end, until) is not None


def _gets_by_name(layout: Layout, at: int) -> bool:
    """Whether what has the name of a token's address is only read."""
    since, until = layout.statement(at)
    if "(" in layout.masked[since:at]:
        return False  # the name is that of what is made of it
    for name in itertools.islice(denied.names_of(layout, at), 1):
        uses = [use for use in said.uses_of(layout, name) if not since <= use < until]
        return bool(uses) and all(_is_only_read(layout, use, use + len(name)) for use in uses)
    return False
