"""What a running process has loaded, and where its interpreter looks for libraries: all from /proc, nothing is executed.

Paths are as the process sees them, below its own root directory. Sources: proc(5); the start-up documentation of each
interpreter (Python's site module, Node's module resolution, Ruby's Gem.path, java's class path).
"""

from __future__ import annotations

import os
import posixpath
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from imds_probe.confined import real_path
from imds_probe.small_file import read_head, read_pieces

MAPS_LIMIT_BYTES = 4 * 1024 * 1024  # a JVM with thousands of mappings has some hundred KB
LIMIT_BYTES = 256 * 1024
DESCRIPTORS_MAX = 4096  # looked at of a JVM, for the archives that it holds open
ANCESTORS_MAX = 12  # directories above the script that Node looks into, too
ARCHIVES = (".jar", ".war", ".ear", ".zip")
INTERPRETERS = frozenset(
    {"python", "node", "nodejs", "java", "ruby", "php", "php-fpm", "dotnet", "perl", "bash", "dash"}
)
_VARIABLES = frozenset(
    {
        *("HOME", "VIRTUAL_ENV", "PYTHONPATH", "PYTHONHOME", "NODE_PATH", "CLASSPATH"),
        *("GEM_HOME", "GEM_PATH", "BUNDLE_PATH"),
    }
)
_PHP_APPLICATIONS = ("/var/www", "/var/www/*", "/srv", "/srv/*", "/app", "/opt/*", "/usr/share/*")
_PYTHON = re.compile(r"python(?:2|3)?(?:\.(\d{1,2}))?")
_SITE = re.compile(r"(.*/(?:site|dist)-packages)/")
_GEMS = re.compile(r"(.*)/(?:gems|extensions)/")
_MAPPED = re.compile(rb"^\S+ \S+ \S+ \S+ [1-9]\d* +(/.*)$", re.MULTILINE)  # those with an inode have a file


@dataclass(frozen=True)
class Running:
    """One process. `loaded` are the files that it has mapped or holds open: its executable, shared objects, archives.

    `directories` are where libraries of an ecosystem ("pypi", "npm", "gem", "composer", "nuget", "maven") would be
    found, the most specific first; they need not exist. `base` are those of a Python outside of its virtual
    environment, whose prefix may be one of `prefixes`. `scripts` are what an interpreter may have been started with.
    `replaced` are files that are mapped and no longer there: an upgrade that the process has not seen yet.
    `without_tls` is a directory of modules that is to be asked whether TLS is one of them: then this process has not
    loaded it.
    """

    pid: int
    executable: str
    loaded: frozenset[str]
    directories: tuple[tuple[str, str], ...]
    replaced: frozenset[str] = frozenset()
    base: tuple[tuple[str, str], ...] = ()
    prefixes: tuple[str, ...] = ()
    scripts: tuple[str, ...] = ()
    without_tls: str = ""


def look(proc: Path, pid: int) -> Running | None:
    """One process; None where it has ended or is a kernel's. Raises PermissionError where it may not be looked at."""
    at = proc / str(pid)
    try:
        arguments = _split(read_head(at / "cmdline", LIMIT_BYTES))
        if not arguments and not _may_be_program(at):
            return None
        executable = os.readlink(at / "exe")
        root = os.readlink(at / "root")
        directory = os.readlink(at / "cwd")
        mapped, replaced = _mapped(at, root)
    except PermissionError:
        raise
    except OSError:
        return None
    executable = _below(executable.removesuffix(" (deleted)"), root)
    environment = _environment(at)
    kinds = dict.fromkeys(_interpreters(executable, mapped))
    loaded = {executable, *mapped}
    if "java" in kinds:
        loaded.update(_open_archives(at, root))
    start = _Start(executable, _below(directory, root), tuple(arguments), environment, mapped, at / "root")
    directories = [place for kind in kinds for place in _PLACES[kind](start)]
    python = "python" in kinds
    return Running(
        pid,
        executable,
        frozenset(loaded),
        tuple(dict.fromkeys(directories)),
        replaced=frozenset(replaced),
        base=tuple(_python_base(start)) if python else (),
        prefixes=start.prefixes() if python else (),
        scripts=tuple(start.scripts()) if python or "node" in kinds else (),
        without_tls=_modules_without_tls(start) if python else "",
    )


def _may_be_program(at: Path) -> bool:
    """Kernel threads and zombies have no arguments and no memory; a program may have wiped its arguments."""
    return bool(read_head(at / "statm", 64).split()[:1] not in ([], [b"0"]))


@dataclass(frozen=True)
class _Start:
    """How a program was started."""

    executable: str
    directory: str
    arguments: tuple[str, ...]
    environment: Mapping[str, str]
    mapped: frozenset[str]
    root: Path

    def path(self, name: str) -> str:
        """A path that the program was given, from its own directory on."""
        return posixpath.normpath(posixpath.join(self.directory, name))

    def listed(self, variable: str) -> list[str]:
        """The directories that a variable lists."""
        return [self.path(part) for part in self.environment.get(variable, "").split(":") if part]

    def scripts(self) -> Iterator[str]:
        """Arguments that may be the script: the first few that are no options; where they are links, what those lead to,
        as an interpreter has it.
        """
        for argument in [each for each in self.arguments[1:6] if not each.startswith("-")][:2]:
            path = self.path(argument)
            yield path
            real = real_path(self.root, path)
            if real is not None and real != path:
                yield real

    def prefixes(self) -> tuple[str, ...]:
        """Directories that may be a virtual environment's.

        The first argument and a script in bin keep its name, where the executable itself is a link.
        """
        first = [self.path(self.arguments[0])] if self.arguments and "/" in self.arguments[0] else []
        named = (posixpath.dirname(posixpath.dirname(path)) for path in (*first, *self.scripts()))
        return tuple(dict.fromkeys([*self.listed("VIRTUAL_ENV"), *self.listed("PYTHONHOME"), *named]))


def _interpreters(executable: str, mapped: frozenset[str]) -> Iterator[str]:
    name = posixpath.basename(executable)
    libraries = {posixpath.basename(path).partition(".so")[0] for path in mapped}
    if _PYTHON.fullmatch(name) or any(library.startswith("libpython") for library in libraries):
        yield "python"
    if name in ("node", "nodejs") or "libnode" in libraries:
        yield "node"
    if name == "java" or "libjvm" in libraries:
        yield "java"
    if name.startswith("ruby") or any(library.startswith("libruby") for library in libraries):
        yield "ruby"
    if name.startswith("php") or any(library.startswith("libphp") for library in libraries):
        yield "php"
    if name == "dotnet" or "libcoreclr" in libraries or "libhostfxr" in libraries:
        yield "dotnet"


def _python(start: _Start) -> Iterator[tuple[str, str]]:
    for path in sorted(start.mapped):
        if match := _SITE.match(path):
            yield "pypi", match[1]
        elif posixpath.basename(path).startswith("libpython"):
            yield "pypi", posixpath.dirname(path)  # where a program that was bundled with its Python has the rest
    for path in start.scripts():
        yield "pypi", posixpath.dirname(path)
    if "-m" in start.arguments[1:6]:
        yield "pypi", start.directory
    for directory in start.listed("PYTHONPATH"):
        yield "pypi", directory
    for prefix in start.prefixes():
        yield from _site(start, prefix)


def _python_base(start: _Start) -> Iterator[tuple[str, str]]:
    home = start.environment.get("HOME")
    own = posixpath.dirname(posixpath.dirname(start.executable))
    for prefix in dict.fromkeys([own, *([f"{home}/.local"] if home else []), "/usr/local", "/usr"]):
        yield from _site(start, prefix)


def _site(start: _Start, prefix: str) -> Iterator[tuple[str, str]]:
    version = _python_directory(start)
    for library in ("lib", "lib64"):
        yield "pypi", f"{prefix}/{library}/{version}/site-packages"
    yield "pypi", f"{prefix}/lib/{version}/dist-packages"
    yield "pypi", f"{prefix}/lib/python3/dist-packages"


def _python_directory(start: _Start) -> str:
    match = _PYTHON.fullmatch(posixpath.basename(start.executable))
    return f"python3.{match[1]}" if match and match[1] else "python3*"


def _modules_without_tls(start: _Start) -> str:
    """Every HTTP client in Python imports ssl, also the AWS SDK's: a process that has not cannot have loaded it yet."""
    names = {posixpath.basename(path) for path in start.mapped}
    if any(name.startswith(("_ssl.", "libssl.", "libssl-", "_ssl-")) for name in names):
        return ""
    prefix = posixpath.dirname(posixpath.dirname(start.executable))
    return f"{prefix}/lib/{_python_directory(start)}/lib-dynload"


def _node(start: _Start) -> Iterator[tuple[str, str]]:
    for path in (*start.scripts(), f"{start.directory}/x"):
        directory = posixpath.dirname(path)
        for _ in range(ANCESTORS_MAX):
            yield "npm", posixpath.join(directory, "node_modules")
            if directory in ("/", ""):
                break
            directory = posixpath.dirname(directory)
    for directory in start.listed("NODE_PATH"):
        yield "npm", directory


def _java(start: _Start) -> Iterator[tuple[str, str]]:
    entries = start.listed("CLASSPATH")
    for index, argument in enumerate(start.arguments):
        following = start.arguments[index + 1] if index + 1 < len(start.arguments) else ""
        if argument in ("-cp", "-classpath", "--class-path", "-jar", "-p", "--module-path"):
            entries += [start.path(part) for part in following.split(":") if part]
    for entry in entries:
        yield "maven", entry.removesuffix("/*")


def _ruby(start: _Start) -> Iterator[tuple[str, str]]:
    for path in sorted(start.mapped):
        if match := _GEMS.match(path):
            yield "gem", match[1]
    for variable in ("GEM_HOME", "GEM_PATH", "BUNDLE_PATH"):
        for directory in start.listed(variable):
            yield "gem", directory
    for path in (*start.scripts(), f"{start.directory}/x"):
        yield "gem", f"{posixpath.dirname(path)}/vendor/bundle"
    prefix = posixpath.dirname(posixpath.dirname(start.executable))
    for directory in (f"{prefix}/lib/ruby/gems", "/var/lib/gems", "/usr/share/rubygems-integration", "/usr/share/gems"):
        yield "gem", directory


def _php(start: _Start) -> Iterator[tuple[str, str]]:
    for path in (*start.scripts(), f"{start.directory}/x"):
        directory = posixpath.dirname(path)
        for _ in range(3):
            yield "composer", posixpath.join(directory, "vendor/composer")
            directory = posixpath.dirname(directory)
    # A worker of php-fpm or Apache does not say which application it serves.
    for directory in _PHP_APPLICATIONS:
        yield "composer", f"{directory}/vendor/composer"


def _dotnet(start: _Start) -> Iterator[tuple[str, str]]:
    for path in (*start.scripts(), start.executable):
        yield "nuget", posixpath.dirname(path)


_PLACES: dict[str, Callable[[_Start], Iterator[tuple[str, str]]]] = {
    "python": _python,
    "node": _node,
    "java": _java,
    "ruby": _ruby,
    "php": _php,
    "dotnet": _dotnet,
}


def _mapped(at: Path, root: str) -> tuple[frozenset[str], set[str]]:
    """Files that are mapped, and those of them that are gone."""
    content = read_pieces(at / "maps", MAPS_LIMIT_BYTES)
    there: set[str] = set()
    gone: set[str] = set()
    for raw in set(_MAPPED.findall(content)):
        path = raw.decode(errors="replace")
        (gone if path.endswith(" (deleted)") else there).add(_below(path.removesuffix(" (deleted)"), root))
    return frozenset(there), gone


def _open_archives(at: Path, root: str) -> Iterator[str]:
    try:
        with os.scandir(at / "fd") as entries:
            for _, entry in zip(range(DESCRIPTORS_MAX), entries, strict=False):
                target = _link(entry.path)
                if target.startswith("/") and target.endswith(ARCHIVES):
                    yield _below(target, root)
    except OSError:
        return  # it ended, or may not be looked at: what is mapped is known


def _environment(at: Path) -> dict[str, str]:
    """Only what says where libraries are; other variables may be secrets. Empty where it may not be read."""
    try:
        entries = _split(read_head(at / "environ", LIMIT_BYTES))
    except OSError:
        return {}
    pairs = (entry.partition("=") for entry in entries)
    return {name: value for name, separator, value in pairs if separator and name in _VARIABLES}


def _split(content: bytes) -> list[str]:
    return [part.decode(errors="replace") for part in content.split(b"\0") if part]


def _below(path: str, root: str) -> str:
    """The path without the root directory of a process that was chrooted without a mount namespace of its own."""
    return path if root == "/" else path.removeprefix(root) or "/"


def _link(path: str) -> str:
    try:
        return os.readlink(path)
    except OSError:
        return ""
