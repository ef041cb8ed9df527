"""Python distributions in a site-packages or dist-packages directory.

Source: PyPA's "Recording installed projects" (dist-info) and setuptools' description of eggs. pip's vendored copies lie
below pip itself and are never met here.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

from imds_probe import rootfs
from imds_probe.inventory.sdks.found import Library
from imds_probe.inventory.sdks.recogniser import Located

METADATA_MAX_BYTES = 1024 * 1024  # the description of a project with a long history is a part of it
DIRECTORIES = ("site-packages", "dist-packages")
_RECORD = re.compile(
    r"(?P<name>[A-Za-z0-9][A-Za-z0-9._]*?)(?:-(?P<version>[^-/]+))?(?:-py[\d.]+)?\.(?P<kind>dist-info|egg-info|egg)"
)
_VERSION = re.compile(r"[0-9A-Za-z][0-9A-Za-z.!+_-]{0,99}")
_FIELD = re.compile(rb"^(Name|Version):[ \t]*(\S+)[ \t]*\r?$", re.MULTILINE)
_ASSIGNED = re.compile(rb"^__version__\s*=\s*['\"]([^'\"\n]{1,100})['\"]", re.MULTILINE)
# Where each kind keeps its metadata; an egg-info can be the file itself.
_METADATA: Mapping[str, tuple[str, ...]] = {
    "dist-info": ("/METADATA",),
    "egg-info": ("/PKG-INFO", ""),
    "egg": ("/EGG-INFO/PKG-INFO",),
}


class Python:
    """Python, any version."""

    ecosystem = "pypi"

    def wanted(self, name: str, is_directory: bool) -> bool:
        """The directories that pip, setuptools and distributions install into."""
        return is_directory and name in DIRECTORIES

    def libraries_in(self, root: Path, path: str, names: Collection[str]) -> list[Located]:
        """See Recogniser. A package whose record is gone is known by the version that it assigns, if it does."""
        entries = rootfs.names(root, path)
        wanted = {normalised(name): name for name in names}
        found = list(_recorded(root, path, entries, wanted))
        known = {located.library.package for located in found}
        for name in wanted.values():
            if name not in known and name in entries:
                found += _bare(root, f"{path}/{name}", name)
        return found


def normalised(name: str) -> str:
    """As PEP 503 compares names."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _recorded(root: Path, path: str, entries: Collection[str], wanted: Mapping[str, str]) -> Iterator[Located]:
    for entry in entries:
        match = _RECORD.fullmatch(entry)
        if match is None or normalised(match["name"]) not in wanted:
            continue
        place = f"{path}/{entry}"
        fields = _fields(root, place, match["kind"])
        # A record without its file still has name and version in the name of its directory.
        version = _checked(fields.get(b"Version", b"").decode(errors="replace")) or _checked(match["version"] or "")
        yield Located(Library("pypi", wanted[normalised(match["name"])], version, match["kind"]), place)


def _fields(root: Path, place: str, kind: str) -> Mapping[bytes, bytes]:
    for inside in _METADATA[kind]:
        try:
            content = rootfs.read(root, place + inside, METADATA_MAX_BYTES)
        except rootfs.FileUnreadable:
            continue
        if content is not None:
            head = content.partition(b"\n\n")[0]  # the description may say anything
            return dict(_FIELD.findall(head))
    return {}


def _bare(root: Path, place: str, name: str) -> Iterator[Located]:
    """A package without a record, as in what PyInstaller and zipapps unpack, and in AWS CLI 2."""
    try:
        content = rootfs.read(root, f"{place}/__init__.py", METADATA_MAX_BYTES)
    except rootfs.FileUnreadable:
        return
    if content is None:
        return
    match = _ASSIGNED.search(content)
    version = _checked(match[1].decode(errors="replace")) if match else None
    yield Located(Library("pypi", name, version, "__version__" if version else "package directory"), place)


def _checked(version: str) -> str | None:
    return version if _VERSION.fullmatch(version) else None
