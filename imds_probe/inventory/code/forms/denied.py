"""Whether a URL stands in what a program keeps to refuse: a list for the filter that guards it against requests to the service.

The name alone does not tell: metadata that is private is asked for, too. So a name that says what is refused (blocked, denied,
SSRF) counts for a list unless something asks for what is in it; one that could mean either, and a single URL, count only where
something is compared with them as well, and nothing is taken out of the list; a single URL whose name could mean either only
where nothing else is done with it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from imds_probe.dataclass import dataclass
from imds_probe.inventory.code.forms.lexing import Layout

USES_MAX = 50  # of one name
BRACKETS_MAX = 5  # that a URL may be in
BACK_MAX, NEAR_MAX = 2000, 300  # characters before a URL in which its list begins, and around the use of a name
# A name in its parts: by underscores, and by capitals within.
_PARTS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
_REFUSED = frozenset(
    (
        *("block", "blocked", "blocks", "blocklist", "blocking", "deny", "denied", "denylist", "denies", "forbid"),
        *("forbidden", "ssrf", "disallow", "disallowed", "reject", "rejected", "rejects", "blacklist", "blacklisted"),
        *("ban", "banned", "prohibited", "unsafe", "dangerous", "malicious", "refused", "refuse"),
    )
)
_EITHER = frozenset(
    (
        *("private", "internal", "restricted", "sensitive", "reserved", "protected", "local", "untrusted"),
        *("suspicious", "metadata", "cloud"),
    )
)
# A device that holds blocks is asked about.
_NO_REFUSAL = frozenset(("device", "devices", "size", "storage", "mapping", "mappings", "io"))
_TYPED = r"(?:(?:[\w.<>&]|\[\w{0,10}\]){1,60}\s{0,5}){0,2}"
_NAMED = re.compile(
    r"([\w$]{1,80})[\"'`]?\]?\s{0,20}(?::[^=(){};\n]{1,60})?(?::=|[+|]=|=>|=|:)\s{0,40}&?" + _TYPED + r"\Z"
)
_FIRST_NAME = re.compile(r"([A-Za-z_]\w{0,80})\s{0,10}(?::\s{0,5}\w{1,40}\s{0,5})?:?=(?![=>~])")
_CALLED = re.compile(r"([\w$][\w$.:<>?-]{0,80})\s{0,5}\Z")
_MADE_OF = re.compile(
    r"(?:frozenset|set|list|tuple|array|qw|Set|Map|Array|List|ImmutableSet|ImmutableList|Arrays|Object|Collections|ArrayList|HashSet)"
    r"(?:<\w{0,20}>)?(?:\.(?:of|from|freeze|asList|unmodifiableSet|unmodifiableList))?"
)
_PUT_IN = re.compile(r".{0,80}?(\w{1,80})(?:\.|->)(?:append|add|push|extend|update|insert|concat|put|addAll|push_back)")
_PREFIX_OF = re.compile(r"(?:starts_?with|begins_?with|has_?prefix)\??\(?\Z", re.IGNORECASE)
_NO_CALLS = frozenset(("in", "return", "if", "and", "or", "not", "elsif", "unless", "while"))
_IN_LIST = re.compile(r"\b(for\b[^\n=]{0,80}\s)?in\s{0,5}\Z")
_COMPARED_NEXT = re.compile(
    r"(?:\[[^\]\n]{0,40}\])?(?:\??\.|->)(?:includes?\??|has|contains\w{0,10}|index_?[oO]f|isdisjoint|intersection|test)\b"
    r"|\s{0,20}[!=]==?"
)
# One of a list or table is made use of, or all of them are, one after the other.
_TAKEN = re.compile(r"\s{0,5}\[|(?:\??\.|->)(?:get|items|values|entries|at|fetch|each|map|forEach)\b|->?[\[{]")
_COMPARED_BEFORE = re.compile(
    r"(?:\bin|[=!]==?|(?:starts_?with|equals|contains|includes?|has|index_?of|in_array|has_?prefix|match(?:es)?|search|strpos)\??"
    r"\([^()\n]{0,80})\s{0,10}\Z",
    re.IGNORECASE,
)
_EACH_OF = re.compile(
    r"\bfor(?:each)?\s{0,10}\(?\s{0,5}(?:(?:const|let|var|my|_,)\s{0,5})?\$?(\w{1,60})\s{1,10}(?:in|of|:|:=\s{0,5}range)\s{1,10}\Z"
)
_EACH_BY = re.compile(
    r"(?:\??\.|->)(?:some|any\??|every|find|filter|forEach|each|map|stream\(\)\.anyMatch)\s{0,5}[({]\s{0,5}"
    r"(?:function\s{0,5})?[(|]?\s{0,5}(\w{1,60})"
)


@dataclass(frozen=True)
class _Kept:
    """Under which name something is kept, and whether as one of a list; without a name, that something is compared with it."""

    name: str
    listed: bool = False


def is_denied(layout: Layout, at: int, asks: re.Pattern[str], known: dict[object, bool]) -> bool:
    """Whether the string at a place is kept to be refused; `asks` as of a language. `known` is what was found out of this text."""
    begin, _, region = layout.region(at)
    if region != "string":
        return False
    for kept in _kept(layout, begin):
        if kept not in known:
            known[kept] = _refuses(layout, begin, kept, asks)
        if known[kept]:
            return True
    return False


def names_of(layout: Layout, at: int) -> Iterator[str]:
    """What the string at a place is given a name as, itself or as one of a list."""
    begin, _, region = layout.region(at)
    if region != "string":
        return
    since, _ = layout.statement(at)
    if first := _FIRST_NAME.search(layout.masked, since, begin):
        yield first[1]
    for kept in _kept(layout, begin):
        if not kept.name:
            return
        if not kept.name[0].isdigit():
            yield kept.name


def _refuses(layout: Layout, begin: int, kept: _Kept, asks: re.Pattern[str]) -> bool:
    if not kept.name:
        return True
    parts = {part.lower() for part in _PARTS.findall(kept.name)}
    refused = bool(parts & _REFUSED) and not parts & _NO_REFUSAL
    if not refused and not parts & _EITHER:
        return False
    compared = others = taken = False
    for use in _uses(layout, kept.name, begin):
        each = each_of(layout, use, kept.name)
        if asks_for(layout, use, each or kept.name, asks):
            return False
        if _is_compared(layout, use, kept.name, each):
            compared = True
        else:
            others = True
            taken = taken or bool(each) or _TAKEN.match(layout.masked, use + len(kept.name)) is not None
    if refused:
        return compared or kept.listed
    return compared and not (taken if kept.listed else others)


def _kept(layout: Layout, begin: int) -> Iterator[_Kept]:
    """Where the string that begins there is kept, from the inside outwards; not outside of a call that is given it."""
    since = max(0, begin - BACK_MAX)
    end, listed = begin, False
    while end > since and layout.masked[end - 1].isalpha():
        end -= 1  # the letters before a string, as of r"", are not a part of it here
    for _ in range(BRACKETS_MAX):
        if named := _NAMED.search(layout.code, max(since, end - 200), end):
            yield _Kept(named[1], listed)
        opener = opener_of(layout.masked, since, end)
        if opener < 0 or ";" in layout.masked[opener:end]:
            return  # there are statements in it: it is the body of something
        if _compares(layout.masked, since, opener, end=layout.statement(begin)[1]):
            yield _Kept("")
        before = layout.masked[max(since, opener - 200) : opener]
        called = _CALLED.search(before) if layout.masked[opener] == "(" else None
        end, listed = opener, True
        if called is not None and called[1] not in _NO_CALLS:
            if put := _PUT_IN.fullmatch(called[1]):
                yield _Kept(put[1], listed)
            if not _MADE_OF.fullmatch(called[1]):
                return
            end -= len(before) - called.start()
            end -= 4 if layout.masked[max(since, end - 4) : end] == "new " else 0


def _compares(masked: str, since: int, opener: int, end: int) -> bool:
    """Whether something is compared with what is in the bracket that opens there, as in url.startswith(( or [...].includes(url)."""
    before = masked[max(since, opener - 200) : opener]
    if within := _IN_LIST.search(before):
        return within[1] is None
    if _PREFIX_OF.search(before):
        return True
    closed = _closer(masked, opener, end)
    if closed < 0 or masked[opener] == "(":
        return False
    each = _EACH_BY.match(masked, closed + 1)
    if each is None:
        return _COMPARED_NEXT.match(masked, closed + 1) is not None
    return _is_each_compared(masked[closed : closed + NEAR_MAX], each[1])


def _closer(masked: str, opener: int, end: int) -> int:
    """The bracket that closes the one there; -1 where none does before the end."""
    depth = 0
    for at in range(opener, min(end, opener + BACK_MAX)):
        depth += (masked[at] in "([{") - (masked[at] in ")]}")
        if not depth:
            return at
    return -1


def opener_of(masked: str, since: int, end: int) -> int:
    """The bracket that is open at a place; -1 where there is none."""
    depth = 0
    for at in range(end - 1, since - 1, -1):
        sign = masked[at]
        if sign in ")]}":
            depth += 1
        elif sign in "([{":
            if not depth:
                return at
            depth -= 1
    return -1


def _uses(layout: Layout, name: str, defined: int) -> Iterator[int]:
    """Where a name is used in code, but for the statement that defines it."""
    since, until = layout.statement(defined)
    at = -1
    for _ in range(USES_MAX):
        at = layout.masked.find(name, at + 1)
        if at < 0:
            return
        around = layout.masked[max(0, at - 1) : at] + layout.masked[at + len(name) : at + len(name) + 1]
        if not since <= at < until and not any(sign.isalnum() or sign == "_" for sign in around):
            yield at


def each_of(layout: Layout, use: int, name: str) -> str:
    """What stands for one of a list where the list is gone through; empty where it is not."""
    before = layout.masked[max(0, use - 120) : use].removesuffix("self.").removesuffix("this.").removesuffix("$")
    if found := _EACH_OF.search(before):
        return found[1]
    found = _EACH_BY.match(layout.masked, use + len(name))
    return found[1] if found else ""


def asks_for(layout: Layout, use: int, name: str, asks: re.Pattern[str]) -> bool:
    """Whether a request is made for what has this name, in the statement of a use of it or soon after."""
    whole = re.compile(rf"(?<![\w$.]){re.escape(name)}\b")
    within = re.compile(rf"\{{\s{{0,3}}{re.escape(name)}\b")  # a string that it is put in
    at = use
    while at < min(len(layout.masked), use + NEAR_MAX):
        since, until = layout.statement(at)
        for match in asks.finditer(layout.masked, since, until):
            end = min(until, match.end() + NEAR_MAX)
            if whole.search(layout.masked, match.end(), end) or within.search(layout.code, match.end(), end):
                return True
        at = max(until, at + 1)
    return False


def _is_compared(layout: Layout, use: int, name: str, each: str) -> bool:
    """Whether something is compared with what has this name, or with `each` of it."""
    masked = layout.masked
    if not each:
        before = masked[max(0, use - 120) : use].removesuffix("self.").removesuffix("this.").removesuffix("$")
        return bool(_COMPARED_NEXT.match(masked, use + len(name)) or _COMPARED_BEFORE.search(before))
    return _is_each_compared(masked[max(0, use - NEAR_MAX) : use + NEAR_MAX], each)


def _is_each_compared(near: str, each: str) -> bool:
    return any(
        _COMPARED_BEFORE.search(near[max(0, match.start() - 120) : match.start()].removesuffix("$"))
        or re.match(r"\s{0,5}(?:[!=]==?|(?:not\s)?in\b)", near[match.end() : match.end() + 20])
        for match in re.finditer(rf"(?<![\w.]){re.escape(each)}\b", near)
    )
