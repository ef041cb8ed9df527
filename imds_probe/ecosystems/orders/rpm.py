"""Version order as rpm defines it. Source: rpm-version(7) and rpm's rpmio/rpmvercmp.c.

All comparisons return -1, 0 or 1, and raise VersionError on what is no version of a real package.
"""

from __future__ import annotations

import re
from itertools import zip_longest
from typing import NamedTuple

from imds_probe.ecosystems.orders.digits import compare_digits
from imds_probe.ecosystems.version_error import VersionError


class RpmVersion(NamedTuple):
    """The parts of an rpm version; a missing epoch is "0", a missing release None."""

    epoch: str
    version: str
    release: str | None


# Everything that is neither letter, digit, tilde nor caret only separates, whatever it is: rpmvercmp().
_RPM_PARTS = re.compile(r"[0-9]+|[A-Za-z]+|[~^]", re.ASCII)
# Spaces and control characters are in no version of a real package; rpm would read them as separators.
_RPM_FORBIDDEN = re.compile(r"[\x00-\x20\x7f]")


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
    order = compare_digits(left.epoch, right.epoch) or compare_rpm_part(left.version, right.version)
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
        order = compare_digits(left, right) if left[0].isdigit() else (left > right) - (left < right)
        if order:
            return order
    return 0


def _caret_order(left: str, right: str) -> int:
    """A caret is newer than the end, and older than any further part."""
    if left == "^":
        return 1 if not right else -1
    return -1 if not left else 1
