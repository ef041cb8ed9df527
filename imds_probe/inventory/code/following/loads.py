"""What following comes to: the files that a program loads, and what each file's text asks for."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable
from dataclasses import field, replace

from imds_probe.dataclass import dataclass

NAMES_MAX, NAME_MAX = 2000, 200  # that one file asks for; more, or longer ones, are somebody's joke
COMMANDS_MAX, WORDS_MAX = 1000, 12
CODE_MAX = 16 * 1024  # characters of code that is an argument
_CODE_OPTIONS = ("-c", "-e", "-r")


@dataclass(frozen=True)
class Load:
    """One file that a program loads. `package_root` is the directory or file of the library that it belongs to, None for the
    program's own code.
    """

    path: str
    package_root: str | None = None


@dataclass(frozen=True)
class Text:
    """Code that is an argument: python -c, sh -c."""

    form: str
    content: bytes


@dataclass(frozen=True)
class Loads:
    """What one program loads. `unresolved` are the files that load something by a name that only running tells. `environment`
    are directories of libraries that it would find there, besides what its distribution ships. `cut_short` says why there is
    more than this, by one of the reasons of unread.py. `settings` are files of settings that its own code names.
    """

    files: tuple[Load, ...]
    unresolved: tuple[str, ...] = ()
    environment: tuple[str, ...] = ()
    texts: tuple[Text, ...] = ()
    script: str = ""
    cut_short: str = ""
    settings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Asked:
    """What the text of one file asks for, in words of its language: modules or files by `names`, further `places` to look for
    them in, and other programs by their `commands`. `dynamic`: something by a name that only running tells. `settings`
    are files of settings that it names.
    """

    names: tuple[str, ...] = ()
    places: tuple[str, ...] = ()
    commands: tuple[tuple[str, ...], ...] = ()
    dynamic: bool = False
    settings: tuple[str, ...] = ()


NOTHING = Asked()


def _is_short(words: tuple[str, ...]) -> bool:
    """Whether no word is longer than anybody needs. Code may have lines, and is then all there."""
    return all(
        len(word) <= NAME_MAX or (len(word) <= CODE_MAX and "\n" in word and before in _CODE_OPTIONS)
        for before, word in zip(("", *words), words, strict=False)
    )


def asked(
    names: Iterable[str] = (),
    places: Iterable[str] = (),
    commands: Iterable[tuple[str, ...]] = (),
    *,
    dynamic: bool = False,
) -> Asked:
    """The same, each once and not more than anybody needs."""
    kept = tuple(dict.fromkeys(name for name in names if 0 < len(name) <= NAME_MAX))
    there = tuple(dict.fromkeys(place for place in places if 0 < len(place) <= NAME_MAX))
    run = tuple(dict.fromkeys(words[:WORDS_MAX] for words in commands if words and _is_short(words)))
    return Asked(kept[:NAMES_MAX], there[:100], run[:COMMANDS_MAX], dynamic or len(kept) > NAMES_MAX)


@dataclass
class Way:
    """Where one program looks for what it loads, as far as that was found out. `own` is the directory of its script, `places`
    are searched in their order, what lies in `standard` comes with the interpreter. `environment`: see Loads. `done` are names
    that were looked up, `missed` those of them that lie in none of these places. `beside`: what is named may lie beside who
    names it, as in Python 2. `executed` are files of the language, whatever they are called; `is_open`: there is a further place
    that only running tells. `directory` is the one that it was started in, and `arguments` are what the script was given.
    """

    own: str
    places: list[str] = field(default_factory=list)
    standard: tuple[str, ...] = ()
    environment: tuple[str, ...] = ()
    variables: dict[str, str] = field(default_factory=dict)
    beside: bool = False
    executed: set[str] = field(default_factory=set)
    is_open: bool = False
    directory: str = ""
    arguments: tuple[str, ...] = ()
    done: set[str] = field(default_factory=set)
    missed: set[str] = field(default_factory=set)

    def add(self, places: Iterable[str], at: int | None = None) -> bool:
        """Look there, too; whether that is new."""
        new = [place for place in dict.fromkeys(places) if place not in self.places]
        at = len(self.places) if at is None else at
        self.places[at:at] = new
        if new:
            self.done -= self.missed
            self.missed.clear()
        return bool(new)


@dataclass(frozen=True)
class Begun:
    """How a program begins in its language: the files that it is started with, what arguments ask for beside them, and where it
    looks. `unknown`: with which script is not to be seen.
    """

    way: Way
    loads: tuple[Load, ...] = ()
    asked: Asked = NOTHING
    texts: tuple[Text, ...] = ()
    unknown: bool = False

    def with_(self, *loads: Load) -> Begun:
        """The same, with further files."""
        return replace(self, loads=(*self.loads, *loads))


def below(path: str, directories: Iterable[str]) -> bool:
    """Whether a path is in one of these directories."""
    return any(path.startswith(f"{directory.rstrip('/')}/") for directory in directories)


def joined(directory: str, path: str) -> str:
    """A path as it is meant from this directory on."""
    return posixpath.normpath(posixpath.join(directory, path))


def package_of(path: str) -> str | None:
    """The package that a file lies in, by the names of directories alone."""
    for mark in ("/site-packages/", "/dist-packages/", "/node_modules/"):
        before, found, after = path.rpartition(mark)
        if found:
            names = after.split("/")
            return f"{before}{mark}{'/'.join(names[: 2 if names[0].startswith('@') else 1])}"
    if match := re.match(r"(.*/gems/[^/]+-\d[^/]*)/", path):
        return match[1]
    return path if path.endswith(".jar") else None
