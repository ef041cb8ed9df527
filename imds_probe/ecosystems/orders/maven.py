"""Version order of Maven artefacts.

Source: Maven POM reference, Version Order Specification, and org.apache.maven.artifact.versioning.ComparableVersion.
"""

from __future__ import annotations

import re
from itertools import zip_longest

from imds_probe.ecosystems.orders.bounded import bounded
from imds_probe.ecosystems.version_error import VersionError

_MAVEN_FORBIDDEN = re.compile(r"[\s\x00-\x1f\x7f]")
_MAVEN_PARTS = re.compile(r"[0-9]+|[^0-9.\-]+|[.\-]", re.ASCII)
_MAVEN_SEPARATORS = (".", "-")
# Maven's qualifiers from oldest to newest; "" is the release. Others come after these, in the order of their text.
_MAVEN_QUALIFIERS = ("alpha", "beta", "milestone", "rc", "snapshot", "", "sp")
_MAVEN_ALIASES = {"cr": "rc", "ga": "", "final": "", "release": ""}
_MAVEN_SHORT = {"a": "alpha", "b": "beta", "m": "milestone"}  # only directly before a digit
DEPTH_MAX = 100  # each hyphen, and each change between digits and letters, is one deeper
_MavenItem = int | str | list["_MavenItem"]


def compare_maven(a: str, b: str) -> int:
    """Order two versions as Maven's ComparableVersion does: -1, 0 or 1. Raises VersionError on what is none."""
    return _maven_lists(_maven(a), _maven(b))


def _maven(text: str) -> list[_MavenItem]:
    if not text or _MAVEN_FORBIDDEN.search(bounded(text)):
        raise VersionError(f"{text[:80]!r} is no Maven version")
    root: list[_MavenItem] = []
    here = root
    stack = [root]
    parts = _MAVEN_PARTS.findall(text.lower())
    for index, part in enumerate(parts):
        before = parts[index - 1] if index else "."
        if part in _MAVEN_SEPARATORS:
            if before in _MAVEN_SEPARATORS:
                here.append(0)  # nothing between two separators counts as zero
            if part == "-":
                here = _maven_deeper(here, stack)
            continue
        if before not in _MAVEN_SEPARATORS:
            here = _maven_deeper(here, stack)  # from digits to letters or back separates as a hyphen does
        after = parts[index + 1] if index + 1 < len(parts) else ""
        if _is_number(part):
            here.append(int(part))
            continue
        if after not in _MAVEN_SEPARATORS and here:
            here = _maven_deeper(here, stack)  # since 3.8 .X is the same as -X, unless a separator follows it
        here.append(_maven_qualifier(part, before_digit=_is_number(after)))
    while stack:
        _maven_normalise(stack.pop())
    return root


def _is_number(part: str) -> bool:
    return part.isascii() and part.isdigit()  # there are digits that int() does not take, such as a raised one


def _maven_deeper(here: list[_MavenItem], stack: list[list[_MavenItem]]) -> list[_MavenItem]:
    if len(stack) > DEPTH_MAX:
        raise VersionError("a version that is nested so deeply is no Maven version")
    below: list[_MavenItem] = []
    here.append(below)
    stack.append(below)
    return below


def _maven_qualifier(word: str, *, before_digit: bool) -> str:
    if before_digit and word in _MAVEN_SHORT:
        return _MAVEN_SHORT[word]
    return _MAVEN_ALIASES.get(word, word)


def _maven_normalise(items: list[_MavenItem]) -> None:
    """Drop what says nothing at the end: zeros, release qualifiers, empty lists."""
    for index in range(len(items) - 1, -1, -1):
        if items[index] in (0, "", []):
            del items[index]
        elif not isinstance(items[index], list):
            break


def _maven_lists(a: list[_MavenItem], b: list[_MavenItem]) -> int:
    for x, y in zip_longest(a, b):
        order = -_maven_items(y, None) if x is None else _maven_items(x, y)
        if order:
            return order
    return 0


def _maven_items(x: _MavenItem, y: _MavenItem | None) -> int:
    if y is None:
        return _maven_against_nothing(x)
    rank_x, rank_y = _maven_rank(x), _maven_rank(y)
    if rank_x != rank_y:
        return 1 if rank_x > rank_y else -1
    if isinstance(x, list) and isinstance(y, list):
        return _maven_lists(x, y)
    if isinstance(x, int) and isinstance(y, int):
        return (x > y) - (x < y)
    key_x, key_y = _maven_qualifier_key(str(x)), _maven_qualifier_key(str(y))
    return (key_x > key_y) - (key_x < key_y)


def _maven_rank(item: _MavenItem) -> int:
    """1.any < 1-1 < 1.1: a qualifier comes before a list, and that before a number."""
    return 2 if isinstance(item, int) else 1 if isinstance(item, list) else 0


def _maven_against_nothing(x: _MavenItem) -> int:
    if isinstance(x, int):
        return 1 if x else 0
    if isinstance(x, list):
        return next((order for item in x if (order := _maven_against_nothing(item))), 0)
    release, key = _maven_qualifier_key(""), _maven_qualifier_key(x)
    return (key > release) - (key < release)


def _maven_qualifier_key(word: str) -> tuple[int, str]:
    if word in _MAVEN_QUALIFIERS:
        return _MAVEN_QUALIFIERS.index(word), ""
    return len(_MAVEN_QUALIFIERS), word
