"""Packages of a project by Yarn's Plug'n'Play, which stay in their archives: .pnp.cjs says which there are, and where.

Source: Yarn's "PnP specification" (packageRegistryData; the virtual folders), and the files that Yarn 2 to 4 write: the data is a
text in the script, an object in it, or a file of its own beside it.
"""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Collection, Iterable, Iterator

from imds_probe.dataclass import dataclass

FILES = (".pnp.cjs", ".pnp.data.json", ".pnp.js")
MARK = b'"packageRegistryData"'
MAX_BYTES = 16 * 1024 * 1024
PACKAGES_MAX = 20_000
_BEGIN = re.compile(r'\{\\?\s{0,20}"__info"')
_QUOTED = re.compile(r"'((?:[^'\\]++|\\.)*+)'", re.DOTALL)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_REFERENCE = re.compile(
    r"(?:virtual:[0-9a-f]{1,200}#)?npm:(?:((?:@[\w.-]{1,100}/)?[\w.-]{1,100})@(?:npm:)?)?(\d[0-9A-Za-z.+_-]{0,99})"
)
_VIRTUAL = ("__virtual__/", "$$virtual/")  # then a name, how many directories to go up, and the path from there
_ARCHIVE = ".zip/"


@dataclass(frozen=True)
class Plugged:
    """One package: by which name others ask for it, and what it is called itself. `location` is a directory, that may be within an
    archive, seen from the script's own; `needs` are the packages that it depends on, each by its name and reference.
    """

    name: str
    reference: str
    location: str
    needs: tuple[tuple[str, str], ...]

    @property
    def version(self) -> str | None:
        """None for what comes from elsewhere than a registry."""
        match = _REFERENCE.fullmatch(self.reference)
        return match[2] if match else None

    @property
    def own_name(self) -> str:
        match = _REFERENCE.fullmatch(self.reference)
        return (match[1] if match else None) or self.name

    def place(self, directory: str) -> tuple[str, str]:
        """The archive that it lies in, empty where it lies unpacked, and its directory, seen from the root."""
        path = _real(self.location)
        archive, zipped, _ = path.partition(_ARCHIVE)
        whole = posixpath.normpath(posixpath.join(directory, path))
        return posixpath.normpath(posixpath.join(directory, f"{archive}.zip")) if zipped else "", whole


def _real(path: str) -> str:
    """Where a package lies that has a virtual folder."""
    for mark in _VIRTUAL:
        above, virtual, rest = path.partition(mark)
        _, _, rest = rest.partition("/")
        up, _, inside = rest.partition("/")
        if virtual and up.isascii() and up.isdigit() and len(up) < 3:
            return posixpath.join(above, *[".."] * int(up), inside)
    return path


def registry(content: bytes) -> tuple[Plugged, ...]:
    """All packages that a script or a file of data lists; none of what is not understood."""
    text = content[:MAX_BYTES].decode(errors="replace")
    begin = _BEGIN.search(text)
    if begin is None:
        return ()
    at = begin.start()
    if text[at - 1 : at] == "'":
        quoted = _QUOTED.match(text, at - 1)
        text, at = _ESCAPED.sub(lambda match: "" if match[1] == "\n" else match[1], quoted[1]) if quoted else "", 0
    try:
        found, _ = json.JSONDecoder().raw_decode(text, at)
    except (ValueError, RecursionError):
        return ()
    entries = found.get("packageRegistryData") if isinstance(found, dict) else None
    packages = list(_packages(entries if isinstance(entries, list) else []))
    return tuple(packages[:PACKAGES_MAX])


def _packages(entries: Iterable[object]) -> Iterator[Plugged]:
    for name, versions in _pairs(entries):
        for reference, described in _pairs(versions if isinstance(versions, list) else ()):
            location = described.get("packageLocation") if isinstance(described, dict) else None
            if isinstance(name, str) and isinstance(reference, str) and isinstance(location, str):
                needs = described.get("packageDependencies") if isinstance(described, dict) else None
                yield Plugged(name, reference, location, tuple(_needs(needs if isinstance(needs, list) else ())))


def _needs(entries: Iterable[object]) -> Iterator[tuple[str, str]]:
    for name, reference in _pairs(entries):
        if isinstance(reference, list) and len(reference) == 2 and all(isinstance(each, str) for each in reference):
            yield reference[0], reference[1]
        elif isinstance(name, str) and isinstance(reference, str):
            yield name, reference


def _pairs(entries: Iterable[object]) -> Iterator[tuple[object, object]]:
    for each in entries:
        if isinstance(each, list) and len(each) == 2:
            yield each[0], each[1]


def needed_by(name: str, packages: Collection[Plugged]) -> Iterator[Plugged]:
    """All packages of a name, and those that they depend on, each once."""
    by_key = {(each.name, each.reference): each for each in packages}
    waiting = [each for each in packages if each.name == name]
    seen: set[tuple[str, str]] = set()
    while waiting:
        each = waiting.pop()
        if (each.name, each.reference) not in seen:
            seen.add((each.name, each.reference))
            yield each
            waiting += [by_key[key] for key in each.needs if key in by_key]
