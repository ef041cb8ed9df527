"""Debian's packages, and those of its derivatives."""

from __future__ import annotations

import shlex

from imds_probe.ecosystems.ecosystem import Ecosystem, Outdated, Upstream, Versions
from imds_probe.ecosystems.orders.dpkg import compare_dpkg, parse_dpkg


def _upstream(version: str) -> Upstream:
    parts = parse_dpkg(version)
    # Debian's way to ship an older release after a newer one: the real number follows the word.
    return Upstream(parts.upstream.rpartition("+really")[2], parts.revision)


def _doubt(upstream: Upstream, rest: str) -> str:
    """A hyphen belongs to upstream's version, as its revision is known apart from it."""
    del upstream, rest
    return ""


def _upgrade(outdated: Outdated) -> tuple[str, ...]:
    return (f"apt-get update && apt-get install --only-upgrade {shlex.quote(outdated.package)}",)


ECOSYSTEM = Ecosystem("dpkg", Versions(compare_dpkg, upstream=_upstream, doubt=_doubt), _upgrade)
