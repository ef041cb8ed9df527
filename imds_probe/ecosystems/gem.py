"""Ruby's packages."""

from __future__ import annotations

import shlex

from imds_probe.ecosystems.ecosystem import Ecosystem, Outdated, Versions
from imds_probe.ecosystems.orders.gem import compare_gem


def _upgrade(outdated: Outdated) -> tuple[str, ...]:
    wanted = f" --version {shlex.quote(f'>= {outdated.minimum}')}" if outdated.minimum else ""
    return (f"gem install {shlex.quote(outdated.package)}{wanted}",)


ECOSYSTEM = Ecosystem(
    "gem", Versions(compare_gem), _upgrade, {"aws-sdk-ruby2": "aws-sdk-ruby-v2", "aws-sdk-ruby3": "aws-sdk-ruby-v3"}
)
