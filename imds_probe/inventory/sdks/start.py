"""How a program was started, as far as that says where its interpreter looks for libraries."""

from __future__ import annotations

import functools
import os
import posixpath
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from imds_probe.dataclass import dataclass
from imds_probe.system import rootfs
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

    def prefixes(self, first: Callable[[Iterable[str]], str | None] | None = None) -> tuple[str, ...]:
        """Directories that may be a virtual environment's.

        The first argument and a script in bin keep its name, where the executable itself is a link. `first` says which of some
        paths is the first that there is, for who looks it up in a way of his own.
        """
        return self._prefixes if first is None else tuple(self._prefixes_looked_up(first))

    @functools.cached_property
    def _prefixes(self) -> tuple[str, ...]:
        return tuple(self._prefixes_looked_up(self._first))

    def _prefixes_looked_up(self, first: Callable[[Iterable[str]], str | None]) -> dict[str, None]:
        named = (posixpath.dirname(posixpath.dirname(path)) for path in (*self._called(first), *self.scripts()))
        return dict.fromkeys([*self.listed("VIRTUAL_ENV"), *self.listed("PYTHONHOME"), *named])

    def _called(self, look: Callable[[Iterable[str]], str | None]) -> Iterator[str]:
        """The path by which the program was called: its first argument, where that is a bare name as PATH has it. A program that
        has written a title over its arguments was mostly called by the name of its language.
        """
        name = self.arguments[0] if self.arguments else ""
        if "/" in name and " " not in name:
            yield self.path(name)
        elif name and (found := look(self._by_path(name))) is not None:
            yield found
        else:
            own = posixpath.basename(self.executable)
            for each in dict.fromkeys((own.rstrip("0123456789."), own.partition(".")[0], own)):
                found = look(self._by_path(each))
                if found is not None and real_path(self.root, found) == self.executable:
                    yield found
                    return

    def _by_path(self, name: str) -> list[str]:
        """Where a program of this name may lie, as the process itself would look for it."""
        return [path for place in self.listed("PATH") if can_be_opened(path := f"{place.rstrip('/')}/{name}")]

    def _first(self, paths: Iterable[str]) -> str | None:
        asked = list(paths)
        found = zip(asked, rootfs.statuses(self.root, asked) if asked else (), strict=True)
        return next((path for path, status in found if status is not None), None)


def can_be_opened(path: str) -> bool:
    """Whether a path is one that Linux opens, and no program by itself."""
    names = os.fsencode(path).split(b"/")
    return sum(map(len, names)) + len(names) <= PATH_MAX and max(map(len, names)) <= NAME_MAX
