"""Version order of Ruby gems. Source: Gem::Version of RubyGems."""

from __future__ import annotations

import re
from itertools import zip_longest

from imds_probe.ecosystems.orders.bounded import bounded
from imds_probe.ecosystems.version_error import VersionError

_GEM = re.compile(r"[0-9]+(?:\.[0-9A-Za-z]+)*(?:-[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?", re.ASCII)
_GEM_PARTS = re.compile(r"[0-9]+|[a-z]+", re.IGNORECASE | re.ASCII)


def compare_gem(a: str, b: str) -> int:
    """Order two gem versions as Gem::Version does: -1, 0 or 1; a part with letters makes a pre-release.

    Raises VersionError on what is no version.
    """
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
    if not _GEM.fullmatch(bounded(text)):
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
