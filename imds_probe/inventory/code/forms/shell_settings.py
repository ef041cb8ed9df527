"""Whether a shell script sets a variable only where a setting says so: in a branch of "if", or behind "&&".

A setting is a variable that the script does not find out itself, such as an argument or one of the environment. One that is on
unless somebody turns it off counts for nothing, nor does a test of what a command came to.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping

from imds_probe.dataclass import dataclass

BRANCHES_MAX, SET_MAX, DEPTH_MAX = 500, 20, 40
_KEYWORD = re.compile(r"(?:^|[;&|({]|\b(?:then|else|do)[ \t])[ \t]*(if|elif|else|fi)\b", re.MULTILINE)
_THEN = re.compile(r"(?:;|\n)[ \t]*then\b")
_ONLY_IF = re.compile(
    r"(?:^|[;({])[ \t]*((?:\[|test[ \t])[^\n;]{1,200}?)[ \t]*&&[ \t]*(?:\{[ \t]*)?(?:export[ \t]+|local[ \t]+)?\Z"
)
_TEST = re.compile(r"[ \t]*(?:\[\[?[ \t]|test[ \t]|\(\(|[\"']?\$\{?\w{1,60}\}?[\"']?[ \t]*\Z)")
_TESTED = re.compile(r"\$\{?([A-Za-z_]\w{0,60}|[1-9@*])|(?<=-v )([A-Za-z_]\w{0,60})")
_LEFT = re.compile(r"\b(?:exit|return|die|fail)\b")
_EQUAL = re.compile(r"(?:==?|-eq|-ge|-gt)[ \t]+[\"']?([\w.]{1,40})")
_TURNED_OFF = re.compile(r"!=|-ne\b|[ \t]-z[ \t]|[ \t]![ \t]|\A[ \t]*![ \t]|\|\|")


@dataclass(frozen=True)
class Branch:
    """One branch of an "if": where it begins and ends, and its condition, empty for "else". `of` tells one "if" from another."""

    begin: int
    end: int
    condition: str
    of: int


def is_set_by_setting(text: str, name: str, set_to: Mapping[str, str], at: int) -> bool:
    """Whether a variable is set only where a setting says so, and a command at a place is reached where it is not as well."""
    all_of_them = list(branches(text))
    assigned = re.compile(rf"(?<![\w$]){re.escape(name)}\+?=(?![\"']{{2}}|[ \t;\n])")
    places = [match.start() for match in itertools.islice(assigned.finditer(text), SET_MAX)]
    return bool(places) and all(_is_only_there(text, place, all_of_them, set_to, at) for place in places)


def _is_only_there(text: str, place: int, parts: list[Branch], set_to: Mapping[str, str], at: int) -> bool:
    line = text[text.rfind("\n", 0, place) + 1 : place]
    if (only := _ONLY_IF.search(line)) and _is_setting(only[1], set_to):
        return True
    for each in parts:
        if each.begin <= place < each.end and not each.begin <= at < each.end and _is_setting(each.condition, set_to):
            others = (text[other.begin : other.end] for other in parts if other.of == each.of and other != each)
            return not any(_LEFT.search(other) for other in others)
    return False


def _is_setting(condition: str, set_to: Mapping[str, str]) -> bool:
    if not _TEST.match(condition) or "$(" in condition or "`" in condition or "$?" in condition:
        return False
    names = [match[1] or match[2] for match in _TESTED.finditer(condition)]
    values = " ".join(set_to.get(name, "") for name in names)
    if not names or "$(" in values or "`" in values or _TURNED_OFF.search(condition):
        return False
    given = set(re.findall(r"[\w.]+", values))
    if wanted := _EQUAL.search(condition):
        return wanted[1] not in given
    return not given - {"false", "0", "no", "off"}


def branches(text: str) -> Iterator[Branch]:
    """All branches, each with what it stands in given after it."""
    opened: list[
        tuple[int, int, str]
    ] = []  # of each "if" that is open: its place, and the branch's begin and condition
    for match in itertools.islice(_KEYWORD.finditer(text), BRANCHES_MAX):
        word, begin, condition = match[1], match.end(), ""
        if word in ("if", "elif"):
            then = _THEN.search(text, match.end(), match.end() + 600)
            if then is None:
                continue
            condition, begin = text[match.end() : then.start()].strip(), then.end()
        if word != "if" and opened:
            first, at, asked = opened.pop()
            yield Branch(at, match.start(1), asked, first)
            if word != "fi":
                opened.append((first, begin, condition))
        elif word == "if" and len(opened) < DEPTH_MAX:
            opened.append((match.start(1), begin, condition))
