"""Snaps, whose versions are free text."""

from __future__ import annotations

import shlex

from imds_probe.ecosystems.ecosystem import Ecosystem, Outdated


def _upgrade(outdated: Outdated) -> tuple[str, ...]:
    return (f"snap refresh {shlex.quote(outdated.package)}",)


ECOSYSTEM = Ecosystem("snap", upgrade=_upgrade)
