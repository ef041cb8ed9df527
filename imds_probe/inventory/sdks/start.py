"""How a program was started, as far as that says where its interpreter looks for libraries."""

from __future__ import annotations

import functools
import os
import posixpath
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from imds_probe.dataclass import dataclass
from imds_probe.system.rootfs import real_path

# What Linux opens at most, in bytes: a whole path with its NUL, and one name in it.
PATH_MAX = 4096
NAME_MAX = 255
# Of a command line: an interpreter has options of its own, some with values, before the script.
WORDS_MAX, NAMED_MAX = 24, 4


@dataclass(frozen=True)
class Start:
    """How a program was started."""

    executable: str
    directory: str
    arguments: tuple[str, ...]
    environment: Mapping[str, str]
    mapped: frozenset[str]
    root: Path

    def path(self, name: str) -> str:
        """A path that the program was given, from its own directory on."""
        return posixpath.normpath(posixpath.join(self.directory, name))

    def listed(self, variable: str) -> list[str]:
        """The directories that a variable lists."""
        return [self.path(part) for part in self.environment.get(variable, "").split(":") if part]

    def scripts(self) -> Sequence[str]:
        """Arguments that may be the script: the first few that are no options; where they are links, what those lead to,
        as an interpreter has it.
        """
        return self._scripts

    @functools.cached_property
    def _scripts(self) -> tuple[str, ...]:
        return tuple(self._scripts_looked_up())

    def _scripts_looked_up(self) -> Iterator[str]:
        named = [each for each in self.arguments[1:WORDS_MAX] if not each.startswith("-")]
        for argument in named[:NAMED_MAX]:
            path = self.path(argument)
            if not can_be_opened(path):
                continue  # a program by itself, as after python3 -c: it never belongs into a report
            yield path
            real = real_path(self.root, path)
            if real is not None and real != path:
                yield real

    def prefixes(self) -> tuple[str, ...]:
        """Directories that may be a virtual environment's.

        The first argument and a script in bin keep its name, where the executable itself is a link.
        """
        first = [self.path(self.arguments[0])] if self.arguments and "/" in self.arguments[0] else []
        named = (posixpath.dirname(posixpath.dirname(path)) for path in (*first, *self.scripts()))
        return tuple(dict.fromkeys([*self.listed("VIRTUAL_ENV"), *self.listed("PYTHONHOME"), *named]))


def can_be_opened(path: str) -> bool:
    """Whether a path is one that Linux opens, and no program by itself."""
    names = os.fsencode(path).split(b"/")
    return sum(map(len, names)) + len(names) <= PATH_MAX and max(map(len, names)) <= NAME_MAX
