"""What comes of following a command: programs and what else it starts, and why something was not followed."""

from __future__ import annotations

from collections.abc import Mapping

from imds_probe.dataclass import dataclass
from imds_probe.inventory.schedules.commands.container_run import ImageRun
from imds_probe.inventory.schedules.commands.in_container import InContainer
from imds_probe.inventory.schedules.commands.programs import Started
from imds_probe.inventory.schedules.commands.settings_named import NamedSettings
from imds_probe.inventory.schedules.scheduled import Network

STARTED_MAX, PLAIN_MAX = 300, 1000
PROJECTS_MAX = 200  # commands of projects, each of which may start others
NO_NAME = "the name of a program is only known while the command runs"
NO_SCRIPT = "the name of a script is only known while the command runs"
MAYBE_RUN = "nobody knows whether a program runs a file that it is given"
NO_DIRECTORY = "the directory of a command is only known while it runs"
OF_NAMES = (NO_NAME, NO_SCRIPT, NO_DIRECTORY)
OTHER_ROOT = "a command runs in another root"
TOO_MANY = f"it starts more than {STARTED_MAX} programs"
TOO_MANY_OF_PROJECTS = f"it starts more than {PROJECTS_MAX} scripts of projects"
TOO_DEEP = "programs that start each other without end"
OF_LIMITS = (TOO_MANY, TOO_MANY_OF_PROJECTS, TOO_DEEP)


@dataclass(frozen=True)
class Unfollowed:
    """What was not followed, a clause, and in which script; `script` is empty for the schedule's own command."""

    why: str
    script: str = ""


@dataclass(frozen=True)
class InRoot:
    """A command that runs in a directory which is its root; `within` is where in it."""

    directory: str
    words: tuple[str, ...]
    within: str
    environment: Mapping[str, str]
    network: Network = "host"


@dataclass(frozen=True)
class HeldText:
    """A text for a shell that a file of a project holds, and the environment and network that it runs in."""

    path: str
    text: str
    environment: Mapping[str, str]
    network: Network = "host"


@dataclass(frozen=True)
class Followed:
    """`text` is the command itself as a text for a shell, to be searched for what it asks by itself. `started` are the
    programs, each once; a script stands there with its interpreter. `images` are those of containers that it runs, `roots` what
    runs in other roots, `held` further texts for a shell, `containers` what runs in containers that run already.
    `passes_over`: some starts come to nothing. `settings` are those that command lines name.
    `apart` are texts that run in other networks. `leaves`: something is started where nothing of what keeps the command itself from
    the service need hold.
    """

    text: str
    started: tuple[Started, ...] = ()
    unfollowed: tuple[Unfollowed, ...] = ()
    images: tuple[ImageRun, ...] = ()
    roots: tuple[InRoot, ...] = ()
    held: tuple[HeldText, ...] = ()
    passes_over: bool = False
    containers: tuple[InContainer, ...] = ()
    settings: tuple[NamedSettings, ...] = ()
    apart: tuple[HeldText, ...] = ()
    leaves: bool = False
