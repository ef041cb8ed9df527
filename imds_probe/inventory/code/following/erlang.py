"""Erlang and Elixir: the modules of a release, of the directories that a command line adds, and scripts.

Source: Erlang's documentation of erl (-root, -boot, -pa, -pz, -extra), of the code server (ERL_LIBS; an application lies in
lib/NAME-VERSION/ebin), of escript; mix's documentation; RabbitMQ's of plugins (enabled_plugins, NAME.app).
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from typing import BinaryIO

from imds_probe.inventory.code.following.ground import Ground
from imds_probe.inventory.code.following.language import Language
from imds_probe.inventory.code.following.loads import NOTHING, Asked, Begun, Load, Way
from imds_probe.inventory.code.following.machines import given_files
from imds_probe.inventory.sdks.start import Start

MACHINES = frozenset(("beam.smp", "beam"))
PROGRAMS = MACHINES | {"erl", "erlexec", "escript"}
ENDS, SOURCES = (".beam", ".ez"), (".ex", ".exs", ".erl")
APPLICATIONS_MAX, MODULES_MAX, PLUGINS_MAX = 500, 4000, 100
# Erlang's own applications.
_OF_ERLANG = frozenset(
    """asn1 common_test compiler crypto debugger dialyzer diameter edoc eldap erl_docgen erl_interface erts et eunit ftp inets
    jinterface kernel megaco mnesia observer odbc os_mon parsetools public_key reltool runtime_tools sasl snmp ssh ssl stdlib
    syntax_tools tftp tools wx xmerl elixir eex ex_unit iex logger mix""".split()  # noqa: SIM905 - as literals half a page
)
_PLUGINS = re.compile(r"(.*)/rabbit-[^/]{1,60}/ebin")
_ENABLED = "/etc/rabbitmq/enabled_plugins"
_NEEDED = re.compile(rb"\{[ \t\n]{0,9}applications[ \t\n]{0,9},[ \t\n]{0,9}\[([^\[\]]{0,4000})\]")
_NAME = re.compile(rb"[a-z]\w{0,60}")


def _runs(program: str, libraries: frozenset[str]) -> bool:
    del libraries
    return program in PROGRAMS


def _begins(start: Start, ground: Ground) -> Begun:
    words, values = start.arguments[1:], _values(start.arguments[1:])
    roots = [start.path(each) for each in values.get("-root", ())]
    added = [start.path(each) for option in ("-pa", "-pz") for each in values.get(option, ())]
    added += [f"{place}/{name}/ebin" for place in start.listed("ERL_LIBS") for name in sorted(ground.listed(place))]
    booted = [start.path(each) for each in values.get("-boot", ())]
    added += [
        each for root in roots for at in booted if at.startswith(f"{root}/releases/") for each in _library(root, ground)
    ]
    added += [each for at in added if (match := _PLUGINS.fullmatch(at)) for each in _plugins(match[1], ground)]
    loads = [load for at in dict.fromkeys(added) if not _is_erlangs(at) for load in _modules(at, ground)]
    scripts = given_files(start, values.get("-extra", ()) or ([] if roots else words), ground)
    loads += [Load(path) for path in scripts if posixpath.basename(path) not in ("mix", "iex", "elixir")]
    if any(posixpath.basename(word) == "mix" for word in words):
        loads += [Load(path) for path in _project(start.directory, ground)]
    # One that somebody types into has none. What starts the machine is given its modules by scripts, in variables and ERL_LIBS:
    # only the machine itself is known to have no others.
    is_machine = posixpath.basename(start.executable) in MACHINES
    is_told = is_machine and ("-noshell" in words or "-noinput" in words or bool(booted) or not roots)
    return Begun(Way(start.directory), tuple(loads), unknown=not loads and is_told and len(words) > 0)


def _values(words: tuple[str, ...]) -> dict[str, list[str]]:
    """What stands behind each option, up to the next one; behind -extra, all."""
    found: dict[str, list[str]] = {}
    option = ""
    for number, word in enumerate(words):
        if word == "-extra":
            found[word] = list(words[number + 1 :])
            break
        if word.startswith("-"):
            option = word
        else:
            found.setdefault(option, []).append(word)
    return found


def _library(root: str, ground: Ground) -> Iterator[str]:
    yield from (
        f"{root}/lib/{name}/ebin" for name in ground.some(sorted(ground.listed(f"{root}/lib")), APPLICATIONS_MAX)
    )


def _is_erlangs(directory: str) -> bool:
    return posixpath.basename(posixpath.dirname(directory)).partition("-")[0] in _OF_ERLANG


def _modules(directory: str, ground: Ground) -> Iterator[Load]:
    yield from (Load(path, posixpath.dirname(directory)) for path in ground.walked(directory, ENDS, MODULES_MAX))


def _plugins(place: str, ground: Ground) -> Iterator[str]:
    """The directories of RabbitMQ's plugins that are enabled, and of what these need."""
    waiting, seen = _NAME.findall(ground.small(_ENABLED)), set[bytes]()
    while waiting and len(seen) < PLUGINS_MAX:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        called = name.decode()
        for each in sorted(ground.listed(place)):
            if each == called or each.startswith(f"{called}-"):
                at = f"{place}/{each}/ebin"
                yield at
                needed = _NEEDED.search(ground.small(f"{at}/{called}.app"))
                waiting += _NAME.findall(needed[1]) if needed else []


def _project(directory: str, ground: Ground) -> Iterator[str]:
    """What mix compiles and loads, in its sources."""
    yield from (
        path for part in ("lib", "config", "deps", "priv") for path in ground.walked(f"{directory}/{part}", SOURCES)
    )
    yield from (path for path in (f"{directory}/mix.exs",) if ground.has(path))


def _asked_by(file: BinaryIO) -> Asked:
    """Nothing: a release has all of its modules."""
    del file
    return NOTHING


def _found(given: Asked, load: Load, way: Way, ground: Ground) -> Iterator[Load]:
    del given, load, way, ground
    yield from ()


LANGUAGE = Language("erlang", _runs, _begins, _asked_by, _found, ENDS, whole=False)
