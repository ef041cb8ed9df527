"""PHP: files that a script includes, and classes that Composer's maps load. Source: PHP's manual, include; Composer's autoloading.

A server does not say which scripts it serves: those of the places that web servers name, and of the usual ones, are taken for
loaded, as any request may load them.
"""

from __future__ import annotations

import itertools
import posixpath
import re
from collections.abc import Iterator

from imds_probe.inventory.code.following import served
from imds_probe.inventory.code.following.arguments import PHP, read
from imds_probe.inventory.code.following.command import starts_of
from imds_probe.inventory.code.following.ground import Ground
from imds_probe.inventory.code.following.language import Language, of_text
from imds_probe.inventory.code.following.loads import Asked, Begun, Load, Text, Way, asked, joined
from imds_probe.inventory.code.following.php_frameworks import of_framework
from imds_probe.inventory.code.following.php_text import HERE, TITLE, included_by, without_comments
from imds_probe.inventory.code.following.script_commands import PHP as STARTING
from imds_probe.inventory.code.following.script_commands import commands_in
from imds_probe.inventory.sdks.php_source import PROGRAMS, is_php
from imds_probe.inventory.sdks.start import Start

CLASS = "class:"  # before the name of a class
ENDS = (".php", ".inc", ".phtml")
SERVED, SERVED_MAX = ("/var/www", "/srv/www", "/usr/share/nginx/html"), 5000
ALL_SERVED_MAX, _NOT_OWN = 8000, ("vendor",)
_OF_LITESPEED = ("/home/*/public_html", "/usr/local/lsws/*/html")
MAP_MAX_BYTES = 16 * 1024 * 1024
_USED = re.compile(
    rb"^[ \t]*use[ \t]+(?:function[ \t]+)?\\?([A-Za-z_][\w\\]{0,150})(?:\{([^}]{0,500})\})?", re.MULTILINE
)
_NAMED = re.compile(rb"\\?([A-Za-z_]\w{0,60}(?:\\\w{1,60}){1,8})")
_OWN_NAMESPACE = re.compile(rb"^[ \t]*(?:<\?php[ \t]+)?namespace[ \t]+([A-Za-z_][\w\\]{0,150})", re.MULTILINE)
_PREFIX = re.compile(rb"'((?:[^'\\]|\\\\){1,200})'\s{0,5}=>\s{0,5}array\(([^()]{0,2000})\)")
_DIRECTORY = re.compile(rb"\$(vendorDir|baseDir)\s{0,5}\.\s{0,5}'([^'\n]{0,300})'")
_FILE = re.compile(rb"=>\s{0,5}\$(vendorDir|baseDir)\s{0,5}\.\s{0,5}'([^'\n]{1,300})'")


def _runs(program: str, libraries: frozenset[str]) -> bool:
    return program == "hhvm" or is_php(program, libraries)


def _begins(start: Start, ground: Ground) -> Begun:
    given = read(start.arguments, PHP)
    script = given.script or next((value for name, value in given.required if name == "-f"), "")
    at = ground.real(start.path(script)) if script else ""
    own = posixpath.dirname(at) if at else start.directory
    way = Way(own, variables=dict(start.environment), directory=start.directory)
    way.add([start.directory, "/usr/share/php"])
    if given.text is not None:
        text = b"<?php " + given.text.encode("utf-8", "replace")
        return Begun(way, asked=asked_by(text), texts=(Text("php", text),))
    if at and ground.has(at) and not ground.listed(at):
        return Begun(way, (Load(at), *of_framework(start, at, given.rest, ground)))
    named = [*_served_now(start, ground), *served.roots(ground)]
    served_files = (
        Load(path)
        for place in dict.fromkeys((*named, *SERVED))
        for path in ground.walked(place, ENDS, SERVED_MAX, of_program=True, aside=_NOT_OWN)
    )
    loads = list(ground.some(list(itertools.islice(served_files, ALL_SERVED_MAX + 1)), ALL_SERVED_MAX))
    nowhere = not loads and not named and posixpath.basename(start.executable).startswith(PROGRAMS)
    return Begun(way, tuple(loads), unknown=nowhere)


def _served_now(start: Start, ground: Ground) -> list[str]:
    """Directories that a server serves from by its own ways: LiteSpeed, whose worker names its script, and FrankenPHP."""
    program = posixpath.basename(start.executable)
    title = TITLE.match(start.arguments[0] if start.arguments else "")
    found = [posixpath.dirname(title[1])] if title is not None and ground.has(title[1]) else []
    if program.startswith("lsphp"):
        found += [path for pattern in _OF_LITESPEED for path in ground.matching(pattern)]
    elif program.startswith("frankenphp") and start.directory != "/":
        found.append(start.directory)
    return found


def asked_by(text: bytes) -> Asked:
    """What a file includes and which classes it names."""
    bare = without_comments(text)
    names, dynamic = included_by(bare)
    for match in _USED.finditer(bare):
        parts = [part.strip() for part in (match[2] or b"").split(b",")]
        names += [CLASS + (match[1] + part).decode("utf-8", "replace") for part in parts]
    names += [CLASS + match[1].decode("utf-8", "replace") for match in _NAMED.finditer(bare)]
    names += [CLASS + match[1].decode("utf-8", "replace") + "\\" for match in _OWN_NAMESPACE.finditer(bare)]
    return asked(names, (), commands_in(bare, STARTING), dynamic=dynamic)


def _found(given: Asked, load: Load, way: Way, ground: Ground) -> Iterator[Load | Start]:
    here = posixpath.dirname(load.path)
    yield from starts_of(given, here, way, ground)
    classes = []
    for name in given.names:
        if name.startswith(CLASS):
            classes.append(name.removeprefix(CLASS))
            continue
        paths = (
            [name.replace(HERE, here)]
            if name.startswith(HERE)
            else [joined(each, name) for each in (here, *way.places)]
        )
        path = ground.first(map(posixpath.normpath, paths))
        if path is None:
            continue
        yield Load(path, load.package_root)
        if path.endswith("/vendor/autoload.php"):
            yield from _always_loaded(posixpath.dirname(path), ground)
    yield from _by_class(classes, load, way, ground)


def _by_class(classes: list[str], load: Load, way: Way, ground: Ground) -> Iterator[Load]:
    for vendor in _vendors(load, way, ground):
        for prefix, directories in _prefixes(vendor, ground).items():
            relative = {name[len(prefix) :] for name in classes if name.startswith(prefix)}
            for directory in directories if relative else ():
                root = _root(directory, vendor)
                for name in sorted(relative):
                    path = f"{directory}/{name.replace(chr(92), '/')}.php"
                    if name and not name.endswith("\\") and ground.first([path]):
                        yield Load(path, root)
                # Classes of a namespace call each other without its name: all that lie in one directory.
                for name in sorted(each for each in relative if not each or each.endswith("\\")):
                    at = f"{directory}/{name.replace(chr(92), '/')}".rstrip("/")
                    yield from (
                        Load(f"{at}/{each}", root) for each in sorted(ground.listed(at)) if each.endswith(".php")
                    )


def _vendors(load: Load, way: Way, ground: Ground) -> Iterator[str]:
    """Composer's directories, from the file upwards."""
    inside, found, _ = load.path.partition("/vendor/")
    if found:
        yield f"{inside}/vendor"
        return
    at = posixpath.dirname(load.path)
    for _ in range(6):
        if ground.has(f"{at}/vendor/composer"):
            yield f"{at}/vendor"
            return
        at = posixpath.dirname(at)


def _prefixes(vendor: str, ground: Ground) -> dict[str, list[str]]:
    content = ground.small(f"{vendor}/composer/autoload_psr4.php", MAP_MAX_BYTES)
    return {
        match[1].decode("utf-8", "replace").replace("\\\\", "\\"): [
            _placed(vendor, inner[1], inner[2]) for inner in _DIRECTORY.finditer(match[2])
        ]
        for match in _PREFIX.finditer(content)
    }


def _always_loaded(vendor: str, ground: Ground) -> Iterator[Load]:
    for match in _FILE.finditer(ground.small(f"{vendor}/composer/autoload_files.php", MAP_MAX_BYTES)):
        path = _placed(vendor, match[1], match[2])
        if ground.first([path]):
            yield Load(path, _root(path, vendor))


def _placed(vendor: str, base: bytes, path: bytes) -> str:
    directory = vendor if base == b"vendorDir" else posixpath.dirname(vendor)
    return posixpath.normpath(f"{directory}/{path.decode('utf-8', 'replace')}")


def _root(path: str, vendor: str) -> str | None:
    if not path.startswith(f"{vendor}/"):
        return None
    return "/".join([vendor, *path[len(vendor) + 1 :].split("/")[:2]])


LANGUAGE = Language("php", _runs, _begins, of_text(asked_by), _found, ENDS)
