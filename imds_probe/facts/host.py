"""The operating system."""

from __future__ import annotations

from typing import ClassVar

from imds_probe.dataclass import dataclass
from imds_probe.facts.section import Section


@dataclass(frozen=True)
class OsRelease:
    """os-release(5) of the host, below the run's root."""

    id: str | None
    version_id: str | None
    pretty_name: str | None
    id_like: tuple[str, ...] = ()


@dataclass(frozen=True)
class Host(Section):
    """The operating system the probe runs on. `starts_containers` names what is set up here that starts containers later on: agents
    of orchestrators, runners of jobs.
    """

    report_key: ClassVar[str] = "host"

    hostname: str | None
    os: OsRelease
    kernel: str | None
    starts_containers: tuple[str, ...] = ()

    @classmethod
    def absent(cls) -> Host:
        return cls(None, OsRelease(None, None, None), None)
