"""Plug-ins that programs of Java find by themselves, in directories that are on no class path. Their code may be much, and only the
libraries in their archives are asked for.

Source: documentation of Jenkins (JENKINS_HOME), Elasticsearch and OpenSearch (plugins, modules), Trino (plugin), Kafka Connect
(plugin.path), Flink (FLINK_PLUGINS_DIR), NiFi (archives of its own in lib).
"""

from __future__ import annotations

import itertools
import posixpath
import re
from collections.abc import Iterable, Iterator

from imds_probe.inventory.code.following.arguments import read
from imds_probe.inventory.code.following.ground import Ground
from imds_probe.inventory.code.following.java import OPTIONS, PATHS
from imds_probe.inventory.code.following.java_servers import properties_of
from imds_probe.inventory.sdks.jar import ARCHIVES
from imds_probe.inventory.sdks.start import Start

ENDS = (*ARCHIVES, ".hpi", ".jpi", ".nar")
NAMES = ("plugins", "plugin", "modules")
HOMES = ("es.path.home", "opensearch.path.home")
PLACES_MAX, PLUGINS_MAX, ARCHIVES_MAX, WORDS_MAX = 50, 1000, 3000, 20
_OF_ANYBODY = frozenset(("", "/", "/usr", "/usr/local", "/usr/share", "/opt"))
_WITHIN = ("", "/lib", "/WEB-INF/lib")  # of a plug-in that is unpacked
_PLUGIN_PATH = re.compile(rb"^[ \t]{0,9}plugin\.path[ \t]{0,9}[=:][ \t]{0,9}([^\r\n]{1,2000})", re.MULTILINE)
_LIBRARIES, _JAVA = ("lib", "libs"), re.compile(rb"\$\{?JAVA|\bjava\b")
_JENKINS = "jenkins.war"


def plugged(start: Start, ground: Ground) -> list[str]:
    """The archives of a program's plug-ins."""
    return _archives(_places(start, ground), ground)


def launched(start: Start, ground: Ground) -> list[str]:
    """Archives that a script in "bin" may have Java load: those of the libraries and plug-ins beside it. Such scripts put together
    what they start as only running tells.
    """
    places: list[str] = []
    for script in start.scripts():
        above, found, name = script.rpartition("/bin/")
        if found and above not in _OF_ANYBODY and "/" not in name and _JAVA.search(ground.small(script)):
            places += [f"{above}/{each}" for each in (*_LIBRARIES, *NAMES)]
    return _archives(places, ground)


def _archives(places: Iterable[str], ground: Ground) -> list[str]:
    found: dict[str, None] = {}
    for place in itertools.islice(dict.fromkeys(places), PLACES_MAX):
        names = ground.listed(place)
        found.update(dict.fromkeys(f"{place}/{name}" for name in sorted(names) if name.endswith(ENDS)))
        for name in ground.some([each for each in sorted(names) if not each.endswith(ENDS)], PLUGINS_MAX):
            for within in (f"{place}/{name}{each}" for each in _WITHIN):
                inner = sorted(ground.listed(within))
                found.update(dict.fromkeys(f"{within}/{each}" for each in inner if each.endswith(ENDS)))
    return ground.regular(ground.some(list(found), ARCHIVES_MAX))


def _places(start: Start, ground: Ground) -> Iterator[str]:
    given = read(start.arguments, OPTIONS)
    own = [start.path(value) for _, value in given.required]
    yield from _of_jenkins(start, own, ground)
    yield from start.listed("FLINK_PLUGINS_DIR")
    properties = properties_of(start)
    homes = [start.path(properties[name]) for name in HOMES if name in properties]
    entries = [*start.listed("CLASSPATH"), *own]
    for option, value in itertools.pairwise(start.arguments):
        entries += [start.path(part) for part in value.split(":") if part] if option in PATHS else []
    for entry in entries:
        above, found, _ = f"{entry}/".rpartition("/lib/")
        homes += [above] if found else []
    for home in dict.fromkeys(homes):
        if home not in _OF_ANYBODY:
            yield from (f"{home}/{name}" for name in NAMES)
            if any(name.endswith(".nar") for name in ground.listed(f"{home}/lib")):
                yield f"{home}/lib"
    # Settings are what stands behind the class that begins.
    for path in (start.path(word) for word in given.rest[:WORDS_MAX] if word.endswith(".properties")):
        for match in _PLUGIN_PATH.finditer(ground.small(path)):
            named = match[1].decode("utf-8", "replace").split(",")
            yield from (start.path(each.strip()) for each in named if each.strip())


def _of_jenkins(start: Start, own: list[str], ground: Ground) -> Iterator[str]:
    if not any(posixpath.basename(path) == _JENKINS for path in own):
        return
    named = properties_of(start).get("JENKINS_HOME") or start.environment.get("JENKINS_HOME")
    home = start.environment.get("HOME")
    usual = [*([f"{home}/.jenkins"] if home else []), "/var/lib/jenkins"]
    for place in [start.path(named)] if named else usual:
        if ground.listed(place):
            yield f"{place}/plugins"
