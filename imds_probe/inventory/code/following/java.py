"""Java: archives and directories of the class path. Source: the java command's options; the JAR file specification, Class-Path."""

from __future__ import annotations

import itertools
import posixpath
import re
from collections.abc import Iterator, Sequence
from typing import BinaryIO

from imds_probe.inventory.code.following.arguments import Options, read
from imds_probe.inventory.code.following.ground import Ground
from imds_probe.inventory.code.following.java_servers import deployed
from imds_probe.inventory.code.following.language import Language
from imds_probe.inventory.code.following.loads import NOTHING, Asked, Begun, Load, Way, asked, joined
from imds_probe.inventory.code.following.machines import BESIDE_MAX, OF_ANYBODY, given_files
from imds_probe.inventory.sdks.archive import Archive, NotAnArchive
from imds_probe.inventory.sdks.jar import ARCHIVES
from imds_probe.inventory.sdks.start import Start

MANIFEST_MAX_BYTES = 256 * 1024
ARCHIVES_MAX, CLASSES_MAX = 1000, 6000
PATHS = ("-cp", "-classpath", "--class-path", "-p", "--module-path")
OPTIONS = Options(
    values=(*PATHS, "--add-modules", "-m", "--module", "--add-opens", "--add-exports", "--add-reads"),
    required=("-jar",),
    attached=False,
)
_SOURCES = (
    ".rb",
    ".py",
    ".groovy",
    ".clj",
    ".cljc",
    ".js",
    ".kts",
    ".scala",
    ".bsh",
    ".jsh",
    ".java",
    ".lua",
    ".R",
    ".bal",
)
# What begins the machines of other languages within this one, as a class or an archive, and what these have without a script.
_RUNS_SCRIPTS = re.compile(
    r"(?:org\.jruby\.|jython|groovy\.ui\.|GroovyStarter|clojure\.main|bsh\.Interpreter|javascript\.tools\.shell|org\.renjin)|"
    r"/(?:jruby|jython|groovy|clojure|rhino|js|bsh|renjin)(?:-[\w.-]{1,60})?\.jar\Z"
)
_LOADED_BY_NAME = frozenset(("-m", "--main", "-e", "--eval", "-v", "--version", "--help", "-h"))
_VARIABLE_ALONE = re.compile(r"\$(?:\w{1,100}|\{\w{1,100}(?::?-|\[[@*]\])?\})")
_AGENT = re.compile(r"-javaagent:([^=]{1,4000})")
_MANIFEST = re.compile(rb"META-INF/MANIFEST\.MF")
_CLASS_PATH = re.compile(rb"^Class-Path:[ ]*([^\r\n]*(?:\r?\n [^\r\n]*)*)", re.MULTILINE | re.IGNORECASE)
# A JVM's own archives lie beside it.
_OWN = re.compile(r".*/(?:jre|jvm|jdk)[^/]*/(?:[^/]+/)?lib/(?:[^/]+/)*[^/]+\.jar")


def _runs(program: str, libraries: frozenset[str]) -> bool:
    return program == "java" or "libjvm" in libraries


def _begins(start: Start, ground: Ground) -> Begun:
    given = _without_unknown(start.arguments)
    entries = start.listed("CLASSPATH")
    for option, value in itertools.pairwise(given):
        if option in PATHS:
            entries += [start.path(part) for part in value.split(":") if part]
    own = [start.path(value) for _, value in read(given, OPTIONS).required]
    entries += [*own, *(start.path(match[1]) for each in given if (match := _AGENT.match(each)))]
    served = deployed(start, given[given.index("-jar") + 2 :] if own else (), ground)
    entries += served.entries
    found = dict.fromkeys(path for entry in entries for path in _entry(entry, ground))
    way = Way(posixpath.dirname(own[0]) if own else start.directory)
    loads = tuple(Load(path, path if path.endswith(ARCHIVES) else _directory(path, entries)) for path in found)
    behind = _behind(given)
    scripts = _scripts(start, behind, ground)
    runs_scripts = any(_RUNS_SCRIPTS.search(each) for each in (*behind[:1], *own))
    if runs_scripts and not scripts and len(behind) > (not own) and _LOADED_BY_NAME.isdisjoint(behind):
        return Begun(way, loads, unknown=True)
    loads += tuple(map(Load, scripts))
    mapped = any(path.endswith(ARCHIVES) for path in start.mapped)
    return Begun(way, loads, unknown=served.is_open or (not loads and not mapped))


def _without_unknown(arguments: Sequence[str]) -> tuple[str, ...]:
    """Without words of which only running tells what they are, where an option follows them: `java $JAVA_OPTS -jar x.jar`.
    What begins a program has no option of the machine's behind it, and what stands behind that is the program's.
    """
    kept: list[str] = []
    for at, word in enumerate(arguments):
        following = next((each for each in arguments[at + 1 :] if not _is_unknown(each)), "")
        option = arguments[at - 1] if at else ""
        valued = option in (*OPTIONS.values, *OPTIONS.required)
        if at and (option in OPTIONS.required or not (valued or _is_unknown(word) or word.startswith("-"))):
            return (*kept, *arguments[at:])
        if not at or valued or not _is_unknown(word) or not following.startswith("-"):
            kept.append(word)
    return tuple(kept)


def _is_unknown(word: str) -> bool:
    return not word or _VARIABLE_ALONE.fullmatch(word) is not None


def _behind(arguments: Sequence[str]) -> tuple[str, ...]:
    """The class that begins and its arguments, or those of an archive."""
    given = read(arguments, OPTIONS)
    return (given.script, *given.rest) if given.script else ()


def _scripts(start: Start, behind: Sequence[str], ground: Ground) -> list[str]:
    """Scripts of JRuby, Groovy and the like among these arguments, with those that lie beside one."""
    found = [path for path in given_files(start, behind, ground) if _is_script(path, ground)]
    beside: dict[str, None] = {}
    for path in found:
        at, end = posixpath.dirname(path), posixpath.splitext(path)[1]
        if end and posixpath.basename(at) not in OF_ANYBODY:
            beside.update(dict.fromkeys(ground.walked(at, (end,), BESIDE_MAX, of_program=True)))
    return list(dict.fromkeys((*found, *beside)))


def _is_script(path: str, ground: Ground) -> bool:
    return path.endswith(_SOURCES) or ground.head(path)[:2] == b"#!"


def _archives(directory: str, ground: Ground) -> Sequence[str]:
    return ground.some([name for name in sorted(ground.listed(directory)) if name.endswith(ARCHIVES)], ARCHIVES_MAX)


def _entry(entry: str, ground: Ground) -> Iterator[str]:
    if entry.endswith("/*"):
        at = entry.removesuffix("/*")
        yield from (f"{at}/{name}" for name in _archives(at, ground))
    elif ground.listed(entry):
        yield from ground.walked(entry, (".class", ".clj", ".cljc", ".groovy"), CLASSES_MAX, of_program=True)
        yield from (f"{entry}/{name}" for name in _archives(entry, ground))
    elif ground.has(entry) and not _OWN.fullmatch(entry):
        yield entry


def _directory(path: str, entries: list[str]) -> str | None:
    return next((entry for entry in entries if path.startswith(f"{entry}/")), None)


def asked_by(file: BinaryIO) -> Asked:
    """The class path that an archive's manifest names."""
    try:
        archive = Archive(file)
        entry = next(archive.entries(b"META-INF/MANIFEST.MF", _MANIFEST), None)
        manifest = archive.content(entry, MANIFEST_MAX_BYTES) if entry else None
    except NotAnArchive:
        return NOTHING
    match = _CLASS_PATH.search(manifest or b"")
    lines = match[1].replace(b"\r", b"").replace(b"\n ", b"") if match else b""
    return asked(path for path in lines.decode("utf-8", "replace").split() if "://" not in path)


def _found(given: Asked, load: Load, way: Way, ground: Ground) -> Iterator[Load]:
    here = posixpath.dirname(load.path)
    for name in given.names:
        for path in _entry(joined(here, name.removeprefix("file:")), ground):
            yield Load(path, path if path.endswith(ARCHIVES) else None)


LANGUAGE = Language("java", _runs, _begins, asked_by, _found, (*ARCHIVES, ".class"))
