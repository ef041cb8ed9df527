"""Python distributions in a site-packages or dist-packages directory.

Source: PyPA's "Recording installed projects" (dist-info) and setuptools' description of eggs; PyInstaller's manual, "What
Gets Bundled" (base_library.zip stands beside what it bundled). pip's vendored copies lie below pip itself and are never
met here.
"""

from __future__ import annotations

import itertools
import posixpath
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from imds_probe.ecosystems.pypi import ECOSYSTEM
from imds_probe.inventory.sdks.libraries import Library
from imds_probe.inventory.sdks.python_archive import PYTHON_ARCHIVES, python_libraries
from imds_probe.inventory.sdks.python_embedded import has_python, is_uwsgi
from imds_probe.inventory.sdks.python_metadata import ASSIGNED, checked, normalised
from imds_probe.inventory.sdks.python_own_code import own_code
from imds_probe.inventory.sdks.recogniser import Directories, Files, Located, OwnCode, Recogniser, Runtime
from imds_probe.inventory.sdks.start import Start, can_be_opened
from imds_probe.system import rootfs

LINES_MAX, PLACES_MAX = 200, 50  # of files that add directories
METADATA_MAX_BYTES = 1024 * 1024  # the description of a project with a long history is a part of it
DIRECTORIES = ("site-packages", "dist-packages")
# Packages that are recognised wherever a project has copied them to, and by what a package is known.
CLI = "awscli"
COPIED, PACKAGE = frozenset(("boto", "boto3", "botocore", CLI)), "__init__.py"
FROZEN = "base_library.zip"
# Bundled programs keep a package's data and not its code: botocore's has this file since 1.24.0, not yet in 1.23.18.
BOTOCORE_MARKER, BOTOCORE_SINCE, BOTOCORE_BEFORE = "data/sdk-default-configuration.json", "1.23.19", "1.24.0"
_PROGRAM = re.compile(r"(python|pypy)(\d?)(?:\.(\d{1,2}))?")
_MAPPED = re.compile(r"/(?:lib)?((?:python|pypy)\d\.\d{1,2})(?:/|[a-z]{0,3}\.so)")
_SITE = re.compile(r"(.*/(?:site|dist)-packages)/")
_CLI_2 = re.compile(r"/aws-cli/v2/([0-9][0-9A-Za-z.]{0,40})/dist(?:/|$)")  # AWS's installer
_RECORD = re.compile(
    r"(?P<name>[A-Za-z0-9][A-Za-z0-9._]*?)(?:-(?P<version>[^-/]+))?(?:-py[\d.]+)?\.(?P<kind>dist-info|egg-info|egg)"
)
_FIELD = re.compile(rb"^(Name|Version):[ \t]*(\S+)[ \t]*\r?$", re.MULTILINE)
# Where each kind keeps its metadata; an egg-info can be the file itself.
_METADATA: Mapping[str, tuple[str, ...]] = {
    "dist-info": ("/METADATA",),
    "egg-info": ("/PKG-INFO", ""),
    "egg": ("/EGG-INFO/PKG-INFO",),
}


def libraries_in(root: Path, path: str, names: Collection[str]) -> Iterator[Located]:
    """See Directories. A package whose record is gone is known by the version that it assigns, if it does."""
    path = path.removesuffix(f"/{FROZEN}")
    entries = rootfs.names(root, path)
    if posixpath.basename(path) in COPIED and PACKAGE in entries:
        path = posixpath.dirname(path)
        if posixpath.basename(path) in DIRECTORIES:
            return  # that is looked into by itself
        entries = rootfs.names(root, path)
    wanted = {normalised(name): name for name in names}
    if posixpath.basename(path) == CLI:
        wanted.pop("botocore", None)  # AWS CLI 2 has its own: the CLI is what is judged
    yield from _in_one(root, path, entries, wanted)
    if posixpath.basename(path) in DIRECTORIES:
        for place in dict.fromkeys(itertools.islice(_named_in(root, path, entries), PLACES_MAX)):
            yield from _in_one(root, place, rootfs.names(root, place), wanted)


def _named_in(root: Path, path: str, entries: Collection[str]) -> Iterator[str]:
    """Directories that files of a directory of packages add, one a line: see the documentation of Python's module site."""
    for entry in sorted(entries):
        if entry.endswith(".pth"):
            content = rootfs.read(root, f"{path}/{entry}", METADATA_MAX_BYTES) or b""
            for line in content.decode(errors="replace").splitlines()[:LINES_MAX]:
                if line.strip() and not line.startswith(("#", "import ", "import\t")) and can_be_opened(line):
                    yield posixpath.normpath(posixpath.join(path, line.strip()))


def _in_one(root: Path, path: str, entries: Collection[str], wanted: Mapping[str, str]) -> list[Located]:
    found = list(_recorded(root, path, entries, wanted))
    known = {located.found.package for located in found}
    frozen = FROZEN in entries
    for name in wanted.values():
        if name not in known and name in entries:
            found += _frozen(root, f"{path}/{name}", name) if frozen else _bare(root, f"{path}/{name}", name)
    if frozen and any(located.found.package == "awscli" for located in found):
        # AWS CLI 2 has a botocore of its own, whose version says nothing: the CLI is what is judged.
        found = [located for located in found if located.found.package != "botocore"]
    return found


def _recorded(root: Path, path: str, entries: Collection[str], wanted: Mapping[str, str]) -> Iterator[Located]:
    for entry in entries:
        match = _RECORD.fullmatch(entry)
        if match is None or normalised(match["name"]) not in wanted:
            continue
        place = f"{path}/{entry}"
        fields = _fields(root, place, match["kind"])
        # A record without its file still has name and version in the name of its directory.
        version = checked(fields.get(b"Version", b"").decode(errors="replace")) or checked(match["version"] or "")
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
        content = rootfs.read(root, f"{place}/{PACKAGE}", METADATA_MAX_BYTES)
    except rootfs.FileUnreadable:
        content = b""  # there is a package, of which nothing more is to be known
    if content is None:
        return
    match = ASSIGNED.search(content)
    version = checked(match[1].decode(errors="replace")) if match else None
    yield Located(Library("pypi", name, version, "__version__" if version else "package directory"), place)


def _frozen(root: Path, place: str, name: str) -> Iterator[Located]:
    """A package in a program that PyInstaller bundled: its code is packed away, its data lies open."""
    match = _CLI_2.search(place)
    if match and name == "awscli":
        yield Located(Library("pypi", name, match[1], "path of AWS's installer"), place)
        return
    if not rootfs.names(root, place):
        return  # no directory
    since = below = None
    if name == "botocore":
        marked = rootfs.status(root, f"{place}/{BOTOCORE_MARKER}") is not None
        since, below = (BOTOCORE_SINCE, None) if marked else (None, BOTOCORE_BEFORE)
    yield Located(Library("pypi", name, None, "data of a bundled program", at_least=since, below=below), place)


def _places(start: Start) -> Iterator[str]:
    for path in sorted(start.mapped):
        if match := _SITE.match(path):
            yield match[1]
        elif posixpath.basename(path).startswith("libpython"):
            yield posixpath.dirname(path)  # where a program that was bundled with its Python has the rest
    for path in start.scripts():
        yield posixpath.dirname(path)
    if "-m" in start.arguments[1:6]:
        yield start.directory
    yield from start.listed("PYTHONPATH")
    for prefix in start.prefixes():
        yield from _site(start, prefix)


def _base(start: Start) -> Iterator[str]:
    """Places of the Python that a virtual environment was made from, and of the user's own."""
    home = start.environment.get("HOME")
    own = posixpath.dirname(posixpath.dirname(start.executable))
    for prefix in dict.fromkeys([own, *([f"{home}/.local"] if home else []), "/usr/local", "/usr"]):
        yield from _site(start, prefix)


def _site(start: Start, prefix: str) -> Iterator[str]:
    version = _library_directory(start)
    for library in ("lib", "lib64"):
        yield f"{prefix}/{library}/{version}/site-packages"
    yield f"{prefix}/lib/{version}/dist-packages"
    if not version.startswith(("python2", "pypy2")):
        yield f"{prefix}/lib/python3/dist-packages"


def _library_directory(start: Start) -> str:
    """The name of the directory of its library, with a wildcard for what neither its name nor what it has mapped tells."""
    match = _PROGRAM.fullmatch(posixpath.basename(start.executable))
    if match and match[2] and match[3]:
        return f"{match[1]}{match[2]}.{match[3]}"
    mapped = next((found[1] for path in sorted(start.mapped) if (found := _MAPPED.search(path))), None)
    if mapped is not None:
        return mapped
    return f"{match[1]}{match[2]}*" if match else "python*"


def _modules_without_tls(start: Start) -> str:
    """Every HTTP client in Python imports ssl, also the AWS SDK's: a process that has not cannot have loaded it yet."""
    names = {posixpath.basename(path) for path in start.mapped}
    if any(name.startswith(("_ssl.", "libssl.", "libssl-", "_ssl-")) for name in names):
        return ""
    prefix = posixpath.dirname(posixpath.dirname(start.executable))
    return f"{prefix}/lib/{_library_directory(start)}/lib-dynload"


def _own_code(start: Start, names: Collection[str]) -> OwnCode:
    """What its code says; of virtual environments that its settings name, also where their libraries are."""
    found = own_code(start, names)
    sites = [place for prefix in found.prefixes for place in _site(start, prefix)]
    return replace(found, places=(*found.places, *sites))


def _runs(program: str, libraries: Collection[str]) -> bool:
    if is_uwsgi(program):
        return has_python(libraries)
    return bool(_PROGRAM.fullmatch(program)) or any(
        library.startswith(("libpython", "libpypy")) for library in libraries
    )


RECOGNISER = Recogniser(
    (ECOSYSTEM,),
    directories=Directories(libraries_in, COPIED.union(DIRECTORIES), (FROZEN,)),
    # An application in one file need not be called like one.
    files=Files("rest", python_libraries, ends=PYTHON_ARCHIVES),
    runtime=Runtime(
        frozenset({"python", "pypy"}),
        _runs,
        _places,
        frozenset({"HOME", "PATH", "VIRTUAL_ENV", "PYTHONPATH", "PYTHONHOME"}),
        reads_scripts=True,
        base=_base,
        prefixes=Start.prefixes,
        without_tls=_modules_without_tls,
        own_code=_own_code,
    ),
)
