"""Ruby gems by their specifications: a GEM_HOME, Bundler's vendor/bundle, a distribution's directory.

Source: RubyGems' layout, `gem environment`: specifications/NAME-VERSION[-PLATFORM].gemspec beside gems/NAME-VERSION.
"""

from __future__ import annotations

import posixpath
import re
import stat
from collections.abc import Collection, Iterator
from pathlib import Path

from imds_probe.ecosystems.gem import ECOSYSTEM
from imds_probe.inventory.code.following import bundler
from imds_probe.inventory.code.following.ground import Ground
from imds_probe.inventory.sdks.libraries import Library
from imds_probe.inventory.sdks.recogniser import Directories, Located, OwnCode, Recogniser, Runtime
from imds_probe.inventory.sdks.start import Start
from imds_probe.system import rootfs
from imds_probe.system.confined import FileFailed
from imds_probe.system.door import FileStatus

DIRECTORY, GEMS = "specifications", "gems"
DIRECTORIES_MAX = 200  # listed for one place that a process looks into; RubyGems has some ten
DEPTH_MAX = 3  # vendor/bundle/ruby/3.1.0 and lib/ruby/gems/3.1.0 have them two below, GEM_HOME itself
_VARIABLES = ("GEM_HOME", "GEM_PATH", "BUNDLE_PATH")
_TOLD = frozenset((*_VARIABLES, *bundler.VARIABLES))
_GEMS = re.compile(r"(.*)/(?:gems|extensions)/")
_UNPACKED = re.compile(
    r"(?P<name>[A-Za-z0-9][A-Za-z0-9._-]{0,99}?)-(?P<version>\d[0-9A-Za-z.]{0,60})(?:-[a-z0-9_-]{1,60})?"
)
_SPECIFICATION = re.compile(
    r"(?P<name>[A-Za-z0-9][A-Za-z0-9._-]{0,99}?)-(?P<version>\d[0-9A-Za-z.]{0,60})(?:-[a-z0-9_-]{1,60})?\.gemspec"
)


def libraries_in(root: Path, path: str, names: Collection[str]) -> list[Located]:
    """See Directories. A place that a process looks into may have the specifications some levels down."""
    return list(_below(root, path, names, DEPTH_MAX, set()))


def _below(root: Path, path: str, names: Collection[str], depth: int, seen: set[tuple[int, int]]) -> Iterator[Located]:
    entries = rootfs.names(root, path)
    if path.rpartition("/")[2] == DIRECTORY:
        for entry in entries:
            match = _SPECIFICATION.fullmatch(entry)
            if match and match["name"] in names:
                yield Located(Library("gem", match["name"], match["version"], "gemspec"), f"{path}/{entry}")
    elif DIRECTORY in entries:
        yield from _below(root, f"{path}/{DIRECTORY}", names, 0, seen)
    elif unpacked := list(_unpacked(root, path, entries, names)):
        yield from unpacked
    elif depth:
        further = [entry for entry in entries if entry in ("ruby", "gems", "all") or entry[0].isdigit()][
            :DIRECTORIES_MAX
        ]
        paths = [f"{path}/{entry}" for entry in further]
        for each, status in zip(paths, rootfs.looked_up(root, paths), strict=True):
            if isinstance(status, FileFailed):
                raise status  # whatever lies there may be in use
            # Links can lead back to where they lie, and one directory can have any number of names.
            if (
                not isinstance(status, FileStatus)
                or not stat.S_ISDIR(status.st_mode)
                or (status.st_dev, status.st_ino) in seen
            ):
                continue
            if len(seen) < DIRECTORIES_MAX:
                seen.add((status.st_dev, status.st_ino))
                yield from _below(root, each, names, depth - 1, seen)


def _unpacked(root: Path, path: str, entries: Collection[str], names: Collection[str]) -> Iterator[Located]:
    """Gems that a project has unpacked into itself, as Bundler does for vendor/gems, and left without their specifications."""
    found = [match for entry in entries if (match := _UNPACKED.fullmatch(entry)) and match["name"] in names]
    if path.rpartition("/")[2] != GEMS or not found or DIRECTORY in rootfs.names(root, posixpath.dirname(path)):
        return
    for match in found:
        if "lib" in rootfs.names(root, f"{path}/{match[0]}"):
            yield Located(
                Library("gem", match["name"], match["version"], "name of its directory"), f"{path}/{match[0]}"
            )


def _places(start: Start) -> Iterator[str]:
    for path in sorted(start.mapped):
        if match := _GEMS.match(path):
            yield match[1]
    for variable in _VARIABLES:
        for directory in start.listed(variable):
            yield directory
    for path in (*start.scripts(), posixpath.join(start.directory, "x")):
        for directory in (posixpath.dirname(path), posixpath.dirname(posixpath.dirname(path))):
            yield f"{directory.rstrip('/')}/vendor/bundle"
            yield f"{directory.rstrip('/')}/vendor/{GEMS}"
    yield from bundler.users_gems(start)
    prefix = posixpath.dirname(posixpath.dirname(start.executable))
    for directory in (f"{prefix}/lib/ruby/gems", "/var/lib/gems", "/usr/share/rubygems-integration", "/usr/share/gems"):
        yield directory


def _own_code(start: Start, names: Collection[str]) -> OwnCode:
    """What Bundler's settings say of where the gems are."""
    del names
    script = next(iter(start.scripts()), "")
    own = posixpath.dirname(script) if script else start.directory
    return OwnCode(tuple(bundler.bundles(start, own, Ground(start.root))))


def _runs(program: str, libraries: Collection[str]) -> bool:
    return program.startswith("ruby") or any(library.startswith("libruby") for library in libraries)


RECOGNISER = Recogniser(
    (ECOSYSTEM,),
    directories=Directories(libraries_in, frozenset({DIRECTORY, GEMS})),
    runtime=Runtime(frozenset({"ruby"}), _runs, _places, _TOLD, own_code=_own_code),
)
