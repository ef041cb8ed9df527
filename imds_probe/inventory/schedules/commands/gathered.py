"""What was found so far of the one command that is followed, each thing once and within bounds."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from imds_probe.inventory.schedules.commands.container_run import ImageRun
from imds_probe.inventory.schedules.commands.followed import (
    PLAIN_MAX,
    PROJECTS_MAX,
    STARTED_MAX,
    TOO_MANY,
    TOO_MANY_OF_PROJECTS,
    Followed,
    HeldText,
    InRoot,
    Unfollowed,
)
from imds_probe.inventory.schedules.commands.in_container import InContainer
from imds_probe.inventory.schedules.commands.programs import Started
from imds_probe.inventory.schedules.commands.settings_named import NamedSettings
from imds_probe.inventory.schedules.scheduled import Network


class Gathered:
    """`scripts` is what was gone through already, paths and others; `passes_over` and `leaves` as in Followed."""

    def __init__(self) -> None:
        self.scripts: set[object] = set()
        self.passes_over = self.leaves = False
        self._started: dict[tuple[str, tuple[str, ...], str, Network], Started] = {}  # by what tells them apart
        self._plain = 0
        self._unfollowed: dict[Unfollowed, None] = {}
        self._images: dict[tuple[object, ...], ImageRun] = {}
        self._roots: dict[tuple[str, tuple[str, ...]], InRoot] = {}
        self._held: dict[tuple[str, str], HeldText] = {}
        self._apart: dict[tuple[str, str], HeldText] = {}
        self._inside: dict[tuple[object, ...], InContainer] = {}
        self._settings: dict[NamedSettings, None] = {}
        self._of_projects: set[tuple[object, ...]] = set()

    @property
    def is_full(self) -> bool:
        """Whether as many programs are started as are followed, without those that a script starts of a distribution's."""
        return len(self._started) - self._plain >= STARTED_MAX

    def say(self, why: str, script: str) -> None:
        """What was not followed, and in which script."""
        self._unfollowed[Unfollowed(why, script)] = None

    def start(self, started: Started, *, plain: bool = False) -> None:
        """What is surely started counts before what may be. `plain`: a script starts it of a distribution's, which is no matter to
        who reads that script.
        """
        key = (started.executable, started.arguments, started.directory, started.network)
        if key in self._started:
            self._started[key] = started if self._started[key].perhaps else self._started[key]
        elif not plain or self._plain < PLAIN_MAX:
            self._started[key] = started
            self._plain += plain

    def run_image(self, run: ImageRun) -> None:
        self._images.setdefault((run.name, run.words, run.mounts, run.own_network, run.check), run)

    def enter(self, root: InRoot) -> None:
        """As many as programs are started."""
        key = root.directory, root.words
        if self._has_room(self._roots, key):
            self._roots.setdefault(key, root)

    def run_inside(self, asked: InContainer) -> None:
        """As many as programs are started."""
        key = asked.by, asked.name, asked.inner, asked.words
        if self._has_room(self._inside, key):
            self._inside.setdefault(key, asked)

    def name_settings(self, named: NamedSettings) -> None:
        """The same of settings."""
        if self._has_room(self._settings, named):
            self._settings[named] = None

    def _has_room(self, found: Collection[object], key: object) -> bool:
        """Whether one more is followed; else there are too many of the command itself."""
        has_room = key in found or len(found) < STARTED_MAX
        if not has_room:
            self.say(TOO_MANY, "")
        return has_room

    def hold(self, held: HeldText) -> None:
        self._held.setdefault((held.path, held.text), held)

    def set_apart(self, held: HeldText) -> None:
        """As many as programs are started."""
        key = held.path, held.text
        if self._has_room(self._apart, key):
            self._apart.setdefault(key, held)

    def is_done(self, key: Sequence[object], script: str) -> bool:
        """Whether this command of a project was followed already, or is one too many: scripts of projects may start each other many
        times each.
        """
        if (whole := tuple(key)) in self._of_projects:
            return True
        if len(self._of_projects) >= PROJECTS_MAX:
            self.say(TOO_MANY_OF_PROJECTS, script)
            return True
        self._of_projects.add(whole)
        return False

    def followed(self, text: str, *, passes_over: bool) -> Followed:
        """All of it, of the command with this text."""
        return Followed(
            text,
            tuple(self._started.values()),
            tuple(self._unfollowed),
            tuple(self._images.values()),
            tuple(self._roots.values()),
            tuple(self._held.values()),
            self.passes_over or passes_over,
            tuple(self._inside.values()),
            tuple(self._settings),
            tuple(self._apart.values()),
            self.leaves,
        )
