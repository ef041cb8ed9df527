"""Alpine's packages."""

from __future__ import annotations

import shlex

from imds_probe.ecosystems.ecosystem import Ecosystem, Outdated, Upstream, Versions
from imds_probe.ecosystems.orders.apk import compare_apk


def _upstream(version: str) -> Upstream:
    upstream, _, revision = version.partition("-r")
    return Upstream(upstream, revision)


def _upgrade(outdated: Outdated) -> tuple[str, ...]:
    return (f"apk update && apk add --upgrade {shlex.quote(outdated.package)}",)


ECOSYSTEM = Ecosystem("apk", Versions(compare_apk, upstream=_upstream), _upgrade)
