"""Node's packages."""

from __future__ import annotations

import shlex

from imds_probe.ecosystems.ecosystem import Ecosystem, Outdated, Versions
from imds_probe.ecosystems.orders.semver import compare_semver


def _upgrade(outdated: Outdated) -> tuple[str, ...]:
    """In the application, not in the package that has another one nested below it."""
    application, found, _ = outdated.path.partition("/node_modules/")
    if not found:
        return ()  # merged into a script by a bundler
    wanted = f"{outdated.package}@>={outdated.minimum}" if outdated.minimum else f"{outdated.package}@latest"
    return (f"npm install --prefix {shlex.quote(application)} {shlex.quote(wanted)}",)


ECOSYSTEM = Ecosystem("npm", Versions(compare_semver), _upgrade, {"aws-sdk-nodejs": "aws-sdk-js-v2"})
