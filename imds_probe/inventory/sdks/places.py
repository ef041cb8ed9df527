"""Where interpreters look for libraries, by how a program was started.

Source: the start-up documentation of each: Python's site module, Node's module resolution, Ruby's Gem.path, java's class
path, Composer's autoloader, .NET's probing of an application's own directory.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from imds_probe.system.confined import real_path

ANCESTORS_MAX = 12  # directories above the script that Node looks into, too
_PHP_APPLICATIONS = ("/var/www", "/var/www/*", "/srv", "/srv/*", "/app", "/opt/*", "/usr/share/*")
_PYTHON = re.compile(r"python(?:2|3)?(?:\.(\d{1,2}))?")
_SITE = re.compile(r"(.*/(?:site|dist)-packages)/")
_GEMS = re.compile(r"(.*)/(?:gems|extensions)/")


@dataclass(frozen=True)
class Start:
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


def interpreters(executable: str, mapped: frozenset[str]) -> Iterator[str]:
    """Which of PLACES's interpreters run here, by the program's name or what it has mapped."""
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


def _python(start: Start) -> Iterator[tuple[str, str]]:
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


def python_base(start: Start) -> Iterator[tuple[str, str]]:
    """Places of the Python that a virtual environment was made from, and of the user's own."""
    home = start.environment.get("HOME")
    own = posixpath.dirname(posixpath.dirname(start.executable))
    for prefix in dict.fromkeys([own, *([f"{home}/.local"] if home else []), "/usr/local", "/usr"]):
        yield from _site(start, prefix)


def _site(start: Start, prefix: str) -> Iterator[tuple[str, str]]:
    version = _python_directory(start)
    for library in ("lib", "lib64"):
        yield "pypi", f"{prefix}/{library}/{version}/site-packages"
    yield "pypi", f"{prefix}/lib/{version}/dist-packages"
    yield "pypi", f"{prefix}/lib/python3/dist-packages"


def _python_directory(start: Start) -> str:
    match = _PYTHON.fullmatch(posixpath.basename(start.executable))
    return f"python3.{match[1]}" if match and match[1] else "python3*"


def modules_without_tls(start: Start) -> str:
    """Every HTTP client in Python imports ssl, also the AWS SDK's: a process that has not cannot have loaded it yet."""
    names = {posixpath.basename(path) for path in start.mapped}
    if any(name.startswith(("_ssl.", "libssl.", "libssl-", "_ssl-")) for name in names):
        return ""
    prefix = posixpath.dirname(posixpath.dirname(start.executable))
    return f"{prefix}/lib/{_python_directory(start)}/lib-dynload"


def _node(start: Start) -> Iterator[tuple[str, str]]:
    for path in (*start.scripts(), posixpath.join(start.directory, "x")):
        directory = posixpath.dirname(path)
        for _ in range(ANCESTORS_MAX):
            yield "npm", posixpath.join(directory, "node_modules")
            if directory in ("/", ""):
                break
            directory = posixpath.dirname(directory)
    for directory in start.listed("NODE_PATH"):
        yield "npm", directory


def _java(start: Start) -> Iterator[tuple[str, str]]:
    entries = start.listed("CLASSPATH")
    for index, argument in enumerate(start.arguments):
        following = start.arguments[index + 1] if index + 1 < len(start.arguments) else ""
        if argument in ("-cp", "-classpath", "--class-path", "-jar", "-p", "--module-path"):
            entries += [start.path(part) for part in following.split(":") if part]
    for entry in entries:
        yield "maven", entry.removesuffix("/*")


def _ruby(start: Start) -> Iterator[tuple[str, str]]:
    for path in sorted(start.mapped):
        if match := _GEMS.match(path):
            yield "gem", match[1]
    for variable in ("GEM_HOME", "GEM_PATH", "BUNDLE_PATH"):
        for directory in start.listed(variable):
            yield "gem", directory
    for path in (*start.scripts(), posixpath.join(start.directory, "x")):
        yield "gem", f"{posixpath.dirname(path)}/vendor/bundle"
    prefix = posixpath.dirname(posixpath.dirname(start.executable))
    for directory in (f"{prefix}/lib/ruby/gems", "/var/lib/gems", "/usr/share/rubygems-integration", "/usr/share/gems"):
        yield "gem", directory


def _php(start: Start) -> Iterator[tuple[str, str]]:
    for path in (*start.scripts(), posixpath.join(start.directory, "x")):
        directory = posixpath.dirname(path)
        for _ in range(3):
            yield "composer", posixpath.join(directory, "vendor/composer")
            directory = posixpath.dirname(directory)
    # A worker of php-fpm or Apache does not say which application it serves.
    for directory in _PHP_APPLICATIONS:
        yield "composer", f"{directory}/vendor/composer"


def _dotnet(start: Start) -> Iterator[tuple[str, str]]:
    for path in (*start.scripts(), start.executable):
        yield "nuget", posixpath.dirname(path)


PLACES: dict[str, Callable[[Start], Iterator[tuple[str, str]]]] = {
    "python": _python,
    "node": _node,
    "java": _java,
    "ruby": _ruby,
    "php": _php,
    "dotnet": _dotnet,
}
