"""Python's packages."""

from __future__ import annotations

import shlex

from imds_probe.ecosystems.ecosystem import Ecosystem, Outdated, Versions
from imds_probe.ecosystems.orders.pep440 import compare_pep440


def _upgrade(outdated: Outdated) -> tuple[str, ...]:
    """By the Python that the package lies below."""
    prefix, found, _ = outdated.path.partition("/lib/python")
    python = f"{prefix}/bin/python3" if found else "python3"
    wanted = f"{outdated.package}>={outdated.minimum}" if outdated.minimum else outdated.package
    return (f"{shlex.quote(python)} -m pip install --upgrade {shlex.quote(wanted)}",)


ECOSYSTEM = Ecosystem("pypi", Versions(compare_pep440, order_decides=True), _upgrade, {"botocore": "botocore"})
