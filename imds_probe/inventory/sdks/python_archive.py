"""Python applications in one file: zipapps, pex and shiv files, and zipped eggs.

Source: Python's zipapp documentation; pex's layout (.deps/WHEEL/PACKAGE); PyPA's "Recording installed projects".
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Collection, Iterator
from typing import BinaryIO

from imds_probe.inventory.sdks.archive import Archive, NotAnArchive
from imds_probe.inventory.sdks.libraries import Library
from imds_probe.inventory.sdks.python_metadata import ASSIGNED, checked, normalised

PYTHON_ARCHIVES = (".pyz", ".pyzw", ".pex", ".shiv", ".par", ".egg")
MODULE_MAX_BYTES = 1024 * 1024
FOUND_MAX = 100  # of packages with a record, and as many without, in one file
_RECORD = re.compile(rb"(?:.{0,300}/)?([A-Za-z0-9._]{1,100})-([^-/]{1,100})\.dist-info/METADATA", re.DOTALL)
_MODULE = re.compile(rb"(?:.{0,300}/)?[A-Za-z0-9_]{1,100}/__init__\.py", re.DOTALL)


def python_libraries(file: BinaryIO, names: Collection[str]) -> list[Library]:
    """The packages among `names` in an archive; empty for what is none. Never raises on the file's content."""
    try:
        archive = Archive(file)
    except NotAnArchive:
        return []
    wanted = {normalised(name): name for name in names}
    found = dict.fromkeys(itertools.islice(_recorded(archive, wanted), FOUND_MAX))
    known = {library.package for library in found}
    bare = _bare(archive, {name for name in wanted.values() if name not in known})
    return [*found, *itertools.islice(bare, FOUND_MAX)]


def _recorded(archive: Archive, wanted: dict[str, str]) -> Iterator[Library]:
    for entry in archive.entries(b".dist-info/METADATA", _RECORD):
        name, _, version = entry.name.split("/")[-2].removesuffix(".dist-info").rpartition("-")
        if normalised(name) in wanted:
            yield Library("pypi", wanted[normalised(name)], checked(version), "dist-info")


def _bare(archive: Archive, wanted: Collection[str]) -> Iterator[Library]:
    """What was put in without a record: only where the package stands at the top or in a directory of packages."""
    for entry in archive.entries(b"/__init__.py", _MODULE) if wanted else ():
        *above, name, _ = entry.name.split("/")
        if name in wanted and (not above or above[-1] in ("site-packages", "lib") or above[0] == ".deps"):
            match = ASSIGNED.search(archive.content(entry, MODULE_MAX_BYTES) or b"")
            version = checked(match[1].decode(errors="replace")) if match else None
            yield Library("pypi", name, version, "__version__" if version else "package directory")
