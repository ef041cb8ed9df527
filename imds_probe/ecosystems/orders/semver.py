"""Version order of npm, Cargo and Go. Source: semver.org 2.0.0, section 11."""

from __future__ import annotations

import re
from itertools import zip_longest

from imds_probe.ecosystems.orders.bounded import bounded
from imds_probe.ecosystems.version_error import VersionError

_SEMVER = re.compile(
    r"v?(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)"
    r"(?:-([0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?(?:\+[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?",
    re.ASCII,
)


def compare_semver(a: str, b: str) -> int:
    """Order two versions by semver's precedence: -1, 0 or 1.

    A leading "v", as Go writes it, and build metadata do not count. Raises VersionError on what is no version.
    """
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
    match = _SEMVER.fullmatch(bounded(text))
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
