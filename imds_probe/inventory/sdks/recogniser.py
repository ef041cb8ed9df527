"""What an ecosystem's recogniser is made of: what to look for on a disk, in a file, and in what runs.

Whatever an ecosystem does not have is left out.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from pathlib import Path
from typing import BinaryIO, Literal

from imds_probe.dataclass import dataclass
from imds_probe.ecosystems.ecosystem import Ecosystem
from imds_probe.inventory.sdks.libraries import Library
from imds_probe.inventory.sdks.start import Start
from imds_probe.system.confined import FileUnreadable

Claim = Literal["archive", "program", "script", "rest"]


@dataclass(frozen=True)
class Located:
    """A library and the path, below the root that was looked at, by which it was recognised."""

    found: Library
    path: str


@dataclass(frozen=True)
class Use:
    """A library, where it lies, and the processes that have it loaded or would find it there; none: on disk only."""

    located: Located
    pids: tuple[int, ...]


@dataclass(frozen=True)
class Directories:
    """Libraries that lie unpacked in directories.

    libraries: those among the names, in a directory of such a name, in that of such a file, or in one that a process looks
    into: of a root, the path of the directory or file, and the names of packages. Empty where there is nothing of the
    kind. Raises FileUnreadable where the place itself may not be looked at; what makes no sense within it is passed over.
    names: of directories worth looking into: what a walk over a disk goes by.
    marks: how the names of files end by which a directory worth looking into is known.
    """

    libraries: Callable[[Path, str, Collection[str]], Iterable[Located]]
    names: frozenset[str] = frozenset()
    marks: tuple[str, ...] = ()


@dataclass(frozen=True)
class Files:
    """Libraries that are inside one file.

    claim: by what a file is this ecosystem's. The first of these that is true of a file decides, and those who claim it
    so are asked in turn until one finds something:
    "archive": its name has one of `ends`, whatever is in it. A class path may name it, and processes hold it open;
    "program": it begins with `magic`;
    "script": its name has one of `ends`. Scripts in directories of unpacked libraries are parts of those;
    "rest": nobody else claims it. Only with one of `ends` does a walk over a disk hand it on.
    libraries: those among the names in an open file. Never raises on the file's content.
    quick: the same for who has little time, where `libraries` would search all of a program; None where it is quick.
    parts: of the paths of files that are searched as a whole and handed on by a walk, however little time there is.
    min_bytes: smaller scripts cannot have an SDK in them.
    """

    claim: Claim
    libraries: Callable[[BinaryIO, Collection[str]], list[Library]]
    ends: tuple[str, ...] = ()
    magic: bytes = b""
    quick: Callable[[BinaryIO, Collection[str]], list[Library]] | None = None
    parts: tuple[str, ...] = ()
    min_bytes: int = 0


def _nowhere(start: Start) -> tuple[str, ...]:
    del start
    return ()


def _no_need_to_ask(start: Start) -> str:
    del start
    return ""


@dataclass(frozen=True)
class OwnCode:
    """What a program's own code or settings say. `places` are further directories to look for libraries in, `named` the libraries
    that it imports, `prefixes` as of Running, and `unread` says why there may be more of these.
    """

    places: tuple[str, ...] = ()
    named: frozenset[str] = frozenset()
    unread: tuple[FileUnreadable, ...] = ()
    prefixes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Runtime:
    """What loads the libraries when it runs.

    programs: names of interpreters, without numbers at their ends; their own files are not searched for libraries.
    runs: whether a process is one, by the name of its program and those of the shared objects that it has mapped, both
    without what follows ".so".
    places: where it looks for libraries, the most specific first; they need not exist, and names may have wildcards.
    variables: of the environment, that say where libraries are; others may be secrets and are not kept.
    reads_scripts: a script that it was started with may have libraries merged into it.
    holds_open: how the names of archives end that it keeps open without mapping them.
    base, prefixes, without_tls: see Running, which has them of Python alone so far.
    own_code: what the code or settings say that a program was started with, about libraries of these names.
    """

    programs: frozenset[str]
    runs: Callable[[str, Collection[str]], bool]
    places: Callable[[Start], Iterable[str]]
    variables: frozenset[str] = frozenset()
    reads_scripts: bool = False
    holds_open: tuple[str, ...] = ()
    base: Callable[[Start], Iterable[str]] = _nowhere
    prefixes: Callable[[Start], tuple[str, ...]] = _nowhere
    without_tls: Callable[[Start], str] = _no_need_to_ask
    own_code: Callable[[Start, Collection[str]], OwnCode] | None = None


@dataclass(frozen=True)
class Recogniser:
    """How the libraries of an ecosystem are recognised; of several ecosystems, where one look finds those of all."""

    ecosystems: tuple[Ecosystem, ...]
    directories: Directories | None = None
    files: Files | None = None
    runtime: Runtime | None = None

    @property
    def key(self) -> str:
        """What a place where a process looks for libraries is marked with: the id of the first ecosystem."""
        return self.ecosystems[0].id

    def wanted(self, names: Mapping[str, Collection[str]]) -> Collection[str]:
        """Of names of packages by ecosystem, those that this recogniser can find."""
        return [name for ecosystem in self.ecosystems for name in names.get(ecosystem.id, ())]
