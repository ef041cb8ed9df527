"""Package databases below a root that somebody hostile may own: a container's.

Read without the managers' own tools: those would follow links out of the root, and a host of one family has no tools
of the other. What a file holds is bounded and parsed in Python, where it is: nothing is copied to a disk.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import BinaryIO

from imds_probe.inventory.packages import text
from imds_probe.inventory.packages.apk import DATABASES, Apk
from imds_probe.inventory.packages.contents import Contents, Identity
from imds_probe.inventory.packages.dpkg_status import packages_of
from imds_probe.inventory.packages.package import DAMAGED, Package, PackageError, field_text
from imds_probe.inventory.packages.rpmdb import bdb, ndb, sqlite
from imds_probe.inventory.packages.rpmdb.database_error import DatabaseError
from imds_probe.inventory.packages.rpmdb.header import HeaderError, parse
from imds_probe.system import rootfs
from imds_probe.system.door import File, FileStatus

DPKG_STATUS = "var/lib/dpkg/status"
DPKG_PARTS = "var/lib/dpkg/status.d"  # distroless images have a file for each package
RPM_DIRECTORIES = ("var/lib/rpm", "usr/lib/sysimage/rpm")
RPM_FORMATS: dict[str, Callable[[BinaryIO], Iterator[bytes]]] = {"Packages.db": ndb.headers, "Packages": bdb.headers}
OS_RELEASES = ("etc/os-release", "usr/lib/os-release")  # in the order of os-release(5)
RPM_SQLITE = "rpmdb.sqlite"
RPM_SQLITE_LOG = f"{RPM_SQLITE}-wal"
LIMIT_BYTES = 256 * 1024 * 1024  # of a database of rpm, which is read in parts
TEXT_LIMIT_BYTES = 64 * 1024 * 1024
# All that something may be read of, besides what is in DPKG_PARTS.
_FILES = (
    DPKG_STATUS,
    *(f"{where}/{name}" for where in RPM_DIRECTORIES for name in (RPM_SQLITE, RPM_SQLITE_LOG, *RPM_FORMATS)),
    *DATABASES,
)


def by_manager(root: Path, names: Mapping[str, Collection[str]], deadline: float) -> Iterator[Contents]:
    """The packages among `names` (by manager, those whose databases are looked at) that are installed below `root`: of one
    manager after the other, as soon as each is known. `deadline` is a time.monotonic.
    """
    absent = _absent(root)
    for manager, query in _QUERIES.items():
        if manager not in names:
            continue
        try:
            found = query(root, names[manager], deadline, absent)
        except PackageError as trouble:
            yield Contents(managers=(manager,), troubles=(str(trouble),))
            continue
        if found is not None:
            yield Contents(tuple(found), (manager,))


def identity(root: Path) -> Identity:
    """What tells the databases below two roots apart: containers of one image have the same, read once. Empty where there is
    nothing that could be read. Raises FileUnreadable where nothing was found, and something is hidden.

    Inode, size and times of each file that is read; overlay file systems keep them from the image's layer. A container can
    give a file of its own any of these but the time of its last change.
    """
    parts: tuple[str, ...] = ()
    hidden: list[rootfs.FileUnreadable] = []
    try:
        parts = rootfs.names(root, DPKG_PARTS)
    except rootfs.FileUnreadable as trouble:
        hidden.append(trouble)
    paths = (*(f"{DPKG_PARTS}/{part}" for part in parts), *_FILES, *OS_RELEASES)
    seen = list(zip(paths, rootfs.looked_up(root, paths), strict=True))
    hidden += [each for _, each in seen if isinstance(each, rootfs.FileUnreadable)]
    found = tuple(
        (path, each.st_ino, each.st_size, each.st_mtime_ns, each.st_ctime_ns)
        for path, each in seen
        if isinstance(each, FileStatus)
    )
    if hidden and not found:
        raise hidden[0]
    return found


def _absent(root: Path) -> frozenset[str]:
    """Those paths of databases where there is nothing: that is one question, and opening each of them is a dozen."""
    paths = (DPKG_PARTS, *_FILES)
    return frozenset(path for path, each in zip(paths, rootfs.looked_up(root, paths), strict=True) if each is None)


def _dpkg(root: Path, names: Collection[str], deadline: float, absent: Collection[str]) -> list[Package] | None:
    """A distroless image has a directory in place of the file. All of it counts as one."""
    try:
        parts = rootfs.names(root, DPKG_PARTS) if DPKG_PARTS not in absent else ()
    except rootfs.FileUnreadable as trouble:
        raise PackageError("dpkg", trouble.problem, trouble.remedy or DAMAGED) from None
    packages: list[Package] = []
    left, there = TEXT_LIMIT_BYTES, bool(parts)
    for path in (DPKG_STATUS, *(f"{DPKG_PARTS}/{part}" for part in parts if not part.endswith(".md5sums"))):
        if path in absent:
            continue
        if time.monotonic() > deadline:
            raise PackageError("dpkg", "its database was not read to the end: the run's time limit came first")
        with text.lines("dpkg", root, path, left) as found:
            if found is not None:
                there = True
                packages += packages_of(found, names, has_status=path == DPKG_STATUS)
                left -= found.bytes
    return packages if there else None


def _apk(root: Path, names: Collection[str], deadline: float, absent: Collection[str]) -> list[Package] | None:
    if all(path in absent for path in DATABASES):
        return None
    manager = Apk()
    return manager.query(root, tuple(names), deadline - time.monotonic()) if manager.present(root) else None


def _rpm(root: Path, names: Collection[str], deadline: float, absent: Collection[str]) -> list[Package] | None:
    with rpm_headers(root, absent) as headers:
        return None if headers is None else _wanted(headers, names, deadline)


@contextlib.contextmanager
def rpm_headers(root: Path, absent: Collection[str] = ()) -> Iterator[Iterator[bytes] | None]:
    """Every header in rpm's database below a root, as long as this is entered; None where there is no database. Raises
    PackageError, also for trouble with those that use it. `absent` are files that are known not to be there.
    """
    for path in (f"{where}/{name}" for where in RPM_DIRECTORIES for name in (RPM_SQLITE, *RPM_FORMATS)):
        if path in absent:
            continue
        try:
            with contextlib.ExitStack() as held:
                file = held.enter_context(rootfs.opened(root, path))
                if file is None:
                    continue
                yield _headers(root, path, file, held)
                return
        except rootfs.FileUnreadable as trouble:
            raise PackageError("rpm", trouble.problem, trouble.remedy or DAMAGED) from None
        except (DatabaseError, HeaderError) as error:
            raise PackageError("rpm", f"/{path} {error}", DAMAGED) from None
    yield None


def _headers(root: Path, path: str, file: File, held: contextlib.ExitStack) -> Iterator[bytes]:
    if file.seek(0, os.SEEK_END) > LIMIT_BYTES:
        raise DatabaseError(f"has more than {LIMIT_BYTES} bytes")
    file.seek(0)
    # Unbuffered as it is opened: thousands of small reads want a buffer.
    buffered = held.enter_context(rootfs.buffered(file))
    if not path.endswith(RPM_SQLITE):
        return RPM_FORMATS[path.rpartition("/")[2]](buffered)
    # What was not yet written into the database itself.
    log = held.enter_context(rootfs.opened(root, f"{path.rpartition('/')[0]}/{RPM_SQLITE_LOG}"))
    return sqlite.headers(buffered, None if log is None else held.enter_context(rootfs.buffered(log)))


def _wanted(headers: Iterable[bytes], names: Collection[str], deadline: float) -> list[Package]:
    wanted = {name.encode() for name in names}
    packages = []
    for blob in headers:
        if time.monotonic() > deadline:
            raise PackageError("rpm", "its database was not read to the end: the run's time limit came first")
        header = parse(blob)
        if header.name not in wanted:
            continue
        name, version, release, arch = (
            field_text("rpm", field) for field in (header.name, header.version, header.release, header.arch)
        )
        if not version or not release:
            raise PackageError("rpm", f"its database has no version of {name}", DAMAGED)
        evr = f"{version}-{release}" if header.epoch is None else f"{header.epoch}:{version}-{release}"
        packages.append(Package("rpm", name, evr, arch, "installed"))
    return packages


_QUERIES: Mapping[str, Callable[[Path, Collection[str], float, Collection[str]], list[Package] | None]] = {
    "dpkg": _dpkg,
    "apk": _apk,
    "rpm": _rpm,
}
