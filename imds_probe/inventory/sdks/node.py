"""Node packages in a node_modules directory, nested ones and pnpm's store, too.

Source: Node's documentation of module loading from node_modules, npm's package.json; pnpm's "Symlinked node_modules
structure": .pnpm/NAME@VERSION/node_modules/NAME, with a plus sign for the slash of a scope. Of Yarn's Plug'n'Play see node_plugged.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Collection, Iterator
from pathlib import Path

from imds_probe.ecosystems.npm import ECOSYSTEM
from imds_probe.inventory.sdks import node_plugged
from imds_probe.inventory.sdks.bundle import BUNDLE_MIN_BYTES, SCRIPTS, bundled_libraries
from imds_probe.inventory.sdks.libraries import Library
from imds_probe.inventory.sdks.recogniser import Directories, Files, Located, Recogniser, Runtime
from imds_probe.inventory.sdks.start import Start
from imds_probe.system import rootfs

DIRECTORY = "node_modules"
# NAME@VERSION/node_modules/NAME in each, of npm's linked installs the last; Yarn's has NAME-npm-VERSION-DIGEST/package.
STORES = (".pnpm", ".bun", ".deno", ".store")
_OF_YARN = "-npm-"
DATA = ".pnp.data.json"
ANCESTORS_MAX = 12  # directories above the script that Node looks into, too
PACKAGE_MAX_BYTES = 1024 * 1024
PROGRAMS = frozenset({"node", "nodejs", "bun", "bunx", "deno"})
# Where Deno keeps what it fetched for all projects, a directory for each version. Source: Deno's manual, DENO_DIR.
_CACHE = "npm/registry.npmjs.org"
_CACHES = ("/root/.cache/deno", "/home/*/.cache/deno", "/deno-dir", "/var/cache/deno")
VERSIONS_MAX = 100  # of one package in it
_VERSION = re.compile(r"[0-9A-Za-z][0-9A-Za-z.+_-]{0,99}")


def libraries_in(root: Path, path: str, names: Collection[str]) -> list[Located]:
    """See Directories. Only what lies directly in this directory, and in stores below it, as pnpm's."""
    entries = set(rootfs.names(root, path))
    if path.endswith(_CACHE):
        return list(_fetched(root, path, entries, names))
    found = list(_packages(root, path, entries, names))
    for store in STORES:
        if store in entries:
            found += _stored(root, f"{path}/{store}", names)
    return found


def _stored(root: Path, path: str, names: Collection[str]) -> Iterator[Located]:
    flat = {name.replace("/", "-"): name for name in names}
    for entry in rootfs.names(root, path):
        name = entry.partition("@")[0] if entry[0] != "@" else "@" + entry[1:].partition("@")[0]
        name = name.replace("+", "/")
        if name in names:
            yield from _package(root, f"{path}/{entry}/{DIRECTORY}/{name}", name)
        elif of_yarn := flat.get(entry.partition(_OF_YARN)[0]):
            yield from _package(root, f"{path}/{entry}/package", of_yarn)


def _packages(root: Path, path: str, entries: Collection[str], names: Collection[str]) -> Iterator[Located]:
    for name in sorted(names):
        if name.partition("/")[0] in entries:
            yield from _package(root, f"{path}/{name}", name)


def _fetched(root: Path, path: str, entries: Collection[str], names: Collection[str]) -> Iterator[Located]:
    for name in sorted(names):
        if name.partition("/")[0] in entries:
            for version in sorted(rootfs.names(root, f"{path}/{name}"))[:VERSIONS_MAX]:
                if _VERSION.fullmatch(version) and version[0].isdigit():
                    yield from _package(root, f"{path}/{name}/{version}", name)


def _package(root: Path, place: str, name: str) -> Iterator[Located]:
    try:
        content = rootfs.read_json(root, f"{place}/package.json", PACKAGE_MAX_BYTES)
    except rootfs.FileUnreadable:
        content = {}  # there is a package, of which nothing more is to be known
    if not isinstance(content, dict):
        return
    if content.get("name", name) != name:
        return  # a link to another package, by npm's aliases
    version = content.get("version")
    checked = version if isinstance(version, str) and _VERSION.fullmatch(version) else None
    yield Located(Library("npm", name, checked, "package.json"), place)


def _places(start: Start) -> Iterator[str]:
    for path in (*start.scripts(), posixpath.join(start.directory, "x")):
        directory = posixpath.dirname(path)
        for _ in range(ANCESTORS_MAX):
            yield posixpath.join(directory, DIRECTORY)
            for name in node_plugged.FILES:
                yield posixpath.join(directory, name)
            if directory in ("/", ""):
                break
            directory = posixpath.dirname(directory)
    yield from start.listed("NODE_PATH")
    if posixpath.basename(start.executable) == "deno":
        for directory in (*start.listed("DENO_DIR"), *_CACHES):
            yield f"{directory}/{_CACHE}"


def _runs(program: str, libraries: Collection[str]) -> bool:
    return program in PROGRAMS or "libnode" in libraries


RECOGNISER = Recogniser(
    (ECOSYSTEM,),
    directories=Directories(libraries_in, frozenset({DIRECTORY})),
    files=Files("script", bundled_libraries, ends=(*SCRIPTS, DATA), min_bytes=BUNDLE_MIN_BYTES),
    runtime=Runtime(PROGRAMS, _runs, _places, frozenset({"NODE_PATH", "DENO_DIR"}), reads_scripts=True),
)
