"""Commands that upgrade a package on this host, ready to paste."""

from __future__ import annotations

from imds_probe.ecosystems.ecosystem import Outdated
from imds_probe.ecosystems.listed import ecosystem_of
from imds_probe.facts.host import OsRelease
from imds_probe.facts.software import SdkSoftware, Software


def upgrade_commands(software: Software, os: OsRelease, minimum: str | None = None) -> tuple[str, ...]:
    """The commands for the manager that the package came from, `minimum` being the version to reach; empty where none
    is known.
    """
    outdated = Outdated(
        software.package, minimum, os_id=os.id, os_version_id=os.version_id, os_id_like=tuple(os.id_like)
    )
    return ecosystem_of(software.manager).upgrade(outdated)


def library_commands(library: SdkSoftware, minimum: str | None) -> tuple[str, ...]:
    """The commands that upgrade a library in the first place that it lies in; empty where it has to be built anew."""
    return ecosystem_of(library.manager).upgrade(Outdated(library.package, minimum, library.path or ""))
