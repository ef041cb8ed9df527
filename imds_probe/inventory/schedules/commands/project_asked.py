"""A command line that asks for something of a project, and what it comes to."""

from __future__ import annotations

import posixpath
import shlex
from collections.abc import Sequence
from dataclasses import replace

from imds_probe.dataclass import dataclass
from imds_probe.inventory.schedules.accounts import ROOT
from imds_probe.inventory.schedules.system_files import SystemFiles

ABOVE_MAX = 6  # directories in which a project's file is looked for


@dataclass(frozen=True)
class Held:
    """A text for a shell that stands in a file, the directory that it runs in, and where its programs are looked for first."""

    path: str
    text: str
    directory: str
    places: tuple[str, ...] = ()


@dataclass(frozen=True)
class Run:
    """What is run: texts for a shell, programs with their arguments, and files that are read and done as they say. Of `some_of`
    it is not known which are.
    """

    texts: tuple[Held, ...] = ()
    words: tuple[tuple[str, ...], ...] = ()
    files: tuple[str, ...] = ()
    some_of: tuple[str, ...] = ()
    directory: str = ""


@dataclass(frozen=True)
class Asked:
    """A command line: its program, its arguments, the directory that it is given in, the files of the system, and the home of who
    gives it.
    """

    program: str
    arguments: tuple[str, ...]
    directory: str
    files: SystemFiles
    home: str = ROOT.home

    def value(self, *options: str) -> str:
        """What an option is given, behind "=" or as the next word; empty where it is not there."""
        for at, word in enumerate(self.arguments):
            name, sign, value = word.partition("=")
            if name in options:
                return value if sign else next(iter(self.arguments[at + 1 : at + 2]), "")
        return ""

    def values(self, *options: str) -> list[str]:
        """The same of one that may be given several times."""
        given = zip(self.arguments, (*self.arguments[1:], ""), strict=False)
        return [word.partition("=")[2] or behind for word, behind in given if word.partition("=")[0] in options]

    def plain(self, valued: Sequence[str] = ()) -> list[str]:
        """The words that are no options, and no values of these options."""
        pairs = zip(("", *self.arguments), self.arguments, strict=False)
        return [word for last, word in pairs if word and not word.startswith("-") and last not in valued]

    def behind(self, word: str) -> str:
        """What stands behind a word, as a text for a shell."""
        rest = self.arguments[self.arguments.index(word) + 1 :] if word in self.arguments else ()
        return shlex.join(rest[1:] if rest[:1] == ("--",) else rest)

    def at(self, name: str) -> str:
        return posixpath.normpath(posixpath.join(self.directory, name))

    def within(self, directory: str) -> Asked:
        return replace(self, directory=self.at(directory) if directory else self.directory)

    def above(self, *names: str) -> str:
        """The file of one of these names in the directory, or in the nearest one above; empty where there is none."""
        at = self.directory
        for _ in range(ABOVE_MAX):
            if found := next(self.files.files([posixpath.join(at, name) for name in names]), ""):
                return found
            if at == "/":
                break
            at = posixpath.dirname(at)
        return ""
