"""PHP's packages."""

from __future__ import annotations

import shlex

from imds_probe.ecosystems.ecosystem import Ecosystem, Outdated


def _upgrade(outdated: Outdated) -> tuple[str, ...]:
    application, found, _ = outdated.path.rpartition("/vendor/")
    if not found:
        return ()
    return (f"composer --working-dir={shlex.quote(application)} update {shlex.quote(outdated.package)}",)


ECOSYSTEM = Ecosystem("composer", upgrade=_upgrade, products={"aws-sdk-php": "aws-sdk-php"})
