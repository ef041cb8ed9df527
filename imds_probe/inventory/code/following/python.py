"""Python: modules that a script imports, where its interpreter would find them.

Source: Python's language reference, "The import system"; documentation of sys.path, site and venv.
"""

from __future__ import annotations

import functools
import posixpath
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from imds_probe.inventory.code.following.arguments import PYTHON, Given, read
from imds_probe.inventory.code.following.command import start_of
from imds_probe.inventory.code.following.ground import Ground
from imds_probe.inventory.code.following.language import Language, of_text
from imds_probe.inventory.code.following.loads import Asked, Begun, Load, Text, Way, asked, joined, package_of
from imds_probe.inventory.code.following.python_places import ELSEWHERE, HERE, VARIABLE
from imds_probe.inventory.code.following.python_servers import Told, as_started, told
from imds_probe.inventory.code.following.python_text import ENTRY, FILE, asked_by
from imds_probe.inventory.sdks.python_embedded import Embedded, embedded, has_python, is_uwsgi
from imds_probe.inventory.sdks.python_metadata import normalised
from imds_probe.inventory.sdks.start import Start

SITES = ("site-packages", "dist-packages")
# What a distribution ships: what of it nothing imports is nobody's concern.
DISTRIBUTIONS = ("/usr/lib/python3/dist-packages", "/usr/lib/python2.7/dist-packages", "/usr/lib", "/usr/lib64")
SHARED = ("/", "/root", "/home", "/tmp", "/var", "/usr/bin")  # noqa: S108 - nobody's application is all that lies there
PROJECT_MAX = 1500  # files of a project of Django
_COMMANDS = "/management/commands/"
_OF_PACKAGES = ("__init__.py", "apps.py", "models.py", "settings.py", "urls.py")
_ASIDE = ("/tests/", "/test_", "/tests.py", "/migrations/", "/venv/", "/site-packages/", "/node_modules/")
OF_ITSELF = ("sitecustomize", "usercustomize")
_PROGRAM = re.compile(r"(?:python|pypy)(\d?(?:\.\d{1,2})?)")
_SITE = re.compile(r"(.*/(?:site|dist)-packages)/")
_OF_VERSION = re.compile(r"/(?:lib)?(python\d\.\d{1,2})(?:/|[a-z]{0,3}\.so)")
_RECORD = re.compile(r"([A-Za-z0-9][A-Za-z0-9._]*?)(?:-[^/]{1,100})?\.(?:dist-info|egg-info|egg)")
_MAPPING = re.compile(rb"^MAPPING[^=\n]{0,50}= \{([^{}]{0,20000})\}", re.MULTILINE)
_MAPPED = re.compile(rb"'[\w.]{1,200}': '(/[^'\n]{1,400})'")
_ENTRY_POINT = re.compile(rb"^[^\n=\[]{1,100}=\s{0,5}([\w.]{1,200})", re.MULTILINE)
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
    prefixes = _prefixes(start, ground, script, settings.environments if settings else ())
    way.beside = _version(start).startswith("python2")
    # Programs of one system mostly look in the same places.
    key = start.executable, start.mapped, tuple(prefixes)
    way.standard = ground.once((_standard, *key), functools.partial(_standard, start, ground, prefixes))
    way.add(server.directories if server else [])
    if not isolated:
        way.add([posixpath.dirname(script) if script else way.own] if not given.has("P") else [])
        way.add([] if given.has("E") else start.listed("PYTHONPATH"))
    sites = ground.once((_sites, *key), functools.partial(_sites, start, ground, prefixes))
    way.add(sites)
    way.add(
        place for site in sites for place in ground.once((_named_in, site), functools.partial(_named_in, site, ground))
    )
    way.environment = tuple(site for site in sites if not _of_distribution(site))
    if settings is not None:
        return _embedded(settings, start, way, ground)
    begun = Begun(way, asked=asked(OF_ITSELF))
    if given.text is not None:
        text = given.text.encode("utf-8", "replace")
        by_text = asked_by(text)
        return Begun(
            way,
            (),
            asked((*OF_ITSELF, *by_text.names), by_text.places, dynamic=by_text.dynamic),
            (Text("python", text),),
        )
    if given.module is not None:
        begun = Begun(way, asked=asked((*OF_ITSELF, given.module, f"{given.module}.__main__")))
        return _serving(server, begun, ground, titled=titled) if server else begun
    if script and ground.has(script):
        # A directory or an archive is started by the module of that name in it.
        main = f"{script}/__main__.py"
        commanded = _of_django(script, given.rest, ground) if script.endswith("/manage.py") else ()
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
    entries = [each for name in server.distributions for each in _entry_points(name, way, ground)]
    # A title is what somebody called it, and may be no name of a module.
    by_name = server.by_name or (titled and not (named and server.is_sure))
    if by_name:
        way.environment = (*way.environment, *(each for each in server.directories if each not in SHARED))
    is_missed = server.must and not (named or entries)
    names = [*server.modules, *entries, *(name for load in named for name in _parts(server, load, ground))]
    if ground.has(f"{way.own}/manage.py") or any(_DJANGO in ground.small(load.path) for load in named):
        named += _of_django(f"{way.own}/manage.py", (), ground)
    whole = [Load(path) for at in server.whole for path in ground.walked(at, (".py",), PROJECT_MAX)]
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
    found = list(dict.fromkeys(_module(name, way, ground)))
    end = f"/{name.replace('.', '/')}"
    return sorted(found, key=lambda load: not posixpath.splitext(load.path)[0].removesuffix("/__init__").endswith(end))


def _embedded(settings: Embedded, start: Start, way: Way, ground: Ground) -> Begun:
    """A server with Python inside, by its settings."""
    files = [path for path in map(ground.real, settings.files) if ground.has(path) and not ground.listed(path)]
    way.add([*settings.places, *map(posixpath.dirname, files)], at=0)
    project = f"{way.own}/manage.py"
    of_project = _of_django(project, (), ground) if (files or settings.modules) and ground.has(project) else ()
    loads = (*map(Load, files), *of_project)
    # One that has Python in it loads something, and a command may start another server by the same name.
    nothing = has_python(start.mapped) and not loads and not settings.modules
    way.environment = (*way.environment, *([start.directory] if nothing and start.directory not in SHARED else []))
    return Begun(way, loads, asked((*OF_ITSELF, *settings.modules)), unknown=nothing or settings.is_open)


def _of_django(script: str, rest: Sequence[str], ground: Ground) -> Iterator[Load]:
    """What Django loads by the names in its settings: of a project its packages, but of commands only the one that is asked for.

    Scripts that lie in the same directories, or beside the project's own, are nothing that it loads.
    """
    name = next((word for word in rest if not word.startswith("-")), "")
    for path in ground.walked(posixpath.dirname(script), (".py",), PROJECT_MAX):
        directory = posixpath.dirname(path)
        if _COMMANDS in path:
            if path.endswith(f"{_COMMANDS}{name}.py"):
                yield Load(path)
        elif directory.endswith("/settings") or not ground.listed(directory).isdisjoint(_OF_PACKAGES):
            if any(aside in path for aside in _ASIDE):
                continue
            yield Load(path)


def _prefixes(start: Start, ground: Ground, script: str, more: Sequence[str] = ()) -> list[str]:
    """Directories that have a lib with Python's libraries, the most specific first."""
    mapped = {match[1] for match in map(_SITE.match, start.mapped) if match}
    found = [site.rpartition("/lib")[0] for site in sorted(mapped)]
    named = (*more, *start.prefixes(ground.first))
    found += [each for each in named if ground.has(f"{each}/pyvenv.cfg") or ground.listed(f"{each}/lib")]
    if script:
        found.append(posixpath.dirname(posixpath.dirname(script)))
    environments = [prefix for prefix in found if (ground.has(f"{prefix}/pyvenv.cfg"))]
    own = posixpath.dirname(posixpath.dirname(start.executable))
    home = start.environment.get("HOME")
    base = [own, *([f"{home}/.local"] if home else []), "/usr/local", "/usr"]
    alone = environments and not any(_sees_base(ground.small(f"{each}/pyvenv.cfg")) for each in environments)
    return list(dict.fromkeys([*found, *(() if alone else base)]))


def _sees_base(settings: bytes) -> bool:
    return (
        re.search(
            rb"^[ \t]{0,50}include-system-site-packages[ \t]{0,50}=[ \t]{0,50}true", settings.lower(), re.MULTILINE
        )
        is not None
    )


def _version(start: Start) -> str:
    """The name of the library's directory, with a wildcard where the program does not tell."""
    match = _PROGRAM.fullmatch(posixpath.basename(start.executable))
    if match and "." in match[1]:
        return f"python{match[1]}"
    for path in start.mapped:
        if found := _OF_VERSION.search(path):
            return found[1]
    return f"python{match[1]}*" if match and match[1] else "python*"


def _sites(start: Start, ground: Ground, prefixes: list[str]) -> Iterator[str]:
    version = _version(start)
    seen = set()
    for prefix in prefixes:
        patterns = [f"{prefix}/{lib}/{version}/{site}" for lib in ("lib", "lib64") for site in SITES]
        for pattern in [*patterns, *([] if version.startswith("python2") else [f"{prefix}/lib/python3/dist-packages"])]:
            for place in ground.matching(pattern):
                # lib64 is a link to lib, in many a virtual environment.
                if ground.listed(place) and (real := ground.real(place)) not in seen:
                    seen.add(real)
                    yield place


def _standard(start: Start, ground: Ground, prefixes: list[str]) -> tuple[str, ...]:
    """Where the interpreter's own modules are."""
    found = [path.rpartition("/lib-dynload/")[0] for path in start.mapped if "/lib-dynload/" in path]
    own = posixpath.dirname(posixpath.dirname(start.executable))
    homes = [
        posixpath.dirname(match[1].decode("utf-8", "replace").strip())
        for prefix in prefixes
        if (match := re.search(rb"^home\s*=\s*([^\n]{1,400})", ground.small(f"{prefix}/pyvenv.cfg"), re.MULTILINE))
    ]
    for prefix in dict.fromkeys([own, *homes, "/usr/local", "/usr"]):
        found += [
            place
            for lib in ("lib", "lib64")
            for place in ground.matching(f"{prefix}/{lib}/{_version(start)}")
            if ground.has(f"{place}/os.py") or ground.has(f"{place}/os.pyc")
        ]
    return tuple(place for each in dict.fromkeys(found) for place in (each, f"{each}/lib-dynload"))


def _of_distribution(site: str) -> bool:
    return site in DISTRIBUTIONS or (site.startswith(("/usr/lib/", "/usr/lib64/")) and site.endswith(SITES))


def _named_in(site: str, ground: Ground) -> Iterator[str]:
    """Directories that files of a site directory add: one a line, those with code in them apart."""
    for name in sorted(ground.listed(site)):
        if name.endswith(".pth"):
            for line in ground.small(f"{site}/{name}").decode("utf-8", "replace").splitlines()[:200]:
                if line.strip() and not line.startswith(("#", "import ", "import\t")):
                    yield joined(site, line.strip())
        elif name.startswith("__editable__") and name.endswith("finder.py"):
            # setuptools' way to leave a project where it is developed: names of packages, and where they lie.
            mapping = _MAPPING.search(ground.small(f"{site}/{name}"))
            for found in _MAPPED.finditer(mapping[1] if mapping else b""):
                yield posixpath.dirname(found[1].decode("utf-8", "replace"))


def _found(given: Asked, load: Load, way: Way, ground: Ground) -> Iterator[Load | Start]:
    here = posixpath.dirname(load.path)
    _add_places(given, load, way)
    for name in given.names:
        if name.startswith(FILE):
            yield from (Load(path, load.package_root) for path in _executed(name.removeprefix(FILE), here, way, ground))
        elif name.startswith(ENTRY):
            modules = _entry_points(name.removeprefix(ENTRY), way, ground)
            yield from (found for module in modules for found in _module(module, way, ground))
        elif name.startswith("."):
            if (key := f"{here} {name}") not in way.done:
                way.done.add(key)
                root = load.package_root
                yield from ground.once(
                    (_relative, name, here, root), functools.partial(_relative, name, here, root, ground)
                )
        else:
            if name not in way.done:
                way.done.add(name)
                yield from _absolute(name, way, ground)
            if way.beside and here not in way.places:
                yield from _within(here, name.split("."), load.package_root, ground)
    # What libraries start is their own affair.
    for command in given.commands if load.package_root is None else ():
        if (started := start_of(command, ground, directory=way.own, environment=way.variables)) is not None:
            yield started


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


def _relative(name: str, here: str, root: str | None, ground: Ground) -> Iterator[Load]:
    base = here
    for _ in range(len(name) - len(name.lstrip(".")) - 1):
        base = posixpath.dirname(base)
    if posixpath.basename(base) in SITES:
        return  # no package: what is named only by a part that is not known would be all that is installed
    yield from _within(base, name.lstrip(".").split(".") if name.strip(".") else [], root, ground)


def _absolute(name: str, way: Way, ground: Ground) -> Iterator[Load]:
    found = False
    # Programs of one system have most of their libraries in common, and look for them in the same places.
    key = _module, name, way.own, tuple(way.places), way.standard
    for load in ground.once(key, functools.partial(_module, name, way, ground)):
        found = True
        yield load
    if not found:
        way.missed.add(name)  # where there is another place to look, it is looked up again


def _entry_points(name: str, way: Way, ground: Ground) -> Iterator[str]:
    for place in way.places:
        for entry in ground.listed(place):
            match = _RECORD.fullmatch(entry)
            if match and normalised(match[1]) == normalised(name):
                for inside in ("entry_points.txt", "EGG-INFO/entry_points.txt"):
                    for found in _ENTRY_POINT.finditer(ground.small(f"{place}/{entry}/{inside}")):
                        yield found[1].decode()


def _module(name: str, way: Way, ground: Ground) -> Iterator[Load]:
    parts = name.split(".")
    top = parts[0]
    for place in [*way.places[:1], *way.standard, *way.places[1:]]:
        names = ground.listed(place)
        if not _has(top, names) and top not in ground.stems(place, ".so"):
            continue
        if place in way.standard:
            return
        root = _package_root(place, parts, way, ground)
        yield from _within(place, parts, root, ground)
        # A directory that is no package goes on elsewhere: others have a part of it.
        if top not in names or f"{top}.py" in names or _is_package(f"{place}/{top}", ground):
            return


def _has(top: str, names: frozenset[str]) -> bool:
    return bool(top) and (top in names or f"{top}.py" in names or f"{top}.pyc" in names)


def _package_root(place: str, parts: list[str], way: Way, ground: Ground) -> str | None:
    """The package that a module belongs to; None for what lies beside the script, and is the program's own."""
    if place == way.own and not place.endswith(SITES):
        return None
    at = f"{place}/{parts[0]}"
    # Several projects share a directory that is no package of its own, and each has one in it.
    if len(parts) > 1 and ground.listed(at) and not _is_package(at, ground) and ground.listed(f"{at}/{parts[1]}"):
        return f"{at}/{parts[1]}"
    return at if ground.listed(at) else next((load.path for load in _one(place, parts[0], None, ground)), at)


def _is_package(directory: str, ground: Ground) -> bool:
    names = ground.listed(directory)
    return "__init__.py" in names or "__init__.pyc" in names


def _within(at: str, parts: list[str], root: str | None, ground: Ground) -> Iterator[Load]:
    """The files of a module and of all packages that it is in, from a directory on."""
    if not parts:
        yield from _one(at, "__init__", root, ground)
        return
    for number, part in enumerate(parts):
        if part == "*":
            for path in ground.walked(at, (".py", ".pyc", ".so")):
                yield Load(path, root)
            return
        if ground.listed(f"{at}/{part}"):
            at = f"{at}/{part}"
            yield from _one(at, "__init__", root, ground)
        else:
            yield from _one(at, part, root, ground)
            if number:  # what is asked for may be a function there, and its module is loaded
                yield from _one(at, "__init__", root, ground)
            return


def _one(directory: str, name: str, root: str | None, ground: Ground) -> Iterator[Load]:
    names = ground.listed(directory)
    for found in (f"{name}.py", ground.stems(directory, ".so").get(name, ""), f"{name}.pyc"):
        if found in names:
            yield Load(f"{directory}/{found}", root)
            return


LANGUAGE = Language("python", _runs, _begins, of_text(asked_by), _found, (".py", ".so", ".pyc"))
