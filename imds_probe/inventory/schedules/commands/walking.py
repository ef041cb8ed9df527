"""What all parts of the way through one command have in common: what was found, and how words come to programs."""

from __future__ import annotations

import posixpath
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence

from imds_probe.inventory.schedules.commands.around import Around
from imds_probe.inventory.schedules.commands.followed import OF_NAMES, TOO_MANY
from imds_probe.inventory.schedules.commands.gathered import Gathered
from imds_probe.inventory.schedules.commands.programs import DEFAULT_PATH, SHELLS, Programs
from imds_probe.inventory.schedules.commands.spread import VARIANTS_MAX, variants
from imds_probe.inventory.schedules.commands.starter_words import Words
from imds_probe.inventory.schedules.commands.units_started import Units
from imds_probe.inventory.schedules.system_files import SystemFiles

SCRIPT_MAX_BYTES = 256 * 1024
DEPTH_MAX = 4  # of scripts that start scripts, and of programs that start programs
DEPTH_OF_STARTERS = 12
LISTED_MAX = 5000  # directories for patterns of one command
# They read a file of theirs: what stands there is not known where only running the command before would tell its name.
INTERPRETERS = ("python", "node", "ruby", "perl", "php", "java", *SHELLS)


class Walking(ABC):
    """One command's way, of which each subclass is a part. `found` is what there is on it. `home` is that of a user, or of who runs
    it where no name is given.
    """

    def __init__(self, files: SystemFiles, programs: Programs, units: Units, home: Callable[[str], str | None]) -> None:
        self._files, self._programs, self._units, self.found = files, programs, units, Gathered()
        self._home = home
        self._written: dict[str, str] = {}
        self._listed = self._searched = 0

    def _say(self, why: str, around: Around) -> None:
        """In a function that is only made, names depend on the call."""
        self._depends(around)
        if why not in OF_NAMES or not around.within:
            self.found.say(why, around.script)

    def _depends(self, around: Around) -> None:
        for function in around.within:
            function.depends = True

    def _variants(self, words: Words, around: Around) -> Sequence[tuple[str | None, ...]]:
        """One for each of what patterns stand for, as many as are followed. Of most programs the arguments are no matter."""
        deep = posixpath.basename(words[0] or "").startswith((*INTERPRETERS, "run-parts")) if words else False
        found = variants(words, self._names, around.directory, self._there, deep=deep)
        if len(found) > VARIANTS_MAX or self._listed > LISTED_MAX:
            self._say(TOO_MANY, around)
        return found[:VARIANTS_MAX]

    def _names(self, path: str) -> Sequence[str]:
        self._listed += 1
        return self._files.names(path) if self._listed <= LISTED_MAX else ()

    def _there(self, paths: Sequence[str]) -> Sequence[str]:
        return [path for path, status in zip(paths, self._files.statuses(paths), strict=True) if status is not None]

    def _is_program(self, words: Words, around: Around) -> bool:
        name = words[0] if words else None
        path = around.environment.get("PATH") or DEFAULT_PATH
        home = around.environment.get("HOME", "")
        return bool(name) and bool(self._programs.found(name or "", path, around.directory, home))

    def _is_done(self, base: str, arguments: Words, around: Around) -> bool:
        key = (base, tuple(arguments), around.directory, *sorted(around.environment.items()))
        return self.found.is_done(key, around.script)

    def _at(self, name: str, around: Around) -> str:
        return posixpath.normpath(posixpath.join(around.directory, name)) if name else ""

    @abstractmethod
    def run_text(self, text: str, around: Around, depth: int) -> None:
        """A text for a shell, which changes what is around it."""

    @abstractmethod
    def run(self, words: Words, around: Around, depth: int, starters: int) -> None:
        """A program with its arguments; for what stands in a pattern, each that it fits."""


def path_of(places: Sequence[str], around: Around) -> str:
    """The PATH with these places before all others."""
    return ":".join([*places, around.environment.get("PATH") or DEFAULT_PATH])
