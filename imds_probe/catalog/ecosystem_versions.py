"""Version order in language ecosystems, and Alpine's, each as its own tool defines it.

Sources: semver.org 2.0.0, section 11 (npm, Cargo, Go); Maven POM reference, Version Order Specification, and
org.apache.maven.artifact.versioning.ComparableVersion; Gem::Version of RubyGems; apk-tools' package format, version.
All comparisons return -1, 0 or 1, and raise VersionError on what the tool itself would not accept as a version.
"""

from __future__ import annotations

import re
from itertools import zip_longest

from imds_probe.catalog.version_error import VersionError

_SEMVER = re.compile(
    r"v?(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)"
    r"(?:-([0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?(?:\+[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?",
    re.ASCII,
)
_GEM = re.compile(r"[0-9]+(?:\.[0-9A-Za-z]+)*(?:-[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?", re.ASCII)
_GEM_PARTS = re.compile(r"[0-9]+|[a-z]+", re.IGNORECASE | re.ASCII)
_MAVEN_FORBIDDEN = re.compile(r"[\s\x00-\x1f\x7f]")
_MAVEN_PARTS = re.compile(r"[0-9]+|[^0-9.\-]+|[.\-]", re.ASCII)
_MAVEN_SEPARATORS = (".", "-")
_APK = re.compile(
    r"([0-9]+(?:\.[0-9]+)*)([a-z]?)((?:_(?:alpha|beta|pre|rc|cvs|svn|git|hg|p)[0-9]*)*)(?:~[0-9a-f]+)?(?:-r([0-9]+))?",
    re.ASCII,
)
_APK_SUFFIX = re.compile(r"_([a-z]+)([0-9]*)")
_APK_SUFFIXES = ("alpha", "beta", "pre", "rc", "", "cvs", "svn", "git", "hg", "p")  # "" is a release
LENGTH_MAX = 1000  # no real version is longer, and none of the comparisons below has to be afraid of one


def compare_semver(a: str, b: str) -> int:
    """Order two versions by semver's precedence; a leading "v", as Go writes it, and build metadata do not count."""
    left, right = _semver(a), _semver(b)
    if left[0] != right[0]:
        return 1 if left[0] > right[0] else -1
    if not left[1] or not right[1]:
        return (not left[1]) - (not right[1])  # a release comes after its pre-releases
    for x, y in zip_longest(left[1], right[1]):
        if x is None or y is None:
            return -1 if x is None else 1
        order = _semver_identifiers(x, y)
        if order:
            return order
    return 0


def _semver(text: str) -> tuple[tuple[int, ...], list[str]]:
    match = _SEMVER.fullmatch(_bounded(text))
    if not match:
        raise VersionError(f"{text[:80]!r} is no semantic version")
    release = tuple(int(part) for part in match.groups()[:3])
    return release, match[4].split(".") if match[4] else []


def _semver_identifiers(x: str, y: str) -> int:
    if x.isdigit() and y.isdigit():
        return (int(x) > int(y)) - (int(x) < int(y))
    if x.isdigit() != y.isdigit():
        return -1 if x.isdigit() else 1  # numbers come before words
    return (x > y) - (x < y)


def compare_gem(a: str, b: str) -> int:
    """Order two gem versions as Gem::Version does: a part with letters makes a pre-release."""
    for x, y in zip_longest(_gem(a), _gem(b), fillvalue=0):
        if x == y:
            continue
        if isinstance(x, int) and isinstance(y, int):
            return 1 if x > y else -1
        if isinstance(x, str) and isinstance(y, str):
            return 1 if x > y else -1
        return -1 if isinstance(x, str) else 1  # a word comes before any number, and before the end
    return 0


def _gem(text: str) -> list[int | str]:
    if not _GEM.fullmatch(_bounded(text)):
        raise VersionError(f"{text[:80]!r} is no gem version")
    parts: list[int | str] = [
        int(part) if part.isdigit() else part for part in _GEM_PARTS.findall(text.replace("-", ".pre."))
    ]
    # Zeros before the first word and at the end do not count: 1.0.a is 1.a, and 1.0 is 1.
    words = next((index for index, part in enumerate(parts) if isinstance(part, str)), len(parts))
    return _without_zeros(parts[:words]) + _without_zeros(parts[words:])


def _without_zeros(parts: list[int | str]) -> list[int | str]:
    while parts and parts[-1] == 0:
        parts = parts[:-1]
    return parts


# Maven's qualifiers from oldest to newest; "" is the release. Others come after these, in the order of their text.
_MAVEN_QUALIFIERS = ("alpha", "beta", "milestone", "rc", "snapshot", "", "sp")
_MAVEN_ALIASES = {"cr": "rc", "ga": "", "final": "", "release": ""}
_MAVEN_SHORT = {"a": "alpha", "b": "beta", "m": "milestone"}  # only directly before a digit
_MavenItem = int | str | list["_MavenItem"]


def compare_maven(a: str, b: str) -> int:
    """Order two versions as Maven's ComparableVersion does."""
    return _maven_lists(_maven(a), _maven(b))


def _maven(text: str) -> list[_MavenItem]:
    if not text or _MAVEN_FORBIDDEN.search(_bounded(text)):
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


def compare_apk(a: str, b: str) -> int:
    """Order two Alpine package versions as apk does."""
    left, right = _apk(a), _apk(b)
    return (left > right) - (left < right)


def _apk(text: str) -> tuple[list[tuple[int, str]], str, list[tuple[int, int]], int]:
    match = _APK.fullmatch(_bounded(text))
    if not match:
        raise VersionError(f"{text[:80]!r} is no Alpine version")
    first, *rest = match[1].split(".")
    # Numbers after the first that begin with a zero count as decimals do: 1.05 comes before 1.4.
    key = [
        (int(first), ""),
        *((-1, part.rstrip("0")) if part[0] == "0" and len(part) > 1 else (int(part), "") for part in rest),
    ]
    suffixes = [(_APK_SUFFIXES.index(word), int(number or 0)) for word, number in _APK_SUFFIX.findall(match[3])]
    release = _APK_SUFFIXES.index("")
    return key, match[2], [*suffixes, (release, 0)], int(match[4] or 0)


def _bounded(text: str) -> str:
    if len(text) > LENGTH_MAX:
        raise VersionError(f"{text[:80]!r}... is too long for a version")
    return text
