"""Shells: files that a script sources, and the programs that it calls."""

from __future__ import annotations

import fnmatch
import posixpath
from collections.abc import Iterator, Sequence

from imds_probe.inventory.code.following.arguments import Options, read
from imds_probe.inventory.code.following.command import SEARCHED, at_home, start_of
from imds_probe.inventory.code.following.ground import Ground
from imds_probe.inventory.code.following.language import Language, of_text
from imds_probe.inventory.code.following.loads import Asked, Begun, Load, Text, Way, joined
from imds_probe.inventory.code.following.machines import FRONT_ENDS, given_files
from imds_probe.inventory.code.following.shell_text import ENTERED, HERE, asked_by
from imds_probe.inventory.sdks.start import Start

SHELLS = frozenset(("sh", "bash", "dash", "ash", "ksh", "mksh", "zsh", "rbash"))
_OPTIONS = Options(values=("-o", "-O", "+o", "+O", "--rcfile", "--init-file"), text="-c")

SOURCED_MAX = 300  # files that fit a pattern
_ARGUMENTS = ("$@", "${@}", "$*", "${*}", "${1+$@}", '${1+"$@"}')
_ITSELF = ("$0", "${0}", "$BASH_SOURCE", "${BASH_SOURCE}")


def _runs(program: str, libraries: frozenset[str]) -> bool:
    del libraries
    return program in SHELLS


def _begins(start: Start, ground: Ground) -> Begun:
    # -ec is -e and -c: its value is the argument after it, never what follows in the same one.
    given = read(start.arguments, _OPTIONS)
    # With -s it reads what somebody hands it, as Erlang's does: arguments are only names.
    named = given.script if not given.has("s") else ""
    script = ground.real(start.path(named)) if named else ""
    way = Way(
        posixpath.dirname(script) if script else start.directory,
        variables=dict(start.environment),
        directory=start.directory,
        arguments=given.rest,
    )
    if given.text is not None:
        text = given.text.encode("utf-8", "replace")
        return Begun(way, asked=asked_by(text), texts=(Text("shell", text),))
    if script and ground.has(script):
        ahead = given_files(start, given.rest, ground) if posixpath.basename(script) in FRONT_ENDS else []
        return Begun(way, (Load(script), *map(Load, ahead)))
    # One that somebody types into has nothing to read, and one that only looks for errors starts nothing.
    return Begun(way, unknown=bool(script) and not given.has("n"))


def _found(given: Asked, load: Load, way: Way, ground: Ground) -> Iterator[Load | Start]:
    here = posixpath.dirname(load.path)
    for name in given.names:
        placed = at_home(name, way.variables).replace(HERE, here)
        directory, pattern = posixpath.split(joined(way.own, placed))
        if "*" in pattern and "*" not in directory:
            fitting = fnmatch.filter(sorted(ground.listed(directory)), pattern)
            ground.more = ground.more or len(fitting) > SOURCED_MAX
            yield from (Load(ground.real(f"{directory}/{each}")) for each in fitting[:SOURCED_MAX])
            continue
        paths = [joined(way.own, placed), *([joined(way.directory, placed)] if way.directory else ())]
        if "/" not in placed:
            paths += [f"{place}/{placed}" for place in way.variables.get("PATH", SEARCHED).split(":")]
        if path := ground.first(paths):
            yield Load(ground.real(path))
    entered = ""
    for command in given.commands:
        if _starts_nothing(command):
            continue
        words = [
            load.path if word in _ITSELF else at_home(word, way.variables).replace(HERE, here)
            for word in _handed_on(command, way.arguments)
        ]
        if words[0] == ENTERED:
            entered = entered if words[1].startswith("~") else joined(entered or way.own, words[1])
            continue
        # A subshell leaves what it entered: what is named has to be there. One that enters nothing is where it was started.
        within = entered or way.directory
        there = within and any(ground.has(joined(within, word)) for word in words if not word.startswith(("-", "/")))
        found = start_of(words, ground, directory=within if there else way.own, environment=way.variables)
        if found is not None:
            yield found


def _handed_on(command: Sequence[str], arguments: Sequence[str]) -> list[str]:
    """The words of a command, with those that the script was given in the place of "$@"."""
    return [each for word in command for each in (arguments if word in _ARGUMENTS else (word,))]


def _starts_nothing(words: Sequence[str]) -> bool:
    """Whether a command only asks where a program is."""
    return words[0] == "command" and tuple(words[1:2]) in (("-v",), ("-V",))


LANGUAGE = Language("shell", _runs, _begins, of_text(asked_by), _found, (".sh", ".bash", ".inc", ".env"), whole=False)
