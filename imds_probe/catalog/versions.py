"""Version order as dpkg, rpm and PyPI define it, so that a version is compared the way its own manager would.

Sources: deb-version(7) and dpkg's lib/dpkg/version.c; rpm-version(7) and rpm's rpmio/rpmvercmp.c; PEP 440.
All comparisons return -1, 0 or 1, and raise VersionError on what the manager itself would not accept.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import zip_longest
from typing import NamedTuple

from packaging.version import InvalidVersion, Version

from imds_probe.catalog.ecosystem_versions import compare_apk, compare_gem, compare_maven, compare_semver
from imds_probe.catalog.version_error import VersionError

Compare = Callable[[str, str], int]


class DpkgVersion(NamedTuple):
    """The parts of a Debian version; a missing epoch is 0, a missing revision empty."""

    epoch: int
    upstream: str
    revision: str


class RpmVersion(NamedTuple):
    """The parts of an rpm version; a missing epoch is "0", a missing release None."""

    epoch: str
    version: str
    release: str | None


# deb-version(7): upstream may hold hyphens and colons only where a revision and an epoch make them unambiguous.
_DPKG = re.compile(r"(?:([0-9]+):)?([0-9][A-Za-z0-9.+~:-]*?)(?:-([A-Za-z0-9+.~]+))?", re.ASCII)
_DPKG_PARTS = re.compile(r"([^0-9]*)([0-9]*)", re.ASCII)
_DPKG_EPOCH_MAX = 2**31 - 1  # dpkg keeps it in an int and refuses more

# Everything that is neither letter, digit, tilde nor caret only separates, whatever it is: rpmvercmp().
_RPM_PARTS = re.compile(r"[0-9]+|[A-Za-z]+|[~^]", re.ASCII)
# Spaces and control characters are in no version of a real package; rpm would read them as separators.
_RPM_FORBIDDEN = re.compile(r"[\x00-\x20\x7f]")


def parse_dpkg(text: str) -> DpkgVersion:
    """Split a Debian version into its parts; the revision is what follows the last hyphen."""
    match = _DPKG.fullmatch(text)
    if not match:
        raise VersionError(f"{text[:80]!r} is no Debian version")
    epoch, upstream, revision = match.groups()
    if (epoch is None and ":" in upstream) or (revision is None and "-" in upstream):
        raise VersionError(f"{text[:80]!r} is no Debian version")
    number = _epoch(epoch or "0", text)
    return DpkgVersion(number, upstream, revision or "")


def _epoch(digits: str, text: str) -> int:
    significant = digits.lstrip("0") or "0"
    if len(significant) > len(str(_DPKG_EPOCH_MAX)) or int(significant) > _DPKG_EPOCH_MAX:
        raise VersionError(f"{text[:80]!r} has an epoch that is too big")
    return int(significant)


def compare_dpkg(a: str, b: str) -> int:
    """Order two Debian versions as `dpkg --compare-versions` does."""
    left, right = parse_dpkg(a), parse_dpkg(b)
    if left.epoch != right.epoch:
        return 1 if left.epoch > right.epoch else -1
    return compare_dpkg_part(left.upstream, right.upstream) or compare_dpkg_part(left.revision, right.revision)


def compare_dpkg_part(a: str, b: str) -> int:
    """Order two upstream parts, or two revisions: text and numbers by turns, an empty part being a zero."""
    for (text_a, number_a), (text_b, number_b) in zip_longest(
        _DPKG_PARTS.findall(a), _DPKG_PARTS.findall(b), fillvalue=("", "")
    ):
        order = _three_way(_dpkg_text_key(text_a), _dpkg_text_key(text_b)) or _compare_digits(number_a, number_b)
        if order:
            return order
    return 0


def _dpkg_text_key(text: str) -> list[int]:
    """Weights of the characters and the end, 0: a tilde comes before the end, and the end before all else."""
    weights = [-1 if c == "~" else ord(c) if c.isalpha() else ord(c) + 256 for c in text]
    return [*weights, 0]


def _compare_digits(a: str, b: str) -> int:
    # By length and then by text: no number is too long, where int() refuses more than 4,300 digits.
    a, b = a.lstrip("0"), b.lstrip("0")
    return _three_way([len(a)], [len(b)]) or (a > b) - (a < b)


def _three_way(a: list[int], b: list[int]) -> int:
    return (a > b) - (a < b)


def parse_rpm_evr(text: str) -> RpmVersion:
    """Split [epoch:]version[-release]. "(none)" as epoch, which `rpm -q --qf` prints for a missing one, is "0"."""
    text = text.removeprefix("(none):")
    if _RPM_FORBIDDEN.search(text):
        raise VersionError(f"{text[:80]!r} is no rpm version")
    head, colon, tail = text.partition(":")
    # Only digits make an epoch: parseEVR() of rpm stops at the first other character.
    epoch, rest = (head or "0", tail) if colon and (head == "" or (head.isascii() and head.isdigit())) else ("0", text)
    version, hyphen, release = rest.rpartition("-")
    parsed = RpmVersion(epoch, version, release) if hyphen else RpmVersion(epoch, rest, None)
    if not parsed.version:
        raise VersionError(f"{text[:80]!r} is no rpm version")
    return parsed


def compare_rpm_evr(a: str, b: str) -> int:
    """Order two rpm versions by epoch, version, release; a version without a release comes before one with it."""
    left, right = parse_rpm_evr(a), parse_rpm_evr(b)
    order = _compare_digits(left.epoch, right.epoch) or compare_rpm_part(left.version, right.version)
    if order or left.release == right.release:
        return order
    if left.release is None or right.release is None:
        return -1 if left.release is None else 1
    return compare_rpm_part(left.release, right.release)


def compare_rpm_part(a: str, b: str) -> int:
    """Order two versions, or two releases, as rpmvercmp() does."""
    parts = zip_longest(_RPM_PARTS.findall(a), _RPM_PARTS.findall(b), fillvalue="")
    for left, right in parts:
        if left == right:
            continue
        if "~" in (left, right):
            return -1 if left == "~" else 1
        if "^" in (left, right):
            return _caret_order(left, right)
        if not left or not right:
            return 1 if left else -1
        if left[0].isdigit() != right[0].isdigit():
            return 1 if left[0].isdigit() else -1
        order = _compare_digits(left, right) if left[0].isdigit() else (left > right) - (left < right)
        if order:
            return order
    return 0


def _caret_order(left: str, right: str) -> int:
    """A caret is newer than the end, and older than any further part."""
    if left == "^":
        return 1 if not right else -1
    return -1 if not left else 1


def compare_pep440(a: str, b: str) -> int:
    """Order two Python versions as pip does; a local part ("+distro1") counts as newer, as PEP 440 has it."""
    try:
        left, right = Version(a), Version(b)
    except InvalidVersion as error:
        raise VersionError(str(error)[:200]) from None
    return (left > right) - (left < right)


# The order of each manager; one that is missing here is judged by its upstream number alone.
ORDERS: dict[str, Compare] = {
    "dpkg": compare_dpkg,
    "rpm": compare_rpm_evr,
    "apk": compare_apk,
    "pypi": compare_pep440,
    "npm": compare_semver,
    "crate": compare_semver,
    "go": compare_semver,
    "maven": compare_maven,
    "gem": compare_gem,
}
