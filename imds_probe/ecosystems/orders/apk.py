"""Version order of Alpine's packages. Source: apk-tools' package format, version."""

from __future__ import annotations

import re

from imds_probe.ecosystems.orders.bounded import bounded
from imds_probe.ecosystems.version_error import VersionError

_APK = re.compile(
    r"([0-9]+(?:\.[0-9]+)*)([a-z]?)((?:_(?:alpha|beta|pre|rc|cvs|svn|git|hg|p)[0-9]*)*)(?:~[0-9a-f]+)?(?:-r([0-9]+))?",
    re.ASCII,
)
_APK_SUFFIX = re.compile(r"_([a-z]+)([0-9]*)")
_APK_SUFFIXES = ("alpha", "beta", "pre", "rc", "", "cvs", "svn", "git", "hg", "p")  # "" is a release


def compare_apk(a: str, b: str) -> int:
    """Order two Alpine package versions as apk does: -1, 0 or 1. Raises VersionError on what is none."""
    left, right = _apk(a), _apk(b)
    return (left > right) - (left < right)


def _apk(text: str) -> tuple[list[tuple[int, str]], str, list[tuple[int, int]], int]:
    match = _APK.fullmatch(bounded(text))
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
