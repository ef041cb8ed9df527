"""Software that the catalog knows: packages, and libraries that no package manager of the system knows."""

from __future__ import annotations

from dataclasses import field

from imds_probe.dataclass import dataclass
from imds_probe.facts.host import OsRelease
from imds_probe.facts.sdk_settings import SdkSettings, by_names
from imds_probe.facts.section import NEEDED, Section
from imds_probe.facts.shapes import Count, Pid, Seconds


@dataclass(frozen=True)
class SettingSeen:
    """What one place says about a setting that decides whether software speaks IMDSv2.

    `switch` names the setting in the catalog's row. `value` is None where the place does not set it, or `problem` says
    why that could not be seen.
    """

    switch: str
    place: str  # the file, or whose environment or command line
    key: str
    value: str | None
    problem: str = ""


@dataclass(frozen=True)
class InRepository:
    """What the metadata on disk of the configured package repositories says. `version` is None where they have none."""

    version: str | None
    checked: str  # how it was looked up


@dataclass(frozen=True)
class SdkUser:
    """A process that has a library loaded, or would find it where it looks for libraries. `owner_uid` is the unprivileged
    user who runs it on his own account; None: root does, a service of the system, or a container.
    """

    pid: Pid
    comm: str
    unit: str | None  # systemd's, as in CallerSeen; None where it has none or runs in a container
    owner_uid: Count | None = None


@dataclass(frozen=True)
class SdkUse:
    """Where an SDK lies that no package manager of the system knows, and who uses it.

    A version that is not known lies from `at_least` (included) to `below` (not included), as far as either is known.
    `paths` and `users` are the first few of `places` and of the software's pids. `environment` has, for the processes
    that use it, the sets of variables that steer AWS SDKs, names alone, each set once, an empty one for those that set
    none; None where no process let us look. `sdk_settings` has the same with the class of each value, as of Container.
    `container_ids` are the identities of all containers that it is in. `oldest_s` is for how many seconds the oldest of those
    processes has run, None where that is not known of each. `newest_s` is the same of the unit or container that was started last:
    of the oldest process of that one.
    """

    at_least: str | None
    below: str | None
    paths: tuple[str, ...]
    places: Count
    users: tuple[SdkUser, ...] = ()
    environment: tuple[tuple[str, ...], ...] | None = ()
    container_ids: tuple[str, ...] = ()
    oldest_s: Seconds | None = None
    sdk_settings: tuple[SdkSettings, ...] = ()
    newest_s: Seconds | None = None

    @property
    def told(self) -> tuple[SdkSettings, ...]:
        """What its processes are told. One that may not be read, or is told nothing, may ask for the instance's role."""
        return self.sdk_settings or by_names(self.environment or ()) or (SdkSettings(),)


@dataclass(frozen=True)
class Software:
    """One installed piece of software that the catalog knows. Versions stand as their package manager prints them.

    `container` is the title of the container that it is in, None for the host's own; `also_in` are other containers with
    exactly the same, and `container_ids` the identities of all of them. `os` is the container's, None for the host's.
    `available` is None where repositories were not asked.
    """

    component: str  # the catalog row's id
    manager: str  # "dpkg", "rpm", "snap"; of libraries the ecosystem: "pypi", "npm", "maven"
    package: str
    version: str | None
    source: str  # how it is known, e.g. "dpkg database"
    path: str | None = None
    container: str | None = None
    pids: tuple[Pid, ...] = ()
    also_in: tuple[str, ...] = ()
    os: OsRelease | None = None
    settings: tuple[SettingSeen, ...] = ()
    available: InRepository | None = None
    sdk: SdkUse | None = None
    container_ids: tuple[str, ...] = ()

    @property
    def said_version(self) -> str:
        """The version in words."""
        return self.version if self.version is not None else "of unknown version"

    @property
    def running(self) -> bool:
        """Whether it is a library that a process uses now."""
        return False

    @property
    def on_host(self) -> bool:
        """Whether the host itself has it."""
        return self.container is None

    def is_beside(self, other: Software) -> bool:
        """Whether both are on the host, or in one of the same containers."""
        return (self.on_host and other.on_host) or not set(self.container_ids).isdisjoint(other.container_ids)


@dataclass(frozen=True)
class SdkSoftware(Software):
    """An SDK that no package manager of the system installed. `version` is None where no exact one is known."""

    sdk: SdkUse = field(kw_only=True)

    @property
    def said_version(self) -> str:
        """The version in words, also where it is a range."""
        if self.version is not None:
            return self.version
        since, before = self.sdk.at_least, self.sdk.below
        if since and before:
            return f"{since} to before {before}"
        return f"{since} or later" if since else f"before {before}" if before else "of unknown version"

    @property
    def running(self) -> bool:
        return bool(self.pids)


@dataclass(frozen=True)
class Installed(Section):
    """All that was found on the host and in containers."""

    software: tuple[Software, ...] = field(default=(), metadata=NEEDED)

    @classmethod
    def absent(cls) -> Installed:
        return cls()


@dataclass(frozen=True)
class SdkSearch(Section):
    """How far the search for SDKs came: `sdks_unseen` says why processes may use more of them than were found, and is empty
    where all were seen; `sdks_left_out` says what of the disk was not searched, and why.
    """

    sdks_unseen: tuple[str, ...] = field(default=(), metadata=NEEDED)
    sdks_left_out: tuple[str, ...] = ()

    @classmethod
    def absent(cls) -> SdkSearch:
        return cls()


@dataclass(frozen=True)
class UsersContainers(Section):
    """What could not be read of the packages in containers that users made, a sentence each."""

    users_software_unread: tuple[str, ...] = ()

    @classmethod
    def absent(cls) -> UsersContainers:
        return cls()
