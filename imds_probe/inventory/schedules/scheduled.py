"""What will run: the value that every kind of schedule gives."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field, replace
from typing import Literal

from imds_probe.dataclass import dataclass
from imds_probe.escape import encodable
from imds_probe.inventory.schedules.commands.in_container import InContainer

# scheduled: by a calendar, an interval or an event. boot: whenever the system, its network or the container starts.
# login: whenever somebody logs in. once: it has run and will not run again here; the next instance that is made
# the same way will run it.
Kind = Literal["scheduled", "boot", "login", "once"]
# host: as all programs have it. own: another namespace, from which the metadata service may be further away. none: it is kept from
# the service, whatever it asks.
Network = Literal["host", "own", "none"]
AT_BOOT = "at each boot"
AT_LOGIN = "at each login"
AT_START = "at each start of the container"
ONCE = "once, when an instance is new"
RELOADED, STOPPED = "whenever it is reloaded", "whenever it is stopped"  # of a unit
_OF_UNITS = (f", {RELOADED}", f", {STOPPED}")


def is_of_unit(started_by: str) -> bool:
    """Whether a start, as a report names it, is that of a command which stops or reloads a unit."""
    return started_by.endswith(_OF_UNITS)


@dataclass(frozen=True)
class When:
    """How often something is started; see Scheduled."""

    kind: Kind
    how_often: str
    every_s: float | None = None


@dataclass(frozen=True)
class Place:
    """Where it stands that something will run: a path as the system itself calls it, and a line where there are lines. `given`:
    it stands in no file but is given to the program at this path, as a container's command is.
    """

    path: str
    line: int | None = None
    given: bool = False


@dataclass(frozen=True)
class Scheduled:
    """One command that will be started.

    `command` is a list of arguments, as execve(2) takes it, or a text for a shell; a text that begins with "#!" is for what
    stands there. It is empty for an image that runs its own. `how_often` are words of ours: "daily", "at each boot". `every_s`
    is the longest time between two starts in seconds, None where only an event decides. `environment` is what the schedule
    sets: PATH is always there, and values may be secrets. `image` names the container image that the command runs in, None
    for the system itself; of an image, the command may be the `whole`, or come behind the image's own entry point. `root` is the
    directory that is the command's root, where that is not the system's. `owner_uid` is the unprivileged user who alone decides
    that it is started, None where root does. `own_network`: a container of the image has a network of its own; `mounts` and
    `check` as ImageRun has them. `asked`: it is nothing but that, in a container that runs already. `network` is the command's
    outside of containers.
    """

    command: tuple[str, ...] | str
    place: Place
    kind: Kind
    how_often: str
    every_s: float | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    directory: str = "/"
    user: str = "root"
    image: str | None = None
    whole: bool = False
    root: str = ""
    owner_uid: int | None = None
    own_network: bool = True
    mounts: tuple[tuple[str, str], ...] = ()
    check: tuple[str, ...] | None = ()
    asked: InContainer | None = None
    network: Network = "host"

    def encodable(self) -> Scheduled:
        """The same with all text such that it can be handed on: names of files may be any bytes."""
        command = self.command
        return replace(
            self,
            command=encodable(command) if isinstance(command, str) else tuple(map(encodable, command)),
            place=replace(self.place, path=encodable(self.place.path)),
            environment={encodable(name): encodable(value) for name, value in self.environment.items()},
            directory=encodable(self.directory),
            user=encodable(self.user),
            image=None if self.image is None else encodable(self.image),
            root=encodable(self.root),
            mounts=tuple((encodable(here), encodable(there)) for here, there in self.mounts),
            check=None if self.check is None else tuple(map(encodable, self.check)),
        )
