"""The files of an installed package, by the list that its manager keeps, and what its changelog says."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from imds_probe.dataclass import dataclass
from imds_probe.inventory.packages import changelog, text
from imds_probe.inventory.packages.apk import DATABASES
from imds_probe.inventory.packages.contained import TEXT_LIMIT_BYTES, rpm_headers
from imds_probe.inventory.packages.package import PackageError
from imds_probe.inventory.packages.rpmdb.header import PATH_MAX, HeaderError, files, parse
from imds_probe.inventory.packages.rpmdb.header import changelog as changelog_of
from imds_probe.inventory.packages.snap import MOUNTS
from imds_probe.inventory.packages.wanted import Mention, Wanted
from imds_probe.system import rootfs
from imds_probe.system.sought import Sought
from imds_probe.system.walk import Budget

DPKG_LISTS = "var/lib/dpkg/info"
LIST_MAX_BYTES = 16 * 1024 * 1024  # of a package, whose paths are put together from shorter texts by some managers
SNAP_ENTRIES_MAX = 50_000
ANYTHING = Sought(frozenset(), frozenset(), ("",), (), (), frozenset(), 0)


@dataclass(frozen=True)
class OwnFiles:
    """What a package has: its files, among them directories and links, by their whole paths."""

    files: tuple[str, ...]
    mention: Mention | None = None


def own_files(root: Path, wanted: Sequence[Wanted], deadline: float) -> Iterator[tuple[Wanted, OwnFiles]]:
    """What each of these has, as far as its manager can be read until `deadline`, a time.monotonic. Nothing comes of one that
    has no list.
    """
    for manager, look in _LOOKS.items():
        asked = [each for each in wanted if each.manager == manager]
        if asked:
            # What was found before the trouble counts.
            with contextlib.suppress(PackageError, rootfs.FileUnreadable):
                yield from look(root, asked, deadline)


def _dpkg(root: Path, wanted: Sequence[Wanted], deadline: float) -> Iterator[tuple[Wanted, OwnFiles]]:
    lists = rootfs.names(root, DPKG_LISTS)
    for each in wanted:
        # One that may be there for several architectures has its own in the name.
        own = [name for name in lists if name == f"{each.name}.list" or _is_list_of(each.name, name)]
        found = _Paths()
        for name in own:
            if time.monotonic() > deadline:
                return
            found.add((rootfs.read(root, f"{DPKG_LISTS}/{name}", LIST_MAX_BYTES) or b"").split(b"\n"))
        if own and not found.too_long:
            yield each, OwnFiles(tuple(found.paths), changelog.of_debian(root, each.name, each.version))


def _is_list_of(package: str, name: str) -> bool:
    return name.startswith(f"{package}:") and name.endswith(".list")


def _rpm(root: Path, wanted: Sequence[Wanted], deadline: float) -> Iterator[tuple[Wanted, OwnFiles]]:
    left = {(each.name.encode(), each.version.encode()): each for each in wanted}
    with rpm_headers(root) as headers:
        for blob in headers or ():
            if not left or time.monotonic() > deadline:
                return
            with contextlib.suppress(HeaderError):
                header = parse(blob)
                epoch = b"" if header.epoch is None else b"%d:" % header.epoch
                each = left.pop((header.name, epoch + header.version + b"-" + header.release), None)
                if each is not None:
                    found = _Paths()
                    found.add(files(blob))
                    if not found.too_long:
                        said = changelog.of_rpm(changelog_of(blob), each.version)
                        yield each, OwnFiles(tuple(found.paths), said)


def _apk(root: Path, wanted: Sequence[Wanted], deadline: float) -> Iterator[tuple[Wanted, OwnFiles]]:
    """A record a package: P: its name, F: a directory, R: a file in the directory before it."""
    left = {each.name.encode(): each for each in wanted}
    for path in DATABASES:
        with text.lines("apk", root, path, TEXT_LIMIT_BYTES) as lines:
            each, directory, found = None, b"", _Paths()
            for line in lines or ():
                key, _, value = line.partition(b":")
                if key == b"P":
                    each, found = left.get(value), _Paths()
                elif each is not None and key == b"F":
                    directory = value
                elif each is not None and key == b"R":
                    found.add((b"/" + directory + b"/" + value,))
                elif each is not None and not line:
                    if not found.too_long:
                        yield each, OwnFiles(tuple(found.paths))
                    each = None
                if time.monotonic() > deadline:
                    return


def _snap(root: Path, wanted: Sequence[Wanted], deadline: float) -> Iterator[tuple[Wanted, OwnFiles]]:
    """All below the revision that is mounted, as snapd has no list. One that is not walked to its end has none."""
    for each in wanted:
        for mounts in MOUNTS:
            real = rootfs.real_path(root, f"{mounts}/{each.name}/current")
            if real is not None:
                budget = Budget(deadline, SNAP_ENTRIES_MAX)
                found = [path for part in rootfs.walk(root, [real], ANYTHING, budget) for path in part.paths]
                if found and not budget.cut_short:
                    yield each, OwnFiles(tuple(found))
                break


class _Paths:
    """The paths of a list, each once. One that is `too_long` counts for nothing: a part of it would pass for the whole."""

    def __init__(self) -> None:
        self.paths: dict[str, None] = {}
        self.too_long = False
        self._left = LIST_MAX_BYTES

    def add(self, lines: Iterable[bytes]) -> None:
        for line in () if self.too_long else lines:
            self._left -= len(line)
            if self._left < 0:
                self.too_long, self.paths = True, {}
                return
            if line.startswith(b"/") and b"\0" not in line and len(line) < PATH_MAX:
                self.paths[line.decode("utf-8", "surrogateescape")] = None


_LOOKS: dict[str, Callable[[Path, Sequence[Wanted], float], Iterator[tuple[Wanted, OwnFiles]]]] = {
    "dpkg": _dpkg,
    "rpm": _rpm,
    "apk": _apk,
    "snap": _snap,
}
