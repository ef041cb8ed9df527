"""Version order as dpkg defines it. Source: deb-version(7) and dpkg's lib/dpkg/version.c.

All comparisons return -1, 0 or 1, and raise VersionError on what dpkg itself would not accept.
"""

from __future__ import annotations

import re
from itertools import zip_longest
from typing import NamedTuple

from imds_probe.ecosystems.orders.digits import compare_digits
from imds_probe.ecosystems.version_error import VersionError


class DpkgVersion(NamedTuple):
    """The parts of a Debian version; a missing epoch is 0, a missing revision empty."""

    epoch: int
    upstream: str
    revision: str


# deb-version(7): upstream may hold hyphens and colons only where a revision and an epoch make them unambiguous.
_DPKG = re.compile(r"(?:([0-9]+):)?([0-9][A-Za-z0-9.+~:-]*?)(?:-([A-Za-z0-9+.~]+))?", re.ASCII)
_DPKG_PARTS = re.compile(r"([^0-9]*)([0-9]*)", re.ASCII)
_DPKG_EPOCH_MAX = 2**31 - 1  # dpkg keeps it in an int and refuses more


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
        order = _by_text(text_a, text_b) or compare_digits(number_a, number_b)
        if order:
            return order
    return 0


def _dpkg_text_key(text: str) -> list[int]:
    """Weights of the characters and the end, 0: a tilde comes before the end, and the end before all else."""
    weights = [-1 if c == "~" else ord(c) if c.isalpha() else ord(c) + 256 for c in text]
    return [*weights, 0]


def _by_text(a: str, b: str) -> int:
    left, right = _dpkg_text_key(a), _dpkg_text_key(b)
    return (left > right) - (left < right)
