"""Which package owns a file: of the system's package manager, or of a language.

Asked of the few files that name the metadata service, not of all that were read.
"""

from __future__ import annotations

import contextlib
import re
import time
from collections.abc import Callable, Collection, Iterable, Iterator
from pathlib import Path

from imds_probe.inventory.code.owned import Owned
from imds_probe.inventory.packages import text
from imds_probe.inventory.packages.contained import DPKG_STATUS, TEXT_LIMIT_BYTES, rpm_headers
from imds_probe.inventory.packages.dpkg_status import packages_of
from imds_probe.inventory.packages.package import PackageError, field_text
from imds_probe.inventory.packages.rpmdb.header import has_file, parse
from imds_probe.inventory.sdks.python_metadata import ASSIGNED, normalised
from imds_probe.system import rootfs

DPKG_LISTS = "var/lib/dpkg/info"
LIST_MAX_BYTES = 16 * 1024 * 1024
RECORDS_MAX = 500  # of one directory of Python's packages, where none is called as the package is
# Where distributions put nothing.
OWN = ("/usr/local/", "/home/", "/root/", "/srv/", "/tmp/", "/app/")  # noqa: S108 - paths to pass over
# Directories that are links today, and were none when packages listed their files.
_MERGED = re.compile(r"/usr(/(?:bin|sbin|lib|lib64)/.*)", re.DOTALL)
_PYTHON = re.compile(r"(.*/(?:site|dist)-packages)/(.+)", re.DOTALL)
_RECORD = re.compile(r"([A-Za-z0-9][A-Za-z0-9._]*?)-([^-/]{1,60})(?:-py[\d.]+)?\.(dist-info|egg-info|egg)")
_NODE = re.compile(r"(.*/node_modules/((?:@[^/]+/)?[^/]+))/", re.DOTALL)
_GEM = re.compile(r".*/gems/([A-Za-z0-9][\w.-]{0,99}?)-(\d[0-9A-Za-z.]{0,60})(?:-[a-z0-9_-]{1,60})?/", re.DOTALL)
_COMPOSER = re.compile(r"(.*/vendor)/([a-z0-9][\w.-]{0,99}/[a-z0-9][\w.-]{0,99})/", re.DOTALL)
_JAR = re.compile(r".*/([A-Za-z][\w.-]{0,150}?)(?:-(\d[\w.+-]{0,60}))?\.[jwe]ar", re.DOTALL)
_SNAP = re.compile(r"/(?:var/lib/snapd/)?snap/([a-z0-9][a-z0-9-]{0,60})/(\w{1,20})/.*", re.DOTALL)
_VERSION = re.compile(r"[0-9A-Za-z][0-9A-Za-z.+~:_-]{0,99}")


def owners(root: Path, paths: Iterable[str], deadline: float, copied: Collection[str] = ()) -> Iterator[Owned]:
    """The owner of each file that has one, until `deadline`, a time.monotonic. Whatever cannot be read owns nothing. `copied` are
    Python's packages that are known in a project's own directories, too, where they have no record.
    """
    wanted = dict.fromkeys(paths)
    shipped = {path for path in wanted if not path.startswith(OWN)}
    owned: set[str] = set()
    for of_manager in (_of_dpkg, _of_rpm):
        # What they have found counts, whatever they end by.
        with contextlib.suppress(PackageError, rootfs.FileUnreadable):
            for each in of_manager(root, shipped - owned, deadline):
                owned.add(each.path)
                yield each
    for path in wanted:
        if path not in owned and time.monotonic() < deadline:
            with contextlib.suppress(rootfs.FileUnreadable):
                found = (of_language(root, path) for of_language in _OF_LANGUAGES)
                owner = next(filter(None, found), None) or _copied(root, path, copied)
                yield from () if owner is None else (owner,)


def _of_dpkg(root: Path, paths: Collection[str], deadline: float) -> Iterator[Owned]:
    names = rootfs.names(root, DPKG_LISTS) if paths else ()
    lines = {path: [f"\n{each}\n".encode() for each in _spellings(path)] for path in paths}
    found: dict[str, str] = {}
    for name in names:
        if len(found) == len(lines) or time.monotonic() > deadline:
            break
        if not name.endswith(".list"):
            continue
        with contextlib.suppress(rootfs.FileUnreadable):
            content = b"\n" + (rootfs.read(root, f"{DPKG_LISTS}/{name}", LIST_MAX_BYTES) or b"")
            package = name.removesuffix(".list").partition(":")[0]
            found.update((path, package) for path, spelt in lines.items() if any(each in content for each in spelt))
    if not found:
        return
    with text.lines("dpkg", root, DPKG_STATUS, TEXT_LIMIT_BYTES) as status:
        packages = packages_of(status, set(found.values())) if status is not None else []
    versions = {package.name: package.version for package in packages}
    yield from (Owned(path, "dpkg", name, versions.get(name, "")) for path, name in found.items())


def _of_rpm(root: Path, paths: Collection[str], deadline: float) -> Iterator[Owned]:
    if not paths:
        return
    left = {path: [each.encode().rpartition(b"/") for each in _spellings(path)] for path in paths}
    with rpm_headers(root) as headers:
        for blob in headers or ():
            if not left or time.monotonic() > deadline:
                return
            for path, spelt in list(left.items()):
                if any(has_file(blob, directory + b"/", name) for directory, _, name in spelt):
                    del left[path]
                    header = parse(blob)
                    name, version, release = (
                        field_text("rpm", each) for each in (header.name, header.version, header.release)
                    )
                    yield Owned(path, "rpm", name, f"{version}-{release}")


def _spellings(path: str) -> tuple[str, ...]:
    merged = _MERGED.fullmatch(path)
    return (path, merged[1]) if merged else (path,)


def _of_snap(root: Path, path: str) -> Owned | None:
    del root
    match = _SNAP.fullmatch(path)
    return Owned(path, "snap", match[1]) if match else None


def _of_pypi(root: Path, path: str) -> Owned | None:
    match = _PYTHON.fullmatch(path)
    if match is None:
        return None
    site, inside = match[1], match[2]
    top = normalised(inside.partition("/")[0].removesuffix(".py"))
    records = [each for name in rootfs.names(root, site) if (each := _RECORD.fullmatch(name))]
    # The one that is called as the directory is comes first: mostly it is its.
    ordered = sorted(records, key=lambda each: normalised(each[1]) != top)
    for record in ordered[:RECORDS_MAX]:
        place = f"{site}/{record[0]}/{'RECORD' if record[3] == 'dist-info' else 'SOURCES.txt'}"
        with contextlib.suppress(rootfs.FileUnreadable):
            listed = b"\n" + (rootfs.read(root, place, LIST_MAX_BYTES) or b"") + b"\n"
            line = f"\n{inside}".encode()
            if line + b"," in listed or line + b"\n" in listed:
                return Owned(path, "pypi", record[1], _checked(record[2]))
    named = next((each for each in ordered if normalised(each[1]) == top), None)
    return Owned(path, "pypi", named[1], _checked(named[2])) if named else None


def _copied(root: Path, path: str, names: Collection[str]) -> Owned | None:
    """The package by the directory that the file lies in, and the version that it assigns."""
    wanted = {normalised(name): name for name in names}
    directories = path.split("/")[:-1]
    for count in range(len(directories), 1, -1):
        name = wanted.get(normalised(directories[count - 1]))
        if name is not None:
            content = rootfs.read(root, f"{'/'.join(directories[:count])}/__init__.py")
            if content is not None:
                match = ASSIGNED.search(content)
                return Owned(
                    path, "pypi", name, _checked(match[1].decode(errors="replace")) if match else "", copied=True
                )
    return None


def _of_npm(root: Path, path: str) -> Owned | None:
    match = _NODE.match(path)
    if match is None:
        return None
    described = rootfs.read_json(root, f"{match[1]}/package.json")
    version = described.get("version") if isinstance(described, dict) else None
    return Owned(path, "npm", match[2], _checked(version))


def _of_gem(root: Path, path: str) -> Owned | None:
    del root
    match = _GEM.match(path)
    return Owned(path, "gem", match[1], match[2]) if match else None


def _of_composer(root: Path, path: str) -> Owned | None:
    match = _COMPOSER.match(path)
    if match is None or rootfs.status(root, f"{match[1]}/composer") is None:
        return None
    content = rootfs.read_json(root, f"{match[1]}/composer/installed.json", LIST_MAX_BYTES)
    packages = content.get("packages") if isinstance(content, dict) else content
    for package in packages if isinstance(packages, list) else ():
        if isinstance(package, dict) and package.get("name") == match[2]:
            return Owned(path, "composer", match[2], _checked(package.get("version")))
    return Owned(path, "composer", match[2])


def _of_jar(root: Path, path: str) -> Owned | None:
    del root
    match = _JAR.fullmatch(path)
    return Owned(path, "maven", match[1], match[2] or "") if match else None


def _checked(version: object) -> str:
    return version if isinstance(version, str) and _VERSION.fullmatch(version) else ""


_OF_LANGUAGES: tuple[Callable[[Path, str], Owned | None], ...] = (
    _of_snap,
    _of_pypi,
    _of_npm,
    _of_gem,
    _of_composer,
    _of_jar,
)
