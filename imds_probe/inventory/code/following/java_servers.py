"""Applications that servers of Java load from where they are deployed, which is on no class path.

Source: documentation of Tomcat ("Host", "Context", "Class Loader How-To"), Jetty, WildFly and Karaf; of Spring Boot,
loader.path.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping, Sequence

from imds_probe.dataclass import dataclass
from imds_probe.inventory.code.following.ground import Ground
from imds_probe.inventory.code.following.loads import joined
from imds_probe.inventory.sdks.jar import ARCHIVES
from imds_probe.inventory.sdks.start import Start

APPLICATIONS_MAX, CONTEXTS_MAX, WORDS_MAX, DEPTH_MAX = 500, 500, 50, 2


@dataclass(frozen=True)
class Server:
    """Told by its properties, which name its directory: the first that is given counts. `deployed` are directories of applications
    below it, `libraries` those of archives. `contexts` has files that name further ones, as `settings` do.
    """

    properties: tuple[str, ...]
    deployed: tuple[str, ...]
    libraries: tuple[str, ...] = ()
    settings: str = ""
    contexts: str = ""


SERVERS = (
    Server(("catalina.base", "catalina.home"), ("webapps",), ("lib", "shared/lib"), "conf/server.xml", "conf"),
    Server(("jetty.base", "jetty.home"), ("webapps",), ("lib/ext",), "", "webapps"),
    Server(("jboss.server.base.dir", "jboss.home.dir"), ("deployments", "standalone/deployments")),
    Server(("karaf.base", "karaf.home"), ("deploy",), ("lib/ext",)),
)
_PROPERTY = re.compile(r"-D([\w.]{1,100})=(.{1,4000})", re.DOTALL)
_PLACES = re.compile(rb"\bappBase[ \t]{0,9}=[ \t]{0,9}[\"']([^\"'<>\n]{1,400})[\"']")
_CONTEXT = re.compile(
    rb"\bdocBase[ \t]{0,9}=[ \t]{0,9}[\"']([^\"'<>\n]{1,400})[\"']|"
    rb"<Set[ \t]{1,9}name=[\"'](?:war|resourceBase)[\"'][ \t]{0,9}>([^<>\n]{1,400})</Set>"
)
UNKNOWN = "${"  # in what only running tells


@dataclass(frozen=True)
class Deployed:
    """Entries as of a class path. `is_open`: there is a place that only running tells."""

    entries: tuple[str, ...] = ()
    is_open: bool = False


def properties_of(start: Start) -> Mapping[str, str]:
    """Those that the command line sets."""
    return {match[1]: match[2] for word in start.arguments[1:] if (match := _PROPERTY.fullmatch(word))}


def deployed(start: Start, behind: Sequence[str], ground: Ground) -> Deployed:
    """What servers load of their own directories, and any program of what its arguments, which stand `behind` its options, name."""
    properties = properties_of(start)
    places = [start.path(each) for each in properties.get("loader.path", "").split(",") if each]
    found = [entry for place in places for entry in (place, f"{place}/*")]
    given = (word.partition("=")[2] if word.startswith("-") else word for word in behind[:WORDS_MAX])
    for path in (start.path(word) for word in given if word):
        if path.endswith(ARCHIVES) or ground.listed(f"{path}/WEB-INF"):
            found += _of_application(path, ground)
    is_open = False
    for server in SERVERS:
        values = [start.path(properties[name]) for name in server.properties if name in properties]
        if values:
            for entry in _of_server(server, values, properties, ground):
                is_open = is_open or UNKNOWN in entry
                found.append(entry)
    return Deployed(tuple(dict.fromkeys(each for each in found if UNKNOWN not in each)), is_open)


def _of_server(server: Server, homes: Sequence[str], properties: Mapping[str, str], ground: Ground) -> Iterator[str]:
    base = homes[0]
    settings = ground.small(f"{base}/{server.settings}") if server.settings else b""
    named = [_text(match[1], properties) for match in _PLACES.finditer(settings)]
    yield from (f"{joined(home, each)}/*" for home in homes for each in server.libraries)
    applications: dict[str, None] = {}
    for place in (joined(base, each) for each in (named or server.deployed)):
        if UNKNOWN in place:
            yield place
        names = ground.listed(place)
        for name in ground.some(sorted(names), APPLICATIONS_MAX):
            # One that is unpacked lies beside its archive.
            if not (name.endswith(ARCHIVES) and posixpath.splitext(name)[0] in names):
                applications[f"{place}/{name}"] = None
        for text in (settings, *_contexts(server, base, ground)):
            for match in ground.some(list(_CONTEXT.finditer(text)), CONTEXTS_MAX):
                applications[joined(place, _text(match[1] or match[2], properties))] = None
    for path in applications:
        yield from [path] if UNKNOWN in path else _of_application(path, ground)


def _contexts(server: Server, base: str, ground: Ground) -> Iterator[bytes]:
    """Files that say of one application each where it lies: Tomcat's are in directories by engine and host."""
    if not server.contexts:
        return
    top = f"{base}/{server.contexts}"
    engines = ground.some([f"{top}/{name}" for name in sorted(ground.listed(top)) if "." not in name], CONTEXTS_MAX)
    hosts = [f"{at}/{name}" for at in engines for name in sorted(ground.listed(at)) if not name.endswith(".xml")]
    places = (top, *ground.some(hosts, CONTEXTS_MAX))
    files = [f"{at}/{name}" for at in places for name in sorted(ground.listed(at)) if name.endswith(".xml")]
    yield from (ground.small(path) for path in ground.some(files, CONTEXTS_MAX))


def _text(value: bytes, properties: Mapping[str, str]) -> str:
    """A path with the properties in it that the command line has."""
    text = value.decode("utf-8", "replace").strip()
    for name, known in properties.items():
        text = text.replace(f"${{{name}}}", known)
    return text


def _of_application(path: str, ground: Ground, depth: int = 0) -> Iterator[str]:
    """An application that is unpacked, with its parts, or its archive."""
    names = ground.listed(path)
    if not names:
        if path.endswith(ARCHIVES) and ground.has(path):
            yield path
        return
    yield from (f"{path}/{part}/classes" for part in ("WEB-INF", "BOOT-INF") if part in names)
    yield from (f"{path}/{part}/lib/*" for part in ("WEB-INF", "BOOT-INF") if part in names)
    yield from [f"{path}/lib/*"] if "lib" in names and "WEB-INF" not in names else []
    for name in ground.some(sorted(names), APPLICATIONS_MAX):
        if name.endswith(ARCHIVES) and depth < DEPTH_MAX:
            yield from _of_application(f"{path}/{name}", ground, depth + 1)
