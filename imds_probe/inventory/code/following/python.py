"""Python: what a program loads first, what it was told to load, and the modules that are imported from there on.

Source: documentation of sys.path.
"""

from __future__ import annotations

import functools
import posixpath
import re
from collections.abc import Iterator
from dataclasses import replace

from imds_probe.inventory.code.following.arguments import PYTHON, Given, read
from imds_probe.inventory.code.following.command import starts_of
from imds_probe.inventory.code.following.ground import Ground
from imds_probe.inventory.code.following.language import Language, of_text
from imds_probe.inventory.code.following.loads import Asked, Begun, Load, Text, Way, asked, joined, package_of
from imds_probe.inventory.code.following.python_django import PROJECT_MAX, of_django
from imds_probe.inventory.code.following.python_modules import absolute, entry_points, module_of, relative, within
from imds_probe.inventory.code.following.python_places import ELSEWHERE, HERE, VARIABLE
from imds_probe.inventory.code.following.python_plugins import GROUP, plugged_in
from imds_probe.inventory.code.following.python_servers import Told, as_started, told
from imds_probe.inventory.code.following.python_sites import (
    is_of_distribution,
    named_in,
    prefixes_of,
    sites_of,
    standard_of,
    version_of,
)
from imds_probe.inventory.code.following.python_text import ENTRY, FILE, asked_by
from imds_probe.inventory.sdks.python_embedded import Embedded, embedded, has_python, is_uwsgi
from imds_probe.inventory.sdks.start import Start

SHARED = ("/", "/root", "/home", "/tmp", "/var", "/usr/bin")  # noqa: S108 - nobody's application is all that lies there
OF_ITSELF = ("sitecustomize", "usercustomize")
_DJANGO = b"DJANGO_SETTINGS_MODULE"
# Modules that a queue of tasks is told to load, where its application is made.
_LISTED = re.compile(
    rb"\b(?:include|imports|autodiscover_tasks)[ \t]{0,9}[=(]\s{0,20}(?:lambda[ \t]{0,9}:\s{0,9})?[\[(]([^\])]{0,4000})"
)
_QUOTED = re.compile(rb"[\"']([A-Za-z_][\w.]{0,200})[\"']")


def _runs(program: str, libraries: frozenset[str]) -> bool:
    return (
        program in ("python", "pypy")
        or is_uwsgi(program)
        or any(library.startswith("libpython") for library in libraries)
    )


def _begins(start: Start, ground: Ground) -> Begun:
    settings = embedded(start, ground.small, ground.listed)
    arguments = as_started(start.arguments)
    titled = arguments is not start.arguments
    given = read(arguments, PYTHON) if settings is None else Given()
    script = ground.real(start.path(given.script)) if given.script else ""
    isolated = given.has("I")
    server = _told(start, given, ground) if settings is None else None
    own = server.directories[0] if server else posixpath.dirname(script) if script else start.directory
    own = next(iter(settings.places), own) if settings is not None else own
    way = Way(own, variables=dict(start.environment), directory=start.directory)
    prefixes = prefixes_of(start, ground, script, settings.environments if settings else ())
    way.beside = version_of(start).startswith("python2")
    # Programs of one system mostly look in the same places.
    key = start.executable, start.mapped, tuple(prefixes)
    way.standard = ground.once((standard_of, *key), functools.partial(standard_of, start, ground, prefixes))
    way.add(server.directories if server else [])
    if not isolated:
        way.add([posixpath.dirname(script) if script else way.own] if not given.has("P") else [])
        way.add([] if given.has("E") else start.listed("PYTHONPATH"))
    sites = ground.once((sites_of, *key), functools.partial(sites_of, start, ground, prefixes))
    way.add(sites)
    way.add(
        place for site in sites for place in ground.once((named_in, site), functools.partial(named_in, site, ground))
    )
    way.environment = tuple(site for site in sites if not is_of_distribution(site))
    if settings is not None:
        return _embedded(settings, start, way, ground)
    begun = Begun(way, asked=asked(OF_ITSELF))
    if given.text is not None:
        text = given.text.encode("utf-8", "replace")
        by_text = asked_by(text)
        return Begun(
            way,
            (),
            asked((*OF_ITSELF, *by_text.names), by_text.places, by_text.commands, dynamic=by_text.dynamic),
            (Text("python", text),),
        )
    if given.module is not None:
        begun = Begun(way, asked=asked((*OF_ITSELF, given.module, f"{given.module}.__main__")))
        return _serving(server, begun, ground, titled=titled) if server else begun
    if script and ground.has(script):
        # A directory or an archive is started by the module of that name in it.
        main = f"{script}/__main__.py"
        commanded = of_django(script, given.rest, ground) if script.endswith("/manage.py") else ()
        begun = begun.with_(
            Load(main if ground.has(main) else script, package_of(script) if server else None), *commanded
        )
        return _serving(server, begun, ground, titled=titled) if server else begun
    # A server that calls itself otherwise: what it serves mostly lies where it was started.
    way.environment = (*way.environment, *([start.directory] if start.directory not in SHARED else []))
    return Begun(way, asked=begun.asked, unknown=True)


def _told(start: Start, given: Given, ground: Ground) -> Told | None:
    """What a program is told that loads what it is told."""
    if given.text is not None:
        return None
    # By the name that it was started by: what a distribution's links lead to is often called otherwise.
    script = start.path(given.script) if given.script else ""
    if given.module is None and not (script and ground.has(script)):
        return None
    return told(start, script, given.module, given.rest, ground)


def _serving(server: Told, begun: Begun, ground: Ground, *, titled: bool) -> Begun:
    """The same with what a server or a runner loads: what it was told comes first, as that tells it from another one."""
    way = begun.way
    parts = (f".{server.parts[0]}",) if server.parts else ()  # where a package has its application
    modules = [f"{name}{part}" for name in server.modules for part in ("", *parts)]
    named = [load for name in modules for load in _application(name, way, ground)]
    named += [Load(path, package_of(path)) for path in server.files]
    usual = (_application(name, way, ground) for name in server.usual)
    named = named or next(filter(None, usual), [])
    entries = [each for name in server.distributions for each in entry_points(name, way, ground)]
    # A title is what somebody called it, and may be no name of a module.
    by_name = server.by_name or (titled and not (named and server.is_sure))
    if by_name:
        way.environment = (*way.environment, *(each for each in server.directories if each not in SHARED))
    is_missed = server.must and not (named or entries)
    names = [*server.modules, *entries, *(name for load in named for name in _parts(server, load, ground))]
    if ground.has(f"{way.own}/manage.py") or any(_DJANGO in ground.small(load.path) for load in named):
        named += of_django(f"{way.own}/manage.py", (), ground)
    whole = [Load(path) for at in server.whole for path in ground.walked(at, (".py",), PROJECT_MAX, of_program=True)]
    loads = dict.fromkeys((*named, *map(Load, server.settings), *whole, *begun.loads))
    both = replace(asked((*begun.asked.names, *names)), commands=server.commands)
    return Begun(way, tuple(loads), both, unknown=by_name or is_missed)


def _parts(server: Told, load: Load, ground: Ground) -> Iterator[str]:
    """What a queue of tasks loads besides its application: what that lists, and what is called so in its package."""
    if not server.parts:
        return
    text = ground.small(load.path)
    listed = [name[1].decode() for match in _LISTED.finditer(text) for name in _QUOTED.finditer(match[1])]
    around = [each for name in server.modules for each in (name, name.rpartition(".")[0]) if each]
    yield from listed
    yield from (f"{at}.{part}" for at in (*around, *listed) for part in server.parts)


def _application(name: str, way: Way, ground: Ground) -> list[Load]:
    """The files of a module that is named, its own before those of the packages that it is in."""
    found = list(dict.fromkeys(module_of(name, way, ground)))
    end = f"/{name.replace('.', '/')}"
    return sorted(found, key=lambda load: not posixpath.splitext(load.path)[0].removesuffix("/__init__").endswith(end))


def _embedded(settings: Embedded, start: Start, way: Way, ground: Ground) -> Begun:
    """A server with Python inside, by its settings."""
    files = [path for path in map(ground.real, settings.files) if ground.has(path) and not ground.listed(path)]
    way.add([*settings.places, *map(posixpath.dirname, files)], at=0)
    project = f"{way.own}/manage.py"
    of_project = of_django(project, (), ground) if (files or settings.modules) and ground.has(project) else ()
    loads = (*map(Load, files), *of_project)
    # One that has Python in it loads something, and a command may start another server by the same name.
    nothing = has_python(start.mapped) and not loads and not settings.modules
    way.environment = (*way.environment, *([start.directory] if nothing and start.directory not in SHARED else []))
    return Begun(way, loads, asked((*OF_ITSELF, *settings.modules)), unknown=nothing or settings.is_open)


def _found(given: Asked, load: Load, way: Way, ground: Ground) -> Iterator[Load | Start]:
    here = posixpath.dirname(load.path)
    _add_places(given, load, way)
    for name in given.names:
        if name.startswith(FILE):
            yield from (Load(path, load.package_root) for path in _executed(name.removeprefix(FILE), here, way, ground))
        elif name.startswith(ENTRY):
            modules = entry_points(name.removeprefix(ENTRY), way, ground)
            yield from (found for module in modules for found in module_of(module, way, ground))
        elif name.startswith(GROUP):
            modules = plugged_in(name.removeprefix(GROUP), load, way, ground)
            yield from (found for module in dict.fromkeys(modules) for found in module_of(module, way, ground))
        elif name.startswith("."):
            if (key := f"{here} {name}") not in way.done:
                way.done.add(key)
                root = load.package_root
                yield from ground.once(
                    (relative, name, here, root), functools.partial(relative, name, here, root, ground)
                )
        else:
            if name not in way.done:
                way.done.add(name)
                yield from absolute(name, way, ground)
            if way.beside and here not in way.places:
                yield from within(here, name.split("."), load.package_root, ground)
    yield from starts_of(given, here, way, ground)


def _add_places(given: Asked, load: Load, way: Way) -> None:
    """Directories that a module adds to where the interpreter looks."""
    here = posixpath.dirname(load.path)
    for each in given.places:
        if each == ELSEWHERE:
            way.is_open = way.is_open or load.package_root is None
        elif each.startswith(VARIABLE):
            name, _, default = each.removeprefix(VARIABLE).partition("|")
            value = way.variables.get(name) or default
            way.add([joined(way.own, part) for part in value.split(":") if part], at=1 if way.places else 0)
            way.is_open = way.is_open or (not value and load.package_root is None)
        else:
            # What is no full path is meant from where the program was started, mostly the directory of its script.
            from_start = (joined(at, each) for at in (way.directory or way.own, way.own))
            places = [joined("/", each.replace(HERE, here))] if each.startswith(HERE) else from_start
            way.add(places, at=1 if way.places else 0)


def _executed(placed: str, here: str, way: Way, ground: Ground) -> Iterator[str]:
    """The file that is run as code."""
    paths = (
        [placed.replace(HERE, here)] if placed.startswith(HERE) else [joined(each, placed) for each in (way.own, here)]
    )
    if path := ground.first(map(posixpath.normpath, paths)):
        way.executed.add(path)
        yield path


LANGUAGE = Language("python", _runs, _begins, of_text(asked_by), _found, (".py", ".so", ".pyc"))
