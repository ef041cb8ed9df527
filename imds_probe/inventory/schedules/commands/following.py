"""What a schedule starts: its own program, and what shells that it starts would start in turn."""

from __future__ import annotations

import itertools
import posixpath
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import field, replace

from imds_probe.dataclass import dataclass
from imds_probe.inventory.schedules.accounts import PASSWD, Account, accounts
from imds_probe.inventory.schedules.commands import conditions
from imds_probe.inventory.schedules.commands.around import Around
from imds_probe.inventory.schedules.commands.command_walk import Walk
from imds_probe.inventory.schedules.commands.container_run import ImageRun
from imds_probe.inventory.schedules.commands.followed import Followed, InRoot
from imds_probe.inventory.schedules.commands.named import is_for_shell, named
from imds_probe.inventory.schedules.commands.programs import MARK, Programs
from imds_probe.inventory.schedules.commands.units_started import Units
from imds_probe.inventory.schedules.scheduled import Scheduled
from imds_probe.inventory.schedules.system_files import SystemFiles

DEPTH_AHEAD, AHEAD_MAX = 3, 200  # scripts that name others, and files of several schedules


@dataclass
class Following:
    """One system. What was looked up for one schedule is known for the next."""

    files: SystemFiles
    _programs: Programs = field(init=False)
    _units: Units = field(init=False)
    _last: tuple[Scheduled, Followed, frozenset[str]] | None = None
    _accounts: Mapping[str, Account] | None = None

    def __post_init__(self) -> None:
        self._programs, self._units = Programs(self.files), Units(self.files)

    def follow(self, scheduled: Scheduled) -> Followed:
        """Everything that the command would start here; of what runs in a container's image the text alone."""
        if self._last is None or not _are_alike(scheduled, self._last[0]):
            before, self.files.trail = self.files.trail, set()
            followed = self._follow(scheduled)
            self._last = scheduled, followed, frozenset(self.files.trail)
            self.files.trail = before
        self.files.note(self._last[2])
        return self._last[1]

    def ahead(self, some: Iterable[Scheduled]) -> None:
        """These are followed next. What they start comes in few messages, and so does what that seems to read and start."""
        words = (_first_word(each) for each in some if each.image is None and not each.root)
        waiting = dict.fromkeys(posixpath.normpath(word) for word in words if word.startswith("/"))
        asked: set[str] = set()
        for _ in range(DEPTH_AHEAD):
            asked.update(waiting)
            contents = self.files.ahead(list(waiting))
            self.files.names_ahead(list(dict.fromkeys(posixpath.dirname(path) for path in contents)))
            scripts = (
                (path, content.decode(errors="replace"))
                for path, content in contents.items()
                if content.startswith(MARK)
            )
            found = (each for path, text in scripts if is_for_shell(text) for each in named(text, path))
            waiting = dict.fromkeys(itertools.islice((each for each in found if each not in asked), AHEAD_MAX))

    def _follow(self, scheduled: Scheduled) -> Followed:
        command = scheduled.command
        text = command if isinstance(command, str) else shlex.join(command)
        words = (command,) if isinstance(command, str) else command
        if scheduled.asked is not None:
            return Followed("", containers=(scheduled.asked,))
        if scheduled.image is not None:
            said = scheduled.environment, scheduled.directory
            run = ImageRun(
                scheduled.image,
                words,
                scheduled.whole,
                *said,
                mounts=scheduled.mounts,
                own_network=scheduled.own_network,
                check=scheduled.check,
            )
            return Followed(text, images=(run,) if scheduled.image else ())
        if scheduled.root:
            said = scheduled.environment, scheduled.network
            return Followed(text, roots=(InRoot(scheduled.root, words, scheduled.directory, *said),))
        walk = Walk(self.files, self._programs, self._units, lambda user: self._home(user or scheduled.user))
        around = Around(dict(scheduled.environment), scheduled.directory, network=scheduled.network)
        if not isinstance(command, str):
            walk.run(command, around, 0, 0)
        elif not text.startswith(MARK.decode()) or is_for_shell(text):
            if posixpath.basename(scheduled.environment.get("SHELL", "")) == "bash":
                walk.read_first(around, 0)
            walk.run_text(text, around, 0)
        whole = command if isinstance(command, str) else " ".join(command)
        return walk.found.followed(text, passes_over=conditions.passes_over(whole))

    def _home(self, user: str) -> str | None:
        """The home of a user; None of one whom the system does not list."""
        if self._accounts is None:
            self._accounts = accounts(self.files)
        self.files.note([PASSWD])
        account = self._accounts.get(user)
        return account.home if account is not None else None


def _first_word(scheduled: Scheduled) -> str:
    words = scheduled.command.split(None, 1) if isinstance(scheduled.command, str) else scheduled.command
    return words[0] if words else ""


def _are_alike(one: Scheduled, other: Scheduled) -> bool:
    """Whether both start the same, as a unit's command does that a timer and the boot start."""
    return replace(one, place=other.place, kind=other.kind, how_often=other.how_often, every_s=other.every_s) == other
