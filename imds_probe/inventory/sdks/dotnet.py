"""NuGet packages of a published .NET application, by its dependency file, or by the version inside a library alone.

Source: .NET's runtime configuration files, NAME.deps.json ("libraries": {"NAME/VERSION": ...}); VS_VERSIONINFO of
Windows resources, which keeps "FileVersion" and its text in UTF-16.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Collection, Iterator
from pathlib import Path

from imds_probe.ecosystems.nuget import ECOSYSTEM
from imds_probe.inventory.sdks.libraries import Library
from imds_probe.inventory.sdks.recogniser import Directories, Located, Recogniser, Runtime
from imds_probe.inventory.sdks.start import Start
from imds_probe.system import rootfs
from imds_probe.system.confined import FileFailed

DEPENDENCIES = ".deps.json"
DEPENDENCIES_MAX_BYTES = 16 * 1024 * 1024
LIBRARY = "AWSSDK.Core.dll"
LIBRARY_MAX_BYTES = 8 * 1024 * 1024  # AWSSDK.Core.dll has about one
_VERSION = re.compile(r"[0-9A-Za-z][0-9A-Za-z.+_-]{0,99}")
_FILE_VERSION = re.compile("FileVersion".encode("utf-16-le") + rb"(?:\0\0){1,3}((?:[0-9.]\0){3,40})", re.DOTALL)


def libraries_in(root: Path, path: str, names: Collection[str]) -> list[Located]:
    """See Directories. `path` is a directory or one of its files; without a dependency list the libraries count."""
    if path.endswith((DEPENDENCIES, ".dll")):
        path = path.rpartition("/")[0]
    entries = rootfs.names(root, path)
    found = []
    for entry in entries:
        if entry.endswith(DEPENDENCIES):
            found += list(_listed(root, f"{path}/{entry}", names))
    known = {located.found.package for located in found}
    for name in names:
        if name not in known and f"{name}.dll" in entries:
            found.append(_by_resource(root, f"{path}/{name}.dll", name))
    return found


def _listed(root: Path, place: str, names: Collection[str]) -> Iterator[Located]:
    try:
        content = rootfs.read_json(root, place, DEPENDENCIES_MAX_BYTES)
    except FileFailed:
        raise  # whatever it lists may be in use
    except rootfs.FileUnreadable:
        return
    libraries = content.get("libraries") if isinstance(content, dict) else None
    for entry in libraries if isinstance(libraries, dict) else ():
        name, _, version = entry.partition("/")
        if name in names:
            yield Located(Library("nuget", name, version if _VERSION.fullmatch(version) else None, "deps.json"), place)


def _by_resource(root: Path, place: str, name: str) -> Located:
    try:
        content = rootfs.read(root, place, LIBRARY_MAX_BYTES) or b""
    except rootfs.FileUnreadable:
        content = b""
    match = _FILE_VERSION.search(content)
    version = match[1].decode("utf-16-le").strip(".") if match else None
    return Located(Library("nuget", name, version, "version resource"), place)


def _places(start: Start) -> Iterator[str]:
    for path in (*start.scripts(), start.executable):
        yield posixpath.dirname(path)


def _runs(program: str, libraries: Collection[str]) -> bool:
    return program == "dotnet" or "libcoreclr" in libraries or "libhostfxr" in libraries


RECOGNISER = Recogniser(
    (ECOSYSTEM,),
    directories=Directories(libraries_in, marks=(DEPENDENCIES, LIBRARY)),
    runtime=Runtime(frozenset({"dotnet"}), _runs, _places),
)
